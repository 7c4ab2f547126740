//! Verifying a backup: it is opened and judged again, and held against one more fetch over the other channel.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decide::backup::{Verification, agree, doubts_of, redact, stable_pieces};
use crate::engine::backup::{Other, fetch_other, learn};
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::keys::{self, KeysError};
use crate::engine::sealed::{self, OpenError, Opened};
use crate::engine::session::{self, Failure, Live};
use crate::model::actor::{Act, Actor};
use crate::model::backup::{Backup, BackupKind};
use crate::model::backup_event::Learned;
use crate::model::causes::with_causes;
use crate::model::config::ConfigLayout;
use crate::model::name::{CustomerName, SeatName};
use crate::model::object::OpenPurpose;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::store::StoreError;

/// What came of one backup.
#[derive(Debug)]
pub struct Checked {
    /// The backup, with what was learned just now.
    pub backup: Backup,
    /// In a word, or why it was not compared.
    pub result: Result<Verification, Failure>,
    /// In words for a person.
    pub detail: Outside,
}

/// Verifies backups, each with at most one session to its seat.
pub async fn run(env: &Env, actor: &Actor, backups: Vec<Backup>) -> Result<Vec<Checked>, KeysError> {
    let mut seats: Vec<SeatName> = backups.iter().map(|backup| backup.seat.clone()).collect();
    seats.sort();
    seats.dedup();
    let facts = fleet::load(env, &seats).await?;
    let customers: BTreeSet<&CustomerName> = backups.iter().map(|backup| &backup.customer).collect();
    keys::load(env, customers).await?;
    env.tell(&Event::Started { seats: backups.len() });
    let actor = Arc::new(actor.clone());
    let work: Vec<(Backup, Option<Arc<Facts>>)> = backups
        .into_iter()
        .map(|backup| {
            let facts = facts.iter().find(|facts| facts.seat.name == backup.seat).cloned();
            (backup, facts)
        })
        .collect();
    let checked = fleet::each(
        &env.stop,
        work,
        env.settings.limits.sessions as usize,
        |(backup, facts)| one(env.clone(), Arc::clone(&actor), backup, facts),
        |(backup, _), failure| Checked { backup: backup.clone(), detail: failure.reason.clone(), result: Err(failure) },
    )
    .await;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    Ok(checked)
}

async fn one(env: Env, actor: Arc<Actor>, mut backup: Backup, facts: Option<Arc<Facts>>) -> Checked {
    let judged = judge(&env, &actor, &backup, facts).await;
    let (result, detail) = match judged {
        Ok((verification, words)) => match note(&env, &actor, &mut backup, verification, &words).await {
            Ok(()) => (Ok(verification), words.into()),
            Err(error) => {
                let failure = Failure::new(Outcome::NotKept, error.to_string());
                (Err(failure.clone()), failure.reason)
            }
        },
        Err(failure) => (Err(failure.clone()), failure.reason),
    };
    let word = result.as_ref().map_or_else(|failure| failure.outcome.as_str(), |word| word.as_str());
    let good = matches!(result, Ok(Verification::Verified));
    env.tell(&Event::SeatDone { seat: backup.seat.clone(), good, word });
    Checked { backup, result, detail }
}

/// What is found is written down when it changes what the backup is worth.
async fn note(
    env: &Env,
    actor: &Actor,
    backup: &mut Backup,
    found: Verification,
    words: &str,
) -> Result<(), StoreError> {
    let learned = match found {
        Verification::Verified => Learned::Verified,
        Verification::Doubted => Learned::Doubted,
        Verification::Damaged => Learned::Damaged,
        _ => return Ok(()),
    };
    if let Some(id) = backup.id {
        backup.events.push(learn(env, actor, id, learned, words.to_owned()).await?);
    }
    Ok(())
}

async fn judge(
    env: &Env,
    actor: &Actor,
    backup: &Backup,
    facts: Option<Arc<Facts>>,
) -> Result<(Verification, String), Failure> {
    if backup.kind != BackupKind::Configuration {
        return match sealed::open_into(env, actor, backup, OpenPurpose::Verify, Box::new(std::io::sink())).await {
            Ok(bytes) => {
                let words =
                    format!("it opens and is what arrived, {bytes} bytes; nobody looks into an appliance's file");
                Ok((Verification::Opens, words))
            }
            Err(error) => Ok((Verification::Damaged, damaged(env, actor, backup, error).await?)),
        };
    }
    let layout = env.config_layout(&backup.seat);
    let opened = match sealed::open(env, actor, backup, OpenPurpose::Verify).await {
        Ok(opened) => opened,
        Err(error) => return Ok((Verification::Damaged, damaged(env, actor, backup, error).await?)),
    };
    if let Some(words) = contradiction(env, backup, &opened, layout).await? {
        return Ok((Verification::Damaged, words));
    }
    redact_again(env, actor, backup, &opened, layout).await?;
    if let Some(doubt) = doubts_of(&opened.configuration, layout).first() {
        return Ok((Verification::Suspect, format!("{}: {}", doubt.doubt, doubt.detail.as_data())));
    }
    let Some(facts) = facts else {
        return Err(Failure::new(Outcome::NotYetServed, "the seat is not in the inventory any more"));
    };
    fetch_and_compare(env, backup, &facts, &opened, layout).await
}

/// What does not open is damaged, and every other backup with the same object with it: that is written down. Returns it
/// in words, or why it could not be looked at.
pub(super) async fn damaged(env: &Env, actor: &Actor, backup: &Backup, error: OpenError) -> Result<String, Failure> {
    let words = with_causes(&error);
    let unkept = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    if !error.is_damage() {
        return Err(Failure::new(Outcome::NotKept, words));
    }
    // In a folder that is not this store's depot, as where a disk is not mounted, there is no file to be missed.
    let here = env.depot.owner().map_err(|error| unkept(&error))?;
    if matches!(error, OpenError::Keys(KeysError::Depot(_))) && here.as_deref() != Some(env.store.id()) {
        return Err(Failure::new(
            Outcome::NotKept,
            format!("{words}; the folder is not the depot of this store (store-id)"),
        ));
    }
    let sharing = env.rows().backups_of_object(backup.object).await.map_err(|error| unkept(&error))?;
    for id in sharing.into_iter().filter(|id| Some(*id) != backup.id) {
        learn(env, actor, id, Learned::Damaged, words.clone()).await.map_err(|error| unkept(&error))?;
    }
    Ok(words)
}

/// What the row or the audit of its taking says otherwise than what was opened.
pub(super) async fn contradiction(
    env: &Env,
    backup: &Backup,
    opened: &Opened,
    layout: &ConfigLayout,
) -> Result<Option<String>, Failure> {
    let unkept = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, error.to_string());
    let stable = stable_pieces(&opened.configuration.text, layout);
    let ring = env.keys.ring().map_err(|error| unkept(&error))?;
    let content = ring.content_id(&backup.customer, &stable).map_err(|error| unkept(&error))?;
    if content != backup.content {
        return Ok(Some(format!("expected content {}, found {content}", backup.content)));
    }
    // An object that an earlier backup brought stands in the audit of that one.
    let digest = hex::encode(opened.facts.digest);
    for (at, field, expected) in
        [(backup.taken_at, "content", &content), (opened.facts.taken_at, "sealed_sha256", &digest)]
    {
        let audit = env.rows().audit_of(Act::BackupTaken, backup.seat.as_str(), at).await;
        let audit = audit.map_err(|error| unkept(&error))?;
        let said = audit.iter().find_map(|record| {
            let detail: serde_json::Value = serde_json::from_str(&record.detail).ok()?;
            Some(detail.get(field)?.as_str()?.to_owned())
        });
        if said.as_ref() != Some(expected) {
            let said = said.unwrap_or_else(|| "no record".to_owned());
            return Ok(Some(format!("expected {field} {expected} in the audit of its taking, found {said}")));
        }
    }
    Ok(None)
}

/// Writes the redacted text anew where the rules of today redact otherwise, or where it is gone.
async fn redact_again(
    env: &Env,
    actor: &Actor,
    backup: &Backup,
    opened: &Opened,
    layout: &ConfigLayout,
) -> Result<(), Failure> {
    let unkept = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    let fingerprints = env.keys.ring().and_then(|ring| ring.fingerprints(&backup.customer));
    let fingerprints = fingerprints.map_err(|error| unkept(&error))?;
    let redacted = redact(&opened.configuration.text, layout, &|path, value| fingerprints.of(path, value));
    // One that does not unpack is made anew as well.
    let kept = env.rows().object_text(&[backup.object]).await.unwrap_or_default();
    if kept.get(&backup.object) == Some(&redacted) {
        return Ok(());
    }
    let detail = serde_json::json!({"v": 1, "object": backup.object, "unreviewed": redacted.unreviewed.len()});
    let id = backup.id.map_or_else(String::new, |id| id.to_string());
    let audit = actor.did(env.clock.now(), Act::BackupRedacted, id, &detail);
    env.store.object_text_set(backup.object, redacted, audit).await.map_err(|error| unkept(&error))
}

async fn fetch_and_compare(
    env: &Env,
    backup: &Backup,
    facts: &Facts,
    opened: &Opened,
    layout: &ConfigLayout,
) -> Result<(Verification, String), Failure> {
    let permit = env.enter(facts).await?;
    let (mut live, _permit) = session::open(env, facts, permit).await?;
    if live.asset.id != backup.asset {
        live.close().await;
        return Ok((Verification::OtherHardware, "other hardware sits in the seat now: take a new one".to_owned()));
    }
    live.session.allow(env.backup_limit());
    let compared = compare(env, opened, &mut live, layout).await;
    live.close().await;
    compared
}

async fn compare(
    env: &Env,
    opened: &Opened,
    live: &mut Live,
    layout: &ConfigLayout,
) -> Result<(Verification, String), Failure> {
    let other = match fetch_other(env, live, layout).await {
        Other::Fetched(other) => other,
        Other::Absent => {
            return Ok((Verification::OneChannel, "one channel only: it opens and is complete".to_owned()));
        }
        Other::Broke(failure) => return Err(failure),
    };
    let found = agree(&opened.configuration, &other, layout);
    if found.0 != Verification::Doubted {
        return Ok(found);
    }
    // A change under way tears one fetch. What takes a backup its worth is seen twice.
    let second = match fetch_other(env, live, layout).await {
        Other::Fetched(again) if agree(&other.configuration, &again, layout).0 == Verification::Verified => {
            return Ok(found);
        }
        Other::Fetched(_) => "something else a second time",
        Other::Absent | Other::Broke(_) => "nothing a second time",
    };
    Ok((Verification::Differs, format!("{}; and {second}", found.1)))
}
