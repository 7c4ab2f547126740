//! Finds where the answer to a command begins and ends in what a channel says. Pure.

use std::time::Duration;

use super::prompt::{self, Key, Mode, Prompt};
use super::screen::Screen;
use crate::model::limits::{GREETING_BYTES_MAX, LINE_BYTES_MAX};
use crate::model::outside::Outside;

/// Bytes after the last line end that may be a prompt and do not count as answer until they are none.
const PROMPT_SLACK: usize = 256;
/// Bytes of a text that comes in one message.
const SHORT: usize = 1024;
/// Bytes of what was seen last that an error quotes.
const TAIL_BYTES: usize = 200;
/// What an error quotes after a secret was typed.
const NOT_QUOTED: &str = "not quoted, since it may hold what was typed";

/// What the end of the text so far looks like. More text may show that it was something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing that ends an answer.
    More,
    /// The prompt.
    Prompt(Mode),
    /// A pager that waits for a key.
    Pager(Key),
    /// A question for a password.
    Password,
    /// A question whether a host key is the right one.
    HostKey,
    /// The end of the channel.
    End,
    /// Text that is no echo where the echo of the line should be: prompts and answers are out of step.
    Unasked,
    /// More bytes than a limit: of what, and the limit.
    Over(&'static str, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    FirstPrompt,
    Prompt,
    /// As `Prompt`, or a question for a password.
    PromptOrQuestion,
    /// The end of the channel.
    End,
    /// The end of the channel came.
    Ended,
    /// No command was sent: nothing should come.
    Idle,
}

/// How a terminal echoes Ctrl-C.
const GIVEN_UP: &[u8] = b"^C";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Echo {
    Awaited(String),
    Stripped,
    Absent,
    /// A secret may have been typed, unseen: what came since may hold its echo, and is quoted nowhere.
    Secret,
}

/// What is known about the line whose end was not seen yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLine {
    /// It came in one message.
    Whole,
    /// It came in more than one.
    InPieces,
    /// A key was sent to the pager whose question it is.
    Turned,
}

/// Reads one channel: first the greeting, then one answer after the other.
#[derive(Debug)]
pub(super) struct Reader {
    screen: Screen,
    until: Until,
    echo: Echo,
    /// The first command was echoed, so an answer without an echo is no answer to our command.
    echoes: bool,
    prompt: Option<Prompt>,
    raw: usize,
    bytes_max: usize,
    over: Option<(&'static str, usize)>,
    last: LastLine,
    /// Something looked like the prompt and was none.
    doubtful: bool,
    /// A person typed the line, who may give its answer up.
    typed: bool,
}

impl Reader {
    /// Of a terminal: its first prompt is still to come.
    pub(super) const fn terminal() -> Self {
        Self::new(Until::FirstPrompt, GREETING_BYTES_MAX)
    }

    /// Of a channel for one command without a terminal.
    pub(super) const fn plain(bytes_max: usize) -> Self {
        Self::new(Until::End, bytes_max)
    }

    const fn new(until: Until, bytes_max: usize) -> Self {
        Self {
            screen: Screen::new(!matches!(until, Until::End)),
            until,
            echo: Echo::Absent,
            echoes: false,
            prompt: None,
            raw: 0,
            bytes_max,
            over: None,
            last: LastLine::Whole,
            doubtful: false,
            typed: false,
        }
    }

    /// Waits for the answer to a line that is about to be sent. Text that came unasked since the last prompt means
    /// that prompt and answers are out of step: it is given back as error.
    pub(super) fn begin(&mut self, line: &str, bytes_max: usize, question: bool) -> Result<(), Outside> {
        if self.over.is_some() || !self.screen.text().iter().all(u8::is_ascii_whitespace) {
            return Err(self.tail());
        }
        self.start(if question { Until::PromptOrQuestion } else { Until::Prompt }, bytes_max);
        self.echo = Echo::Awaited(line.to_owned());
        Ok(())
    }

    /// As [`Self::begin`] for a line of a person, who sees for themselves what came unasked.
    pub(super) fn begin_typed(&mut self, line: &str, bytes_max: usize) {
        self.start(Until::Prompt, bytes_max);
        (self.echoes, self.typed) = (false, true);
        self.echo = Echo::Awaited(line.to_owned());
    }

    /// The lines behind so many bytes, and the line whose end was not seen. While the echo is awaited there are none.
    pub(super) fn so_far(&self, passed: usize) -> (&[u8], &[u8]) {
        if matches!(self.echo, Echo::Awaited(_)) && self.until == Until::Prompt {
            return (b"", b"");
        }
        let (text, line) = (self.screen.text(), self.unbroken(self.screen.line()));
        (text.get(passed..text.len() - line.len()).unwrap_or_default(), line)
    }

    /// What stands behind the sign that an answer was given up, which not every terminal ends a line with.
    fn unbroken<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let at = if self.typed { memchr::memmem::rfind(line, GIVEN_UP) } else { None };
        at.and_then(|at| line.get(at + GIVEN_UP.len()..)).unwrap_or(line)
    }

    /// Waits for what follows the answer to a question, which is not echoed.
    pub(super) fn begin_unechoed(&mut self) {
        self.start(Until::PromptOrQuestion, GREETING_BYTES_MAX);
        self.echo = Echo::Secret;
    }

    fn start(&mut self, until: Until, bytes_max: usize) {
        self.screen = Screen::new(true);
        (self.until, self.bytes_max, self.raw) = (until, bytes_max, 0);
        (self.last, self.doubtful) = (LastLine::Whole, false);
    }

    /// Takes bytes as they came. After a limit was broken the rest is thrown away.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.over.is_some() {
            return;
        }
        self.raw = self.raw.saturating_add(bytes.len());
        // A pager erases its question. Text that goes on behind it shows that it was no question.
        if self.last == LastLine::Turned && bytes.first().is_some_and(u8::is_ascii_control) {
            self.screen.erase_line();
        }
        if self.until != Until::Idle && !bytes.trim_ascii().is_empty() && self.mode(self.screen.line()).is_some() {
            self.doubtful = true;
        }
        let (begun, ended) = (!self.screen.line().is_empty(), self.screen.lines_ended());
        self.screen.feed(bytes);
        let in_pieces = begun && self.screen.lines_ended() == ended;
        self.last = if in_pieces { LastLine::InPieces } else { LastLine::Whole };
        self.strip_echo();
        let what = if self.until == Until::FirstPrompt { "the greeting" } else { "the answer" };
        let slack = if self.until == Until::End { 0 } else { self.screen.line().len().min(PROMPT_SLACK) };
        // Noise that never becomes text has a limit as well.
        let raw_max = self.bytes_max.saturating_mul(2).saturating_add(LINE_BYTES_MAX);
        if self.screen.text().len() - slack > self.bytes_max || self.raw > raw_max {
            self.over = Some((what, self.bytes_max));
        } else if self.screen.line_longest() > LINE_BYTES_MAX {
            self.over = Some(("a line", LINE_BYTES_MAX));
        }
    }

    fn strip_echo(&mut self) {
        let Echo::Awaited(line) = &self.echo else { return };
        match find_echo(self.screen.text(), line.as_bytes()) {
            Found::Until(end) => {
                self.screen.forget(end);
                (self.echo, self.echoes) = (Echo::Stripped, true);
            }
            // The bound keeps blanks without end from being looked through again and again.
            Found::Part if self.screen.text().len() <= SHORT => {}
            Found::Part | Found::Other => self.echo = Echo::Absent,
        }
    }

    /// What the end of the text looks like.
    pub(super) fn seen(&self) -> Seen {
        if let Some((what, limit)) = self.over {
            return Seen::Over(what, limit);
        }
        if self.until == Until::Ended {
            return Seen::End;
        }
        if self.echoes && self.echo == Echo::Absent {
            return Seen::Unasked;
        }
        let line = self.screen.line();
        if line.is_empty() || self.last == LastLine::Turned || matches!(self.until, Until::End | Until::Idle) {
            return Seen::More;
        }
        if let Some(mode) = self.mode(self.unbroken(line)) {
            Seen::Prompt(mode)
        } else if self.until == Until::PromptOrQuestion && prompt::is_password_question(line) {
            Seen::Password
        } else if self.until == Until::PromptOrQuestion && prompt::is_host_key_question(line) {
            Seen::HostKey
        } else {
            prompt::pager(line).map_or(Seen::More, Seen::Pager)
        }
    }

    fn mode(&self, line: &[u8]) -> Option<Mode> {
        let Some(prompt) = &self.prompt else { return Prompt::learn(line).map(|(_, mode)| mode) };
        let in_step = match self.echo {
            Echo::Stripped | Echo::Secret => true,
            Echo::Absent => !self.screen.is_first_line(),
            Echo::Awaited(_) => false,
        };
        if in_step { prompt.mode(line) } else { None }
    }

    /// Takes note of the end of the channel, which without a terminal is the end of the answer.
    pub(super) fn close(&mut self) {
        if self.until == Until::End {
            self.until = Until::Ended;
        }
    }

    /// The silence after which what the end of the text looks like is believed. A short text is believed at once; a
    /// long one may have been cut into messages anywhere, and what once was no prompt may be none again.
    pub(super) fn settles_in(&self) -> Duration {
        match self.seen() {
            Seen::Prompt(_) if self.doubtful => Duration::from_secs(1),
            Seen::Prompt(_) | Seen::Password | Seen::HostKey
                if self.last == LastLine::Whole && self.screen.text().len() <= SHORT =>
            {
                Duration::ZERO
            }
            _ => Duration::from_millis(20),
        }
    }

    /// Takes the answer before the prompt that was seen, and learns the prompt if it is the first.
    pub(super) fn answer(&mut self) -> String {
        if self.prompt.is_none() {
            self.prompt = Prompt::learn(self.screen.line()).map(|(prompt, _)| prompt);
        }
        if self.until != Until::Ended {
            self.screen.erase_line();
        }
        self.until = Until::Idle;
        self.raw = 0;
        std::mem::replace(&mut self.screen, Screen::new(true)).into_text()
    }

    /// Takes note that the pager's key is about to be sent.
    pub(super) const fn turn_page(&mut self) {
        self.last = LastLine::Turned;
    }

    /// Everything since the line was sent.
    pub(super) fn said(&self) -> Outside {
        self.quoted(self.screen.text())
    }

    /// The last words, for an error.
    pub(super) fn tail(&self) -> Outside {
        let text = self.screen.text();
        self.quoted(text.get(text.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default())
    }

    fn quoted(&self, text: &[u8]) -> Outside {
        if self.echo == Echo::Secret { Outside::from(NOT_QUOTED) } else { Outside::from_bytes(text) }
    }

    /// Whether nothing came at all, not even the echo of the last line.
    pub(super) const fn is_silent(&self) -> bool {
        self.raw == 0
    }
}

enum Found {
    /// The whole echo and the line end behind it, up to this place.
    Until(usize),
    /// Its beginning.
    Part,
    /// Something else.
    Other,
}

/// Looks for the echo of a line at the start of a text. A terminal may break it anywhere and write the byte at the
/// break twice.
fn find_echo(text: &[u8], line: &[u8]) -> Found {
    let mut rest = line;
    let (mut last, mut blank) = (b'\n', true);
    for (place, byte) in text.iter().copied().enumerate() {
        match rest.split_first() {
            None if byte == b'\n' => return Found::Until(place + 1),
            Some((first, behind)) if *first == byte => (rest, last) = (behind, byte),
            _ if byte.is_ascii_whitespace() => {}
            // A break took the place of a space.
            Some((b' ', behind)) if blank && behind.first() == Some(&byte) => {
                (rest, last) = (behind.get(1..).unwrap_or_default(), byte);
            }
            _ if blank && byte == last => {}
            _ => return Found::Other,
        }
        blank = byte == b'\n' || byte == b' ';
    }
    Found::Part
}

#[cfg(test)]
mod tests;
