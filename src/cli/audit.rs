//! `hoshu audit`.

use super::{Context, Doors, Ended, Need, person};
use crate::service::audit;
use crate::service::refusal::Refusal;

/// The audit.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List the newest records
    List {
        /// So many at most.
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        most: u32,
    },
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let Verb::List { most } = verb;
    let env = context.env(Need::Read).await?;
    let answer = audit::list(&env, &person(), most).await?;
    if context.out.json {
        context.out.json(&answer);
        return Ok(Ended::Done);
    }
    let rows = answer.records.into_iter().map(|record| {
        vec![
            record.id.to_string().into(),
            record.at.show(env.settings.zone).into(),
            record.actor.into(),
            record.act.as_str().into(),
            record.subject.into(),
            record.detail.into(),
        ]
    });
    context.out.table(&["record", "at", "who", "act", "on", "detail"], rows.collect());
    Ok(Ended::Done)
}
