//! A simulated fleet with settings, keys and accepted host keys, in a folder of its own.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::child::{self, Cost};
use crate::raw::{self, AT_ONCE};

const HOSHU: &str = env!("CARGO_BIN_EXE_hoshu");
/// Appliances of one customer.
const PER_CUSTOMER: usize = 40;
/// The core of the lab, and the core of whoever is measured.
const LAB_CORE: u32 = 0;
const CLIENT_CORE: u32 = 1;

/// The lab as a child; it goes when this goes.
struct Lab(Child);

impl Drop for Lab {
    fn drop(&mut self) {
        // When it has ended by itself there is nothing left to end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A fleet that runs, and a store that knows its host keys and nothing else.
pub(super) struct World {
    /// How many appliances there are.
    pub(super) appliances: usize,
    _lab: Lab,
    folder: tempfile::TempDir,
    runs: usize,
}

/// The sums that `hoshu backup take --json` gives.
#[derive(Deserialize)]
struct Answer {
    taken: usize,
    suspect: usize,
    failed: usize,
    seats: Vec<Seat>,
}

#[derive(Deserialize)]
struct Seat {
    unchanged: bool,
}

#[derive(Deserialize)]
struct Scan {
    seats: Vec<Scanned>,
}

#[derive(Deserialize)]
struct Scanned {
    seat: String,
    key: Option<Key>,
}

#[derive(Deserialize)]
struct Key {
    fingerprint: String,
}

#[derive(Deserialize)]
struct Ports {
    ports: std::collections::BTreeMap<String, u16>,
}

impl World {
    /// Starts a lab and makes first contact with all of it.
    pub(super) fn start(appliances: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        write_files(folder.path(), appliances)?;
        let lab = serve(folder.path())?;
        let world = Self { appliances, _lab: lab, folder, runs: 0 };
        world.hoshu(&["key", "init"])?;
        let scan: Scan = serde_json::from_slice(&world.hoshu(&["hostkey", "scan", "--on", "all"])?)?;
        let line = |seat: &Scanned| Some(format!("{} {}\n", seat.seat, seat.key.as_ref()?.fingerprint));
        let consoles: String = scan.seats.iter().filter_map(line).collect();
        ensure!(consoles.lines().count() == appliances, "not every appliance showed its key");
        std::fs::write(world.path("consoles.txt"), consoles)?;
        let consoles = world.path("consoles.txt");
        world.hoshu(&["hostkey", "accept", "--route", "the lab's own list", "--from", path_str(&consoles)?])?;
        std::fs::rename(world.path("data"), world.path("pristine"))?;
        std::fs::write(world.path("raw.txt"), world.raw_list()?)?;
        Ok(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = child::on_core(CLIENT_CORE, Path::new(HOSHU));
        command.env("HOSHU_SETTINGS", self.path("hoshu.yaml")).arg("--json");
        command
    }

    /// Runs a command that must end well and returns its answer.
    fn hoshu(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output = self.command().args(args).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "hoshu {args:?} ended with {}", output.status);
        Ok(output.stdout)
    }

    /// A line `port password` for each appliance.
    fn raw_list(&self) -> Result<String> {
        let ports: Ports = serde_json::from_slice(&std::fs::read(self.path("lab/ports.json"))?)?;
        let mut list = String::new();
        for (seat, port) in ports.ports {
            let customer = seat.split('-').next().unwrap_or_default();
            let password = std::fs::read_to_string(self.path(&format!("lab/secrets/{customer}-monitor")))?;
            writeln!(list, "{port} {}", password.trim_end())?;
        }
        Ok(list)
    }

    /// The bare exchange with every appliance, with so many fetches of the configuration.
    pub(super) fn raw(&mut self, fetches: usize, keep: bool) -> Result<Cost> {
        self.runs += 1;
        let own = std::env::current_exe()?;
        let mut command = child::on_core(CLIENT_CORE, &own);
        command.arg(raw::FLAG).arg(self.path("raw.txt")).arg(fetches.to_string());
        if keep {
            let folder = self.path(&format!("raw-{}", self.runs));
            std::fs::create_dir(&folder)?;
            command.arg(folder);
        }
        child::measure(&mut command, &self.path("raw.out"))
    }

    /// Puts the store back to where nothing was ever fetched. What it held is renamed away: some file systems make
    /// whoever creates the next files pay for files that were deleted just before.
    pub(super) fn forget(&mut self) -> Result<()> {
        self.runs += 1;
        let data = self.path("data");
        if data.exists() {
            std::fs::rename(&data, self.path(&format!("data-{}", self.runs)))?;
        }
        let copied = Command::new("cp").arg("-a").arg(self.path("pristine")).arg(&data).status()?;
        ensure!(copied.success(), "the store was not copied");
        Ok(())
    }

    /// A backup of every appliance, and whether each was new or each was the same as the one before.
    pub(super) fn take(&mut self, unchanged: bool) -> Result<Cost> {
        let answer = self.path("take.json");
        let cost = child::measure(self.command().args(["backup", "take", "--on", "all"]), &answer)?;
        let taken: Answer = serde_json::from_reader(BufReader::new(std::fs::File::open(answer)?))?;
        ensure!(
            (taken.taken, taken.suspect, taken.failed) == (self.appliances, 0, 0)
                && taken.seats.iter().all(|seat| seat.unchanged == unchanged),
            "expected {} backups, unchanged: {unchanged}; found {} taken, {} suspect, {} failed",
            self.appliances,
            taken.taken,
            taken.suspect,
            taken.failed
        );
        Ok(cost)
    }

    /// Polls every appliance in rounds and returns the cost, and how many sessions were opened.
    pub(super) fn poll(&mut self, rounds: usize) -> Result<(Cost, usize)> {
        let answer = self.path("poll.json");
        let mut command = self.command();
        command.args(["poll", "--on", "all", "--tier", "pulse", "--every", "1s", "--times", &rounds.to_string()]);
        let cost = child::measure(&mut command, &answer)?;
        let text = std::fs::read_to_string(answer)?;
        ensure!(text.matches("\"outcome\": \"answered\"").count() == rounds * self.appliances, "a poll failed");
        Ok((cost, text.matches("\"opened_session\": true").count()))
    }
}

fn path_str(path: &Path) -> Result<&str> {
    path.to_str().context("a folder whose name is no UTF-8")
}

/// Settings, and customers of forty current appliances each. Nothing is left out that a complete inventory has: each
/// warning costs the run that does not show it.
fn write_files(folder: &Path, appliances: usize) -> Result<()> {
    let customers = folder.join("inventory/customers");
    std::fs::create_dir_all(&customers)?;
    let mut credentials = String::new();
    for customer in 0..appliances.div_ceil(PER_CUSTOMER) {
        let name = format!("c{customer:03}");
        writeln!(credentials, "  {name}/monitor: {{purpose: read, user: monitor, file: lab/secrets/{name}-monitor}}")?;
        let mut file = format!(
            "name: {name}\ntitle: {name}\nsites:\n  - {{name: site, title: site, zone: Asia/Tokyo}}\n\
             gateways:\n  - {{name: vpn, probes: {{ssh: yes}}, sessions: 100}}\n\
             contacts:\n  - {{name: desk, roles: [technical, emergency], phones: [03-0000-0000], confirmed: 2026-10-01}}\n\
             contracts:\n  - {{number: M-1, level: 24x7 4h, dealer: dealer, from: 2024-04-01, until: 2099-03-31}}\nseats:\n"
        );
        for place in 0..PER_CUSTOMER.min(appliances - customer * PER_CUSTOMER) {
            writeln!(
                file,
                "  - name: {name}-nx{place:02}\n    site: site\n    gateway: vpn\n    series: nx\n    model: NX4500\n    \
                 hostname: {name}-nx{place:02}\n    address: 10.0.{customer}.{}\n    data_path: tap\n    \
                 contract: M-1\n    credentials: {{read: {name}/monitor}}\n    ssh: {{hold_s: 600}}",
                10 + place
            )?;
        }
        std::fs::write(customers.join(format!("{name}.yaml")), file)?;
    }
    let settings = format!(
        "realm: lab\nstore: data/hoshu.db\ndepot: data/depot\ninventory: inventory\nroot_key: {{file: keys/root.key}}\n\
         lab: {{ports: lab/ports.json}}\nlimits: {{sessions: {AT_ONCE}, per_customer: {AT_ONCE}}}\n\
         credentials:\n{credentials}"
    );
    Ok(std::fs::write(folder.join("hoshu.yaml"), settings)?)
}

/// Starts the lab and waits until every unit listens.
fn serve(folder: &Path) -> Result<Lab> {
    let child = child::on_core(LAB_CORE, Path::new(HOSHU))
        .args(["lab", "serve"])
        .env("HOSHU_SETTINGS", folder.join("hoshu.yaml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start the lab")?;
    let mut lab = Lab(child);
    let output = lab.0.stdout.take().context("the lab has no output")?;
    for line in BufReader::new(output).lines() {
        if line?.starts_with("ready") {
            return Ok(lab);
        }
    }
    anyhow::bail!("the lab ended before it was ready")
}
