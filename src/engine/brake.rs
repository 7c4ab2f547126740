//! The credential brake at work: `decide::brake` says who may try, the store remembers it through a crash.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::access::AccessError;
use crate::decide::brake::{Change, LOGIN_MS_MAX, LoginResult, Permit, State, StopReason};
use crate::engine::clock::Clock;
use crate::model::actor::{Act, Actor, Scope};
use crate::model::credential::CredentialName;
use crate::model::door::Door;
use crate::model::outside::Outside;
use crate::model::record::{Brake, BrakeState};
use crate::model::time::Time;
use crate::store::{Store, StoreError};

/// How long one waits for the logins of others before asking again: a login that was lost with its task is forgotten
/// by time, not by a wake-up.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The longest login: before the brake forgets it, and half a minute earlier, so that what became of it is written down.
pub const LOGIN_MS: i64 = LOGIN_MS_MAX - 30_000;
/// How often a login that is under way is held against it.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A login that is given up before the brake forgets it, by the clock of the brake, whatever limits the settings give to
/// its parts.
pub async fn within_limit<T>(
    clock: &dyn Clock,
    login: impl Future<Output = Result<T, AccessError>>,
) -> Result<T, AccessError> {
    let (begun, mut login) = (clock.now(), std::pin::pin!(login));
    loop {
        match tokio::time::timeout(LOOK_AGAIN, &mut login).await {
            Ok(done) => return done,
            Err(_) if clock.now().ms_since(begun) >= LOGIN_MS => {
                let limit = Duration::from_millis(LOGIN_MS.unsigned_abs());
                return Err(AccessError::TimedOut { what: "the whole login", limit });
            }
            Err(_) => {}
        }
    }
}

/// The brake of every credential.
pub struct Gate {
    store: Store,
    states: Mutex<HashMap<CredentialName, State>>,
    changed: Notify,
}

impl Gate {
    /// Takes up what is known from before.
    pub async fn load(store: Store) -> Result<Self, StoreError> {
        let mut rows: HashMap<CredentialName, Vec<Brake>> = HashMap::new();
        for row in store.scoped(Scope::House).brake_list().await? {
            rows.entry(row.credential.clone()).or_default().push(row);
        }
        let states = rows.into_iter().map(|(name, rows)| (name, recall(rows))).collect();
        Ok(Self { store, states: Mutex::new(states), changed: Notify::new() })
    }

    fn with<R>(&self, name: &CredentialName, work: impl FnOnce(&mut State) -> R) -> R {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        work(states.entry(name.clone()).or_default())
    }

    /// Whether this seat may try the credential now; `holders` are the seats that have it. Whoever is told to wait
    /// holds no permit of a lane meanwhile: the further try needs one.
    pub fn ask(&self, name: &CredentialName, seat: &Door, now: Time, holders: impl FnOnce() -> Vec<Door>) -> Permit {
        self.with(name, |state| state.may_try(seat, now, holders))
    }

    /// Whether `asker`, who was sent to the seat `on`, may make the further try there.
    pub fn ask_further(
        &self,
        name: &CredentialName,
        asker: &Door,
        on: &Door,
        now: Time,
        holders: impl FnOnce() -> Vec<Door>,
    ) -> bool {
        self.with(name, |state| state.may_decide(asker, on, now, holders))
    }

    /// Waits until another answer is likely. To be called before the question, so that no change in between is missed.
    pub fn changed(&self) -> impl Future<Output = ()> {
        let changed = self.changed.notified();
        // The time-out is no failure: the question is simply put again.
        async move { drop(tokio::time::timeout(ASK_AGAIN, changed).await) }
    }

    /// Takes what became of a login. What it changed is in the store before anybody else may try.
    pub async fn report(
        &self,
        name: &CredentialName,
        seat: &Door,
        result: LoginResult,
        now: Time,
    ) -> Result<(), StoreError> {
        let changes = self.with(name, |state| state.on_result(seat, result, now));
        let written = self.write_all(name, changes, now).await;
        self.with(name, |state| state.landed(seat));
        self.changed.notify_waiters();
        written
    }

    async fn write_all(&self, name: &CredentialName, changes: Vec<Change>, now: Time) -> Result<(), StoreError> {
        for change in changes {
            match change {
                Change::Accepted(seat) => self.write(name, Some(seat), BrakeState::Accepted, now, None).await?,
                Change::Refused(seat) => self.write(name, Some(seat), BrakeState::Refused, now, None).await?,
                Change::SeatStopped(seat) => {
                    self.write(name, Some(seat), BrakeState::Stopped, now, Some("stopped on this seat")).await?;
                }
                Change::Stopped(why) => {
                    self.write(name, None, BrakeState::Stopped, now, Some(why.as_str())).await?;
                }
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        name: &CredentialName,
        door: Option<Door>,
        state: BrakeState,
        at: Time,
        stopped: Option<&str>,
    ) -> Result<(), StoreError> {
        let audit = stopped.map(|why| {
            let detail = serde_json::json!({"v": 1, "door": door.as_ref().map(ToString::to_string), "why": why});
            Actor::itself().did(at, Act::CredentialStopped, name.to_string(), &detail)
        });
        let reason = Outside::from(stopped.unwrap_or_default());
        self.store.brake_set(Brake { credential: name.clone(), door, state, at, reason }, audit).await
    }

    /// A person clears a credential, on one seat or everywhere.
    pub async fn clear(
        &self,
        name: &CredentialName,
        seat: Option<Door>,
        actor: &Actor,
        now: Time,
    ) -> Result<usize, StoreError> {
        let detail = serde_json::json!({"v": 1, "door": seat.as_ref().map(ToString::to_string)});
        let audit = actor.did(now, Act::CredentialCleared, name.to_string(), &detail);
        let cleared = self.store.brake_clear(name.clone(), seat.clone(), audit).await?;
        self.with(name, |state| match &seat {
            Some(seat) => state.clear_seat(seat),
            None => state.clear(),
        });
        self.changed.notify_waiters();
        Ok(cleared)
    }
}

fn recall(rows: Vec<Brake>) -> State {
    let mut stopped = None;
    let mut stopped_seats = BTreeMap::new();
    let mut refused = BTreeMap::new();
    let mut accepted: Vec<(Time, Door)> = Vec::new();
    for row in rows {
        match (row.state, row.door) {
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
    State::recall(stopped, stopped_seats, refused, accepted.into_iter().map(|(_, seat)| seat).collect())
}
