//! The names of credentials in the inventory against their sources in the settings.

use crate::model::credential::Purpose;
use crate::model::inventory::{GatewayAccess, Inventory, Seat};
use crate::model::settings::Settings;
use crate::model::snmp::SnmpVersion;
use crate::yaml::{Problem, Severity};

/// Seats and hops whose credential has no source in the settings (a warning: nothing is polled there), or one of the wrong purpose
/// (an error). A change credential without a source is nothing that anybody misses yet.
pub fn check_credentials(inventory: &Inventory, settings: &Settings) -> Vec<Problem> {
    let mut problems = hops(inventory, settings);
    for seat in inventory.seats.values() {
        let named = &seat.credentials;
        let wanted = [
            (Purpose::Read, &named.read),
            (Purpose::Change, &named.change),
            (Purpose::Snmp, &named.snmp),
            (Purpose::Api, &named.api),
        ];
        for (purpose, name) in wanted {
            let Some(name) = name else { continue };
            match settings.credentials.get(name) {
                None if purpose != Purpose::Change => {
                    let lost = match purpose {
                        Purpose::Snmp => "asked by SNMP",
                        Purpose::Api => "asked by its API",
                        _ => "polled",
                    };
                    let message =
                        format!("the settings have no source for the credential {name}: {} is not {lost}", seat.name);
                    problems.push(at(seat, Severity::Warning, message));
                }
                Some(source) if source.purpose != purpose => {
                    let message = format!(
                        "{} names {name} to {purpose}, but the settings give it the purpose {}",
                        seat.name, source.purpose
                    );
                    problems.push(at(seat, Severity::Error, message));
                }
                Some(source) if source.snmp_version().is_some_and(|version| version != seat.snmp.version) => {
                    let given = source.snmp_version().map_or("", SnmpVersion::as_str);
                    let message = format!(
                        "{} is asked by SNMP {}, but the settings give {name} for {given}",
                        seat.name, seat.snmp.version
                    );
                    problems.push(at(seat, Severity::Error, message));
                }
                Some(source) if purpose == Purpose::Api && seat.api.pins.is_empty() && source.ca.is_none() => {
                    let message =
                        format!("{} says not by what its certificate is known: {name} is sent to nobody", seat.name);
                    let hint = "write a pin below api of the seat (a poll tells which key the appliance shows), or ca at \
                                the credential";
                    problems.push(at(seat, Severity::Warning, message).with_hint(hint.to_owned()));
                }
                _ => {}
            }
        }
    }
    problems
}

/// The same for hops. A hop has no line of its own here: the first seat behind it stands for it.
fn hops(inventory: &Inventory, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for customer in inventory.customers.values() {
        for gateway in &customer.gateways {
            let mut seats = inventory.seats.values();
            let behind = seats.find(|seat| seat.customer == customer.name && seat.gateway == gateway.name);
            let Some(behind) = behind.filter(|_| gateway.access != GatewayAccess::AirGapped) else { continue };
            for hop in gateway.hops.iter().filter(|hop| hop.kind.is_bastion()) {
                let Some(name) = &hop.credential else { continue };
                let place = format!("the hop {} of gateway {}", hop.place(), gateway.name);
                match settings.credentials.get(name) {
                    None => {
                        let message = format!(
                            "the settings have no source for the credential {name} of {place}: no seat behind it is polled"
                        );
                        problems.push(at(behind, Severity::Warning, message));
                    }
                    Some(source) if source.purpose != Purpose::Hop => {
                        let message = format!(
                            "{place} names {name}, but the settings give it the purpose {}: hop is expected",
                            source.purpose
                        );
                        problems.push(at(behind, Severity::Error, message));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    problems
}

fn at(seat: &Seat, severity: Severity, message: String) -> Problem {
    let (file, line) = &seat.declared_at;
    Problem { severity, line: *line, column: 1, ..Problem::of_file(file.as_str(), message) }
}
