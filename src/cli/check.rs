//! `hoshu check`.

use super::error::problems;
use super::out::counted;
use super::{Context, Doors, Ended};
use crate::service::check::{Checked, check};
use crate::service::refusal::Refusal;

/// Read settings and inventory and say everything that is wrong with them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show every seat and customer behind what is not yet served.
    #[arg(long)]
    all: bool,
}

fn show(context: &Context<'_, impl Doors>, checked: &Checked, all: bool) {
    if context.out.json {
        context.out.json(checked);
        return;
    }
    problems(context.out, &checked.warnings);
    let series: Vec<_> = checked.series.iter().map(|(series, seats)| format!("{seats} {series}")).collect();
    context.out.data(&format!(
        "realm {}: {}, {}, {}, {} ({})",
        checked.realm,
        counted(checked.customers, "customer"),
        counted(checked.sites, "site"),
        counted(checked.gateways, "gateway"),
        counted(checked.seats, "seat"),
        series.join(", ")
    ));
    if !checked.credentials.is_empty() {
        context.out.data("\ncredentials to look at:");
        for note in &checked.credentials {
            context.out.data(&format!("  {note}"));
        }
    }
    if !checked.not_yet_served.is_empty() {
        context.out.data("\ndeclared and not yet served:");
        for one in &checked.not_yet_served {
            let subjects = one.subjects.len();
            context.out.data(&format!("  {} ({subjects}): {}", one.what, one.why));
            if all || subjects <= 3 {
                context.out.data(&format!("    {}", one.subjects.join(", ")));
            }
        }
    }
    context.out.talk(&format!("\nno mistakes, {}", counted(checked.warnings.len(), "warning")));
}

/// Checks the files.
pub async fn run(context: &Context<'_, impl Doors>, args: &Args) -> Result<Ended, Refusal> {
    let checked = check(context.doors.settings()).await?;
    show(context, &checked, args.all);
    Ok(Ended::Done)
}
