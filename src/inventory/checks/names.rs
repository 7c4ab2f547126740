//! Names that stand twice, and names that nobody declared.

use std::collections::{BTreeMap, BTreeSet};

use super::Draft;
use crate::inventory::read::CustomerDraft;
use crate::model::credential::CredentialName;
use crate::model::name::CustomerName;
use crate::yaml::{Fields, Problem, did_you_mean};

pub(super) fn check(draft: &Draft<'_>, problems: &mut Vec<Problem>) {
    let all_seats: Vec<_> = draft.customers.iter().flat_map(|customer| &customer.seats).map(|seat| seat.0).collect();
    doubles(&all_seats, "name", "seat", problems);
    doubles(&draft.works, "name", "work", problems);
    doubles(&draft.freezes, "name", "freeze", problems);
    let seat_names = texts(&all_seats, "name");
    for customer in &draft.customers {
        file_name(customer, problems);
        doubles(&customer.sites, "name", "site", problems);
        doubles(&customer.gateways, "name", "gateway", problems);
        doubles(&customer.windows, "name", "window", problems);
        doubles(&customer.contracts, "number", "contract", problems);
        let sites = texts(&customer.sites, "name");
        let gateways = texts(&customer.gateways, "name");
        let windows = texts(&customer.windows, "name");
        let contracts = texts(&customer.contracts, "number");
        for (seat, _) in &customer.seats {
            refers(*seat, "site", &sites, "site of this customer", problems);
            refers(*seat, "gateway", &gateways, "gateway of this customer", problems);
            refers(*seat, "window", &windows, "window of this customer", problems);
            refers(*seat, "contract", &contracts, "contract of this customer", problems);
            refers(*seat, "peer", &seat_names, "seat", problems);
            refers(*seat, "managed_by", &seat_names, "seat", problems);
            if let (Some(owner), Some(credentials)) = (&customer.name, seat.table("credentials")) {
                belongs(credentials, "read", owner, problems);
                belongs(credentials, "change", owner, problems);
                belongs(credentials, "snmp", owner, problems);
                belongs(credentials, "api", owner, problems);
            }
        }
        for hop in customer.gateways.iter().flat_map(|gateway| gateway.tables("hops")) {
            if let Some(owner) = &customer.name {
                belongs(hop, "credential", owner, problems);
            }
        }
    }
    announced(draft, problems);
}

fn texts<'a>(items: &[Fields<'a>], name: &str) -> BTreeSet<&'a str> {
    items.iter().filter_map(|item| item.text(name)).collect()
}

fn file_name(customer: &CustomerDraft<'_>, problems: &mut Vec<Problem>) {
    let file = customer.fields.source().name();
    let stem = file.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or(file);
    if let Some(name) = &customer.name
        && name.as_str() != stem
    {
        let message = format!("the customer {:?} stands in the file of {stem:?}", name.as_str());
        let hint = format!("rename the file to {name}.yaml, or the customer to {stem}");
        problems.push(customer.fields.error("name", message).with_hint(hint));
    }
}

fn doubles(items: &[Fields<'_>], key: &str, what: &str, problems: &mut Vec<Problem>) {
    let mut first = BTreeMap::new();
    for item in items {
        let Some(name) = item.text(key) else { continue };
        let place = format!("{}:{}", item.source().name(), item.place(key).line);
        if let Some(before) = first.get(name) {
            let message = format!("the {what} {name:?} is declared twice, first at {before}");
            problems.push(item.error(key, message));
        } else {
            first.insert(name, place);
        }
    }
}

fn refers(item: Fields<'_>, key: &str, known: &BTreeSet<&str>, what: &str, problems: &mut Vec<Problem>) {
    if let Some(name) = item.text(key)
        && !known.contains(name)
    {
        let found = item.source().quote(item.place(key), name);
        let hint = did_you_mean(name, known.iter().copied());
        problems.push(item.error(key, format!("no {what} has the name {found}")).with_hint(hint));
    }
}

fn belongs(item: Fields<'_>, key: &str, owner: &CustomerName, problems: &mut Vec<Problem>) {
    if let Some(name) = item.get::<CredentialName>(key)
        && name.customer() != owner
    {
        let message = format!("the credential belongs to {}, not to {owner}", name.customer());
        let hint = format!("a credential serves one customer alone: {owner}/…");
        problems.push(item.error(key, message).with_hint(hint));
    }
}

/// Works and freezes name customers and sites.
fn announced(draft: &Draft<'_>, problems: &mut Vec<Problem>) {
    let customers: BTreeSet<_> = draft.customers.iter().filter_map(|customer| customer.fields.text("name")).collect();
    for freeze in &draft.freezes {
        refers(*freeze, "customer", &customers, "customer", problems);
    }
    for work in &draft.works {
        refers(*work, "customer", &customers, "customer", problems);
        let owner = work.text("customer");
        let customer = draft.customers.iter().find(|customer| customer.fields.text("name") == owner);
        if let Some(customer) = customer {
            refers(*work, "site", &texts(&customer.sites, "name"), "site of this customer", problems);
        }
    }
}
