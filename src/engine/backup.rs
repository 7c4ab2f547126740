//! The backup: fetch the configuration until it is decided what it is worth, seal it, write it down.

use std::sync::Arc;
use std::time::Instant;

use crate::decide::backup::{Evidence, Fetched, Session, Verdict, complete};
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::session::{self, Failure, Live};
use crate::model::actor::{Act, Actor};
use crate::model::backup::{Backup, Grade, SectionCount};
use crate::model::config::Configuration;
use crate::model::limits;
use crate::model::name::SeatName;
use crate::model::object::ObjectKind;
use crate::model::reading::Outcome;
use crate::store::StoreError;

/// What became of the backup of one seat.
#[derive(Debug)]
pub struct Taken {
    /// The seat.
    pub facts: Facts,
    /// The backup as it stands in the store, or why there is none.
    pub backup: Result<Backup, Failure>,
    /// Whether the configuration is the same as in the last good backup.
    pub unchanged: bool,
    /// From the first byte to the commit, in milliseconds.
    pub took_ms: i64,
}

/// Takes a backup of each seat. Each is in the store, with its audit record, before this returns.
pub async fn run(env: &Env, actor: &Actor, seats: &[SeatName]) -> Result<Vec<Taken>, StoreError> {
    let facts = fleet::load(env, seats).await?;
    let mut last = env.rows().backup_last_good(seats).await?;
    env.tell(&Event::Started { seats: facts.len() });
    let work: Vec<_> = facts
        .into_iter()
        .map(|facts| {
            let previous = last.remove(&facts.seat.name);
            (facts, previous)
        })
        .collect();
    let at_once = env.settings.limits.sessions as usize;
    let actor = Arc::new(actor.clone());
    let taken = fleet::each(
        env,
        work,
        at_once,
        |(facts, previous)| one(env.clone(), Arc::clone(&actor), facts, previous),
        |(facts, _)| Taken {
            facts: facts.clone(),
            backup: Err(Failure::new(Outcome::Stopped, "stopped before its turn")),
            unchanged: false,
            took_ms: 0,
        },
    )
    .await;
    env.tell(&Event::Finished);
    Ok(taken)
}

async fn one(env: Env, actor: Arc<Actor>, facts: Facts, previous: Option<Backup>) -> Taken {
    let permit = env.lanes.enter(&facts.seat, &facts.gateway).await;
    let began = Instant::now();
    let fetched = fetch(&env, &facts, previous.as_ref()).await;
    drop(permit);
    let backup = match fetched {
        Ok(fetched) => keep(&env, &actor, &facts, fetched).await,
        Err(failure) => Err(failure),
    };
    let took_ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
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
    release: Option<crate::model::outside::Outside>,
    asset: crate::model::asset::Asset,
}

async fn fetch(env: &Env, facts: &Facts, previous: Option<&Backup>) -> Result<Judged, Failure> {
    let mut live = session::open(env, facts).await?;
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
    let mut kept = fetch_once(env, live).await?;
    let mut second: Option<(Configuration, bool)> = None;
    let mut pairs = 0;
    loop {
        let evidence = Evidence {
            first: Fetched { configuration: &kept.0, complete: kept.1 },
            second: second.as_ref().map(|(configuration, complete)| Fetched { configuration, complete: *complete }),
            pairs,
            layout,
            previous,
            session: Session {
                hostname: live.hostname.as_ref().map(crate::model::outside::Outside::as_data),
                release: live.seen.release.as_ref().map(crate::model::outside::Outside::as_data),
            },
        };
        match complete(&evidence) {
            Verdict::FetchAgain => {
                if let Some(newer) = second.take() {
                    kept = newer;
                }
                second = Some(fetch_once(env, live).await?);
                pairs += 1;
            }
            verdict => {
                return Ok(Judged {
                    configuration: kept.0,
                    verdict,
                    release: live.seen.release.clone(),
                    asset: live.asset.clone(),
                });
            }
        }
    }
}

async fn fetch_once(env: &Env, live: &mut Live) -> Result<(Configuration, bool), Failure> {
    let command = env.definitions.config_command();
    let answer = live.session.read(command, limits::CONFIGURATION_BYTES_MAX).await?;
    Ok((env.definitions.configuration(answer.text.as_data()), answer.complete))
}

/// Seals the configuration to its customer's key and writes the backup with its audit record in one transaction.
async fn keep(env: &Env, actor: &Actor, facts: &Facts, judged: Judged) -> Result<Backup, Failure> {
    let now = env.clock.now();
    let Judged { configuration, verdict, release, asset } = judged;
    let doubts = match verdict {
        Verdict::Suspect(doubts) => doubts,
        Verdict::Complete | Verdict::FetchAgain => Vec::new(),
    };
    let unkept = |why: String| Failure::new(Outcome::NotKept, why);
    let layout = env.definitions.config_layout(facts.seat.series);
    let sealed = env
        .depot
        .seal(
            &facts.seat.customer,
            &facts.seat.name,
            asset.serial.as_ref(),
            ObjectKind::Configuration,
            now,
            configuration.text.as_bytes(),
        )
        .await
        .map_err(|error| unkept(error.to_string()))?;
    let content = env
        .depot
        .content_id(&facts.seat.customer, crate::decide::backup::stable_lines(&configuration.text, layout))
        .map_err(|error| unkept(error.to_string()))?;
    let backup = Backup {
        id: None,
        customer: facts.seat.customer.clone(),
        seat: facts.seat.name.clone(),
        asset: asset.id,
        taken_at: now,
        grade: if doubts.is_empty() { Grade::Taken } else { Grade::Suspect },
        doubts,
        change_id: configuration.header.change_id,
        release,
        bytes: configuration.text.len() as u64,
        lines: configuration.text.lines().count() as u64,
        sections: configuration
            .sections
            .iter()
            .map(|section| SectionCount { title: section.title.clone(), commands: section.commands })
            .collect(),
        content,
        object: crate::model::id::ObjectId(0),
    };
    let detail = serde_json::json!({
        "v": 1,
        "grade": backup.grade,
        "bytes": backup.bytes,
        "sealed_sha256": hex::encode(sealed.facts.digest),
    });
    let audit = actor.did(now, Act::BackupTaken, facts.seat.name.as_str(), &detail);
    env.store.backup_add(backup, sealed, audit).await.map_err(|error| unkept(error.to_string()))
}
