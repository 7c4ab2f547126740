//! The brake of one credential (invariant 9), so that a wrong or stolen password neither locks an account nor is
//! handed around.
//!
//! | phase | meaning | who may try |
//! |---|---|---|
//! | free | nothing speaks against the credential | every seat that is not stopped alone |
//! | doubted | a seat refused it, one further try decides | nobody while a login is under way, then one seat |
//! | stopped | refused twice, or five seats stopped within a day | nobody, until a person clears it |
//!
//! Logins that were under way when the first refusal came cannot be called back. They are waited for: a refusal among
//! them joins the first one, an acceptance or a login without a judgement decides nothing. After the last of them the
//! further try is made, on the first of these that there is:
//!
//! 1. the seat that last accepted the credential, among those that did not refuse it;
//! 2. another seat that did not refuse it: the one that asks, or else any that has the credential;
//! 3. where every such seat refused it or is not reached: of the refusing seats the one that last accepted it, or else
//!    the first that refused. A refusing seat says nothing about others, so that this takes two refusing seats, or one
//!    that has the credential alone.
//!
//! Whoever was refused asks again at once, so that a doubt is decided before its logins are forgotten. It stays open
//! where [`UNREACHED_MAX`] seats, or all of them, were not reached: the next seat that asks goes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::door::Door;
use crate::model::time::Time;

/// So many seats that are stopped alone within [`DAY_MS`] stop the credential.
pub const SEATS_MAX: usize = 5;
/// A day, in milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;
/// A login that has no result after so many milliseconds was lost with the task that made it.
pub const LOGIN_MS_MAX: i64 = 5 * 60_000;
/// After so many further tries that were not judged, the decision waits for a seat that asks by itself.
pub const UNREACHED_MAX: usize = 3;

/// What is known of one credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Free, doubted or stopped.
    pub phase: Phase,
    /// The seats that are stopped alone, and since when.
    pub stopped_seats: BTreeMap<Door, Time>,
    /// The seats that accepted it, the newest last.
    accepted: Vec<Door>,
    /// Whether an acceptance was handed out to be written since the state was recalled: one for each process is enough.
    acceptance_written: bool,
    /// The logins under way: on which seat, since when.
    under_way: Vec<(Door, Time)>,
}

/// How a credential is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing speaks against it.
    #[default]
    Free,
    /// At least one seat refused it, and the further try is not decided.
    Doubted {
        /// The seats that refused it, and when.
        refused: BTreeMap<Door, Time>,
        /// The seats on which the further try was not judged.
        unreached: BTreeSet<Door>,
        /// The seat on which the further try is under way.
        deciding: Option<Door>,
    },
    /// Nobody may try until a person clears it.
    Stopped {
        /// Since when.
        at: Time,
        /// Why.
        why: StopReason,
    },
}

/// What is to be written down before anything else is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The seat accepted it.
    Accepted(Door),
    /// The seat refused it.
    Refused(Door),
    /// The seat is stopped alone.
    SeatStopped(Door),
    /// The credential is stopped everywhere.
    Stopped(StopReason),
}

crate::words! {
    /// Why a credential is stopped everywhere.
    pub enum StopReason {
        /// It was refused, and refused again by the further try.
        RefusedTwice = "refused-twice",
        /// Five seats were stopped alone within a day.
        FiveSeats = "five-seats",
    }
}

crate::words! {
    /// Why a seat may not try.
    pub enum Denial {
        /// The credential is stopped everywhere.
        CredentialStopped = "credential-stopped",
        /// The credential is stopped on this seat.
        SeatStopped = "seat-stopped",
        /// This seat refused it, and the further try could not be made on another.
        RefusedHere = "refused-here",
    }
}

/// Whether a login may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// Yes: the login is noted as begun, and its result must be taken.
    Yes,
    /// Not here: the further try is due on this seat, and whoever asks makes it.
    OnlyOn(Door),
    /// Not yet: logins of a doubted credential are under way.
    Wait,
    /// No.
    No(Denial),
}

crate::words! {
    /// How a login ended, as far as the credential is concerned.
    pub enum LoginResult {
        /// The appliance accepted it.
        Accepted = "accepted",
        /// The appliance refused it.
        Refused = "refused",
        /// It was never judged: the appliance was not reached, or not trusted with it.
        Unjudged = "unjudged",
    }
}

impl State {
    /// What was known before a restart; `accepted` has the newest last. A further try that was under way is made again.
    pub fn recall(
        stopped: Option<(Time, StopReason)>,
        stopped_seats: BTreeMap<Door, Time>,
        refused: BTreeMap<Door, Time>,
        accepted: Vec<Door>,
    ) -> Self {
        let phase = match stopped {
            Some((at, why)) => Phase::Stopped { at, why },
            None if refused.is_empty() => Phase::Free,
            None => Phase::Doubted { refused, unreached: BTreeSet::new(), deciding: None },
        };
        Self { phase, stopped_seats, accepted, ..Self::default() }
    }

    /// Whether `seat` may try to log in. `holders` are the seats that have the credential.
    pub fn may_try(&mut self, seat: &Door, now: Time, holders: impl FnOnce() -> Vec<Door>) -> Permit {
        self.forget_lost(now);
        let permit = self.permit(seat, holders);
        if permit == Permit::Yes {
            self.begin(seat, now);
        }
        permit
    }

    /// Whether `asker`, who was told [`Permit::OnlyOn`], may make the further try on that seat: not when another one
    /// was faster. A yes notes the login as begun.
    pub fn may_decide(&mut self, asker: &Door, on: &Door, now: Time, holders: impl FnOnce() -> Vec<Door>) -> bool {
        self.forget_lost(now);
        let due = matches!(self.permit(asker, holders), Permit::OnlyOn(only) if only == *on);
        if due {
            self.begin(on, now);
        }
        due
    }

    fn permit(&self, seat: &Door, holders: impl FnOnce() -> Vec<Door>) -> Permit {
        if self.stopped_seats.contains_key(seat) {
            return Permit::No(Denial::SeatStopped);
        }
        match &self.phase {
            Phase::Free => Permit::Yes,
            Phase::Stopped { .. } => Permit::No(Denial::CredentialStopped),
            Phase::Doubted { .. } if !self.under_way.is_empty() => Permit::Wait,
            Phase::Doubted { refused, unreached, .. } => match self.decider(refused, unreached, seat, &holders()) {
                Some(on) if on == seat => Permit::Yes,
                Some(on) => Permit::OnlyOn(on.clone()),
                None => Permit::No(Denial::RefusedHere),
            },
        }
    }

    /// The seat on which the further try is made when `asker` asks.
    fn decider<'a>(
        &'a self,
        refused: &'a BTreeMap<Door, Time>,
        unreached: &BTreeSet<Door>,
        asker: &'a Door,
        holders: &'a [Door],
    ) -> Option<&'a Door> {
        let holds = |seat: &Door| holders.contains(seat) && !self.stopped_seats.contains_key(seat);
        let may_speak = |seat: &Door| holds(seat) && !refused.contains_key(seat) && !unreached.contains(seat);
        let go_on = unreached.len() < UNREACHED_MAX;
        if let Some(last) = self.accepted.iter().rev().find(|seat| go_on && may_speak(seat)) {
            return Some(last);
        }
        // The asker's own turn comes even if it was not reached before.
        if !refused.contains_key(asker) {
            return Some(asker);
        }
        if let Some(other) = holders.iter().find(|seat| may_speak(seat)) {
            return go_on.then_some(other);
        }
        let alone = holders.iter().all(|seat| seat == asker || !holds(seat));
        if refused.len() < 2 && !alone {
            return None;
        }
        let again = |seat: &&Door| holds(seat) && refused.contains_key(*seat);
        let last = self.accepted.iter().rev().find(again).or_else(|| {
            let first = refused.iter().filter(|(seat, _)| holds(seat)).min_by_key(|(_, at)| **at);
            first.map(|(seat, _)| seat)
        });
        last.filter(|seat| *seat == asker || !unreached.contains(*seat))
    }

    fn begin(&mut self, seat: &Door, now: Time) {
        self.under_way.push((seat.clone(), now));
        if let Phase::Doubted { deciding, .. } = &mut self.phase {
            *deciding = Some(seat.clone());
        }
    }

    /// Takes the result of a login, and says what is to be written down. The login counts as under way until
    /// [`Self::landed`], so that nothing else is tried before that is written.
    pub fn on_result(&mut self, seat: &Door, result: LoginResult, now: Time) -> Vec<Change> {
        if self.stopped_seats.contains_key(seat) {
            return Vec::new();
        }
        if result == LoginResult::Accepted {
            self.accepted.retain(|known| known != seat);
            self.accepted.push(seat.clone());
        }
        match (&mut self.phase, result) {
            (Phase::Free, LoginResult::Refused) => {
                let refused = BTreeMap::from([(seat.clone(), now)]);
                self.phase = Phase::Doubted { refused, unreached: BTreeSet::new(), deciding: None };
                vec![Change::Refused(seat.clone())]
            }
            (Phase::Free, LoginResult::Accepted) if !self.acceptance_written => {
                self.acceptance_written = true;
                vec![Change::Accepted(seat.clone())]
            }
            (Phase::Doubted { deciding, .. }, _) if deciding.as_ref() == Some(seat) => self.decide(seat, result, now),
            (Phase::Doubted { refused, .. }, LoginResult::Refused) => {
                refused.entry(seat.clone()).or_insert(now);
                vec![Change::Refused(seat.clone())]
            }
            (Phase::Free | Phase::Doubted { .. } | Phase::Stopped { .. }, _) => Vec::new(),
        }
    }

    /// Takes the result of the further try.
    fn decide(&mut self, seat: &Door, result: LoginResult, now: Time) -> Vec<Change> {
        let Phase::Doubted { refused, unreached, deciding } = &mut self.phase else { return Vec::new() };
        *deciding = None;
        match result {
            LoginResult::Unjudged => {
                unreached.insert(seat.clone());
                Vec::new()
            }
            LoginResult::Refused => self.stop(StopReason::RefusedTwice, now),
            LoginResult::Accepted => {
                refused.remove(seat);
                let alone = std::mem::take(refused);
                self.phase = Phase::Free;
                let mut changes = vec![Change::Accepted(seat.clone())];
                changes.extend(alone.keys().cloned().map(Change::SeatStopped));
                self.stopped_seats.extend(alone.into_keys().map(|seat| (seat, now)));
                let today = self.stopped_seats.values().filter(|at| now.ms_since(**at) < DAY_MS).count();
                if today >= SEATS_MAX {
                    changes.extend(self.stop(StopReason::FiveSeats, now));
                }
                changes
            }
        }
    }

    fn stop(&mut self, why: StopReason, now: Time) -> Vec<Change> {
        self.phase = Phase::Stopped { at: now, why };
        vec![Change::Stopped(why)]
    }

    /// A login is over, and what it changed is written down.
    pub fn landed(&mut self, seat: &Door) {
        if let Some(place) = self.under_way.iter().position(|(known, _)| known == seat) {
            self.under_way.remove(place);
        }
    }

    /// A person clears one seat, which may then try again.
    pub fn clear_seat(&mut self, seat: &Door) {
        self.stopped_seats.remove(seat);
        if let Phase::Doubted { refused, .. } = &mut self.phase {
            refused.remove(seat);
            if refused.is_empty() {
                self.phase = Phase::Free;
            }
        }
    }

    /// A person clears the credential with all its seats.
    pub fn clear(&mut self) {
        self.phase = Phase::Free;
        self.stopped_seats.clear();
    }

    fn forget_lost(&mut self, now: Time) {
        self.under_way.retain(|(_, since)| now.ms_since(*since) <= LOGIN_MS_MAX);
        if let Phase::Doubted { unreached, deciding, .. } = &mut self.phase
            && let Some(on) = deciding.take_if(|on| !self.under_way.iter().any(|(seat, _)| seat == on))
        {
            unreached.insert(on);
        }
    }
}

#[cfg(test)]
mod tests;
