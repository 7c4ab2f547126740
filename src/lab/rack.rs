//! All units of a lab, with their logs, faults and held answers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::fault::Fault;
use super::fleet::SeatSpec;
use super::token::Tokens;
use super::unit::{Awaits, Output, Shell, SpecDefaults, Unit};
use crate::model::inventory::Channel;
use crate::model::name::SeatName;
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::snmp::SnmpObject;
use crate::model::time::Time;

crate::words! {
    /// What a unit received.
    pub enum Received {
        /// A TCP connection.
        Connection = "connection",
        /// An authentication message that was refused.
        LoginRefused = "login-refused",
        /// An authentication message that was accepted.
        LoginAccepted = "login-accepted",
        /// A command in a shell.
        Shell = "shell",
        /// A command in a channel of its own.
        Exec = "exec",
        /// A request to the HTTPS API: its method and path.
        Api = "api",
        /// A change through the control socket.
        Change = "change",
        /// A session ended.
        Closed = "closed",
    }
}

/// One line of a unit's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Time,
    /// What.
    pub received: Received,
    /// The account, as the peer named it; empty before a login.
    pub user: String,
    /// The command, or the method of a login; never a password.
    pub text: String,
}

/// A unit as `lab show` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The seat.
    pub seat: SeatName,
    /// Its port on loopback; 0 without sockets.
    pub port: u16,
    /// The series.
    pub series: Series,
    /// The model, as the unit says it.
    pub model: String,
    /// The running release.
    pub release: Release,
    /// The serial number.
    pub serial: String,
    /// The change ID of the running configuration.
    pub change_id: u64,
    /// Whether the running configuration was saved.
    pub saved: bool,
    /// The faults, with how often each will still take effect.
    pub faults: BTreeMap<Fault, Option<u32>>,
    /// Commands whose answers are held.
    pub holds: Vec<String>,
    /// Held answers that wait now.
    pub waiting: usize,
    /// Connections that are open now.
    pub sessions_open: u64,
    /// Connections that were ever opened.
    pub sessions_ever: u64,
    /// Authentication messages that were ever received.
    pub auth_attempts: u64,
    /// The newest records, oldest first.
    pub log: Vec<Record>,
}

/// Records that are kept for each unit.
const LOG_RECORDS_MAX: usize = 400;
/// Characters of a command that are kept in a record.
const LOG_CHARS_MAX: usize = 300;

/// Tells the time. The lab never asks the machine itself, so that a test can move the clock.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// How a unit takes a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// As if the port were closed.
    Refuse,
    /// Closed before a word.
    Full,
    /// Open and never a word.
    Silent,
    /// SSH.
    Talk {
        /// Another host key is shown.
        changed_key: bool,
        /// No login is accepted.
        refuse_logins: bool,
    },
}

/// What a login shows.
#[derive(Debug, Clone, Copy)]
pub enum Shows<'a> {
    /// A password.
    Password(&'a str),
    /// A public key in OpenSSH's one-line form, without comment.
    Key(&'a str),
}

#[derive(Debug, Default)]
struct State {
    unit: Option<Box<Unit>>,
    log: VecDeque<Record>,
    holds: Vec<String>,
    waiting: usize,
    sessions_open: u64,
    sessions_ever: u64,
    auth_attempts: u64,
}

/// One unit in the rack, with everything that happened to it.
pub struct Place {
    spec: SeatSpec,
    defaults: SpecDefaults,
    clock: Clock,
    state: Mutex<State>,
    port: AtomicU16,
    faults_moved: watch::Sender<u64>,
    released: watch::Sender<u64>,
}

/// An answer that is held back.
#[derive(Debug)]
pub struct Held(watch::Receiver<u64>);

impl Held {
    /// Waits until the answers of the unit are released.
    pub async fn released(mut self) {
        // The sender lives as long as the rack; without it nobody could release any more.
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// An open connection; it is counted until it is dropped.
pub struct Visit(Arc<Place>);

impl Drop for Visit {
    fn drop(&mut self) {
        let now = (self.0.clock)();
        let mut state = self.0.lock();
        state.sessions_open = state.sessions_open.saturating_sub(1);
        if let Some(unit) = &mut state.unit {
            unit.leave();
        }
        note(&mut state, now, Received::Closed, "", "");
    }
}

fn note(state: &mut State, at: Time, received: Received, user: &str, text: &str) {
    if state.log.len() == LOG_RECORDS_MAX {
        state.log.pop_front();
    }
    let cut = |text: &str| text.chars().take(LOG_CHARS_MAX).collect::<String>();
    state.log.push_back(Record { at, received, user: cut(user), text: cut(text) });
}

/// A command without the login of the place that it pushes to.
fn without_login(line: &str) -> String {
    let Some((head, rest)) = line.split_once("scp://") else { return line.to_owned() };
    let Some((_, tail)) = rest.rsplit_once('@') else { return line.to_owned() };
    format!("{head}scp://…@{tail}")
}

fn same_command(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}

impl Place {
    fn new(spec: SeatSpec, defaults: SpecDefaults, clock: Clock) -> Self {
        Self {
            spec,
            defaults,
            clock,
            state: Mutex::default(),
            port: AtomicU16::new(0),
            faults_moved: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the unit was made from.
    pub const fn spec(&self) -> &SeatSpec {
        &self.spec
    }

    /// The time at the unit's site.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    pub(super) fn set_port(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
    }

    /// Does something with the unit; it is built when it is first needed.
    pub fn with<T>(&self, act: impl FnOnce(&mut Unit) -> T) -> T {
        let mut state = self.lock();
        act(unit(&mut state, &self.spec, self.defaults))
    }

    /// Does something to the faults and tells those who wait for it.
    fn with_faults(&self, act: impl FnOnce(&mut Unit)) {
        self.with(act);
        self.faults_moved.send_modify(|count| *count += 1);
    }

    /// Breaks the unit; with `remaining`, for so many times only.
    pub fn break_by(&self, fault: Fault, remaining: Option<u32>) {
        self.with_faults(|unit| unit.break_by(fault, remaining));
    }

    /// Mends one fault, or all.
    pub fn mend(&self, fault: Option<Fault>) {
        self.with_faults(|unit| unit.mend(fault));
    }

    /// Tells each time the faults were touched.
    pub(super) fn faults_moved(&self) -> watch::Receiver<u64> {
        self.faults_moved.subscribe()
    }

    /// Whether the port is closed for good, so that nobody is counted there.
    pub(super) fn is_closed(&self) -> bool {
        let state = self.lock();
        state.unit.as_ref().is_some_and(|unit| unit.faults.get(&Fault::Refused) == Some(&None))
    }

    /// A connection arrives.
    pub fn receive(self: &Arc<Self>) -> (Visit, Reception) {
        let now = self.now();
        let mut state = self.lock();
        state.sessions_open += 1;
        state.sessions_ever += 1;
        note(&mut state, now, Received::Connection, "", "");
        let unit = unit(&mut state, &self.spec, self.defaults);
        let reception = if unit.take(Fault::Refused) {
            Reception::Refuse
        } else if unit.take(Fault::SessionTableFull) {
            Reception::Full
        } else if unit.take(Fault::Silent) {
            Reception::Silent
        } else {
            Reception::Talk {
                changed_key: unit.take(Fault::ChangedHostKey),
                refuse_logins: unit.take(Fault::WrongPassword),
            }
        };
        drop(state);
        (Visit(Arc::clone(self)), reception)
    }

    /// An authentication message arrives: whether it opens the unit.
    pub fn login(&self, user: &str, shows: Shows<'_>, refuse: bool) -> bool {
        let now = self.now();
        let mut state = self.lock();
        let known = unit(&mut state, &self.spec, self.defaults).user(user);
        let (method, fits) = match shows {
            Shows::Password(password) => ("password", known.is_some_and(|user| user.password == password)),
            Shows::Key(key) => ("publickey", known.is_some_and(|user| user.public_key.as_deref() == Some(key))),
        };
        let accepted = fits && !refuse;
        state.auth_attempts += 1;
        let received = if accepted { Received::LoginAccepted } else { Received::LoginRefused };
        note(&mut state, now, received, user, method);
        accepted
    }

    /// Whether a public key could open the unit; it is no login yet.
    pub fn knows_key(&self, user: &str, key: &str) -> bool {
        self.with(|unit| unit.user(user).is_some_and(|user| user.public_key.as_deref() == Some(key)))
    }

    /// What the unit says by SNMP, in the order of a walk.
    pub fn objects(&self) -> Vec<SnmpObject> {
        let now = self.now();
        self.with(|unit| unit.objects(now))
    }

    /// What the unit says of its health by the HTTPS API.
    pub fn health(&self) -> serde_json::Value {
        let now = self.now();
        self.with(|unit| unit.health(now))
    }

    /// The alerts that the unit tells by the HTTPS API.
    pub fn alerts(&self) -> serde_json::Value {
        let now = self.now();
        self.with(|unit| unit.alerts(now))
    }

    /// A request arrives at the HTTPS API.
    pub fn asked(&self, user: &str, request: &str) {
        let now = self.now();
        note(&mut self.lock(), now, Received::Api, user, request);
    }

    /// Opens a shell, or the session of one command.
    pub fn open(&self, user: &str, channel: Channel) -> (Shell, Output) {
        let now = self.now();
        self.with(|unit| unit.open(user, channel, now))
    }

    /// A line arrives; the answer may have to be held back.
    pub fn run(&self, shell: &mut Shell, line: &str) -> (Output, Option<Held>) {
        let now = self.now();
        let mut state = self.lock();
        let kind = if shell.channel == Channel::Shell { Received::Shell } else { Received::Exec };
        note(
            &mut state,
            now,
            kind,
            &shell.user,
            &if shell.awaits == Awaits::Password { "(password)".to_owned() } else { without_login(line) },
        );
        let held = state.holds.iter().any(|hold| same_command(hold, line)).then(|| {
            state.waiting += 1;
            Held(self.released.subscribe())
        });
        let output = unit(&mut state, &self.spec, self.defaults).step(shell, line, now);
        (output, held)
    }

    /// Holds back the answers to a command from now on.
    pub fn hold(&self, command: &str) {
        let mut state = self.lock();
        if !state.holds.iter().any(|hold| same_command(hold, command)) {
            state.holds.push(command.to_owned());
        }
    }

    /// Lets every held answer go and holds no further ones.
    pub fn release(&self) {
        let mut state = self.lock();
        state.holds.clear();
        state.waiting = 0;
        self.released.send_modify(|count| *count += 1);
    }

    /// Gives a configuration command as an administrator; `Err` is what the command line says against it.
    pub fn change(&self, line: &str) -> Result<(), String> {
        let now = self.now();
        let mut state = self.lock();
        note(&mut state, now, Received::Change, "admin", line);
        unit(&mut state, &self.spec, self.defaults).change(line, now)
    }

    /// The unit with its log.
    pub fn show(&self) -> Shown {
        let mut state = self.lock();
        let unit = unit(&mut state, &self.spec, self.defaults).clone();
        Shown {
            seat: self.spec.seat.clone(),
            port: self.port.load(Ordering::Relaxed),
            series: unit.series,
            release: unit.release().clone(),
            change_id: unit.settings.change_id,
            saved: unit.settings.is_saved(),
            model: unit.model,
            serial: unit.serial,
            faults: unit.faults,
            holds: state.holds.clone(),
            waiting: state.waiting,
            sessions_open: state.sessions_open,
            sessions_ever: state.sessions_ever,
            auth_attempts: state.auth_attempts,
            log: state.log.iter().cloned().collect(),
        }
    }
}

fn unit<'a>(state: &'a mut State, spec: &SeatSpec, defaults: SpecDefaults) -> &'a mut Unit {
    state.unit.get_or_insert_with(|| Box::new(Unit::build(spec, defaults)))
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("seat", &self.spec.seat).finish_non_exhaustive()
    }
}

/// All units of a lab, and the tokens that open ways to them.
#[derive(Debug)]
pub struct Rack {
    places: BTreeMap<SeatName, Arc<Place>>,
    tokens: Tokens,
}

impl Rack {
    /// A rack with these units. A unit costs little before somebody speaks to it.
    pub fn new(fleet: Vec<SeatSpec>, defaults: SpecDefaults, clock: &Clock) -> Self {
        let place = |spec: SeatSpec| (spec.seat.clone(), Arc::new(Place::new(spec, defaults, Arc::clone(clock))));
        Self { places: fleet.into_iter().map(place).collect(), tokens: Tokens::default() }
    }

    /// With the tokens of the people who open the ways to these units.
    #[must_use]
    pub fn with_tokens(self, tokens: Tokens) -> Self {
        Self { tokens, ..self }
    }

    /// The tokens.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The units, in the order of their names.
    pub fn places(&self) -> impl ExactSizeIterator<Item = &Arc<Place>> {
        self.places.values()
    }

    /// The unit of a seat.
    pub fn place(&self, seat: &SeatName) -> Option<&Arc<Place>> {
        self.places.get(seat)
    }
}
