//! Pruning: what the rule no longer keeps of each seat leaves the store, then the depot. Each kind of backup is judged by
//! itself: a configuration takes no full backup's place.

use std::collections::{BTreeMap, HashMap};

use futures::future::join_all;

use crate::decide::backup::{Fate, keep_until, retain};
use crate::engine::env::Env;
use crate::model::actor::{Act, Actor};
use crate::model::backup::{BackupAge, BackupKind};
use crate::model::causes::with_causes;
use crate::model::id::{AssetId, BackupId, BundleId};
use crate::model::inventory::Seat;
use crate::model::name::SeatName;
use crate::store::{Doomed, StoreError};

/// Seats whose backups are in hand at once; their transactions share commits.
const SEATS_AT_ONCE: usize = 100;
/// Backups of one transaction, and of one audit record.
const BACKUPS_AT_ONCE: usize = 500;

/// What is pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Backups, by the contract.
    Backups,
    /// Log bundles, by their age.
    Bundles,
}

impl What {
    const fn kinds(self) -> &'static [BackupKind] {
        match self {
            Self::Backups => BackupKind::BACKUPS,
            Self::Bundles => BackupKind::BUNDLES,
        }
    }

    const fn act(self) -> Act {
        match self {
            Self::Backups => Act::BackupPruned,
            Self::Bundles => Act::BundlePruned,
        }
    }

    /// What a record of the audit calls one.
    fn named(self, id: BackupId) -> (&'static str, serde_json::Value) {
        match self {
            Self::Backups => ("backup", serde_json::json!(id)),
            Self::Bundles => ("bundle", serde_json::json!(BundleId(id.0))),
        }
    }
}

/// A backup with what becomes of it.
#[derive(Debug)]
pub struct Judged {
    /// The backup.
    pub age: BackupAge,
    /// Whether it stays, and why.
    pub fate: Fate,
    /// Why it is still there when it should have gone.
    pub failed: Option<String>,
}

/// What became of the backups of a selection.
#[derive(Debug)]
pub struct Pruned {
    /// Each, by seat, the newest first.
    pub backups: Vec<Judged>,
    /// Seats whose backups cannot be read, each with the reason: nothing of them was judged.
    pub unread: Vec<(SeatName, String)>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// Judges every backup of some seats, and removes what nothing keeps; with `dry_run` nothing is changed. A seat that
/// fails takes no other with it.
pub async fn run(
    env: &Env,
    actor: &Actor,
    seats: &[SeatName],
    what: What,
    dry_run: bool,
) -> Result<Pruned, StoreError> {
    let sitting: HashMap<SeatName, AssetId> =
        env.rows().asset_list().await?.into_iter().map(|asset| (asset.seat, asset.id)).collect();
    let mut all = Pruned { backups: Vec::new(), unread: Vec::new(), stopped: false };
    for portion in seats.chunks(SEATS_AT_ONCE) {
        if env.stop.is_asked() {
            all.stopped = true;
            break;
        }
        let mut ages = ages(env, portion, what, &mut all.unread).await;
        let seats = portion.iter().filter_map(|name| env.inventory.seats.get(name));
        let mut judged: Vec<(&Seat, Vec<Judged>)> = seats
            .map(|seat| {
                let ages = ages.remove(&seat.name).unwrap_or_default();
                (seat, judge(env, seat, what, ages, sitting.get(&seat.name).copied()))
            })
            .collect();
        if !dry_run {
            join_all(judged.iter_mut().map(|(seat, judged)| remove(env, actor, seat, what, judged))).await;
        }
        all.backups.extend(judged.into_iter().flat_map(|(_, judged)| judged));
    }
    Ok(all)
}

/// The backups of some seats. Where a row cannot be read, each seat is asked for by itself.
async fn ages(
    env: &Env,
    seats: &[SeatName],
    what: What,
    unread: &mut Vec<(SeatName, String)>,
) -> HashMap<SeatName, Vec<BackupAge>> {
    let mut all: HashMap<SeatName, Vec<BackupAge>> = HashMap::new();
    let mut add = |ages: Vec<BackupAge>| {
        for age in ages {
            all.entry(age.seat.clone()).or_default().push(age);
        }
    };
    if let Ok(ages) = env.rows().backup_ages(seats, what.kinds()).await {
        add(ages);
        return all;
    }
    for seat in seats {
        match env.rows().backup_ages(std::slice::from_ref(seat), what.kinds()).await {
            Ok(ages) => add(ages),
            Err(error) => unread.push((seat.clone(), with_causes(&error))),
        }
    }
    all
}

/// A name that another customer's seat had before is another seat: what was kept of that one is left alone.
fn judge(env: &Env, seat: &Seat, what: What, ages: Vec<BackupAge>, sitting: Option<AssetId>) -> Vec<Judged> {
    let mut of_kind: BTreeMap<BackupKind, Vec<BackupAge>> = BTreeMap::new();
    for age in ages.into_iter().filter(|age| age.customer == seat.customer) {
        of_kind.entry(age.kind).or_default().push(age);
    }
    let (now, zone) = (env.clock.now(), env.settings.zone);
    let fates = of_kind.values().flat_map(|ages| match what {
        What::Backups => retain(ages, env.inventory.retention(seat), sitting, now, zone),
        What::Bundles => keep_until(ages, env.settings.keep_bundles_ms(), now),
    });
    let fates: Vec<Fate> = fates.collect();
    let mut ages: HashMap<_, _> = of_kind.into_values().flatten().map(|age| (age.id, age)).collect();
    fates.into_iter().filter_map(|fate| Some(Judged { age: ages.remove(&fate.id)?, fate, failed: None })).collect()
}

/// Removes what nothing keeps of one seat, in parts; a part that fails stays as it is.
async fn remove(env: &Env, actor: &Actor, seat: &Seat, what: What, judged: &mut [Judged]) {
    let mut doomed: Vec<&mut Judged> = judged.iter_mut().filter(|one| !one.fate.kept).collect();
    for part in doomed.chunks_mut(BACKUPS_AT_ONCE) {
        let which = part.iter().map(|one| Doomed { id: one.fate.id, reason: one.fate.why.clone() }).collect();
        let Err(error) = bury(env, actor, seat, what, which).await else { continue };
        let reason = with_causes(&error);
        for one in part {
            one.failed = Some(reason.clone());
        }
    }
}

async fn bury(env: &Env, actor: &Actor, seat: &Seat, what: What, doomed: Vec<Doomed>) -> Result<(), StoreError> {
    let one = |one: &Doomed| {
        let (name, id) = what.named(one.id);
        serde_json::json!({name: id, "why": one.reason})
    };
    let which: Vec<_> = doomed.iter().map(one).collect();
    let detail = serde_json::json!({"v": 1, "pruned": which});
    let audit = actor.did(env.clock.now(), what.act(), seat.name.as_str(), &detail);
    for file in env.store.backup_prune((seat.customer.clone(), seat.name.clone()), doomed, audit).await? {
        // A file without a row is what a check of the store sweeps: the backup is gone either way.
        if let Err(error) = env.depot.remove(&file) {
            tracing::warn!(%error, %file, "a file of the depot could not be removed");
        }
    }
    Ok(())
}
