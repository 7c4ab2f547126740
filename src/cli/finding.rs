//! `hoshu finding`.

use super::out::{Cell, Tone};
use super::poll::tone;
use super::{Context, Doors, Ended, Need, person};
use crate::model::finding::FindingState;
use crate::model::time::show_duration;
use crate::service::finding::{self, Answer};
use crate::service::refusal::Refusal;

/// Findings.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List what is not good, since when, and how often it was seen
    List {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// Those that have ended, too.
        #[arg(long)]
        ended: bool,
    },
}

fn show(context: &Context<'_, impl Doors>, answer: &Answer) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let rows = answer.findings.iter().map(|finding| -> Vec<Cell> {
        let end = finding.ended_at.unwrap_or(answer.at);
        vec![
            finding.id.map_or_else(String::new, |id| id.to_string()).into(),
            finding.seat.to_string().into(),
            finding.customer.to_string().into(),
            Cell::toned(
                finding.state.as_str(),
                if finding.state == FindingState::Hard { tone(finding.condition) } else { Tone::Plain },
            ),
            finding.component.for_terminal().into(),
            Cell::toned(finding.condition.as_str(), tone(finding.condition)),
            finding.said.for_terminal().into_owned().into(),
            format!("{} ({})", finding.since.show(answer.zone), show_duration(end.ms_since(finding.since))).into(),
            finding.count.to_string().into(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        context.out.talk("no findings; a seat that was never polled has none either, see hoshu appliance list");
        return;
    }
    context.out.table(
        &["finding", "seat", "customer", "state", "component", "condition", "the appliance says", "since", "seen"],
        rows,
    );
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let Verb::List { on, ended } = verb;
    let env = context.env(Need::Read).await?;
    let answer = finding::list(&env, &person(), &finding::Args { on, ended }).await?;
    show(context, &answer);
    Ok(Ended::Done)
}
