//! A session of Hoshu's own that leaves a transcript, where the settings ask for those of all sessions.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::access::{AccessError, Answer, Negotiated, Session};
use crate::decide::transcript::Tape;
use crate::engine::clock::Stopwatch;
use crate::engine::env::Env;
use crate::engine::keys;
use crate::engine::session::{Failure, Live};
use crate::engine::transcript::{self, Over};
use crate::model::actor::Actor;
use crate::model::causes::with_causes;
use crate::model::command::ReadCommand;
use crate::model::inventory::Seat;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::transcript::{SessionEnd, TranscriptKind};

/// The window that such a session says it has.
const WINDOW: (u32, u32) = (200, 24);

struct Recorded {
    inner: Box<dyn Session>,
    env: Env,
    over: Over,
    began: Stopwatch,
}

/// Records a session from here on; its row is in the store before this returns.
pub(super) async fn record(env: &Env, seat: &Seat, live: Live) -> Result<Live, Failure> {
    match begin(env, seat, live.asset.serial.clone()).await {
        Ok(over) => {
            let (env, began) = (env.clone(), Stopwatch::start());
            let session = Box::new(Recorded { inner: live.session, env, over, began });
            Ok(Live { session, ..live })
        }
        Err(failure) => {
            live.close().await;
            Err(failure)
        }
    }
}

async fn begin(env: &Env, seat: &Seat, serial: Option<Outside>) -> Result<Over, Failure> {
    let unkept = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    // What cannot be sealed is not recorded, and what is not recorded is not held.
    let keyless = keys::load(env, [&seat.customer]).await.map_err(|error| unkept(&error))?;
    if let Some(keyless) = keyless.into_iter().next() {
        return Err(Failure::new(Outcome::NotKept, keyless.why));
    }
    let owner = (&seat.customer, &seat.name);
    let begun = transcript::begin(env, &Actor::itself(), owner, TranscriptKind::Automatic).await;
    let title = format!("hoshu on {} of {}", seat.name, seat.customer);
    Ok(Over {
        id: begun.map_err(|error| unkept(&error))?,
        customer: seat.customer.clone(),
        seat: seat.name.clone(),
        serial,
        outcome: SessionEnd::Left,
        detail: String::new(),
        tape: Tape::new(&title, env.clock.now(), WINDOW),
    })
}

impl Recorded {
    fn sent(&mut self, command: &ReadCommand) {
        self.over.tape.sent(self.began.elapsed_ms(), command.as_str());
    }

    fn answered(&mut self, answer: Result<Option<&Outside>, &AccessError>) {
        let ms = self.began.elapsed_ms();
        match answer {
            Ok(Some(text)) => self.over.tape.said(ms, text.as_data().as_bytes()),
            Ok(None) => self.over.tape.remark(ms, "the appliance serves one channel only"),
            Err(error) => {
                self.over.outcome = SessionEnd::Broke;
                self.over.detail = error.to_string();
            }
        }
    }
}

impl Session for Recorded {
    fn read<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Answer, AccessError>> {
        Box::pin(async move {
            self.sent(command);
            let answer = self.inner.read(command, bytes_max).await;
            self.answered(answer.as_ref().map(|answer| Some(&answer.text)));
            answer
        })
    }

    fn read_other<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Option<Answer>, AccessError>> {
        Box::pin(async move {
            self.sent(command);
            let answer = self.inner.read_other(command, bytes_max).await;
            self.answered(answer.as_ref().map(|answer| answer.as_ref().map(|answer| &answer.text)));
            answer
        })
    }

    fn allow(&mut self, command: Duration) {
        self.inner.allow(command);
    }

    fn negotiated(&self) -> &Negotiated {
        self.inner.negotiated()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.inner.close().await;
            let id = self.over.id;
            if let Err(error) = transcript::keep(&self.env, &Actor::itself(), self.over).await {
                tracing::error!(error = with_causes(&error), %id, "a transcript was not kept");
            }
        })
    }
}
