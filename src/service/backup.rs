//! `hoshu backup`: taking, listing, verifying and accepting configurations; showing and comparing them in [`compare`], what
//! leaves the house in [`export`].

pub mod compare;
pub mod export;

use serde::Serialize;

pub use crate::decide::backup::{Proving, Verification};
use crate::engine::backup::{self, learn};
use crate::engine::env::Env;
use crate::engine::session::Failure;
use crate::engine::{prove as proving, push as pushing, verify};
use crate::model::actor::Actor;
use crate::model::backup::{Backup, BackupKind};
use crate::model::backup_event::Learned;
use crate::model::id::{BackupId, BundleId};
use crate::model::inventory::Seat;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
pub use crate::model::push::Profile;
use crate::model::push::Wanted;
use crate::model::reading::Outcome;
use crate::model::series::Series;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::BackupFilter;

/// What became of one seat.
#[derive(Debug, Clone, Serialize)]
pub struct SeatTaken {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its series.
    pub series: Series,
    /// The backup.
    pub backup: Option<Backup>,
    /// Whether the configuration is the same as in the last good backup.
    pub unchanged: bool,
    /// An earlier backup that this one shows to be cut: it does not count any more.
    pub doubted: Option<BackupId>,
    /// A second fetch over another channel was wanted, and the appliance serves one channel only.
    pub one_channel: bool,
    /// A second fetch over the other channel was wanted, and that channel broke off: what it would have said is unknown.
    pub other_broke: bool,
    /// How it ended, when there is no backup.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: Outside,
    /// From the first byte to the commit, in milliseconds.
    pub took_ms: i64,
}

/// What became of a selection.
#[derive(Debug, Clone, Serialize)]
pub struct Taken {
    /// When it began.
    pub at: Time,
    /// Backups that count.
    pub taken: usize,
    /// Backups that are kept and do not count.
    pub suspect: usize,
    /// Seats without one, but for those that are not tried by declaration.
    pub failed: usize,
    /// Seats whose way in is not yet served.
    pub not_yet_served: usize,
    /// Seats behind a gateway without SSH, as declared.
    pub no_ssh: usize,
    /// Seats that are due for an attended slot: nobody holds their way open.
    pub due_attended: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// The seats, by name.
    pub seats: Vec<SeatTaken>,
}

impl SeatTaken {
    /// What came of a seat, and nothing else to say.
    fn of(seat: &Seat, taken: Result<Backup, Failure>, took_ms: i64) -> Self {
        let (backup, outcome, reason) = match taken {
            Ok(backup) => (Some(backup), None, Outside::default()),
            Err(failure) => (None, Some(failure.outcome), failure.reason),
        };
        Self {
            seat: seat.name.clone(),
            customer: seat.customer.clone(),
            series: seat.series,
            backup,
            unchanged: false,
            doubted: None,
            one_channel: false,
            other_broke: false,
            outcome,
            reason,
            took_ms,
        }
    }
}

/// Takes a backup of each seat of a selection.
pub async fn take(env: &Env, actor: &Actor, on: &[String]) -> Result<Taken, Refusal> {
    let at = env.clock.now();
    let selection = select::seats(env, actor, on).await?;
    let seats = backup::run(env, actor, &selection.seats).await?.into_iter().map(|taken| SeatTaken {
        unchanged: taken.unchanged,
        doubted: taken.doubted,
        one_channel: taken.one_channel,
        other_broke: taken.other_broke,
        ..SeatTaken::of(&taken.facts.seat, taken.backup, taken.took_ms)
    });
    Ok(summary(at, seats.collect()))
}

/// Lets each appliance of a selection write a backup of a profile and push it to the drop.
pub async fn push(env: &Env, actor: &Actor, on: &[String], profile: Profile) -> Result<Taken, Refusal> {
    pushed(env, actor, on, Wanted::Backup(profile)).await
}

/// Lets each appliance of a selection push what is wanted.
pub(super) async fn pushed(env: &Env, actor: &Actor, on: &[String], wanted: Wanted) -> Result<Taken, Refusal> {
    let at = env.clock.now();
    let Some(settings) = &env.settings.drop else {
        return Err(Refusal::Drop("the settings have no `drop`".to_owned()));
    };
    let selection = select::seats(env, actor, on).await?;
    let pushed = pushing::run(env, actor, &selection.seats, wanted, settings).await?.into_iter();
    let pushed = pushed.map(|taken| SeatTaken::of(&taken.facts.seat, taken.backup, taken.took_ms));
    Ok(summary(at, pushed.collect()))
}

fn summary(at: Time, mut seats: Vec<SeatTaken>) -> Taken {
    seats.sort_by(|a, b| a.seat.cmp(&b.seat));
    let backups = || seats.iter().filter_map(|seat| seat.backup.as_ref());
    let taken = backups().filter(|backup| backup.standing().counts()).count();
    let suspect = backups().count() - taken;
    let ended = |outcome| seats.iter().filter(|seat| seat.outcome == Some(outcome)).count();
    let (not_yet_served, no_ssh) = (ended(Outcome::NotYetServed), ended(Outcome::NoSsh));
    let due_attended = ended(Outcome::DueAttended);
    Taken {
        at,
        taken,
        suspect,
        failed: seats.len() - taken - suspect - not_yet_served - no_ssh - due_attended,
        not_yet_served,
        no_ssh,
        due_attended,
        stopped: ended(Outcome::Stopped) > 0,
        seats,
    }
}

/// Backups, the newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Backups {
    /// The backups.
    pub backups: Vec<Backup>,
}

/// Lists backups.
pub async fn list(env: &Env, actor: &Actor, on: &[String], most: u32) -> Result<Backups, Refusal> {
    let seats = select::optional(env, actor, on).await?;
    let filter = BackupFilter { seats, grade: None, kinds: BackupKind::BACKUPS, limit: Some(i64::from(most)) };
    Ok(Backups { backups: env.store.scoped(actor.scope.clone()).backup_list(filter).await? })
}

/// A backup by its number, or the newest of a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Id(BackupId),
    /// The newest of a seat.
    Newest(SeatName),
}

/// The configuration that is meant: what an appliance wrote itself has no text that could be looked at.
async fn find(env: &Env, actor: &Actor, which: &Which) -> Result<Backup, Refusal> {
    let found = find_any(env, actor, which).await?;
    if found.kind == BackupKind::Configuration {
        return Ok(found);
    }
    let id = found.id.map_or_else(String::new, |id| id.to_string());
    let kind = found.kind;
    Err(Refusal::Argument(format!(
        "{id} is a {kind}: a file that the appliance wrote, which is kept sealed and not looked into; a configuration was expected"
    )))
}

async fn find_any(env: &Env, actor: &Actor, which: &Which) -> Result<Backup, Refusal> {
    let scoped = env.store.scoped(actor.scope.clone());
    let found = match which {
        Which::Id(id) => scoped.backup_get(*id).await?,
        Which::Newest(seat) => {
            select::one(env, actor, seat)?;
            let filter = BackupFilter {
                seats: Some(vec![seat.clone()]),
                grade: None,
                kinds: BackupKind::CONFIGURATIONS,
                limit: Some(1),
            };
            scoped.backup_list(filter).await?.into_iter().next()
        }
    };
    if let Some(id) = found.as_ref().filter(|found| found.kind == BackupKind::LogBundle).and_then(|found| found.id) {
        let name = BundleId(id.0);
        return Err(Refusal::NotFound {
            what: "backup",
            name: id.to_string(),
            hint: format!("{name} is a log bundle: hoshu bundle list"),
        });
    }
    let gone = match (&found, which) {
        (None, Which::Id(id)) => scoped.backup_tombstone(*id).await?,
        _ => None,
    };
    found.ok_or_else(|| match which {
        Which::Id(id) => Refusal::NotFound {
            what: "backup",
            name: id.to_string(),
            hint: match gone {
                Some(gone) => format!("it was pruned on {}: {}", gone.at.show(env.settings.zone), gone.reason),
                None => "hoshu backup list shows every backup".to_owned(),
            },
        },
        Which::Newest(seat) => Refusal::NotFound {
            what: "backup of seat",
            name: seat.to_string(),
            hint: format!("hoshu backup take --on {seat} takes one"),
        },
    })
}

/// What came of looking at one backup again.
#[derive(Debug, Clone, Serialize)]
pub struct SeatVerified {
    /// The backup, with what was learned.
    pub backup: Backup,
    /// What came of it; absent when it was not compared.
    pub result: Option<Verification>,
    /// How the fetch ended, when there was none to compare with.
    pub outcome: Option<Outcome>,
    /// In words.
    pub detail: Outside,
}

/// What came of looking at backups again.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// How many are verified now.
    pub verified: usize,
    /// Each, by seat.
    pub backups: Vec<SeatVerified>,
}

/// One backup by its number, or the newest that counts of each seat of a selection.
async fn wanted(env: &Env, actor: &Actor, id: Option<BackupId>, on: &[String]) -> Result<Vec<Backup>, Refusal> {
    if let Some(id) = id {
        return Ok(vec![find_any(env, actor, &Which::Id(id)).await?]);
    }
    let selection = select::seats(env, actor, on).await?;
    let scoped = env.store.scoped(actor.scope.clone());
    Ok(scoped.backup_last_good(&selection.seats).await?.into_values().collect())
}

/// Opens backups, judges them again, and holds each against a fetch over the other channel: one by its number, or the
/// newest that counts of each seat of a selection.
pub async fn verify(env: &Env, actor: &Actor, id: Option<BackupId>, on: &[String]) -> Result<Verified, Refusal> {
    let backups = wanted(env, actor, id, on).await?;
    let checked = verify::run(env, actor, backups).await?.into_iter().map(|checked| {
        let (result, outcome) = match checked.result {
            Ok(result) => (Some(result), None),
            Err(failure) => (None, Some(failure.outcome)),
        };
        SeatVerified { backup: checked.backup, result, outcome, detail: checked.detail }
    });
    let mut backups: Vec<SeatVerified> = checked.collect();
    backups.sort_by(|a, b| a.backup.seat.cmp(&b.backup.seat));
    let verified = backups.iter().filter(|one| one.result == Some(Verification::Verified)).count();
    Ok(Verified { verified, backups })
}

/// What came of loading one backup into a simulated unit.
#[derive(Debug, Clone, Serialize)]
pub struct SeatProved {
    /// The backup, with what was learned.
    pub backup: Backup,
    /// What came of it; absent when it was not loaded.
    pub result: Option<Proving>,
    /// Why it was not loaded.
    pub outcome: Option<Outcome>,
    /// In words.
    pub detail: Outside,
}

/// What came of loading backups into simulated units.
#[derive(Debug, Clone, Serialize)]
pub struct Proved {
    /// How many are proved now.
    pub proved: usize,
    /// Each, by seat.
    pub backups: Vec<SeatProved>,
}

/// Opens backups and loads each into a simulated unit with another chassis: one by its number, or the newest that counts
/// of each seat of a selection. No appliance is asked.
pub async fn prove(env: &Env, actor: &Actor, id: Option<BackupId>, on: &[String]) -> Result<Proved, Refusal> {
    if let Some(id) = id {
        find(env, actor, &Which::Id(id)).await?;
    }
    let backups = wanted(env, actor, id, on).await?;
    let proved = proving::run(env, actor, backups).await?.into_iter().map(|proved| {
        let (result, outcome) = match proved.result {
            Ok(result) => (Some(result), None),
            Err(failure) => (None, Some(failure.outcome)),
        };
        SeatProved { backup: proved.backup, result, outcome, detail: proved.detail }
    });
    let mut backups: Vec<SeatProved> = proved.collect();
    backups.sort_by(|a, b| a.backup.seat.cmp(&b.backup.seat));
    let proved = backups.iter().filter(|one| one.result == Some(Proving::Proved)).count();
    Ok(Proved { proved, backups })
}

/// A person says that a backup counts, and why.
pub async fn accept(env: &Env, actor: &Actor, id: BackupId, reason: &str) -> Result<Backup, Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::Argument("a reason is expected: what was compared, and by whom".to_owned()));
    }
    let mut backup = find_any(env, actor, &Which::Id(id)).await?;
    let standing = backup.standing();
    if standing.counts() {
        return Err(Refusal::Argument(format!("{id} counts already: it is {standing}")));
    }
    backup.events.push(learn(env, actor, id, Learned::Accepted, reason.trim().to_owned()).await?);
    Ok(backup)
}
