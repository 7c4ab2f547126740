use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn seat(number: usize) -> SeatName {
    format!("nx-{number}").parse().expect("a name")
}

fn at(second: i64) -> Time {
    Time::from_ms(second * 1000)
}

fn doubted(by: &[usize], last_accepted: Option<usize>) -> State {
    let mut state = State::default();
    for number in by {
        state.on_result(&seat(*number), LoginResult::Refused, last_accepted.map(seat).as_ref(), at(0));
    }
    state
}

#[test]
fn a_refusal_is_tried_once_more_where_it_was_last_accepted() {
    let mut state = doubted(&[0], Some(1));
    assert_eq!(state.may_try(&seat(0), at(1)), Permit::OnlyOn(seat(1)));
    assert_eq!(state.may_try(&seat(2), at(1)), Permit::OnlyOn(seat(1)));
    assert_eq!(state.may_try(&seat(1), at(1)), Permit::Yes);
    assert_eq!(state.may_try(&seat(1), at(2)), Permit::Wait);
    assert_eq!(state.may_try(&seat(2), at(2)), Permit::Wait);
}

#[test]
fn refused_there_too_stops_the_fleet_until_a_person_clears_it() {
    let mut state = doubted(&[0], Some(1));
    assert_eq!(state.may_try(&seat(1), at(1)), Permit::Yes);
    state.on_result(&seat(1), LoginResult::Refused, None, at(2));
    assert_eq!(state.phase, Phase::Stopped { at: at(2), why: StopReason::RefusedTwice });
    state.on_result(&seat(7), LoginResult::Accepted, None, at(3));
    for number in 0..9 {
        assert_eq!(state.may_try(&seat(number), at(1_000_000)), Permit::No(Denial::CredentialStopped));
    }
    state.clear();
    assert_eq!(state.may_try(&seat(0), at(1_000_001)), Permit::Yes);
}

#[test]
fn accepted_there_stops_the_first_seat_alone() {
    let mut state = doubted(&[0], Some(1));
    assert_eq!(state.may_try(&seat(1), at(1)), Permit::Yes);
    state.on_result(&seat(1), LoginResult::Accepted, Some(&seat(1)), at(2));
    assert_eq!(state.phase, Phase::Free);
    assert_eq!(state.may_try(&seat(0), at(3)), Permit::No(Denial::SeatStopped));
    assert_eq!(state.may_try(&seat(2), at(3)), Permit::Yes);
    state.clear_seat(&seat(0));
    assert_eq!(state.may_try(&seat(0), at(4)), Permit::Yes);
}

#[test]
fn five_seats_within_a_day_stop_the_credential_and_within_two_days_do_not() {
    for (apart_s, stops) in [(3_600, true), (10 * 3_600, false)] {
        let mut state = State::default();
        for number in 0..5_usize {
            let now = at(i64::try_from(number).expect("small") * apart_s);
            state.on_result(&seat(number), LoginResult::Refused, Some(&seat(9)), now);
            assert_eq!(state.may_try(&seat(9), now), Permit::Yes);
            state.on_result(&seat(9), LoginResult::Accepted, Some(&seat(9)), now);
        }
        let five = matches!(state.phase, Phase::Stopped { why: StopReason::FiveSeats, .. });
        assert_eq!(five, stops);
    }
}

#[test]
fn a_credential_of_one_seat_is_tried_once_more_there() {
    let mut state = doubted(&[0], Some(0));
    assert_eq!(state.may_try(&seat(0), at(1)), Permit::Yes);
    let mut again = state.clone();
    state.on_result(&seat(0), LoginResult::Accepted, Some(&seat(0)), at(2));
    assert_eq!(state, State::default());
    again.on_result(&seat(0), LoginResult::Refused, Some(&seat(0)), at(2));
    assert!(matches!(again.phase, Phase::Stopped { .. }));
}

#[test]
fn a_credential_that_never_worked_is_tried_on_one_other_seat() {
    let mut state = doubted(&[0], None);
    assert_eq!(state.may_try(&seat(0), at(1)), Permit::No(Denial::RefusedHere));
    assert_eq!(state.may_try(&seat(3), at(1)), Permit::Yes);
    assert_eq!(state.may_try(&seat(4), at(1)), Permit::Wait);
}

#[test]
fn a_try_without_a_judgement_or_lost_with_its_process_is_made_elsewhere() {
    let mut state = doubted(&[0], Some(1));
    assert_eq!(state.may_try(&seat(1), at(1)), Permit::Yes);
    let mut lost = state.clone();
    state.on_result(&seat(1), LoginResult::Unjudged, None, at(2));
    assert_eq!(state.may_try(&seat(2), at(3)), Permit::Yes);
    assert_eq!(lost.may_try(&seat(2), at(301)), Permit::Wait);
    assert_eq!(lost.may_try(&seat(2), at(302)), Permit::Yes);
}

#[test]
fn logins_under_way_at_the_first_refusal_join_it_and_decide_nothing() {
    let mut state = doubted(&[0, 2], Some(1));
    state.on_result(&seat(3), LoginResult::Accepted, Some(&seat(3)), at(1));
    state.on_result(&seat(4), LoginResult::Unjudged, None, at(1));
    // Even on the seat of the further try, which has not begun.
    state.on_result(&seat(1), LoginResult::Accepted, Some(&seat(1)), at(1));
    assert_eq!(state.may_try(&seat(3), at(2)), Permit::OnlyOn(seat(1)));
    assert_eq!(state.may_try(&seat(1), at(2)), Permit::Yes);
    state.on_result(&seat(1), LoginResult::Accepted, Some(&seat(1)), at(3));
    assert_eq!(state.stopped_seats.keys().cloned().collect::<Vec<_>>(), [seat(0), seat(2)]);
}

#[test]
fn the_state_survives_its_written_form_and_a_restart() {
    let mut state = doubted(&[0], Some(1));
    assert_eq!(state.may_try(&seat(1), at(1)), Permit::Yes);
    let written = serde_json::to_string(&state).expect("JSON");
    assert_eq!(serde_json::from_str::<State>(&written).expect("a state"), state);
    let refused = BTreeMap::from([(seat(0), at(0))]);
    let recalled = State::recall(None, BTreeMap::new(), refused, Some(&seat(1)));
    assert_eq!(recalled, doubted(&[0], Some(1)));
    assert_eq!(State::recall(None, BTreeMap::new(), BTreeMap::new(), None), State::default());
}

/// A fleet that shares one credential: at each turn either a login begins, if the brake permits it, or one that is
/// under way ends.
struct Fleet {
    state: State,
    honest: bool,
    liars: BTreeSet<usize>,
    accepted: Vec<usize>,
    /// Under way: the seat, and whether it began after a refusal that is not decided.
    flying: Vec<(usize, bool)>,
    /// Logins sent since the first refusal.
    late: usize,
    refusals: usize,
}

impl Fleet {
    fn new(honest: bool, liars: impl IntoIterator<Item = usize>) -> Self {
        let liars = liars.into_iter().collect();
        Self { state: State::default(), honest, liars, accepted: Vec::new(), flying: Vec::new(), late: 0, refusals: 0 }
    }

    fn begin(&mut self, number: usize, now: Time) {
        if self.flying.iter().any(|(flying, _)| *flying == number) {
            return;
        }
        let number = match self.state.may_try(&seat(number), now) {
            Permit::Yes => number,
            Permit::OnlyOn(only) => {
                let only = only.as_str().trim_start_matches("nx-").parse().expect("a number");
                if self.flying.iter().any(|(flying, _)| *flying == only) {
                    return;
                }
                assert_eq!(self.state.may_try(&seat(only), now), Permit::Yes);
                only
            }
            Permit::Wait | Permit::No(_) => return,
        };
        let doubted = matches!(self.state.phase, Phase::Doubted { .. });
        self.flying.push((number, doubted));
        self.late += usize::from(self.refusals > 0);
        assert!(self.flying.iter().filter(|(_, late)| *late).count() <= 1, "two logins after a refusal");
    }

    fn end(&mut self, pick: usize, now: Time) {
        if self.flying.is_empty() {
            return;
        }
        let (number, _) = self.flying.remove(pick % self.flying.len());
        let accepted = self.honest && !self.liars.contains(&number);
        let last = self.accepted.iter().rev().find(|other| **other != number).copied();
        let last = last.or(self.accepted.contains(&number).then_some(number)).map(seat);
        let result = if accepted { LoginResult::Accepted } else { LoginResult::Refused };
        self.refusals += usize::from(!accepted);
        self.state.on_result(&seat(number), result, last.as_ref(), now);
        if accepted {
            self.accepted.push(number);
        }
    }
}

const SEATS: usize = 500;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_lying_appliance_stops_only_itself(
        liar in 0..SEATS,
        turns in proptest::collection::vec((0..SEATS, proptest::bool::weighted(0.5)), 1..1500),
    ) {
        let mut fleet = Fleet::new(true, [liar]);
        // Every seat worked before the appliance began to lie.
        fleet.accepted = (0..SEATS).collect();
        let all = (0..SEATS).flat_map(|number| [(number, true), (number, false)]);
        for (turn, (pick, begin)) in turns.into_iter().chain(all).enumerate() {
            let now = at(i64::try_from(turn).expect("small"));
            if begin { fleet.begin(pick, now) } else { fleet.end(pick, now) }
        }
        while !fleet.flying.is_empty() {
            fleet.end(0, at(10_000));
        }
        let stopped = matches!(fleet.state.phase, Phase::Stopped { .. });
        prop_assert!(!stopped);
        prop_assert!(fleet.state.stopped_seats.keys().all(|stopped| *stopped == seat(liar)));
        prop_assert!(fleet.refusals <= 1, "asked {} times", fleet.refusals);
        for number in (0..SEATS).filter(|number| *number != liar) {
            let permit = fleet.state.may_try(&seat(number), at(10_001));
            prop_assert!(permit == Permit::Yes || matches!(permit, Permit::OnlyOn(_) | Permit::Wait), "{permit:?}");
            if permit == Permit::Yes && fleet.state.phase != Phase::Free {
                fleet.state.on_result(&seat(number), LoginResult::Accepted, None, at(10_002));
            }
        }
    }

    #[test]
    fn all_reject_means_two_tries_in_all(
        worked in any::<bool>(),
        flying in 1_usize..20,
        turns in proptest::collection::vec((0..SEATS, proptest::bool::weighted(0.6)), 200..1500),
    ) {
        let mut fleet = Fleet::new(false, []);
        if worked {
            fleet.accepted = (0..SEATS).collect();
        }
        for number in 0..flying {
            fleet.begin(number, at(0));
        }
        // From the first refusal on, what is under way lands and nothing but the one further try begins.
        fleet.end(0, at(1));
        let landed = fleet.flying.len();
        for (turn, (pick, begin)) in turns.into_iter().enumerate() {
            let now = at(i64::try_from(turn).expect("small") + 2);
            if begin { fleet.begin(pick, now) } else { fleet.end(pick, now) }
        }
        prop_assert!(fleet.late <= 1, "{} tries after the first refusal, {landed} under way", fleet.late);
        let stopped = matches!(fleet.state.phase, Phase::Stopped { why: StopReason::RefusedTwice, .. });
        prop_assert!(stopped, "{:?}", fleet.state.phase);
    }
}
