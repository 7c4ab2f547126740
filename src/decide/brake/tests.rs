use proptest::prelude::*;

use super::*;
use LoginResult::{Accepted, Refused, Unjudged};

fn seat(number: usize) -> Door {
    format!("nx-{number}").parse().expect("a name")
}

fn number(seat: &Door) -> usize {
    seat.to_string().trim_start_matches("nx-").parse().expect("a number")
}

fn at(second: i64) -> Time {
    Time::from_ms(second * 1000)
}

/// The seats nx-0 to nx-9 have the credential.
fn ten() -> Vec<Door> {
    (0..10).map(seat).collect()
}

fn ask(state: &mut State, number: usize, second: i64) -> Permit {
    state.may_try(&seat(number), at(second), ten)
}

/// Takes a result that is written down at once.
fn take(state: &mut State, number: usize, result: LoginResult, second: i64) -> Vec<Change> {
    let changes = state.on_result(&seat(number), result, at(second));
    state.landed(&seat(number));
    changes
}

/// A credential that the seats of `accepted` accepted, the last of them most recently, and that `refused` refused.
fn doubted(refused: &[usize], accepted: &[usize]) -> State {
    let accepted = accepted.iter().copied().map(seat).collect();
    let mut state = State::recall(None, BTreeMap::new(), BTreeMap::new(), accepted);
    for number in refused {
        assert_eq!(ask(&mut state, *number, 0), Permit::Yes);
    }
    for number in refused {
        assert_eq!(take(&mut state, *number, Refused, 0), [Change::Refused(seat(*number))]);
    }
    state
}

fn decides(state: &mut State, asker: usize, on: usize, second: i64) -> bool {
    state.may_decide(&seat(asker), &seat(on), at(second), ten)
}

#[test]
fn a_refusal_is_tried_once_more_where_it_was_last_accepted() {
    let mut state = doubted(&[0], &[2, 1]);
    assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(1)));
    assert_eq!(ask(&mut state, 2, 1), Permit::OnlyOn(seat(1)));
    assert!(decides(&mut state, 2, 1, 1));
    assert!(!decides(&mut state, 0, 1, 2), "another was faster");
    assert_eq!(ask(&mut state, 1, 2), Permit::Wait);
    assert_eq!(ask(&mut state, 2, 2), Permit::Wait);
}

#[test]
fn refused_there_too_stops_the_fleet_until_a_person_clears_it() {
    let mut state = doubted(&[0], &[1]);
    assert_eq!(ask(&mut state, 1, 1), Permit::Yes);
    assert_eq!(take(&mut state, 1, Refused, 2), [Change::Stopped(StopReason::RefusedTwice)]);
    assert_eq!(state.phase, Phase::Stopped { at: at(2), why: StopReason::RefusedTwice });
    assert_eq!(take(&mut state, 7, Accepted, 3), []);
    for number in 0..9 {
        assert_eq!(ask(&mut state, number, 1_000_000), Permit::No(Denial::CredentialStopped));
    }
    state.clear();
    assert_eq!(ask(&mut state, 0, 1_000_001), Permit::Yes);
}

#[test]
fn accepted_there_stops_the_first_seat_alone() {
    let mut state = doubted(&[0], &[1]);
    assert_eq!(ask(&mut state, 1, 1), Permit::Yes);
    assert_eq!(take(&mut state, 1, Accepted, 2), [Change::Accepted(seat(1)), Change::SeatStopped(seat(0))]);
    assert_eq!(state.phase, Phase::Free);
    assert_eq!(ask(&mut state, 0, 3), Permit::No(Denial::SeatStopped));
    assert_eq!(ask(&mut state, 2, 3), Permit::Yes);
    state.clear_seat(&seat(0));
    assert_eq!(ask(&mut state, 0, 4), Permit::Yes);
}

#[test]
fn five_seats_within_a_day_stop_the_credential_and_within_two_days_do_not() {
    for (apart_s, stops) in [(3_600, true), (10 * 3_600, false)] {
        let mut state = doubted(&[], &[9]);
        for number in 0..5_usize {
            let now = i64::try_from(number).expect("small") * apart_s;
            assert_eq!(ask(&mut state, number, now), Permit::Yes);
            take(&mut state, number, Refused, now);
            assert!(decides(&mut state, number, 9, now));
            let changes = take(&mut state, 9, Accepted, now);
            assert_eq!(changes.contains(&Change::Stopped(StopReason::FiveSeats)), stops && number == 4);
        }
        assert_eq!(matches!(state.phase, Phase::Stopped { why: StopReason::FiveSeats, .. }), stops);
    }
}

#[test]
fn a_credential_of_one_seat_is_tried_once_more_there_whether_it_ever_worked_or_not() {
    for accepted in [&[][..], &[0]] {
        let mut state = doubted(&[0], accepted);
        assert_eq!(state.may_try(&seat(0), at(1), || vec![seat(0)]), Permit::Yes);
        let mut again = state.clone();
        assert_eq!(take(&mut state, 0, Accepted, 2), [Change::Accepted(seat(0))]);
        assert_eq!((&state.phase, state.stopped_seats.len()), (&Phase::Free, 0));
        assert_eq!(take(&mut again, 0, Refused, 2), [Change::Stopped(StopReason::RefusedTwice)]);
    }
}

#[test]
fn a_credential_that_never_worked_is_tried_on_one_other_seat() {
    let mut state = doubted(&[0], &[]);
    // Whoever asks makes the try itself; whoever refused sends it to another.
    assert_eq!(ask(&mut state.clone(), 3, 1), Permit::Yes);
    assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(1)));
    assert!(decides(&mut state, 0, 1, 1));
    assert_eq!(ask(&mut state, 4, 1), Permit::Wait);
}

#[test]
fn the_seat_that_last_accepted_it_and_now_refuses_decides_only_when_nobody_else_can() {
    // One seat that lies must not be asked about the others.
    let mut state = doubted(&[0], &[0]);
    assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(1)));
    // Every seat refused: the one that last accepted it is tried once more.
    let all: Vec<usize> = (0..10).collect();
    let mut state = doubted(&all, &[4, 7]);
    assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(7)));
    // None of them ever accepted it: the first that refused.
    let mut state = doubted(&all, &[]);
    assert_eq!(ask(&mut state, 5, 1), Permit::OnlyOn(seat(0)));
    assert_eq!(ask(&mut state, 0, 1), Permit::Yes);
    assert_eq!(take(&mut state, 0, Refused, 2), [Change::Stopped(StopReason::RefusedTwice)]);
}

#[test]
fn a_try_without_a_judgement_or_lost_with_its_task_is_made_elsewhere() {
    let mut state = doubted(&[0], &[1]);
    assert_eq!(ask(&mut state, 1, 1), Permit::Yes);
    let mut lost = state.clone();
    assert_eq!(take(&mut state, 1, Unjudged, 2), []);
    assert_eq!(ask(&mut state, 2, 3), Permit::Yes);
    assert_eq!(ask(&mut lost, 2, 301), Permit::Wait);
    assert_eq!(ask(&mut lost, 2, 302), Permit::Yes);
}

#[test]
fn a_seat_that_refused_alone_decides_nothing_while_the_others_are_not_reached() {
    let mut state = doubted(&[0], &[]);
    for number in 1..=3 {
        assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(number)));
        assert!(decides(&mut state, 0, number, 1));
        take(&mut state, number, Unjudged, 1);
    }
    assert_eq!(ask(&mut state, 0, 2), Permit::No(Denial::RefusedHere), "not the whole fleet is waited for");
    let three = || (0..3).map(seat).collect::<Vec<_>>();
    assert_eq!(state.may_try(&seat(0), at(2), three), Permit::No(Denial::RefusedHere));
    // The others are not held up: each asks by itself.
    assert_eq!(ask(&mut state, 2, 2), Permit::Yes);
    // Two that refused are enough, when nobody else is reached.
    let mut state = doubted(&[0, 1], &[0]);
    assert_eq!(state.may_try(&seat(1), at(1), three), Permit::OnlyOn(seat(2)));
    assert!(state.may_decide(&seat(1), &seat(2), at(1), three));
    take(&mut state, 2, Unjudged, 1);
    assert_eq!(state.may_try(&seat(1), at(2), three), Permit::OnlyOn(seat(0)));
}

#[test]
fn logins_under_way_at_the_first_refusal_are_waited_for_and_decide_nothing() {
    let mut state = doubted(&[], &[1]);
    for number in [0, 1, 2, 3, 4] {
        assert_eq!(ask(&mut state, number, 0), Permit::Yes);
    }
    for number in [0, 2] {
        take(&mut state, number, Refused, 1);
    }
    take(&mut state, 3, Accepted, 1);
    // Even on the seat that is to decide.
    take(&mut state, 1, Accepted, 1);
    assert_eq!(ask(&mut state, 0, 2), Permit::Wait);
    take(&mut state, 4, Unjudged, 2);
    assert_eq!(ask(&mut state, 0, 2), Permit::OnlyOn(seat(1)));
    assert!(decides(&mut state, 0, 1, 2));
    take(&mut state, 1, Accepted, 3);
    assert_eq!(state.stopped_seats.keys().cloned().collect::<Vec<_>>(), [seat(0), seat(2)]);
}

#[test]
fn nothing_is_tried_before_a_refusal_is_written_down() {
    let mut state = State::default();
    assert_eq!(ask(&mut state, 0, 0), Permit::Yes);
    assert_eq!(state.on_result(&seat(0), Refused, at(1)), [Change::Refused(seat(0))]);
    assert_eq!(ask(&mut state, 1, 1), Permit::Wait);
    state.landed(&seat(0));
    assert_eq!(ask(&mut state, 1, 1), Permit::Yes);
}

#[test]
fn one_acceptance_of_a_process_is_written_down() {
    let mut state = State::default();
    for (number, changes) in [(0, vec![Change::Accepted(seat(0))]), (1, vec![]), (0, vec![])] {
        assert_eq!(ask(&mut state, number, 0), Permit::Yes);
        assert_eq!(take(&mut state, number, Accepted, 0), changes);
    }
}

#[test]
fn a_restart_keeps_the_doubt_and_a_person_ends_it_for_a_seat() {
    let refused = BTreeMap::from([(seat(0), at(0)), (seat(2), at(0))]);
    let mut state = State::recall(None, BTreeMap::new(), refused, vec![seat(1)]);
    assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(1)));
    state.clear_seat(&seat(0));
    assert_eq!(ask(&mut state, 0, 1), Permit::OnlyOn(seat(1)));
    state.clear_seat(&seat(2));
    assert_eq!(ask(&mut state, 0, 1), Permit::Yes);
}

/// Where one seat stands that wants a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asks,
    SentTo(usize),
    UnderWay { on: usize },
    Reported { on: usize, result: LoginResult },
    Ended(Result<LoginResult, Denial>),
}

/// A fleet that shares one credential. Each seat that wants a session goes from stage to stage as the engine does; a
/// test says in which order.
struct Fleet {
    state: State,
    /// How each seat takes a login.
    manners: Vec<LoginResult>,
    tasks: Vec<(usize, Stage)>,
    /// Logins begun on each seat.
    tries: Vec<usize>,
    /// Logins begun when the first refusal was reported.
    at_first_refusal: Option<usize>,
    stops: usize,
}

impl Fleet {
    fn new(manners: Vec<LoginResult>, accepted: Vec<Door>) -> Self {
        Self {
            state: State::recall(None, BTreeMap::new(), BTreeMap::new(), accepted),
            tasks: (0..manners.len()).map(|number| (number, Stage::Asks)).collect(),
            tries: vec![0; manners.len()],
            manners,
            at_first_refusal: None,
            stops: 0,
        }
    }

    fn begin(&mut self, on: usize) -> Stage {
        let busy = |stage| matches!(stage, Stage::UnderWay { .. } | Stage::Reported { .. });
        if matches!(self.state.phase, Phase::Doubted { .. }) {
            assert!(!self.tasks.iter().any(|(_, stage)| busy(*stage)), "two logins with a doubted credential");
        }
        self.tries[on] += 1;
        Stage::UnderWay { on }
    }

    fn step(&mut self, task: usize) {
        let (number, stage) = self.tasks[task];
        let now = at(0);
        let holders = || (0..self.manners.len()).map(seat).collect();
        let next = match stage {
            Stage::Asks => match self.state.may_try(&seat(number), now, holders) {
                Permit::Yes => self.begin(number),
                Permit::OnlyOn(on) => Stage::SentTo(self::number(&on)),
                Permit::Wait => Stage::Asks,
                Permit::No(denial) => Stage::Ended(Err(denial)),
            },
            Stage::SentTo(on) if self.state.may_decide(&seat(number), &seat(on), now, holders) => self.begin(on),
            Stage::SentTo(_) => Stage::Asks,
            Stage::UnderWay { on } => {
                let result = self.manners[on];
                let changes = self.state.on_result(&seat(on), result, now);
                self.stops += changes.iter().filter(|change| matches!(change, Change::Stopped(_))).count();
                if result == Refused && self.at_first_refusal.is_none() {
                    self.at_first_refusal = Some(self.tries.iter().sum());
                }
                Stage::Reported { on, result }
            }
            Stage::Reported { on, result } => {
                self.state.landed(&seat(on));
                let ends = on == number && result != Refused;
                if ends { Stage::Ended(Ok(result)) } else { Stage::Asks }
            }
            Stage::Ended(_) => stage,
        };
        self.tasks[task].1 = next;
    }

    /// Takes the given turns, then goes round until every seat has ended.
    fn run(&mut self, turns: &[usize]) {
        for turn in turns {
            self.step(turn % self.tasks.len());
        }
        let ended = |stage| matches!(stage, Stage::Ended(_));
        for _ in 0..100 {
            for task in 0..self.tasks.len() {
                self.step(task);
            }
            if self.tasks.iter().all(|(_, stage)| ended(*stage)) {
                return;
            }
        }
        panic!("{:?} does not end: {:?}", self.state, self.tasks);
    }

    fn ended(&self) -> impl Iterator<Item = (usize, Result<LoginResult, Denial>)> {
        self.tasks.iter().map(|(number, stage)| match stage {
            Stage::Ended(end) => (*number, *end),
            _ => panic!("not ended"),
        })
    }
}

fn worked(seats: &[bool]) -> Vec<Door> {
    seats.iter().enumerate().filter(|(_, worked)| **worked).map(|(number, _)| seat(number)).collect()
}

fn turns() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(any::<prop::sample::Index>(), 0..300)
        .prop_map(|turns| turns.into_iter().map(|turn| turn.index(1_000_000)).collect())
}

proptest! {
    #[test]
    fn all_refuse_means_one_try_after_those_under_way(
        before in proptest::collection::vec(any::<bool>(), 1..12),
        turns in turns(),
    ) {
        let mut fleet = Fleet::new(vec![Refused; before.len()], worked(&before));
        fleet.run(&turns);
        prop_assert_eq!(&fleet.state.phase, &Phase::Stopped { at: at(0), why: StopReason::RefusedTwice });
        prop_assert_eq!(fleet.stops, 1);
        prop_assert_eq!(fleet.tries.iter().sum::<usize>(), fleet.at_first_refusal.unwrap_or(0) + 1);
        prop_assert!(fleet.ended().all(|(_, end)| end == Err(Denial::CredentialStopped)));
    }

    #[test]
    fn one_liar_stops_only_itself(
        before in proptest::collection::vec((any::<bool>(), proptest::bool::weighted(0.2)), 2..40),
        liar in any::<prop::sample::Index>(),
        turns in turns(),
    ) {
        let liar = liar.index(before.len());
        let mut manners: Vec<_> = before.iter().map(|(_, dead)| if *dead { Unjudged } else { Accepted }).collect();
        manners[liar] = Refused;
        let accepted: Vec<bool> = before.iter().map(|(worked, _)| *worked).collect();
        let mut fleet = Fleet::new(manners, worked(&accepted));
        fleet.run(&turns);
        prop_assert_eq!(fleet.tries[liar], 1);
        prop_assert_eq!(fleet.stops, 0);
        for (number, end) in fleet.ended() {
            if number == liar {
                let undecided = before.iter().any(|(_, dead)| *dead) && end == Err(Denial::RefusedHere);
                prop_assert!(undecided || end == Err(Denial::SeatStopped), "{end:?}");
                // What it had to leave open, another may have decided later.
                prop_assert!(undecided || fleet.state.stopped_seats.contains_key(&seat(liar)));
            } else {
                prop_assert_eq!(end, Ok(fleet.manners[number]));
                prop_assert!(!fleet.state.stopped_seats.contains_key(&seat(number)));
            }
        }
    }

    #[test]
    fn whatever_they_answer_it_ends_and_each_refuses_at_most_twice(
        seats in proptest::collection::vec((any::<bool>(), 0..3_usize), 1..16),
        turns in turns(),
    ) {
        let manners = seats.iter().map(|(_, manner)| [Accepted, Refused, Unjudged][*manner]).collect();
        let accepted: Vec<bool> = seats.iter().map(|(worked, _)| *worked).collect();
        let mut fleet = Fleet::new(manners, worked(&accepted));
        fleet.run(&turns);
        prop_assert!(fleet.stops <= 1);
        for (number, tries) in fleet.tries.iter().enumerate() {
            prop_assert!(fleet.manners[number] != Refused || *tries <= 2, "{tries} refusals of {number}");
        }
        if let Some(first) = fleet.at_first_refusal
            && fleet.manners.iter().all(|manner| *manner != Accepted)
        {
            let refusals: usize =
                fleet.tries.iter().zip(&fleet.manners).filter(|(_, manner)| **manner == Refused).map(|(n, _)| n).sum();
            prop_assert!(refusals <= first + 1);
        }
    }
}
