//! `hoshu credential`.

use super::out::{Cell, Tone, counted};
use super::{Context, Doors, Ended, Need, person};
use crate::model::credential::CredentialName;
use crate::model::door::Door;
use crate::service::credential;
use crate::service::refusal::Refusal;

/// Credentials.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List the credentials of the settings and where they are stopped; no secret is shown
    List,
    /// Let a stopped credential be tried again, after you have found out why it was refused
    Clear {
        /// The credential (acme/operator).
        name: CredentialName,
        /// On this seat only, or at this hop (acme/office/192.0.2.7:22).
        #[arg(long, value_name = "SEAT")]
        seat: Option<Door>,
    },
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    match verb {
        Verb::List => {
            let env = context.env(Need::Read).await?;
            let answer = credential::list(&env, &person()).await?;
            if context.out.json {
                context.out.json(&answer);
                return Ok(Ended::Done);
            }
            let rows = answer.credentials.iter().map(|one| -> Vec<Cell> {
                let stops: Vec<String> = one
                    .stops
                    .iter()
                    .map(|stop| {
                        let place = stop.door.as_ref().map_or_else(|| "everywhere".to_owned(), ToString::to_string);
                        format!("{} {place} since {}", stop.state, stop.at.show(env.settings.zone))
                    })
                    .collect();
                vec![
                    one.name.to_string().into(),
                    one.purpose.as_str().into(),
                    one.user.clone().into(),
                    one.from.into(),
                    (one.seats + one.hops).to_string().into(),
                    if stops.is_empty() { "free".into() } else { Cell::toned(stops.join("; "), Tone::Bad) },
                ]
            });
            context.out.table(&["credential", "purpose", "account", "from", "used by", "brake"], rows.collect());
            Ok(Ended::Done)
        }
        Verb::Clear { name, seat } => {
            let env = context.env(Need::Host).await?;
            let cleared = credential::clear(&env, &person(), &name, seat).await?;
            context.out.talk(&format!("{name}: {} taken back", counted(cleared, "stop")));
            Ok(Ended::Done)
        }
    }
}
