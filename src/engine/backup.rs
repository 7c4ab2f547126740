//! The backup: fetch the configuration until it is decided what it is worth, seal it, write it down.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decide::backup::{Evidence, Fetched, Session, Verdict, complete, stable_pieces};
use crate::depot::NewObject;
use crate::engine::clock::Stopwatch;
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::keys::{self, Keyless, KeysError};
use crate::engine::lane::Permit;
use crate::engine::session::{self, Failure, Live};
use crate::model::actor::{Act, Actor};
use crate::model::asset::Asset;
use crate::model::backup::{Backup, Grade, SectionCount};
use crate::model::config::{ConfigLayout, Configuration};
use crate::model::id::ObjectId;
use crate::model::limits;
use crate::model::name::{CustomerName, SeatName};
use crate::model::object::ObjectKind;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::time::Time;
use crate::store::BackupObject;

/// What became of the backup of one seat.
#[derive(Debug)]
pub struct Taken {
    /// The seat.
    pub facts: Arc<Facts>,
    /// The backup as it stands in the store, or why there is none.
    pub backup: Result<Backup, Failure>,
    /// Whether the configuration is the same as in the last good backup.
    pub unchanged: bool,
    /// From the first byte to the commit, in milliseconds.
    pub took_ms: i64,
}

/// Takes a backup of each seat. Each is in the store, with its audit record, before this returns.
pub async fn run(env: &Env, actor: &Actor, seats: &[SeatName]) -> Result<Vec<Taken>, KeysError> {
    let facts = fleet::load(env, seats).await?;
    let customers: BTreeSet<&CustomerName> = facts.iter().map(|facts| &facts.seat.customer).collect();
    let keyless: Arc<[Keyless]> = keys::load(env, customers).await?.into();
    let mut last = env.rows().backup_last_good(seats).await?;
    env.tell(&Event::Started { seats: facts.len() });
    let work: Vec<_> = facts
        .into_iter()
        .map(|facts| {
            let previous = last.remove(&facts.seat.name);
            (facts, previous)
        })
        .collect();
    // Lanes hold the sessions to their number; what waits for its commit has none any more.
    let sessions = env.settings.limits.sessions as usize;
    let at_once = sessions + sessions / 4;
    let actor = Arc::new(actor.clone());
    let taken = fleet::each(
        &env.stop,
        work,
        at_once,
        |(facts, previous)| one(env.clone(), Arc::clone(&actor), Arc::clone(&keyless), facts, previous),
        |(facts, _), failure| Taken { facts: Arc::clone(facts), backup: Err(failure), unchanged: false, took_ms: 0 },
    )
    .await;
    env.tell(&Event::Finished);
    Ok(taken)
}

async fn one(
    env: Env,
    actor: Arc<Actor>,
    keyless: Arc<[Keyless]>,
    facts: Arc<Facts>,
    previous: Option<Backup>,
) -> Taken {
    let permit = env.lanes.enter(&facts.seat, &facts.gateway).await;
    let began = Stopwatch::start();
    let fetched = if let Some(keyless) = keyless.iter().find(|one| one.customer == facts.seat.customer) {
        // What cannot be sealed is not fetched: a configuration in clear has no place to be.
        Err(Failure::new(Outcome::NotKept, keyless.why.clone()))
    } else {
        fetch(&env, &facts, previous.as_ref(), permit).await
    };
    let backup = match fetched {
        Ok(judged) => keep(&env, &actor, &facts, judged, previous.as_ref()).await,
        Err(failure) => Err(failure),
    };
    let took_ms = began.elapsed_ms();
    let word = match &backup {
        Ok(backup) => backup.grade.as_str(),
        Err(failure) => failure.outcome.as_str(),
    };
    let good = backup.as_ref().is_ok_and(|backup| backup.grade == Grade::Taken);
    env.tell(&Event::SeatDone { seat: facts.seat.name.clone(), good, word });
    let unchanged = match (&backup, &previous) {
        (Ok(now), Some(before)) => now.content == before.content,
        _ => false,
    };
    Taken { facts, backup, unchanged, took_ms }
}

/// A configuration with what it is worth.
struct Judged {
    configuration: Configuration,
    verdict: Verdict,
    release: Option<Outside>,
    asset: Asset,
}

async fn fetch(env: &Env, facts: &Facts, previous: Option<&Backup>, permit: Permit) -> Result<Judged, Failure> {
    let (mut live, _permit) = session::open(env, facts, permit).await?;
    live.session.allow(env.backup_limit());
    let judged = fetch_until_judged(env, facts, previous, &mut live).await;
    live.close().await;
    judged
}

async fn fetch_until_judged(
    env: &Env,
    facts: &Facts,
    previous: Option<&Backup>,
    live: &mut Live,
) -> Result<Judged, Failure> {
    let layout = env.definitions.config_layout(facts.seat.series);
    let previous = previous.filter(|backup| backup.asset == live.asset.id);
    let mut first = fetch_once(env, live, layout).await?;
    let mut second: Option<Fetched> = None;
    let mut pairs = 0;
    loop {
        match complete(&Evidence { first: &first, second: second.as_ref(), pairs, layout, previous }) {
            Verdict::FetchAgain => {
                if let Some(newer) = second.take() {
                    first = newer;
                }
                second = Some(fetch_once(env, live, layout).await?);
                pairs += 1;
            }
            verdict => {
                return Ok(Judged {
                    configuration: first.configuration,
                    verdict,
                    release: live.seen.release.clone(),
                    asset: live.asset.clone(),
                });
            }
        }
    }
}

async fn fetch_once(env: &Env, live: &mut Live, layout: &ConfigLayout) -> Result<Fetched, Failure> {
    let command = env.definitions.config_command();
    let answer = live.session.read(command, limits::CONFIGURATION_BYTES_MAX).await?;
    let session = Session {
        hostname: live.hostname.as_ref().map(Outside::as_data),
        release: live.seen.release.as_ref().map(Outside::as_data),
    };
    Ok(Fetched::new(env.definitions.configuration(answer.text), answer.complete, layout, session))
}

/// What stands in the store beside the sealed configuration.
fn row(judged: &Judged, facts: &Facts, content: String, now: Time) -> Backup {
    let configuration = &judged.configuration;
    let doubts = match &judged.verdict {
        Verdict::Suspect(doubts) => doubts.clone(),
        Verdict::Complete | Verdict::FetchAgain => Vec::new(),
    };
    Backup {
        id: None,
        customer: facts.seat.customer.clone(),
        seat: facts.seat.name.clone(),
        asset: judged.asset.id,
        taken_at: now,
        seen_at: now,
        grade: if doubts.is_empty() { Grade::Taken } else { Grade::Suspect },
        doubts,
        change_id: configuration.header.change_id,
        release: judged.release.clone(),
        bytes: configuration.text.len() as u64,
        lines: configuration.line_count as u64,
        sections: configuration
            .sections
            .iter()
            .map(|section| SectionCount { title: section.title.clone(), commands: section.commands })
            .collect(),
        content,
        object: ObjectId(0),
    }
}

/// Seals the configuration to its customer's key, or refers to the object that holds the same content already.
fn seal(env: &Env, backup: &Backup, judged: &Judged, previous: Option<&Backup>) -> Result<BackupObject, KeysError> {
    if let Some(previous) = previous.filter(|previous| previous.content == backup.content) {
        return Ok(BackupObject::Same(previous.object));
    }
    let new = NewObject {
        customer: backup.customer.clone(),
        seat: backup.seat.clone(),
        serial: judged.asset.serial.clone(),
        kind: ObjectKind::Configuration,
        taken_at: backup.taken_at,
    };
    let (facts, sealed) = env.keys.ring()?.seal(new, judged.configuration.text.as_bytes())?;
    Ok(BackupObject::New(env.depot.put(facts, sealed)?))
}

/// Seals, and writes the backup with its audit record in one transaction; of what is known already it is only noted
/// that it was seen again.
async fn keep(
    env: &Env,
    actor: &Actor,
    facts: &Facts,
    judged: Judged,
    previous: Option<&Backup>,
) -> Result<Backup, Failure> {
    let now = env.clock.now();
    let unkept = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    let layout = env.definitions.config_layout(facts.seat.series);
    let stable = stable_pieces(&judged.configuration.text, layout);
    let content = env
        .keys
        .ring()
        .and_then(|ring| ring.content_id(&facts.seat.customer, &stable))
        .map_err(|error| unkept(&error))?;
    let known = previous.filter(|known| known.content == content && known.asset == judged.asset.id);
    if let (Some(known), Some(id), Verdict::Complete) = (known, known.and_then(|known| known.id), &judged.verdict) {
        let detail = serde_json::json!({"v": 1, "grade": known.grade, "content": content, "unchanged": id});
        let audit = actor.did(now, Act::BackupTaken, facts.seat.name.as_str(), &detail);
        env.store.backup_seen(id, now, audit).await.map_err(|error| unkept(&error))?;
        return Ok(Backup { seen_at: now, ..known.clone() });
    }
    let mut backup = row(&judged, facts, content, now);
    let object = seal(env, &backup, &judged, previous).map_err(|error| unkept(&error))?;
    let detail = serde_json::json!({
        "v": 1,
        "grade": backup.grade,
        "bytes": backup.bytes,
        "content": backup.content,
        "sealed_sha256": match &object {
            BackupObject::New(object) => Some(hex::encode(object.facts.digest)),
            BackupObject::Same(_) => None,
        },
    });
    let audit = actor.did(now, Act::BackupTaken, facts.seat.name.as_str(), &detail);
    let id = env.store.backup_add(backup.clone(), object, audit).await.map_err(|error| unkept(&error))?;
    backup.id = Some(id);
    Ok(backup)
}

/// An error with what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}
