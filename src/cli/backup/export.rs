//! `hoshu backup export`.

use std::path::{Path, PathBuf};

use super::super::out::{Cell, Tone, counted};
use super::super::{Context, Doors, Ended, Need, NewFile, person, write_new};
use super::{id, which};
use crate::service::backup::Which;
use crate::service::backup::export::{self, Form, Gone, IntoGit};
use crate::service::refusal::Refusal;

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

/// Does what `export` says.
pub(super) async fn run_export(context: &Context<'_, impl Doors>, args: ExportArgs) -> Result<Ended, Refusal> {
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
    let answer = if export::is_pushed(&env, &actor, &which).await? {
        let Form::InClear { reason } = &form else {
            let why = "a file that an appliance wrote leaves whole or not at all: --full --reason TEXT";
            return Err(Refusal::Argument(why.to_owned()));
        };
        let new = NewFile::begin(&to)?;
        let answer = export::export_pushed(&env, &actor, &which, reason, new.writer()?).await?;
        new.finish()?;
        answer
    } else {
        let answer = export::export(&env, &actor, &which, &form).await?;
        write_new(&to, answer.text.as_data().as_bytes())?;
        answer
    };
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
