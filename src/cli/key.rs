//! `hoshu key`.

use std::path::PathBuf;

use super::out::{Cell, Tone, counted};
use super::{Context, Doors, Ended, Need, person, write_new};
use crate::model::name::CustomerName;
use crate::service::key::{self, Answer, CustomerStatus, KeyResult, KeyState, Status};
use crate::service::refusal::Refusal;

/// Keys.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make the root key and a key pair for each customer that has none
    Init,
    /// What keys there are, since when, to whom they are sealed, and what opens
    Status,
    /// Make a new key pair for new objects; older pairs stay for older objects
    Rotate {
        /// A customer, or all.
        #[arg(long, value_name = "NAME|all", value_parser = which)]
        customer: Which,
    },
    /// Seal the customers' keys anew, after the root key or the recovery recipients changed
    Rewrap {
        /// The root key of before, which opens what the present one does not.
        #[arg(long, value_name = "FILE")]
        old_root: Option<PathBuf>,
    },
    /// Open the customers' keys with a recovery identity, where the root key is lost, and seal them to a new one
    Recover {
        /// The private half of a recovery recipient.
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
    },
    /// Destroy the keys of a customer whose contract ended: none of its objects opens afterwards
    Destroy {
        /// The customer.
        #[arg(long, value_name = "NAME")]
        customer: CustomerName,
        /// Why.
        #[arg(long, value_name = "WORDS")]
        reason: String,
        /// The customer's name once more.
        #[arg(long, value_name = "NAME")]
        yes: CustomerName,
    },
    /// Write out a customer's sealed private key, for the age tool and a recovery identity
    Export {
        /// The customer.
        #[arg(long, value_name = "NAME")]
        customer: CustomerName,
        /// The generation; the present one when left out.
        #[arg(long, value_name = "N")]
        generation: Option<u32>,
        /// A file that is not there yet.
        #[arg(long, value_name = "FILE")]
        to: PathBuf,
    },
}

/// Whose keys.
#[derive(Debug, Clone)]
pub enum Which {
    /// Everybody's.
    All,
    /// This customer's.
    One(CustomerName),
}

fn which(text: &str) -> Result<Which, crate::model::name::NameError> {
    if text == "all" { Ok(Which::All) } else { text.parse().map(Which::One) }
}

fn show_answer(context: &Context<'_, impl Doors>, answer: &Answer) -> Ended {
    if context.out.json {
        context.out.json(answer);
    } else {
        if answer.root {
            root_is_new(context, &answer.root_at);
        }
        let rows = answer.customers.iter().map(|one| -> Vec<Cell> {
            let tone = match one.result {
                KeyResult::Rotated | KeyResult::Rewrapped | KeyResult::Unchanged => Tone::Good,
                KeyResult::Destroyed => Tone::Plain,
                KeyResult::DoesNotOpen => Tone::Bad,
            };
            vec![
                one.customer.to_string().into(),
                Cell::toned(one.result.as_str(), tone),
                one.generation.to_string().into(),
                one.why.clone().into(),
            ]
        });
        context.out.table(&["customer", "result", "generation", "why"], rows.collect());
    }
    if answer.needs_attention() { Ended::Attention } else { Ended::Done }
}

fn root_is_new(context: &Context<'_, impl Doors>, root_at: &str) {
    context.out.talk(&format!("the root key is in {root_at}: keep a copy where this machine's loss does not reach it"));
}

/// The beginning of a public half, enough to tell some dozen apart.
fn beginning(public: &str) -> String {
    public.chars().take(14).chain(['…']).collect()
}

fn show_status(context: &Context<'_, impl Doors>, status: &Status, zone: chrono_tz::Tz) {
    if context.out.json {
        context.out.json(status);
        return;
    }
    let root = &status.root;
    match &root.public {
        Some(public) => context.out.data(&format!("root key {} ({})", beginning(public), root.at)),
        None => context.out.toned(&format!("no root key: {}", root.why.join(": ")), Tone::Bad),
    }
    let recovery: Vec<_> = status.recovery.iter().map(|one| beginning(one)).collect();
    let recovery = if recovery.is_empty() { "none".to_owned() } else { recovery.join(", ") };
    context.out.data(&format!("recovery recipients: {recovery}\n"));
    let row = |one: &CustomerStatus| -> Vec<Cell> {
        let tone = match one.state {
            KeyState::Good => Tone::Good,
            KeyState::Destroyed => Tone::Plain,
            KeyState::OtherRecipients => Tone::Care,
            KeyState::NoKey | KeyState::DoesNotOpen | KeyState::NotRecorded => Tone::Bad,
        };
        vec![
            one.customer.to_string().into(),
            Cell::toned(one.state.as_str(), tone),
            one.generation.map_or_else(String::new, |number| number.to_string()).into(),
            one.since.map_or_else(String::new, |since| since.show(zone)).into(),
            one.public.as_deref().map_or_else(String::new, beginning).into(),
            format!("{} of {}", one.opened_by_root, one.generations).into(),
            one.recovery.len().to_string().into(),
            one.why.clone().into(),
        ]
    };
    context.out.table(
        &["customer", "state", "generation", "since", "public", "root opens", "recovery", "why"],
        status.customers.iter().map(row).collect(),
    );
    for note in &status.notes {
        context.out.talk(&format!("\n{}: {note}", if status.needs_person { "to do" } else { "note" }));
    }
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let actor = person();
    let need = if matches!(verb, Verb::Status) { Need::Read } else { Need::Host };
    let env = context.env(need).await?;
    match verb {
        Verb::Status => {
            let status = key::status(&env, &actor).await?;
            show_status(context, &status, env.settings.zone);
            Ok(if status.needs_person { Ended::Attention } else { Ended::Done })
        }
        Verb::Init => {
            let made = key::init(&env, &actor).await?;
            if context.out.json {
                context.out.json(&made);
                return Ok(Ended::Done);
            }
            if made.root {
                root_is_new(context, &made.root_at);
            }
            context.out.talk(&format!("key pairs: {} made, {} there already", made.customers.len(), made.had));
            Ok(Ended::Done)
        }
        Verb::Rotate { customer } => {
            let customer = match &customer {
                Which::All => None,
                Which::One(name) => Some(name),
            };
            Ok(show_answer(context, &key::rotate(&env, &actor, customer).await?))
        }
        Verb::Rewrap { old_root } => {
            let answer = key::rewrap(&env, &actor, old_root.as_deref()).await?;
            Ok(show_answer(context, &answer))
        }
        Verb::Recover { identity } => {
            let answer = key::recover(&env, &actor, &identity).await?;
            let ended = show_answer(context, &answer);
            context.out.talk(
                "\nThe recovery identity was on this machine: make a new pair elsewhere, put its public half into recovery:\n\
                 in place of the old one, then hoshu key rewrap. Remove the file.",
            );
            Ok(ended)
        }
        Verb::Destroy { customer, reason, yes } => {
            let destroyed = key::destroy(&env, &actor, &customer, &reason, &yes).await?;
            if context.out.json {
                context.out.json(&destroyed);
            } else {
                context.out.talk(&format!(
                    "{}: {} destroyed; none of its sealed objects opens any more\n\
                     One person did this: the signature of a second one is not yet served.\n\
                     Copies of the store that were made before still open with the root key: remove them too.",
                    destroyed.customer,
                    counted(destroyed.generations, "key pair")
                ));
            }
            Ok(Ended::Done)
        }
        Verb::Export { customer, generation, to } => {
            let exported = key::export(&env, &actor, &customer, generation).await?;
            write_new(&to, &exported.sealed)?;
            if context.out.json {
                context.out.json(&exported);
            } else {
                context.out.talk(&format!(
                    "{}, generation {}, is in {}: age -d -i RECOVERY-IDENTITY opens it",
                    exported.customer,
                    exported.generation,
                    to.display()
                ));
            }
            Ok(Ended::Done)
        }
    }
}
