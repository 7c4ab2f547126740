//! `hoshu backup show` and `diff`.

use super::super::out::{Cell, Out, Tone, counted};
use super::super::{Context, Doors, Ended, Need, parse_duration, person};
use super::{id, which};
use crate::model::backup::Backup;
use crate::model::id::BackupId;
use crate::model::time::Time;
use crate::service::backup::Which;
use crate::service::backup::compare::{
    self, Compare, Compared, DiffLine, Difference, Hunk, Pair, SectionDiff, Shown, Sign, When,
};
use crate::service::refusal::Refusal;

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

/// Prints a configuration.
pub(super) fn show_text(context: &Context<'_, impl Doors>, shown: &Shown) {
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
    section.hunks.iter().for_each(|hunk| show_hunk(context.out, hunk, ""));
}

/// Prints a stretch of a difference, each line behind `margin`.
pub(in crate::cli) fn show_hunk(out: Out, hunk: &Hunk, margin: &str) {
    out.data(&format!("{margin}@@ -{} +{} @@", hunk.old_start, hunk.new_start));
    for line in &hunk.lines {
        let (sign, tone) = match line.sign {
            Sign::Same => (' ', Tone::Plain),
            Sign::Removed => ('-', Tone::Bad),
            Sign::Added => ('+', Tone::Good),
        };
        out.toned(&format!("{margin}{sign}{}", line.text.for_terminal()), tone);
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

/// Does what `diff` says.
pub(super) async fn run_diff(context: &Context<'_, impl Doors>, args: DiffArgs) -> Result<Ended, Refusal> {
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
