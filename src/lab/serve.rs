//! A lab that runs: listeners, control socket, and an end.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::error::LabError;
use super::fleet::SeatSpec;
use super::rack::Rack;
use crate::model::name::SeatName;

/// How a lab is served.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// The lab's folder; it is made when it does not exist.
    pub dir: PathBuf,
    /// The units.
    pub fleet: Vec<SeatSpec>,
    /// The address to listen on; anything but loopback is refused.
    pub listen: IpAddr,
    /// The first port, in the order of the seats' names; free ports of the system's choice when absent.
    pub base_port: Option<u16>,
    /// How long each answer to a command takes.
    pub latency: Duration,
    /// Threads of [`serve`].
    pub threads: usize,
    /// About how many bytes a running configuration has.
    pub configuration_bytes: usize,
}

impl LabOptions {
    /// A lab in `dir` on 127.0.0.1 with free ports, no latency, one thread and configurations of 20 KB.
    pub fn new(dir: impl Into<PathBuf>, fleet: Vec<SeatSpec>) -> Self {
        Self {
            dir: dir.into(),
            fleet,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: None,
            latency: Duration::ZERO,
            threads: 1,
            configuration_bytes: 20_000,
        }
    }
}

/// A lab whose units listen.
#[derive(Debug)]
pub struct Lab {
    rack: Arc<Rack>,
    ports: BTreeMap<SeatName, u16>,
}

impl Lab {
    /// Makes the folder and starts to listen on every port and on the control socket.
    pub async fn start(_options: &LabOptions) -> Result<Self, LabError> {
        todo!()
    }

    /// The ports by seat.
    pub fn ports(&self) -> &BTreeMap<SeatName, u16> {
        &self.ports
    }

    /// The units.
    pub fn rack(&self) -> &Arc<Rack> {
        &self.rack
    }

    /// Serves until `shutdown` is done or the control socket was asked to stop, then removes the socket.
    pub async fn run(self, _shutdown: impl Future<Output = ()>) -> Result<(), LabError> {
        todo!()
    }
}

/// Serves a lab on threads of its own and returns when it has ended; not to be called on a thread of a runtime.
/// `started` is called once every unit listens.
pub fn serve(
    _options: &LabOptions,
    _started: impl FnOnce(&Lab),
    _shutdown: impl Future<Output = ()>,
) -> Result<(), LabError> {
    todo!()
}
