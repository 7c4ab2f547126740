//! `hoshu key`.

use super::{Context, Doors, Ended, Need, person};
use crate::service::key;
use crate::service::refusal::Refusal;

/// Keys.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make the root key and a key pair for each customer that has none
    Init,
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let Verb::Init = verb;
    let env = context.env(Need::Host).await?;
    let made = key::init(&env, &person()).await?;
    if context.out.json {
        context.out.json(&made);
        return Ok(Ended::Done);
    }
    if made.root {
        context.out.talk(&format!(
            "the root key is in {}: keep a copy where this machine's loss does not reach it",
            made.root_file
        ));
    }
    context.out.talk(&format!("key pairs: {} made, {} there already", made.customers.len(), made.had));
    Ok(Ended::Done)
}
