//! Selectors: `series=nx+ex,customer=acme,release=below:9.1`, without a character that a shell reads.
//!
//! Invariant: an empty selector, an unknown name and a selector that matches nothing are refused (invariant 2).

use std::collections::BTreeSet;

use super::selector::{Key, ReleaseTerm, Selector, SelectorError, Value};
use crate::model::inventory::{Inventory, Seat};
use crate::model::name::{CustomerName, SeatName};
use crate::model::release::Release;
use crate::yaml::did_you_mean;

/// The seats that selectors name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The seats that match, by name.
    pub seats: Vec<SeatName>,
    /// The seats that match but for a release term, which says nothing because no release was seen within a day, or
    /// because none is approved.
    pub undecided: Vec<SeatName>,
}

/// Whether a seat matches; the order is that of the weaker word in an "and".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    No,
    Undecided,
    Yes,
}

impl From<bool> for Match {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Match {
    const fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Undecided => Self::Undecided,
            Self::Yes => Self::No,
        }
    }
}

/// The union of selectors; `seen` gives the last release of a seat and whether it was observed within a day.
pub fn select(
    selectors: &[Selector],
    inventory: &Inventory,
    seen: &dyn Fn(&SeatName) -> Option<(Release, bool)>,
) -> Result<Selection, SelectorError> {
    if selectors.is_empty() {
        return Err(SelectorError::Empty);
    }
    let mut matches = vec![Match::No; inventory.seats.len()];
    for selector in selectors {
        known(selector, inventory)?;
        let mut any = false;
        for (seat, best) in inventory.seats.values().zip(&mut matches) {
            let found = selects(selector, seat, inventory, seen);
            any |= found != Match::No;
            *best = found.max(*best);
        }
        if !any {
            return Err(SelectorError::MatchesNothing { selector: selector.to_string(), hint: two_names(selector) });
        }
    }
    let of = |wanted: Match| {
        let pairs = inventory.seats.keys().zip(&matches);
        pairs.filter(|(_, found)| **found == wanted).map(|(name, _)| name.clone()).collect()
    };
    Ok(Selection { seats: of(Match::Yes), undecided: of(Match::Undecided) })
}

/// A comma means "and", which people forget when they write two names.
fn two_names(selector: &Selector) -> Option<String> {
    let mut seen = BTreeSet::new();
    let twice = selector.terms().iter().filter(|term| !term.negated).find(|term| !seen.insert(term.key))?;
    Some(format!("two terms of {} joined by a comma must both hold; join alternatives with + instead", twice.key))
}

fn selects(
    selector: &Selector,
    seat: &Seat,
    inventory: &Inventory,
    seen: &dyn Fn(&SeatName) -> Option<(Release, bool)>,
) -> Match {
    let terms = selector.terms().iter().map(|term| {
        let found = term.values.iter().map(|value| holds(term.key, value, seat, inventory, seen)).max();
        let found = found.unwrap_or(Match::No);
        if term.negated { found.not() } else { found }
    });
    terms.min().unwrap_or(Match::Yes)
}

fn holds(
    key: Key,
    value: &Value,
    seat: &Seat,
    inventory: &Inventory,
    seen: &dyn Fn(&SeatName) -> Option<(Release, bool)>,
) -> Match {
    let word = match value {
        Value::Word(word) => word.as_str(),
        Value::Release(term) => return release_holds(term, seat, inventory, seen(&seat.name)),
    };
    let found = match key {
        Key::Customer => seat.customer.as_str() == word,
        Key::Site => seat.site.as_str() == word,
        Key::Gateway => seat.gateway.as_str() == word,
        Key::Series => seat.series.as_str() == word,
        Key::Model => seat.model.eq_ignore_ascii_case(word),
        Key::Name => seat.name.as_str() == word,
        Key::DataPath => seat.data_path.as_str() == word,
        Key::Supplier => seat.supplier.as_str() == word,
        Key::Virtual => seat.virtual_machine == (word == "yes"),
        Key::ManagedBy => seat.managed_by.as_ref().is_some_and(|manager| manager.as_str() == word),
        Key::Algorithms => seat.ssh.algorithms.as_str() == word,
        Key::Release => false,
    };
    found.into()
}

fn release_holds(term: &ReleaseTerm, seat: &Seat, inventory: &Inventory, seen: Option<(Release, bool)>) -> Match {
    let Some((release, true)) = seen else { return Match::Undecided };
    match term {
        ReleaseTerm::Within(pattern) => release.is_within(pattern).into(),
        ReleaseTerm::Below(bound) => release.is_below(bound).into(),
        ReleaseTerm::From(bound) => (!release.is_below(bound)).into(),
        ReleaseTerm::Behind => match inventory.approved.get(&seat.series) {
            Some(approved) => release.is_below(approved).into(),
            None => Match::Undecided,
        },
    }
}

/// Refuses names that the inventory does not have: a typo must not select the rest in silence.
fn known(selector: &Selector, inventory: &Inventory) -> Result<(), SelectorError> {
    for term in selector.terms() {
        let Some(names) = names(term.key, inventory) else { continue };
        let is_known = |word: &&str| match term.key {
            Key::Model => names.iter().any(|name| name.eq_ignore_ascii_case(word)),
            _ => names.contains(word),
        };
        if let Some(word) = term.values.iter().filter_map(Value::word).find(|word| !is_known(word)) {
            let hint = match term.key {
                Key::Name if inventory.customers.keys().any(|customer| customer.as_str() == word) => {
                    Some(format!("a customer has this name: customer={word}"))
                }
                _ => did_you_mean(word, names.iter().copied()),
            };
            return Err(SelectorError::UnknownName { key: term.key, found: word.to_owned(), hint });
        }
    }
    Ok(())
}

/// The names that a key can have in this inventory; `None` for keys whose words are known without one.
fn names(key: Key, inventory: &Inventory) -> Option<BTreeSet<&str>> {
    let customers = inventory.customers.values();
    Some(match key {
        Key::Customer => inventory.customers.keys().map(CustomerName::as_str).collect(),
        Key::Name | Key::ManagedBy => inventory.seats.keys().map(SeatName::as_str).collect(),
        Key::Site => customers.flat_map(|one| &one.sites).map(|site| site.name.as_str()).collect(),
        Key::Gateway => customers.flat_map(|one| &one.gateways).map(|gateway| gateway.name.as_str()).collect(),
        Key::Model => inventory.seats.values().map(|seat| seat.model.as_str()).collect(),
        _ => return None,
    })
}
