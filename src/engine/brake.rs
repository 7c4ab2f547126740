//! The credential brake at work: `decide::brake` says who may try, the store remembers it through a crash.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::decide::brake::{Denial, LoginResult, Permit, Phase, State, StopReason};
use crate::engine::clock::Clock;
use crate::model::actor::{Act, Actor, Scope};
use crate::model::credential::CredentialName;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::record::{Brake, BrakeState};
use crate::model::time::Time;
use crate::store::{Store, StoreError};

/// How long one waits for the further try of another before asking again: a try that was lost with its task is
/// forgotten by time, not by a wake-up.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What may be done with a credential on a seat now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Log in, and report what became of it.
    Go,
    /// Not yet: the one further try is due on this other seat, and nobody is making it.
    TryFirstOn(SeatName),
    /// No.
    No(Denial),
}

#[derive(Debug, Default)]
struct Entry {
    state: State,
    /// The last two different seats that accepted it, the newest last: the further try wants another seat than the
    /// one that refused.
    accepted: Vec<SeatName>,
}

impl Entry {
    fn last_accepted(&self, but: &SeatName) -> Option<SeatName> {
        self.accepted.iter().rev().find(|seat| *seat != but).or_else(|| self.accepted.last()).cloned()
    }

    fn note_accepted(&mut self, seat: &SeatName) {
        if self.accepted.last() != Some(seat) {
            self.accepted.retain(|known| known != seat);
            self.accepted.push(seat.clone());
            if self.accepted.len() > 2 {
                self.accepted.remove(0);
            }
        }
    }
}

/// The brake of every credential.
pub struct Gate {
    store: Store,
    entries: Mutex<HashMap<CredentialName, Entry>>,
    changed: Notify,
}

impl Gate {
    /// Takes up what is known from before.
    pub async fn load(store: Store) -> Result<Self, StoreError> {
        let mut rows: HashMap<CredentialName, Vec<Brake>> = HashMap::new();
        for row in store.scoped(Scope::House).brake_list().await? {
            rows.entry(row.credential.clone()).or_default().push(row);
        }
        let entries = rows.into_iter().map(|(name, rows)| (name, recall(rows))).collect();
        Ok(Self { store, entries: Mutex::new(entries), changed: Notify::new() })
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<CredentialName, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is decided whether this seat may try now.
    pub async fn ask(&self, name: &CredentialName, seat: &SeatName, clock: &dyn Clock) -> Decision {
        loop {
            // Registered before the state is looked at, so that a change in between is not missed.
            let changed = self.changed.notified();
            match self.entries().entry(name.clone()).or_default().state.may_try(seat, clock.now()) {
                Permit::Yes => return Decision::Go,
                Permit::OnlyOn(other) => return Decision::TryFirstOn(other),
                Permit::No(denial) => return Decision::No(denial),
                Permit::Wait => {}
            }
            // The time-out is no failure: the state is simply looked at again.
            drop(tokio::time::timeout(ASK_AGAIN, changed).await);
        }
    }

    /// Takes what became of a login. What stops somebody is in the store before this returns.
    pub async fn report(
        &self,
        name: &CredentialName,
        seat: &SeatName,
        result: LoginResult,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        let now = clock.now();
        let (before, after, newly_accepted) = {
            let mut entries = self.entries();
            let entry = entries.entry(name.clone()).or_default();
            if result != LoginResult::Refused && entry.state == State::default() {
                // The usual way: nothing speaks against the credential, and nothing changes.
                let first = result == LoginResult::Accepted && entry.accepted.is_empty();
                if result == LoginResult::Accepted {
                    entry.note_accepted(seat);
                }
                (State::default(), State::default(), first)
            } else {
                let before = entry.state.clone();
                let last = entry.last_accepted(seat);
                entry.state.on_result(seat, result, last.as_ref(), now);
                if result == LoginResult::Accepted {
                    entry.note_accepted(seat);
                }
                (before, entry.state.clone(), false)
            }
        };
        if newly_accepted {
            self.write(name, Some(seat), BrakeState::Accepted, now, None).await?;
        }
        if before != after {
            self.remember(name, &before, &after, now).await?;
            self.changed.notify_waiters();
        }
        Ok(())
    }

    /// The further try cannot be made on this seat.
    pub async fn unjudged(&self, name: &CredentialName, seat: &SeatName, clock: &dyn Clock) -> Result<(), StoreError> {
        self.report(name, seat, LoginResult::Unjudged, clock).await
    }

    /// Writes the difference between two states as rows.
    async fn remember(
        &self,
        name: &CredentialName,
        before: &State,
        after: &State,
        now: Time,
    ) -> Result<(), StoreError> {
        for seat in after.stopped_seats.keys().filter(|seat| !before.stopped_seats.contains_key(*seat)) {
            self.write(name, Some(seat), BrakeState::Stopped, now, Some("stopped on this seat")).await?;
        }
        if let Phase::Doubted { refused, .. } = &after.phase {
            let known = match &before.phase {
                Phase::Doubted { refused, .. } => refused.clone(),
                _ => BTreeMap::new(),
            };
            for seat in refused.keys().filter(|seat| !known.contains_key(*seat)) {
                self.write(name, Some(seat), BrakeState::Refused, now, None).await?;
            }
        }
        if let (Phase::Stopped { why, .. }, false) = (&after.phase, matches!(before.phase, Phase::Stopped { .. })) {
            self.write(name, None, BrakeState::Stopped, now, Some(why.as_str())).await?;
        }
        Ok(())
    }

    async fn write(
        &self,
        name: &CredentialName,
        seat: Option<&SeatName>,
        state: BrakeState,
        at: Time,
        stopped: Option<&str>,
    ) -> Result<(), StoreError> {
        let audit = stopped.map(|why| {
            let detail = serde_json::json!({"v": 1, "seat": seat, "why": why});
            Actor::itself().did(at, Act::CredentialStopped, name.to_string(), &detail)
        });
        let reason = Outside::from(stopped.unwrap_or_default());
        let brake = Brake { credential: name.clone(), seat: seat.cloned(), state, at, reason };
        self.store.brake_set(brake, audit).await
    }

    /// A person clears a credential, on one seat or everywhere.
    pub async fn clear(
        &self,
        name: &CredentialName,
        seat: Option<SeatName>,
        actor: &Actor,
        now: Time,
    ) -> Result<usize, StoreError> {
        let detail = serde_json::json!({"v": 1, "seat": seat});
        let audit = actor.did(now, Act::CredentialCleared, name.to_string(), &detail);
        let cleared = self.store.brake_clear(name.clone(), seat.clone(), audit).await?;
        {
            let mut entries = self.entries();
            let state = &mut entries.entry(name.clone()).or_default().state;
            match &seat {
                Some(seat) => state.clear_seat(seat),
                None => state.clear(),
            }
        }
        self.changed.notify_waiters();
        Ok(cleared)
    }
}

fn recall(rows: Vec<Brake>) -> Entry {
    let mut stopped = None;
    let mut stopped_seats = BTreeMap::new();
    let mut refused = BTreeMap::new();
    let mut accepted: Vec<(Time, SeatName)> = Vec::new();
    for row in rows {
        match (row.state, row.seat) {
            (BrakeState::Stopped, None) => {
                stopped = Some((row.at, row.reason.as_data().parse().unwrap_or(StopReason::RefusedTwice)));
            }
            (BrakeState::Stopped, Some(seat)) => drop(stopped_seats.insert(seat, row.at)),
            (BrakeState::Refused, Some(seat)) => drop(refused.insert(seat, row.at)),
            (BrakeState::Accepted, Some(seat)) => accepted.push((row.at, seat)),
            (BrakeState::Refused | BrakeState::Accepted, None) => {}
        }
    }
    accepted.sort();
    let accepted: Vec<SeatName> = accepted.into_iter().map(|(_, seat)| seat).collect();
    Entry { state: State::recall(stopped, stopped_seats, refused, accepted.last()), accepted }
}
