//! `hoshu login` and `hoshu console`.

mod editor;
mod keyboard;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use self::editor::{Editor, Keyed};
use self::keyboard::{Keyboard, window};
use super::out::{Cell, Out, Tone, counted};
use super::{Context, Doors, Ended, Need, person};
use crate::model::inventory::DataPath;
use crate::model::name::SeatName;
use crate::model::outside::{Outside, encode_line};
use crate::model::realm::Realm;
use crate::service::Stopwatch;
use crate::service::login::{self, Banner, Console, Failure, Heard, IDLE, Login, Over, SessionEnd, TerminalKey, Waits};
use crate::service::refusal::Refusal;

/// How often the wish to stop is looked for.
const STOP_EVERY: Duration = Duration::from_millis(200);
/// How long the store is waited for to keep a transcript, beside what each attempt waits by itself.
const KEEP_TRIES: usize = 60;
/// Keys that wait while an answer is under way; what is typed beyond them is lost.
const KEYS_MAX: usize = 4096;

/// Open a recorded shell at one appliance, in which only commands that look are sent.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The seat.
    seat: SeatName,
}

/// Say how the console of one appliance is reached. No console is dialled.
#[derive(Debug, clap::Args)]
pub struct ConsoleArgs {
    /// The seat.
    seat: SeatName,
}

fn show_banner(out: Out, banner: &Banner) {
    let word = |text: &Option<Outside>| {
        text.as_ref().map_or_else(|| "unknown".to_owned(), |text| text.for_terminal().into_owned())
    };
    let (realm, tone) = match banner.realm {
        Realm::Lab => ("LAB: a simulated appliance", Tone::Good),
        Realm::Live => ("LIVE: a customer's appliance", Tone::Bad),
    };
    out.toned(&format!("{realm}: {} of {}", banner.seat, banner.customer_title), tone);
    let path = match banner.data_path {
        DataPath::InlineFailClose => Cell::toned("inline-fail-close: an outage here cuts the customer off", Tone::Bad),
        DataPath::InlineFailOpen => {
            Cell::toned("inline-fail-open: the customer's traffic passes through it", Tone::Bad)
        }
        DataPath::MailMta => Cell::toned("mail-mta: the customer's mail passes through it", Tone::Bad),
        other => Cell::toned(other.to_string(), Tone::Plain),
    };
    let findings = if banner.findings == 0 {
        Cell::toned("none open", Tone::Good)
    } else {
        Cell::toned(format!("{} open (hoshu card {})", banner.findings, banner.seat), Tone::Care)
    };
    let hardware = format!("{} {}, serial {}", banner.series, banner.model, word(&banner.serial));
    let mut rows: Vec<Vec<Cell>> = vec![
        vec!["customer".into(), format!("{}, site {}", banner.customer, banner.site).into()],
        vec!["hardware".into(), hardware.into()],
        vec!["release".into(), word(&banner.release).into()],
        vec!["data path".into(), path],
        vec!["findings".into(), findings],
    ];
    for notice in &banner.notices {
        rows.push(vec![notice.about.into(), Cell::toned(notice.text.clone(), Tone::Care)]);
    }
    rows.push(vec!["recorded".into(), format!("{}, from here to the end", banner.transcript).into()]);
    out.columns(rows);
    out.data("Only commands that look are sent. ? or Tab asks for help, Ctrl-C gives up an answer, ~. leaves.");
    out.data("");
}

/// How a loop of keys and words ended.
type Outcome = (SessionEnd, String);

/// A session as its person sees it.
struct Seen<'a> {
    out: Out,
    login: &'a mut Login,
    editor: Editor,
    keys: VecDeque<u8>,
    prompt: Outside,
    waits: Waits,
    columns: usize,
    /// A line is on the screen whose end was not seen.
    open_line: bool,
    /// What was typed while an answer was under way begins with `~`.
    tilde: bool,
}

impl Seen<'_> {
    fn draw(&mut self) {
        let (line, at) = self.editor.shown();
        match self.waits {
            Waits::Command => self.out.line_drawn(&self.prompt, line, at, self.columns),
            _ => self.out.line_drawn(&self.prompt, "", 0, self.columns),
        }
        self.open_line = true;
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            self.out.line_ended();
        }
    }

    fn remark(&mut self, text: &str) {
        self.end_line();
        self.out.lines_drawn(&format!("hoshu: {text}\n"));
    }

    fn heard(&mut self, heard: &Heard) -> Option<Outcome> {
        if !heard.lines.is_empty() {
            if std::mem::take(&mut self.open_line) {
                if self.waits == Waits::Command { self.out.line_ended() } else { self.out.line_wiped() }
            }
            self.out.lines_drawn(heard.lines.as_data());
        }
        match heard.waits {
            Waits::Gone => {
                self.end_line();
                return Some((SessionEnd::Closed, "the appliance closed the session".to_owned()));
            }
            // Said while the person types: their line is drawn again below it.
            Waits::Nothing if self.waits == Waits::Command => {
                if !heard.lines.is_empty() {
                    self.draw();
                }
            }
            waits => {
                self.waits = waits;
                self.prompt = heard.line.clone();
                if !heard.line.is_empty() {
                    self.draw();
                }
            }
        }
        None
    }

    /// Keys that came while an answer is under way: two of them mean something at once.
    async fn pressed(&mut self, bytes: &[u8]) -> Result<Option<Outcome>, Outcome> {
        for byte in bytes {
            let under_way = self.waits == Waits::Nothing;
            if under_way && *byte == 3 {
                self.keys.clear();
                self.login.key(TerminalKey::Interrupt).await.map_err(broke)?;
                continue;
            }
            if under_way && *byte == b'.' && self.tilde {
                self.end_line();
                return Ok(Some((SessionEnd::Left, String::new())));
            }
            self.tilde = under_way && *byte == b'~';
            if self.keys.len() < KEYS_MAX {
                self.keys.push_back(*byte);
            }
        }
        self.work_off().await
    }

    /// Takes the keys that can be taken now.
    async fn work_off(&mut self) -> Result<Option<Outcome>, Outcome> {
        while self.waits != Waits::Nothing
            && let Some(byte) = self.keys.pop_front()
        {
            if self.waits == Waits::Page {
                self.page(byte).await?;
                continue;
            }
            match self.editor.key(byte) {
                Keyed::Edited => self.draw(),
                Keyed::Line(line) => {
                    self.send(&line).await?;
                }
                Keyed::Help(line) => {
                    self.out.line_drawn(&self.prompt, &line, line.len(), self.columns);
                    self.send(&line).await?;
                }
                Keyed::GivenUp => {
                    self.end_line();
                    self.draw();
                }
                Keyed::Wipe => {
                    self.out.screen_wiped();
                    self.draw();
                }
                Keyed::Leave => {
                    self.draw();
                    self.end_line();
                    return Ok(Some((SessionEnd::Left, String::new())));
                }
            }
        }
        Ok(None)
    }

    async fn send(&mut self, line: &str) -> Result<(), Outcome> {
        self.open_line = false;
        self.out.line_ended();
        match self.login.line(line).await.map_err(broke)? {
            Ok(()) => (self.waits, self.prompt) = (Waits::Nothing, Outside::default()),
            Err(denied) => {
                self.remark(&format!("not sent: {denied}"));
                self.draw();
            }
        }
        Ok(())
    }

    async fn page(&mut self, byte: u8) -> Result<(), Outcome> {
        let key = match byte {
            b' ' => TerminalKey::Space,
            b'\r' | b'\n' => TerminalKey::Enter,
            b'q' | b'Q' | 3 => TerminalKey::Quit,
            _ => return Ok(()),
        };
        if std::mem::take(&mut self.open_line) {
            self.out.line_wiped();
        }
        self.waits = Waits::Nothing;
        self.login.key(key).await.map_err(broke)
    }
}

fn broke(failure: Failure) -> Outcome {
    (SessionEnd::Broke, encode_line(&failure.reason.into_data()).into_owned())
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Passes keys and words until one side has had enough.
async fn hold(context: &Context<'_, impl Doors>, login: &mut Login, keyboard: &mut Keyboard) -> Outcome {
    let (mut resized, mut hung_up) = (signal(SignalKind::window_change()).ok(), signal(SignalKind::hangup()).ok());
    let columns = usize::try_from(window().0).unwrap_or(80);
    let mut seen = Seen {
        out: context.out,
        login,
        editor: Editor::default(),
        keys: VecDeque::new(),
        prompt: Outside::default(),
        waits: Waits::Nothing,
        columns,
        open_line: false,
        tilde: false,
    };
    let mut idle = Stopwatch::start();
    loop {
        let step = tokio::select! {
            keys = keyboard.keys.recv() => match keys {
                Some(keys) => {
                    idle = Stopwatch::start();
                    seen.pressed(&keys).await
                }
                None => Ok(Some((SessionEnd::Stopped, "the terminal is gone".to_owned()))),
            },
            heard = seen.login.hear() => match heard {
                Ok(heard) => {
                    idle = Stopwatch::start();
                    match seen.heard(&heard) {
                        None => seen.work_off().await,
                        over => Ok(over),
                    }
                }
                Err(failure) => Err(broke(failure)),
            },
            () = next(&mut resized) => {
                let size = window();
                seen.columns = usize::try_from(size.0).unwrap_or(80);
                seen.login.resize(size).await.map(|()| None).map_err(broke)
            }
            () = next(&mut hung_up) => Ok(Some((SessionEnd::Stopped, "the terminal is gone".to_owned()))),
            () = sleep(IDLE.saturating_sub(idle.elapsed())) => {
                Ok(Some((SessionEnd::Idle, format!("nothing was typed or said for {} minutes", IDLE.as_secs() / 60))))
            }
            () = sleep(STOP_EVERY), if !context.stop.is_asked() => Ok(None),
        };
        match step {
            Ok(None) if context.stop.is_asked() => return (SessionEnd::Stopped, "a signal stopped hoshu".to_owned()),
            Ok(None) => {}
            Ok(Some(outcome)) | Err(outcome) => {
                seen.end_line();
                return outcome;
            }
        }
    }
}

/// Keeps what a session left. Another command may hold the store: it is waited for, since a transcript that is not kept
/// is lost.
async fn keep(context: &Context<'_, impl Doors>, over: Over) -> Result<login::SessionEnded, Refusal> {
    let mut told = false;
    for _ in 0..KEEP_TRIES {
        match context.env(Need::Host).await {
            Err(Refusal::Busy(_)) => {
                if !std::mem::replace(&mut told, true) {
                    context.out.talk("another command holds the store: waiting to keep the transcript");
                }
            }
            Err(refusal) => return Err(refusal),
            Ok(env) => return login::keep(&env, &person(), over).await,
        }
    }
    let env = context.env(Need::Host).await?;
    login::keep(&env, &person(), over).await
}

/// Opens the shell, holds it, and keeps its transcript.
pub async fn run(context: &Context<'_, impl Doors>, args: &Args) -> Result<Ended, Refusal> {
    if !keyboard::is_there() || context.out.json {
        return Err(Refusal::NoTerminal);
    }
    let env = context.env(Need::Host).await?;
    let (mut login, banner) = login::open(&env, &person(), &args.seat, window()).await?;
    // Whoever sits at an appliance for an hour keeps no poll from its work.
    drop(env);
    context.doors.leave();
    show_banner(context.out, &banner);
    let (outcome, detail) = match Keyboard::take() {
        Ok(mut keyboard) => hold(context, &mut login, &mut keyboard).await,
        Err(refusal) => (SessionEnd::Broke, refusal.to_string()),
    };
    let kept = keep(context, login.end(outcome, detail).await).await?;
    let detail = if kept.detail.is_empty() { String::new() } else { format!(": {}", kept.detail) };
    let cut = if kept.cut { "; the transcript is full before the end" } else { "" };
    context.out.talk(&format!(
        "{}, {outcome}{detail}; {} sent, {} not sent{cut}",
        banner.transcript,
        counted(kept.commands as usize, "line"),
        kept.denied
    ));
    context.out.talk(&format!("hoshu session replay {} shows it again", banner.transcript));
    Ok(match outcome {
        SessionEnd::Left | SessionEnd::Closed => Ended::Done,
        SessionEnd::Broke | SessionEnd::Idle => Ended::Attention,
        SessionEnd::Stopped => Ended::Stopped,
    })
}

fn show_console(out: Out, console: &Console) {
    if out.json {
        out.json(console);
        return;
    }
    out.toned("No wire to a console is served yet: this is what the files know.", Tone::Care);
    let mut rows: Vec<Vec<Cell>> = vec![
        vec!["seat".into(), format!("{} of {}", console.seat, console.customer).into()],
        vec!["site".into(), console.site.clone().into()],
        vec!["entry".into(), console.entry.clone().unwrap_or_else(|| "nothing is written down".to_owned()).into()],
    ];
    let gateway = console.gateway.as_ref().map_or_else(
        || "none".to_owned(),
        |gateway| {
            let hops: Vec<String> = gateway.hops.iter().map(|hop| format!("{} {}", hop.kind, hop.host)).collect();
            let hops = if hops.is_empty() { "direct".to_owned() } else { hops.join(" > ") };
            format!("{} ({}, {hops})", gateway.name, gateway.access)
        },
    );
    rows.push(vec!["gateway".into(), gateway.into()]);
    let oob = console.oob.map_or_else(|| "unknown".to_owned(), |oob| oob.to_string());
    rows.push(vec!["controller".into(), format!("reached there: {oob}; its address is not kept in the files").into()]);
    for contact in &console.contacts {
        let reach: Vec<&str> = contact.phones.iter().map(String::as_str).chain(contact.mail.as_deref()).collect();
        let hours = contact.hours.as_ref().map_or_else(String::new, |hours| format!(", {hours}"));
        rows.push(vec!["call".into(), format!("{} {}{hours}", contact.name, reach.join(" ")).into()]);
    }
    out.columns(rows);
}

/// Says how the console is reached.
pub async fn console(context: &Context<'_, impl Doors>, args: &ConsoleArgs) -> Result<Ended, Refusal> {
    let env = context.env(Need::Read).await?;
    show_console(context.out, &login::console(&env, &person(), &args.seat)?);
    Ok(Ended::Attention)
}
