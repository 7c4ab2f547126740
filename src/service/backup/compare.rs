//! Looking at configurations and holding them beside each other: on redacted texts alone, so that nothing is opened.

use chrono::{NaiveDateTime, TimeZone};
use serde::Serialize;

use super::{Which, find};
use crate::decide::backup::{self as decide, COHORT_MIN, Diff, Readable, means};
pub use crate::decide::backup::{DiffLine, Difference, Hunk, Odd, SectionDiff, Sign};
use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::backup::{Backup, BackupKind};
use crate::model::id::BackupId;
use crate::model::inventory::Seat;
use crate::model::name::SeatName;
use crate::model::outside::encode_line;
use crate::model::redacted::RedactedLine;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::BackupFilter;

/// Lines around a change.
const CONTEXT_LINES: usize = 2;

/// The redacted texts of backups, in their order. Nothing is opened.
async fn readable(env: &Env, actor: &Actor, backups: &[&Backup]) -> Result<Vec<Readable>, Refusal> {
    let objects: Vec<_> = backups.iter().map(|backup| backup.object).collect();
    let mut texts = env.store.scoped(actor.scope.clone()).object_text(&objects).await?;
    let mut found = Vec::with_capacity(backups.len());
    for (place, backup) in backups.iter().enumerate() {
        // Two backups of the same content have one text.
        let again = objects.get(place + 1..).is_some_and(|rest| rest.contains(&backup.object));
        let text = if again { texts.get(&backup.object).cloned() } else { texts.remove(&backup.object) };
        let text = text.ok_or_else(|| {
            let name = backup.id.map_or_else(String::new, |id| id.to_string());
            let hint = "hoshu backup verify makes it again, unless the customer's keys were destroyed".to_owned();
            Refusal::NotFound { what: "redacted text of", name, hint }
        })?;
        let configuration = env.definitions.configuration(text.text.clone());
        found.push(Readable::new(text, &configuration));
    }
    Ok(found)
}

/// A configuration as it may be shown.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The backup.
    pub backup: Backup,
    /// Its lines, or those of the section that was asked for, with every secret masked.
    pub lines: Vec<RedactedLine>,
}

/// Shows a configuration with every secret masked: all of it, or the sections of a title.
pub async fn show(env: &Env, actor: &Actor, which: &Which, section: Option<&str>) -> Result<Shown, Refusal> {
    let backup = find(env, actor, which).await?;
    let text = readable(env, actor, &[&backup]).await?;
    has_section(section, &text)?;
    let lines = text.first().map(|text| text.lines(section)).unwrap_or_default();
    Ok(Shown { backup, lines })
}

/// Refuses a section that no text has.
fn has_section(section: Option<&str>, texts: &[Readable]) -> Result<(), Refusal> {
    let Some(section) = section else { return Ok(()) };
    let titles = || texts.iter().flat_map(Readable::titles);
    if titles().any(|title| means(section, title)) {
        return Ok(());
    }
    let all: std::collections::BTreeSet<&str> = titles().collect();
    let hint = all.into_iter().map(encode_line).collect::<Vec<_>>().join(", ");
    Err(Refusal::NotFound { what: "section", name: section.to_owned(), hint: format!("the sections are: {hint}") })
}

/// What changed between two backups.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// The older one.
    pub old: Backup,
    /// The newer one.
    pub new: Backup,
    /// The changes, with every secret masked.
    pub diff: Diff,
}

/// Which two backups are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    /// The two newest of a seat.
    Newest(SeatName),
    /// These two of one customer.
    These(BackupId, BackupId),
    /// Those of a seat that counted at two times.
    At(SeatName, When, When),
}

/// A time as a person says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So many milliseconds ago.
    Ago(i64),
    /// By the clock of the house.
    Clock(NaiveDateTime),
}

impl When {
    fn time(self, env: &Env) -> Time {
        match self {
            Self::Ago(ms) => env.clock.now().plus_ms(-ms),
            Self::Clock(at) => {
                // An hour that the clock skips or has twice: the later reading.
                let zone = env.settings.zone;
                let at = zone.from_local_datetime(&at).latest().unwrap_or_else(|| zone.from_utc_datetime(&at));
                Time::from_ms(at.timestamp_millis())
            }
        }
    }
}

/// Compares two backups of one customer, in all sections or in those of a title.
pub async fn diff(env: &Env, actor: &Actor, pair: &Pair, section: Option<&str>) -> Result<Compared, Refusal> {
    let (old, new) = match pair {
        Pair::These(old, new) => (find(env, actor, &Which::Id(*old)).await?, find(env, actor, &Which::Id(*new)).await?),
        Pair::Newest(seat) => newest_two(env, actor, seat).await?,
        Pair::At(seat, from, to) => (at(env, actor, seat, *from).await?, at(env, actor, seat, *to).await?),
    };
    if old.customer != new.customer {
        return Err(Refusal::Argument(format!(
            "{} and {} are different customers: their configurations are never held beside each other",
            old.customer, new.customer
        )));
    }
    let texts = readable(env, actor, &[&old, &new]).await?;
    has_section(section, &texts)?;
    let mut diff = match texts.as_slice() {
        [before, after] => decide::diff(before, after, env.config_layout(&new.seat), CONTEXT_LINES),
        _ => Diff::default(),
    };
    if let Some(section) = section {
        diff.keep(section);
    }
    Ok(Compared { old, new, diff })
}

async fn newest_two(env: &Env, actor: &Actor, seat: &SeatName) -> Result<(Backup, Backup), Refusal> {
    select::one(env, actor, seat)?;
    let filter = BackupFilter {
        seats: Some(vec![seat.clone()]),
        grade: None,
        kinds: BackupKind::CONFIGURATIONS,
        limit: Some(2),
    };
    let mut found = env.store.scoped(actor.scope.clone()).backup_list(filter).await?.into_iter();
    match (found.next(), found.next()) {
        (Some(new), Some(old)) => Ok((old, new)),
        // It was fetched again and was the same: nothing changed.
        (Some(only), None) if only.seen_at > only.taken_at => Ok((only.clone(), only)),
        _ => Err(Refusal::NotFound {
            what: "second backup of seat",
            name: seat.to_string(),
            hint: format!("hoshu backup list --on {seat} shows what there is"),
        }),
    }
}

/// The newest backup of a seat that counts and was taken before a time.
async fn at(env: &Env, actor: &Actor, seat: &SeatName, when: When) -> Result<Backup, Refusal> {
    select::one(env, actor, seat)?;
    let time = when.time(env);
    let filter =
        BackupFilter { seats: Some(vec![seat.clone()]), grade: None, kinds: BackupKind::CONFIGURATIONS, limit: None };
    let all = env.store.scoped(actor.scope.clone()).backup_list(filter).await?;
    let found = all.into_iter().find(|backup| backup.taken_at <= time && backup.standing().counts());
    found.ok_or_else(|| Refusal::NotFound {
        what: "backup that counts of seat",
        name: format!("{seat} at {}", time.show(env.settings.zone)),
        hint: format!("hoshu backup list --on {seat} shows what there is"),
    })
}

/// How a unit differs from its cohort.
#[derive(Debug, Clone, Serialize)]
pub struct Compare {
    /// The seat.
    pub seat: SeatName,
    /// Its backup.
    pub backup: Backup,
    /// Its cohort: the seats of the same customer and series that have a backup that counts.
    pub siblings: Vec<SeatName>,
    /// How many of a hundred have to be alike.
    pub share: usize,
    /// What differs.
    pub odd: Vec<Odd>,
}

/// Holds the newest backup of a seat that counts against those of its cohort.
pub async fn siblings(env: &Env, actor: &Actor, seat: &SeatName, share: usize) -> Result<Compare, Refusal> {
    let own = select::one(env, actor, seat)?;
    let alike = |other: &&Seat| other.customer == own.customer && other.series == own.series;
    let cohort: Vec<SeatName> = env.inventory.seats.values().filter(alike).map(|seat| seat.name.clone()).collect();
    let mut last = env.store.scoped(actor.scope.clone()).backup_last_good(&cohort).await?;
    let backup = last.remove(seat).ok_or_else(|| Refusal::NotFound {
        what: "backup that counts of seat",
        name: seat.to_string(),
        hint: format!("hoshu backup take --on {seat} takes one"),
    })?;
    if last.len() < COHORT_MIN {
        return Err(Refusal::NotFound {
            what: "cohort of seat",
            name: seat.to_string(),
            hint: format!(
                "{} other {} seats of {} have a backup that counts; {COHORT_MIN} at least are expected",
                last.len(),
                own.series,
                own.customer
            ),
        });
    }
    let backups: Vec<&Backup> = std::iter::once(&backup).chain(last.values()).collect();
    let mut texts = readable(env, actor, &backups).await?;
    let here = texts.remove(0);
    let odd = decide::odd(&here, &texts, env.config_layout(seat), share);
    Ok(Compare { seat: seat.clone(), siblings: last.into_keys().collect(), backup, share, odd })
}
