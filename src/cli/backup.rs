//! `hoshu backup`.

pub(super) mod compare;
mod export;

use std::sync::Arc;
use std::time::Duration;

use super::out::{Cell, Tone, counted};
use super::poll::{attended, without_ssh};
use super::progress::Bar;
use super::{Context, Doors, Ended, Need, parse_duration, person};
use crate::model::backup::{Backup, BackupKind};
use crate::model::id::BackupId;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::time::show_duration;
use crate::service::backup::compare::show;
use crate::service::backup::{self, Profile, Proved, Proving, Taken, Verification, Verified, Which};
use crate::service::coverage;
use crate::service::prune::{self, PruneResult, Pruned};
use crate::service::refusal::Refusal;

/// Configuration backups.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Fetch, prove, seal and keep the configurations of appliances
    Take {
        /// Which seats.
        #[arg(long, required = true, value_name = "SELECTOR")]
        on: Vec<String>,
        /// Let the appliance write the backup and push it to the drop: config, fedb, config+fedb or full. Needs the change
        /// credential of each seat.
        #[arg(long, value_name = "PROFILE")]
        profile: Option<Profile>,
    },
    /// List backups, the newest first
    List {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// So many at most.
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        most: u32,
    },
    /// Open backups, judge them again, and hold each against a fetch over another channel
    Verify {
        /// This backup; without it, the newest that counts of each seat of --on.
        #[arg(required_unless_present = "on")]
        backup: Option<BackupId>,
        /// Which seats.
        #[arg(long, value_name = "SELECTOR", conflicts_with = "backup")]
        on: Vec<String>,
    },
    /// Load backups into simulated units, without asking any appliance, and hold what they give back against each
    Prove {
        /// This backup; without it, the newest that counts of each seat of --on.
        #[arg(required_unless_present = "on")]
        backup: Option<BackupId>,
        /// Which seats.
        #[arg(long, value_name = "SELECTOR", conflicts_with = "backup")]
        on: Vec<String>,
    },
    /// Say that a suspect or doubted backup counts all the same
    Accept {
        /// The backup.
        backup: BackupId,
        /// Why: what was compared, and by whom. It stands in the audit.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say which seats have a backup that counts, and why the others have none
    Coverage {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// How old it may be.
        #[arg(long, default_value = "26h", value_parser = parse_duration, value_name = "TIME")]
        within: Duration,
    },
    /// Remove backups that nothing keeps any more, never the last good one
    Prune {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// Show what would be done, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Show a configuration with every secret masked
    Show {
        /// A backup (backup-001Y), or a seat for its newest.
        #[arg(value_parser = which)]
        which: Which,
        /// Only sections with this in their title; "header" is what stands before the first.
        #[arg(long, value_name = "TITLE")]
        section: Option<String>,
    },
    /// Show what changed between two backups, or how a seat differs from its siblings, with every secret masked
    Diff(self::compare::DiffArgs),
    /// Write configurations out: redacted into a file or a git repository, or in clear into a file
    Export(self::export::ExportArgs),
}

/// A reference is a backup; everything else is a seat.
fn which(text: &str) -> Result<Which, String> {
    if text.starts_with("backup-") {
        return text.parse().map(Which::Id).map_err(|error: crate::model::id::IdError| error.to_string());
    }
    text.parse().map(Which::Newest).map_err(|error: crate::model::name::NameError| error.to_string())
}

fn grade(backup: &Backup) -> Cell {
    let standing = backup.standing();
    Cell::toned(standing.to_string(), if standing.counts() { Tone::Good } else { Tone::Bad })
}

fn doubts(backup: &Backup) -> String {
    let found = backup.doubts.iter().map(|found| format!("{}: {}", found.doubt, found.detail.for_terminal()));
    let learned = backup.events.iter().map(|event| format!("{}: {}", event.event, event.detail.for_terminal()));
    found.chain(learned).collect::<Vec<_>>().join("; ")
}

/// Lines of a text, bytes of a file.
fn size(backup: &Backup) -> String {
    match backup.kind {
        BackupKind::Configuration => counted(usize::try_from(backup.lines).unwrap_or(usize::MAX), "line"),
        _ => counted(usize::try_from(backup.bytes).unwrap_or(usize::MAX), "byte"),
    }
}

fn id(backup: &Backup) -> String {
    backup.id.map_or_else(String::new, |id| id.to_string())
}

fn show_taken(context: &Context<'_, impl Doors>, answer: &Taken) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.seats.iter().map(|seat| -> Vec<Cell> {
        let (what, detail) = match (&seat.backup, seat.outcome) {
            (Some(backup), _) if !backup.standing().counts() => (grade(backup), doubts(backup)),
            (Some(backup), _) if backup.kind != BackupKind::Configuration => {
                let known = doubts(backup);
                let known = if known.is_empty() { known } else { format!("; {known}") };
                (grade(backup), format!("{} bytes{known}", backup.bytes))
            }
            (Some(backup), _) => {
                let size = format!("{} lines, change ID {}", backup.lines, backup.change_id.unwrap_or_default());
                let known = if seat.unchanged { ", unchanged" } else { "" };
                let channel = match (seat.one_channel, seat.other_broke) {
                    (true, _) => ", one channel only",
                    (_, true) => ", the other channel broke off",
                    _ => "",
                };
                let doubted = seat.doubted.map_or_else(String::new, |id| format!("; it shows that {id} is cut"));
                (grade(backup), format!("{size}{known}{channel}{doubted}"))
            }
            (None, outcome) => {
                let tone = if outcome.is_some_and(Outcome::is_by_declaration) { Tone::Care } else { Tone::Bad };
                (Cell::toned(outcome.map_or("", Outcome::as_str), tone), seat.reason.for_terminal().into_owned())
            }
        };
        vec![
            seat.seat.to_string().into(),
            seat.customer.to_string().into(),
            seat.series.as_str().into(),
            what,
            seat.backup.as_ref().map_or_else(String::new, id).into(),
            format!("{} ms", seat.took_ms).into(),
            detail.into(),
        ]
    });
    context.out.table(&["seat", "customer", "series", "result", "backup", "took", "what"], rows.collect());
    context.out.talk(&format!(
        "{}: {} taken, {} suspect, {} failed, {} not yet served{}{}",
        counted(answer.seats.len(), "seat"),
        answer.taken,
        answer.suspect,
        answer.failed,
        answer.not_yet_served,
        without_ssh(answer.no_ssh),
        attended(answer.due_attended)
    ));
}

/// The head of a table of backups that were judged once more.
const JUDGED: &[&str] = &["seat", "backup", "result", "grade", "what"];

fn judged(backup: &Backup, result: Cell, detail: &Outside) -> Vec<Cell> {
    vec![
        backup.seat.to_string().into(),
        id(backup).into(),
        result,
        grade(backup),
        detail.for_terminal().into_owned().into(),
    ]
}

fn show_verified(context: &Context<'_, impl Doors>, answer: &Verified) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.backups.iter().map(|one| -> Vec<Cell> {
        let (word, tone) = match (one.result, one.outcome) {
            (Some(result), _) if result.is_well() => (result.as_str(), Tone::Good),
            (Some(result @ (Verification::Changed | Verification::OtherHardware)), _) => (result.as_str(), Tone::Care),
            (Some(result), _) => (result.as_str(), Tone::Bad),
            (None, outcome) => (outcome.map_or("", Outcome::as_str), Tone::Bad),
        };
        judged(&one.backup, Cell::toned(word, tone), &one.detail)
    });
    context.out.table(JUDGED, rows.collect());
    context.out.talk(&format!("{}: {} verified", counted(answer.backups.len(), "backup"), answer.verified));
}

/// What became of one that is held against how long it is kept.
pub(super) fn pruned(result: PruneResult) -> Cell {
    let tone = match result {
        PruneResult::Kept => Tone::Good,
        PruneResult::Pruned => Tone::Care,
        PruneResult::Failed => Tone::Bad,
    };
    Cell::toned(result.as_str(), tone)
}

fn show_pruned(context: &Context<'_, impl Doors>, answer: &Pruned, zone: chrono_tz::Tz) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.backups.iter().map(|one| -> Vec<Cell> {
        vec![
            one.seat.to_string().into(),
            one.backup.to_string().into(),
            one.kind.as_str().into(),
            one.taken_at.show(zone).into(),
            one.seen_at.show(zone).into(),
            Cell::toned(one.standing.to_string(), if one.standing.counts() { Tone::Good } else { Tone::Bad }),
            pruned(one.result),
            one.why.clone().into(),
        ]
    });
    let unread = answer.unread.iter().map(|one| -> Vec<Cell> {
        let (failed, empty) = (pruned(PruneResult::Failed), String::new);
        let (seat, why) = (one.seat.to_string(), one.why.clone());
        vec![
            seat.into(),
            empty().into(),
            empty().into(),
            empty().into(),
            empty().into(),
            empty().into(),
            failed,
            why.into(),
        ]
    });
    let header = ["seat", "backup", "kind", "taken", "last seen", "grade", "result", "why"];
    context.out.table(&header, rows.chain(unread).collect());
    let note = if answer.dry_run { " (dry run: nothing was changed)" } else { "" };
    let all = counted(answer.backups.len(), "backup");
    let failed = match (answer.failed, answer.unread.len()) {
        (0, 0) => String::new(),
        (failed, 0) => format!(", {failed} failed"),
        (failed, unread) => format!(", {failed} failed; those of {} cannot be read", counted(unread, "seat")),
    };
    let swept = match answer.swept {
        0 => String::new(),
        count => format!("; {} removed that a killed command left", counted(count, "unfinished file")),
    };
    context.out.talk(&format!("{all}: {} kept, {} pruned{failed}{swept}{note}", answer.kept, answer.pruned));
}

fn show_proved(context: &Context<'_, impl Doors>, answer: &Proved) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.backups.iter().map(|one| -> Vec<Cell> {
        let (word, tone) = match (one.result, one.outcome) {
            (Some(result @ Proving::Proved), _) => (result.as_str(), Tone::Good),
            (Some(result @ Proving::NotModelled), _) => (result.as_str(), Tone::Care),
            (Some(result), _) => (result.as_str(), Tone::Bad),
            (None, outcome) => (outcome.map_or("", Outcome::as_str), Tone::Bad),
        };
        judged(&one.backup, Cell::toned(word, tone), &one.detail)
    });
    context.out.table(JUDGED, rows.collect());
    context.out.talk(&format!(
        "{}: {} proved by simulated units of the modelled layouts; no real appliance took one",
        counted(answer.backups.len(), "backup"),
        answer.proved
    ));
}

async fn show_coverage(context: &Context<'_, impl Doors>, on: &[String], within: Duration) -> Result<Ended, Refusal> {
    let env = context.env(Need::Read).await?;
    let within_ms = i64::try_from(within.as_millis()).unwrap_or(i64::MAX);
    let answer = coverage::coverage(&env, &person(), on, within_ms).await?;
    if context.out.json {
        context.out.json(&answer);
    } else {
        let rows = answer.seats.iter().map(|seat| -> Vec<Cell> {
            let worth = seat.standing.map_or_else(String::new, |standing| standing.to_string());
            vec![
                seat.seat.to_string().into(),
                seat.customer.to_string().into(),
                seat.series.as_str().into(),
                seat.backup.map_or_else(String::new, |id| id.to_string()).into(),
                seat.age_ms.map_or_else(|| "never".to_owned(), show_duration).into(),
                worth.into(),
                if seat.missing.is_some() { Cell::toned(seat.reason(), Tone::Bad) } else { "".into() },
            ]
        });
        let header = ["seat", "customer", "series", "backup", "age", "worth", "missing"];
        context.out.table(&header, rows.collect());
        context.out.talk(&format!(
            "{}: {} covered within {}, {} of them verified, {} proved; {} missing",
            counted(answer.seats.len(), "seat"),
            answer.covered,
            show_duration(within_ms),
            answer.verified,
            answer.proved,
            answer.missing
        ));
    }
    Ok(if answer.missing > 0 { Ended::Attention } else { Ended::Done })
}

async fn show_list(context: &Context<'_, impl Doors>, on: &[String], most: u32) -> Result<Ended, Refusal> {
    let env = context.env(Need::Read).await?;
    let answer = backup::list(&env, &person(), on, most).await?;
    if context.out.json {
        context.out.json(&answer);
        return Ok(Ended::Done);
    }
    let rows = answer.backups.iter().map(|backup| -> Vec<Cell> {
        vec![
            id(backup).into(),
            backup.seat.to_string().into(),
            backup.customer.to_string().into(),
            backup.kind.as_str().into(),
            backup.taken_at.show(env.settings.zone).into(),
            backup.seen_at.show(env.settings.zone).into(),
            grade(backup),
            backup.change_id.map_or_else(String::new, |id| id.to_string()).into(),
            size(backup).into(),
            backup.release.as_ref().map_or_else(String::new, |text| text.for_terminal().into_owned()).into(),
            doubts(backup).into(),
        ]
    });
    context.out.table(
        &[
            "backup",
            "seat",
            "customer",
            "kind",
            "taken",
            "last seen",
            "grade",
            "change id",
            "size",
            "release",
            "what is known",
        ],
        rows.collect(),
    );
    Ok(Ended::Done)
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let actor = person();
    match verb {
        Verb::Take { on, profile } => {
            let env = context.env_with(Arc::new(Bar::new("backup"))).await?;
            let answer = match profile {
                None => backup::take(&env, &actor, &on).await?,
                Some(profile) => backup::push(&env, &actor, &on, profile).await?,
            };
            show_taken(context, &answer);
            Ok(if answer.stopped {
                Ended::Stopped
            } else if answer.failed + answer.suspect > 0 {
                Ended::Attention
            } else {
                Ended::Done
            })
        }
        Verb::List { on, most } => show_list(context, &on, most).await,
        Verb::Verify { backup, on } => {
            let env = context.env_with(Arc::new(Bar::new("verify"))).await?;
            let answer = backup::verify(&env, &actor, backup, &on).await?;
            show_verified(context, &answer);
            let bad = |one: &backup::SeatVerified| !one.result.is_some_and(Verification::is_well);
            Ok(if answer.backups.iter().any(bad) { Ended::Attention } else { Ended::Done })
        }
        Verb::Prove { backup, on } => {
            let env = context.env_with(Arc::new(Bar::new("prove"))).await?;
            let answer = backup::prove(&env, &actor, backup, &on).await?;
            show_proved(context, &answer);
            let bad = |one: &backup::SeatProved| one.result != Some(Proving::Proved);
            Ok(if answer.backups.iter().any(bad) { Ended::Attention } else { Ended::Done })
        }
        Verb::Accept { backup, reason } => {
            let env = context.env(Need::Host).await?;
            let accepted = backup::accept(&env, &actor, backup, &reason).await?;
            if context.out.json {
                context.out.json(&accepted);
            } else {
                context.out.talk(&format!("{} of {} is {}", id(&accepted), accepted.seat, accepted.standing()));
            }
            Ok(Ended::Done)
        }
        Verb::Prune { on, dry_run } => {
            let env = context.env(if dry_run { Need::Read } else { Need::Host }).await?;
            let answer = prune::prune(&env, &actor, &on, dry_run).await?;
            show_pruned(context, &answer, env.settings.zone);
            Ok(match (answer.stopped, answer.failed + answer.unread.len()) {
                (true, _) => Ended::Stopped,
                (false, 0) => Ended::Done,
                (false, _) => Ended::Attention,
            })
        }
        Verb::Coverage { on, within } => show_coverage(context, &on, within).await,
        Verb::Show { which, section } => {
            let env = context.env(Need::Read).await?;
            self::compare::show_text(context, &show(&env, &actor, &which, section.as_deref()).await?);
            Ok(Ended::Done)
        }
        Verb::Diff(args) => self::compare::run_diff(context, args).await,
        Verb::Export(args) => self::export::run_export(context, args).await,
    }
}
