//! `hoshu poll`: looking at appliances, and what was seen.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::env::Env;
pub use crate::engine::poll::Wanted;
use crate::engine::poll::{self, Polled};
use crate::model::actor::Actor;
use crate::model::backup::Backup;
use crate::model::finding::Finding;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::reading::{Outcome, Reading, Tier};
use crate::model::series::Series;
use crate::model::time::Time;
use crate::readout::{LayoutOrigin, Mark};
use crate::service::appliance;
use crate::service::refusal::Refusal;
use crate::service::select;

/// What to poll.
#[derive(Debug, Clone)]
pub struct Args {
    /// Selectors; their union is polled.
    pub on: Vec<String>,
    /// The tiers to read.
    pub wanted: Wanted,
}

/// One seat of an answer.
#[derive(Debug, Clone, Serialize)]
pub struct SeatPolled {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its series.
    pub series: Series,
    /// How the poll ended.
    pub outcome: Outcome,
    /// Why it did not answer.
    pub reason: Outside,
    /// From the first byte to the last, in milliseconds.
    pub took_ms: i64,
    /// The tiers that were read in full.
    pub tiers: Vec<Tier>,
    /// Whether a new session was opened.
    pub opened_session: bool,
    /// Whether everything that was seen is good, and no finding is open.
    pub good: bool,
    /// Whether nothing that was seen is against it, and something could not be judged (learning, quiet).
    pub unjudged: bool,
    /// Findings of the seat that have not ended, of whichever tier.
    pub open_findings: usize,
    /// What was seen.
    pub readings: Vec<Reading>,
    /// The layouts that read its answers, by their origin.
    pub layouts: Layouts,
    /// The backup that was taken at once, because hardware begins to fail.
    pub last_gasp: Option<LastGasp>,
}

/// The layouts of a seat by their origin, each by channel and name.
#[derive(Debug, Clone, Serialize)]
pub struct Layouts {
    /// Those that were seen on a real unit of its series and release.
    pub seen: Vec<String>,
    /// Those that were not: what they say is modelled on documents.
    pub modelled: Vec<String>,
}

impl Layouts {
    fn of(all: Vec<LayoutOrigin>) -> Self {
        let (seen, modelled): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.mark == Mark::Seen);
        let names = |of: Vec<LayoutOrigin>| of.into_iter().map(|one| format!("{} {}", one.channel, one.name)).collect();
        Self { seen: names(seen), modelled: names(modelled) }
    }
}

/// A backup that a poll took, and why.
#[derive(Debug, Clone, Serialize)]
pub struct LastGasp {
    /// Why; the audit of a backup that was had says the same.
    pub why: String,
    /// The backup; absent when there is none.
    pub backup: Option<Backup>,
    /// Whether it is the last good one, seen again.
    pub unchanged: bool,
    /// How it ended, when there is no backup.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: Outside,
}

impl LastGasp {
    /// Whether there is a backup that counts.
    pub fn counts(&self) -> bool {
        self.backup.as_ref().is_some_and(|backup| backup.standing().counts())
    }
}

fn gasped(gasp: poll::LastGasp) -> LastGasp {
    let (backup, outcome, reason) = match gasp.taken.backup {
        Ok(backup) => (Some(backup), None, Outside::default()),
        Err(failure) => (None, Some(failure.outcome), failure.reason),
    };
    LastGasp { why: gasp.why, backup, unchanged: gasp.taken.unchanged, outcome, reason }
}

/// What a poll of a selection gave.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// When it began.
    pub at: Time,
    /// How many seats answered.
    pub answered: usize,
    /// How many of them are good in everything.
    pub good: usize,
    /// How many have nothing against them, and something that could not be judged.
    pub unjudged: usize,
    /// How many have a way in that is not yet served.
    pub not_yet_served: usize,
    /// How many stand behind a gateway without SSH, as declared.
    pub no_ssh: usize,
    /// How many are due for an attended slot: nobody holds their way open.
    pub due_attended: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Seats of the selection that were not due and have a finding that has not ended.
    pub open_elsewhere: usize,
    /// What could not be known of any of them, and why.
    pub doubt: Option<String>,
    /// The seats, by name.
    pub seats: Vec<SeatPolled>,
}

impl Answer {
    /// Whether a person should look: somebody did not answer, or something is not good.
    pub const fn needs_attention(&self) -> bool {
        self.good + self.unjudged + self.not_yet_served + self.no_ssh + self.due_attended < self.seats.len()
            || self.open_elsewhere > 0
    }
}

fn shown(env: &Env, polled: Polled, open: &BTreeMap<SeatName, Vec<Finding>>) -> SeatPolled {
    let poll = polled.poll;
    let mut readings = poll.readings;
    readings.sort_by(|a, b| b.condition.cmp(&a.condition).then_with(|| a.component.cmp(&b.component)));
    let open_findings = open.get(&polled.facts.seat.name).map_or(0, Vec::len);
    let layouts = Layouts::of(appliance::layouts(env, &polled.facts.seat, polled.facts.asset.as_ref()));
    let all_good = readings.iter().all(|reading| reading.condition.is_good());
    let well = poll.outcome == Outcome::Answered
        && open_findings == 0
        && !readings.iter().any(|reading| reading.condition.wants_attention());
    SeatPolled {
        seat: polled.facts.seat.name.clone(),
        customer: polled.facts.seat.customer.clone(),
        series: polled.facts.seat.series,
        good: well && all_good,
        unjudged: well && !all_good,
        open_findings,
        outcome: poll.outcome,
        reason: poll.reason,
        took_ms: poll.took_ms,
        opened_session: poll.opened_session,
        tiers: poll.tiers,
        readings,
        layouts,
        last_gasp: polled.last_gasp.map(gasped),
    }
}

/// Polls a selection once.
pub async fn run(env: &Env, actor: &Actor, args: &Args) -> Result<Answer, Refusal> {
    let at = env.clock.now();
    let selection = select::seats(env, actor, &args.on).await?;
    let mut polled = poll::run(env, &selection.seats, &args.wanted).await?;
    // What an earlier poll found and nothing has ended is not good, whatever this poll did not look at.
    let open = env.store.scoped(actor.scope.clone()).finding_open(&selection.seats).await?;
    let doubt = polled.first_mut().and_then(|first| first.doubt.take());
    let mut seats: Vec<_> = polled.into_iter().map(|polled| shown(env, polled, &open)).collect();
    seats.sort_by(|a, b| a.seat.cmp(&b.seat));
    let count = |outcome| seats.iter().filter(|seat| seat.outcome == outcome).count();
    Ok(Answer {
        at,
        answered: count(Outcome::Answered),
        good: seats.iter().filter(|seat| seat.good).count(),
        unjudged: seats.iter().filter(|seat| seat.unjudged).count(),
        not_yet_served: count(Outcome::NotYetServed),
        no_ssh: count(Outcome::NoSsh),
        due_attended: count(Outcome::DueAttended),
        stopped: count(Outcome::Stopped) > 0,
        doubt,
        open_elsewhere: open.keys().filter(|seat| !seats.iter().any(|polled| polled.seat == **seat)).count(),
        seats,
    })
}

/// Slices of roll-up and retention after the polls of one command; what is left is done after the next.
const SLICES_MAX: usize = 32;

/// Says goodbye to the appliances whose sessions were kept between polls, and rolls up what has grown old.
pub async fn end(env: &Env) -> Result<(), Refusal> {
    env.kept.close_all().await;
    env.ways.leave_idle().await;
    for _ in 0..SLICES_MAX {
        if !env.store.housekeeping(env.clock.now()).await?.more {
            break;
        }
    }
    Ok(())
}
