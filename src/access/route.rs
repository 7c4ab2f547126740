//! Where an appliance is dialled: the one place that turns a seat into an address.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{AccessError, HopAt, Peer, SnmpError};
use crate::model::door::HopName;
use crate::model::inventory::{Gateway, GatewayAccess, Hop, HopKind, ProbeState, Seat};
use crate::model::name::{CustomerName, SeatName};
use crate::model::pin::SpkiPin;
use crate::model::realm::Realm;

/// The port of a bastion that declares none.
const SSH_PORT: u16 = 22;
/// Bytes of the table of a lab's ports.
const TABLE_BYTES_MAX: u64 = 8 << 20;

/// Why the table of a lab's ports cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabTableError {
    /// The file cannot be read.
    #[error("the port table {path:?} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// More bytes than a table of all seats can have.
    #[error("the port table is longer than {TABLE_BYTES_MAX} bytes")]
    OverLimit,
    /// Not the JSON that is expected.
    #[error(
        "the port table is not of the form {{\"v\":1,\"ports\":{{\"seat\":port}},\"hops\":{{\"customer/gateway/host:port\":port}},\"snmp\":{{\"seat\":port}},\"api\":{{\"seat\":{{\"port\":port,\"pin\":\"sha256/…\"}}}}}}"
    )]
    Malformed(#[source] serde_json::Error),
    /// Another version.
    #[error("the port table has version {0}, expected 1")]
    Version(u32),
}

/// The ports of a lab on 127.0.0.1: of its simulated appliances by seat, for SSH and for SNMP, of its hops by their name
/// (`customer/gateway/host:port`) or the place alone that a hop declares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabTable {
    ports: BTreeMap<SeatName, u16>,
    hops: BTreeMap<String, u16>,
    snmp: BTreeMap<SeatName, u16>,
    api: BTreeMap<SeatName, LabApi>,
}

/// Where the HTTPS API of a simulated appliance listens, and by what it is known: it has not the key of the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabApi {
    port: u16,
    pin: SpkiPin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    v: u32,
    ports: BTreeMap<SeatName, u16>,
    #[serde(default)]
    hops: BTreeMap<String, u16>,
    #[serde(default)]
    snmp: BTreeMap<SeatName, u16>,
    #[serde(default)]
    api: BTreeMap<SeatName, LabApi>,
}

impl LabTable {
    /// Reads the table that a lab wrote.
    pub fn load(path: &Path) -> Result<Self, LabTableError> {
        let unreadable = |source| LabTableError::Unreadable { path: path.to_owned(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(TABLE_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
        Self::parse(&text)
    }

    /// Takes the table as text.
    pub fn parse(text: &str) -> Result<Self, LabTableError> {
        if text.len() as u64 > TABLE_BYTES_MAX {
            return Err(LabTableError::OverLimit);
        }
        let file: TableFile = serde_json::from_str(text).map_err(LabTableError::Malformed)?;
        if file.v != 1 {
            return Err(LabTableError::Version(file.v));
        }
        Ok(Self { ports: file.ports, hops: file.hops, snmp: file.snmp, api: file.api })
    }
}

impl FromIterator<(SeatName, u16)> for LabTable {
    fn from_iter<I: IntoIterator<Item = (SeatName, u16)>>(ports: I) -> Self {
        Self { ports: ports.into_iter().collect(), ..Self::default() }
    }
}

/// A way to an appliance, one TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// The proxies on the way, from this host outwards: the first is dialled, each is asked for the next.
    pub(super) hops: Vec<Proxy>,
    /// The appliance.
    pub(super) end: Place,
}

/// One proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    /// Its host and kind, for errors.
    pub(super) label: String,
    pub(super) kind: ProxyKind,
    pub(super) place: Place,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyKind {
    Socks5,
    HttpConnect,
}

/// An end of a TCP connection. A name is resolved by whoever connects there: this host, or the hop before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Address(SocketAddr),
    Name(String, u16),
}

impl Place {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let address = host.parse().map(|address| Self::Address(SocketAddr::new(address, port)));
        address.unwrap_or_else(|_| Self::Name(host.to_owned(), port))
    }
}

impl Place {
    /// As it is asked for.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        match self {
            Self::Address(address) => (address.ip().to_string(), address.port()),
            Self::Name(name, port) => (name.clone(), *port),
        }
    }
}

impl fmt::Display for Place {
    /// `192.0.2.7:22`, `[2001:db8::7]:22`, `proxy.example:3128`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// The way to appliances. In the lab no address of the inventory is ever dialled or asked of a proxy, in live no
/// appliance has a loopback address.
#[derive(Debug, Clone)]
pub enum Router {
    /// TCP to the seat's own address, through the proxies of its gateway.
    Live,
    /// TCP to the simulated appliance of the seat, through the lab's own proxies.
    Lab(LabTable),
}

impl Router {
    /// The way to a seat, or why this version cannot reach it.
    pub(super) fn route(&self, peer: Peer<'_>) -> Result<Route, AccessError> {
        not_tried(peer.gateway).map_or(Ok(()), Err)?;
        let hops = self.proxies(&peer.seat.customer, peer.gateway, peer.gateway.hops.len())?;
        let end = match self {
            Self::Lab(table) => {
                let port = table.ports.get(&peer.seat.name).copied();
                let port = port.ok_or_else(|| not_served(format!("seat {} is not in the lab", peer.seat.name)))?;
                SocketAddr::from((Ipv4Addr::LOCALHOST, port))
            }
            Self::Live => live(peer.seat, peer.seat.ssh.port)?,
        };
        Ok(Route { hops, end: Place::Address(end) })
    }

    /// The way to a hop of a gateway from the bastion before it, or from this host.
    pub(super) fn route_to(&self, at: HopAt<'_>) -> Result<Route, AccessError> {
        not_tried(at.gateway).map_or(Ok(()), Err)?;
        let hop = at.hop()?;
        let hops = self.proxies(at.customer, at.gateway, at.at)?;
        Ok(Route { hops, end: self.place(at.customer, at.gateway, hop)? })
    }

    /// Where the client of a bastion connects for a seat.
    pub(super) fn nested_place(&self, peer: Peer<'_>) -> Result<(String, u16), AccessError> {
        Ok(self.route(peer)?.end.host_and_port())
    }

    /// What the last bastion before a seat is asked for.
    pub(super) fn first_place(&self, peer: Peer<'_>) -> Result<(String, u16), AccessError> {
        let Route { hops, end } = self.route(peer)?;
        Ok(hops.first().map_or(&end, |hop| &hop.place).host_and_port())
    }

    /// The world of its places.
    pub(super) const fn realm(&self) -> Realm {
        match self {
            Self::Live => Realm::Live,
            Self::Lab(_) => Realm::Lab,
        }
    }

    /// The proxies behind the last bastion of the first `count` hops.
    fn proxies(&self, customer: &CustomerName, gateway: &Gateway, count: usize) -> Result<Vec<Proxy>, AccessError> {
        let hops = gateway.hops.get(..count).unwrap_or_default();
        let last = hops.iter().rposition(|hop| hop.kind.is_bastion()).map_or(0, |at| at + 1);
        let hops = hops.iter().skip(last).filter(|hop| hop.kind != HopKind::Vpn);
        hops.map(|hop| self.proxy(customer, gateway, hop)).collect()
    }

    /// The way to the HTTPS API of a seat, and in the lab the pin of what stands there.
    pub(super) fn api_route(&self, peer: Peer<'_>) -> Result<(Route, Option<SpkiPin>), AccessError> {
        peer.gateway.without_api().map_or(Ok(()), |why| Err(not_served(why)))?;
        let hops = self.proxies(&peer.seat.customer, peer.gateway, peer.gateway.hops.len())?;
        let (end, pin) = match self {
            Self::Lab(table) => match table.api.get(&peer.seat.name) {
                Some(api) => (SocketAddr::from((Ipv4Addr::LOCALHOST, api.port)), Some(api.pin)),
                None => return Err(not_served(format!("seat {} has no HTTPS API in the lab", peer.seat.name))),
            },
            Self::Live => (live(peer.seat, peer.seat.api_port())?, None),
        };
        Ok((Route { hops, end: Place::Address(end) }, pin))
    }

    /// Where datagrams of SNMP go: the direct way or none.
    pub(super) fn datagrams(&self, peer: Peer<'_>) -> Result<SocketAddr, SnmpError> {
        let unavailable = |why: String| Err(SnmpError::NotAvailable(why));
        if let Some(why) = peer.gateway.without_snmp() {
            return unavailable(why);
        }
        match self {
            Self::Lab(table) => match table.snmp.get(&peer.seat.name) {
                Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))),
                None => unavailable(format!("seat {} has no SNMP in the lab", peer.seat.name)),
            },
            Self::Live => match peer.seat.address {
                Some(address) if is_of_this_host(address) => {
                    unavailable(format!("{address} is this host itself, where only a lab lives"))
                }
                Some(address) => Ok(SocketAddr::new(address, peer.seat.snmp.port)),
                None => unavailable("the seat has no address".to_owned()),
            },
        }
    }

    fn proxy(&self, customer: &CustomerName, gateway: &Gateway, hop: &Hop) -> Result<Proxy, AccessError> {
        let label = label(hop);
        let kind = match hop.kind {
            HopKind::Socks5 => ProxyKind::Socks5,
            HopKind::HttpConnect => ProxyKind::HttpConnect,
            HopKind::Vpn | HopKind::SshForward | HopKind::SshNested => {
                return Err(not_served(format!("hop {label} is no proxy")));
            }
        };
        Ok(Proxy { label, kind, place: self.place(customer, gateway, hop)? })
    }

    fn place(&self, customer: &CustomerName, gateway: &Gateway, hop: &Hop) -> Result<Place, AccessError> {
        let label = label(hop);
        let port = hop.port.or_else(|| hop.kind.is_bastion().then_some(SSH_PORT));
        let port = port.ok_or_else(|| not_served(format!("hop {label} without a port")))?;
        match self {
            Self::Live => Ok(Place::new(&hop.host, port)),
            Self::Lab(table) => {
                // A lab has the hops of several customers, of whom two may declare the same place.
                let name = HopName::new(customer, &gateway.name, hop).to_string();
                let port = table.hops.get(&name).or_else(|| table.hops.get(&hop.place())).copied();
                let port = port.ok_or_else(|| not_served(format!("hop {label} is not in the lab")))?;
                Ok(Place::Address(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
            }
        }
    }
}

/// A port of a real appliance, which is never this host.
fn live(seat: &Seat, port: u16) -> Result<SocketAddr, AccessError> {
    let address = seat.address.ok_or_else(|| not_served("a seat without address".to_owned()))?;
    if is_of_this_host(address) {
        return Err(not_served(format!("{address} is this host itself, where only a lab lives")));
    }
    Ok(SocketAddr::new(address, port))
}

/// How errors name a hop.
pub(super) fn label(hop: &Hop) -> String {
    format!("{} ({})", hop.host, hop.kind)
}

/// A loopback address in any spelling, and the addresses that connect to this host as well.
fn is_of_this_host(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified() || address.is_multicast()
}

/// Why no appliance behind a gateway is dialled, by what is declared of it; `None` when they are. What this version
/// cannot pass comes first: what answers behind it is nobody's question yet.
pub fn not_tried(gateway: &Gateway) -> Option<AccessError> {
    match gateway.access {
        GatewayAccess::Unattended => {}
        GatewayAccess::Attended if gateway.hops.iter().any(|hop| hop.kind.is_bastion()) => {}
        GatewayAccess::Attended => {
            let why = "is attended, and has no bastion that a person could open";
            return Some(not_served(format!("gateway {} {why}", gateway.name)));
        }
        GatewayAccess::AirGapped => {
            return Some(not_served(format!("gateway {} is {}", gateway.name, gateway.access)));
        }
    }
    for Hop { kind, credential, .. } in gateway.hops.iter().filter(|hop| hop.kind != HopKind::Vpn) {
        match (kind, credential) {
            (HopKind::Socks5 | HopKind::HttpConnect, Some(_)) => {
                return Some(not_served(format!(
                    "gateway {} has a hop of kind {kind} with a credential",
                    gateway.name
                )));
            }
            (HopKind::SshForward | HopKind::SshNested, None) => {
                return Some(not_served(format!(
                    "gateway {} has a hop of kind {kind} without a credential",
                    gateway.name
                )));
            }
            _ => {}
        }
    }
    let why = match gateway.probes.ssh {
        ProbeState::Yes => return None,
        ProbeState::None => "it is declared as not offered",
        ProbeState::Blocked => "it is declared as blocked",
    };
    Some(AccessError::NoSsh(format!("{why} behind gateway {}", gateway.name)))
}

const fn not_served(what: String) -> AccessError {
    AccessError::NotYetServed(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::{gateway, seat};
    use crate::model::inventory::Hop;

    fn lab(ports: &[(&str, u16)]) -> Router {
        Router::Lab(ports.iter().map(|(seat, port)| (seat.parse().expect("a name"), *port)).collect())
    }

    fn hop(kind: HopKind) -> Hop {
        Hop { port: Some(1080), ..Hop::new(kind, "proxy.example") }
    }

    /// The places of a route, from this host outwards.
    fn places(route: &Route) -> Vec<String> {
        route.hops.iter().map(|hop| &hop.place).chain([&route.end]).map(ToString::to_string).collect()
    }

    #[test]
    fn live_dials_the_address_of_the_seat() {
        let mut gateway = gateway();
        gateway.hops = vec![hop(HopKind::Vpn)];
        let seat = seat("nx01", "192.0.2.7");
        let route = Router::Live.route(Peer { seat: &seat, gateway: &gateway, behind: None }).expect("a route");
        assert_eq!(places(&route), ["192.0.2.7:22"]);
    }

    #[test]
    fn proxies_stand_on_the_way_in_their_order() {
        let mut gateway = gateway();
        let inner = Hop { host: "2001:db8::1".to_owned(), port: Some(3128), ..hop(HopKind::HttpConnect) };
        gateway.hops = vec![hop(HopKind::Vpn), hop(HopKind::Socks5), inner];
        let seat = seat("nx01", "192.0.2.7");
        let route = Router::Live.route(Peer { seat: &seat, gateway: &gateway, behind: None }).expect("a route");
        assert_eq!(places(&route), ["proxy.example:1080", "[2001:db8::1]:3128", "192.0.2.7:22"]);
        let labels: Vec<&str> = route.hops.iter().map(|hop| hop.label.as_str()).collect();
        assert_eq!(labels, ["proxy.example (socks5)", "2001:db8::1 (http-connect)"]);
    }

    #[test]
    fn live_never_dials_this_host() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.1"] {
            let seat = seat("nx01", address);
            let refused = Router::Live.route(Peer { seat: &seat, gateway: &gateway(), behind: None });
            assert!(matches!(refused, Err(AccessError::NotYetServed(_))), "{address}");
        }
    }

    #[test]
    fn a_lab_never_dials_an_address_of_the_inventory() {
        let router = lab(&[("nx01", 4022)]);
        let route =
            |name: &str| router.route(Peer { seat: &seat(name, "192.0.2.7"), gateway: &gateway(), behind: None });
        assert_eq!(places(&route("nx01").expect("a route")), ["127.0.0.1:4022"]);
        assert!(matches!(route("nx02"), Err(AccessError::NotYetServed(_))));
    }

    #[test]
    fn a_lab_passes_no_proxy_but_its_own() {
        let gateway = Gateway { hops: vec![hop(HopKind::Socks5)], ..gateway() };
        let seat = seat("nx01", "192.0.2.7");
        let route = |table| Router::Lab(table).route(Peer { seat: &seat, gateway: &gateway, behind: None });
        for hops in [
            r#"{"proxy.example:1080":4080}"#,
            r#"{"acme/direct/proxy.example:1080":4080,"other/direct/proxy.example:1080":4081}"#,
        ] {
            let with = LabTable::parse(&format!(r#"{{"v":1,"ports":{{"nx01":4022}},"hops":{hops}}}"#));
            assert_eq!(places(&route(with.expect("a table")).expect("a route")), ["127.0.0.1:4080", "127.0.0.1:4022"]);
        }
        let without = LabTable::parse(r#"{"v":1,"ports":{"nx01":4022},"hops":{"proxy.example:1081":4080}}"#);
        match route(without.expect("a table")) {
            Err(AccessError::NotYetServed(what)) => assert!(what.contains("proxy.example (socks5)"), "{what}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_served_is_named_in_both_realms() {
        let mut ways = Vec::new();
        for kind in [HopKind::SshForward, HopKind::SshNested] {
            // A bastion that forwards and names no credential cannot be passed either.
            ways.push((kind.as_str(), Gateway { hops: vec![hop(HopKind::Vpn), hop(kind)], ..gateway() }));
        }
        for kind in [HopKind::Socks5, HopKind::HttpConnect] {
            let credential = Some("acme/proxy".parse().expect("a credential"));
            ways.push((kind.as_str(), Gateway { hops: vec![Hop { credential, ..hop(kind) }], ..gateway() }));
        }
        for access in [GatewayAccess::Attended, GatewayAccess::AirGapped] {
            ways.push((access.as_str(), Gateway { access, ..gateway() }));
        }
        let seat = seat("nx01", "192.0.2.7");
        for (word, gateway) in &ways {
            for router in [Router::Live, lab(&[("nx01", 4022)])] {
                match router.route(Peer { seat: &seat, gateway, behind: None }) {
                    Err(AccessError::NotYetServed(what)) => assert!(what.contains(word), "{what}"),
                    other => panic!("{word}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn where_ssh_is_declared_as_absent_nobody_is_dialled() {
        let seat = seat("nx01", "192.0.2.7");
        for (state, word) in [(ProbeState::None, "not offered"), (ProbeState::Blocked, "blocked")] {
            let mut gateway = gateway();
            gateway.probes.ssh = state;
            for router in [Router::Live, lab(&[("nx01", 4022)])] {
                match router.route(Peer { seat: &seat, gateway: &gateway, behind: None }) {
                    Err(AccessError::NoSsh(why)) => assert!(why.contains(word), "{why}"),
                    other => panic!("{state}: {other:?}"),
                }
            }
            gateway.access = GatewayAccess::Attended;
            assert!(matches!(not_tried(&gateway), Some(AccessError::NotYetServed(_))));
        }
    }

    #[test]
    fn a_table_of_another_form_is_refused() {
        assert!(LabTable::parse(r#"{"v":1,"ports":{"nx01":4022}}"#).is_ok());
        assert!(matches!(LabTable::parse(r#"{"v":2,"ports":{}}"#), Err(LabTableError::Version(2))));
        for text in [
            "",
            "{}",
            r#"{"v":1,"ports":{"nx01":70000}}"#,
            r#"{"v":1,"ports":{},"x":1}"#,
            r#"{"v":1,"ports":{"NX 1":1}}"#,
        ] {
            assert!(matches!(LabTable::parse(text), Err(LabTableError::Malformed(_))), "{text}");
        }
    }
}
