//! `hoshu drop`.

use super::out::{Cell, Tone};
use super::{Context, Doors, Ended, Need, person};
use crate::service::drop::{self, DropShown, GatewayFace};
use crate::service::refusal::Refusal;

/// Where appliances push to.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Say where the drop listens, by which host key appliances know it, and how those of each gateway reach it
    Show,
}

fn row(one: &GatewayFace) -> Vec<Cell> {
    let sources: Vec<String> = one.sources.iter().map(ToString::to_string).collect();
    let sources = match (one.told, sources.is_empty()) {
        (None, _) => "-".to_owned(),
        (_, true) => "their own addresses".to_owned(),
        (_, false) => sources.join(", "),
    };
    let tone = if one.told.is_some() { Tone::Good } else { Tone::Care };
    vec![
        one.gateway.clone().into(),
        Cell::toned(one.face.as_str(), tone),
        one.told.map_or_else(|| "-".to_owned(), |told| told.to_string()).into(),
        sources.into(),
        one.seats.to_string().into(),
    ]
}

fn show(context: &Context<'_, impl Doors>, answer: &DropShown) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    context.out.talk(&format!("the drop listens on {} while something is pushed", answer.listen));
    for key in &answer.keys {
        context.out.talk(&format!("host key {}", key.public_key));
        context.out.talk(&format!("         {}", key.print.sha256));
        context.out.talk(&format!("         MD5:{}", key.print.md5));
    }
    context.out.talk("");
    let rows = answer.gateways.iter().map(row).collect();
    context.out.table(&["gateway", "face", "appliances push to", "they come from", "seats"], rows);
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let Verb::Show = verb;
    let env = context.env(Need::Host).await?;
    show(context, &drop::show(&env, &person()).await?);
    Ok(Ended::Done)
}
