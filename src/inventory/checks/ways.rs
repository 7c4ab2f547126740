//! Ways in: gateways, addresses, algorithms.

use std::collections::BTreeMap;

use super::Draft;
use crate::inventory::read::{CustomerDraft, read_gateway};
use crate::model::inventory::{Gateway, GatewayAccess, HopKind, ProbeState, Seat};
use crate::yaml::{Fields, Problem};

pub(super) fn check(draft: &Draft<'_>, problems: &mut Vec<Problem>) {
    for customer in &draft.customers {
        let gateways: BTreeMap<_, _> = customer
            .gateways
            .iter()
            .filter_map(|fields| read_gateway(*fields).map(|gateway| (gateway.name.clone(), (*fields, gateway))))
            .collect();
        for (fields, gateway) in gateways.values() {
            check_gateway(customer, *fields, gateway, problems);
        }
        let (mut taken, mut agents) = (BTreeMap::new(), BTreeMap::new());
        for (fields, seat) in &customer.seats {
            let Some(seat) = seat else { continue };
            if let Some((_, gateway)) = gateways.get(&seat.gateway) {
                check_way(*fields, seat, gateway, problems);
                check_snmp(*fields, seat, gateway, problems);
                check_api(*fields, seat, gateway, problems);
            }
            address_once(*fields, seat, &mut taken, problems);
            agent_once(*fields, seat, &mut agents, problems);
        }
    }
}

fn check_gateway(customer: &CustomerDraft<'_>, fields: Fields<'_>, gateway: &Gateway, problems: &mut Vec<Problem>) {
    if gateway.access == GatewayAccess::AirGapped && !gateway.hops.is_empty() {
        problems.push(fields.error("hops", "an air-gapped gateway has no hops"));
    }
    let (mut behind_hop, mut behind_nested) = (false, false);
    let mut places = std::collections::BTreeSet::new();
    for (hop_fields, hop) in fields.tables("hops").into_iter().zip(&gateway.hops) {
        match hop.kind {
            HopKind::Vpn if behind_hop => {
                let message = "this machine's own VPN lies before every other hop; behind one it changes nothing";
                problems.push(hop_fields.warning("kind", message));
            }
            HopKind::Vpn if hop.port.is_some() => {
                problems.push(hop_fields.warning("port", "a VPN has no port; it is not used"));
            }
            HopKind::Socks5 | HopKind::HttpConnect if hop.port.is_none() => {
                problems.push(hop_fields.error("kind", format!("a hop of kind {} needs a port", hop.kind)));
            }
            HopKind::SshForward | HopKind::SshNested if hop.credential.is_none() => {
                let message = format!("a hop of kind {} needs a credential", hop.kind);
                problems.push(hop_fields.error("kind", message));
            }
            _ => {}
        }
        // The host key of a bastion hangs on its place behind the gateway.
        if hop.kind.is_bastion() && !places.insert(hop.place()) {
            problems.push(hop_fields.error("host", format!("{} is a hop of this gateway already", hop.place())));
        }
        if hop.menu.is_some() && hop.kind != HopKind::SshNested {
            problems.push(hop_fields.error("menu", format!("a hop of kind {} shows no menu", hop.kind)));
        }
        if behind_nested {
            problems.push(hop_fields.error("kind", "behind a bastion that forwards nothing comes the appliance"));
        }
        behind_nested |= hop.kind == HopKind::SshNested;
        behind_hop |= hop.kind != HopKind::Vpn;
    }
    let used = customer.seats.iter().filter_map(|(_, seat)| seat.as_ref()).any(|seat| seat.gateway == gateway.name);
    if !used {
        problems.push(fields.warning("name", "no seat stands behind this gateway"));
    } else if gateway.access == GatewayAccess::Unattended && gateway.probes.ssh != ProbeState::Yes {
        let message =
            format!("SSH is declared as {} behind this gateway: no seat there can be polled", gateway.probes.ssh);
        let place = if fields.has("probes") { "probes" } else { "name" };
        problems.push(fields.warning(place, message).with_hint("write ssh: yes below probes if it answers".to_owned()));
    }
}

fn check_way(fields: Fields<'_>, seat: &Seat, gateway: &Gateway, problems: &mut Vec<Problem>) {
    if gateway.access == GatewayAccess::AirGapped {
        return;
    }
    if seat.address.is_none() && !fields.has("address") {
        let message = format!("the seat {:?} has no address, and its gateway is not air-gapped", seat.name.as_str());
        problems.push(fields.error("name", message));
    }
    if seat.credentials.read.is_none() && fields.table("credentials").is_none_or(|fields| !fields.has("read")) {
        let message = format!("the seat {:?} has no read credential: it is not polled", seat.name.as_str());
        let hint = format!("credentials: {{read: {}/operator}}", seat.customer);
        problems.push(fields.warning("name", message).with_hint(hint));
    }
}

/// A channel that is declared on one side and not on the other is asked by nobody.
fn check_snmp(fields: Fields<'_>, seat: &Seat, gateway: &Gateway, problems: &mut Vec<Problem>) {
    let hops = gateway.hops.iter().any(|hop| hop.kind != HopKind::Vpn);
    let unattended = gateway.access == GatewayAccess::Unattended;
    match (&seat.credentials.snmp, gateway.probes.snmp) {
        (Some(_), state) if state != ProbeState::Yes && unattended && !hops => {
            let message =
                format!("SNMP is declared as {state} behind {}: {} is not asked by it", gateway.name, seat.name);
            let hint = "write snmp: yes below the gateway's probes if it answers".to_owned();
            problems.push(fields.warning("credentials", message).with_hint(hint));
        }
        (None, _) if fields.has("snmp") => {
            let message = format!("{} names no credential for SNMP: it is not asked by it", seat.name);
            let hint = format!("credentials: {{snmp: {}/snmp}}", seat.customer);
            problems.push(fields.warning("snmp", message).with_hint(hint));
        }
        _ => {}
    }
}

/// The same for the HTTPS API.
fn check_api(fields: Fields<'_>, seat: &Seat, gateway: &Gateway, problems: &mut Vec<Problem>) {
    if seat.credentials.api.is_none() {
        if fields.has("api") {
            let message = format!("{} names no credential for its API: it is not asked", seat.name);
            let hint = format!("credentials: {{api: {}/api}}", seat.customer);
            problems.push(fields.warning("api", message).with_hint(hint));
        }
        return;
    }
    let unattended = gateway.access == GatewayAccess::Unattended;
    if unattended && gateway.probes.https != ProbeState::Yes {
        let message = format!(
            "HTTPS is declared as {} behind {}: {} is not asked by its API",
            gateway.probes.https, gateway.name, seat.name
        );
        let hint = "write https: yes below the gateway's probes if it answers".to_owned();
        problems.push(fields.warning("credentials", message).with_hint(hint));
    }
}

/// An address is unique behind its gateway; a gateway that forwards ports may have one address with several of them.
fn address_once<'a>(
    fields: Fields<'_>,
    seat: &'a Seat,
    taken: &mut BTreeMap<(&'a str, std::net::IpAddr, u16), String>,
    problems: &mut Vec<Problem>,
) {
    let Some(address) = seat.address else { return };
    if let Some(other) = taken.insert((seat.gateway.as_str(), address, seat.ssh.port), seat.name.to_string()) {
        let message =
            format!("{address} port {} behind {} is the address of {other} already", seat.ssh.port, seat.gateway);
        problems.push(fields.error("address", message));
    }
}

/// As [`address_once`], for the agents of SNMP.
fn agent_once<'a>(
    fields: Fields<'_>,
    seat: &'a Seat,
    taken: &mut BTreeMap<(&'a str, std::net::IpAddr, u16), String>,
    problems: &mut Vec<Problem>,
) {
    let Some(address) = seat.address.filter(|_| seat.credentials.snmp.is_some()) else { return };
    if let Some(other) = taken.insert((seat.gateway.as_str(), address, seat.snmp.port), seat.name.to_string()) {
        let port = seat.snmp.port;
        let message = format!("{other} is asked by SNMP at {address} port {port} behind {} already", seat.gateway);
        problems.push(fields.error("address", message));
    }
}
