//! A session at the command line: modes, paging, and one step for one line.

use serde::{Deserialize, Serialize};

use super::afflict::afflicted;
use super::commands::{Command, Does};
use super::configuration;
use super::grammar::{self, Found};
use super::push::Push;
use super::state::{Role, Unit};
use crate::lab::fault::{Effect, Fault};
use crate::model::inventory::Channel;
use crate::model::time::Time;

/// How many columns and lines a terminal has by default (docs.trellix.com, `cli session terminal length`).
const TERMINAL_LINES: u16 = 24;

/// The modes of the command line, each with everything of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// `host > `
    Standard,
    /// `host # `
    Enable,
    /// `host (config) # `
    Config,
}

/// What a session waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// A command.
    Command,
    /// The enable password.
    Password,
    /// Nothing: after its greeting it never says a word ([`Fault::NoPrompt`]).
    Nothing,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// The account.
    pub user: String,
    /// What it may do.
    pub role: Role,
    /// The mode.
    pub mode: Mode,
    /// A shell, or one command.
    pub channel: Channel,
    /// Whether long output stops at each screen; only a terminal is paged.
    pub paging: bool,
    /// Whether it has a terminal, as a shell has unless none was asked for.
    pub terminal: bool,
    /// Lines of the terminal.
    pub lines: u16,
    /// Since when it is open.
    pub since: Time,
    /// What it waits for.
    pub awaits: Awaits,
}

/// What comes back for a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The text; lines end with line feeds.
    pub text: String,
    /// The next prompt; empty when the session is closed or says nothing.
    pub prompt: String,
    /// Whether the session is closed.
    pub closed: bool,
    /// Whether the text stops at each screen.
    pub paged: bool,
    /// Whether the text is an error of the command line.
    pub error: bool,
    /// What is to be pushed before the next prompt.
    pub push: Option<Box<Push>>,
    /// What spoils the answer on the line: late, dropped, garbled (as by [`garble`]), endless.
    pub trouble: Vec<Fault>,
}

/// A line that was understood.
pub(super) struct Ask<'a> {
    /// Who asks; `lines` and the like are those of this session.
    pub shell: &'a Shell,
    /// The words in the places of the command.
    pub arguments: Vec<&'a str>,
    /// The command.
    pub command: &'static Command,
    /// When, as the unit's clock says.
    pub now: Time,
    /// When, in truth.
    pub true_now: Time,
}

impl Ask<'_> {
    /// The line with every word spelled in full.
    pub(super) fn full(&self) -> String {
        let fixed = self.command.words.split(' ');
        let mut arguments = self.arguments.iter();
        let mut words = Vec::new();
        for word in fixed {
            if word.ends_with('*') {
                words.extend(arguments.by_ref().copied());
            } else if word.starts_with('<') {
                words.extend(arguments.next());
            } else {
                words.push(word);
                // After the first place, fixed words were typed among the arguments as well.
                if words.len() > self.command.words.split(' ').take_while(|word| !word.starts_with('<')).count() {
                    arguments.next();
                }
            }
        }
        words.join(" ")
    }

    /// The first argument.
    pub(super) fn first(&self) -> &str {
        self.arguments.first().copied().unwrap_or("")
    }
}

impl Unit {
    /// Opens a session for an account that has logged in. A shell greets and pages its output; a channel for one
    /// command is in enable mode, since nothing but the command can be said there (modelled).
    pub fn open(&mut self, user: &str, channel: Channel, now: Time) -> (Shell, Output) {
        let role = self.user(user).map_or(Role::Monitor, |user| user.role);
        let mute = self.take(Fault::NoPrompt);
        let shell = Shell {
            user: user.to_owned(),
            role,
            mode: if channel == Channel::Shell { Mode::Standard } else { Mode::Enable },
            channel,
            paging: true,
            terminal: channel == Channel::Shell,
            lines: TERMINAL_LINES,
            since: now,
            awaits: if mute { Awaits::Nothing } else { Awaits::Command },
        };
        let maker = if self.since(&[10]) { "Trellix" } else { "FireEye" };
        let text =
            if channel == Channel::Shell { format!("{maker} Command Line Interface\n\n") } else { String::new() };
        let prompt = self.prompt(&shell);
        (shell, Output { text, prompt, ..Output::default() })
    }

    /// The session has ended: faults of state that were limited in number have taken effect once more.
    pub fn leave(&mut self) {
        let faults = self.faults.keys().copied().filter(|fault| fault.effect() == Effect::State).collect::<Vec<_>>();
        for fault in faults {
            self.take(fault);
        }
    }

    /// The prompt that waits for the next line.
    fn prompt(&self, shell: &Shell) -> String {
        match shell.awaits {
            _ if shell.channel == Channel::Exec => return String::new(),
            Awaits::Nothing => return String::new(),
            Awaits::Password => return "Password: ".to_owned(),
            Awaits::Command => {}
        }
        let sign = match shell.mode {
            Mode::Standard => ">",
            Mode::Enable => "#",
            Mode::Config => "(config) #",
        };
        format!("{} {sign} ", self.settings.hostname())
    }

    /// One line of input.
    pub fn step(&mut self, shell: &mut Shell, line: &str, now: Time) -> Output {
        let mut output = match shell.awaits {
            Awaits::Nothing => return Output::default(),
            Awaits::Password => self.take_password(shell, line),
            Awaits::Command => self.answer(shell, line.trim(), now),
        };
        if !output.closed {
            output.prompt = self.prompt(shell);
            output.paged = shell.terminal && shell.paging;
        }
        output
    }

    fn take_password(&self, shell: &mut Shell, line: &str) -> Output {
        shell.awaits = Awaits::Command;
        if self.enable_password.as_deref() == Some(line) {
            shell.mode = Mode::Enable;
            return Output::default();
        }
        error("% Bad password\n")
    }

    fn answer(&mut self, shell: &mut Shell, line: &str, now: Time) -> Output {
        if line.is_empty() {
            return Output::default();
        }
        if let Some(begun) = line.strip_suffix('?') {
            return Output { text: grammar::help(self, shell, begun), ..Output::default() };
        }
        let (command, arguments) = match grammar::resolve(self, shell, line) {
            Found::Command(command, arguments) => (command, arguments),
            Found::Error(text) => return error(text),
        };
        self.hold_counters(now);
        let ahead_ms = afflicted(self).ntp.ahead_ms;
        let asker = shell.clone();
        let ask = Ask { shell: &asker, arguments, command, now: now.plus_ms(ahead_ms), true_now: now };
        let said = |text: String| Output { error: text.starts_with('%'), text, ..Output::default() };
        match command.does {
            Does::Session(does) => does(self, shell, &ask),
            Does::Backup => {
                let mut words = ask.arguments.iter().filter(|word| **word != "to").copied();
                let (profile, to) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                self.backup(profile, to, now)
            }
            Does::Dump => said(self.write_dump(now)),
            Does::UploadDump => {
                let mut words = ask.arguments.iter().copied();
                let (which, to) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                self.upload_dump(which, to, now)
            }
            Does::Change(does) => said(does(self, &ask)),
            Does::Say(does) => {
                let text = does(&afflicted(self), &ask);
                Output { trouble: self.take_trouble(), ..said(text) }
            }
            Does::Running => {
                let text = configuration::running_text(self, asker.channel, ask.now);
                Output { trouble: self.take_trouble(), ..said(text) }
            }
        }
    }

    /// The trouble of the line that spoils this answer.
    fn take_trouble(&mut self) -> Vec<Fault> {
        let faults = [Fault::Slow, Fault::SlowLine, Fault::DropMidCommand, Fault::Garble, Fault::EndlessOutput];
        faults.into_iter().filter(|fault| self.take(*fault)).collect()
    }

    /// Gives a configuration command as an administrator; `Err` is what the command line says against it.
    pub fn change(&mut self, line: &str, now: Time) -> Result<(), String> {
        let (mut shell, _) = self.open("admin", Channel::Exec, now);
        (shell.role, shell.mode, shell.awaits) = (Role::Admin, Mode::Config, Awaits::Command);
        let output = self.step(&mut shell, line, now);
        if output.error { Err(output.text) } else { Ok(()) }
    }

    /// The secrets that stand in the running configuration, each as it is written there.
    pub fn secrets(&self) -> Vec<String> {
        configuration::secrets(self)
    }
}

fn error(text: impl Into<String>) -> Output {
    Output { text: text.into(), error: true, ..Output::default() }
}

/// Damages every 41st byte, so that the text is no UTF-8 any more.
pub fn garble(text: &str) -> Vec<u8> {
    text.bytes().enumerate().map(|(at, byte)| if at % 41 == 40 && byte != b'\n' { 0xfe } else { byte }).collect()
}

pub(super) fn enable(unit: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    if shell.mode == Mode::Standard {
        if unit.enable_password.is_some() {
            shell.awaits = Awaits::Password;
        } else {
            shell.mode = Mode::Enable;
        }
    }
    Output::default()
}

pub(super) fn disable(_: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    shell.mode = Mode::Standard;
    Output::default()
}

pub(super) fn configure(_: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    shell.mode = Mode::Config;
    Output::default()
}

pub(super) fn leave_configure(_: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    shell.mode = Mode::Enable;
    Output::default()
}

pub(super) fn exit(_: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    if shell.mode == Mode::Config {
        shell.mode = Mode::Enable;
        Output::default()
    } else {
        Output { closed: true, ..Output::default() }
    }
}

pub(super) fn paging_off(_: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    shell.paging = false;
    Output::default()
}

pub(super) fn paging_on(_: &mut Unit, shell: &mut Shell, _: &Ask<'_>) -> Output {
    shell.paging = true;
    Output::default()
}

pub(super) fn length(_: &mut Unit, shell: &mut Shell, ask: &Ask<'_>) -> Output {
    match ask.first().parse::<u16>() {
        Ok(lines) if (2..=1000).contains(&lines) => {
            shell.lines = lines;
            Output::default()
        }
        _ => error(format!("% Invalid terminal length \"{}\".\n", ask.first())),
    }
}

pub(super) fn ignored(_: &mut Unit, _: &mut Shell, _: &Ask<'_>) -> Output {
    Output::default()
}
