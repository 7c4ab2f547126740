//! Proving a backup: it is opened and loaded into a simulated unit, in process, and held against what that unit holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decide::backup::{Proving, compare, doubts_of};
use crate::engine::backup::learn;
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet;
use crate::engine::keys::{self, KeysError};
use crate::engine::sealed;
use crate::engine::session::Failure;
use crate::engine::twin::TwinOf;
use crate::engine::verify::{contradiction, damaged};
use crate::model::actor::Actor;
use crate::model::backup::Backup;
use crate::model::backup_event::Learned;
use crate::model::name::CustomerName;
use crate::model::object::OpenPurpose;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::store::StoreError;

/// What came of one backup.
#[derive(Debug)]
pub struct Proved {
    /// The backup, with what was learned just now.
    pub backup: Backup,
    /// In a word, or why it was not loaded.
    pub result: Result<Proving, Failure>,
    /// In words for a person; they show no secret.
    pub detail: Outside,
}

/// How many configurations are in clear and loaded at a time.
const AT_ONCE: usize = 4;

/// Proves backups. No appliance is asked.
pub async fn run(env: &Env, actor: &Actor, backups: Vec<Backup>) -> Result<Vec<Proved>, KeysError> {
    let customers: BTreeSet<&CustomerName> = backups.iter().map(|backup| &backup.customer).collect();
    keys::load(env, customers).await?;
    env.tell(&Event::Started { seats: backups.len() });
    let actor = Arc::new(actor.clone());
    let proved = fleet::each(
        &env.stop,
        backups,
        AT_ONCE,
        |backup| one(env.clone(), Arc::clone(&actor), backup),
        |backup, failure| Proved { backup: backup.clone(), detail: failure.reason.clone(), result: Err(failure) },
    )
    .await;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    Ok(proved)
}

async fn one(env: Env, actor: Arc<Actor>, mut backup: Backup) -> Proved {
    let result = match judge(&env, &actor, &backup).await {
        Ok((proving, words)) => match note(&env, &actor, &mut backup, proving, &words).await {
            Ok(()) => Ok((proving, words)),
            Err(error) => Err(Failure::new(Outcome::NotKept, error.to_string())),
        },
        Err(failure) => Err(failure),
    };
    let word = result.as_ref().map_or_else(|failure| failure.outcome.as_str(), |(word, _)| word.as_str());
    let good = matches!(result, Ok((Proving::Proved, _)));
    env.tell(&Event::SeatDone { seat: backup.seat.clone(), good, word });
    match result {
        Ok((proving, words)) => Proved { backup, result: Ok(proving), detail: words.into() },
        Err(failure) => Proved { backup, detail: failure.reason.clone(), result: Err(failure) },
    }
}

/// What the unit said is written down with the backup; where there was no unit, or nothing to load, there is nothing.
async fn note(env: &Env, actor: &Actor, backup: &mut Backup, found: Proving, words: &str) -> Result<(), StoreError> {
    let learned = match found {
        Proving::Proved => Learned::Proved,
        Proving::Refused | Proving::Differs => Learned::NotProved,
        Proving::Damaged => Learned::Damaged,
        Proving::Suspect | Proving::NotModelled => return Ok(()),
    };
    if let Some(id) = backup.id {
        let words = format!("{found}: {words}");
        backup.events.push(learn(env, actor, id, learned, words).await?);
    }
    Ok(())
}

async fn judge(env: &Env, actor: &Actor, backup: &Backup) -> Result<(Proving, String), Failure> {
    let Some(seat) = env.inventory.seats.get(&backup.seat) else {
        return Ok((Proving::NotModelled, "the seat is not in the inventory any more".to_owned()));
    };
    let Some(release) = backup.release.as_ref().and_then(|release| release.as_data().parse().ok()) else {
        return Ok((Proving::NotModelled, "its release is not known".to_owned()));
    };
    let layout = env.definitions.config_layout(seat.series);
    let opened = match sealed::open(env, actor, backup, OpenPurpose::Prove).await {
        Ok(opened) => opened,
        Err(error) => return Ok((Proving::Damaged, damaged(env, actor, backup, error).await?)),
    };
    if let Some(words) = contradiction(env, backup, &opened, layout).await? {
        return Ok((Proving::Damaged, words));
    }
    let (stored, of) = (
        opened.configuration,
        TwinOf {
            series: seat.series,
            model: seat.model.clone(),
            release,
            virtual_machine: seat.virtual_machine,
            at: env.clock.now(),
        },
    );
    let loaded = match env.twin.load(&of, &stored.text) {
        Ok(loaded) => loaded,
        Err(error) => return Ok((Proving::NotModelled, error.to_string())),
    };
    let printed = env.definitions.configuration(loaded.printed.into());
    let found = compare(&stored, &printed, &loaded.not_taken, layout);
    if found.0 == Proving::Proved
        && let Some(doubt) = doubts_of(&stored, layout).first()
    {
        return Ok((Proving::Suspect, format!("{}: {}", doubt.doubt, doubt.detail.as_data())));
    }
    Ok(found)
}
