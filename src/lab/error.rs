//! What can go wrong with a lab.

use std::net::IpAddr;
use std::path::PathBuf;

/// Why a lab does not start, or does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A lab is never reachable from another machine.
    #[error("the lab listens on loopback only, found {0}")]
    NotLoopback(IpAddr),
    /// A file or folder of the lab.
    #[error("cannot {action} {path}")]
    File {
        /// Read, write, make, remove.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No port for a unit.
    #[error("cannot listen on {address} for {seat}")]
    Listen {
        /// The unit.
        seat: String,
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The ports do not fit between the base port and 65535, or the fleet has more units than a lab may serve.
    #[error("{units} units do not fit: {limit} at most")]
    TooMany {
        /// How many units.
        units: usize,
        /// How many fit.
        limit: usize,
    },
    /// The control socket did not answer as expected.
    #[error("no answer from the lab at {path}: {found}")]
    NoLab {
        /// The socket.
        path: PathBuf,
        /// What was found instead.
        found: String,
    },
    /// The lab refused a request.
    #[error("the lab refused: {0}")]
    Refused(String),
    /// A host key of the lab cannot be made.
    #[error("cannot make a host key")]
    HostKey(#[source] russh::keys::ssh_key::Error),
    /// A key of an API of the lab cannot be made.
    #[error("cannot make a key of an API")]
    ApiKey(#[source] rcgen::Error),
    /// The runtime for the lab's threads cannot be made.
    #[error("cannot start the lab's threads")]
    Threads(#[source] std::io::Error),
}

impl LabError {
    /// Makes the error of a file operation.
    pub(crate) fn file(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }
}
