//! The two writers: one thread for each class of write.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::db::{self, Db, Role};
use super::error::StoreError;
use super::housekeeping::{self, Swept};
use super::{backup, observe};
use crate::model::causes::with_causes;
use crate::model::id::BackupId;
use crate::model::record::PollRecord;
use crate::model::store_url::StoreUrl;
use crate::model::time::Time;

/// How long an intent waits for others to share its commit: a small part of any session, and a commit that survives
/// the loss of power costs as much as ten intents.
const INTENT_WAIT: Duration = Duration::from_millis(10);
/// Intents of one commit.
const INTENT_BATCH_MAX: usize = 256;
/// How late an observation is written at most, but for the time of writing itself.
const OBSERVATION_WAIT: Duration = Duration::from_millis(300);
/// How long the observation writer sleeps between two looks at its queue: that long a flush waits behind observations.
const OBSERVATION_SLEEP: Duration = Duration::from_millis(10);
/// Observations of one commit: few enough that an intent does not wait long for its turn.
pub(super) const OBSERVATION_BATCH_MAX: usize = 500;

/// Tells the caller what became of its intent, once the commit is known.
pub(super) type Settle = Box<dyn FnOnce(Result<(), &str>) + Send>;
/// An intent: it runs inside a savepoint of the shared transaction, or learns why there is none.
pub(super) type Intent = Box<dyn FnOnce(Result<&mut Db, &str>) -> Settle + Send>;

/// Makes an intent of an act and the place where its caller waits.
pub(super) fn intent<T: Send + 'static>(
    act: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
) -> (Intent, oneshot::Receiver<Result<T, StoreError>>) {
    let (sender, receiver) = oneshot::channel();
    let intent: Intent = Box::new(move |db| {
        let result = match db {
            Ok(db) => db.transaction(act),
            Err(reason) => Err(StoreError::NotWritten { reason: reason.to_owned() }),
        };
        Box::new(move |committed| {
            let answer = match (result, committed) {
                (Ok(_), Err(reason)) => Err(StoreError::NotWritten { reason: reason.to_owned() }),
                (result, _) => result,
            };
            // A caller that went away needs no answer.
            drop(sender.send(answer));
        })
    });
    (intent, receiver)
}

/// The connection of a writer: reopened when it broke.
struct Line {
    url: StoreUrl,
    role: Role,
    db: Option<Db>,
    gate: Arc<Mutex<()>>,
}

impl Line {
    /// Takes the turn among the writers of this process: SQLite has one writer and would let the other poll for it.
    fn turn(gate: &Mutex<()>) -> MutexGuard<'_, ()> {
        gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a transaction, on a new connection if the old one is gone.
    fn begin(&mut self) -> Result<&mut Db, StoreError> {
        let usable = self.db.as_mut().is_some_and(|db| db::begin(db).is_ok());
        if !usable {
            let mut db = db::connect(&self.url, self.role)?;
            db::begin(&mut db)?;
            self.db = Some(db);
        }
        self.db.as_mut().ok_or_else(|| StoreError::Unavailable { reason: "no connection".to_owned() })
    }

    /// Commits; a connection that fails at it is not used again.
    fn commit(&mut self) -> Result<(), String> {
        let Some(db) = self.db.as_mut() else { return Err("no connection".to_owned()) };
        let committed = db::commit(db).map_err(|error| error.to_string());
        if committed.is_err() {
            self.db = None;
        }
        committed
    }
}

/// Runs intents until every sender is gone.
pub(super) fn run_intents(url: StoreUrl, db: Db, gate: Arc<Mutex<()>>, queue: &Receiver<Intent>) {
    let mut line = Line { url, role: Role::Intent, db: Some(db), gate };
    let mut waited = false;
    while let Ok(first) = queue.recv() {
        // One sleep instead of a wake-up for each arrival: the thread wakes once for each commit.
        if !waited {
            std::thread::sleep(INTENT_WAIT);
        }
        let mut batch = vec![first];
        batch.extend(queue.try_iter().take(INTENT_BATCH_MAX - 1));
        // A full batch means that more are waiting, and they have waited long enough.
        waited = batch.len() == INTENT_BATCH_MAX;
        let gate = Arc::clone(&line.gate);
        let turn = Line::turn(&gate);
        let settles: Vec<Settle> = match line.begin() {
            Ok(db) => batch.into_iter().map(|intent| intent(Ok(&mut *db))).collect(),
            Err(error) => {
                let reason = with_causes(&error);
                tracing::error!(?reason, "no intent can be written");
                for intent in batch {
                    intent(Err(&reason))(Err(&reason));
                }
                continue;
            }
        };
        let committed = line.commit();
        drop(turn);
        for settle in settles {
            settle(committed.as_ref().copied().map_err(String::as_str));
        }
    }
}

/// What the observation writer is given. The permit is a place in the queue.
pub(super) enum Observation {
    /// A poll.
    Poll(Box<PollRecord>, OwnedSemaphorePermit),
    /// A fetch gave what a backup holds already.
    Seen(BackupId, Time, OwnedSemaphorePermit),
    /// Answer when everything before this is written.
    Flush(oneshot::Sender<Result<(), StoreError>>),
    /// Do a slice of what keeps the store small.
    Sweep(Time, oneshot::Sender<Result<Swept, StoreError>>),
}

/// What is written in one transaction.
#[derive(Default)]
struct Batch {
    polls: Vec<PollRecord>,
    seen: Vec<(BackupId, Time)>,
    permits: Vec<OwnedSemaphorePermit>,
}

impl Batch {
    /// Collects an observation; anything else ends the batch.
    fn take(&mut self, next: Observation) -> Option<Observation> {
        match next {
            Observation::Poll(record, permit) => {
                self.polls.push(*record);
                self.permits.push(permit);
            }
            Observation::Seen(id, at, permit) => {
                self.seen.push((id, at));
                self.permits.push(permit);
            }
            other => return Some(other),
        }
        None
    }

    /// Collects what comes within [`OBSERVATION_WAIT`], up to a full batch or what ends it.
    fn fill(&mut self, queue: &Receiver<Observation>) -> Option<Observation> {
        let until = Instant::now() + OBSERVATION_WAIT;
        while self.permits.len() < OBSERVATION_BATCH_MAX {
            match queue.try_recv() {
                Ok(next) => {
                    let last = self.take(next);
                    if last.is_some() {
                        return last;
                    }
                }
                // Asleep until a moment, not until the next arrival: each wake-up costs both threads more than a write.
                Err(TryRecvError::Empty) if Instant::now() < until => std::thread::sleep(OBSERVATION_SLEEP),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        None
    }

    fn write(self, db: &mut Db) -> Result<(), StoreError> {
        let seen = backup::seen(db, &self.seen);
        observe::write(db, self.polls).and(seen)
    }
}

/// Runs observations until every sender is gone.
pub(super) fn run_observations(url: StoreUrl, db: Db, gate: Arc<Mutex<()>>, queue: &Receiver<Observation>) {
    let mut line = Line { url, role: Role::Observation, db: Some(db), gate };
    let mut unsaid = Ok(());
    while let Ok(first) = queue.recv() {
        let mut batch = Batch::default();
        let last = batch.take(first).or_else(|| batch.fill(queue));
        let permits = std::mem::take(&mut batch.permits);
        let written = if permits.is_empty() { Ok(()) } else { line.write(|db| batch.write(db)) };
        drop(permits);
        if let Err(error) = &written {
            tracing::error!(reason = ?with_causes(error), "observations were not written down");
        }
        unsaid = unsaid.and(written);
        match last {
            Some(Observation::Sweep(now, answer)) => {
                drop(answer.send(line.write(|db| housekeeping::sweep(db, now))));
            }
            Some(Observation::Flush(answer)) => drop(answer.send(std::mem::replace(&mut unsaid, Ok(())))),
            Some(Observation::Poll(..) | Observation::Seen(..)) | None => {}
        }
    }
}

impl Line {
    /// One act in one transaction; what it began inside and failed at, it has taken back itself.
    fn write<T>(&mut self, act: impl FnOnce(&mut Db) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let gate = Arc::clone(&self.gate);
        let _turn = Self::turn(&gate);
        let result = act(self.begin()?);
        self.commit().map_err(|reason| StoreError::NotWritten { reason })?;
        result
    }
}
