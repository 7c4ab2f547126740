//! Where an appliance is dialled: the one place that turns a seat into an address.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{AccessError, Peer};
use crate::model::inventory::{Gateway, GatewayAccess, HopKind, ProbeState};
use crate::model::name::SeatName;

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
    #[error("the port table is not of the form {{\"v\":1,\"ports\":{{\"seat\":port}}}}")]
    Malformed(#[source] serde_json::Error),
    /// Another version.
    #[error("the port table has version {0}, expected 1")]
    Version(u32),
}

/// The ports of a lab's simulated appliances on 127.0.0.1, by seat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabTable {
    ports: BTreeMap<SeatName, u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableFile {
    v: u32,
    ports: BTreeMap<SeatName, u16>,
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
        if file.v == 1 { Ok(Self { ports: file.ports }) } else { Err(LabTableError::Version(file.v)) }
    }
}

impl FromIterator<(SeatName, u16)> for LabTable {
    fn from_iter<I: IntoIterator<Item = (SeatName, u16)>>(ports: I) -> Self {
        Self { ports: ports.into_iter().collect() }
    }
}

/// The way to appliances. In the lab no address of the inventory is ever dialled, in live no loopback address.
#[derive(Debug, Clone)]
pub enum Router {
    /// TCP to the seat's own address.
    Live,
    /// TCP to the simulated appliance of the seat.
    Lab(LabTable),
}

impl Router {
    /// The address to dial, or why this version cannot reach the seat.
    pub fn route(&self, peer: Peer<'_>) -> Result<SocketAddr, AccessError> {
        not_tried(peer.gateway).map_or(Ok(()), Err)?;
        match self {
            Self::Lab(table) => {
                let port = table.ports.get(&peer.seat.name).copied();
                let port = port.ok_or_else(|| not_served(format!("seat {} is not in the lab", peer.seat.name)))?;
                Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            }
            Self::Live => {
                let address = peer.seat.address.ok_or_else(|| not_served("a seat without address".to_owned()))?;
                if is_of_this_host(address) {
                    return Err(not_served(format!("{address} is this host itself, where only a lab lives")));
                }
                Ok(SocketAddr::new(address, peer.seat.ssh.port))
            }
        }
    }
}

/// A loopback address in any spelling, and the addresses that connect to this host as well.
fn is_of_this_host(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified() || address.is_multicast()
}

/// Why no appliance behind a gateway is dialled, by what is declared of it; `None` when they are. What this version
/// cannot pass comes first: what answers behind it is nobody's question yet.
pub fn not_tried(gateway: &Gateway) -> Option<AccessError> {
    if gateway.access != GatewayAccess::Unattended {
        return Some(not_served(format!("gateway {} is {}", gateway.name, gateway.access)));
    }
    if let Some(hop) = gateway.hops.iter().find(|hop| hop.kind != HopKind::Vpn) {
        return Some(not_served(format!("gateway {} has a hop of kind {}", gateway.name, hop.kind)));
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
        Hop { kind, host: "hop".to_owned(), port: None, credential: None }
    }

    #[test]
    fn live_dials_the_address_of_the_seat() {
        let mut gateway = gateway();
        gateway.hops = vec![hop(HopKind::Vpn)];
        let seat = seat("nx01", "192.0.2.7");
        let address = Router::Live.route(Peer { seat: &seat, gateway: &gateway }).expect("a route");
        assert_eq!(address.to_string(), "192.0.2.7:22");
    }

    #[test]
    fn live_never_dials_this_host() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.1"] {
            let seat = seat("nx01", address);
            let refused = Router::Live.route(Peer { seat: &seat, gateway: &gateway() });
            assert!(matches!(refused, Err(AccessError::NotYetServed(_))), "{address}");
        }
    }

    #[test]
    fn a_lab_never_dials_an_address_of_the_inventory() {
        let router = lab(&[("nx01", 4022)]);
        let route = |name: &str| router.route(Peer { seat: &seat(name, "192.0.2.7"), gateway: &gateway() });
        assert_eq!(route("nx01").expect("a route").to_string(), "127.0.0.1:4022");
        assert!(matches!(route("nx02"), Err(AccessError::NotYetServed(_))));
    }

    #[test]
    fn what_is_not_served_is_named_in_both_realms() {
        let mut ways = Vec::new();
        for kind in [HopKind::Socks5, HopKind::HttpConnect, HopKind::SshForward, HopKind::SshNested] {
            ways.push((kind.as_str(), Gateway { hops: vec![hop(HopKind::Vpn), hop(kind)], ..gateway() }));
        }
        for access in [GatewayAccess::Attended, GatewayAccess::AirGapped] {
            ways.push((access.as_str(), Gateway { access, ..gateway() }));
        }
        let seat = seat("nx01", "192.0.2.7");
        for (word, gateway) in &ways {
            for router in [Router::Live, lab(&[("nx01", 4022)])] {
                match router.route(Peer { seat: &seat, gateway }) {
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
                match router.route(Peer { seat: &seat, gateway: &gateway }) {
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
