//! The handler that russh calls: it checks the host key against its pins and passes on what the channel says.
//!
//! Invariant: the pins are given at construction; nothing is ever learned. What a channel says is taken from within
//! russh's own task, so every open channel is drained into a bounded buffer, whether somebody waits or not.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelId};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::answer::{Reader, Seen};
use super::bastion::Forwarded;
use super::profile::{self, Ask};
use super::{AccessError, KeyKind, Negotiated, ShownKey, terminal};
use crate::model::limits::BANNER_BYTES_MAX;

/// Which host keys let a connection go on to the login.
#[derive(Debug)]
pub(super) enum Check {
    /// None: the key is noted, and the connection ends.
    Show,
    /// These.
    Pinned(Pins),
}

/// The accepted host keys of an asset.
#[derive(Debug)]
pub(super) struct Pins {
    keys: Vec<PublicKey>,
    /// Of keys that were seen through a bastion's eyes only: a fingerprint names one key.
    prints: Vec<String>,
    /// Pins that are no public key match nothing, and are not as if they were not there.
    unreadable: usize,
}

impl Pins {
    pub(super) fn parse(lines: &[String]) -> Self {
        let keys: Vec<PublicKey> = lines.iter().filter_map(|line| PublicKey::from_openssh(line).ok()).collect();
        let prints: Vec<String> = lines.iter().filter(|line| line.starts_with("SHA256:")).cloned().collect();
        Self { unreadable: lines.len() - keys.len() - prints.len(), keys, prints }
    }

    /// The type to ask for first, so that a peer with several keys shows the one that was accepted.
    pub(super) fn ask(&self) -> Ask {
        let has = |kind: &&KeyKind| self.keys.iter().any(|key| key.algorithm().as_str() == kind.as_str());
        KeyKind::ALL.iter().find(has).map_or(Ask::Any, |kind| Ask::First(*kind))
    }

    fn check(&self, shown: &PublicKey) -> Result<(), AccessError> {
        if self.keys.iter().any(|key| key.key_data() == shown.key_data()) {
            return Ok(());
        }
        self.check_print(shown.algorithm().as_str(), &print_of(shown))
    }

    /// As [`Self::check`], for a key of which the fingerprint alone is known.
    pub(super) fn check_print(&self, algorithm: &str, fingerprint: &str) -> Result<(), AccessError> {
        let mut expected: Vec<String> = self.keys.iter().map(print_of).chain(self.prints.iter().cloned()).collect();
        if expected.iter().any(|print| print == fingerprint) {
            return Ok(());
        }
        let (algorithm, fingerprint) = (algorithm.to_owned(), fingerprint.to_owned());
        if expected.is_empty() && self.unreadable == 0 {
            return Err(AccessError::KeyUnknown { algorithm, fingerprint });
        }
        expected.extend((self.unreadable > 0).then(|| format!("{} unreadable", self.unreadable)));
        Err(AccessError::KeyChanged { expected: expected.join(", "), algorithm, fingerprint })
    }
}

fn print_of(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Why the handler ends a connection.
#[derive(Debug)]
pub(super) enum Halt {
    /// The host key was noted and nothing else was wanted.
    Shown,
    /// One of ours.
    Access(AccessError),
    /// One of the library's.
    Library(russh::Error),
}

impl From<russh::Error> for Halt {
    fn from(error: russh::Error) -> Self {
        Self::Library(error)
    }
}

/// What became of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is open.
    Open,
    /// The peer refused a request on it.
    Refused,
    /// The peer closed it.
    Closed,
}

/// Why a connection is over.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// It broke or was closed.
    Dropped,
    /// The peer takes no further method of login.
    NoMethodLeft,
    /// For this reason.
    Because(AccessError),
}

/// What happened to a connection, as far as its owner must know.
#[derive(Debug)]
pub(super) struct State {
    /// The host key.
    pub(super) shown: Option<PublicKey>,
    /// The algorithms.
    pub(super) negotiated: Negotiated,
    /// The channel that is read.
    pub(super) channel: Option<ChannelId>,
    /// What it said.
    pub(super) reader: Reader,
    /// Counts what it said, so that silence can be told.
    pub(super) messages: u64,
    /// When it last said something.
    pub(super) last: Instant,
    /// The exit status of its program.
    pub(super) exit_status: Option<u32>,
    /// What became of it.
    pub(super) stage: Stage,
    /// Whether and why the connection is over.
    pub(super) end: Option<End>,
    /// What was said as it came, while a person holds the shell.
    pub(super) tap: Option<Vec<u8>>,
    /// The one port that the peer listens on for us, and who takes what comes there.
    pub(super) forward: Option<Forward>,
    banner_bytes: usize,
}

/// A port that a bastion listens on for us.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    pub(super) port: u32,
    pub(super) sender: mpsc::Sender<Forwarded>,
}

impl State {
    /// Why the connection is over, as an error of what was going on.
    pub(super) fn reason(&self, during: &'static str) -> AccessError {
        match &self.end {
            Some(End::Because(error)) => error.clone(),
            _ => AccessError::Dropped(during),
        }
    }
}

/// The state of a connection, shared by its owner and russh's task.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told when the state is worth a look.
    pub(super) changed: Notify,
}

impl Shared {
    pub(super) fn new() -> Self {
        let state = State {
            shown: None,
            negotiated: Negotiated::default(),
            channel: None,
            reader: Reader::terminal(),
            messages: 0,
            last: Instant::now(),
            exit_status: None,
            stage: Stage::Open,
            end: None,
            tap: None,
            forward: None,
            banner_bytes: 0,
        };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Takes what a channel says, if it is the one that is read.
    pub(super) fn said(&self, channel: ChannelId, data: &[u8]) {
        if self.lock().channel == Some(channel) {
            self.heard(data);
        }
    }

    /// Takes what a terminal says that is no channel of this connection.
    pub(super) fn heard(&self, data: &[u8]) {
        let mut state = self.lock();
        state.messages += 1;
        state.last = Instant::now();
        state.reader.feed(data);
        let mut worth = state.reader.seen() != Seen::More;
        if let Some(tap) = &mut state.tap {
            terminal::tap(tap, data);
            worth = true;
        }
        drop(state);
        if worth {
            self.changed.notify_one();
        }
    }

    /// Takes note of something that happened to a channel, if it is the one that is read.
    pub(super) fn note(&self, channel: ChannelId, note: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        if state.channel == Some(channel) {
            note(&mut state);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// The terminal has ended.
    pub(super) fn terminal_ended(&self) {
        let mut state = self.lock();
        (state.stage, state.end) = (Stage::Closed, Some(End::Dropped));
        drop(state);
        self.changed.notify_one();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that was shown, with what was negotiated.
    pub(super) fn shown_key(&self) -> Option<ShownKey> {
        let state = self.lock();
        let key = state.shown.as_ref()?;
        Some(ShownKey {
            algorithm: key.algorithm().as_str().to_owned(),
            fingerprint: print_of(key),
            public_key: PublicKey::from(key.key_data().clone()).to_openssh().ok()?,
            negotiated: state.negotiated.clone(),
        })
    }
}

/// The handler of one connection.
#[derive(Debug)]
pub(super) struct Guard {
    check: Check,
    keepalive: std::time::Duration,
    shared: Arc<Shared>,
}

impl Guard {
    pub(super) fn new(check: Check, keepalive: std::time::Duration) -> (Self, Arc<Shared>) {
        let shared = Arc::new(Shared::new());
        (Self { check, keepalive, shared: Arc::clone(&shared) }, shared)
    }

    fn said(&self, channel: ChannelId, data: &[u8]) {
        self.shared.said(channel, data);
    }

    fn note(&self, channel: ChannelId, note: impl FnOnce(&mut State)) {
        self.shared.note(channel, note);
    }
}

/// russh does not call [`Handler::disconnected`] where it cannot shut the socket down or its task panics.
impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.lock().end.get_or_insert(End::Dropped);
        self.shared.changed.notify_one();
    }
}

impl Handler for Guard {
    type Error = Halt;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Halt> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else {
            return Err(Halt::Access(AccessError::Protocol("a host certificate, which was not asked for".to_owned())));
        };
        self.shared.lock().shown = Some(key.clone());
        match &self.check {
            Check::Show => Ok(true),
            Check::Pinned(pins) => pins.check(key).map(|()| true).map_err(Halt::Access),
        }
    }

    async fn kex_done(&mut self, _: Option<&[u8]>, names: &russh::Names, _: &mut Session) -> Result<(), Halt> {
        self.shared.lock().negotiated = profile::negotiated(names);
        // An error here ends the connection before the service of authentication is asked for.
        if matches!(self.check, Check::Show) { Err(Halt::Shown) } else { Ok(()) }
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Halt> {
        let mut state = self.shared.lock();
        state.banner_bytes = state.banner_bytes.saturating_add(banner.len().max(1));
        if state.banner_bytes <= BANNER_BYTES_MAX {
            return Ok(());
        }
        Err(Halt::Access(AccessError::OverLimit { what: "the banner", limit: BANNER_BYTES_MAX }))
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Halt> {
        self.said(channel, data);
        Ok(())
    }

    async fn extended_data(&mut self, channel: ChannelId, _: u32, data: &[u8], _: &mut Session) -> Result<(), Halt> {
        self.said(channel, data);
        Ok(())
    }

    async fn exit_status(&mut self, channel: ChannelId, status: u32, _: &mut Session) -> Result<(), Halt> {
        self.note(channel, |state| state.exit_status = Some(status));
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Halt> {
        self.note(channel, |state| {
            state.stage = Stage::Closed;
            state.reader.close();
        });
        Ok(())
    }

    async fn channel_failure(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Halt> {
        self.note(channel, |state| state.stage = Stage::Refused);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Halt>) -> Result<(), Halt> {
        let result = match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(halt) => Err(halt),
        };
        let end = match &result {
            Err(Halt::Access(error)) => End::Because(error.clone()),
            Err(Halt::Library(russh::Error::NoAuthMethod)) => End::NoMethodLeft,
            Err(Halt::Library(russh::Error::KeepaliveTimeout)) => {
                let periods = u32::try_from(profile::KEEPALIVES_MAX + 1).unwrap_or(u32::MAX);
                let limit = self.keepalive.saturating_mul(periods);
                End::Because(AccessError::TimedOut { what: "an answer to keepalives", limit })
            }
            _ => End::Dropped,
        };
        self.shared.lock().end = Some(end);
        self.shared.changed.notify_one();
        result
    }

    // No channel that a server opens is accepted, but for what comes to the one port that it was asked to listen on: a
    // handle that is dropped refuses it.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        _: &str,
        port: u32,
        source: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        let forward = self.shared.lock().forward.clone().filter(|forward| forward.port == port);
        let source = source.parse::<IpAddr>().ok();
        let (Some(forward), Some(source)) = (forward, source) else { return Ok(()) };
        if let Ok(room) = forward.sender.try_reserve() {
            reply.accept().await;
            room.send(Forwarded::new(channel.into_stream(), source.to_canonical()));
        }
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Halt> {
        Ok(())
    }
}
