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
//! A reading that could not be judged (learning, quiet) begins nothing and ends no failure; an unknown it takes a step
//! towards its end, for the component was read.
//!
//! A hard unknown is a confirmed gap: it is shown, never good, and no failure. Nothing ends by
//! silence: a component without a reading has no step at all, so its finding stays as it is.

use std::collections::BTreeMap;

use crate::model::finding::{Finding, FindingState, Hysteresis, HysteresisChange};
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
    if reading.condition.is_unjudged() {
        return match open {
            Some(finding) if finding.condition.is_unknown() => Some(after_good(finding, now, rule)),
            Some(finding) if finding.good_count > 0 => Some(Finding { good_count: 0, ..finding.clone() }),
            _ => None,
        };
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

/// Whether the component should be read again at once instead of at its next turn: only a second read is missing to
/// confirm a failure for which no time has to pass, as for a disk that its controller already marks failed.
pub const fn wants_second_read(finding: &Finding, rule: Hysteresis) -> bool {
    matches!(finding.state, FindingState::Soft)
        && !finding.condition.is_unknown()
        && rule.hard_after_ms == 0
        && finding.count < rule.hard_after_count
}

/// The findings of a poll at which the configuration is pulled at once, while the appliance still answers: a part of the
/// hardware begins to fail. `before` are the findings that were open; one that goes on asks for nothing more, however
/// its condition moves. The appliance's own word on the whole counts only when it is bad: it speaks of licences, too.
pub fn last_gasp<'a>(before: &[Finding], after: &'a [Finding]) -> Vec<&'a Finding> {
    let fails = |finding: &Finding| finding.state != FindingState::Ended && !finding.condition.is_unknown();
    let known = |now: &Finding| before.iter().any(|known| known.component == now.component && fails(known));
    let counts = |finding: &&Finding| match finding.component.kind {
        ComponentKind::Raid
        | ComponentKind::Disk
        | ComponentKind::Power
        | ComponentKind::Psu
        | ComponentKind::Fans
        | ComponentKind::Fan
        | ComponentKind::Temperature => true,
        ComponentKind::System => finding.condition == Condition::Bad,
        _ => false,
    };
    after.iter().filter(counts).filter(|now| fails(now) && !known(now)).collect()
}

/// What the end of a poll says about whether the seat answers, lets us in and is the expected one.
///
/// A refusal, a time-out and an early close differ in `said`: they are different evidence. What we did not ask, or
/// could not understand, is unknown and no failure. A poll that was stopped says nothing, and neither does a seat that
/// is not tried by declaration: that is shown with the seat, each time.
pub fn reach(outcome: Outcome) -> Option<Reading> {
    let condition = match outcome {
        Outcome::Answered => Condition::Good,
        Outcome::NoCredential | Outcome::Braked | Outcome::LegacyOver | Outcome::KeyUnknown => Condition::Missing,
        Outcome::NoPrompt => Condition::Unrecognised,
        Outcome::OverLimit | Outcome::NotUnderstood => Condition::Malformed,
        Outcome::KeyChanged
        | Outcome::TimedOut
        | Outcome::Refused
        | Outcome::ClosedEarly
        | Outcome::Protocol
        | Outcome::LoginRefused
        | Outcome::Dropped
        | Outcome::WrongAppliance => Condition::Bad,
        Outcome::NotYetServed
        | Outcome::NoSsh
        | Outcome::DueAttended
        | Outcome::Stopped
        | Outcome::NotKept
        | Outcome::NotPushed => {
            return None;
        }
    };
    Some(Reading::new(Component::only(ComponentKind::Reach), condition, outcome.as_str()))
}

/// Whether a poll needs nobody's attention: the seat answered, or nobody was to ask it, and nothing that was read is
/// amiss.
pub fn is_well(outcome: Outcome, readings: &[Reading]) -> bool {
    (outcome == Outcome::Answered || outcome.is_by_declaration())
        && !readings.iter().any(|reading| reading.condition.wants_attention())
}

/// When findings turn hard and when they end, for each kind of component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    changed: BTreeMap<ComponentKind, HysteresisChange>,
}

impl Rules {
    /// The built-in rules with those of the settings in their place.
    pub const fn with(changed: BTreeMap<ComponentKind, HysteresisChange>) -> Self {
        Self { changed }
    }

    /// The rule for a kind of component.
    pub fn of(&self, kind: ComponentKind) -> Hysteresis {
        let (rule, change) = (built_in(kind), self.changed.get(&kind).copied().unwrap_or_default());
        Hysteresis {
            hard_after_count: change.hard_after_count.unwrap_or(rule.hard_after_count),
            hard_after_ms: change.hard_after_ms.unwrap_or(rule.hard_after_ms),
            end_after_count: change.end_after_count.unwrap_or(rule.end_after_count),
        }
    }

    /// The rule for how a poll ended. A refused login, a changed key and another appliance are hard at once: the peer
    /// said so itself, and the brake or the missing pin keeps a second poll from asking again. What a hop before the
    /// appliance said is no word of the appliance.
    pub fn of_reach(&self, outcome: Outcome, at_hop: bool) -> Hysteresis {
        let rule = self.of(ComponentKind::Reach);
        match outcome {
            _ if at_hop => rule,
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
        | ComponentKind::Boot
        | ComponentKind::Mta => (1, 0, 1),
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
        | ComponentKind::Traffic
        | ComponentKind::Mail
        | ComponentKind::Agents
        | ComponentKind::LastEvent
        | ComponentKind::FileSystem
        | ComponentKind::CmLink
        | ComponentKind::Channel
        | ComponentKind::Overall
        | ComponentKind::ApiStatus
        | ComponentKind::ApiLimit
        | ComponentKind::LastAlert
        | ComponentKind::MailQueue
        | ComponentKind::Analysis
        | ComponentKind::Managed
        | ComponentKind::Answer => (2, 10, 2),
    };
    Hysteresis { hard_after_count, hard_after_ms: minutes * MINUTE_MS, end_after_count }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A finding that says that something does not work, as opposed to that nothing can be said.
    fn is_failure(finding: &Finding) -> bool {
        finding.state == FindingState::Hard && !finding.condition.is_unknown()
    }

    const RULE: Hysteresis = Hysteresis { hard_after_count: 2, hard_after_ms: 10 * MINUTE_MS, end_after_count: 2 };

    fn reading(condition: Condition) -> Reading {
        Reading::new(Component::new(ComponentKind::Psu, "1"), condition, condition.as_str())
    }

    fn step(open: Option<&Finding>, condition: Condition, minute: i64, rule: Hysteresis) -> Option<Finding> {
        let (customer, seat) = ("acme".parse().expect("a name"), "nx01".parse().expect("a name"));
        advance(open, &reading(condition), &customer, &seat, Time::from_ms(minute * MINUTE_MS), rule)
    }

    /// The finding after these readings, ten minutes apart; an ended one is forgotten, as the store does.
    fn after(conditions: &[Condition], rule: Hysteresis) -> Option<Finding> {
        conditions.iter().enumerate().fold(None, |open: Option<Finding>, (turn, condition)| {
            let next = step(open.as_ref(), *condition, 10 * i64::try_from(turn).expect("small"), rule);
            next.or(open).filter(|finding| finding.state != FindingState::Ended)
        })
    }

    #[test]
    fn a_failure_is_hard_after_count_and_time_and_over_after_good_ones() {
        use Condition::{Bad, Good};
        let soft = after(&[Bad], RULE).expect("a finding");
        assert_eq!((soft.state, soft.hard_at), (FindingState::Soft, None));
        let quick = step(Some(&soft), Bad, 9, RULE).expect("a finding");
        assert_eq!((quick.state, quick.count), (FindingState::Soft, 2));
        let hard = step(Some(&quick), Bad, 10, RULE).expect("a finding");
        assert_eq!((hard.state, hard.hard_at), (FindingState::Hard, Some(Time::from_ms(10 * MINUTE_MS))));
        assert_eq!(hard.since, Time::from_ms(0));
        assert!(is_failure(&hard) && !is_failure(&quick));
        let once = step(Some(&hard), Good, 20, RULE).expect("a finding");
        assert_eq!((once.state, once.good_count), (FindingState::Hard, 1));
        let over = step(Some(&once), Good, 30, RULE).expect("a finding");
        assert_eq!((over.state, over.ended_at), (FindingState::Ended, Some(Time::from_ms(30 * MINUTE_MS))));
        assert_eq!(step(Some(&over), Good, 40, RULE), None);
        assert_eq!(step(Some(&over), Bad, 40, RULE).map(|fresh| (fresh.id, fresh.count)), Some((None, 1)));
    }

    #[test]
    fn one_bad_reading_between_good_ones_starts_the_end_anew() {
        use Condition::{Bad, Good};
        assert_eq!(after(&[Bad, Bad, Good, Bad, Good], RULE).map(|finding| finding.good_count), Some(1));
        assert_eq!(after(&[Good, Good], RULE), None);
    }

    #[test]
    fn unknown_neither_ends_nor_hardens_a_failure() {
        use Condition::{Bad, Good, Missing, Stale};
        let open = after(&[Bad, Missing, Stale, Missing], RULE).expect("a finding");
        assert_eq!((open.condition, open.state, open.count), (Bad, FindingState::Soft, 1));
        let open = after(&[Bad, Bad, Good, Missing, Good], RULE).expect("a finding");
        assert_eq!((open.state, open.good_count), (FindingState::Hard, 1));
    }

    #[test]
    fn a_confirmed_unknown_is_no_failure_and_lends_none_its_weight() {
        use Condition::{Bad, Good, Malformed, Missing};
        let unknown = after(&[Missing, Malformed, Missing], RULE).expect("a finding");
        assert_eq!((unknown.state, unknown.condition), (FindingState::Hard, Missing));
        assert!(!is_failure(&unknown));
        let turned = step(Some(&unknown), Bad, 30, RULE).expect("a finding");
        assert_eq!((turned.state, turned.count, turned.hard_at), (FindingState::Soft, 1, None));
        assert_eq!(turned.since, Time::from_ms(30 * MINUTE_MS));
        assert_eq!(after(&[Missing, Missing, Good, Good], RULE), None);
    }

    #[test]
    fn what_could_not_be_judged_begins_nothing_and_ends_no_failure() {
        use Condition::{Blind, Good, Learning, Missing, Quiet};
        assert_eq!(after(&[Learning, Quiet, Learning], RULE), None);
        let open = after(&[Blind, Blind, Learning, Quiet, Learning], RULE).expect("a finding");
        assert_eq!((open.condition, open.state, open.count), (Blind, FindingState::Hard, 2));
        let open = after(&[Blind, Blind, Good, Quiet, Good], RULE).expect("a finding");
        assert_eq!((open.state, open.good_count), (FindingState::Hard, 1));
        assert_eq!(after(&[Missing, Missing, Learning, Learning], RULE), None, "it was read again");
    }

    #[test]
    fn a_disk_wants_one_second_read_and_no_time() {
        let rule = Rules::default().of(ComponentKind::Disk);
        let first = step(None, Condition::Bad, 0, rule).expect("a finding");
        assert!(wants_second_read(&first, rule));
        let second = step(Some(&first), Condition::Bad, 0, rule).expect("a finding");
        assert!(is_failure(&second) && !wants_second_read(&second, rule));
        let unread = step(None, Condition::Missing, 0, rule).expect("a finding");
        assert!(!wants_second_read(&unread, rule));
        let psu = step(None, Condition::Bad, 0, RULE).expect("a finding");
        assert!(!wants_second_read(&psu, RULE));
    }

    #[test]
    fn the_configuration_is_pulled_once_when_hardware_begins_to_fail() {
        use Condition::{Bad, Missing, Warning};
        let of = |kind, condition| {
            let (customer, seat) = ("acme".parse().expect("a name"), "nx01".parse().expect("a name"));
            let reading = Reading::new(Component::new(kind, "1"), condition, condition.as_str());
            advance(None, &reading, &customer, &seat, Time::from_ms(0), RULE).expect("a finding")
        };
        let asks = |before: &[Finding], now: Finding| !last_gasp(before, &[now]).is_empty();
        for (kind, condition, expected) in [
            (ComponentKind::Disk, Bad, true),
            (ComponentKind::Disk, Warning, true),
            (ComponentKind::Temperature, Bad, true),
            (ComponentKind::System, Bad, true),
            (ComponentKind::System, Warning, false),
            (ComponentKind::Psu, Missing, false),
            (ComponentKind::Licence, Bad, false),
        ] {
            assert_eq!(asks(&[], of(kind, condition)), expected, "{kind} {condition}");
        }
        let open = of(ComponentKind::Disk, Warning);
        assert!(!asks(std::slice::from_ref(&open), of(ComponentKind::Disk, Bad)), "it goes on, and is worse");
        let unknown = of(ComponentKind::Disk, Missing);
        assert!(asks(std::slice::from_ref(&unknown), of(ComponentKind::Disk, Bad)), "nothing was known of it");
        let ended = Finding { state: FindingState::Ended, ..open };
        assert!(asks(std::slice::from_ref(&ended), of(ComponentKind::Disk, Bad)), "another finding");
        assert!(last_gasp(&[], std::slice::from_ref(&ended)).is_empty());
    }

    #[test]
    fn settings_take_the_place_of_the_built_in_rule() {
        let rules = Rules::with(BTreeMap::from([(
            ComponentKind::Disk,
            HysteresisChange {
                hard_after_count: Some(RULE.hard_after_count),
                hard_after_ms: Some(RULE.hard_after_ms),
                end_after_count: Some(RULE.end_after_count),
            },
        )]));
        assert_eq!(rules.of(ComponentKind::Disk), RULE);
        assert_eq!(rules.of(ComponentKind::Fan), Rules::default().of(ComponentKind::Fan));
    }

    #[test]
    fn an_end_of_a_poll_is_good_only_when_the_seat_answered() {
        for outcome in Outcome::ALL.iter().copied() {
            let good = reach(outcome).is_some_and(|reading| reading.condition.is_good());
            assert_eq!(good, outcome == Outcome::Answered, "{outcome}");
        }
        let untold = [Outcome::NotYetServed, Outcome::NoSsh, Outcome::DueAttended];
        for silent in [Outcome::Stopped, Outcome::NotKept].into_iter().chain(untold) {
            assert_eq!(reach(silent), None, "{silent}");
        }
        let unknown = [Outcome::NoPrompt, Outcome::OverLimit, Outcome::NotUnderstood];
        for untried in [Outcome::Braked, Outcome::NoCredential, Outcome::LegacyOver, Outcome::KeyUnknown]
            .into_iter()
            .chain(unknown)
        {
            assert!(reach(untried).is_some_and(|reading| reading.condition.is_unknown()), "{untried}");
        }
        assert_ne!(reach(Outcome::TimedOut), reach(Outcome::Refused));
    }

    #[test]
    fn a_refused_login_counts_at_once_because_the_brake_keeps_it_from_being_repeated() {
        let rule = Rules::default().of_reach(Outcome::LoginRefused, false);
        assert!(step(None, Condition::Bad, 0, rule).is_some_and(|finding| is_failure(&finding)));
        assert_eq!(Rules::default().of_reach(Outcome::TimedOut, false), Rules::default().of(ComponentKind::Reach));
    }

    #[test]
    fn what_a_hop_said_counts_for_no_appliance_at_once() {
        for outcome in [Outcome::LoginRefused, Outcome::KeyChanged, Outcome::WrongAppliance] {
            let rule = Rules::default().of_reach(outcome, true);
            let first = step(None, Condition::Bad, 0, rule).expect("a finding");
            assert_eq!(first.state, FindingState::Soft, "{outcome}");
        }
    }

    #[test]
    fn a_seat_is_well_when_it_answered_well_or_nobody_was_to_ask() {
        let bad = Reading::new(Component::new(ComponentKind::Disk, "1"), Condition::Bad, "Failed");
        for outcome in Outcome::ALL.iter().copied() {
            let well = outcome == Outcome::Answered || outcome.is_by_declaration();
            assert_eq!(is_well(outcome, &[]), well, "{outcome}");
            assert!(!is_well(outcome, std::slice::from_ref(&bad)), "{outcome}");
        }
    }

    proptest! {
        #[test]
        fn no_sequence_makes_a_failure_of_unknowns_or_an_end_of_silence(
            turns in proptest::collection::vec(0..Condition::ALL.len(), 1..40),
        ) {
            let conditions: Vec<Condition> = turns.iter().map(|turn| Condition::ALL[*turn]).collect();
            let mut open: Option<Finding> = None;
            for (turn, condition) in conditions.iter().enumerate() {
                let next = step(open.as_ref(), *condition, 10 * i64::try_from(turn).expect("small"), RULE);
                let failing = |condition: &Condition| condition.wants_attention() && !condition.is_unknown();
                if let Some(next) = &next {
                    if next.state == FindingState::Ended {
                        let ended = open.as_ref().expect("what ends was open");
                        let step = |c: &Condition| c.is_good() || (ended.condition.is_unknown() && c.is_unjudged());
                        prop_assert!(turn >= 1 && conditions[turn - 1..=turn].iter().all(step));
                    }
                    if is_failure(next) {
                        prop_assert!(conditions[..=turn].iter().filter(|c| failing(c)).count() >= 2);
                    }
                }
                let was_open = open.is_some();
                open = next.or(open).filter(|finding| finding.state != FindingState::Ended);
                if was_open && condition.wants_attention() {
                    prop_assert!(open.is_some());
                }
                if !was_open && !condition.wants_attention() {
                    prop_assert!(open.is_none());
                }
            }
        }
    }
}
