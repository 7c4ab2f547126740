//! `hoshu appliance record`.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::super::out::{Cell, Tone, counted};
use super::super::progress::Bar;
use super::super::{Context, Doors, Ended, Need, person};
use crate::model::command::ReadCommand;
use crate::model::name::SeatName;
use crate::model::outside::encode_line;
use crate::model::reading::Outcome;
use crate::model::realm::Realm;
use crate::model::recording::{Recognised, Recording};
use crate::service::record::{self, Answer, Checked, CheckedAnswer, Wish};
use crate::service::refusal::Refusal;

/// Words and lines that are shown without --all.
const SHOWN: usize = 60;
/// Lines of one answer that are shown without --all.
const LINES_SHOWN: usize = 10;

/// A real unit's answers without what says whose they are.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["seat", "check"])))]
pub struct Args {
    /// The seat that is asked.
    #[arg(requires = "to")]
    seat: Option<SeatName>,
    /// The folder, which must not exist.
    #[arg(long, value_name = "FOLDER", requires = "seat")]
    to: Option<PathBuf>,
    /// A further question: a show command, spelled in full. It may be given several times.
    #[arg(long, value_name = "COMMAND", value_parser = ReadCommand::new, requires = "seat")]
    command: Vec<ReadCommand>,
    /// A word that stays, since it says nothing of anybody: you have looked at it.
    #[arg(long, value_name = "WORD", value_delimiter = ',', requires = "seat")]
    keep: Vec<String>,
    /// Read a recording through the layouts, and tell what they do not know.
    #[arg(long, value_name = "FOLDER")]
    check: Option<PathBuf>,
    /// Show every word and line.
    #[arg(long)]
    all: bool,
}

const fn tone(recognised: Recognised) -> Tone {
    match recognised {
        Recognised::Recognised => Tone::Good,
        Recognised::NoLayout => Tone::Plain,
        Recognised::Unrecognised | Recognised::Missing => Tone::Care,
        Recognised::Malformed | Recognised::NotHad => Tone::Bad,
    }
}

/// What a recording is of, in one line.
fn title(recording: &Recording) -> String {
    let text = |text: &Option<String>| text.as_deref().map_or("unknown".into(), encode_line).into_owned();
    let kind = if recording.realm == Realm::Lab { "a simulated unit" } else { "a real unit" };
    format!("{kind}: {} {}, release {}", recording.series, text(&recording.model), text(&recording.release))
}

fn show(context: &Context<'_, impl Doors>, answer: &Answer, to: &Path, all: bool) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.recording.answers.iter().map(|one| -> Vec<Cell> {
        let mut remarks = Vec::new();
        if !one.unreviewed.is_empty() {
            remarks.push(format!("{} masked that no rule knows", counted(one.unreviewed.len(), "line")));
        }
        if !one.reads_alike {
            remarks.push("scrubbed, it is read otherwise".to_owned());
        }
        if one.outcome != Outcome::Answered {
            remarks.push(one.outcome.to_string());
        }
        vec![
            encode_line(&one.command).into_owned().into(),
            one.layout.as_deref().map_or("".into(), encode_line).into_owned().into(),
            Cell::toned(one.recognised.as_str(), tone(one.recognised)),
            one.lines.to_string().into(),
            Cell::toned(remarks.join("; "), Tone::Care),
        ]
    });
    context.out.table(&["command", "layout", "recognised", "lines", "remark"], rows.collect());
    for one in &answer.unanswered {
        context.out.talk(&format!("{}: {}: {}", one.command, one.outcome, one.reason.for_terminal()));
    }
    if !answer.replaced.is_empty() {
        let most = if all { usize::MAX } else { SHOWN };
        let words = answer.replaced.iter().take(most).map(|one| one.word.for_terminal().into_owned());
        let words = words.collect::<Vec<_>>().join(" ");
        let more = answer.replaced.len().saturating_sub(most);
        let more = if more == 0 { String::new() } else { format!(" and {more} more (--all)") };
        context.out.talk(&format!(
            "{} replaced because no layout knows them: {words}{more}",
            counted(answer.replaced.len(), "word")
        ));
        context.out.talk("those that say nothing of anybody stay with --keep WORD,WORD in a recording made anew");
    }
    let unreviewed: usize = answer.recording.answers.iter().map(|one| one.unreviewed.len()).sum();
    let had = answer.recording.answers.iter().filter(|one| one.file.is_some()).count();
    context.out.talk(&format!(
        "{} in {}: {} of {}, {} masked that no rule knows",
        title(&answer.recording),
        to.display(),
        counted(had, "answer"),
        counted(answer.recording.answers.len(), "command"),
        counted(unreviewed, "line"),
    ));
    context.out.talk("look through the folder before it leaves the house; hoshu appliance record --check reads it");
}

fn show_lines(context: &Context<'_, impl Doors>, one: &CheckedAnswer, all: bool) {
    let told = matches!(one.recognised, Recognised::Unrecognised | Recognised::Malformed);
    if !(told || all) || (one.untaken.is_empty() && one.unknown.is_empty()) {
        return;
    }
    context.out.data("");
    context.out.data(&format!("{}:", one.command.for_terminal()));
    for word in &one.unknown {
        context.out.data(&format!("    {}", encode_line(word)));
    }
    let most = if all { usize::MAX } else { LINES_SHOWN };
    for (number, line) in one.untaken.iter().take(most) {
        context.out.data(&format!("    line {number} is taken by no pattern: {}", line.for_terminal()));
    }
    let more = one.untaken.len().saturating_sub(most);
    if more > 0 {
        context.out.data(&format!("    and {} (--all)", counted(more, "more line")));
    }
}

fn show_checked(context: &Context<'_, impl Doors>, checked: &Checked, all: bool) {
    if context.out.json {
        context.out.json(checked);
        return;
    }
    let rows = checked.answers.iter().map(|one| -> Vec<Cell> {
        vec![
            one.command.for_terminal().into_owned().into(),
            one.layout.as_deref().map_or("".into(), encode_line).into_owned().into(),
            one.mark.map_or("", |mark| mark.as_str()).into(),
            Cell::toned(one.recognised.as_str(), tone(one.recognised)),
            one.lines.to_string().into(),
            one.untaken.len().to_string().into(),
            Cell::toned(if one.untouched { "" } else { "changed since" }, Tone::Bad),
        ]
    });
    let head = ["command", "layout", "layout is", "recognised", "lines", "not taken", "file"];
    context.out.table(&head, rows.collect());
    checked.answers.iter().for_each(|one| show_lines(context, one, all));
    let of = |recognised| checked.count(recognised);
    context.out.talk(&format!(
        "{}: {} recognised, {} unrecognised, {} malformed, {} missing, {} without a layout",
        title(&checked.recording),
        of(Recognised::Recognised),
        of(Recognised::Unrecognised),
        of(Recognised::Malformed),
        of(Recognised::Missing) + of(Recognised::NotHad),
        of(Recognised::NoLayout),
    ));
    if checked.recording.realm == Realm::Lab {
        context.out.talk("it was recorded from a simulated unit: no layout is seen by it");
    }
}

/// Does what the verb says.
pub(super) async fn run(context: &Context<'_, impl Doors>, args: Args) -> Result<Ended, Refusal> {
    if let Some(folder) = &args.check {
        let checked = record::check(&context.env(Need::Read).await?, folder)?;
        show_checked(context, &checked, args.all);
        let fine = |one: &CheckedAnswer| {
            one.untouched && !matches!(one.recognised, Recognised::Unrecognised | Recognised::Malformed)
        };
        return Ok(if checked.answers.iter().all(fine) { Ended::Done } else { Ended::Attention });
    }
    let (Some(seat), Some(to)) = (args.seat, args.to) else {
        return Err(Refusal::Argument("a seat and --to FOLDER are expected".to_owned()));
    };
    let folder = NewFolder::begin(&to)?;
    let env = context.env_with(Arc::new(Bar::new("record"))).await?;
    let wish = Wish { commands: args.command, keep: args.keep };
    let answer = match record::run(&env, &person(), &seat, &wish).await {
        Err(Refusal::NoSession { outcome: Outcome::Stopped, .. }) => return Ok(Ended::Stopped),
        answer => answer?,
    };
    for (name, bytes) in &answer.files {
        folder.write(name, bytes)?;
    }
    if context.stop.is_asked() {
        return Ok(Ended::Stopped);
    }
    folder.finish()?;
    show(context, &answer, &to, args.all);
    let all_had = answer.unanswered.is_empty();
    Ok(if all_had { Ended::Done } else { Ended::Attention })
}

/// A folder that must not exist, for its owner alone. It has its name when it is whole; dropped before, it leaves nothing.
struct NewFolder<'a> {
    path: &'a Path,
    unfinished: PathBuf,
}

impl<'a> NewFolder<'a> {
    fn begin(path: &'a Path) -> Result<Self, Refusal> {
        let failed = |path: &Path, why: String| Refusal::Folder { path: path.to_owned(), why };
        if path.symlink_metadata().is_ok() {
            return Err(failed(path, "it exists already".to_owned()));
        }
        let Some(name) = path.file_name() else {
            return Err(failed(path, "it is no name of a folder".to_owned()));
        };
        let mut unfinished = name.to_owned();
        unfinished.push(".unfinished");
        let unfinished = path.with_file_name(unfinished);
        let made = std::fs::DirBuilder::new().mode(0o700).create(&unfinished);
        made.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                failed(&unfinished, "it is left of a recording that was killed: remove it".to_owned())
            }
            _ => failed(&unfinished, error.to_string()),
        })?;
        Ok(Self { path, unfinished })
    }

    fn failed(&self, error: &dyn std::error::Error) -> Refusal {
        Refusal::Folder { path: self.path.to_owned(), why: error.to_string() }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let path = self.unfinished.join(name);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let written = file.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| self.failed(&error))
    }

    fn finish(self) -> Result<(), Refusal> {
        let synced = std::fs::File::open(&self.unfinished).and_then(|folder| folder.sync_all());
        synced.map_err(|error| self.failed(&error))?;
        // An empty folder that somebody made meanwhile is not taken.
        renameat_with(CWD, &self.unfinished, CWD, self.path, RenameFlags::NOREPLACE)
            .map_err(|error| self.failed(&error))
    }
}

impl Drop for NewFolder<'_> {
    fn drop(&mut self) {
        // It is not there any more when it got its name.
        drop(std::fs::remove_dir_all(&self.unfinished));
    }
}
