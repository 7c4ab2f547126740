//! A lab that runs: listeners, control socket, and an end.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::UnixListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::control;
use super::error::LabError;
use super::fleet::SeatSpec;
use super::folder::{self, ApiPort};
use super::hops::{HopSpec, tokens};
use super::rack::{Clock, Rack};
use super::unit::SpecDefaults;
use super::wire::{Agent, ApiFace, Hop, Ports, Wire, bind, bind_hop, listen, serve_hop};
use crate::model::name::SeatName;

/// Units that one lab serves.
const UNITS_MAX: usize = 20_000;
/// Whether a lab can serve so many units, wherever it listens.
pub const fn fits(units: usize) -> Result<(), LabError> {
    if units > UNITS_MAX { Err(LabError::TooMany { units, limit: UNITS_MAX }) } else { Ok(()) }
}

/// Descriptors that a lab needs beside one for each listener and two for each connection.
const DESCRIPTORS_SPARE: u64 = 200;

/// How a lab is served.
#[derive(Clone)]
pub struct LabOptions {
    /// The lab's folder; it is made when it does not exist.
    pub dir: PathBuf,
    /// The units.
    pub fleet: Vec<SeatSpec>,
    /// The bastions and proxies before them.
    pub hops: Vec<HopSpec>,
    /// Tells the time.
    pub clock: Clock,
    /// The address to listen on; anything but loopback is refused.
    pub listen: IpAddr,
    /// The first port, in the order of the seats' names, then of the hops; free ports of the system's choice when absent.
    pub base_port: Option<u16>,
    /// How long each answer to a command takes.
    pub latency: Duration,
    /// Threads of [`serve`].
    pub threads: usize,
    /// About how many bytes a running configuration has.
    pub configuration_bytes: usize,
}

impl LabOptions {
    /// A lab in `dir` on 127.0.0.1 with free ports, no hop, no latency, one thread and configurations of 20 KB.
    pub fn new(dir: impl Into<PathBuf>, fleet: Vec<SeatSpec>, clock: Clock) -> Self {
        Self {
            dir: dir.into(),
            fleet,
            hops: Vec::new(),
            clock,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            base_port: None,
            latency: Duration::ZERO,
            threads: 1,
            configuration_bytes: 20_000,
        }
    }
}

impl fmt::Debug for LabOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabOptions").field("dir", &self.dir).field("units", &self.fleet.len()).finish_non_exhaustive()
    }
}

/// A lab whose units listen. Dropping it closes every port.
#[derive(Debug)]
pub struct Lab {
    rack: Arc<Rack>,
    ports: Arc<OnceLock<Ports>>,
    snmp: BTreeMap<SeatName, u16>,
    api: BTreeMap<SeatName, ApiPort>,
    listeners: JoinSet<()>,
    control: UnixListener,
    socket: PathBuf,
}

impl Lab {
    /// Makes the folder with ports, secrets and control socket, and listens on every port.
    pub async fn start(options: &LabOptions) -> Result<Self, LabError> {
        if !options.listen.is_loopback() {
            return Err(LabError::NotLoopback(options.listen));
        }
        let units = options.fleet.len() + options.hops.len();
        fits(units)?;
        let base = options.base_port.filter(|base| *base > 0);
        let room = base.map_or(UNITS_MAX, |base| usize::from(u16::MAX - base) + 1);
        if units > room {
            return Err(LabError::TooMany { units, limit: room });
        }
        raise_descriptors(units);
        folder::make(&options.dir)?;
        let socket = options.dir.join(folder::SOCKET_FILE);
        let control = control::listen(&socket)?;
        folder::write_secrets(&options.dir, &options.fleet, &options.hops)?;
        let defaults = SpecDefaults { configuration_bytes: options.configuration_bytes };
        let rack = Rack::new(options.fleet.clone(), defaults, &options.clock).with_tokens(tokens(&options.hops));
        let (rack, wire) = (Arc::new(rack), Wire { latency: options.latency });
        let (mut known, mut snmp, mut api) = (Ports::default(), BTreeMap::new(), BTreeMap::new());
        let mut listeners = JoinSet::new();
        for (index, place) in (0_u16..).zip(rack.places()) {
            let port = base.map_or(0, |base| base.saturating_add(index));
            let wanted = SocketAddr::new(options.listen, port);
            let listener = bind(place, wanted).await?;
            let address = listener.local_addr().unwrap_or(wanted);
            place.set_port(address.port());
            known.units.insert(place.spec().seat.clone(), address.port());
            listeners.spawn(listen(Arc::clone(place), listener, address, wire));
            if let Some(account) = place.spec().snmp.clone() {
                // The same number as for SSH when numbers are given: UDP and TCP do not meet.
                let agent = Agent::bind(place, account, SocketAddr::new(options.listen, port)).await?;
                snmp.insert(place.spec().seat.clone(), agent.address().port());
                listeners.spawn(agent.serve());
            }
            if place.spec().api {
                // A free port of the system's choice: those that are given are of SSH.
                let face = ApiFace::bind(place, SocketAddr::new(options.listen, 0)).await?;
                api.insert(place.spec().seat.clone(), face.port());
                known.apis.insert(place.spec().seat.clone(), face.port().port);
                listeners.spawn(face.serve());
            }
        }
        let ports: Arc<OnceLock<Ports>> = Arc::default();
        for (index, spec) in (rack.places().len()..).zip(&options.hops) {
            let index = u16::try_from(index).unwrap_or(u16::MAX);
            let wanted = SocketAddr::new(options.listen, base.map_or(0, |base| base.saturating_add(index)));
            let listener = bind_hop(&spec.name, wanted).await?;
            known.hops.insert(spec.name.clone(), listener.local_addr().unwrap_or(wanted).port());
            let hop = Hop::new(spec.clone(), Arc::clone(&rack), Arc::clone(&ports), wire);
            listeners.spawn(serve_hop(Arc::new(hop), listener));
        }
        folder::write_ports(&options.dir, &known, &snmp, &api)?;
        folder::write_consoles(&options.dir, &options.fleet, &options.hops)?;
        // Nobody else sets them.
        drop(ports.set(known));
        Ok(Self { rack, ports, snmp, api, listeners, control, socket })
    }

    /// The ports by seat.
    pub fn ports(&self) -> &BTreeMap<SeatName, u16> {
        const NONE: &BTreeMap<SeatName, u16> = &BTreeMap::new();
        self.ports.get().map_or(NONE, |ports| &ports.units)
    }

    /// The ports of SNMP by seat, of those that speak it.
    pub const fn snmp_ports(&self) -> &BTreeMap<SeatName, u16> {
        &self.snmp
    }

    /// The ports and pins of HTTPS APIs by seat, of those that speak by one.
    pub const fn api_ports(&self) -> &BTreeMap<SeatName, ApiPort> {
        &self.api
    }

    /// The units.
    pub const fn rack(&self) -> &Arc<Rack> {
        &self.rack
    }

    /// Serves until `shutdown` is done or the control socket was asked to stop, then removes the socket.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), LabError> {
        let stop = Arc::new(Notify::new());
        tokio::select! {
            () = shutdown => {}
            () = stop.notified() => {}
            () = control::obey(&self.control, &self.rack, &stop) => {}
        }
        self.listeners.shutdown().await;
        std::fs::remove_file(&self.socket).map_err(LabError::file("remove", &self.socket))
    }
}

/// A lab of thousands needs more descriptors than a shell gives; what the system does not grant is felt later, by name.
fn raise_descriptors(units: usize) {
    let wanted = units as u64 * 3 + DESCRIPTORS_SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let granted = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(granted), maximum: limit.maximum }) {
        tracing::warn!(%error, wanted, "the limit of open files was not raised");
    }
}

/// Serves a lab on threads of its own and returns when it has ended; not to be called on a thread of a runtime.
/// `started` is called once every unit listens.
pub fn serve(
    options: &LabOptions,
    started: impl FnOnce(&Lab),
    shutdown: impl Future<Output = ()>,
) -> Result<(), LabError> {
    let mut builder = if options.threads > 1 {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder.worker_threads(options.threads.max(1)).enable_all().build().map_err(LabError::Threads)?;
    runtime.block_on(async {
        let lab = Lab::start(options).await?;
        started(&lab);
        lab.run(shutdown).await
    })
}
