//! The lock of the host: one process at a time does the work of a store.
//!
//! Both locks are held by the system, a file lock or a session of PostgreSQL, so that a holder that is killed frees
//! them. What tells who holds it is for people.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::db;
use super::error::StoreError;
use crate::model::store_url::{PgTarget, StoreUrl};
use crate::model::time::Time;

/// How often a taken lock is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// The number of the advisory lock; it is one for each database.
const ADVISORY: i64 = 0x686f_7368_7501;
/// Bytes of the file that tells who holds the lock.
const HOLDER_BYTES_MAX: u64 = 4096;

/// Why a process is not the host.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process is.
    #[error("become the host of the store: process {pid} holds it ({command})")]
    Held {
        /// Its number; 0 when it does not tell.
        pid: i64,
        /// Since when; `None` when it does not tell.
        since: Option<Time>,
        /// What it does.
        command: String,
    },
    /// The store itself cannot be reached.
    #[error("become the host of the store")]
    Store(#[from] StoreError),
}

/// Held as long as it lives.
#[derive(Debug)]
pub struct HostLock {
    _held: Held,
}

enum Held {
    File(#[expect(dead_code, reason = "the lock lives as long as the open file")] File),
    Session(#[expect(dead_code, reason = "the lock lives as long as the session")] Box<PgConnection>),
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::File(_) => "file",
            Self::Session(_) => "session",
        })
    }
}

/// What a holder says of itself.
#[derive(serde::Serialize, serde::Deserialize)]
struct Holder {
    v: u32,
    pid: i64,
    since: Time,
    command: String,
}

impl HostLock {
    /// Becomes the host, waiting up to `wait` for another to end. `command` is what people are told, `now` since
    /// when. Blocks the thread.
    pub fn acquire(url: &StoreUrl, command: &str, now: Time, wait: Duration) -> Result<Self, LockError> {
        let holder = Holder {
            v: 1,
            pid: i64::from(std::process::id()),
            since: now,
            command: command.chars().filter(|letter| !letter.is_control()).take(100).collect(),
        };
        let held = match db::prepare(url, true)? {
            StoreUrl::Sqlite(path) => Held::File(lock_file(&path.with_file_name("host.lock"), &holder, wait)?),
            StoreUrl::Postgres(target) => Held::Session(Box::new(lock_session(&target, &holder, wait)?)),
        };
        Ok(Self { _held: held })
    }
}

/// Tries until it works or the time is over.
fn patiently<T>(
    wait: Duration,
    mut attempt: impl FnMut() -> Result<Option<T>, LockError>,
) -> Result<Option<T>, LockError> {
    let until = Instant::now() + wait;
    loop {
        if let Some(got) = attempt()? {
            return Ok(Some(got));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(left.min(TRY_AGAIN));
    }
}

fn lock_file(path: &Path, holder: &Holder, wait: Duration) -> Result<File, LockError> {
    let failed = |source| StoreError::File { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    let attempt = || match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(())),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(failed(errno.into()).into()),
    };
    if patiently(wait, attempt)?.is_none() {
        let mut text = String::new();
        // The holder may be writing at this moment; then it stays unnamed.
        let read = file.take(HOLDER_BYTES_MAX).read_to_string(&mut text);
        let holder: Option<Holder> = read.ok().and_then(|_| serde_json::from_str(&text).ok());
        return Err(held(holder));
    }
    let mut write = || {
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(serde_json::to_string(holder)?.as_bytes())?;
        file.sync_all()
    };
    write().map_err(failed)?;
    Ok(file)
}

fn held(holder: Option<Holder>) -> LockError {
    match holder {
        Some(holder) => LockError::Held { pid: holder.pid, since: Some(holder.since), command: holder.command },
        None => LockError::Held { pid: 0, since: None, command: "a process that does not tell".to_owned() },
    }
}

#[derive(QueryableByName)]
struct Got {
    #[diesel(sql_type = Bool)]
    got: bool,
}

#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = Nullable<Text>)]
    application: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    since_ms: Option<i64>,
}

/// The session's name says who it is: it goes with the session, so that nobody reads of a holder that is gone.
fn lock_session(target: &PgTarget, holder: &Holder, wait: Duration) -> Result<PgConnection, LockError> {
    // PostgreSQL keeps 63 bytes of a name.
    let command: String = holder.command.chars().filter(char::is_ascii_graphic).take(30).collect();
    let name = format!("hoshu host {} {command}", holder.pid);
    let failed = |error: ConnectionError| StoreError::Unavailable {
        reason: error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let mut session = PgConnection::establish(&target.conninfo(&name)).map_err(failed)?;
    let attempt = || {
        let ask = diesel::sql_query("SELECT pg_try_advisory_lock($1) AS got").bind::<BigInt, _>(ADVISORY);
        let got: Got = ask.get_result(&mut session).map_err(StoreError::from)?;
        Ok(got.got.then_some(()))
    };
    if patiently(wait, attempt)?.is_some() {
        return Ok(session);
    }
    let ask = diesel::sql_query(
        "SELECT a.application_name AS application, (extract(epoch FROM a.backend_start) * 1000)::bigint AS since_ms \
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND ((l.classid::bigint << 32) | l.objid::bigint) = $1",
    );
    let session: Option<Session> =
        ask.bind::<BigInt, _>(ADVISORY).get_result(&mut session).optional().map_err(StoreError::from)?;
    Err(session.map_or_else(
        || held(None),
        |session| LockError::Held {
            pid: session.application.as_deref().and_then(holder_pid).unwrap_or(0),
            since: session.since_ms.map(Time::from_ms),
            command: session.application.unwrap_or_default(),
        },
    ))
}

fn holder_pid(application: &str) -> Option<i64> {
    application.strip_prefix("hoshu host ")?.split(' ').next()?.parse().ok()
}
