//! A person at the terminal of this process, who answers questions of a login.
//!
//! Invariant: what is typed is kept nowhere; where the one who asks wants it hidden, the terminal does not show it.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::AsFd;
use std::time::Duration;

use futures::future::BoxFuture;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::out::Out;
use crate::service::Stop;
use crate::service::session::{Asked, Person};

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 1024;
/// How often the wish to stop is looked at while nobody types.
const LOOK: Duration = Duration::from_millis(100);

/// The terminal of this process.
pub(super) struct Terminal {
    out: Out,
    stop: Stop,
}

impl Terminal {
    /// The terminal; it stops waiting for an answer when somebody asks to stop.
    pub(super) const fn new(out: Out, stop: Stop) -> Self {
        Self { out, stop }
    }
}

/// A terminal whose echo is off, until this is dropped.
struct Hidden<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Hidden<'a> {
    fn new(terminal: &'a File) -> rustix::io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(terminal, OptionalActions::Flush, &hidden)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        if let Err(error) = tcsetattr(self.terminal, OptionalActions::Now, &self.before) {
            tracing::warn!(%error, "the terminal keeps hiding what is typed: stty echo");
        }
    }
}

/// Reads one line, unless somebody asks to stop.
fn read_line(mut terminal: &File, stop: &Stop) -> Option<SecretString> {
    let mut line = Zeroizing::new(Vec::with_capacity(ANSWER_BYTES_MAX));
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK.subsec_nanos()) };
    while !stop.is_asked() {
        let mut ready = [PollFd::from_borrowed_fd(terminal.as_fd(), PollFlags::IN)];
        match poll(&mut ready, Some(&wait)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return None,
        }
        let mut byte = Zeroizing::new(0_u8);
        match terminal.read(std::slice::from_mut(&mut *byte)) {
            Ok(1) if *byte == b'\n' => return std::str::from_utf8(&line).ok().map(SecretString::from),
            Ok(1) if line.len() < ANSWER_BYTES_MAX => line.push(*byte),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return None,
        }
    }
    None
}

fn answer(out: Out, stop: &Stop, asked: &Asked) -> Option<SecretString> {
    // The terminal itself, whatever the standard input is: a one-time password is typed by a person.
    let Ok(terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else {
        out.talk("nobody is there to answer: this command needs a terminal");
        return None;
    };
    let hidden = (!asked.echo).then(|| Hidden::new(&terminal));
    if matches!(hidden, Some(Err(_))) {
        return None;
    }
    out.ask(&format!("{} asks: {}", asked.by, asked.question.for_terminal()));
    let answer = read_line(&terminal, stop);
    if answer.is_none() {
        out.talk("");
    }
    answer
}

impl Person for Terminal {
    fn answer(&self, asked: Asked) -> BoxFuture<'_, Option<SecretString>> {
        let (out, stop) = (self.out, self.stop.clone());
        Box::pin(async move {
            // A task that broke has been named by the panic hook.
            tokio::task::spawn_blocking(move || answer(out, &stop, &asked)).await.ok().flatten()
        })
    }
}
