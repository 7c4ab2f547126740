//! `hoshu store`.

use super::out::{Cell, Tone, counted};
use super::{Context, Doors, Ended, Need, person};
use crate::service::refusal::Refusal;
use crate::service::store::{self, StoreChecked};

/// The store and its depot.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Look at every row, sealed object and file for what is damaged, lost or left over
    Check {
        /// Remove files without a row that are older than a day.
        #[arg(long)]
        repair: bool,
    },
}

fn show(context: &Context<'_, impl Doors>, answer: &StoreChecked) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    if !answer.problems.is_empty() {
        let rows = answer.problems.iter().map(|told| -> Vec<Cell> {
            let one = &told.problem;
            let tone = if one.swept { Tone::Good } else { Tone::Bad };
            vec![
                one.what.clone().into(),
                one.whose.clone().into(),
                one.place.for_terminal().into_owned().into(),
                Cell::toned(format!("{}: {}", one.flaw, one.detail), tone),
                told.advice.into(),
            ]
        });
        context.out.table(&["what", "whose", "where", "problem", "what to do"], rows.collect());
    }
    let looked = answer.looked;
    let shown = if answer.found > answer.problems.len() { " (not all are shown)" } else { "" };
    context.out.talk(&format!(
        "{}, {}, {}, {} of the depot: {}{shown}, {} of them removed; {} younger than a day without a row",
        counted(looked.backups, "backup"),
        counted(looked.objects, "object"),
        counted(looked.keys, "key"),
        counted(looked.files, "file"),
        counted(answer.found, "problem"),
        answer.swept,
        counted(answer.young, "file"),
    ));
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let Verb::Check { repair } = verb;
    let env = context.env(if repair { Need::Host } else { Need::Read }).await?;
    let answer = store::check(&env, &person(), repair).await?;
    show(context, &answer);
    Ok(if answer.stopped {
        Ended::Stopped
    } else if answer.needs_attention() {
        Ended::Attention
    } else {
        Ended::Done
    })
}
