//! From readings to findings: when a component that is not good counts, and when it is over.
//!
//! A finding is either a *failure* (warning, unprotected, bad) or an *unknown* (stale, missing, malformed,
//! unrecognised), and the two never lend each other weight (invariant 5):
//!
//! | open finding | failing reading | unknown reading | good reading |
//! |---|---|---|---|
//! | none | starts a failure, soft | starts an unknown, soft | nothing |
//! | failure | counts; hard by the rule | nothing but the end of a row of good ones | a step towards the end |
//! | unknown | becomes a failure that starts here, soft | counts; hard by the rule | a step towards the end |
//!
//! A hard unknown is a confirmed gap: it is shown and never good, and [`is_failure`] is false for it. Nothing ends by
//! silence: a component without a reading has no step at all, so its finding stays as it is.

use std::collections::BTreeMap;

use crate::model::finding::{Finding, FindingState, Hysteresis};
use crate::model::name::{CustomerName, SeatName};
use crate::model::reading::{Component, ComponentKind, Condition, Outcome, Reading};
use crate::model::time::Time;

const MINUTE_MS: i64 = 60_000;

/// The finding after one more reading of its component; `None` when there is nothing to write.
///
/// `open` is the finding of this component that has not ended. A finding that is new has no id.
pub fn advance(
    open: Option<&Finding>,
    reading: &Reading,
    customer: &CustomerName,
    seat: &SeatName,
    now: Time,
    rule: Hysteresis,
) -> Option<Finding> {
    let open = open.filter(|finding| finding.state != FindingState::Ended);
    if reading.condition.is_good() {
        return open.map(|finding| after_good(finding, now, rule));
    }
    match open {
        Some(finding) if reading.condition.is_unknown() && !finding.condition.is_unknown() => {
            (finding.good_count > 0).then(|| Finding { good_count: 0, ..finding.clone() })
        }
        Some(finding) if reading.condition.is_unknown() == finding.condition.is_unknown() => {
            let mut next = finding.clone();
            next.condition = reading.condition;
            next.said = reading.said.clone();
            next.last_at = now;
            next.count = next.count.saturating_add(1);
            next.good_count = 0;
            Some(harden(next, now, rule))
        }
        other => {
            let fresh = Finding {
                id: other.and_then(|finding| finding.id),
                customer: customer.clone(),
                seat: seat.clone(),
                component: reading.component.clone(),
                condition: reading.condition,
                said: reading.said.clone(),
                state: FindingState::Soft,
                since: now,
                hard_at: None,
                last_at: now,
                count: 1,
                good_count: 0,
                ended_at: None,
            };
            Some(harden(fresh, now, rule))
        }
    }
}

fn after_good(finding: &Finding, now: Time, rule: Hysteresis) -> Finding {
    let mut next = finding.clone();
    next.good_count = next.good_count.saturating_add(1);
    if next.good_count >= rule.end_after_count {
        next.state = FindingState::Ended;
        next.ended_at = Some(now);
    }
    next
}

fn harden(mut finding: Finding, now: Time, rule: Hysteresis) -> Finding {
    let long_enough = finding.last_at.ms_since(finding.since) >= rule.hard_after_ms;
    if finding.state == FindingState::Soft && finding.count >= rule.hard_after_count && long_enough {
        finding.state = FindingState::Hard;
        finding.hard_at = Some(now);
    }
    finding
}

/// Whether a finding says that something does not work, as opposed to that nothing can be said.
pub const fn is_failure(finding: &Finding) -> bool {
    matches!(finding.state, FindingState::Hard) && !finding.condition.is_unknown()
}

/// Whether the component should be read again at once instead of at its next turn: only a second read is missing to
/// confirm a failure for which no time has to pass, as for a disk that its controller already marks failed.
pub const fn wants_second_read(finding: &Finding, rule: Hysteresis) -> bool {
    matches!(finding.state, FindingState::Soft)
        && !finding.condition.is_unknown()
        && rule.hard_after_ms == 0
        && finding.count < rule.hard_after_count
}

/// What the end of a poll says about whether the seat answers, lets us in and is the expected one.
///
/// A refusal, a time-out and an early close differ in `said`: they are different evidence. What we did not ask, or
/// could not understand, is unknown and no failure. A poll that was stopped says nothing.
pub fn reach(outcome: Outcome) -> Option<Reading> {
    let condition = match outcome {
        Outcome::Answered => Condition::Good,
        Outcome::NotYetServed | Outcome::NoCredential | Outcome::Braked | Outcome::KeyUnknown => Condition::Missing,
        Outcome::NoPrompt => Condition::Unrecognised,
        Outcome::OverLimit => Condition::Malformed,
        Outcome::KeyChanged
        | Outcome::TimedOut
        | Outcome::Refused
        | Outcome::ClosedEarly
        | Outcome::Protocol
        | Outcome::LoginRefused
        | Outcome::Dropped
        | Outcome::WrongAppliance => Condition::Bad,
        Outcome::Stopped | Outcome::NotKept => return None,
    };
    Some(Reading::new(Component::only(ComponentKind::Reach), condition, outcome.as_str()))
}

/// When findings turn hard and when they end, for each kind of component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    changed: BTreeMap<ComponentKind, Hysteresis>,
}

impl Rules {
    /// The built-in rules with those of the settings in their place.
    pub const fn with(changed: BTreeMap<ComponentKind, Hysteresis>) -> Self {
        Self { changed }
    }

    /// The rule for a kind of component.
    pub fn of(&self, kind: ComponentKind) -> Hysteresis {
        self.changed.get(&kind).copied().unwrap_or_else(|| built_in(kind))
    }

    /// The rule for how a poll ended. A refused login, a changed key and another appliance are hard at once: the peer
    /// said so itself, and the brake or the missing pin keeps a second poll from asking again.
    pub fn of_reach(&self, outcome: Outcome) -> Hysteresis {
        let rule = self.of(ComponentKind::Reach);
        match outcome {
            Outcome::LoginRefused | Outcome::KeyChanged | Outcome::WrongAppliance => {
                Hysteresis { hard_after_count: 1, hard_after_ms: 0, ..rule }
            }
            _ => rule,
        }
    }
}

/// The built-in rules. Reach: three failures over five minutes. Hardware: two polls and ten minutes, but for a disk,
/// whose controller has already judged, and a port pair, behind which traffic passes uninspected: those two want only
/// a second read. What changes by work alone is believed at once.
fn built_in(kind: ComponentKind) -> Hysteresis {
    let (hard_after_count, minutes, end_after_count) = match kind {
        ComponentKind::Reach => (3, 5, 2),
        ComponentKind::Disk | ComponentKind::PortPair => (2, 0, 2),
        ComponentKind::Identity
        | ComponentKind::Licence
        | ComponentKind::Content
        | ComponentKind::GuestImage
        | ComponentKind::Boot => (1, 0, 1),
        ComponentKind::Ntp | ComponentKind::Clock | ComponentKind::Configuration => (2, 30, 1),
        ComponentKind::System
        | ComponentKind::Temperature
        | ComponentKind::Raid
        | ComponentKind::Power
        | ComponentKind::Psu
        | ComponentKind::Fans
        | ComponentKind::Fan
        | ComponentKind::Service
        | ComponentKind::Interface
        | ComponentKind::FileSystem
        | ComponentKind::CmLink
        | ComponentKind::Answer => (2, 10, 2),
    };
    Hysteresis { hard_after_count, hard_after_ms: minutes * MINUTE_MS, end_after_count }
}
