//! `hoshu bundle`.

use std::path::PathBuf;
use std::sync::Arc;

use super::out::{Cell, Tone, counted};
use super::progress::Bar;
use super::{Context, Doors, Ended, Need, NewFile, person};
use crate::model::id::BundleId;
use crate::model::reading::Outcome;
use crate::service::bundle::{self, Bundle, Bundled, BundlesPruned};
use crate::service::prune::PruneResult;
use crate::service::refusal::Refusal;

/// Log bundles.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Let appliances write a log bundle and push it to the drop; needs the change credential of each seat
    Take {
        /// Which seats.
        #[arg(long, required = true, value_name = "SELECTOR")]
        on: Vec<String>,
    },
    /// List log bundles, the newest first
    List {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// So many at most.
        #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
        most: u32,
    },
    /// Write a log bundle out, in clear: it may hold what passed through the appliance
    Export {
        /// The bundle.
        bundle: BundleId,
        /// The file, which must not exist.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
        /// What for. It stands in the audit.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Remove log bundles that are older than they are kept
    Prune {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// Show what would be done, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

fn standing(bundle: &Bundle) -> Cell {
    let standing = bundle.standing;
    Cell::toned(standing.to_string(), if standing.counts() { Tone::Good } else { Tone::Bad })
}

fn what(bundle: &Bundle) -> String {
    let size = counted(usize::try_from(bundle.bytes).unwrap_or(usize::MAX), "byte");
    let doubts = bundle.doubts.iter().map(|found| format!("; {}: {}", found.doubt, found.detail.for_terminal()));
    size + &doubts.collect::<String>()
}

fn show_taken(context: &Context<'_, impl Doors>, answer: &Bundled) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.seats.iter().map(|seat| -> Vec<Cell> {
        let (result, detail) = match (&seat.bundle, seat.outcome) {
            (Some(bundle), _) => (standing(bundle), what(bundle)),
            (None, outcome) => {
                let tone = if outcome.is_some_and(Outcome::is_by_declaration) { Tone::Care } else { Tone::Bad };
                (Cell::toned(outcome.map_or("", Outcome::as_str), tone), seat.reason.for_terminal().into_owned())
            }
        };
        vec![
            seat.seat.to_string().into(),
            seat.customer.to_string().into(),
            seat.series.as_str().into(),
            result,
            seat.bundle.as_ref().map_or_else(String::new, |bundle| bundle.id.to_string()).into(),
            format!("{} ms", seat.took_ms).into(),
            detail.into(),
        ]
    });
    context.out.table(&["seat", "customer", "series", "result", "bundle", "took", "what"], rows.collect());
    let all = counted(answer.seats.len(), "seat");
    let (taken, suspect, failed) = (answer.taken, answer.suspect, answer.failed);
    let left = answer.seats.len() - taken - suspect - failed;
    context.out.talk(&format!("{all}: {taken} taken, {suspect} suspect, {failed} failed, {left} not tried"));
}

fn show_pruned(context: &Context<'_, impl Doors>, answer: &BundlesPruned, zone: chrono_tz::Tz) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.bundles.iter().map(|one| -> Vec<Cell> {
        vec![
            one.seat.to_string().into(),
            one.bundle.to_string().into(),
            one.taken_at.show(zone).into(),
            super::backup::pruned(one.result),
            one.why.clone().into(),
        ]
    });
    let unread = answer.unread.iter().map(|one| -> Vec<Cell> {
        let failed = super::backup::pruned(PruneResult::Failed);
        vec![one.seat.to_string().into(), "".into(), "".into(), failed, one.why.clone().into()]
    });
    context.out.table(&["seat", "bundle", "taken", "result", "why"], rows.chain(unread).collect());
    let note = if answer.dry_run { " (dry run: nothing was changed)" } else { "" };
    let all = counted(answer.bundles.len(), "log bundle");
    let failed = answer.failed + answer.unread.len();
    let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
    context.out.talk(&format!("{all}: {} kept, {} pruned{failed}{note}", answer.kept, answer.pruned));
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let actor = person();
    match verb {
        Verb::Take { on } => {
            let env = context.env_with(Arc::new(Bar::new("bundle"))).await?;
            let answer = bundle::take(&env, &actor, &on).await?;
            show_taken(context, &answer);
            Ok(match (answer.stopped, answer.failed + answer.suspect) {
                (true, _) => Ended::Stopped,
                (false, 0) => Ended::Done,
                (false, _) => Ended::Attention,
            })
        }
        Verb::List { on, most } => {
            let env = context.env(Need::Read).await?;
            let answer = bundle::list(&env, &actor, &on, most).await?;
            if context.out.json {
                context.out.json(&answer);
                return Ok(Ended::Done);
            }
            let rows = answer.bundles.iter().map(|bundle| -> Vec<Cell> {
                vec![
                    bundle.id.to_string().into(),
                    bundle.seat.to_string().into(),
                    bundle.customer.to_string().into(),
                    bundle.taken_at.show(env.settings.zone).into(),
                    standing(bundle),
                    bundle.release.as_ref().map_or_else(String::new, |text| text.for_terminal().into_owned()).into(),
                    what(bundle).into(),
                ]
            });
            context.out.table(&["bundle", "seat", "customer", "taken", "grade", "release", "what"], rows.collect());
            Ok(Ended::Done)
        }
        Verb::Export { bundle, to, reason } => {
            let env = context.env(Need::Host).await?;
            let new = NewFile::begin(&to)?;
            let given = bundle::give(&env, &actor, bundle, &reason, new.writer()?).await?;
            new.finish()?;
            if context.out.json {
                context.out.json(&given);
            } else {
                let how = "in clear: remove it when it has served";
                context.out.talk(&format!("{} of {} is in {}, {how}", given.id, given.seat, to.display()));
            }
            Ok(Ended::Done)
        }
        Verb::Prune { on, dry_run } => {
            let env = context.env(if dry_run { Need::Read } else { Need::Host }).await?;
            let answer = bundle::prune(&env, &actor, &on, dry_run).await?;
            show_pruned(context, &answer, env.settings.zone);
            Ok(match (answer.stopped, answer.failed + answer.unread.len()) {
                (true, _) => Ended::Stopped,
                (false, 0) => Ended::Done,
                (false, _) => Ended::Attention,
            })
        }
    }
}
