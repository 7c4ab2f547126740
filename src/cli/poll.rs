//! `hoshu poll`.

use std::sync::Arc;
use std::time::Duration;

use super::out::{Cell, Tone, counted};
use super::progress::Bar;
use super::{Context, Doors, Ended, parse_duration, person};
use crate::model::reading::{ComponentKind, Condition, Outcome, Reading, Tier};
use crate::model::time::show_duration;
use crate::service::poll::{self, Answer, LastGasp, SeatPolled, Wanted};
use crate::service::refusal::Refusal;
use crate::service::{Env, Stopwatch};

/// Poll the health of appliances.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which seats: terms joined by commas, as in series=nx+ex,customer=acme, a name, or all. Several are a union.
    #[arg(long, required = true, value_name = "SELECTOR")]
    on: Vec<String>,
    /// What to read: pulse, detail, slow. When absent everything is read once; in rounds, what is due.
    #[arg(long, value_delimiter = ',')]
    tier: Vec<Tier>,
    /// Poll again and again, so often, until Ctrl-C.
    #[arg(long, value_parser = parse_duration, value_name = "TIME")]
    every: Option<Duration>,
    /// End after so many rounds.
    #[arg(long, requires = "every", value_name = "N")]
    times: Option<u32>,
    /// Show what is good, too.
    #[arg(long)]
    all: bool,
}

/// The tone of a condition.
pub(super) const fn tone(condition: Condition) -> Tone {
    match condition {
        Condition::Good | Condition::Disabled => Tone::Good,
        Condition::Bad | Condition::Unprotected | Condition::Blind | Condition::Mute => Tone::Bad,
        Condition::Learning | Condition::Quiet => Tone::Plain,
        _ => Tone::Care,
    }
}

/// A reading in one line: `disk 0 bad: Failed`.
pub(super) fn in_words(reading: &Reading) -> String {
    let mut words = format!("{} {}", reading.component.for_terminal(), reading.condition);
    if !reading.said.is_empty() {
        words.push_str(&format!(": {}", reading.said.for_terminal()));
    }
    if let Some(measure) = reading.measure {
        words.push_str(&format!(" ({measure})"));
    }
    words
}

/// What became of the backup of a seat whose hardware begins to fail.
fn gasp_in_words(gasp: &LastGasp) -> Cell {
    match (&gasp.backup, gasp.outcome) {
        (Some(backup), _) => {
            let id = backup.id.map_or_else(String::new, |id| id.to_string());
            let tone = if gasp.counts() { Tone::Good } else { Tone::Bad };
            let known = if gasp.unchanged { ", unchanged" } else { "" };
            Cell::toned(format!("last gasp: {id} {}{known}", backup.standing()), tone)
        }
        (None, outcome) => {
            let outcome = outcome.map_or("", Outcome::as_str);
            Cell::toned(format!("last gasp: {outcome}: {}", gasp.reason.for_terminal()), Tone::Bad)
        }
    }
}

/// What could not be judged, in one line: `learning: traffic A, traffic B`.
fn unjudged(seat: &SeatPolled) -> Option<String> {
    let of = |condition: Condition| {
        let names = seat.readings.iter().filter(|reading| reading.condition == condition);
        let names: Vec<String> = names.map(|reading| reading.component.for_terminal()).collect();
        (!names.is_empty()).then(|| format!("{condition}: {}", names.join(", ")))
    };
    let told: Vec<String> = [Condition::Learning, Condition::Quiet].into_iter().filter_map(of).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn rows(seat: &SeatPolled, all: bool) -> Vec<Vec<Cell>> {
    let toned = match (seat.good, seat.outcome) {
        (true, _) => Tone::Good,
        (false, Outcome::Answered) if seat.unjudged => Tone::Plain,
        (false, Outcome::Answered | Outcome::Stopped) => Tone::Care,
        (false, outcome) if outcome.is_by_declaration() => Tone::Care,
        _ => Tone::Bad,
    };
    let mut what: Vec<Cell> = Vec::new();
    if seat.outcome == Outcome::Answered {
        let shown = seat.readings.iter().filter(|reading| all || reading.condition.wants_attention());
        what.extend(shown.map(|reading| Cell::toned(in_words(reading), tone(reading.condition))));
    } else {
        what.push(seat.reason.for_terminal().into_owned().into());
        // What another channel says of a seat that did not answer is worth a line, even when it is well.
        let other = seat.readings.iter().filter(|reading| {
            let reach = reading.component.kind == ComponentKind::Reach;
            !reach && (all || reading.condition.wants_attention() || reading.component.kind == ComponentKind::Channel)
        });
        what.extend(other.map(|reading| Cell::toned(in_words(reading), tone(reading.condition))));
    }
    if what.is_empty() && seat.open_findings > 0 {
        let open = counted(seat.open_findings, "finding");
        what.push(Cell::toned(format!("{open} open: hoshu finding list --on {}", seat.seat), Tone::Care));
    }
    if let Some(unjudged) = unjudged(seat).filter(|_| what.is_empty() && seat.unjudged) {
        let good = seat.readings.iter().filter(|reading| reading.condition.is_good()).count();
        what.push(format!("{good} of {} readings good; {unjudged}", seat.readings.len()).into());
    }
    if what.is_empty() {
        what.push(Cell::toned(format!("good, {} readings", seat.readings.len()), Tone::Good));
    }
    what.extend(seat.last_gasp.as_ref().map(gasp_in_words));
    let mut rows = Vec::with_capacity(what.len());
    for (line, cell) in what.into_iter().enumerate() {
        rows.push(if line == 0 {
            vec![
                seat.seat.to_string().into(),
                seat.customer.to_string().into(),
                seat.series.as_str().into(),
                Cell::toned(seat.outcome.as_str(), toned),
                format!("{} ms", seat.took_ms).into(),
                cell,
            ]
        } else {
            vec!["".into(), "".into(), "".into(), "".into(), "".into(), cell]
        });
    }
    rows
}

fn show(context: &Context<'_, impl Doors>, answer: &Answer, all: bool, took: Duration) {
    if context.out.json {
        context.out.json(answer);
        return;
    }
    let table = answer.seats.iter().flat_map(|seat| rows(seat, all)).collect();
    context.out.table(&["seat", "customer", "series", "outcome", "took", "what"], table);
    let attention = answer.seats.len()
        - answer.good
        - answer.unjudged
        - answer.not_yet_served
        - answer.no_ssh
        - answer.due_attended;
    context.out.talk(&format!(
        "{}: {} good{}, {attention} need attention, {} not yet served{}{} ({:.1} s)",
        counted(answer.seats.len(), "seat"),
        answer.good,
        learning(answer.unjudged),
        answer.not_yet_served,
        without_ssh(answer.no_ssh),
        attended(answer.due_attended),
        took.as_secs_f64()
    ));
    if let Some(doubt) = &answer.doubt {
        context.out.talk(doubt);
    }
    let gasps = || answer.seats.iter().filter_map(|seat| seat.last_gasp.as_ref());
    if gasps().next().is_some() {
        let (all, kept) = (gasps().count(), gasps().filter(|gasp| gasp.backup.is_some()).count());
        let taken = gasps().filter(|gasp| gasp.counts()).count();
        context.out.talk(&format!(
            "last gasp: {}: {taken} taken, {} suspect, {} failed",
            counted(all, "seat"),
            kept - taken,
            all - kept
        ));
    }
}

/// The last words of a summary about seats behind a gateway without SSH, which few inventories have.
pub(super) fn without_ssh(seats: usize) -> String {
    if seats == 0 { String::new() } else { format!(", {seats} without SSH as declared") }
}

/// Words about seats of which something could not be judged.
fn learning(seats: usize) -> String {
    if seats == 0 { String::new() } else { format!(", {seats} learning or quiet") }
}

/// As [`without_ssh`], about seats whose way a person has to open.
pub(super) fn attended(seats: usize) -> String {
    if seats == 0 { String::new() } else { format!(", {seats} due for an attended slot") }
}

/// Polls once, or in rounds.
pub async fn run(context: &Context<'_, impl Doors>, args: Args) -> Result<Ended, Refusal> {
    let env = context.env_with(Arc::new(Bar::new("poll"))).await?;
    let ended = rounds(context, &env, args).await;
    // Sessions that are kept are said goodbye to even when a round failed.
    poll::end(&env).await?;
    ended
}

async fn rounds(context: &Context<'_, impl Doors>, env: &Env, args: Args) -> Result<Ended, Refusal> {
    let wanted = match (args.tier.is_empty(), args.every) {
        (false, _) => Wanted::Tiers(args.tier),
        (true, Some(_)) => Wanted::Due,
        (true, None) => Wanted::Tiers(Tier::ALL.to_vec()),
    };
    let asked = poll::Args { on: args.on, wanted };
    let mut round = 0;
    loop {
        let began = Stopwatch::start();
        let answer = poll::run(env, &person(), &asked).await?;
        show(context, &answer, args.all, began.elapsed());
        round += 1;
        let ended = match (answer.stopped || context.stop.is_asked(), answer.needs_attention()) {
            (true, _) => Ended::Stopped,
            (false, true) => Ended::Attention,
            (false, false) => Ended::Done,
        };
        let Some(every) = args.every else { return Ok(ended) };
        if ended == Ended::Stopped || args.times.is_some_and(|times| round >= times) {
            return Ok(ended);
        }
        if !context.out.json {
            let left = every.saturating_sub(began.elapsed());
            let left_ms = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
            context.out.talk(&format!("next round in {}; Ctrl-C ends", show_duration(left_ms)));
        }
        if !sleep_until(context, began, every).await {
            return Ok(Ended::Stopped);
        }
    }
}

/// Waits until so much time has passed since the round began, unless somebody asks to stop.
async fn sleep_until(context: &Context<'_, impl Doors>, began: Stopwatch, every: Duration) -> bool {
    loop {
        let left = every.saturating_sub(began.elapsed());
        if context.stop.is_asked() {
            return false;
        }
        if left.is_zero() {
            return true;
        }
        tokio::time::sleep(left.min(Duration::from_millis(100))).await;
    }
}
