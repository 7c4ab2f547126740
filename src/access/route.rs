//! Where an appliance is dialled: the one place that turns a seat into an address.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{AccessError, Peer};
use crate::model::inventory::{Gateway, GatewayAccess, HopKind};
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
        passable(peer.gateway)?;
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

fn passable(gateway: &Gateway) -> Result<(), AccessError> {
    not_yet_served(gateway).map_or(Ok(()), |what| Err(not_served(what)))
}

/// What of a gateway this version cannot pass; `None` when it can.
pub fn not_yet_served(gateway: &Gateway) -> Option<String> {
    if gateway.access != GatewayAccess::Unattended {
        return Some(format!("gateway {} is {}", gateway.name, gateway.access));
    }
    let hop = gateway.hops.iter().find(|hop| hop.kind != HopKind::Vpn)?;
    Some(format!("gateway {} has a hop of kind {}", gateway.name, hop.kind))
}

const fn not_served(what: String) -> AccessError {
    AccessError::NotYetServed(what)
}
