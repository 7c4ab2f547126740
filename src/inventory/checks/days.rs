//! Days: in order, not over, not forgotten.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use super::Draft;
use crate::inventory::read::CustomerDraft;
use crate::model::inventory::{Algorithms, ContactRole};
use crate::yaml::form::{date, moment};
use crate::yaml::{Fields, Problem};

/// Days before its end at which a contract is spoken of.
const CONTRACT_NOTICE_DAYS: u64 = 30;
/// Days before the last day of legacy algorithms on which it is warned of.
const LEGACY_DAYS: u64 = 30;
const LEGACY_HINT: &str = "upgrade the unit, or write the later day that was agreed on";
/// Days after which a contact must be confirmed again.
const CONTACT_AGE_DAYS: u64 = 365;

pub(super) fn check(draft: &Draft<'_>, today: NaiveDate, problems: &mut Vec<Problem>) {
    for customer in &draft.customers {
        for contract in &customer.contracts {
            check_contract(*contract, today, problems);
        }
        check_contacts(customer, today, problems);
        for (fields, seat) in &customer.seats {
            if let (Some(ssh), Some(seat)) = (fields.table("ssh"), seat) {
                check_algorithms(ssh, seat.ssh.algorithms, seat.ssh.legacy_until.as_deref(), today, problems);
            }
            if let (Some(api), Some(seat)) = (fields.table("api"), seat) {
                check_algorithms(api, seat.api.algorithms, seat.api.legacy_until.as_deref(), today, problems);
                if seat.api.algorithms == Algorithms::Legacy && seat.api.pins.is_empty() {
                    let message = "over legacy TLS a server is known by its pin alone";
                    let hint = "write pin: sha256/… as the appliance shows it";
                    problems.push(api.error("algorithms", message).with_hint(hint.to_owned()));
                }
            }
        }
    }
    check_ends(draft, problems);
    for freeze in &draft.freezes {
        let days = (freeze.text("from").and_then(date), freeze.text("until").and_then(date));
        if let (Some(from), Some(until)) = days {
            check_span(*freeze, from > until, until < today, "freeze", problems);
        }
    }
    for work in &draft.works {
        let moments = (work.text("from").and_then(moment), work.text("until").and_then(moment));
        if let (Some(from), Some(until)) = moments {
            check_span(*work, from >= until, until.date() < today, "work", problems);
        }
    }
}

/// A model that is named twice would have two ends; one without a day has none.
fn check_ends(draft: &Draft<'_>, problems: &mut Vec<Problem>) {
    let mut models = BTreeMap::new();
    for fields in &draft.model_ends {
        let Some(model) = fields.text("model") else { continue };
        if let Some(line) = models.insert(model.to_uppercase(), fields.here().line) {
            problems.push(fields.error("model", format!("this model stands here twice, first on line {line}")));
        }
        let days = (fields.text("end_of_sale").and_then(date), fields.text("end_of_support").and_then(date));
        match days {
            (None, None) if !fields.has("end_of_sale") && !fields.has("end_of_support") => {
                let message = "an end has a day: end_of_sale, end_of_support or both";
                problems.push(fields.error("model", message));
            }
            (Some(sale), Some(support)) if support < sale => {
                problems.push(fields.error("end_of_support", "support ends before the sale"));
            }
            _ => {}
        }
    }
    let mut releases = BTreeMap::new();
    for fields in &draft.release_ends {
        let Some(release) = fields.text("series").zip(fields.text("release")) else { continue };
        if let Some(line) = releases.insert(release, fields.here().line) {
            problems.push(fields.error("release", format!("this release stands here twice, first on line {line}")));
        }
    }
}

fn check_span(fields: Fields<'_>, reversed: bool, over: bool, what: &str, problems: &mut Vec<Problem>) {
    if reversed {
        let message = format!("the {what} ends before it begins");
        problems.push(fields.error("until", message));
    } else if over {
        let message = format!("the {what} is over");
        problems.push(fields.warning("until", message).with_hint("take it out of the file".to_owned()));
    }
}

fn check_contract(fields: Fields<'_>, today: NaiveDate, problems: &mut Vec<Problem>) {
    let days = (fields.text("from").and_then(date), fields.text("until").and_then(date));
    let (Some(from), Some(until)) = days else { return };
    let notice = today.checked_add_days(Days::new(CONTRACT_NOTICE_DAYS)).unwrap_or(NaiveDate::MAX);
    if until < from {
        problems.push(fields.error("until", "the contract ends before it begins"));
    } else if until < today {
        problems.push(fields.warning("until", "the contract has ended: the dealer owes no help"));
    } else if until <= notice {
        let message = format!("the contract ends within {CONTRACT_NOTICE_DAYS} days");
        problems.push(fields.warning("until", message));
    } else if from > today {
        problems.push(fields.warning("from", "the contract has not begun yet"));
    }
}

fn check_contacts(customer: &CustomerDraft<'_>, today: NaiveDate, problems: &mut Vec<Problem>) {
    let oldest = today.checked_sub_days(Days::new(CONTACT_AGE_DAYS)).unwrap_or(NaiveDate::MIN);
    for contact in &customer.contacts {
        if !contact.has("phones") && !contact.has("mail") {
            problems.push(contact.error("name", "this person has neither a telephone number nor a mail address"));
        }
        match contact.text("confirmed").and_then(date) {
            Some(confirmed) if confirmed > today => {
                problems.push(contact.error("confirmed", "this day is still to come"));
            }
            Some(confirmed) if confirmed < oldest => {
                let message = format!("this entry was last confirmed more than {CONTACT_AGE_DAYS} days ago");
                problems.push(contact.warning("confirmed", message));
            }
            _ => {}
        }
    }
    let reachable = |role: ContactRole| {
        customer.contacts.iter().any(|contact| contact.list_of::<ContactRole>("roles").contains(&role))
    };
    for role in [ContactRole::Technical, ContactRole::Emergency] {
        if !customer.seats.is_empty() && !reachable(role) {
            let message = format!("nobody has the role {role}: whom to call at night?");
            let place = if customer.fields.has("contacts") { "contacts" } else { "name" };
            problems.push(customer.fields.warning(place, message));
        }
    }
}

fn check_algorithms(
    fields: Fields<'_>,
    algorithms: Algorithms,
    until: Option<&str>,
    today: NaiveDate,
    problems: &mut Vec<Problem>,
) {
    let soon = today.checked_add_days(Days::new(LEGACY_DAYS)).unwrap_or(NaiveDate::MAX);
    match (algorithms, until) {
        (Algorithms::Legacy, None) => {
            let message = "legacy algorithms need a last day";
            let hint = "write legacy_until: yyyy-mm-dd, the day by which the unit is upgraded or gone";
            problems.push(fields.error("algorithms", message).with_hint(hint.to_owned()));
        }
        (Algorithms::Legacy, Some(until)) if date(until).is_some_and(|until| until < today) => {
            let message = "the last day for legacy algorithms is over, and the seat is not dialled any more";
            problems.push(fields.warning("legacy_until", message).with_hint(LEGACY_HINT.to_owned()));
        }
        (Algorithms::Legacy, Some(until)) if date(until).is_some_and(|until| until < soon) => {
            let message =
                format!("legacy algorithms end in less than {LEGACY_DAYS} days, and the seat is not dialled then");
            problems.push(fields.warning("legacy_until", message).with_hint(LEGACY_HINT.to_owned()));
        }
        (Algorithms::Modern, Some(_)) => {
            problems.push(fields.warning("legacy_until", "without algorithms: legacy this day has no effect"));
        }
        _ => {}
    }
}
