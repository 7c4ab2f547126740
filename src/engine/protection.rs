//! Whether a unit does its job: what it counted is brought beside what it counted before.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::decide::habit::Moment;
use crate::decide::heard::{Heard, last_event};
use crate::decide::protection::{self, Judged, Look};
use crate::engine::env::Env;
use crate::engine::fleet::Facts;
use crate::model::inventory::Seat;
use crate::model::limits::HEARD_BYTES_MAX;
use crate::model::reading::{Component, ComponentKind, Condition, Outcome, Poll, Reading, Tier};
use crate::store::StoreError;

/// The longest time between two numbers that are compared, in periods of the detail tier.
const GAP_PERIODS: i64 = 3;
/// And at least and at most so long, in milliseconds.
const GAP_MS: (i64, i64) = (125 * 60_000, 24 * 3_600_000);

/// Judges what a poll counted. One bounded question to the store, and only when the detail tier was read.
pub(super) async fn judge(
    env: &Env,
    facts: &Facts,
    before: impl Iterator<Item = &Component> + Send,
    poll: &Poll,
    listening: &Listening,
) -> Result<Judged, StoreError> {
    if !poll.tiers.contains(&Tier::Detail) {
        return Ok(Judged::default());
    }
    let (seat, rules) = (&facts.seat, env.settings.protection);
    let site = env.inventory.site(seat);
    let zone = site.and_then(|site| site.zone.parse().ok()).unwrap_or(env.settings.zone);
    let moment = Moment { now: poll.at, zone };
    let gap_ms_max = env.settings.tiers.of(seat.series).detail_ms.saturating_mul(GAP_PERIODS).clamp(GAP_MS.0, GAP_MS.1);
    let events = env.settings.events.as_ref().filter(|_| poll.outcome == Outcome::Answered);
    let heard = match events {
        Some(events) => listening.heard(&events.file).await,
        None => None,
    };
    let past = if poll.counts.numbers.is_empty() && heard.is_none() {
        Vec::new()
    } else {
        let pieces = protection::pieces(moment, seat.series, &rules, gap_ms_max);
        env.rows().series_past(&seat.name, &protection::KINDS, pieces.hours, pieces.days).await?
    };
    let look = Look {
        moment,
        series: seat.series,
        data_path: seat.data_path,
        rules,
        gap_ms_max,
        counts: &poll.counts,
        readings: &poll.readings,
        past: &past,
    };
    let before: Vec<&Component> = before.collect();
    let mut judged = protection::judge(&look, before.iter().copied());
    match (events, heard) {
        (Some(events), Some(heard)) => {
            let named = |name: &str| heard.of(name);
            // A host name that two customers use names nobody.
            let last = named(seat.name.as_str()).or_else(|| named(&seat.hostname).filter(|_| is_alone(env, seat)));
            let event = last_event(&look, last, events.silent_after_ms);
            judged.readings.extend(event.readings);
            judged.samples.extend(event.samples);
        }
        // What cannot be read says nothing; what was judged by it before is not good for ever.
        (Some(_), None) => {
            let known = before.iter().copied().filter(|known| known.kind == ComponentKind::LastEvent);
            let lost = |known: &Component| {
                Reading::new(known.clone(), Condition::Missing, "the file of last events cannot be read")
            };
            judged.readings.extend(known.map(lost));
        }
        (None, _) => {}
    }
    Ok(judged)
}

/// Whether no other seat has the host name.
fn is_alone(env: &Env, seat: &Seat) -> bool {
    let same = env.inventory.seats.values().filter(|other| other.hostname.eq_ignore_ascii_case(&seat.hostname));
    same.count() == 1
}

/// The file of last events, read once for all seats of a run, when the first one asks.
#[derive(Default)]
pub(super) struct Listening(OnceCell<Result<Arc<Heard>, String>>);

impl Listening {
    async fn heard(&self, file: &Path) -> Option<Arc<Heard>> {
        let path = file.to_owned();
        let read = || async move {
            let read = tokio::task::spawn_blocking(move || read(&path)).await;
            read.unwrap_or_else(|error| Err(error.to_string())).map(Arc::new)
        };
        self.0.get_or_init(read).await.as_ref().ok().map(Arc::clone)
    }

    /// What is in doubt about it, once it was asked for.
    pub(super) fn doubt(&self) -> Option<String> {
        match self.0.get()? {
            Ok(heard) if heard.refused == 0 => None,
            Ok(heard) => {
                let lines = if heard.refused == 1 { "line" } else { "lines" };
                Some(format!("last events: {} {lines} not understood", heard.refused))
            }
            Err(error) => Some(format!("last events: {error}; nothing is said about them")),
        }
    }
}

fn read(path: &Path) -> Result<Heard, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("read {}: {why}", path.display());
    let about = std::fs::metadata(path).map_err(|error| wrong(&error))?;
    // A pipe would be waited for without end.
    if !about.is_file() {
        return Err(wrong(&"it is no file"));
    }
    let file = std::fs::File::open(path).map_err(|error| wrong(&error))?;
    let mut bytes = Vec::new();
    file.take(HEARD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > HEARD_BYTES_MAX {
        return Err(wrong(&format!("more than {HEARD_BYTES_MAX} bytes")));
    }
    Ok(Heard::read(&String::from_utf8_lossy(&bytes)))
}
