//! Which hops a lab has: the bastions and proxies that the gateways of an inventory declare.

use super::fleet::Account;
use super::token::Tokens;
use crate::model::door::{HopName, WayName};
use crate::model::inventory::{Gateway, GatewayAccess, Hop, HopKind, Inventory};
use crate::model::name::SeatName;

/// What a bastion or proxy of a lab is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopSpec {
    /// Its name.
    pub name: HopName,
    /// The gateway that it is a hop of.
    pub way: WayName,
    /// What it speaks; for a bastion whether it forwards, or gives a shell only.
    pub kind: HopKind,
    /// Its only account. A proxy asks for none.
    pub account: Option<Account>,
    /// It shows a menu instead of a shell.
    pub menu: bool,
    /// After the password it asks for a one-time password of the gateway's token.
    pub one_time: bool,
    /// The seats behind it. Addresses are theirs behind this gateway alone.
    pub seats: Vec<SeatName>,
    /// The hops behind it.
    pub next: Vec<HopName>,
}

/// The bastions and proxies of an inventory. One that could not be passed is none.
pub fn hops_from_inventory(inventory: &Inventory) -> Vec<HopSpec> {
    let customers = inventory.customers.values();
    let gateways = customers.flat_map(|customer| customer.gateways.iter().map(move |gateway| (customer, gateway)));
    gateways
        .filter(|(_, gateway)| gateway.access != GatewayAccess::AirGapped)
        .flat_map(|(customer, gateway)| {
            let seats = inventory.seats.values();
            let behind = seats.filter(|seat| seat.customer == customer.name && seat.gateway == gateway.name);
            let seats: Vec<SeatName> = behind.map(|seat| seat.name.clone()).collect();
            of_gateway(&WayName::new(&customer.name, &gateway.name), gateway, &seats)
        })
        .collect()
}

fn of_gateway(way: &WayName, gateway: &Gateway, seats: &[SeatName]) -> Vec<HopSpec> {
    let name = |hop: &Hop| HopName::new(&way.customer, &way.gateway, hop);
    let mut one_time = gateway.access == GatewayAccess::Attended;
    let served = |hop: &&Hop| match &hop.credential {
        Some(_) => hop.kind.is_bastion(),
        None => hop.kind.is_proxy() && hop.port.is_some(),
    };
    let hops = gateway.hops.iter().enumerate().filter(|(_, hop)| served(hop));
    hops.map(|(at, hop)| HopSpec {
        name: name(hop),
        way: way.clone(),
        kind: hop.kind,
        account: hop.credential.as_ref().map(|credential| Account::of(credential, false)),
        menu: hop.menu.is_some(),
        one_time: hop.kind.is_bastion() && std::mem::take(&mut one_time),
        seats: seats.to_vec(),
        next: gateway.hops.iter().skip(at + 1).map(name).collect(),
    })
    .collect()
}

/// The tokens that a person needs for these bastions.
pub(super) fn tokens(hops: &[HopSpec]) -> Tokens {
    hops.iter().filter(|hop| hop.one_time).map(|hop| hop.way.clone()).collect()
}
