//! L3: diesel on SQLite and PostgreSQL, two write classes, append-only tables, the audit.
//!
//! Writes belong to one of two classes with a thread each. An *intent* is answered after a commit that survives the
//! loss of power, and what it records as an act carries its audit in the same transaction. An *observation* is
//! written within a second; losing it loses knowledge, never safety.
//!
//! Invariant: whoever reads customers' data goes through [`Store::scoped`]; no scope, no rows. No transaction spans
//! anything but the store. This folder knows neither keys nor appliances: sealed bytes go in and come out as they are.

mod asset;
mod audit;
mod backup;
mod backup_event;
mod brake;
mod check;
mod db;
mod error;
mod files;
mod finding;
mod generation;
mod host_key;
mod housekeeping;
mod key;
mod lock;
mod object;
mod object_text;
mod observe;
mod poll;
mod poll_pack;
mod prune;
mod row;
mod schema;
mod series;
mod series_pack;
mod span;
mod status;
mod transcript;
mod varint;
mod writer;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, Pool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::model::actor::Scope;
use crate::model::id::BackupId;
use crate::model::realm::Realm;
use crate::model::record::PollRecord;
use crate::model::time::Time;

use db::{Db, Role};
use schema::store_meta;
use writer::{Intent, Observation};

pub use crate::model::store_url::{PgTarget, StoreUrl, UrlError};
pub use backup::{BackupFilter, BackupObject};
pub use check::BackupsChecked;
pub use error::StoreError;
pub use finding::FindingFilter;
pub use generation::Generation;
pub use housekeeping::Swept;
pub use lock::{HostLock, LockError};
pub use object::ObjectRead;
pub use poll::PollPoint;
pub use prune::Doomed;
pub use series::SeriesPoint;
pub use status::Counts;
pub use transcript::TranscriptFilter;

/// Connections that read at the same time.
const READERS_MAX: u32 = 4;
/// Observations that may wait for their writer before a caller has to wait too.
const OBSERVATIONS_WAITING_MAX: usize = 2 * writer::OBSERVATION_BATCH_MAX;

/// The store. Cheap to clone; the last clone waits for both writers to finish what they were given.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    id: String,
    realm: Realm,
    pool: Pool<Readers>,
    writers: Option<Writers>,
}

struct Writers {
    intents: Option<Sender<Intent>>,
    observations: Option<Sender<Observation>>,
    places: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Writers {
    fn drop(&mut self) {
        // Without a sender each thread writes what it still has, and ends.
        self.intents = None;
        self.observations = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a writer of the store had ended by a panic");
            }
        }
    }
}

/// Makes reading connections for the pool.
#[derive(Debug)]
struct Readers(StoreUrl);

impl ManageConnection for Readers {
    type Connection = Db;
    type Error = StoreError;

    fn connect(&self) -> Result<Db, StoreError> {
        db::connect(&self.0, Role::Reader)
    }

    fn is_valid(&self, db: &mut Db) -> Result<(), StoreError> {
        diesel::select(1.into_sql::<diesel::sql_types::Integer>()).execute(db).map(drop).map_err(StoreError::from)
    }

    fn has_broken(&self, _: &mut Db) -> bool {
        false
    }
}

impl Store {
    /// Opens the store for reading and writing; makes it when there is none. Blocks for some milliseconds.
    ///
    /// The caller holds the [`HostLock`]. Refused are a store of the other realm, a later schema, and files that
    /// others than their owner may use.
    pub fn open(url: &StoreUrl, realm: Realm, now: Time) -> Result<Self, StoreError> {
        let url = db::prepare(url, true)?;
        let mut intent = db::connect(&url, Role::Intent)?;
        db::migrate(&mut intent)?;
        let id = birth(&mut intent, realm, now)?;
        let observation = db::connect(&url, Role::Observation)?;
        let pool = pool(&url)?;

        let (intents, intent_queue) = mpsc::channel();
        let (observations, observation_queue) = mpsc::channel();
        let gate = Arc::new(Mutex::new(()));
        let (other_url, other_gate) = (url.clone(), Arc::clone(&gate));
        let threads = vec![
            spawn("store-intent", move || writer::run_intents(url, intent, gate, &intent_queue))?,
            spawn("store-observe", move || {
                writer::run_observations(other_url, observation, other_gate, &observation_queue);
            })?,
        ];
        let places = Arc::new(Semaphore::new(OBSERVATIONS_WAITING_MAX));
        let writers = Writers { intents: Some(intents), observations: Some(observations), places, threads };
        Ok(Self { shared: Arc::new(Shared { id, realm, pool, writers: Some(writers) }) })
    }

    /// Opens the store for commands that only read; no host lock is needed, and nothing is made.
    pub fn open_reader(url: &StoreUrl, realm: Realm) -> Result<Self, StoreError> {
        let url = db::prepare(url, false)?;
        let mut db = db::connect(&url, Role::Reader)?;
        db::check_schema(&mut db)?;
        let id = meta(&mut db, realm)?.ok_or_else(|| StoreError::Unknown("the store's own record".to_owned()))?;
        Ok(Self { shared: Arc::new(Shared { id, realm, pool: pool(&url)?, writers: None }) })
    }

    /// The random name that the store got when it was made.
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// The realm that it was born into.
    pub fn realm(&self) -> Realm {
        self.shared.realm
    }

    /// The only way to rows of customers.
    pub fn scoped(&self, scope: Scope) -> Scoped {
        Scoped { store: self.clone(), scope }
    }

    /// Hands in one poll. Returns when the writer has a place for it, not when it is written.
    pub async fn observe(&self, record: PollRecord) -> Result<(), StoreError> {
        let place = self.place().await?;
        self.send(Observation::Poll(Box::new(record), place))
    }

    /// Notes that a fetch gave what a backup holds already, as a poll that extends a span: losing it loses knowledge.
    pub async fn backup_seen(&self, id: BackupId, at: Time) -> Result<(), StoreError> {
        let place = self.place().await?;
        self.send(Observation::Seen(id, at, place))
    }

    /// Waits until every observation that was handed in before is written, and says if one was not.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.send(Observation::Flush(sender))?;
        receiver.await.map_err(|_| ended())?
    }

    /// Does one slice of roll-up and retention; to be called again while [`Swept::more`] says so.
    pub async fn housekeeping(&self, now: Time) -> Result<Swept, StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.send(Observation::Sweep(now, sender))?;
        receiver.await.map_err(|_| ended())?
    }

    /// A place in the queue of the observation writer.
    async fn place(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.writers()?.places).acquire_owned().await.map_err(|_| ended())
    }

    fn writers(&self) -> Result<&Writers, StoreError> {
        let reading = || StoreError::NotWritten { reason: "the store was opened for reading only".to_owned() };
        self.shared.writers.as_ref().ok_or_else(reading)
    }

    fn send(&self, observation: Observation) -> Result<(), StoreError> {
        let sender = self.writers()?.observations.as_ref().ok_or_else(ended)?;
        sender.send(observation).map_err(|_| ended())
    }

    /// Writes something durable and waits for its commit.
    async fn intent<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (intent, answer) = writer::intent(act);
        self.writers()?.intents.as_ref().ok_or_else(ended)?.send(intent).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    /// Reads on a connection of its own, beside the async threads.
    async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Db) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let pool = self.shared.pool.clone();
        let read = move || {
            let mut db = pool.get().map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
            ask(&mut db)
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| ended())?
    }
}

/// The store as somebody with this scope sees it.
#[derive(Clone)]
pub struct Scoped {
    store: Store,
    scope: Scope,
}

impl Scoped {
    /// The customers to which every question is narrowed; `None` is all of them.
    fn customers(&self) -> Option<Vec<String>> {
        match &self.scope {
            Scope::House => None,
            Scope::Customers(list) => Some(list.iter().map(|customer| customer.as_str().to_owned()).collect()),
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable { reason: "the store is closing, or a thread of it ended early".to_owned() }
}

fn pool(url: &StoreUrl) -> Result<Pool<Readers>, StoreError> {
    let pool = Pool::builder().max_size(READERS_MAX).min_idle(Some(1)).connection_timeout(Duration::from_secs(10));
    pool.build(Readers(url.clone())).map_err(|error| StoreError::Unavailable { reason: error.to_string() })
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|error| StoreError::Unavailable { reason: error.to_string() })
}

/// Reads the store's own record, and refuses the other realm.
fn meta(db: &mut Db, realm: Realm) -> Result<Option<String>, StoreError> {
    let row: Option<(String, String)> =
        store_meta::table.select((store_meta::store_id, store_meta::realm)).first(db).optional()?;
    let Some((id, found)) = row else { return Ok(None) };
    let found = row::word("store_meta.realm", &found)?;
    if found == realm { Ok(Some(id)) } else { Err(StoreError::OtherRealm { expected: realm, found }) }
}

/// Gives a new store its name and realm, for ever.
fn birth(db: &mut Db, realm: Realm, now: Time) -> Result<String, StoreError> {
    if let Some(id) = meta(db, realm)? {
        return Ok(id);
    }
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
    let id = hex::encode(random);
    db.transaction(|db| {
        diesel::insert_into(store_meta::table)
            .values((
                store_meta::id.eq(1),
                store_meta::store_id.eq(&id),
                store_meta::realm.eq(realm.as_str()),
                store_meta::made_at.eq(now.as_ms()),
            ))
            .execute(db)?;
        audit::add(
            db,
            &crate::model::actor::NewAudit {
                at: now,
                actor: "hoshu".to_owned(),
                proof: crate::model::actor::Proof::Itself,
                act: crate::model::actor::Act::StoreMade,
                subject: id.clone(),
                detail: serde_json::json!({"v": 1, "realm": realm}).to_string(),
            },
        )
    })?;
    Ok(id)
}
