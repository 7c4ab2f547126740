//! Which units a lab has: those of an inventory, or a generated fleet.

use std::net::IpAddr;
use std::path::Path;

use super::error::LabError;
use super::unit::Role;
use crate::model::credential::CredentialName;
use crate::model::inventory::{Algorithms, DataPath, Inventory};
use crate::model::name::{CustomerName, GatewayName, SeatName, SiteName};
use crate::model::release::Release;
use crate::model::series::Series;

/// An account that a unit has for a credential of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The credential; its secret is in the lab folder under [`super::secret_file`].
    pub credential: CredentialName,
    /// The account's name on the unit: the second half of the credential's name.
    pub user: String,
    /// What it may do.
    pub role: Role,
}

/// What a unit is made from. Everything else about the unit is derived from the name of the seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatSpec {
    /// The seat.
    pub seat: SeatName,
    /// The customer.
    pub customer: CustomerName,
    /// The site.
    pub site: SiteName,
    /// The gateway.
    pub gateway: GatewayName,
    /// The address behind the gateway, as the unit shows it; the lab itself listens on loopback.
    pub address: Option<IpAddr>,
    /// The series.
    pub series: Series,
    /// The model, without maker (`NX2500`).
    pub model: String,
    /// The appliance's own host name.
    pub hostname: String,
    /// The running release.
    pub release: Release,
    /// The serial; derived from the seat when absent.
    pub serial: Option<String>,
    /// The way that data takes.
    pub data_path: DataPath,
    /// The managing CM: seat and host name.
    pub managed_by: Option<(SeatName, String)>,
    /// The host names and addresses of the units that this one manages (CM).
    pub manages: Vec<String>,
    /// A virtual machine: no disks, fans and power supplies of its own.
    pub virtual_machine: bool,
    /// The SSH algorithms that it offers.
    pub algorithms: Algorithms,
    /// The accounts, beside `admin`, `operator` and `monitor`, which every unit has.
    pub accounts: Vec<Account>,
}

/// The units of an inventory: one for each seat whose gateway lets somebody in over a network.
pub fn from_inventory(_inventory: &Inventory) -> Vec<SeatSpec> {
    todo!()
}

/// A fleet of `count` units: customers of forty seats, all series, old and new releases.
pub fn generated(_count: usize) -> Vec<SeatSpec> {
    todo!()
}

/// Writes a fleet as an inventory, one file for each customer under `customers/`.
pub fn write_inventory(_dir: &Path, _fleet: &[SeatSpec]) -> Result<(), LabError> {
    todo!()
}
