//! `hoshu init`: settings and inventory in a new folder, ready to be edited.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Context, Doors, Ended};
use crate::engine::clock::{Clock as _, SystemClock};
use crate::inventory::{example, load};
use crate::lab;
use crate::model::credential::CredentialName;
use crate::model::inventory::Inventory;
use crate::model::snmp::SnmpVersion;
use crate::service::refusal::Refusal;

/// Write settings and an inventory into a new folder.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; it must not hold settings yet.
    dir: PathBuf,
    /// For a simulated fleet (see `hoshu lab serve`), with the whole example inventory.
    #[arg(long)]
    lab: bool,
}

/// What a new folder is for.
#[derive(Debug)]
pub enum Fleet {
    /// A person's own appliances: one customer to edit.
    Own,
    /// The example inventory, simulated.
    Example,
    /// Generated appliances, simulated.
    Generated(Vec<lab::SeatSpec>),
}

const OWN_CUSTOMER: &str = include_str!("init/customer.yaml");
const OWN_SETTINGS: &str = include_str!("init/hoshu.yaml");

fn failed(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Folder { path: path.to_owned(), why: error.to_string() }
}

fn make_dir(path: &Path) -> Result<(), Refusal> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| failed(path, &error))
}

fn write_file(path: &Path, text: &str) -> Result<(), Refusal> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failed(path, &error))
}

/// Settings for a simulated fleet: every credential of the inventory comes from the lab's own folder.
fn lab_settings(inventory: &Inventory) -> String {
    let mut text = String::from(
        "# Settings of a simulated fleet. Nothing here reaches a real appliance: in realm lab only the lab's own\n\
         # loopback ports are dialled.\nrealm: lab\nzone: Asia/Tokyo\nstore: data/hoshu.db\ndepot: data/depot\n\
         inventory: inventory\nroot_key: {file: keys/root.key}\nlab: {ports: lab/ports.json}\n\
         limits: {connect_s: 3, login_s: 5, command_s: 20, idle_s: 10, snmp_s: 5}\n\
         drop: {listen: '127.0.0.1:10022'}\ncredentials:\n",
    );
    let mut names: Vec<(&CredentialName, &str)> = Vec::new();
    for seat in inventory.seats.values() {
        names.extend(seat.credentials.read.iter().map(|name| (name, "read")));
        names.extend(seat.credentials.change.iter().map(|name| (name, "change")));
        names.extend(seat.credentials.api.iter().map(|name| (name, "api")));
    }
    let gateways = inventory.customers.values().flat_map(|customer| &customer.gateways);
    for hop in gateways.flat_map(|gateway| &gateway.hops) {
        names.extend(hop.credential.iter().map(|name| (name, "hop")));
    }
    names.sort_unstable();
    names.dedup();
    let mut snmp: Vec<(&CredentialName, SnmpVersion)> = Vec::new();
    for seat in inventory.seats.values() {
        snmp.extend(seat.credentials.snmp.iter().map(|name| (name, seat.snmp.version)));
    }
    snmp.sort_unstable();
    snmp.dedup();
    for (name, purpose) in names {
        let shown = name.to_string();
        let user = shown.rsplit('/').next().unwrap_or_default();
        let file = lab::secret_file(Path::new("lab"), name);
        text.push_str(&format!("  {shown}: {{purpose: {purpose}, user: {user}, file: {}}}\n", file.display()));
    }
    for (name, version) in snmp {
        let shown = name.to_string();
        let user = shown.rsplit('/').next().unwrap_or_default();
        let (file, privacy) = (lab::secret_file(Path::new("lab"), name), lab::privacy_file(Path::new("lab"), name));
        let (file, privacy) = (file.display(), privacy.display());
        text.push_str(&match version {
            SnmpVersion::V2c => format!("  {shown}: {{purpose: snmp, file: {file}}}\n"),
            SnmpVersion::V3 => format!(
                "  {shown}: {{purpose: snmp, user: {user}, auth: sha-256, file: {file}, privacy: aes-128, privacy_file: {privacy}}}\n"
            ),
        });
    }
    text
}

/// Writes the files of a new folder.
pub fn write(dir: &Path, fleet: Fleet) -> Result<(), Refusal> {
    let settings = dir.join("hoshu.yaml");
    if settings.exists() {
        return Err(Refusal::Folder { path: settings, why: "it exists already and is left as it is".to_owned() });
    }
    make_dir(dir)?;
    let inventory = dir.join("inventory");
    match fleet {
        Fleet::Own => {
            write_file(&inventory.join("customers/example.yaml"), OWN_CUSTOMER)?;
            make_dir(&dir.join("secrets"))?;
            return write_file(&settings, OWN_SETTINGS);
        }
        Fleet::Example => {
            for (name, text) in example::EXAMPLE {
                write_file(&inventory.join(name), text)?;
            }
        }
        Fleet::Generated(fleet) => {
            make_dir(&inventory)?;
            lab::write_inventory(&inventory, &fleet).map_err(|error| Refusal::Lab(error.to_string()))?;
        }
    }
    let loaded = load(&inventory, SystemClock.now().utc().date_naive()).map_err(Refusal::files)?;
    write_file(&settings, &lab_settings(&loaded.inventory))
}

/// Makes the folder.
pub fn run(context: &Context<'_, impl Doors>, args: &Args) -> Result<Ended, Refusal> {
    write(&args.dir, if args.lab { Fleet::Example } else { Fleet::Own })?;
    let dir = args.dir.display();
    context.out.talk(&format!("{dir}/hoshu.yaml and {dir}/inventory are written. Next:"));
    context.out.talk(&format!("  export HOSHU_SETTINGS={dir}/hoshu.yaml"));
    if args.lab {
        context.out.talk("  hoshu lab serve &            the simulated fleet, on loopback, until Ctrl-C");
    } else {
        context.out.talk(&format!("  edit {dir}/inventory/customers/example.yaml: your appliances"));
    }
    for line in [
        "  hoshu check                  what is right and wrong in the files",
        "  hoshu key init               the keys that backups are sealed with",
        "  hoshu hostkey scan --on all  first contact: fingerprints, before any password",
    ] {
        context.out.talk(line);
    }
    Ok(Ended::Done)
}
