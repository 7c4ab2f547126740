//! Tickets: what is expected, and with which login. Nothing but digests of a login is kept, and only in memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::{Arrived, DropFault, DropLimits, Expected, OneTime, Sink};
use crate::model::name::SeatName;

/// Random bytes of each half of a login: 160 bits.
const RANDOM_BYTES: usize = 20;

type Print = [u8; 32];
type Done = oneshot::Sender<Result<Arrived, DropFault>>;

struct Ticket {
    password: Print,
    expected: Expected,
    until: Instant,
    failures: u32,
    done: Done,
}

#[derive(Default)]
struct State {
    open: HashMap<Print, Ticket>,
    transfers: HashMap<SeatName, usize>,
}

impl State {
    fn forget_old(&mut self, now: Instant) {
        self.open.retain(|_, ticket| now < ticket.until && !ticket.done.is_closed());
    }
}

/// The tickets of a drop.
pub(super) struct Tickets {
    state: Mutex<State>,
    pub(super) limits: DropLimits,
    /// Told when a transfer ends.
    left: Notify,
}

/// A ticket that was given out. Dropped, it is void.
pub struct Issued {
    /// Its login.
    pub login: OneTime,
    done: oneshot::Receiver<Result<Arrived, DropFault>>,
}

impl Issued {
    /// Waits for what becomes of it. May be dropped and called again.
    pub async fn outcome(&mut self) -> Result<Arrived, DropFault> {
        (&mut self.done).await.unwrap_or(Err(DropFault::Closed))
    }
}

/// A login that was accepted: its ticket is used up.
pub(super) struct Claim {
    pub(super) seat: SeatName,
    pub(super) name: String,
    pub(super) bytes_max: u64,
    pub(super) sink: Box<dyn Sink>,
    pub(super) done: Done,
    pub(super) place: Place,
}

/// A transfer that is counted until this is dropped.
pub(super) struct Place {
    tickets: Arc<Tickets>,
    seat: SeatName,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.tickets.lock();
        if let Some(count) = state.transfers.get_mut(&self.seat) {
            *count -= 1;
            if *count == 0 {
                state.transfers.remove(&self.seat);
            }
        }
        drop(state);
        self.tickets.left.notify_waiters();
    }
}

fn print(text: &str) -> Print {
    Sha256::digest(text.as_bytes()).into()
}

/// 32 letters and digits that no command line reads as anything else.
fn random() -> Result<SecretString, getrandom::Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes)?;
    let (mut bits, mut held, mut text) = (0_u32, 0_u32, String::new());
    for byte in bytes {
        bits = (bits << 8) | u32::from(byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            let letter = LETTERS.get((bits >> held) as usize & 31).copied().unwrap_or(b'a');
            text.push(char::from(letter));
        }
        bits &= (1 << held) - 1;
    }
    Ok(SecretString::from(text))
}

/// Why there is no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The seat has as many as it may have.
    #[error("{0} has {1} tickets and transfers already")]
    Full(SeatName, usize),
    /// The system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

impl Tickets {
    pub(super) fn new(limits: DropLimits) -> Self {
        Self { state: Mutex::default(), limits, left: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out a ticket.
    pub(super) fn issue(&self, expected: Expected) -> Result<Issued, IssueError> {
        let random = || random().map_err(|error| IssueError::Random(error.to_string()));
        let login = OneTime { user: random()?, password: random()? };
        let now = Instant::now();
        let mut state = self.lock();
        state.forget_old(now);
        let waiting = state.open.values().filter(|ticket| ticket.expected.seat == expected.seat).count();
        let moving = state.transfers.get(&expected.seat).copied().unwrap_or(0);
        if waiting + moving >= self.limits.per_seat {
            return Err(IssueError::Full(expected.seat, waiting + moving));
        }
        let (done, outcome) = oneshot::channel();
        let password = print(login.password.expose_secret());
        let ticket = Ticket { password, expected, until: now + self.limits.ticket, failures: 0, done };
        state.open.insert(print(login.user.expose_secret()), ticket);
        Ok(Issued { login, done: outcome })
    }

    /// Whether anything is expected from a source: others are not spoken to.
    pub(super) fn expect(&self, source: IpAddr) -> bool {
        let mut state = self.lock();
        state.forget_old(Instant::now());
        state.open.values().any(|ticket| from(&ticket.expected, source))
    }

    /// Takes a login. The first that is right uses its ticket up; `Err` names the seat whose ticket was meant.
    pub(super) fn log_in(
        self: &Arc<Self>,
        user: &str,
        password: &str,
        source: IpAddr,
    ) -> Result<Claim, Option<SeatName>> {
        let (user, password) = (print(user), print(password));
        let mut state = self.lock();
        state.forget_old(Instant::now());
        let all: usize = state.transfers.values().sum();
        let Some(ticket) = state.open.get_mut(&user) else { return Err(None) };
        let seat = ticket.expected.seat.clone();
        if ticket.password != password || !from(&ticket.expected, source) {
            ticket.failures += 1;
            if ticket.failures >= self.limits.failures
                && let Some(ticket) = state.open.remove(&user)
            {
                drop(ticket.done.send(Err(DropFault::GivenUp)));
            }
            return Err(Some(seat));
        }
        // Its turn may come: the ticket stays.
        if all >= self.limits.transfers {
            return Err(Some(seat));
        }
        let Some(Ticket { expected, done, .. }) = state.open.remove(&user) else { return Err(None) };
        *state.transfers.entry(seat.clone()).or_default() += 1;
        drop(state);
        let place = Place { tickets: Arc::clone(self), seat: seat.clone() };
        Ok(Claim { seat, name: expected.name, bytes_max: expected.bytes_max, sink: expected.sink, done, place })
    }

    /// Voids every ticket, and waits until no transfer is left.
    pub(super) async fn close(&self) {
        self.lock().open.clear();
        loop {
            let left = self.left.notified();
            if self.lock().transfers.is_empty() {
                return;
            }
            left.await;
        }
    }
}

fn from(expected: &Expected, source: IpAddr) -> bool {
    expected.sources.is_empty() || expected.sources.contains(&source)
}
