//! What is said on one channel: a shell, or one command.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use russh::server::Msg;
use russh::{Channel, ChannelMsg};

use super::listener::Wire;
use super::push;
use super::terminal::{Terminal, Typed};
use crate::lab::fault::Fault;
use crate::lab::rack::Place;
use crate::lab::unit::pager::Pager;
use crate::lab::unit::{Awaits, Output, Push, Shell, garble};
use crate::model::inventory::Channel as Way;

/// How late a slow unit answers.
const SLOW: Duration = Duration::from_secs(3);
/// What a slow line adds to each answer, and how many bytes of it come in each tenth of a second: 512 kbit/s.
const LINE_DELAY: Duration = Duration::from_millis(300);
const LINE_PIECE: usize = 6_400;
const LINE_PAUSE: Duration = Duration::from_millis(100);
/// How long the half of an answer has to reach the wire before the connection is cut.
const BEFORE_CUT: Duration = Duration::from_millis(50);
/// A piece of an answer that never ends.
const ENDLESS_PIECE: &str = "  RX packets:          0000000000\n";

/// The channel is gone, or the connection is: there is nobody to speak to any more.
struct Gone;

/// The task of one channel.
pub(super) struct Task {
    place: Arc<Place>,
    wire: Wire,
    user: String,
    /// The connection, to be cut; of a channel behind a bastion, the channel is.
    socket: Option<Arc<OwnedFd>>,
    terminal: Terminal,
    /// Lines of the terminal, when one was asked for.
    lines: Option<u16>,
    shell: Option<Shell>,
    /// A push that waits for yes or no to a host key.
    asking: Option<(Box<Push>, String)>,
}

impl Task {
    pub(super) fn new(place: Arc<Place>, wire: Wire, user: String, socket: Arc<OwnedFd>) -> Self {
        Self {
            place,
            wire,
            user,
            socket: Some(socket),
            terminal: Terminal::default(),
            lines: None,
            shell: None,
            asking: None,
        }
    }

    /// The terminal of a unit in the channel of a bastion.
    pub(super) fn nested(place: Arc<Place>, wire: Wire, user: String, lines: u16) -> Self {
        Self {
            place,
            wire,
            user,
            socket: None,
            terminal: Terminal::default(),
            lines: Some(lines),
            shell: None,
            asking: None,
        }
    }

    /// As [`Self::run`], from the prompt of the shell on, with what was typed before it came.
    pub(super) async fn run_shell(mut self, channel: Channel<Msg>, ahead: Vec<u8>) {
        let begun = async {
            self.start_shell(&channel).await?;
            self.hear(&channel, &ahead).await
        };
        if begun.await.is_ok() {
            self.run(channel).await;
        }
    }

    /// Speaks until one side has had enough.
    pub(super) async fn run(mut self, mut channel: Channel<Msg>) {
        while let Some(message) = channel.wait().await {
            let going_on = match message {
                ChannelMsg::RequestPty { row_height, .. } => {
                    // A client without a window of its own says 0.
                    self.lines = Some(u16::try_from(row_height).ok().filter(|lines| *lines > 1).unwrap_or(24));
                    Ok(())
                }
                ChannelMsg::RequestShell { .. } => self.start_shell(&channel).await,
                // The connection has said no.
                ChannelMsg::Exec { .. } if self.place.with(|unit| unit.take(Fault::ExecRefused)) => Ok(()),
                ChannelMsg::Exec { command, .. } => {
                    let status = self.run_command(&channel, &String::from_utf8_lossy(&command)).await;
                    self.end(&channel, status).await
                }
                ChannelMsg::Data { data } => self.hear(&channel, &data).await,
                ChannelMsg::Eof if self.shell.is_some() => self.end(&channel, Ok(0)).await,
                ChannelMsg::Close => Err(Gone),
                _ => Ok(()),
            };
            if going_on.is_err() {
                return;
            }
        }
    }

    async fn start_shell(&mut self, channel: &Channel<Msg>) -> Result<(), Gone> {
        let (mut shell, output) = self.place.open(&self.user, Way::Shell);
        shell.terminal = self.lines.is_some();
        shell.lines = self.lines.unwrap_or(shell.lines);
        self.terminal.echo = shell.terminal && shell.awaits == Awaits::Command;
        self.shell = Some(shell);
        self.say(channel, &output.text).await?;
        self.say(channel, &output.prompt).await
    }

    /// Runs each line of a command given with the channel; the exit status is 1 after an error.
    async fn run_command(&mut self, channel: &Channel<Msg>, command: &str) -> Result<u32, Gone> {
        let (mut shell, _) = self.place.open(&self.user, Way::Exec);
        if shell.awaits == Awaits::Nothing {
            std::future::pending::<()>().await;
        }
        let mut status = 0;
        for line in command.lines().take(100) {
            let output = self.obey(channel, &mut shell, line).await?;
            status = u32::from(output.error);
            self.answer(channel, &output).await?;
            if output.closed {
                break;
            }
        }
        Ok(status)
    }

    async fn end(&self, channel: &Channel<Msg>, status: Result<u32, Gone>) -> Result<(), Gone> {
        channel.exit_status(status?).await.map_err(|_| Gone)?;
        channel.eof().await.map_err(|_| Gone)?;
        channel.close().await.map_err(|_| Gone)?;
        Err(Gone)
    }

    /// Bytes from the one who types. Echo is gathered, so that a line typed by a program costs one packet.
    async fn hear(&mut self, channel: &Channel<Msg>, bytes: &[u8]) -> Result<(), Gone> {
        let mut echo = Vec::new();
        for byte in bytes {
            match self.terminal.key(*byte) {
                Typed::Echo(bytes) => echo.extend(bytes),
                Typed::Line(line, bytes) => {
                    echo.extend(bytes);
                    self.write(channel, std::mem::take(&mut echo)).await?;
                    self.line(channel, &line).await?;
                }
                Typed::Page(screen) => {
                    self.say(channel, &screen.text).await?;
                    if screen.done {
                        let prompt = self.prompt();
                        self.say(channel, &prompt).await?;
                    }
                }
                Typed::Leave => return self.end(channel, Ok(0)).await,
            }
        }
        self.write(channel, echo).await
    }

    /// The prompt as it stands now: an empty line asks for nothing else.
    fn prompt(&mut self) -> String {
        self.shell.as_mut().map_or_else(String::new, |shell| {
            self.place.with(|unit| unit.step(shell, "", crate::model::time::Time::from_ms(0))).prompt
        })
    }

    /// Goes on with a push: asks about an unknown host key, as `ssh client global host-key-check ask` says, or sends.
    async fn push(&mut self, channel: &Channel<Msg>, push: Box<Push>) -> Result<(), Gone> {
        let host = push.address.to_string();
        let Some(shown) = push::look(&push).await else {
            return self.pushed(channel, &push, Some("Connection refused".to_owned())).await;
        };
        let known = self.place.with(|unit| unit.known_hosts.get(&host).cloned());
        let any = self.place.with(|unit| unit.take(Fault::TakesAnyKey));
        match known {
            _ if any => self.send(channel, &push, shown).await,
            Some(known) if known == shown => self.send(channel, &push, shown).await,
            Some(_) => self.pushed(channel, &push, Some("Host key verification failed.".to_owned())).await,
            None => {
                let host = push.address.ip();
                let question = format!(
                    "The authenticity of host '{host} ({host})' can't be established.\n\
                     ED25519 key fingerprint is {shown}.\n\
                     Are you sure you want to continue connecting (yes/no)? "
                );
                self.asking = Some((push, shown));
                self.terminal.echo = true;
                self.say(channel, &question).await
            }
        }
    }

    async fn send(&mut self, channel: &Channel<Msg>, push: &Push, known: String) -> Result<(), Gone> {
        let cut = self.place.with(|unit| unit.take(Fault::PushCut));
        let failed = push::push(push, known, cut).await;
        self.pushed(channel, push, failed).await
    }

    async fn pushed(&mut self, channel: &Channel<Msg>, push: &Push, failed: Option<String>) -> Result<(), Gone> {
        let now = self.place.now();
        self.place.with(|unit| unit.pushed(push, failed.is_none(), now));
        if let Some(why) = failed {
            let what = if push.profile.is_empty() { "Upload" } else { "Backup" };
            self.say(channel, &format!("% {what} failed: {why}\n")).await?;
        }
        let prompt = self.prompt();
        self.say(channel, &prompt).await
    }

    async fn line(&mut self, channel: &Channel<Msg>, line: &str) -> Result<(), Gone> {
        if let Some((push, shown)) = self.asking.take() {
            if line.trim() != "yes" {
                return self.pushed(channel, &push, Some("Host key verification failed.".to_owned())).await;
            }
            let host = push.address.to_string();
            self.place.with(|unit| unit.known_hosts.insert(host, shown.clone()));
            return self.send(channel, &push, shown).await;
        }
        let Some(mut shell) = self.shell.take() else { return Ok(()) };
        let output = self.obey(channel, &mut shell, line).await?;
        if let Some(push) = output.push {
            self.shell = Some(shell);
            return self.push(channel, push).await;
        }
        self.terminal.echo = shell.terminal && shell.awaits == Awaits::Command;
        let lines = shell.lines;
        self.shell = Some(shell);
        if output.paged
            && let Some(mut pager) = Pager::new(&output.text, lines)
        {
            let first = pager.first();
            self.terminal.pager = Some(pager);
            return self.say(channel, &first.text).await;
        }
        self.answer(channel, &output).await?;
        if output.closed { self.end(channel, Ok(0)).await } else { Ok(()) }
    }

    /// Lets the unit answer, and waits as long as the answer takes.
    async fn obey(&self, channel: &Channel<Msg>, shell: &mut Shell, line: &str) -> Result<Output, Gone> {
        let (output, held) = self.place.run(shell, line);
        if let Some(held) = held {
            held.released().await;
        }
        let mut late = self.wire.latency;
        late += if output.trouble.contains(&Fault::Slow) { SLOW } else { Duration::ZERO };
        late += if output.trouble.contains(&Fault::SlowLine) { LINE_DELAY } else { Duration::ZERO };
        if !late.is_zero() && !line.trim().is_empty() {
            tokio::time::sleep(late).await;
        }
        if output.trouble.contains(&Fault::DropMidCommand) {
            let half = output.text.len() / 2;
            let bytes = output.text.as_bytes().get(..half).unwrap_or_default().to_vec();
            self.write(channel, bytes).await?;
            tokio::time::sleep(BEFORE_CUT).await;
            // As a line breaks: no word of SSH says that it is the end.
            match &self.socket {
                None => channel.close().await.map_err(|_| Gone)?,
                Some(socket) => {
                    if let Err(error) = rustix::net::shutdown(socket, rustix::net::Shutdown::Both) {
                        tracing::debug!(%error, "the connection was gone already");
                    }
                }
            }
            return Err(Gone);
        }
        Ok(output)
    }

    /// Writes an answer and the prompt after it, which is empty for a single command.
    async fn answer(&self, channel: &Channel<Msg>, output: &Output) -> Result<(), Gone> {
        if output.trouble.contains(&Fault::EndlessOutput) {
            loop {
                self.say(channel, &ENDLESS_PIECE.repeat(256)).await?;
            }
        }
        let text = self.wired(&output.text);
        let mut bytes = if output.trouble.contains(&Fault::Garble) { garble(&text) } else { text.into_bytes() };
        bytes.extend_from_slice(output.prompt.as_bytes());
        if output.trouble.contains(&Fault::SlowLine) {
            for piece in bytes.chunks(LINE_PIECE) {
                tokio::time::sleep(LINE_PAUSE).await;
                self.write(channel, piece.to_vec()).await?;
            }
            return Ok(());
        }
        self.write(channel, bytes).await
    }

    /// The text with the line ends of this unit: a terminal adds returns, unless the unit is one that does not; without
    /// a terminal the oldest releases have them all the same.
    fn wired(&self, text: &str) -> String {
        let returns = self.place.with(|unit| {
            if self.lines.is_some() && self.shell.is_some() { !unit.bare_line_feeds } else { !unit.since(&[8]) }
        });
        if returns { text.replace('\n', "\r\n") } else { text.to_owned() }
    }

    async fn say(&self, channel: &Channel<Msg>, text: &str) -> Result<(), Gone> {
        if text.is_empty() {
            return Ok(());
        }
        self.write(channel, self.wired(text).into_bytes()).await
    }

    async fn write(&self, channel: &Channel<Msg>, bytes: Vec<u8>) -> Result<(), Gone> {
        if bytes.is_empty() {
            return Ok(());
        }
        channel.data_bytes(bytes).await.map_err(|_| Gone)
    }
}
