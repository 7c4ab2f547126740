//! Several channels to one appliance: what SNMP and the HTTPS API say of the same component as SSH, held beside it.
//!
//! What SSH said stays as it is: another channel makes no good reading bad and no bad one good. What both speak of becomes a reading
//! of the kind *channel*, named after the channel and the component (`snmp disk 3`), so that a disagreement that lasts is
//! a finding of its own. What it alone speaks of, by its kind, is a reading as any other.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::span::with_missing;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Condition, Measure, Outcome, Reading, Unit};

crate::words! {
    /// A channel that is held beside SSH. Its word begins the names of its components.
    pub enum Via {
        /// SNMP.
        Snmp = "snmp",
        /// The HTTPS API.
        Api = "api",
    }
}

impl Via {
    /// As people write it.
    const fn title(self) -> &'static str {
        match self {
            Self::Snmp => "SNMP",
            Self::Api => "the API",
        }
    }

    /// The component of the channel as a whole: does it answer where it is declared?
    pub fn whole(self) -> Component {
        Component::new(ComponentKind::Channel, self.as_str())
    }

    /// Whether a component is the channel, or what it says beside SSH of one component.
    pub fn is_of(self, component: &Component) -> bool {
        let after = component.name.as_data().strip_prefix(self.as_str());
        component.kind == ComponentKind::Channel
            && after.is_some_and(|after| after.is_empty() || after.starts_with(' '))
    }

    /// `snmp disk 3`.
    fn beside(self, component: &Component) -> Component {
        named(self.as_str(), component)
    }

    /// The reading of a channel that gave nothing. How it failed is its own affair: no other component has a reading
    /// from it.
    pub fn silent(self, condition: Condition, why: impl Into<Outside>) -> Reading {
        Reading::new(self.whole(), condition, why)
    }
}

/// What SSH gave in the same poll.
#[derive(Debug, Clone, Copy)]
pub struct First<'a> {
    /// Its readings.
    pub readings: &'a [Reading],
    /// The kinds of component about which it was asked.
    pub asked: &'a BTreeSet<ComponentKind>,
}

/// What another channel gave.
#[derive(Debug, Clone, Copy)]
pub struct Second<'a> {
    /// Its readings.
    pub readings: &'a [Reading],
    /// The kinds of which it alone speaks.
    pub alone: &'a BTreeSet<ComponentKind>,
}

/// The readings of a poll in which that channel answered in full. `before` are the components that earlier polls saw: those of
/// it alone that are gone are missing, and a component that was once told apart goes on to be. `first` is `None`
/// when SSH said nothing in this poll.
pub fn cross_check(via: Via, first: Option<First<'_>>, second: Second<'_>, before: &[&Component]) -> Vec<Reading> {
    let (alone, shared): (Vec<_>, Vec<_>) =
        second.readings.iter().partition(|reading| second.alone.contains(&reading.component.kind));
    let told: BTreeMap<&Component, &Reading> = first
        .map(|first| first.readings.iter().map(|reading| (&reading.component, reading)).collect())
        .unwrap_or_default();
    let mut compared = 0;
    let mut readings = Vec::new();
    let mut spoken = BTreeSet::new();
    for reading in shared {
        let name = via.beside(&reading.component);
        spoken.insert(name.clone());
        let unasked = first.is_some_and(|first| !first.asked.contains(&reading.component.kind));
        if unasked || reading.condition == Condition::Missing {
            continue;
        }
        let ssh = told.get(&reading.component).copied();
        compared += i64::from(ssh.is_some());
        let (condition, said) = hold(via, ssh, reading, first.is_some());
        if !condition.is_good() || before.contains(&&name) {
            readings.push(Reading::new(name, condition, said));
        }
    }
    let gone = before.iter().filter(|known| via.is_of(known) && ***known != via.whole());
    let gone = gone.filter(|known| !spoken.contains(**known));
    let silent = Outside::from(format!("{} says nothing of it", via.title()));
    readings.extend(gone.map(|known| Reading::new((*known).clone(), Condition::Missing, silent.clone())));
    let known = before.iter().copied().filter(|known| second.alone.contains(&known.kind));
    readings.extend(with_missing(known, alone.into_iter().cloned().collect()));
    let answers = match first {
        Some(_) => Reading::new(via.whole(), Condition::Good, "answers").with(Measure::whole(compared, Unit::Count)),
        None => Reading::new(via.whole(), Condition::Good, "answers; SSH does not"),
    };
    readings.push(answers);
    readings
}

/// What a channel beside SSH gave in a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spoke {
    /// What it said; nothing where it did not answer.
    pub raw: Vec<Reading>,
    /// What became of it beside SSH: readings of the channel, and of what it alone speaks of.
    pub held: Vec<Reading>,
}

impl Spoke {
    /// A channel that said nothing.
    pub const fn only(held: Vec<Reading>) -> Self {
        Self { raw: Vec::new(), held }
    }
}

/// How the names of components begin of which three channels spoke and were not all alike.
const ALL: &str = "all";

/// The readings that SNMP and the API add to those of SSH. Where all three say something of one component and not all of
/// it is alike, that is one reading of its own (`all raid`) instead of one for each channel.
pub fn together(ssh: &[Reading], snmp: Spoke, api: Spoke, before: &[&Component]) -> Vec<Reading> {
    let by_component = |readings: &[Reading]| -> BTreeMap<Component, Reading> {
        readings.iter().map(|reading| (reading.component.clone(), reading.clone())).collect()
    };
    let (by_snmp, by_api) = (by_component(&snmp.raw), by_component(&api.raw));
    let mut all: BTreeMap<Component, Reading> = BTreeMap::new();
    for reading in snmp.held.into_iter().chain(api.held) {
        // Of two that alone speak of a component, as of what a CM manages, the one that does counts.
        let gone = |known: &Reading| matches!(known.condition, Condition::Missing | Condition::Disabled);
        let known = all.get(&reading.component);
        if known.is_none_or(gone) {
            all.insert(reading.component.clone(), reading);
        }
    }
    let mut spoken = BTreeSet::new();
    for first in ssh {
        let others = by_snmp.get(&first.component).zip(by_api.get(&first.component));
        let Some((second, third)) = others else { continue };
        let name = named(ALL, &first.component);
        spoken.insert(name.clone());
        if [first, second, third].iter().any(|reading| reading.condition.is_unknown()) {
            continue;
        }
        let alike = agree(first, second) && agree(first, third) && agree(second, third);
        let open = before.contains(&&name);
        if alike && open {
            all.insert(name.clone(), Reading::new(name, Condition::Good, "no disagreement"));
        } else if !alike {
            let says = |reading: &Reading| format!("{} ({})", reading.condition, reading.said.as_data());
            let (one, two, three) = (says(first), says(second), says(third));
            let said = format!("three channels disagree: SSH says {one}, SNMP says {two}, the API says {three}");
            for beside in [Via::Snmp, Via::Api].map(|via| via.beside(&first.component)) {
                all.remove(&beside);
                if before.contains(&&beside) {
                    all.insert(beside.clone(), Reading::new(beside, Condition::Good, "told of all three channels"));
                }
            }
            all.insert(name.clone(), Reading::new(name, Condition::Warning, said));
        }
    }
    let is_of_all = |known: &&&Component| {
        known.kind == ComponentKind::Channel && known.name.as_data().starts_with("all ") && !spoken.contains(**known)
    };
    for known in before.iter().filter(is_of_all) {
        let said = "not all three channels speak of it";
        all.insert((*known).clone(), Reading::new((*known).clone(), Condition::Missing, said));
    }
    all.into_values().collect()
}

/// `snmp disk 3`.
fn named(head: &str, component: &Component) -> Component {
    let (name, kind) = (component.name.as_data(), component.kind);
    let text = if name.is_empty() { format!("{head} {kind}") } else { format!("{head} {kind} {name}") };
    Component::new(ComponentKind::Channel, text)
}

/// What two channels say of one component.
fn hold(via: Via, ssh: Option<&Reading>, second: &Reading, ssh_answered: bool) -> (Condition, Outside) {
    let title = via.title();
    let says = |reading: &Reading| format!("{} ({})", reading.condition, reading.said.as_data());
    if second.condition.is_unknown() {
        return (second.condition, Outside::from(format!("{title} says {}", says(second))));
    }
    match ssh {
        Some(ssh) if ssh.condition.is_unknown() || agree(ssh, second) => {}
        Some(ssh) => {
            let said = format!("channels disagree: SSH says {}, {title} says {}", says(ssh), says(second));
            return (Condition::Warning, Outside::from(said));
        }
        None if second.condition.is_good() => {}
        None => {
            let silent = if ssh_answered { "SSH says nothing of it" } else { "SSH did not answer" };
            return (Condition::Warning, Outside::from(format!("{title} says {}; {silent}", says(second))));
        }
    }
    (Condition::Good, Outside::from("no disagreement"))
}

/// Whether both call the component well, or both not. A warning that a limit of ours made of a number fits either: two
/// channels round differently.
fn agree(ssh: &Reading, second: &Reading) -> bool {
    let by_limit = |reading: &Reading| reading.condition == Condition::Warning && reading.measure.is_some();
    by_limit(ssh) || by_limit(second) || ssh.condition.is_good() == second.condition.is_good()
}

/// Whether another channel may be asked after SSH ended so. A community goes in clear, so that it goes only to an address at which
/// the same poll has proved who answers; a user of v3 shows no secret, and a password goes over TLS after the certificate alone: both are asked as well where SSH fails for a reason
/// that leaves open who is there.
pub const fn may_ask(ssh: Outcome, in_clear: bool) -> bool {
    match ssh {
        Outcome::Answered => true,
        Outcome::TimedOut
        | Outcome::Refused
        | Outcome::ClosedEarly
        | Outcome::Protocol
        | Outcome::LoginRefused
        | Outcome::Braked
        | Outcome::LegacyOver
        | Outcome::NoPrompt
        | Outcome::Dropped
        | Outcome::OverLimit => !in_clear,
        Outcome::NotYetServed
        | Outcome::NoSsh
        | Outcome::DueAttended
        | Outcome::NotPushed
        | Outcome::NoCredential
        | Outcome::KeyUnknown
        | Outcome::KeyChanged
        | Outcome::NotUnderstood
        | Outcome::WrongAppliance
        | Outcome::NotKept
        | Outcome::Stopped => false,
    }
}

/// Whether the agent speaks for the hardware that is expected: by its serial number, without which nothing of it counts.
pub fn speaks_for(expected: Option<&Outside>, found: Option<&Outside>) -> Result<(), Reading> {
    match (expected, found) {
        (Some(expected), Some(found)) if expected == found => Ok(()),
        (Some(expected), Some(found)) => {
            let said = format!("another appliance: expected {}, found {}", expected.as_data(), found.as_data());
            Err(Via::Snmp.silent(Condition::Bad, said))
        }
        (Some(_), None) => Err(Via::Snmp.silent(Condition::Missing, "no serial number: nothing of it counts")),
        (None, _) => Err(Via::Snmp.silent(Condition::Missing, "the serial number of this appliance is not known yet")),
    }
}

#[cfg(test)]
mod tests;
