//! The lab's folder: ports, secrets, control socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::LabError;
use crate::model::credential::CredentialName;
use crate::model::name::SeatName;

/// `{"v":1,"ports":{"<seat>":port}}`: where the units listen on loopback.
pub const PORTS_FILE: &str = "ports.json";
/// The folder of the secret files, one for each credential.
pub const SECRETS_FOLDER: &str = "secrets";
/// The control socket.
pub const SOCKET_FILE: &str = "control.sock";

/// The ports of a running lab, by seat.
pub fn read_ports(_dir: &Path) -> Result<BTreeMap<SeatName, u16>, LabError> {
    todo!()
}

/// The file that holds the password of a credential: `secrets/<customer>-<name>`, one line.
pub fn secret_file(dir: &Path, credential: &CredentialName) -> PathBuf {
    dir.join(SECRETS_FOLDER).join(credential.to_string().replace('/', "-"))
}
