//! `hoshu backup coverage`: which seats have a backup that counts, and why the others have none.

use serde::Serialize;

use crate::access::not_tried;
use crate::engine::env::Env;
use crate::engine::session::Failure;
use crate::model::actor::Actor;
use crate::model::backup::{Backup, BackupKind};
use crate::model::backup_event::Standing;
use crate::model::id::BackupId;
use crate::model::inventory::GatewayAccess;
use crate::model::name::{CustomerName, SeatName};
use crate::model::reading::Outcome;
use crate::model::series::Series;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::BackupFilter;

crate::words! {
    /// Why a seat has no backup that counts within the time.
    pub enum Missing {
        /// Nobody took one.
        NeverTaken = "never-taken",
        /// The newest that counts is too old.
        TooOld = "too-old",
        /// There are some, and none counts.
        SuspectOnly = "suspect-only",
        /// Behind a gateway without SSH, as declared.
        NoSsh = "no-ssh",
        /// It is due for an attended slot: a person has to open its way.
        DueAttended = "due-attended",
        /// Its way in is not yet served.
        NotYetServed = "not-yet-served",
        /// The last poll did not reach it.
        Failed = "failed",
    }
}

/// One seat of a coverage.
#[derive(Debug, Clone, Serialize)]
pub struct Covered {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its series.
    pub series: Series,
    /// The newest backup that counts.
    pub backup: Option<BackupId>,
    /// When it was last seen to be what the appliance has.
    pub seen_at: Option<Time>,
    /// How old that is, in milliseconds.
    pub age_ms: Option<i64>,
    /// What it is worth.
    pub standing: Option<Standing>,
    /// Why the seat is not covered; absent when it is.
    pub missing: Option<Missing>,
    /// How the last poll ended, when that is the reason.
    pub outcome: Option<Outcome>,
}

impl Covered {
    /// The reason in one word: `too-old`, `failed:login-refused`.
    pub fn reason(&self) -> String {
        match (self.missing, self.outcome) {
            (Some(missing), Some(outcome)) => format!("{missing}:{outcome}"),
            (Some(missing), None) => missing.to_string(),
            (None, _) => String::new(),
        }
    }
}

/// How a selection is covered.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// When.
    pub at: Time,
    /// How old a backup may be, in milliseconds.
    pub within_ms: i64,
    /// Seats with a backup that counts and is young enough.
    pub covered: usize,
    /// Of those: verified.
    pub verified: usize,
    /// Of those: proved.
    pub proved: usize,
    /// Seats without.
    pub missing: usize,
    /// The seats, by name.
    pub seats: Vec<Covered>,
}

/// Says which seats have a backup that counts and is not older than `within_ms`, and why the others have none.
pub async fn coverage(env: &Env, actor: &Actor, on: &[String], within_ms: i64) -> Result<Coverage, Refusal> {
    let at = env.clock.now();
    let all = ["all".to_owned()];
    let selection = select::seats(env, actor, if on.is_empty() { &all } else { on }).await?;
    let scoped = env.store.scoped(actor.scope.clone());
    let last = scoped.backup_last_good(&selection.seats).await?;
    let polls = scoped.poll_last(&selection.seats).await?;
    let mut seats = Vec::with_capacity(selection.seats.len());
    for name in &selection.seats {
        let Some(seat) = env.inventory.seats.get(name) else { continue };
        let backup = last.get(name);
        let age_ms = backup.map(|backup| at.ms_since(backup.seen_at));
        let declared = env.inventory.gateway(seat).and_then(not_tried).map(|error| Failure::from(error).outcome);
        let ended = polls.get(name).map(|poll| poll.outcome);
        let failed = ended.filter(|outcome| !matches!(outcome, Outcome::Answered | Outcome::DueAttended));
        let attended = env.inventory.gateway(seat).is_some_and(|gateway| gateway.access == GatewayAccess::Attended);
        let missing = if age_ms.is_some_and(|age| age <= within_ms) {
            None
        } else if let Some(outcome) = declared {
            Some(if outcome == Outcome::NoSsh { Missing::NoSsh } else { Missing::NotYetServed })
        } else if failed.is_some() {
            Some(Missing::Failed)
        } else if attended {
            Some(Missing::DueAttended)
        } else if backup.is_some() {
            Some(Missing::TooOld)
        } else {
            let filter = BackupFilter {
                seats: Some(vec![name.clone()]),
                grade: None,
                kinds: BackupKind::CONFIGURATIONS,
                limit: Some(1),
            };
            let any = !scoped.backup_list(filter).await?.is_empty();
            Some(if any { Missing::SuspectOnly } else { Missing::NeverTaken })
        };
        seats.push(Covered {
            seat: name.clone(),
            customer: seat.customer.clone(),
            series: seat.series,
            backup: backup.and_then(|backup| backup.id),
            seen_at: backup.map(|backup| backup.seen_at),
            age_ms,
            standing: backup.map(Backup::standing),
            missing,
            outcome: failed.filter(|_| missing == Some(Missing::Failed)),
        });
    }
    seats.sort_by(|a, b| a.seat.cmp(&b.seat));
    let young = || seats.iter().filter(|one| one.missing.is_none());
    let are = |what: fn(Standing) -> bool| young().filter(|one| one.standing.is_some_and(what)).count();
    Ok(Coverage {
        at,
        within_ms,
        covered: young().count(),
        verified: are(|standing| standing.verified),
        proved: are(|standing| standing.proved),
        missing: seats.iter().filter(|one| one.missing.is_some()).count(),
        seats,
    })
}
