//! `hoshu ask`: one question of a person's own to many appliances. Answers are shown and not kept.

use serde::Serialize;

pub use crate::decide::ask::Group;
use crate::decide::ask::{self as decide, Said};
use crate::engine::ask;
use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::command::ReadCommand;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;

/// Whom to ask what.
#[derive(Debug, Clone)]
pub struct Args {
    /// Selectors; their union is asked.
    pub on: Vec<String>,
    /// The question.
    pub command: ReadCommand,
    /// The seat whose answer the others are held against; without it that of the largest group.
    pub diff_from: Option<SeatName>,
}

/// A seat that did not answer.
#[derive(Debug, Clone, Serialize)]
pub struct Unanswered {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// How it ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Outside,
}

/// What a selection answered.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// When it began.
    pub at: Time,
    /// The question.
    pub command: String,
    /// How many seats were meant.
    pub asked: usize,
    /// How many answered.
    pub answered: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// Whether masks have fingerprints, so that another secret is another answer.
    pub fingerprints: bool,
    /// The seat whose answer the others are held against, when one was named and answered.
    pub diff_from: Option<SeatName>,
    /// Equal answers, the smallest groups first; the last one is what the others are held against.
    pub groups: Vec<Group>,
    /// Seats without an answer, by outcome and name.
    pub unanswered: Vec<Unanswered>,
}

/// Asks a selection.
pub async fn run(env: &Env, actor: &Actor, args: &Args) -> Result<Answer, Refusal> {
    let at = env.clock.now();
    let selection = select::seats(env, actor, &args.on).await?;
    if let Some(from) = args.diff_from.as_ref().filter(|from| !selection.seats.contains(from)) {
        return Err(Refusal::Argument(format!("expected a seat of the selection in --diff-from, found {from}")));
    }
    let all = ask::run(env, actor, &args.command, &args.on, &selection.seats).await?;
    let asked = all.seats.len();
    let mut answers: Vec<(SeatName, Said)> = Vec::with_capacity(asked);
    let mut unanswered = Vec::new();
    for one in all.seats {
        let (seat, customer) = (one.facts.seat.name.clone(), one.facts.seat.customer.clone());
        match one.answer {
            Ok(said) => answers.push((seat, said)),
            Err(failure) => {
                unanswered.push(Unanswered { seat, customer, outcome: failure.outcome, reason: failure.reason });
            }
        }
    }
    unanswered.sort_by(|a, b| (a.outcome, &a.seat).cmp(&(b.outcome, &b.seat)));
    let answered = |from: &&SeatName| answers.iter().any(|(seat, _)| seat == *from);
    Ok(Answer {
        at,
        command: args.command.to_string(),
        asked,
        answered: answers.len(),
        stopped: unanswered.iter().any(|one| one.outcome == Outcome::Stopped),
        fingerprints: all.fingerprints,
        diff_from: args.diff_from.as_ref().filter(answered).cloned(),
        groups: decide::groups(&answers, args.diff_from.as_ref()),
        unanswered,
    })
}
