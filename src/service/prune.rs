//! `hoshu backup prune`: which backups are kept, which go, and why.

use serde::Serialize;

use crate::engine::env::Env;
use crate::engine::prune::{self, What};
use crate::engine::store_check;
use crate::model::actor::{Actor, Scope};
use crate::model::backup::BackupKind;
use crate::model::backup_event::Standing;
use crate::model::id::BackupId;
use crate::model::name::{CustomerName, SeatName};
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;

crate::words! {
    /// What became of a backup.
    pub enum PruneResult {
        /// It stays.
        Kept = "kept",
        /// It goes.
        Pruned = "pruned",
        /// It should have gone, and is still there.
        Failed = "failed",
    }
}

/// One backup.
#[derive(Debug, Clone, Serialize)]
pub struct BackupPruned {
    /// Its seat.
    pub seat: SeatName,
    /// Whose it is.
    pub customer: CustomerName,
    /// Its id.
    pub backup: BackupId,
    /// What it holds.
    pub kind: BackupKind,
    /// When it was fetched.
    pub taken_at: Time,
    /// When a fetch last gave the same.
    pub seen_at: Time,
    /// What it is worth.
    pub standing: Standing,
    /// What became of it.
    pub result: PruneResult,
    /// Why, in words.
    pub why: String,
}

/// A seat of which nothing was judged.
#[derive(Debug, Clone, Serialize)]
pub struct SeatUnread {
    /// The seat.
    pub seat: SeatName,
    /// Why its backups cannot be read.
    pub why: String,
}

/// What became of the backups of a selection.
#[derive(Debug, Clone, Serialize)]
pub struct Pruned {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Backups that stay.
    pub kept: usize,
    /// Backups that go.
    pub pruned: usize,
    /// Backups that should have gone and are still there.
    pub failed: usize,
    /// Files of the depot that were removed, since a killed process left them half written.
    pub swept: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Seats whose backups cannot be read.
    pub unread: Vec<SeatUnread>,
    /// Each, by seat, the newest first.
    pub backups: Vec<BackupPruned>,
}

/// Prunes the backups of a selection, or of every seat of the inventory, and what a killed process left of one.
pub async fn prune(env: &Env, actor: &Actor, on: &[String], dry_run: bool) -> Result<Pruned, Refusal> {
    of(env, actor, on, What::Backups, dry_run).await
}

/// Prunes what is said of a selection.
pub(super) async fn of(env: &Env, actor: &Actor, on: &[String], what: What, dry_run: bool) -> Result<Pruned, Refusal> {
    let all = ["all".to_owned()];
    let mut seats = select::seats(env, actor, if on.is_empty() { &all } else { on }).await?.seats;
    seats.sort();
    let done = prune::run(env, actor, &seats, what, dry_run).await?;
    let backups: Vec<BackupPruned> = done
        .backups
        .into_iter()
        .map(|one| BackupPruned {
            seat: one.age.seat,
            customer: one.age.customer,
            backup: one.age.id,
            kind: one.age.kind,
            taken_at: one.age.taken_at,
            seen_at: one.age.seen_at,
            standing: one.age.standing,
            result: match &one.failed {
                Some(_) => PruneResult::Failed,
                None if one.fate.kept => PruneResult::Kept,
                None => PruneResult::Pruned,
            },
            why: one.failed.unwrap_or(one.fate.why),
        })
        .collect();
    // Whose it would have been, nobody knows: the house alone removes it.
    let swept =
        if dry_run || actor.scope != Scope::House { 0 } else { store_check::sweep_unfinished(env, actor).await? };
    let are = |result| backups.iter().filter(|backup| backup.result == result).count();
    Ok(Pruned {
        dry_run,
        kept: are(PruneResult::Kept),
        pruned: are(PruneResult::Pruned),
        failed: are(PruneResult::Failed),
        swept,
        stopped: done.stopped,
        unread: done.unread.into_iter().map(|(seat, why)| SeatUnread { seat, why }).collect(),
        backups,
    })
}
