//! Which units a lab has: those of an inventory, or a generated fleet.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::seed::{self, Dice};
use super::unit::Role;
use crate::model::credential::CredentialName;
use crate::model::inventory::{Algorithms, DataPath, GatewayAccess, Inventory, Seat};
use crate::model::name::{CustomerName, GatewayName, SeatName, SiteName};
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::snmp::SnmpVersion;

/// An account that a unit has for a credential of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// The credential; its secret is in the lab folder under [`super::secret_file`].
    pub credential: CredentialName,
    /// The account's name on the unit: the second half of the credential's name.
    pub user: String,
    /// What it may do.
    pub role: Role,
}

impl Account {
    /// The account of a credential. Its role follows its name: one that contains `operator` or `admin` is that, and
    /// every other is a monitor, or an administrator when it is for changes.
    pub fn of(credential: &CredentialName, for_change: bool) -> Self {
        let text = credential.to_string();
        let user = text.split_once('/').map_or("", |(_, name)| name).to_owned();
        let role = if for_change || user.contains("admin") {
            Role::Admin
        } else if user.contains("operator") {
            Role::Operator
        } else {
            Role::Monitor
        };
        Self { credential: credential.clone(), user, role }
    }

    /// The password, the same on all units of the customer; it is valid in a lab only.
    pub fn password(&self) -> String {
        seed::password(self.credential.customer().as_str(), &self.user)
    }
}

/// A community or a user of SNMP that a unit has for a credential of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnmpAccount {
    /// The credential; its secrets are in the lab folder under [`super::secret_file`].
    pub credential: CredentialName,
    /// A community (v2c), or a user with SHA-256 and AES-128 (v3).
    pub version: SnmpVersion,
}

impl SnmpAccount {
    /// The user of v3: the second half of the credential's name.
    pub fn user(&self) -> String {
        self.credential.to_string().split_once('/').map_or_else(String::new, |(_, name)| name.to_owned())
    }

    /// The community, or the passphrase for authentication, the same on all units of the customer; for a lab only.
    pub fn secret(&self) -> String {
        seed::password(self.credential.customer().as_str(), &format!("snmp {}", self.user()))
    }

    /// The passphrase for encryption.
    pub fn privacy(&self) -> String {
        seed::password(self.credential.customer().as_str(), &format!("snmp privacy {}", self.user()))
    }
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
    /// The units that this one manages (CM).
    pub manages: Vec<Below>,
    /// A virtual machine: no disks, fans and power supplies of its own.
    pub virtual_machine: bool,
    /// The SSH algorithms that it offers.
    pub algorithms: Algorithms,
    /// The accounts, beside `admin`, `operator` and `monitor`, which every unit has.
    pub accounts: Vec<Account>,
    /// How it speaks SNMP, where it does.
    pub snmp: Option<SnmpAccount>,
    /// Whether it speaks by an HTTPS API.
    pub api: bool,
}

/// A unit that a CM manages, as the CM knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    /// Its host name, by which the CM names it.
    pub name: String,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Its model.
    pub model: String,
    /// Its release.
    pub release: Release,
}

/// The releases of the lab: a current one, an older one, and one from the days of the old algorithms.
const fn releases(series: Series) -> [&'static str; 3] {
    match series {
        Series::Nx => ["10.0.4.1005222", "9.1.0.924861", "7.7.0.433916"],
        Series::Ex => ["10.0.4.1005222", "9.0.3.950252", "7.6.5.442663"],
        Series::Hx => ["10.0.2.1007339", "5.3.0.950100", "3.1.0.443228"],
        Series::Cm => ["11.0.1.1024269", "9.1.4.930101", "7.6.0.347971"],
        Series::Ax => ["10.0.4.1005222", "9.1.0.924861", "7.7.4.440100"],
        Series::Fx => ["9.1.0.924861", "8.4.0.870200", "7.7.4.440100"],
    }
}

/// A release that the table above spells.
fn table_release(series: Series, nth: usize) -> Option<Release> {
    releases(series).get(nth).and_then(|text| text.parse().ok())
}

/// Whether the lab has units of a release: from the oldest of its series on, to the newest of all.
pub(super) fn modelled(series: Series, release: &Release) -> bool {
    let major = |release: &Release| release.parts().first().copied();
    let oldest = table_release(series, 2).as_ref().and_then(major);
    let newest = Series::ALL.iter().filter_map(|series| major(&table_release(*series, 0)?)).max();
    major(release) >= oldest && major(release) <= newest
}

/// The release of a unit: old where only old algorithms are spoken, else the approved one, and on one unit in six an
/// older one.
fn release_of(inventory: &Inventory, seat: &Seat) -> Option<Release> {
    let behind = Dice::new("release", seat.name.as_str()).below(6) == 0;
    let approved = inventory.approved.get(&seat.series).cloned();
    match seat.ssh.algorithms {
        Algorithms::Legacy => table_release(seat.series, 2),
        Algorithms::Modern if behind => table_release(seat.series, 1),
        Algorithms::Modern => approved.or_else(|| table_release(seat.series, 0)),
    }
}

/// The units of an inventory: one for each seat whose gateway lets somebody in over a network.
pub fn from_inventory(inventory: &Inventory) -> Vec<SeatSpec> {
    let reachable = |seat: &&Seat| {
        let gateway = inventory.gateway(seat);
        seat.address.is_some() && gateway.is_some_and(|gateway| gateway.access != GatewayAccess::AirGapped)
    };
    let mut managed = BTreeMap::<&SeatName, Vec<Below>>::new();
    for seat in inventory.seats.values() {
        if let Some((manager, release)) = seat.managed_by.as_ref().zip(release_of(inventory, seat)) {
            managed.entry(manager).or_default().push(Below {
                name: seat.hostname.clone(),
                address: seat.address,
                model: seat.model.clone(),
                release,
            });
        }
    }
    let hostname = |name: &SeatName| inventory.seats.get(name).map_or(name.to_string(), |seat| seat.hostname.clone());
    inventory
        .seats
        .values()
        .filter(reachable)
        .filter_map(|seat| {
            let credentials = &seat.credentials;
            let read = credentials.read.iter().map(|name| Account::of(name, false));
            let change = credentials.change.iter().map(|name| Account::of(name, true));
            let offered = inventory.gateway(seat).is_some_and(|gateway| gateway.without_api().is_none());
            let api = credentials.api.iter().filter(|_| offered).map(|name| Account::of(name, false));
            Some(SeatSpec {
                seat: seat.name.clone(),
                customer: seat.customer.clone(),
                site: seat.site.clone(),
                gateway: seat.gateway.clone(),
                address: seat.address,
                series: seat.series,
                model: seat.model.clone(),
                hostname: seat.hostname.clone(),
                release: release_of(inventory, seat)?,
                serial: seat.serial.clone(),
                data_path: seat.data_path,
                managed_by: seat.managed_by.as_ref().map(|manager| (manager.clone(), hostname(manager))),
                // The members of a pair know the same appliances, whichever the files name as the manager.
                manages: managed
                    .get(&seat.name)
                    .or_else(|| managed.get(seat.peer.as_ref()?))
                    .cloned()
                    .unwrap_or_default(),
                virtual_machine: seat.virtual_machine,
                algorithms: seat.ssh.algorithms,
                accounts: read.chain(change).chain(api.clone()).collect(),
                snmp: snmp_of(inventory, seat),
                api: api.count() > 0,
            })
        })
        .collect()
}

/// A unit speaks SNMP where it is declared.
fn snmp_of(inventory: &Inventory, seat: &Seat) -> Option<SnmpAccount> {
    let credential = seat.credentials.snmp.clone()?;
    let offered = inventory.gateway(seat)?.without_snmp().is_none();
    offered.then_some(SnmpAccount { credential, version: seat.snmp.version })
}

/// Seats of a generated customer.
pub const GENERATED_SEATS_PER_CUSTOMER: usize = 40;

/// A fleet of `count` units: customers of forty seats, all series, old and new releases, one gateway for each
/// customer. Equal counts give equal fleets.
pub fn generated(count: usize) -> Vec<SeatSpec> {
    (0..count).filter_map(generated_seat).collect()
}

/// A fleet in which of three units one speaks by SSH alone, the next by SNMP (v3) beside it, and the third by the HTTPS
/// API beside both.
pub fn with_channels(mut fleet: Vec<SeatSpec>) -> Vec<SeatSpec> {
    for (place, spec) in fleet.iter_mut().enumerate() {
        let credential = |name: &str| format!("{}/{name}", spec.customer).parse::<CredentialName>().ok();
        let (snmp, api) = (credential("snmp").filter(|_| place % 3 > 0), credential("api").filter(|_| place % 3 > 1));
        spec.snmp = snmp.map(|credential| SnmpAccount { credential, version: SnmpVersion::V3 });
        spec.api = api.is_some();
        spec.accounts.extend(api.iter().map(|name| Account::of(name, false)));
    }
    fleet
}

/// What a generated customer has in each run of ten seats.
const MIX: [(Series, &str, DataPath); 10] = [
    (Series::Cm, "CM4500", DataPath::Manager),
    (Series::Nx, "NX2500", DataPath::Tap),
    (Series::Nx, "NX4500", DataPath::InlineFailOpen),
    (Series::Nx, "NX9450", DataPath::InlineFailClose),
    (Series::Ex, "EX8500", DataPath::MailMta),
    (Series::Ex, "EX3400", DataPath::MailBcc),
    (Series::Hx, "HX4502", DataPath::Agents),
    (Series::Nx, "NX1500V", DataPath::Tap),
    (Series::Ax, "AX8400", DataPath::Analysis),
    (Series::Fx, "FX5400", DataPath::FileScan),
];

fn generated_seat(number: usize) -> Option<SeatSpec> {
    let (customer, place) = (number / GENERATED_SEATS_PER_CUSTOMER, number % GENERATED_SEATS_PER_CUSTOMER);
    let &(series, model, data_path) = MIX.get(place % MIX.len())?;
    let name = |place: usize, series: Series| format!("c{customer:03}-{}{place:02}", series.as_str());
    let hostname = name(place, series);
    let legacy = place % 20 == 9;
    let address = |place: usize| format!("10.{}.{}.{}", 100 + customer / 200, customer % 200, 10 + place);
    let run = place - place % MIX.len();
    let manager = (series != Series::Cm).then(|| name(run, Series::Cm));
    let age_of = |place: usize| if place % 20 == 9 { 2 } else { usize::from(place % 5 == 3) };
    let below = (run + 1..run + MIX.len()).filter_map(|place| {
        let &(series, model, _) = MIX.get(place % MIX.len())?;
        Some(Below {
            name: name(place, series),
            address: address(place).parse().ok(),
            model: model.to_owned(),
            release: table_release(series, age_of(place))?,
        })
    });
    let customer_name: CustomerName = format!("cust{customer:03}").parse().ok()?;
    let credential = |name: &str| format!("{customer_name}/{name}").parse::<CredentialName>().ok();
    Some(SeatSpec {
        seat: hostname.parse().ok()?,
        site: format!("site{}", place / 20 + 1).parse().ok()?,
        gateway: "vpn1".parse().ok()?,
        address: address(place).parse().ok(),
        series,
        model: model.to_owned(),
        release: table_release(series, age_of(place))?,
        serial: None,
        data_path,
        managed_by: manager.and_then(|manager| Some((manager.parse().ok()?, manager))),
        manages: if series == Series::Cm { below.collect() } else { Vec::new() },
        virtual_machine: model.ends_with('V'),
        algorithms: if legacy { Algorithms::Legacy } else { Algorithms::Modern },
        // From a monitor the command line hides the health services: no poll of it would be good.
        accounts: credential("operator").map(|name| Account::of(&name, false)).into_iter().collect(),
        snmp: None,
        api: false,
        customer: customer_name,
        hostname,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_fleet_is_the_same_each_time_and_has_unique_names() {
        let fleet = generated(500);
        assert_eq!(fleet, generated(500));
        let names = fleet.iter().map(|spec| &spec.seat).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names.len(), 500);
        for series in Series::ALL {
            assert!(fleet.iter().any(|spec| spec.series == *series), "{series}");
        }
        assert!(fleet.iter().all(|spec| spec.accounts.iter().map(|account| account.role).eq([Role::Operator])));
        let known = |manager: &SeatName| fleet.iter().any(|spec| spec.seat == *manager);
        assert!(fleet.iter().filter_map(|spec| spec.managed_by.as_ref()).all(|(manager, _)| known(manager)));
    }

    #[test]
    fn a_role_follows_the_name_of_the_credential() {
        let role = |text: &str, change| Account::of(&text.parse().expect("a name"), change).role;
        assert_eq!(role("acme/monitor", false), Role::Monitor);
        assert_eq!(role("acme/operator2", false), Role::Operator);
        assert_eq!(role("acme/hoshu", true), Role::Admin);
    }
}
