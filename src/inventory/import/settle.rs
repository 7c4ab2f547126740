//! Drafts against each other: what must be unique, and which seat a pair or a manager is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::draft::{CustomerDraft, SeatDraft};
use super::mapping::{Column, Mapping};
use super::record::Value;
use super::said::Said;
use crate::model::inventory::GatewayAccess;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::sheet::At;

type Customers = BTreeMap<CustomerName, CustomerDraft>;

/// Takes out what cannot stand beside the rest; `taken` are names of seats that the inventory has already. Rows of which
/// nothing is left are added to `left_out`.
pub(super) fn settle(
    customers: &mut Customers,
    taken: &BTreeSet<SeatName>,
    mapping: &Mapping,
    said: &mut Said,
    left_out: &mut Vec<At>,
) {
    names(customers, taken, mapping, said, left_out);
    addresses(customers, mapping, said, left_out);
    serials(customers, said);
    for customer in customers.values_mut() {
        references(customer, said);
        let used: BTreeSet<_> = customer.seats.iter().map(|seat| (seat.site.clone(), seat.gateway.clone())).collect();
        customer.sites.retain(|site, _| used.iter().any(|(used, _)| used == site));
        customer.gateways.retain(|gateway| used.iter().any(|(_, used)| used == gateway));
        let seats = &customer.seats;
        customer.contracts.retain(|number, _| seats.iter().any(|seat| seat.contract.as_ref() == Some(number)));
    }
    customers.retain(|_, customer| !customer.seats.is_empty());
}

/// Keeps the seats for which `keep` holds, and adds the rows of the others.
fn retain(customers: &mut Customers, left_out: &mut Vec<At>, keep: impl Fn(&CustomerName, &SeatDraft) -> bool) {
    for (name, customer) in customers {
        let (kept, gone): (Vec<_>, Vec<_>) = customer.seats.drain(..).partition(|seat| keep(name, seat));
        customer.seats = kept;
        left_out.extend(gone.into_iter().map(|seat| seat.at));
    }
}

fn names(
    customers: &mut Customers,
    taken: &BTreeSet<SeatName>,
    mapping: &Mapping,
    said: &mut Said,
    left_out: &mut Vec<At>,
) {
    let mut counts: HashMap<SeatName, usize> = HashMap::new();
    for seat in customers.values().flat_map(|customer| &customer.seats) {
        *counts.entry(seat.name.clone()).or_default() += 1;
    }
    let alone = |name: &SeatName| counts.get(name) == Some(&1) && !taken.contains(name);
    let hint = (mapping.naming == super::mapping::SeatNaming::Hostname)
        .then(|| "a seat's name is unique in the inventory: seat_name: customer-hostname in the mapping".to_owned());
    for seat in customers.values().flat_map(|customer| &customer.seats).filter(|seat| !alone(&seat.name)) {
        let found = Outside::from(seat.name.as_str());
        let message = if taken.contains(&seat.name) {
            "is a seat of the inventory already"
        } else {
            "is the name of several seats"
        };
        said.doubt(seat.places.name.clone(), Column::Name, Some(&found), message, hint.clone());
    }
    retain(customers, left_out, |_, seat| alone(&seat.name));
}

fn addresses(customers: &mut Customers, mapping: &Mapping, said: &mut Said, left_out: &mut Vec<At>) {
    let key = |customer: &CustomerName, seat: &SeatDraft| {
        Some((customer.clone(), seat.gateway.clone(), seat.address?, seat.port.unwrap_or(22)))
    };
    let mut counts = HashMap::new();
    for (name, customer) in customers.iter() {
        for at in customer.seats.iter().filter_map(|seat| key(name, seat)) {
            *counts.entry(at).or_insert(0_usize) += 1;
        }
    }
    let air_gapped = |seat: &SeatDraft| {
        mapping.gateways.get(seat.gateway.as_str()).and_then(|way| way.access) == Some(GatewayAccess::AirGapped)
    };
    let fine = |customer: &CustomerName, seat: &SeatDraft| {
        key(customer, seat).map_or_else(|| air_gapped(seat), |at| counts.get(&at) == Some(&1))
    };
    for (name, customer) in customers.iter() {
        for seat in customer.seats.iter().filter(|seat| !fine(name, seat)) {
            let at = seat.places.address.clone();
            if let Some(address) = seat.address {
                let message = format!("is the address of several seats behind {}", seat.gateway);
                said.doubt(at, Column::Address, Some(&Outside::from(address.to_string())), message, None);
            } else {
                let hint = "only a seat behind an air-gapped way in may have none".to_owned();
                said.doubt(at, Column::Address, None, "there is no address", Some(hint));
            }
        }
    }
    retain(customers, left_out, fine);
}

/// A serial that stands twice is that of neither: one of the two is a slip.
fn serials(customers: &mut Customers, said: &mut Said) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for serial in customers.values().flat_map(|customer| &customer.seats).filter_map(|seat| seat.serial.clone()) {
        *counts.entry(serial).or_default() += 1;
    }
    for seat in customers.values_mut().flat_map(|customer| &mut customer.seats) {
        let twice = seat.serial.take_if(|serial| counts.get(serial).is_some_and(|count| *count > 1));
        if let Some(serial) = twice {
            let found = Outside::from(serial);
            said.doubt(
                seat.places.serial.clone(),
                Column::Serial,
                Some(&found),
                "is the serial of several seats",
                None,
            );
        }
    }
}

/// Pairs and managers by the name or host name of a seat of the same customer.
fn references(customer: &mut CustomerDraft, said: &mut Said) {
    let mut seats: HashMap<String, Vec<SeatName>> = HashMap::new();
    for seat in &customer.seats {
        let names = BTreeSet::from([seat.hostname.to_lowercase(), seat.name.to_string()]);
        for name in names {
            seats.entry(name).or_default().push(seat.name.clone());
        }
    }
    let mut find = |reference: &(String, Value), column: Column| -> Option<SeatName> {
        let (text, value) = reference;
        match seats.get(&super::value::narrow(text).to_lowercase()).map(Vec::as_slice) {
            Some([one]) => Some(one.clone()),
            found => {
                let message =
                    if found.is_some() { "is the name of several seats" } else { "is no seat of this customer" };
                said.doubt(value.at.clone(), column, Some(&value.text), message, None);
                None
            }
        }
    };
    let found: Vec<(Option<SeatName>, Option<SeatName>)> = customer
        .seats
        .iter()
        .map(|seat| {
            let peer = seat.peer.as_ref().and_then(|peer| find(peer, Column::Peer));
            let manager = seat.managed_by.as_ref().and_then(|manager| find(manager, Column::ManagedBy));
            (peer, manager)
        })
        .collect();
    let peers: HashMap<SeatName, Option<SeatName>> =
        customer.seats.iter().zip(&found).map(|(seat, (peer, _))| (seat.name.clone(), peer.clone())).collect();
    for (seat, (peer, manager)) in customer.seats.iter_mut().zip(found) {
        let mutual = |peer: &SeatName| peers.get(peer) == Some(&Some(seat.name.clone())) && *peer != seat.name;
        if let (Some(found), Some((_, value))) = (peer.as_ref().filter(|peer| !mutual(peer)), &seat.peer) {
            let message = format!("does not name {} as its pair in turn", seat.name);
            said.doubt(value.at.clone(), Column::Peer, Some(&Outside::from(found.as_str())), message, None);
        }
        seat.peer_name = peer.filter(mutual);
        seat.manager_name = manager;
    }
}
