//! One question to many appliances. Secrets are masked in the task that read the answer: nothing else ever holds it in
//! clear.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::{ExposeSecret, SecretString};

use crate::decide::ask::Said;
use crate::decide::backup::{Fingerprint, redact_answer, sweep};
use crate::depot::Fingerprints;
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::export::credentials;
use crate::engine::fleet::{self, Facts};
use crate::engine::keys;
use crate::engine::session::{self, Failure, Live};
use crate::model::actor::{Act, Actor};
use crate::model::causes::with_causes;
use crate::model::command::ReadCommand;
use crate::model::limits;
use crate::model::name::SeatName;
use crate::model::reading::Outcome;
use crate::store::StoreError;

/// What became of the question to one seat.
#[derive(Debug)]
pub struct Asked {
    /// The seat.
    pub facts: Arc<Facts>,
    /// What it said, redacted.
    pub answer: Result<Said, Failure>,
}

/// What came of a question.
#[derive(Debug)]
pub struct AllAsked {
    /// The seats.
    pub seats: Vec<Asked>,
    /// Whether masks have fingerprints.
    pub fingerprints: bool,
}

/// What every task needs to know.
struct Question {
    command: ReadCommand,
    fingerprints: Option<Fingerprints>,
    room: Room,
}

/// How many bytes all answers together may still have.
struct Room(AtomicUsize);

impl Room {
    /// Takes room for an answer; one that has none takes none from others.
    fn take(&self, bytes: usize) -> Result<(), Failure> {
        let taken = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(bytes));
        let limit = limits::ANSWERS_BYTES_MAX as u64;
        let over = || limits::OverLimit { what: "the sum of all answers", limit, unit: "bytes" };
        taken.map(drop).map_err(|_| Failure::new(Outcome::OverLimit, over().to_string()))
    }
}

/// Asks each seat once. The question stands in the audit before anybody is dialled; `on` says whom it was meant for.
pub async fn run(
    env: &Env,
    actor: &Actor,
    command: &ReadCommand,
    on: &[String],
    seats: &[SeatName],
) -> Result<AllAsked, StoreError> {
    let facts = fleet::load(env, seats).await?;
    let detail = serde_json::json!({"v": 1, "on": on, "seats": facts.len()});
    env.store.audit_add(actor.did(env.clock.now(), Act::Asked, command.as_str(), &detail)).await?;
    let fingerprints = fingerprints(env, &facts).await;
    let has_fingerprints = fingerprints.is_some();
    let question =
        Arc::new(Question { command: command.clone(), fingerprints, room: Room(limits::ANSWERS_BYTES_MAX.into()) });
    env.tell(&Event::Started { seats: facts.len() });
    let seats = fleet::each(
        &env.stop,
        facts,
        env.settings.limits.sessions as usize,
        |facts| one(env.clone(), Arc::clone(&question), facts),
        |facts, failure| Asked { facts: Arc::clone(facts), answer: Err(failure) },
    )
    .await;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    Ok(AllAsked { seats, fingerprints: has_fingerprints })
}

/// The fingerprints of masks: of one customer whose key opens. Those of two customers say nothing of each other, and
/// would make every answer with a secret another one.
async fn fingerprints(env: &Env, facts: &[Arc<Facts>]) -> Option<Fingerprints> {
    let customers: BTreeSet<_> = facts.iter().map(|facts| &facts.seat.customer).collect();
    let customer = customers.first().filter(|_| customers.len() == 1)?;
    keys::load(env, [*customer]).await.ok()?;
    env.keys.ring().and_then(|ring| ring.fingerprints(customer)).ok()
}

async fn one(env: Env, question: Arc<Question>, facts: Arc<Facts>) -> Asked {
    let answer = ask(&env, &question, &facts).await;
    let outcome = answer.as_ref().map_or_else(|failure| failure.outcome, |_| Outcome::Answered);
    let good = outcome == Outcome::Answered;
    env.tell(&Event::SeatDone { seat: facts.seat.name.clone(), good, word: outcome.as_str() });
    Asked { facts, answer }
}

async fn ask(env: &Env, question: &Question, facts: &Facts) -> Result<Said, Failure> {
    // Before anybody is dialled: what could not be swept is not shown.
    let secrets = credentials(env, &facts.seat.name).await;
    let secrets = secrets.map_err(|error| Failure::new(Outcome::NoCredential, with_causes(&error)))?;
    let permit = env.enter(facts).await?;
    let (mut live, _permit) = session::open(env, facts, permit).await?;
    let said = read(env, question, facts, &secrets, &mut live).await;
    live.close().await;
    said
}

async fn read(
    env: &Env,
    question: &Question,
    facts: &Facts,
    secrets: &[SecretString],
    live: &mut Live,
) -> Result<Said, Failure> {
    let seat = &facts.seat.name;
    if prints_configuration(env, &question.command) {
        live.session.allow(env.backup_limit());
    }
    let answer = live.session.read(&question.command, limits::ANSWER_BYTES_MAX).await?;
    let keyed = question.fingerprints.as_ref();
    let keyed = keyed.map(|keyed| move |path: &str, value: &str| keyed.of(path, value));
    let keyed = keyed.as_ref().map(|keyed| keyed as Fingerprint<'_>);
    let redacted = redact_answer(answer.text.as_data(), env.config_layout(seat), keyed);
    let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    let text = sweep(redacted, &secrets);
    question.room.take(text.text.as_data().len())?;
    Ok(Said { text, complete: answer.complete })
}

/// Whether a command prints a configuration, which may take as long as a backup.
fn prints_configuration(env: &Env, command: &ReadCommand) -> bool {
    let known = [env.definitions.config_command(), env.definitions.saved_command()];
    known.iter().any(|known| command.as_str().starts_with(known.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_beyond_the_sum_of_all_is_over_the_limit_alone() {
        let room = Room(10.into());
        assert_eq!(room.take(6), Ok(()));
        let over = room.take(5).expect_err("it is too much");
        assert_eq!(over.outcome, Outcome::OverLimit);
        assert_eq!(over.reason.as_data(), "the sum of all answers is longer than 268435456 bytes");
        assert_eq!(room.take(4), Ok(()), "a smaller one has its place");
    }
}
