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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::assemble::assemble;
    use crate::inventory::example::EXAMPLE;
    use crate::yaml::Source;

    fn fleet() -> Inventory {
        let sources: Vec<_> = EXAMPLE.iter().map(|(name, text)| Source::new(*name, *text)).collect();
        let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let mut problems = Vec::new();
        let inventory = assemble(&sources, today, String::new(), &mut problems);
        assert_eq!(problems, []);
        inventory
    }

    /// The releases that were seen: acme-nx01 is old, momiji-nx01 current, momiji-nx02 seen too long ago.
    fn seen(name: &SeatName) -> Option<(Release, bool)> {
        let (release, fresh) = match name.as_str() {
            "acme-nx01" => ("9.1.0.924861", true),
            "momiji-nx01" => ("10.0.4.1005222", true),
            "momiji-nx02" => ("9.1.0.924861", false),
            _ => return None,
        };
        Some((release.parse().unwrap(), fresh))
    }

    fn chosen(selectors: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let selectors: Vec<_> = selectors.iter().map(|text| Selector::parse(text).unwrap()).collect();
        let names = |names: Vec<SeatName>| names.into_iter().map(String::from).collect();
        match select(&selectors, &fleet(), &seen) {
            Ok(selection) => Ok((names(selection.seats), names(selection.undecided))),
            Err(error) => Err(format!("{error} | {}", error.hint().unwrap_or_default())),
        }
    }

    fn sure(selectors: &[&str]) -> Vec<String> {
        let (seats, undecided) = chosen(selectors).unwrap();
        assert_eq!(undecided, [""; 0]);
        seats
    }

    #[test]
    fn terms_must_all_hold_and_selectors_add_up() {
        assert_eq!(sure(&["all"]).len(), 24);
        assert_eq!(sure(&["series=nx+ex,customer=acme"]), ["acme-ex01", "acme-nx01"]);
        assert_eq!(sure(&["series=nx+ex,customer=acme,name!=acme-nx01"]), ["acme-ex01"]);
        assert_eq!(sure(&["sora-nx01", "data-path=agents+agents-dmz"]), ["chidori-hx01", "chidori-hx02", "sora-nx01"]);
        assert_eq!(sure(&["acme-nx01+acme-ex01"]), ["acme-ex01", "acme-nx01"]);
        assert_eq!(sure(&["model=nx2550,site=yard"]), ["umi-nx01"]);
        assert_eq!(sure(&["virtual=yes"]), ["chidori-nx01"]);
        assert_eq!(sure(&["supplier!=us"]), ["minato-nx02"]);
        assert_eq!(sure(&["managed-by=ginga-cm01", "algorithms=legacy"]), ["furumachi-nx02", "ginga-nx01"]);
        assert_eq!(sure(&["gateway=air-gap"]), ["sora-nx01"]);
    }

    #[test]
    fn an_unseen_release_is_undecided_and_never_a_match() {
        let (seats, undecided) = chosen(&["series=nx,customer=acme+momiji,release=below:10.0"]).unwrap();
        assert_eq!((seats, undecided), (vec!["acme-nx01".to_owned()], vec!["momiji-nx02".to_owned()]));
        let (seats, undecided) = chosen(&["customer=acme+momiji,series=nx,release=behind"]).unwrap();
        assert_eq!((seats, undecided), (vec!["acme-nx01".to_owned()], vec!["momiji-nx02".to_owned()]));
        assert_eq!(chosen(&["name=momiji-nx02,release!=9.1"]).unwrap().1, ["momiji-nx02"]);
        assert_eq!(sure(&["name=momiji-nx01+acme-nx01,series=nx,release=from:10.0"]), ["momiji-nx01"]);
        assert_eq!(sure(&["name=acme-nx01,release=9.1"]), ["acme-nx01"]);
        // Another selector that matches decides.
        assert_eq!(sure(&["name=momiji-nx02,release=9.1", "momiji-nx02"]), ["momiji-nx02"]);
    }

    #[test]
    fn what_selects_nothing_is_refused() {
        assert!(chosen(&[]).unwrap_err().contains("empty"));
        assert_eq!(
            chosen(&["acme-nx1"]).unwrap_err(),
            "the inventory has no name \"acme-nx1\" | did you mean \"acme-nx01\"?"
        );
        assert_eq!(
            chosen(&["acme"]).unwrap_err(),
            "the inventory has no name \"acme\" | a customer has this name: customer=acme"
        );
        assert!(chosen(&["customer=acmee"]).unwrap_err().contains("acme"));
        assert!(chosen(&["model=NX9999"]).is_err());
        assert!(chosen(&["series=ax,customer=momiji"]).unwrap_err().contains("matches no seat"));
        assert!(chosen(&["all", "series=ax,customer=momiji"]).is_err());
        assert!(chosen(&["acme-nx01,acme-ex01"]).unwrap_err().contains("join alternatives with +"));
    }
}
