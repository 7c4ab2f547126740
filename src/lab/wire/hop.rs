//! The hops of a lab, bastions and proxies: where one leads, and its port.
//!
//! Invariant: a hop leads to the units and hops behind its own gateway and nowhere else: the same address behind
//! another gateway is another unit.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::listener::Wire;
use super::{bastion, proxy};
use crate::lab::error::LabError;
use crate::lab::hops::HopSpec;
use crate::lab::rack::{Place, Rack};
use crate::model::door::HopName;
use crate::model::name::SeatName;

/// Connections that a hop serves at once; the next one waits.
const CONNECTIONS_MAX: usize = 256;
/// How long to wait before an accept that failed is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// Where everything of a lab listens, once it does.
#[derive(Debug, Default)]
pub(in crate::lab) struct Ports {
    pub(in crate::lab) units: BTreeMap<SeatName, u16>,
    pub(in crate::lab) apis: BTreeMap<SeatName, u16>,
    pub(in crate::lab) hops: BTreeMap<HopName, u16>,
}

/// One bastion or proxy.
pub(in crate::lab) struct Hop {
    pub(super) spec: HopSpec,
    pub(super) rack: Arc<Rack>,
    ports: Arc<OnceLock<Ports>>,
    pub(super) wire: Wire,
}

/// A unit as the hop's own network has it.
pub(super) struct Unit<'a> {
    pub(super) place: &'a Arc<Place>,
    pub(super) port: u16,
}

impl Unit<'_> {
    /// Whether a person means it by this host and port: its address behind the gateway, or where it listens in the lab.
    fn is_at(&self, host: &str, port: u32) -> bool {
        match host.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => port == u32::from(self.port),
            Ok(address) => port == 22 && self.place.spec().address == Some(address),
            Err(_) => port == 22 && self.place.spec().hostname == host,
        }
    }
}

impl Hop {
    pub(in crate::lab) fn new(spec: HopSpec, rack: Arc<Rack>, ports: Arc<OnceLock<Ports>>, wire: Wire) -> Self {
        Self { spec, rack, ports, wire }
    }

    /// The units behind it.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        self.spec
            .seats
            .iter()
            .filter_map(|seat| Some(Unit { place: self.rack.place(seat)?, port: *self.ports.get()?.units.get(seat)? }))
    }

    /// The unit behind it that stands at an address.
    pub(super) fn unit_at(&self, host: &str, port: u32) -> Option<Unit<'_>> {
        self.units().find(|unit| unit.is_at(host, port))
    }

    /// The port of the lab that a forward leads to.
    pub(super) fn forward_to(&self, host: &str, port: u32) -> Option<u16> {
        if let Some(unit) = self.unit_at(host, port) {
            return Some(unit.port);
        }
        let ports = self.ports.get()?;
        let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let mut apis = self.spec.seats.iter().filter_map(|seat| ports.apis.get(seat));
        if let Some(api) = apis.find(|api| loopback && port == u32::from(**api)) {
            return Some(*api);
        }
        let next = self.spec.next.iter().filter_map(|name| Some((name, *ports.hops.get(name)?)));
        let means =
            |name: &HopName, own: u16| (loopback && port == u32::from(own)) || name.place() == format!("{host}:{port}");
        next.filter(|(name, own)| means(name, *own)).map(|(_, own)| own).next()
    }

    /// Whether a bastion lets somebody in.
    pub(super) fn is_account(&self, user: &str, password: &str) -> bool {
        self.spec.account.as_ref().is_some_and(|own| user == own.user && password == own.password())
    }
}

/// Connects to a port of the lab.
pub(super) async fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Accepts connections to a hop for ever.
pub(in crate::lab) async fn serve_hop(hop: Arc<Hop>, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let hop = Arc::clone(&hop);
                tokio::spawn(async move {
                    if hop.spec.kind.is_proxy() {
                        proxy::talk(&hop, stream).await;
                    } else {
                        bastion::talk(hop, stream).await;
                    }
                    drop(place);
                });
            }
            // Out of descriptors, most likely: others close theirs meanwhile.
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// Binds the port of a hop.
pub(in crate::lab) async fn bind_hop(name: &HopName, address: SocketAddr) -> Result<TcpListener, LabError> {
    TcpListener::bind(address).await.map_err(|source| LabError::Listen { seat: name.to_string(), address, source })
}
