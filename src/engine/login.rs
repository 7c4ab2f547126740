//! A person's session at an appliance: identity proved, every line judged before it is sent, everything recorded.

use std::time::Duration;

use crate::access::{Heard, Terminal, TerminalKey, Waits};
use crate::decide::transcript::Tape;
use crate::engine::clock::Stopwatch;
use crate::engine::env::Env;
use crate::engine::fleet;
use crate::engine::keys;
use crate::engine::session::{self, Failure};
use crate::engine::transcript::{self, Over};
use crate::model::actor::Actor;
use crate::model::asset::Asset;
use crate::model::causes::with_causes;
use crate::model::id::TranscriptId;
use crate::model::inventory::Seat;
use crate::model::limits::TRANSCRIPT_BYTES_MAX;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::model::transcript::{SessionEnd, TranscriptKind};
use crate::model::typed::{Denied, Verbs};

/// After so long without a key and without a word the session ends.
pub const IDLE: Duration = Duration::from_mins(30);

/// A session in a person's hands.
pub struct Login {
    /// The number of its transcript.
    pub id: TranscriptId,
    /// The hardware that answered.
    pub asset: Asset,
    /// Its host name, when it gave one.
    pub hostname: Option<Outside>,
    seat: Seat,
    terminal: Box<dyn Terminal>,
    verbs: Verbs,
    tape: Tape,
    began: Stopwatch,
}

/// Opens a session for a person, in a window of so many columns and rows. It begins when its row is in the store: what
/// cannot be recorded is not held.
pub async fn open(env: &Env, actor: &Actor, seat: &Seat, window: (u32, u32)) -> Result<Login, Failure> {
    let unkept = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    let verbs = env.definitions.verbs().map_err(|error| unkept(&error))?.clone();
    let keyless = keys::load(env, [&seat.customer]).await.map_err(|error| unkept(&error))?;
    if let Some(keyless) = keyless.into_iter().next() {
        return Err(Failure::new(Outcome::NotKept, keyless.why));
    }
    let keep_free = u64::from(env.settings.limits.depot_reserve_mib) << 20;
    let room = env.depot.reserve(TRANSCRIPT_BYTES_MAX as u64, keep_free).map_err(|error| unkept(&error))?;
    let known = fleet::load(env, std::slice::from_ref(&seat.name)).await.map_err(|error| unkept(&error))?;
    let Some(facts) = known.into_iter().next() else {
        return Err(Failure::new(Outcome::NotYetServed, "the seat has no gateway"));
    };
    let permit = env.enter(&facts).await?;
    let (live, _permit) = session::open_bare(env, &facts, permit).await?;
    let owner = (&seat.customer, &seat.name);
    let id = match transcript::begin(env, actor, owner, TranscriptKind::Login).await {
        Ok(id) => id,
        Err(error) => {
            live.close().await;
            return Err(unkept(&error));
        }
    };
    let (asset, hostname) = (live.asset, live.hostname);
    let title = format!(
        "{} on {} of {}, serial {}",
        actor.name,
        seat.name,
        seat.customer,
        asset.serial.as_ref().map_or("unknown", Outside::as_data)
    );
    let tape = Tape::new(&title, env.clock.now(), window);
    let began = Stopwatch::start();
    let handed = live.session.hand_over(window).await;
    drop(room);
    match handed {
        Ok(terminal) => Ok(Login { id, asset, hostname, seat: seat.clone(), terminal, verbs, tape, began }),
        Err(error) => {
            let failure = Failure::from(error);
            let over = Over {
                id,
                customer: seat.customer.clone(),
                seat: seat.name.clone(),
                serial: asset.serial,
                outcome: SessionEnd::Broke,
                detail: failure.reason.for_terminal().into_owned(),
                tape,
            };
            transcript::keep(env, actor, over).await.map_err(|error| unkept(&error))?;
            Err(failure)
        }
    }
}

impl Login {
    fn ms(&self) -> i64 {
        self.began.elapsed_ms()
    }

    /// Sends a line if it may be sent.
    pub async fn line(&mut self, line: &str) -> Result<Result<(), Denied>, Failure> {
        let ms = self.ms();
        match self.verbs.judge(line, self.seat.series) {
            Ok(line) => {
                self.tape.sent(ms, line.as_str());
                self.terminal.line(&line).await?;
                Ok(Ok(()))
            }
            Err(denied) => {
                self.tape.denied(ms, &denied);
                Ok(Err(denied))
            }
        }
    }

    /// Sends a key.
    pub async fn key(&mut self, key: TerminalKey) -> Result<(), Failure> {
        let word = match key {
            TerminalKey::Interrupt => "Ctrl-C",
            TerminalKey::Space => "space",
            TerminalKey::Enter => "enter",
            TerminalKey::Quit => "q",
        };
        self.tape.key(self.ms(), word);
        Ok(self.terminal.key(key).await?)
    }

    /// Says how large the window is.
    pub async fn resize(&mut self, window: (u32, u32)) -> Result<(), Failure> {
        self.tape.window(self.ms(), window);
        Ok(self.terminal.resize(window.0, window.1).await?)
    }

    /// Waits until something is said. Nothing is lost when the wait is given up.
    pub async fn hear(&mut self) -> Result<Heard, Failure> {
        let heard = self.terminal.hear().await?;
        self.tape.said(self.began.elapsed_ms(), &heard.raw);
        if heard.waits == Waits::Gone {
            self.tape.remark(self.began.elapsed_ms(), "the appliance closed the session");
        }
        Ok(heard)
    }

    /// Says goodbye. What is left is to be kept.
    pub async fn end(self, outcome: SessionEnd, detail: String) -> Over {
        self.terminal.close().await;
        Over {
            id: self.id,
            customer: self.seat.customer,
            seat: self.seat.name,
            serial: self.asset.serial,
            outcome,
            detail,
            tape: self.tape,
        }
    }
}
