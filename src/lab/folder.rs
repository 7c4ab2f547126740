//! The lab's folder: ports, secrets, control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::LabError;
use super::fleet::SeatSpec;
use super::hops::HopSpec;
use super::wire::{self, Ports};
use crate::model::credential::CredentialName;
use crate::model::door::HopName;
use crate::model::name::SeatName;
use crate::model::pin::SpkiPin;
use crate::model::snmp::SnmpVersion;

/// `{"v":1,"ports":{"<seat>":port},"hops":{"<hop>":port},"snmp":{"<seat>":port}}`: where the units listen on loopback, by
/// SSH and by SNMP, and the bastions before them.
/// `"api":{"<seat>":{"port":port,"pin":"sha256/…"}}` beside them: where the HTTPS APIs listen, and the pins of their keys.
pub const PORTS_FILE: &str = "ports.json";
/// The folder of the secret files, one for each credential.
pub const SECRETS_FOLDER: &str = "secrets";
/// The control socket.
pub const SOCKET_FILE: &str = "control.sock";

/// A seat or hop and its host key's fingerprint in each line: what a person would read on the consoles, the second route
/// by which a first contact is confirmed.
pub const CONSOLES_FILE: &str = "consoles.txt";

#[derive(Serialize)]
struct Table<'a> {
    v: u32,
    ports: &'a BTreeMap<SeatName, u16>,
    hops: &'a BTreeMap<HopName, u16>,
    snmp: &'a BTreeMap<SeatName, u16>,
    api: &'a BTreeMap<SeatName, ApiPort>,
}

/// Where an HTTPS API listens, and the pin of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ApiPort {
    /// The port.
    pub port: u16,
    /// The pin.
    pub pin: SpkiPin,
}

/// The file that holds the password of a credential: `secrets/<customer>-<name>`, one line.
pub fn secret_file(dir: &Path, credential: &CredentialName) -> PathBuf {
    dir.join(SECRETS_FOLDER).join(credential.to_string().replace('/', "-"))
}

/// The file that holds the passphrase with which a user of SNMP v3 encrypts.
pub fn privacy_file(dir: &Path, credential: &CredentialName) -> PathBuf {
    let mut file = secret_file(dir, credential).into_os_string();
    file.push("-privacy");
    PathBuf::from(file)
}

/// Makes the folder, mode 0700.
pub(super) fn make(dir: &Path) -> Result<(), LabError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(LabError::file("make", dir))
}

/// Writes the secret file of every account of the fleet and of the bastions.
pub(super) fn write_secrets(dir: &Path, fleet: &[SeatSpec], hops: &[HopSpec]) -> Result<(), LabError> {
    make(&dir.join(SECRETS_FOLDER))?;
    let accounts =
        fleet.iter().flat_map(|spec| &spec.accounts).chain(hops.iter().filter_map(|hop| hop.account.as_ref()));
    for account in accounts.collect::<BTreeSet<_>>() {
        let text = format!("{}\n", account.password());
        write(&secret_file(dir, &account.credential), text.as_bytes())?;
    }
    for account in fleet.iter().filter_map(|spec| spec.snmp.as_ref()).collect::<BTreeSet<_>>() {
        let (secret, privacy) = (format!("{}\n", account.secret()), format!("{}\n", account.privacy()));
        write(&secret_file(dir, &account.credential), secret.as_bytes())?;
        if account.version == SnmpVersion::V3 {
            write(&privacy_file(dir, &account.credential), privacy.as_bytes())?;
        }
    }
    Ok(())
}

/// Writes the table of ports.
pub(super) fn write_ports(
    dir: &Path,
    ports: &Ports,
    snmp: &BTreeMap<SeatName, u16>,
    api: &BTreeMap<SeatName, ApiPort>,
) -> Result<(), LabError> {
    let path = dir.join(PORTS_FILE);
    let table = Table { v: 1, ports: &ports.units, hops: &ports.hops, snmp, api };
    let text = serde_json::to_vec_pretty(&table)
        .map_err(|error| LabError::file("write", &path)(std::io::Error::other(error)))?;
    write(&path, &text)
}

/// Writes the fingerprints as they stand on the consoles.
pub(super) fn write_consoles(dir: &Path, fleet: &[SeatSpec], hops: &[HopSpec]) -> Result<(), LabError> {
    let mut text = String::from("# seat or hop, and host key, as read on the consoles of the simulated machines\n");
    for hop in hops.iter().filter(|hop| hop.kind.is_bastion()) {
        text.push_str(&format!("{} {}\n", hop.name, wire::hop_fingerprint(&hop.name)));
    }
    for spec in fleet {
        text.push_str(&format!("{} {}\n", spec.seat, wire::fingerprint(&spec.seat, spec.algorithms)?));
    }
    write(&dir.join(CONSOLES_FILE), text.as_bytes())
}

/// Replaces a file of mode 0600 in one step, so that no reader sees half of it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), LabError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(LabError::file("write", &new))?;
    file.write_all(bytes).map_err(LabError::file("write", &new))?;
    fs::rename(&new, path).map_err(LabError::file("write", path))
}
