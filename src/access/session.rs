//! A session in which show commands are read: an interactive shell, or one channel for each command.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};

use super::answer::{Reader, Seen};
use super::connection::{Connection, Keys, Nested, Writer};
use super::prompt::{Key, Mode};
use super::terminal::{Pen, SshTerminal, Terminal};
use super::{AccessError, AccessLimits, Answer, KeyAsked, Negotiated, Pushed, Session, WritingSession};
use crate::model::command::ReadCommand;
use crate::model::identity::Proof;
use crate::model::inventory::Channel;
use crate::model::limits::{ANSWER_BYTES_MAX, GREETING_BYTES_MAX};
use crate::model::outside::Outside;
use crate::model::push::{KeyPrints, PushCommand};

/// The terminal: wide, so that few echoes and tables are broken.
const COLUMNS: u32 = 200;
const ROWS: u32 = 24;
/// Ends paging for this session alone (docs.trellix.com, cli session paging enable).
const PAGING_OFF: &str = "no cli session paging enable";

enum Way {
    Shell(Writer),
    /// As a shell, in the terminal of a bastion.
    Nested(Arc<Nested>),
    Exec,
}

impl Way {
    /// Where one types in the shell.
    fn keys(&self) -> Option<Keys<'_>> {
        match self {
            Self::Shell(writer) => Some(Keys::Channel(writer)),
            Self::Nested(nested) => Some(Keys::Nested(nested)),
            Self::Exec => None,
        }
    }
}

/// A session over SSH.
pub(super) struct SshSession {
    connection: Option<Connection>,
    way: Way,
    negotiated: Negotiated,
    limits: AccessLimits,
    /// For a shell that is opened beside single commands.
    enable: Option<SecretString>,
    /// Set while a command is under way and after an error: what came then can no longer be told from an answer.
    over: Option<AccessError>,
}

impl SshSession {
    /// Takes a connection that is logged in to where commands can be given.
    pub(super) async fn begin(
        connection: Connection,
        channel: Channel,
        enable: Option<&SecretString>,
        limits: AccessLimits,
    ) -> Result<Self, AccessError> {
        let negotiated = connection.shared.lock().negotiated.clone();
        let way = match channel {
            Channel::Exec => Way::Exec,
            Channel::Shell => match shell(&connection, enable, limits).await {
                Ok(writer) => Way::Shell(writer),
                Err(error) => return Err(connection.leave_with(error).await),
            },
        };
        let enable = enable.cloned();
        Ok(Self { connection: Some(connection), way, negotiated, limits, enable, over: None })
    }

    /// Takes a terminal of a bastion at whose end the appliance's prompt stands.
    pub(super) async fn begin_nested(
        connection: Connection,
        nested: Arc<Nested>,
        enable: Option<&SecretString>,
        limits: AccessLimits,
    ) -> Result<Self, AccessError> {
        let negotiated = connection.shared.lock().negotiated.clone();
        if let Err(error) = to_command_line(&connection, Keys::Nested(&nested), enable, limits).await {
            return Err(connection.leave_with(error).await);
        }
        let (way, enable) = (Way::Nested(nested), enable.cloned());
        Ok(Self { connection: Some(connection), way, negotiated, limits, enable, over: None })
    }

    async fn ask(&self, command: &ReadCommand, bytes_max: usize) -> Result<(String, bool), AccessError> {
        const DURING: &str = "a command";
        let connection = self.connection.as_ref().ok_or(AccessError::Dropped(DURING))?;
        match self.way.keys() {
            Some(keys) => {
                let mut line = Line { connection, keys, limits: self.limits };
                line.send(command.as_str(), bytes_max, false, DURING).await?;
                line.prompt(DURING, self.limits.command).await?;
                Ok((connection.shared.lock().reader.answer(), true))
            }
            None => exec(connection, command, bytes_max, self.limits).await,
        }
    }

    /// Goes to the configuration mode, where alone this command is one (CLI reference, `backup profile`), and back.
    async fn push(&self, command: &PushCommand, prints: &KeyPrints, limit: Duration) -> Result<Pushed, AccessError> {
        const DURING: &str = "the command to push";
        let connection = self.connection.as_ref().ok_or(AccessError::Dropped(DURING))?;
        let own;
        let keys = if let Some(keys) = self.way.keys() {
            keys
        } else {
            own = shell(connection, self.enable.as_ref(), self.limits).await?;
            Keys::Channel(&own)
        };
        let mut line = Line { connection, keys, limits: AccessLimits { idle: limit, ..self.limits } };
        if line.mode("configure terminal", DURING).await? != Mode::Configuration {
            let why = "the account does not reach the configuration mode, where backups are written";
            return Err(AccessError::NoPrompt(Outside::from(why)));
        }
        line.send(command.line().expose_secret(), ANSWER_BYTES_MAX, true, DURING).await?;
        let mut key = KeyAsked::NotAsked;
        let until = Instant::now() + limit;
        loop {
            match line.prompt(DURING, until.saturating_duration_since(Instant::now())).await? {
                Seen::Prompt(_) => break,
                Seen::HostKey if key == KeyAsked::NotAsked => {
                    let ours = prints.are_in(connection.shared.lock().reader.said().as_data());
                    key = if ours { KeyAsked::Confirmed } else { KeyAsked::Denied };
                    connection.shared.lock().reader.begin_unechoed();
                    line.type_in(if ours { b"yes\n".to_vec() } else { b"no\n".to_vec() }, DURING).await?;
                }
                _ => return Err(AccessError::NoPrompt(connection.shared.lock().reader.tail())),
            }
        }
        let said = command.scrub(&connection.shared.lock().reader.answer());
        line.mode("exit", DURING).await?;
        Ok(Pushed { said, key })
    }

    /// The answer over the other channel. What the first channel said so far is put aside for as long.
    async fn ask_other(&self, command: &ReadCommand, bytes_max: usize) -> Result<(String, bool), AccessError> {
        const DURING: &str = "a command over the other channel";
        let connection = self.connection.as_ref().ok_or(AccessError::Dropped(DURING))?;
        match &self.way {
            Way::Shell(_) | Way::Nested(_) => {
                let aside = connection.put_aside();
                let answer = exec(connection, command, bytes_max, self.limits).await;
                connection.bring_back(aside);
                answer
            }
            Way::Exec => {
                let writer = shell(connection, self.enable.as_ref(), self.limits).await?;
                let mut line = Line { connection, keys: Keys::Channel(&writer), limits: self.limits };
                line.send(command.as_str(), bytes_max, false, DURING).await?;
                line.prompt(DURING, self.limits.command).await?;
                let text = connection.shared.lock().reader.answer();
                line.type_in(b"exit\n".to_vec(), DURING).await?;
                Ok((text, true))
            }
        }
    }

    /// Waits for an answer. The session is over when it was not had, but for a channel that the appliance refuses.
    async fn answered<T>(
        &mut self,
        asked: impl AsyncFnOnce(&Self) -> Result<T, AccessError>,
    ) -> Result<(T, Duration), AccessError> {
        if let Some(error) = &self.over {
            return Err(error.clone());
        }
        let begun = Instant::now();
        // Stays if this future is dropped half way: the answer would be taken for that of the next command.
        self.over = Some(AccessError::Dropped("a command that was given up"));
        match asked(self).await {
            Ok(answer) => {
                self.over = None;
                Ok((answer, begun.elapsed()))
            }
            Err(error) => {
                let error = match self.connection.take() {
                    Some(connection) => connection.leave_with(error).await,
                    None => error,
                };
                self.over = Some(error.clone());
                Err(error)
            }
        }
    }
}

/// Runs one command in a channel of its own.
async fn exec(
    connection: &Connection,
    command: &ReadCommand,
    bytes_max: usize,
    limits: AccessLimits,
) -> Result<(String, bool), AccessError> {
    const DURING: &str = "a command";
    let until = Instant::now() + limits.command;
    let writer = connection.channel(Reader::plain(bytes_max), until).await?;
    match timeout_at(until, writer.exec(true, command.as_str())).await {
        Err(_) => return Err(AccessError::TimedOut { what: DURING, limit: limits.command }),
        Ok(Err(_)) => return Err(connection.reason(DURING).await),
        Ok(Ok(())) => {}
    }
    if let Err(error) = connection.seen(DURING, limits.command).await {
        // The session may go on over its other channel, and this one would count among those that the appliance gives.
        timeout_at(until, writer.close()).await.ok();
        return Err(error);
    }
    let mut state = connection.shared.lock();
    Ok((state.reader.answer(), state.exit_status == Some(0)))
}

impl Session for SshSession {
    fn read<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Answer, AccessError>> {
        Box::pin(async move {
            let asked = async |session: &Self| session.ask(command, bytes_max).await;
            let ((text, complete), took) = self.answered(asked).await?;
            Ok(Answer { text: Outside::new(text), complete, took })
        })
    }

    fn read_other<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Option<Answer>, AccessError>> {
        Box::pin(async move {
            let asked = async |session: &Self| match session.ask_other(command, bytes_max).await {
                Ok(answer) => Ok(Some(answer)),
                Err(AccessError::NoChannel(reason)) => {
                    tracing::debug!(reason, "the appliance serves one channel only");
                    Ok(None)
                }
                Err(error) => Err(error),
            };
            let (answer, took) = self.answered(asked).await?;
            Ok(answer.map(|(text, complete)| Answer { text: Outside::new(text), complete, took }))
        })
    }

    fn allow(&mut self, command: Duration) {
        self.limits.command = command;
    }

    fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    fn hand_over(
        mut self: Box<Self>,
        window: (u32, u32),
    ) -> BoxFuture<'static, Result<Box<dyn Terminal>, AccessError>> {
        Box::pin(async move {
            let over = self.over.clone().unwrap_or(AccessError::Dropped("a session"));
            let Some(connection) = self.connection.take().filter(|_| self.over.is_none()) else { return Err(over) };
            let pen = match self.way {
                Way::Shell(writer) => Pen::Own(writer),
                Way::Nested(nested) => Pen::Nested(nested),
                Way::Exec => match shell(&connection, self.enable.as_ref(), self.limits).await {
                    Ok(writer) => Pen::Own(writer),
                    Err(error) => return Err(connection.leave_with(error).await),
                },
            };
            let terminal = SshTerminal::begin(connection, pen, self.limits, window).await?;
            Ok(Box::new(terminal) as Box<dyn Terminal>)
        })
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Some(connection) = self.connection.take() else { return };
            if let (Some(keys), None) = (self.way.keys(), &self.over) {
                let until = Instant::now() + self.limits.login;
                connection.send(keys, b"exit\n".to_vec(), "the goodbye", until).await.ok();
            }
            connection.leave().await;
        })
    }

    fn for_writing(self: Box<Self>, _: Proof) -> Result<Box<dyn WritingSession>, AccessError> {
        Ok(Box::new(SshWriting(*self)))
    }
}

/// A session with an appliance whose identity is proved.
struct SshWriting(SshSession);

impl WritingSession for SshWriting {
    fn read<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Answer, AccessError>> {
        self.0.read(command, bytes_max)
    }

    fn push<'a>(
        &'a mut self,
        command: &'a PushCommand,
        prints: &'a KeyPrints,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Pushed, AccessError>> {
        Box::pin(async move {
            // A backup is written in silence.
            if let Some(connection) = &mut self.0.connection {
                connection.be_patient(limit);
            }
            let asked = async |session: &SshSession| session.push(command, prints, limit).await;
            let pushed = self.0.answered(asked).await.map_err(|error| match error {
                // The echo of the command is among the last words.
                AccessError::NoPrompt(words) => AccessError::NoPrompt(command.scrub(words.as_data())),
                other => other,
            });
            Ok(pushed?.0)
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::new(self.0).close()
    }
}

/// Opens a shell, waits for its prompt, and goes on to the enable mode without paging.
async fn shell(
    connection: &Connection,
    enable: Option<&SecretString>,
    limits: AccessLimits,
) -> Result<Writer, AccessError> {
    const DURING: &str = "the way to the prompt";
    let until = Instant::now() + limits.login;
    let writer = connection.channel(Reader::terminal(), until).await?;
    let requests = async {
        writer.request_pty(false, "vt100", COLUMNS, ROWS, 0, 0, &[]).await?;
        writer.request_shell(true).await
    };
    match timeout_at(until, requests).await {
        Err(_) => return Err(AccessError::TimedOut { what: DURING, limit: limits.login }),
        Ok(Err(_)) => return Err(connection.reason(DURING).await),
        Ok(Ok(())) => {}
    }
    to_command_line(connection, Keys::Channel(&writer), enable, limits).await?;
    Ok(writer)
}

/// Waits for the first prompt, and goes on to the enable mode without paging.
async fn to_command_line(
    connection: &Connection,
    keys: Keys<'_>,
    enable: Option<&SecretString>,
    limits: AccessLimits,
) -> Result<(), AccessError> {
    const DURING: &str = "the way to the prompt";
    let mut line = Line { connection, keys, limits };
    let mode = line.first_prompt(DURING).await?;
    if mode == Mode::Standard {
        line.enable(enable, DURING).await?;
    }
    line.send(PAGING_OFF, GREETING_BYTES_MAX, false, DURING).await?;
    line.first_prompt(DURING).await.map(drop)
}

/// The command line of a shell.
struct Line<'a> {
    connection: &'a Connection,
    keys: Keys<'a>,
    limits: AccessLimits,
}

impl Line<'_> {
    /// Sends a line whose answer is then awaited. Nothing is sent when something came that nobody asked for.
    async fn send(
        &mut self,
        line: &str,
        bytes_max: usize,
        question: bool,
        during: &'static str,
    ) -> Result<(), AccessError> {
        let begun = self.connection.shared.lock().reader.begin(line, bytes_max, question);
        begun.map_err(AccessError::NoPrompt)?;
        self.type_in([line.as_bytes(), b"\n"].concat(), during).await
    }

    async fn type_in(&self, bytes: Vec<u8>, during: &'static str) -> Result<(), AccessError> {
        let until = Instant::now() + self.limits.command;
        self.connection.send(self.keys, bytes, during, until).await
    }

    /// Waits for a prompt or question and turns the pages before it.
    async fn prompt(&mut self, during: &'static str, limit: Duration) -> Result<Seen, AccessError> {
        let deadline = Instant::now() + limit;
        let mut pages = 0_u32;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let seen = self.connection.seen(during, left).await.map_err(|error| match error {
                AccessError::TimedOut { what, .. } if what == during => AccessError::TimedOut { what, limit },
                other => other,
            })?;
            let Seen::Pager(key) = seen else {
                if pages > 0 {
                    tracing::debug!(pages, "a pager was on although it had been turned off");
                }
                return Ok(seen);
            };
            pages += 1;
            self.connection.shared.lock().reader.turn_page();
            let key: &[u8] = if key == Key::Quit { b"q" } else { b" " };
            self.type_in(key.to_vec(), during).await?;
        }
    }

    /// As [`Self::prompt`] on the way to the first command, where the words that came instead tell more than a limit.
    async fn step(&mut self, during: &'static str) -> Result<Seen, AccessError> {
        let seen = self.prompt(during, self.limits.login).await;
        let state = self.connection.shared.lock();
        match seen {
            Err(AccessError::TimedOut { .. }) if !state.reader.is_silent() => {
                Err(AccessError::NoPrompt(state.reader.tail()))
            }
            seen => seen,
        }
    }

    /// A [`Self::step`] that must end at a prompt.
    async fn first_prompt(&mut self, during: &'static str) -> Result<Mode, AccessError> {
        let seen = self.step(during).await?;
        let mut state = self.connection.shared.lock();
        let Seen::Prompt(mode) = seen else { return Err(AccessError::NoPrompt(state.reader.tail())) };
        state.reader.answer();
        Ok(mode)
    }

    /// Gives a command of this file that says nothing, and returns the mode after it.
    async fn mode(&mut self, command: &str, during: &'static str) -> Result<Mode, AccessError> {
        self.send(command, GREETING_BYTES_MAX, false, during).await?;
        let seen = self.prompt(during, self.limits.command).await?;
        let mut state = self.connection.shared.lock();
        let Seen::Prompt(mode) = seen else { return Err(AccessError::NoPrompt(state.reader.tail())) };
        state.reader.answer();
        Ok(mode)
    }

    /// Enters the enable mode. Where the role may not, and nothing was asked, the session stays in the standard mode.
    async fn enable(&mut self, secret: Option<&SecretString>, during: &'static str) -> Result<(), AccessError> {
        self.send("enable", GREETING_BYTES_MAX, true, during).await?;
        if self.step(during).await? != Seen::Password {
            return self.first_prompt(during).await.map(|_| ());
        }
        let no_prompt = || AccessError::NoPrompt(self.connection.shared.lock().reader.tail());
        let secret = secret.ok_or_else(no_prompt)?;
        self.connection.shared.lock().reader.begin_unechoed();
        self.type_in([secret.expose_secret().as_bytes(), b"\n"].concat(), during).await?;
        match self.step(during).await? {
            Seen::Prompt(Mode::Standard) | Seen::Password => Err(no_prompt()),
            _ => self.first_prompt(during).await.map(|_| ()),
        }
    }
}
