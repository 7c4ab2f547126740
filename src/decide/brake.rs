//! The brake of one credential (invariant 9), so that a wrong or stolen password neither locks an account nor is
//! handed around.
//!
//! | phase | meaning | who may try |
//! |---|---|---|
//! | free | nothing speaks against the credential | every seat that is not stopped alone |
//! | doubted | a seat refused it, one further try elsewhere decides | one seat at a time |
//! | stopped | refused twice, or five seats stopped within a day | nobody, until a person clears it |
//!
//! The further try is made on the seat that last accepted the credential, another one than the refusing one where
//! there is such. Where none ever accepted it, it is made on the next other seat that asks; a credential that only one
//! seat has and that never worked is not tried again. Logins that were under way when the first refusal came cannot be
//! called back: a refusal among them joins the first one, an acceptance among them decides nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::name::SeatName;
use crate::model::time::Time;

/// So many seats that are stopped alone within [`DAY_MS`] stop the credential.
pub const SEATS_MAX: usize = 5;
/// A day, in milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;
/// A further try that has no result after so many milliseconds was lost with the process that made it.
pub const TRY_MS_MAX: i64 = 5 * 60_000;

/// What is known of one credential.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Free, doubted or stopped.
    pub phase: Phase,
    /// The seats that are stopped alone, and since when.
    pub stopped_seats: BTreeMap<SeatName, Time>,
}

/// How a credential is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing speaks against it.
    #[default]
    Free,
    /// At least one seat refused it, and the further try is not decided.
    Doubted {
        /// The seats that refused it, and when.
        refused: BTreeMap<SeatName, Time>,
        /// The further try.
        further: FurtherTry,
    },
    /// Nobody may try until a person clears it.
    Stopped {
        /// Since when.
        at: Time,
        /// Why.
        why: StopReason,
    },
}

/// The one try that decides about a doubted credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FurtherTry {
    /// It is to be made on this seat.
    On(SeatName),
    /// It is to be made on any seat that has not refused.
    Elsewhere,
    /// It is under way.
    Running {
        /// On which seat.
        on: SeatName,
        /// Since when.
        since: Time,
    },
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
        /// This seat refused it, and the further try is another's.
        RefusedHere = "refused-here",
    }
}

/// Whether a login may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// Yes, and its result must be reported.
    Yes,
    /// Not here: the further try is due on this seat, and somebody should make it soon.
    OnlyOn(SeatName),
    /// Not yet: the further try is under way.
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
    /// What was known before a restart. A further try that was under way is made again.
    pub fn recall(
        stopped: Option<(Time, StopReason)>,
        stopped_seats: BTreeMap<SeatName, Time>,
        refused: BTreeMap<SeatName, Time>,
        last_accepted: Option<&SeatName>,
    ) -> Self {
        let further = further_try(&refused, &stopped_seats, last_accepted);
        let phase = match stopped {
            Some((at, why)) => Phase::Stopped { at, why },
            None if refused.is_empty() => Phase::Free,
            None => Phase::Doubted { refused, further },
        };
        Self { phase, stopped_seats }
    }

    /// Whether `seat` may try to log in. A yes to a doubted credential is the further try, and is noted as begun: ask
    /// and keep the state in one step.
    pub fn may_try(&mut self, seat: &SeatName, now: Time) -> Permit {
        if self.stopped_seats.contains_key(seat) {
            return Permit::No(Denial::SeatStopped);
        }
        self.forget_lost_try(now);
        let (refused, further) = match &mut self.phase {
            Phase::Free => return Permit::Yes,
            Phase::Stopped { .. } => return Permit::No(Denial::CredentialStopped),
            Phase::Doubted { refused, further } => (refused, further),
        };
        match further {
            FurtherTry::Running { .. } => Permit::Wait,
            FurtherTry::On(only) if only != seat => Permit::OnlyOn(only.clone()),
            FurtherTry::Elsewhere if refused.contains_key(seat) => Permit::No(Denial::RefusedHere),
            FurtherTry::On(_) | FurtherTry::Elsewhere => {
                *further = FurtherTry::Running { on: seat.clone(), since: now };
                Permit::Yes
            }
        }
    }

    /// Takes the result of a login.
    ///
    /// `last_accepted` is the seat other than `seat` that last accepted the credential; `seat` itself when no other
    /// did and it once did; else nobody.
    pub fn on_result(&mut self, seat: &SeatName, result: LoginResult, last_accepted: Option<&SeatName>, now: Time) {
        match &mut self.phase {
            Phase::Stopped { .. } => {}
            Phase::Free => {
                if result == LoginResult::Refused && !self.stopped_seats.contains_key(seat) {
                    let refused = BTreeMap::from([(seat.clone(), now)]);
                    let further = further_try(&refused, &self.stopped_seats, last_accepted);
                    self.phase = Phase::Doubted { refused, further };
                }
            }
            Phase::Doubted { refused, further } => {
                // An acceptance counts only from the try itself: another login may have begun before the refusal.
                let decides = match further {
                    FurtherTry::Running { on, .. } => on == seat,
                    FurtherTry::On(on) => on == seat && result != LoginResult::Accepted,
                    FurtherTry::Elsewhere => result == LoginResult::Refused && !refused.contains_key(seat),
                };
                match result {
                    LoginResult::Refused if decides => {
                        self.phase = Phase::Stopped { at: now, why: StopReason::RefusedTwice };
                    }
                    LoginResult::Refused => {
                        refused.entry(seat.clone()).or_insert(now);
                    }
                    LoginResult::Accepted if decides => {
                        refused.remove(seat);
                        let refused = std::mem::take(refused);
                        self.stop_alone(refused.into_keys(), now);
                    }
                    LoginResult::Unjudged if decides => *further = after_unjudged(refused, seat),
                    LoginResult::Accepted | LoginResult::Unjudged => {}
                }
            }
        }
    }

    /// A person clears one seat, which may then try again.
    pub fn clear_seat(&mut self, seat: &SeatName) {
        self.stopped_seats.remove(seat);
    }

    /// A person clears the credential with all its seats.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn stop_alone(&mut self, seats: impl Iterator<Item = SeatName>, now: Time) {
        self.stopped_seats.extend(seats.map(|seat| (seat, now)));
        let today = self.stopped_seats.values().filter(|at| now.ms_since(**at) < DAY_MS).count();
        self.phase =
            if today >= SEATS_MAX { Phase::Stopped { at: now, why: StopReason::FiveSeats } } else { Phase::Free };
    }

    fn forget_lost_try(&mut self, now: Time) {
        if let Phase::Doubted { refused, further } = &mut self.phase
            && let FurtherTry::Running { on, since } = further
            && now.ms_since(*since) > TRY_MS_MAX
        {
            *further = after_unjudged(refused, &on.clone());
        }
    }
}

fn further_try(
    refused: &BTreeMap<SeatName, Time>,
    stopped: &BTreeMap<SeatName, Time>,
    last_accepted: Option<&SeatName>,
) -> FurtherTry {
    match last_accepted {
        Some(seat) if !stopped.contains_key(seat) && (refused.len() == 1 || !refused.contains_key(seat)) => {
            FurtherTry::On(seat.clone())
        }
        _ => FurtherTry::Elsewhere,
    }
}

/// The seat was not reached: another one decides, but where it is the only one that can.
fn after_unjudged(refused: &BTreeMap<SeatName, Time>, seat: &SeatName) -> FurtherTry {
    if refused.contains_key(seat) { FurtherTry::On(seat.clone()) } else { FurtherTry::Elsewhere }
}

#[cfg(test)]
mod tests;
