//! A shell in the hands of a person: what is said is passed on as it comes, and what is sent is a line that may be sent,
//! or one of few keys.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, timeout};

use super::answer::Seen;
use super::connection::{Connection, Keys, Nested, Writer};
use super::guard::Stage;
use super::{AccessError, AccessLimits};
use crate::model::limits::CONFIGURATION_BYTES_MAX;
use crate::model::outside::Outside;
use crate::model::typed::TypedLine;

/// The silence after which a line whose end was not seen is shown: it may be a question.
const QUESTION: Duration = Duration::from_secs(1);
/// Bytes of raw text that wait to be taken; what comes beyond them is in the lines alone.
const TAP_BYTES_MAX: usize = 4 << 20;

/// A key that may be sent while an answer is under way. Others, as `!` and `|` of a pager, run programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalKey {
    /// Gives up what is under way.
    Interrupt,
    /// The next page.
    Space,
    /// The next line.
    Enter,
    /// Leaves the pager.
    Quit,
}

impl TerminalKey {
    const fn byte(self) -> u8 {
        match self {
            Self::Interrupt => 3,
            Self::Space => b' ',
            Self::Enter => b'\r',
            Self::Quit => b'q',
        }
    }
}

/// What the appliance waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// A command: this is its prompt.
    Command,
    /// A key for its pager.
    Page,
    /// Something is under way, or it asks what nobody answers.
    Nothing,
    /// Nothing any more: it closed the session.
    Gone,
}

/// What was said since the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// As it came.
    pub raw: Vec<u8>,
    /// The lines that have ended, without echo and without what only moves a cursor.
    pub lines: Outside,
    /// The line whose end was not seen: a prompt, the question of a pager, or a part of an answer.
    pub line: Outside,
    /// What it waits for.
    pub waits: Waits,
}

/// A shell in the hands of a person.
pub trait Terminal: Send {
    /// Sends a line.
    fn line<'a>(&'a mut self, line: &'a TypedLine) -> BoxFuture<'a, Result<(), AccessError>>;

    /// Sends a key.
    fn key(&mut self, key: TerminalKey) -> BoxFuture<'_, Result<(), AccessError>>;

    /// Says how large the window is.
    fn resize(&mut self, columns: u32, rows: u32) -> BoxFuture<'_, Result<(), AccessError>>;

    /// Waits until something is said. Nothing is lost when the wait is given up.
    fn hear(&mut self) -> BoxFuture<'_, Result<Heard, AccessError>>;

    /// Says goodbye, within a limit of time.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// The half of the shell that is written to.
pub(super) enum Pen {
    Own(Writer),
    Nested(Arc<Nested>),
}

impl Pen {
    fn keys(&self) -> Keys<'_> {
        match self {
            Self::Own(writer) => Keys::Channel(writer),
            Self::Nested(nested) => Keys::Nested(nested),
        }
    }
}

/// A terminal over SSH.
pub(super) struct SshTerminal {
    connection: Connection,
    pen: Pen,
    limits: AccessLimits,
    /// Bytes of the text so far that were passed on.
    passed: usize,
    /// The unfinished line as it was last passed on.
    line: Vec<u8>,
    /// The prompt was passed on, and nothing was sent since.
    idle: bool,
    /// The question of a pager was passed on, and no key was sent since.
    paged: bool,
}

impl SshTerminal {
    /// Takes a shell that waits for a command, and asks for its prompt.
    pub(super) async fn begin(
        connection: Connection,
        pen: Pen,
        limits: AccessLimits,
        (columns, rows): (u32, u32),
    ) -> Result<Self, AccessError> {
        connection.shared.lock().tap = Some(Vec::new());
        let mut terminal = Self { connection, pen, limits, passed: 0, line: Vec::new(), idle: true, paged: false };
        let begun = async {
            terminal.resize(columns, rows).await?;
            terminal.line(&TypedLine::empty()).await
        };
        match begun.await {
            Ok(()) => Ok(terminal),
            Err(error) => Err(terminal.connection.leave_with(error).await),
        }
    }

    async fn send(&self, bytes: Vec<u8>) -> Result<(), AccessError> {
        let until = Instant::now() + self.limits.command;
        self.connection.send(self.pen.keys(), bytes, "a line", until).await
    }

    /// What is new, and how long to wait for more when nothing is.
    fn look(&mut self) -> Result<Result<Heard, Option<Duration>>, AccessError> {
        let mut state = self.connection.shared.lock();
        let seen = state.reader.seen();
        if let Seen::Over(what, limit) = seen {
            return Err(AccessError::OverLimit { what, limit });
        }
        let gone = state.end.is_some() || state.stage == Stage::Closed;
        let silent = state.last.elapsed();
        let settles = state.reader.settles_in();
        let waits = match seen {
            Seen::Prompt(_) if !self.idle => Some(Waits::Command),
            Seen::Pager(_) => Some(Waits::Page),
            _ => None,
        };
        let raw = state.tap.as_mut().map(std::mem::take).unwrap_or_default();
        let (lines, line) = state.reader.so_far(self.passed);
        let (lines, line) = (lines.to_vec(), line.to_vec());
        self.passed += lines.len();
        let ends = waits.filter(|_| silent >= settles || gone);
        let is_new = !lines.is_empty() || line != self.line;
        // Part of a line is shown when nothing comes behind it: most are only the first half of a message.
        let asks = is_new && waits.is_none() && !line.is_empty() && silent >= QUESTION;
        if ends == Some(Waits::Command) {
            state.reader.answer();
            (self.idle, self.passed) = (true, 0);
        }
        drop(state);
        let heard = |raw, waits| {
            Ok(Ok(Heard { raw, lines: Outside::from_bytes(&lines), line: Outside::from_bytes(&line), waits }))
        };
        match ends {
            Some(Waits::Page) if self.paged => {}
            Some(waits) => {
                self.paged = waits == Waits::Page;
                self.line.clone_from(&line);
                return heard(raw, waits);
            }
            None if asks || !lines.is_empty() => {
                self.line.clone_from(&line);
                return heard(raw, Waits::Nothing);
            }
            None => {}
        }
        if gone {
            return heard(raw, Waits::Gone);
        }
        if !raw.is_empty() {
            // The beginning of a line: it is kept for the transcript, and shown when it is whole.
            return Ok(Ok(Heard { raw, lines: Outside::default(), line: Outside::default(), waits: Waits::Nothing }));
        }
        Ok(Err(match waits {
            Some(Waits::Page) if self.paged => None,
            Some(_) => Some(settles.saturating_sub(silent)),
            None => is_new.then(|| QUESTION.saturating_sub(silent)),
        }))
    }
}

impl Terminal for SshTerminal {
    fn line<'a>(&'a mut self, line: &'a TypedLine) -> BoxFuture<'a, Result<(), AccessError>> {
        Box::pin(async move {
            self.connection.shared.lock().reader.begin_typed(line.as_str(), CONFIGURATION_BYTES_MAX);
            (self.idle, self.paged, self.passed) = (false, false, 0);
            self.line.clear();
            self.send([line.as_str().as_bytes(), b"\n"].concat()).await
        })
    }

    fn key(&mut self, key: TerminalKey) -> BoxFuture<'_, Result<(), AccessError>> {
        Box::pin(async move {
            if key != TerminalKey::Interrupt {
                self.connection.shared.lock().reader.turn_page();
                self.paged = false;
                self.line.clear();
            }
            self.send(vec![key.byte()]).await
        })
    }

    fn resize(&mut self, columns: u32, rows: u32) -> BoxFuture<'_, Result<(), AccessError>> {
        Box::pin(async move {
            // The terminal of a bastion has the size that it was opened with: it may be another process's.
            let Pen::Own(writer) = &self.pen else { return Ok(()) };
            match writer.window_change(columns, rows, 0, 0).await {
                Ok(()) => Ok(()),
                Err(_) => Err(self.connection.reason("a change of the window").await),
            }
        })
    }

    fn hear(&mut self) -> BoxFuture<'_, Result<Heard, AccessError>> {
        Box::pin(async move {
            loop {
                match self.look()? {
                    Ok(heard) => return Ok(heard),
                    Err(Some(wait)) => {
                        // Woken or not, the state is looked at again.
                        timeout(wait, self.connection.shared.changed.notified()).await.ok();
                    }
                    Err(None) => self.connection.shared.changed.notified().await,
                }
            }
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if self.idle {
                self.send(b"exit\n".to_vec()).await.ok();
            }
            self.connection.leave().await;
        })
    }
}

/// Adds what a channel said to what waits to be taken.
pub(super) fn tap(tap: &mut Vec<u8>, data: &[u8]) {
    let room = TAP_BYTES_MAX.saturating_sub(tap.len());
    tap.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
}
