//! `hoshu bundle`: log bundles that appliances write and push. None is a backup.

use std::io::Write;

use serde::Serialize;

use super::backup::{export, pushed};
use crate::engine::env::Env;
use crate::engine::prune::What;
use crate::model::actor::{Act, Actor};
use crate::model::backup::{Backup, BackupKind, DoubtFound};
use crate::model::backup_event::Standing;
use crate::model::id::{BackupId, BundleId};
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::push::Wanted;
use crate::model::reading::Outcome;
use crate::model::series::Series;
use crate::model::time::Time;
use crate::service::prune::{self, PruneResult, SeatUnread};
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::BackupFilter;

/// A log bundle.
#[derive(Debug, Clone, Serialize)]
pub struct Bundle {
    /// Its id.
    pub id: BundleId,
    /// Its seat.
    pub seat: SeatName,
    /// Whose it is.
    pub customer: CustomerName,
    /// When it arrived.
    pub taken_at: Time,
    /// What it is worth.
    pub standing: Standing,
    /// What spoke against it.
    pub doubts: Vec<DoubtFound>,
    /// The release that wrote it.
    pub release: Option<Outside>,
    /// How large it is.
    pub bytes: u64,
}

impl Bundle {
    fn of(row: Backup) -> Self {
        let standing = row.standing();
        Self {
            id: BundleId(row.id.unwrap_or(BackupId(0)).0),
            seat: row.seat,
            customer: row.customer,
            taken_at: row.taken_at,
            standing,
            doubts: row.doubts,
            release: row.release,
            bytes: row.bytes,
        }
    }
}

/// What became of one seat.
#[derive(Debug, Clone, Serialize)]
pub struct SeatBundled {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its series.
    pub series: Series,
    /// The bundle.
    pub bundle: Option<Bundle>,
    /// How it ended, when there is none.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: Outside,
    /// From the first byte to the commit, in milliseconds.
    pub took_ms: i64,
}

/// What became of a selection.
#[derive(Debug, Clone, Serialize)]
pub struct Bundled {
    /// When it began.
    pub at: Time,
    /// Bundles that the appliance confirms.
    pub taken: usize,
    /// Bundles that are kept, and that it does not confirm.
    pub suspect: usize,
    /// Seats without one, but for those that are not tried by declaration.
    pub failed: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// The seats, by name.
    pub seats: Vec<SeatBundled>,
}

/// Lets each appliance of a selection write a log bundle and push it to the drop.
pub async fn take(env: &Env, actor: &Actor, on: &[String]) -> Result<Bundled, Refusal> {
    let taken = pushed(env, actor, on, Wanted::Bundle).await?;
    let seats = taken.seats.into_iter().map(|seat| SeatBundled {
        seat: seat.seat,
        customer: seat.customer,
        series: seat.series,
        bundle: seat.backup.map(Bundle::of),
        outcome: seat.outcome,
        reason: seat.reason,
        took_ms: seat.took_ms,
    });
    Ok(Bundled {
        at: taken.at,
        taken: taken.taken,
        suspect: taken.suspect,
        failed: taken.failed,
        stopped: taken.stopped,
        seats: seats.collect(),
    })
}

/// Log bundles, the newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Bundles {
    /// The bundles.
    pub bundles: Vec<Bundle>,
}

/// Lists log bundles.
pub async fn list(env: &Env, actor: &Actor, on: &[String], most: u32) -> Result<Bundles, Refusal> {
    let seats = select::optional(env, actor, on).await?;
    let filter = BackupFilter { seats, grade: None, kinds: BackupKind::BUNDLES, limit: Some(i64::from(most)) };
    let rows = env.store.scoped(actor.scope.clone()).backup_list(filter).await?;
    Ok(Bundles { bundles: rows.into_iter().map(Bundle::of).collect() })
}

async fn find(env: &Env, actor: &Actor, id: BundleId) -> Result<Backup, Refusal> {
    let (scoped, row) = (env.store.scoped(actor.scope.clone()), BackupId(id.0));
    let found = scoped.backup_get(row).await?.filter(|found| found.kind == BackupKind::LogBundle);
    if let Some(found) = found {
        return Ok(found);
    }
    let gone = scoped.backup_tombstone(row).await?;
    Err(Refusal::NotFound {
        what: "log bundle",
        name: id.to_string(),
        hint: match gone {
            Some(gone) => format!("it was pruned on {}: {}", gone.at.show(env.settings.zone), gone.reason),
            None => "hoshu bundle list shows every log bundle".to_owned(),
        },
    })
}

/// Gives out a log bundle as it is, for a reason; the audit has it before anything is opened. What was written before an
/// error is to be thrown away.
pub async fn give(
    env: &Env,
    actor: &Actor,
    id: BundleId,
    reason: &str,
    into: Box<dyn Write + Send>,
) -> Result<Bundle, Refusal> {
    let row = find(env, actor, id).await?;
    export::give_out(env, actor, &row, (Act::BundleExported, id.to_string()), reason, into).await?;
    Ok(Bundle::of(row))
}

/// What became of one bundle.
#[derive(Debug, Clone, Serialize)]
pub struct BundlePruned {
    /// Its seat.
    pub seat: SeatName,
    /// Whose it is.
    pub customer: CustomerName,
    /// Its id.
    pub bundle: BundleId,
    /// When it arrived.
    pub taken_at: Time,
    /// What became of it.
    pub result: PruneResult,
    /// Why, in words.
    pub why: String,
}

/// What became of the bundles of a selection.
#[derive(Debug, Clone, Serialize)]
pub struct BundlesPruned {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Bundles that stay.
    pub kept: usize,
    /// Bundles that go.
    pub pruned: usize,
    /// Bundles that should have gone and are still there.
    pub failed: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Seats whose bundles cannot be read.
    pub unread: Vec<SeatUnread>,
    /// Each, by seat, the newest first.
    pub bundles: Vec<BundlePruned>,
}

/// Removes the log bundles of a selection, or of every seat, that are older than they are kept.
pub async fn prune(env: &Env, actor: &Actor, on: &[String], dry_run: bool) -> Result<BundlesPruned, Refusal> {
    let done = prune::of(env, actor, on, What::Bundles, dry_run).await?;
    let bundles = done.backups.into_iter().map(|one| BundlePruned {
        seat: one.seat,
        customer: one.customer,
        bundle: BundleId(one.backup.0),
        taken_at: one.taken_at,
        result: one.result,
        why: one.why,
    });
    Ok(BundlesPruned {
        dry_run,
        kept: done.kept,
        pruned: done.pruned,
        failed: done.failed,
        stopped: done.stopped,
        unread: done.unread,
        bundles: bundles.collect(),
    })
}
