//! Seats against each other: pairs, managers, serials; and seats against what their series can be.

use std::collections::{BTreeMap, BTreeSet};

use super::Draft;
use crate::model::inventory::{DataPath, Seat, Supplier};
use crate::model::name::SeatName;
use crate::model::series::Series;
use crate::yaml::{Fields, Problem};

pub(super) fn check(draft: &Draft<'_>, problems: &mut Vec<Problem>) {
    let mut seats = BTreeMap::new();
    for (_, seat) in draft.seats() {
        seats.entry(&seat.name).or_insert(seat);
    }
    let mut serials = BTreeMap::new();
    for (fields, seat) in draft.seats() {
        pair(fields, seat, &seats, problems);
        manager(fields, seat, &seats, problems);
        nature(fields, seat, problems);
        supply(fields, seat, problems);
        if let Some(serial) = &seat.serial
            && let Some(other) = serials.insert((serial, seat.series, &seat.model), &seat.name)
        {
            problems.push(fields.error("serial", format!("this serial is that of {other} already")));
        }
    }
    circles(draft, &seats, problems);
    approved(draft, problems);
}

fn pair(fields: Fields<'_>, seat: &Seat, seats: &BTreeMap<&SeatName, &Seat>, problems: &mut Vec<Problem>) {
    let Some(peer) = seat.peer.as_ref() else { return };
    if *peer == seat.name {
        problems.push(fields.error("peer", "a seat cannot be its own peer"));
        return;
    }
    let Some(peer) = seats.get(peer) else { return };
    if peer.customer != seat.customer {
        problems.push(fields.error("peer", format!("{} belongs to another customer, {}", peer.name, peer.customer)));
    } else if peer.peer.as_ref() != Some(&seat.name) {
        let says = peer.peer.as_ref().map_or_else(|| "no peer".to_owned(), |other| format!("{other} as its peer"));
        let message = format!("{} names {says}: the members of a pair name each other", peer.name);
        problems.push(fields.error("peer", message));
    } else if (peer.series, &peer.model) != (seat.series, &seat.model) {
        let message = format!(
            "the members of a pair are of one series and model: this is {} {}, {} is {} {}",
            seat.series, seat.model, peer.name, peer.series, peer.model
        );
        problems.push(fields.error("peer", message));
    }
}

fn manager(fields: Fields<'_>, seat: &Seat, seats: &BTreeMap<&SeatName, &Seat>, problems: &mut Vec<Problem>) {
    let Some(manager) = seat.managed_by.as_ref().and_then(|name| seats.get(name)) else { return };
    if manager.customer != seat.customer {
        let message = format!("{} belongs to another customer, {}", manager.name, manager.customer);
        problems.push(fields.error("managed_by", message));
    } else if manager.series != Series::Cm {
        let message = format!("{} is of series {}: only a CM manages others", manager.name, manager.series);
        problems.push(fields.error("managed_by", message));
    }
}

/// Each circle of managers is named once, at the member that comes first by name.
fn circles(draft: &Draft<'_>, seats: &BTreeMap<&SeatName, &Seat>, problems: &mut Vec<Problem>) {
    let fields: BTreeMap<_, _> = draft.seats().map(|(fields, seat)| (&seat.name, fields)).collect();
    let mut done = BTreeSet::new();
    for start in seats.keys() {
        let mut path: Vec<&SeatName> = Vec::new();
        let mut met = BTreeSet::new();
        let mut next = Some(*start);
        while let Some(name) = next.filter(|name| !done.contains(name)) {
            if !met.insert(name) {
                // Names come in order, so the walk that meets a circle first may still have begun outside of it.
                let circle = path.iter().copied().skip_while(|member| *member != name).collect::<Vec<_>>();
                report_circle(&circle, &fields, problems);
                break;
            }
            path.push(name);
            next = seats.get(name).and_then(|seat| seat.managed_by.as_ref());
        }
        done.extend(path);
    }
}

fn report_circle(circle: &[&SeatName], fields: &BTreeMap<&SeatName, Fields<'_>>, problems: &mut Vec<Problem>) {
    let first = circle.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(place, _)| place);
    let members: Vec<_> = circle.iter().cycle().skip(first).take(circle.len() + 1).map(|name| name.as_str()).collect();
    if let Some(fields) = circle.get(first).and_then(|name| fields.get(name)) {
        let message = format!("the managers form a circle: {}", members.join(" -> "));
        problems.push(fields.error("managed_by", message));
    }
}

/// The data paths that a series can have.
pub(in crate::inventory) const fn paths(series: Series) -> &'static [DataPath] {
    match series {
        Series::Nx => &[DataPath::Tap, DataPath::InlineFailOpen, DataPath::InlineFailClose],
        Series::Ex => &[DataPath::MailMta, DataPath::MailBcc, DataPath::Tap],
        Series::Hx => &[DataPath::Agents, DataPath::AgentsDmz],
        Series::Cm => &[DataPath::Manager],
        Series::Ax => &[DataPath::Analysis],
        Series::Fx => &[DataPath::FileScan],
    }
}

fn nature(fields: Fields<'_>, seat: &Seat, problems: &mut Vec<Problem>) {
    let allowed = paths(seat.series);
    if !allowed.contains(&seat.data_path) {
        let message = format!("a unit of series {} has no data path {}", seat.series, seat.data_path);
        let words = allowed.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ");
        problems.push(fields.error("data_path", message).with_hint(format!("possible: {words}")));
    }
    let model = seat.model.to_ascii_lowercase();
    let other = Series::ALL.iter().find(|series| **series != seat.series && model.starts_with(series.as_str()));
    if let Some(other) = other {
        let message = format!("the model {} is of series {other}, not {}", seat.model, seat.series);
        problems.push(fields.error("model", message));
    }
    // Virtual models end in V (NX2500V, CM7500V): Trellix data sheets.
    if model.ends_with('v') != seat.virtual_machine {
        let message = if seat.virtual_machine {
            format!("the seat is virtual, but {} is a model of hardware", seat.model)
        } else {
            format!("{} is a virtual model, but the seat is not declared virtual", seat.model)
        };
        problems.push(fields.warning("model", message));
    }
}

fn supply(fields: Fields<'_>, seat: &Seat, problems: &mut Vec<Problem>) {
    match (seat.supplier, &seat.contract) {
        (Supplier::Us, None) if !seat.virtual_machine => {
            let message = format!("we sold {:?}, but it names no maintenance contract", seat.name.as_str());
            problems.push(fields.warning("name", message));
        }
        (Supplier::Other, Some(_)) => {
            let message = "somebody else sold this unit: a contract of ours does not cover it";
            problems.push(fields.error("contract", message));
        }
        _ => {}
    }
}

/// A series in use without an approved release can be neither "behind" nor upgraded.
fn approved(draft: &Draft<'_>, problems: &mut Vec<Problem>) {
    let Some(releases) = draft.releases else { return };
    let named: BTreeSet<_> = releases.map("approved").iter().map(|entry| entry.key.as_str()).collect();
    let used: BTreeSet<_> = draft.seats().map(|(_, seat)| seat.series).collect();
    for series in used.into_iter().filter(|series| !named.contains(series.as_str())) {
        let message = format!("no release is approved for series {series}, of which there are seats");
        problems.push(releases.warning("approved", message));
    }
}
