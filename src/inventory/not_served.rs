//! What the files declare and this version does not use: said aloud, never ignored in silence.

use std::fmt;

use crate::model::inventory::{Gateway, GatewayAccess, HopKind, Inventory, ProbeState, Seat};

/// One kind of thing that is declared and not yet served.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct NotServed {
    /// What: `windows`, `contacts`, `way in ssh-nested`.
    pub what: String,
    /// What does not happen because of it.
    pub why: &'static str,
    /// The seats, gateways or customers that declare it, one entry for each declaration.
    pub subjects: Vec<String>,
}

/// So many subjects are named; of more, only the number is told.
const NAMED_MAX: usize = 3;

impl fmt::Display for NotServed {
    /// `way in ssh-nested: umi-nx01`, `windows (7)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subjects.len() <= NAMED_MAX && self.what.starts_with("way in") {
            write!(f, "{}: {}", self.what, self.subjects.join(", "))
        } else {
            write!(f, "{} ({})", self.what, self.subjects.len())
        }
    }
}

/// Everything that is declared and not yet served, grouped: ways in first, because seats behind them are not polled.
pub fn not_served(inventory: &Inventory) -> Vec<NotServed> {
    let mut groups = ways(inventory);
    groups.extend(probes(inventory));
    groups.extend(snmp(inventory));
    groups.extend(api(inventory));
    groups.extend(papers(inventory));
    groups.retain(|group| !group.subjects.is_empty());
    groups
}

fn ways(inventory: &Inventory) -> Vec<NotServed> {
    let seats = |wanted: &dyn Fn(&Gateway) -> bool| -> Vec<String> {
        let behind = |seat: &&Seat| inventory.gateway(seat).is_some_and(wanted);
        inventory.seats.values().filter(behind).map(|seat| seat.name.to_string()).collect()
    };
    // The host has a VPN already, so a hop of this kind asks nothing of Hoshu. A proxy is asked without a login. That a
    // bastion has a credential is checked.
    let unserved = HopKind::ALL.iter().filter(|kind| kind.is_proxy());
    let mut groups: Vec<_> = unserved
        .map(|kind| NotServed {
            what: format!("way in {kind}{}", if kind.is_proxy() { " with a credential" } else { "" }),
            why: "the seats behind it are not polled and not backed up",
            subjects: seats(&|gateway| {
                let mut hops = gateway.hops.iter().filter(|hop| hop.kind == *kind);
                hops.any(|hop| !kind.is_proxy() || hop.credential.is_some())
            }),
        })
        .collect();
    let has_bastion = |gateway: &Gateway| gateway.hops.iter().any(|hop| hop.kind.is_bastion());
    groups.push(NotServed {
        what: "way in attended without a bastion".to_owned(),
        why: "only an SSH login can be held open for Hoshu by a person: the seats are not polled",
        subjects: seats(&|gateway| gateway.access == GatewayAccess::Attended && !has_bastion(gateway)),
    });
    groups.push(NotServed {
        what: "way in air-gapped".to_owned(),
        why: "no answers can be carried in yet: the seats are not polled",
        subjects: seats(&|gateway| gateway.access == GatewayAccess::AirGapped),
    });
    groups
}

fn probes(inventory: &Inventory) -> Vec<NotServed> {
    let why = "only SSH, SNMP and HTTPS APIs are asked";
    let group = |name: &str, state: fn(&crate::model::inventory::Probes) -> ProbeState| {
        let customers = inventory.customers.values();
        let gateways = customers.flat_map(|customer| customer.gateways.iter().map(move |gateway| (customer, gateway)));
        let declared = gateways.filter(|(_, gateway)| state(&gateway.probes) == ProbeState::Yes);
        let subjects = declared.map(|(customer, gateway)| format!("{}/{}", customer.name, gateway.name)).collect();
        NotServed { what: format!("{name} probes"), why, subjects }
    };
    vec![
        group("icmp", |probes| probes.icmp),
        group("oob", |probes| probes.oob),
        group("switch", |probes| probes.switch),
        group("cm", |probes| probes.cm),
    ]
}

/// SNMP is served where a seat names a credential for it, and where datagrams pass.
fn snmp(inventory: &Inventory) -> Vec<NotServed> {
    let seats = || inventory.seats.values().filter_map(|seat| Some((seat, inventory.gateway(seat)?)));
    let asked = |seat: &Seat| seat.credentials.snmp.is_some();
    let customers = inventory.customers.values();
    let gateways = customers.flat_map(|customer| customer.gateways.iter().map(move |gateway| (customer, gateway)));
    let idle = gateways.filter(|(customer, gateway)| {
        let behind = |seat: &Seat| seat.customer == customer.name && seat.gateway == gateway.name;
        gateway.probes.snmp == ProbeState::Yes && !inventory.seats.values().any(|seat| behind(seat) && asked(seat))
    });
    let through_hops = seats().filter(|(seat, gateway)| {
        let hops = gateway.hops.iter().any(|hop| hop.kind != HopKind::Vpn);
        asked(seat) && gateway.access == GatewayAccess::Unattended && hops
    });
    vec![
        NotServed {
            what: "snmp probes".to_owned(),
            why: "no seat behind the gateway names a credential for SNMP",
            subjects: idle.map(|(customer, gateway)| format!("{}/{}", customer.name, gateway.name)).collect(),
        },
        NotServed {
            what: "snmp through a hop".to_owned(),
            why: "SNMP is of datagrams, which no hop takes along: not available, and SSH alone is asked",
            subjects: through_hops.map(|(seat, _)| seat.name.to_string()).collect(),
        },
    ]
}

/// The HTTPS API is served where a seat names a credential for it, and where connections pass.
fn api(inventory: &Inventory) -> Vec<NotServed> {
    let asked = |seat: &Seat| seat.credentials.api.is_some();
    let customers = inventory.customers.values();
    let gateways = customers.flat_map(|customer| customer.gateways.iter().map(move |gateway| (customer, gateway)));
    let idle = gateways.filter(|(customer, gateway)| {
        let behind = |seat: &Seat| seat.customer == customer.name && seat.gateway == gateway.name;
        gateway.probes.https == ProbeState::Yes && !inventory.seats.values().any(|seat| behind(seat) && asked(seat))
    });
    let nested = inventory.seats.values().filter(|seat| {
        let hop = |gateway: &Gateway| gateway.hops.iter().any(|hop| hop.kind == HopKind::SshNested);
        asked(seat) && inventory.gateway(seat).is_some_and(hop)
    });
    vec![
        NotServed {
            what: "https probes".to_owned(),
            why: "no seat behind the gateway names a credential for its API",
            subjects: idle.map(|(customer, gateway)| format!("{}/{}", customer.name, gateway.name)).collect(),
        },
        NotServed {
            what: "api through ssh-nested".to_owned(),
            why: "no connection goes through a bastion that forwards nothing: not available, and SSH alone is asked",
            subjects: nested.map(|seat| seat.name.to_string()).collect(),
        },
    ]
}

fn papers(inventory: &Inventory) -> Vec<NotServed> {
    let customers = || inventory.customers.values();
    let group = |what: &str, why, subjects: Vec<String>| NotServed { what: what.to_owned(), why, subjects };
    vec![
        group(
            "windows",
            "no disruptive work is done yet",
            customers()
                .flat_map(|one| one.windows.iter().map(|window| format!("{}/{}", one.name, window.name)))
                .collect(),
        ),
        group(
            "freezes",
            "no disruptive work is done yet",
            inventory.freezes.iter().map(|freeze| freeze.name.clone()).collect(),
        ),
        group(
            "works",
            "an announced work explains no finding yet",
            inventory.works.iter().map(|work| work.name.clone()).collect(),
        ),
        group(
            "contacts",
            "nobody is called or written to yet",
            customers()
                .flat_map(|one| one.contacts.iter().map(|contact| format!("{}/{}", one.name, contact.name)))
                .collect(),
        ),
        group(
            "contracts",
            "no case is opened with a dealer yet",
            customers()
                .flat_map(|one| one.contracts.iter().map(|contract| format!("{}/{}", one.name, contract.number)))
                .collect(),
        ),
        group(
            "change credentials",
            "but for backups that an appliance pushes, nothing is done with them yet",
            inventory
                .seats
                .values()
                .filter(|seat| seat.credentials.change.is_some())
                .map(|seat| seat.name.to_string())
                .collect(),
        ),
        group(
            "rules of entry",
            "nobody is sent to a site yet",
            customers()
                .flat_map(|one| {
                    one.sites
                        .iter()
                        .filter(|site| site.entry.is_some())
                        .map(|site| format!("{}/{}", one.name, site.name))
                })
                .collect(),
        ),
        group(
            "era years",
            "no letters are written yet",
            customers().filter(|one| one.era_years).map(|one| one.name.to_string()).collect(),
        ),
    ]
}

/// What of it concerns one seat: its own way in, window, contract, site and contacts, and what is announced for it.
pub fn not_served_of(inventory: &Inventory, seat: &Seat) -> Vec<NotServed> {
    let customer = seat.customer.as_str();
    let of_customer = |rest: Option<&str>| rest.map(|rest| format!("{customer}/{rest}"));
    let own = [
        Some(seat.name.to_string()),
        Some(customer.to_owned()),
        of_customer(seat.window.as_deref()),
        of_customer(seat.contract.as_deref()),
        of_customer(Some(seat.gateway.as_str())),
        of_customer(Some(seat.site.as_str())),
    ];
    let announced = |name: &str| {
        let work = inventory.works.iter().any(|work| work.name == name && work.concerns(seat));
        work || inventory.freezes.iter().any(|freeze| freeze.name == name && freeze.concerns(seat))
    };
    let concerns = |what: &str, subject: &String| {
        own.iter().flatten().any(|known| known == subject)
            || (what == "contacts" && subject.starts_with(&format!("{customer}/")))
            || (matches!(what, "works" | "freezes") && announced(subject))
    };
    let mut groups = not_served(inventory);
    for group in &mut groups {
        let what = group.what.clone();
        group.subjects.retain(|subject| concerns(&what, subject));
    }
    groups.retain(|group| !group.subjects.is_empty());
    groups
}
