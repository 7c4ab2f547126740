//! `hoshu ask`.

use std::sync::Arc;
use std::time::Duration;

use super::backup::compare::show_hunk;
use super::out::{Cell, Tone, counted};
use super::progress::Bar;
use super::{Context, Doors, Ended, person};
use crate::model::command::ReadCommand;
use crate::model::name::SeatName;
use crate::service::Stopwatch;
use crate::service::ask::{self, Answer, Group};
use crate::service::refusal::Refusal;

/// Names of seats that a group shows without --all.
const NAMES_MAX: usize = 8;
/// Before each line of an answer, so that no answer can look like a word of ours.
const MARGIN: &str = "    ";

/// Ask appliances one question of your own, and see who answers otherwise.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A show command, spelled in full: one line, without pipe.
    #[arg(value_parser = ReadCommand::new)]
    command: ReadCommand,
    /// Which seats: terms joined by commas, as in series=nx+ex,customer=acme, a name, or all. Several are a union.
    #[arg(long, required = true, value_name = "SELECTOR")]
    on: Vec<String>,
    /// Show how the others differ from the answer of this seat; without it, from that of the largest group.
    #[arg(long, value_name = "SEAT")]
    diff_from: Option<SeatName>,
    /// Show the name of every seat.
    #[arg(long)]
    all: bool,
}

fn names(group: &Group, all: bool) -> String {
    let most = if all { group.seats.len() } else { NAMES_MAX };
    let shown: Vec<&str> = group.seats.iter().take(most).map(SeatName::as_str).collect();
    let more = group.seats.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more (--all)") };
    format!("{}{more}", shown.join(", "))
}

fn show_group(context: &Context<'_, impl Doors>, answer: &Answer, group: &Group, all: bool) {
    let cut = if group.complete { "" } else { ", its end was not seen" };
    let same = match &answer.diff_from {
        Some(from) if group.against.is_none() => format!(", as {from}"),
        _ => String::new(),
    };
    let head =
        format!("{} of {}{cut}{same}: {}", group.seats.len(), counted(answer.answered, "answer"), names(group, all));
    let tone = if group.complete { Tone::Plain } else { Tone::Care };
    context.out.toned(&head, tone);
    match (&group.against, group.seats.first()) {
        (Some(against), Some(seat)) => {
            context.out.data(&format!("{MARGIN}--- {against}"));
            context.out.data(&format!("{MARGIN}+++ {seat}"));
            group.hunks.iter().for_each(|hunk| show_hunk(context.out, hunk, MARGIN));
        }
        _ if answer.diff_from.is_some() => {}
        _ => {
            for line in &group.lines {
                context.out.data(format!("{MARGIN}{}", line.text.for_terminal()).trim_end());
            }
        }
    }
    context.out.data("");
}

fn show(context: &Context<'_, impl Doors>, args: &ask::Args, answer: &Answer, all: bool, took: Duration) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    answer.groups.iter().for_each(|group| show_group(context, answer, group, all));
    if !answer.unanswered.is_empty() {
        let row = |one: &ask::Unanswered| -> Vec<Cell> {
            let tone = if one.outcome.is_by_declaration() { Tone::Care } else { Tone::Bad };
            vec![
                one.seat.to_string().into(),
                one.customer.to_string().into(),
                Cell::toned(one.outcome.as_str(), tone),
                one.reason.for_terminal().into_owned().into(),
            ]
        };
        context.out.table(&["seat", "customer", "outcome", "why"], answer.unanswered.iter().map(row).collect());
    }
    if let (Some(from), None) = (&args.diff_from, &answer.diff_from) {
        context.out.talk(&format!("{from} did not answer: the largest group is what the others are held against"));
    }
    let masked =
        || answer.groups.iter().flat_map(|group| &group.lines).any(|line| line.text.as_data().contains("‹masked"));
    if !answer.fingerprints && masked() {
        context.out.talk("masks are without fingerprints: answers that differ in nothing but secrets look the same");
    }
    context.out.talk(&format!(
        "{}: {} in {}, {} without an answer ({:.1} s)",
        counted(answer.asked, "seat"),
        counted(answer.answered, "answer"),
        counted(answer.groups.len(), "group"),
        answer.unanswered.len(),
        took.as_secs_f64()
    ));
}

/// Asks and shows.
pub async fn run(context: &Context<'_, impl Doors>, args: Args) -> Result<Ended, Refusal> {
    let env = context.env_with(Arc::new(Bar::new("ask"))).await?;
    let asked = ask::Args { on: args.on, command: args.command, diff_from: args.diff_from };
    let began = Stopwatch::start();
    let answer = ask::run(&env, &person(), &asked).await?;
    show(context, &asked, &answer, args.all, began.elapsed());
    let by_declaration = answer.unanswered.iter().all(|seat| seat.outcome.is_by_declaration());
    Ok(match (answer.stopped || context.stop.is_asked(), by_declaration) {
        (true, _) => Ended::Stopped,
        (false, true) => Ended::Done,
        (false, false) => Ended::Attention,
    })
}
