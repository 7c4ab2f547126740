//! `hoshu backup`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::out::{Cell, Tone, counted};
use super::poll::without_ssh;
use super::progress::Bar;
use super::{Context, Doors, Ended, Need, parse_duration, person, write_new};
use crate::model::backup::Backup;
use crate::model::id::BackupId;
use crate::model::reading::Outcome;
use crate::model::time::{Time, show_duration};
use crate::service::backup::compare::{
    self, Compare, Compared, DiffLine, Difference, Hunk, Pair, SectionDiff, Shown, Sign, When,
};
use crate::service::backup::export::{self, Form, Gone, IntoGit};
use crate::service::backup::{self, Proved, Proving, Taken, Verification, Verified, Which};
use crate::service::coverage;
use crate::service::refusal::Refusal;

/// Configuration backups.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Fetch, prove, seal and keep the configurations of appliances
    Take {
        /// Which seats.
        #[arg(long, required = true, value_name = "SELECTOR")]
        on: Vec<String>,
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
    Diff(DiffArgs),
    /// Write configurations out: redacted into a file or a git repository, or in clear into a file
    Export(ExportArgs),
}

/// What leaves, and where to.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("place").required(true).args(["to", "git"])))]
pub struct ExportArgs {
    /// A backup, or a seat for its newest.
    #[arg(value_parser = which, required_unless_present = "git", conflicts_with = "git")]
    which: Option<Which>,
    /// The file, which must not exist.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// In clear, with every secret.
    #[arg(long, requires_all = ["to", "reason"])]
    full: bool,
    /// What for. It stands in the audit.
    #[arg(long, value_name = "TEXT", requires = "full")]
    reason: Option<String>,
    /// A git repository, or an empty folder: one redacted file for each seat of --on, in a commit.
    #[arg(long, value_name = "FOLDER", requires = "on")]
    git: Option<PathBuf>,
    /// Which seats: the newest backup that counts of each.
    #[arg(long, value_name = "SELECTOR", requires = "git")]
    on: Vec<String>,
    /// Also what has lines that were masked without a rule that knows them: you have looked at them.
    #[arg(long, conflicts_with = "full")]
    unreviewed: bool,
}

/// What is held beside what.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// The older backup, or a seat for its two newest.
    #[arg(value_parser = which)]
    which: Which,
    /// The newer backup.
    #[arg(conflicts_with_all = ["from", "siblings"])]
    against: Option<BackupId>,
    /// The configuration that counted then: 7d (ago), 2026-11-20 (the end of that day), 2026-11-20T02:00.
    #[arg(long, value_name = "TIME", value_parser = when)]
    from: Option<When>,
    /// And the one that counted then; without it, now.
    #[arg(long, value_name = "TIME", value_parser = when, requires = "from")]
    to: Option<When>,
    /// Against the seats of the same customer and series: what nearly all of them have alike, and this one otherwise.
    #[arg(long, conflicts_with = "from")]
    siblings: bool,
    /// How many of a hundred siblings are nearly all.
    #[arg(long, default_value_t = 90, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(51..=100), requires = "siblings")]
    share: u8,
    /// Only sections with this in their title.
    #[arg(long, value_name = "TITLE", conflicts_with = "siblings")]
    section: Option<String>,
    /// Old and new beside each other.
    #[arg(long, conflicts_with = "siblings")]
    side_by_side: bool,
}

/// A time as a person says it.
fn when(text: &str) -> Result<When, String> {
    let ago = || parse_duration(text).ok().and_then(|ago| i64::try_from(ago.as_millis()).ok()).map(When::Ago);
    let clock = || text.parse().ok().or_else(|| format!("{text}:00").parse().ok()).map(When::Clock);
    let day = || text.parse().ok().and_then(|day: chrono::NaiveDate| day.and_hms_opt(23, 59, 59)).map(When::Clock);
    let found = ago().or_else(clock).or_else(day);
    found.ok_or_else(|| format!("{text:?} is no time: 7d, 2026-11-20 or 2026-11-20T02:00 is expected"))
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
            (Some(backup), _) => {
                let size = format!("{} lines, change ID {}", backup.lines, backup.change_id.unwrap_or_default());
                let known = if seat.unchanged { ", unchanged" } else { "" };
                let channel = if seat.one_channel { ", one channel only" } else { "" };
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
        "{}: {} taken, {} suspect, {} failed, {} not yet served{}",
        counted(answer.seats.len(), "seat"),
        answer.taken,
        answer.suspect,
        answer.failed,
        answer.not_yet_served,
        without_ssh(answer.no_ssh)
    ));
}

fn show_verified(context: &Context<'_, impl Doors>, answer: &Verified) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.backups.iter().map(|one| -> Vec<Cell> {
        let (word, tone) = match (one.result, one.outcome) {
            (Some(result @ (Verification::Verified | Verification::OneChannel)), _) => (result.as_str(), Tone::Good),
            (Some(result @ (Verification::Changed | Verification::OtherHardware)), _) => (result.as_str(), Tone::Care),
            (Some(result), _) => (result.as_str(), Tone::Bad),
            (None, outcome) => (outcome.map_or("", Outcome::as_str), Tone::Bad),
        };
        vec![
            one.backup.seat.to_string().into(),
            id(&one.backup).into(),
            Cell::toned(word, tone),
            grade(&one.backup),
            one.detail.for_terminal().into_owned().into(),
        ]
    });
    context.out.table(&["seat", "backup", "result", "grade", "what"], rows.collect());
    context.out.talk(&format!("{}: {} verified", counted(answer.backups.len(), "backup"), answer.verified));
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
        vec![
            one.backup.seat.to_string().into(),
            id(&one.backup).into(),
            Cell::toned(word, tone),
            grade(&one.backup),
            one.detail.for_terminal().into_owned().into(),
        ]
    });
    context.out.table(&["seat", "backup", "result", "grade", "what"], rows.collect());
    context.out.talk(&format!(
        "{}: {} proved by simulated units of the modelled layouts; no real appliance took one",
        counted(answer.backups.len(), "backup"),
        answer.proved
    ));
}

fn show_text(context: &Context<'_, impl Doors>, shown: &Shown) {
    if context.out.json {
        context.out.json(shown);
        return;
    }
    let unreviewed = shown.lines.iter().filter(|line| line.unreviewed).count();
    for line in &shown.lines {
        context.out.data(&line.text.for_terminal_lines());
    }
    context.out.talk(&format!(
        "{} of {}, {}; {} lines masked because no rule knows them",
        id(&shown.backup),
        shown.backup.seat,
        shown.backup.standing(),
        unreviewed
    ));
}

fn show_diff(context: &Context<'_, impl Doors>, compared: &Compared, zone: chrono_tz::Tz, side_by_side: bool) {
    if context.out.json {
        context.out.json(compared);
        return;
    }
    let side = |backup: &Backup, at: Time| {
        format!("{} {} {} change ID {}", backup.seat, id(backup), at.show(zone), backup.change_id.unwrap_or_default())
    };
    context.out.data(&format!("--- {}", side(&compared.old, compared.old.taken_at)));
    context.out.data(&format!("+++ {}", side(&compared.new, compared.new.seen_at)));
    if side_by_side {
        context.out.columns(compared.diff.sections.iter().flat_map(section_beside).collect());
    } else {
        compared.diff.sections.iter().for_each(|section| show_section(context, section));
    }
    if compared.diff.is_empty() {
        context.out.talk("no difference but what changes by itself");
    }
}

fn title(section: &SectionDiff) -> String {
    let title = section.title.for_terminal();
    format!("## {}", if title.is_empty() { "header" } else { &title })
}

fn show_section(context: &Context<'_, impl Doors>, section: &SectionDiff) {
    context.out.data(&title(section));
    for hunk in &section.hunks {
        context.out.data(&format!("@@ -{} +{} @@", hunk.old_start, hunk.new_start));
        for line in &hunk.lines {
            let (sign, tone) = match line.sign {
                Sign::Same => (' ', Tone::Plain),
                Sign::Removed => ('-', Tone::Bad),
                Sign::Added => ('+', Tone::Good),
            };
            context.out.toned(&format!("{sign}{}", line.text.for_terminal()), tone);
        }
    }
}

/// The rows of a section, old beside new.
fn section_beside(section: &SectionDiff) -> Vec<Vec<Cell>> {
    let head = vec![title(section).into(), "".into(), title(section).into()];
    std::iter::once(head).chain(section.hunks.iter().flat_map(hunk_beside)).collect()
}

/// The rows of a hunk, old beside new; between them `|` for a changed line, `<` for a removed and `>` for an added one.
fn hunk_beside(hunk: &Hunk) -> Vec<Vec<Cell>> {
    let text = |line: &DiffLine| line.text.for_terminal().into_owned();
    let place = |line: usize| format!("@@ {line}");
    let mut rows: Vec<Vec<Cell>> = vec![vec![place(hunk.old_start).into(), "".into(), place(hunk.new_start).into()]];
    let mut lines = hunk.lines.iter().peekable();
    while let Some(line) = lines.next() {
        if line.sign == Sign::Same {
            rows.push(vec![text(line).into(), "".into(), text(line).into()]);
            continue;
        }
        let mut changed: Vec<&DiffLine> = vec![line];
        changed.extend(std::iter::from_fn(|| lines.next_if(|line| line.sign != Sign::Same)));
        let of = |sign| changed.iter().filter(move |line| line.sign == sign);
        let (mut removed, mut added) = (of(Sign::Removed), of(Sign::Added));
        loop {
            let row = match (removed.next(), added.next()) {
                (Some(old), Some(new)) => {
                    vec![Cell::toned(text(old), Tone::Bad), "|".into(), Cell::toned(text(new), Tone::Good)]
                }
                (Some(old), None) => vec![Cell::toned(text(old), Tone::Bad), "<".into(), "".into()],
                (None, Some(new)) => vec!["".into(), ">".into(), Cell::toned(text(new), Tone::Good)],
                (None, None) => break,
            };
            rows.push(row);
        }
    }
    rows
}

fn show_siblings(context: &Context<'_, impl Doors>, answer: &Compare) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let number = |count: usize, command: &str| match count {
        0 => format!("no {command}"),
        count => format!("{count} × {command}"),
    };
    let rows = answer.odd.iter().map(|odd| -> Vec<Cell> {
        let command = odd.command.for_terminal();
        let (usual, here) = match odd.difference {
            Difference::Count => (number(odd.usual, &command), number(odd.here, &command)),
            Difference::Absent => (command.into_owned(), "not".to_owned()),
        };
        let instead: Vec<_> = odd.instead.iter().map(|line| line.for_terminal().into_owned()).collect();
        vec![
            odd.section.for_terminal().into_owned().into(),
            usual.into(),
            format!("{} of {}", odd.alike, odd.siblings).into(),
            Cell::toned(here, Tone::Care),
            instead.join("; ").into(),
        ]
    });
    context.out.table(&["section", "usual", "siblings", "here", "only here"], rows.collect());
    context.out.talk(&format!(
        "{} of {} against {}: {} otherwise than {} of a hundred",
        id(&answer.backup),
        answer.seat,
        counted(answer.siblings.len(), "sibling"),
        counted(answer.odd.len(), "setting"),
        answer.share
    ));
}

async fn run_diff(context: &Context<'_, impl Doors>, args: DiffArgs) -> Result<Ended, Refusal> {
    let (env, actor) = (context.env(Need::Read).await?, person());
    let seat = |which: Which| match which {
        Which::Newest(seat) => Ok(seat),
        Which::Id(_) => Err(Refusal::Argument("a seat is expected, not a backup".to_owned())),
    };
    if args.siblings {
        let answer = compare::siblings(&env, &actor, &seat(args.which)?, usize::from(args.share)).await?;
        show_siblings(context, &answer);
        return Ok(Ended::Done);
    }
    let pair = match (args.which, args.against, args.from) {
        (Which::Id(old), Some(new), _) => Pair::These(old, new),
        (Which::Newest(seat), None, None) => Pair::Newest(seat),
        (which, None, Some(from)) => Pair::At(seat(which)?, from, args.to.unwrap_or(When::Ago(0))),
        _ => return Err(Refusal::Argument("a seat (its two newest backups) or two backups are expected".to_owned())),
    };
    let answer = compare::diff(&env, &actor, &pair, args.section.as_deref()).await?;
    show_diff(context, &answer, env.settings.zone, args.side_by_side);
    Ok(Ended::Done)
}

async fn run_export(context: &Context<'_, impl Doors>, args: ExportArgs) -> Result<Ended, Refusal> {
    let (env, actor) = (context.env(Need::Host).await?, person());
    if let Some(folder) = args.git {
        let answer = export::into_git(&env, &actor, &args.on, &folder, args.unreviewed).await?;
        show_git(context, &answer, &folder);
        return Ok(if answer.left_out > 0 { Ended::Attention } else { Ended::Done });
    }
    let (Some(which), Some(to)) = (args.which, args.to) else {
        return Err(Refusal::Argument("a backup or seat, and --to FILE are expected".to_owned()));
    };
    let form = match args.reason {
        Some(reason) => Form::InClear { reason },
        None => Form::Redacted { unreviewed: args.unreviewed },
    };
    // A file that is there already is refused before anything is opened.
    if to.symlink_metadata().is_ok() {
        return Err(Refusal::Folder { path: to, why: "it exists already".to_owned() });
    }
    let answer = export::export(&env, &actor, &which, &form).await?;
    write_new(&to, answer.text.as_data().as_bytes())?;
    if context.out.json {
        context.out.json(&answer);
        return Ok(Ended::Done);
    }
    let how = if answer.in_clear { "in clear, with every secret: remove it when it has served" } else { "redacted" };
    let (name, seat) = (id(&answer.backup), &answer.backup.seat);
    context.out.talk(&format!("{name} of {seat} is in {}, {how}", to.display()));
    Ok(Ended::Done)
}

fn show_git(context: &Context<'_, impl Doors>, answer: &IntoGit, folder: &Path) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.seats.iter().map(|seat| -> Vec<Cell> {
        let tone = if seat.result == Gone::Exported { Tone::Good } else { Tone::Care };
        let what = match seat.result {
            Gone::Unreviewed => format!("{} lines masked because no rule knows them", seat.unreviewed),
            Gone::Exported | Gone::None | Gone::Failed => seat.reason.for_terminal().into_owned(),
        };
        vec![
            seat.seat.to_string().into(),
            seat.customer.to_string().into(),
            seat.backup.map_or_else(String::new, |id| id.to_string()).into(),
            Cell::toned(seat.result.as_str(), tone),
            what.into(),
        ]
    });
    context.out.table(&["seat", "customer", "backup", "result", "what"], rows.collect());
    context.out.talk(&format!(
        "{} in {}: {} changed, {} left out",
        counted(answer.seats.len() - answer.left_out, "configuration"),
        folder.display(),
        answer.changed,
        answer.left_out
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

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let actor = person();
    match verb {
        Verb::Take { on } => {
            let env = context.env_with(Arc::new(Bar::new("backup"))).await?;
            let answer = backup::take(&env, &actor, &on).await?;
            show_taken(context, &answer);
            Ok(if answer.stopped {
                Ended::Stopped
            } else if answer.failed + answer.suspect > 0 {
                Ended::Attention
            } else {
                Ended::Done
            })
        }
        Verb::List { on, most } => {
            let env = context.env(Need::Read).await?;
            let answer = backup::list(&env, &actor, &on, most).await?;
            if context.out.json {
                context.out.json(&answer);
                return Ok(Ended::Done);
            }
            let rows = answer.backups.iter().map(|backup| -> Vec<Cell> {
                vec![
                    id(backup).into(),
                    backup.seat.to_string().into(),
                    backup.customer.to_string().into(),
                    backup.taken_at.show(env.settings.zone).into(),
                    backup.seen_at.show(env.settings.zone).into(),
                    grade(backup),
                    backup.change_id.map_or_else(String::new, |id| id.to_string()).into(),
                    backup.lines.to_string().into(),
                    backup.release.as_ref().map_or_else(String::new, |text| text.for_terminal().into_owned()).into(),
                    doubts(backup).into(),
                ]
            });
            context.out.table(
                &[
                    "backup",
                    "seat",
                    "customer",
                    "taken",
                    "last seen",
                    "grade",
                    "change id",
                    "lines",
                    "release",
                    "doubts",
                ],
                rows.collect(),
            );
            Ok(Ended::Done)
        }
        Verb::Verify { backup, on } => {
            let env = context.env_with(Arc::new(Bar::new("verify"))).await?;
            let answer = backup::verify(&env, &actor, backup, &on).await?;
            show_verified(context, &answer);
            let bad = |one: &backup::SeatVerified| {
                !matches!(one.result, Some(Verification::Verified | Verification::OneChannel))
            };
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
        Verb::Coverage { on, within } => show_coverage(context, &on, within).await,
        Verb::Show { which, section } => {
            let env = context.env(Need::Read).await?;
            show_text(context, &compare::show(&env, &actor, &which, section.as_deref()).await?);
            Ok(Ended::Done)
        }
        Verb::Diff(args) => run_diff(context, args).await,
        Verb::Export(args) => run_export(context, args).await,
    }
}
