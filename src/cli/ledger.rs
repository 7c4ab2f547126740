//! `hoshu ledger`.

use std::path::{Path, PathBuf};

use super::appliance::import::{Source, say_list};
use super::out::{Cell, Tone, counted};
use super::{Context, Doors, Ended, Need, person, write_new};
use crate::model::outside::encode_lines;
use crate::service::ledger::ends::{Sureness, ends};
use crate::service::ledger::reconcile::run as reconcile;
use crate::service::ledger::{self, ContractState, Export, Ledger, SerialState, Value, to_csv, to_workbook};
use crate::service::refusal::Refusal;

/// Lists of what the inventory and the store know.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Serials, models and releases: what the files say beside what was met
    Serials(Args),
    /// Maintenance contracts, the most urgent first, and seats of ours without one
    Contracts(Args),
    /// Licences as polls saw them last, those that need attention first
    Licences(Args),
    /// Ends of sale and support of models and releases, as inventory/eol.yaml says them; guesses are marked
    Eol(Args),
    /// Hold a list of a dealer or customer against inventory and hardware
    Reconcile(ReconcileArgs),
}

/// Which seats, and where the list goes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which seats; all when absent.
    #[arg(long, value_name = "SELECTOR")]
    on: Vec<String>,
    /// Write the list into this new file as well, .csv or .xlsx.
    #[arg(long, value_name = "FILE", value_parser = target)]
    to: Option<Target>,
}

/// A list and what it is held against.
#[derive(Debug, clap::Args)]
pub struct ReconcileArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    args: Args,
    /// Show what agrees, and every note.
    #[arg(long)]
    all: bool,
}

/// A file and its form.
#[derive(Debug, Clone)]
struct Target {
    path: PathBuf,
    workbook: bool,
}

fn target(text: &str) -> Result<Target, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(Target { path, workbook: false }),
        Some("xlsx") => Ok(Target { path, workbook: true }),
        _ => Err("the name of the file ends in .csv or .xlsx".to_owned()),
    }
}

fn write(path: &Path, workbook: bool, table: &Export) -> Result<(), Refusal> {
    let bytes = if workbook { to_workbook(table) } else { to_csv(table) };
    let bytes = bytes.map_err(|error| Refusal::Folder { path: path.to_owned(), why: error.to_string() })?;
    write_new(path, &bytes)
}

/// Shows a list, and writes it when asked to. `tone` says how the word of a column is meant.
fn show<L: Ledger>(
    context: &Context<'_, impl Doors>,
    list: &L,
    zone: chrono_tz::Tz,
    to: Option<&Target>,
    tone: impl Fn(&str) -> Tone,
) -> Result<(), Refusal> {
    let table = list.table(zone);
    if let Some(target) = to {
        write(&target.path, target.workbook, &table)?;
        context.out.talk(&format!("written: {}, {}", target.path.display(), counted(table.rows.len(), "row")));
    }
    if context.out.json {
        context.out.json(list);
        return Ok(());
    }
    let cell = |value: &Value| {
        // A cell of a table is one line, whoever wrote it.
        let text = encode_lines(&value.shown()).replace('\n', " ");
        let tone = tone(&text);
        Cell::toned(text, tone)
    };
    let rows = table.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    context.out.table(table.head, rows);
    Ok(())
}

fn of_word<T: std::str::FromStr>(text: &str, tone: impl Fn(T) -> Tone) -> Tone {
    text.parse().map_or(Tone::Plain, tone)
}

async fn run_reconcile(context: &Context<'_, impl Doors>, args: ReconcileArgs) -> Result<Ended, Refusal> {
    let env = context.env(Need::Read).await?;
    let asked = args.source.asked(None)?;
    let mut found = reconcile(&env, &person(), &asked, &args.args.on).await?;
    let agrees = found.agrees();
    let agreeing = found.compared.iter().filter(|one| one.standing.as_str() == "agrees").count();
    if let Some(target) = &args.args.to {
        write(&target.path, target.workbook, &found.table(env.settings.zone))?;
        context.out.talk(&format!("written: {}", target.path.display()));
    }
    if !context.out.json {
        say_list(context, &found.notes, &found.doubts, args.all);
        if !args.all {
            found.compared.retain(|one| one.standing.as_str() != "agrees");
        }
    }
    let bad = |text: &str| match text {
        "serial-swapped" | "missing-here" | "missing-there" => Tone::Bad,
        "differs" | "twice" => Tone::Care,
        "agrees" => Tone::Good,
        _ => Tone::Plain,
    };
    show(context, &found, env.settings.zone, None, bad)?;
    context.out.talk(&format!(
        "{}: {} against {}: {agreeing} agree, {} do not, {}",
        encode_lines(&found.file),
        counted(found.rows, "row"),
        counted(found.seats, "seat"),
        found.compared.iter().filter(|one| one.standing.as_str() != "agrees").count(),
        counted(found.doubts.len(), "doubt"),
    ));
    Ok(if agrees { Ended::Done } else { Ended::Attention })
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let verb = match verb {
        Verb::Reconcile(args) => return run_reconcile(context, args).await,
        other => other,
    };
    let env = context.env(Need::Read).await?;
    let (actor, zone) = (person(), env.settings.zone);
    match verb {
        Verb::Serials(Args { on, to }) => {
            let tone = |state| match state {
                SerialState::Same => Tone::Good,
                SerialState::Differs => Tone::Bad,
                SerialState::NotDeclared | SerialState::NotMet => Tone::Care,
            };
            let list = ledger::serials(&env, &actor, &on).await?;
            show(context, &list, zone, to.as_ref(), |text| of_word(text, tone))?;
        }
        Verb::Contracts(Args { on, to }) => {
            let tone = |state| match state {
                ContractState::Missing | ContractState::Ended => Tone::Bad,
                ContractState::Ends | ContractState::NotBegun => Tone::Care,
                ContractState::Holds => Tone::Good,
            };
            let list = ledger::contracts(&env, &actor, &on).await?;
            show(context, &list, zone, to.as_ref(), |text| of_word(text, tone))?;
        }
        Verb::Licences(Args { on, to }) => {
            let list = ledger::licences(&env, &actor, &on).await?;
            let tone = |text: &str| match text {
                "not read yet" => Tone::Care,
                other => of_word(other, super::poll::tone),
            };
            show(context, &list, zone, to.as_ref(), tone)?;
        }
        Verb::Eol(Args { on, to }) => {
            let tone = |sure| match sure {
                Sureness::Said => Tone::Good,
                Sureness::Guess | Sureness::Unknown => Tone::Care,
            };
            let list = ends(&env, &actor, &on).await?;
            show(context, &list, zone, to.as_ref(), |text| of_word(text, tone))?;
            if env.inventory.ends.is_empty() {
                context.out.talk("no end is known: write inventory/eol.yaml, as docs/ledger.md shows");
            }
        }
        Verb::Reconcile(_) => {}
    }
    Ok(Ended::Done)
}
