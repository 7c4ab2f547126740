//! One SSH connection behind its key exchange, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use russh::client::{Config, Handle, Msg};
use russh::{ChannelId, Disconnect};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, WriteHalf};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Reader, Seen};
use super::bastion::Bastion;
use super::guard::{Check, Guard, Halt, Shared, Stage};
use super::hop::connect;
use super::route::Route;
use super::wire::{Pipe, Stop, Wire};
use super::{AccessError, AccessLimits, ShownKey};
use crate::model::outside::encode_line;

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
/// Characters of a library's or peer's text that an error quotes.
const QUOTE_CHARS: usize = 600;

/// The half of a channel that is written to.
pub(super) type Writer = russh::ChannelWriteHalf<Msg>;

/// What a finished key exchange leads to.
pub(super) enum Exchanged {
    /// The key was wanted and nothing else.
    Shown(ShownKey),
    /// A pinned key was shown.
    Open(Connection),
}

/// A connection to a peer whose host key is accepted. Dropped, it ends russh's task.
pub(super) struct Connection {
    link: Link,
    pub(super) shared: Arc<Shared>,
    /// russh waits for the answer to a question of the login, which will not come, and hears nothing else.
    pub(super) deaf: bool,
    /// The bastion that it goes through.
    pub(super) behind: Option<Bastion>,
    limits: AccessLimits,
    /// Ends russh's task with its owner; a bastion keeps it apart.
    pub(super) stop: Option<Stop>,
}

/// What carries the channels.
enum Link {
    /// A connection of its own, end to end.
    Own(Handle<Guard>),
    /// One terminal of a bastion, in which the bastion's own client speaks with the appliance.
    Nested(Arc<Nested>),
}

/// A terminal of a bastion, and the task that reads it.
pub(super) struct Nested {
    pub(super) writer: tokio::sync::Mutex<WriteHalf<Pipe>>,
    /// Ends that task when it is dropped.
    pub(super) _stop: oneshot::Sender<()>,
}

/// Where one types.
#[derive(Clone, Copy)]
pub(super) enum Keys<'a> {
    /// A channel of the connection.
    Channel(&'a Writer),
    /// The terminal of a bastion.
    Nested(&'a Nested),
}

impl Keys<'_> {
    async fn press(self, bytes: Vec<u8>) -> Result<(), ()> {
        match self {
            Self::Channel(writer) => writer.data_bytes(bytes).await.map_err(drop),
            Self::Nested(nested) => nested.writer.lock().await.write_all(&bytes).await.map_err(drop),
        }
    }
}

/// A channel that is not read for a while.
pub(super) struct Aside {
    channel: Option<ChannelId>,
    reader: Reader,
}

/// The last part of a way: from a bastion, or from this host, to whom one speaks SSH with.
#[derive(Clone)]
pub(super) struct Leg {
    /// The bastion before it.
    pub(super) behind: Option<Bastion>,
    /// The way from there.
    pub(super) route: Route,
}

/// Connects and exchanges keys. Where turns are taken for that, one is held from the open connection to the end of the
/// exchange: whoever is not reached, or does not greet, keeps nothing from others.
pub(super) async fn exchange(
    way: &Leg,
    config: Arc<Config>,
    check: Check,
    limits: AccessLimits,
    turns: Option<&Semaphore>,
) -> Result<Exchanged, AccessError> {
    let mut pipe = connect(&way.route, way.behind.as_ref(), limits.connect).await?;
    let mut _turn = None;
    if let Some(turns) = turns {
        // The first bytes stay where they are for the exchange, which tells whoever sends none.
        let greeted = timeout(limits.handshake, pipe.fill_buf()).await;
        greeted.map_err(|_| AccessError::TimedOut { what: "the key exchange", limit: limits.handshake })?.ok();
        _turn = turns.acquire().await.ok();
    }
    let (wire, stop) = Wire::new(pipe);
    let (guard, shared) = Guard::new(check, limits.keepalive);
    match timeout(limits.handshake, russh::client::connect_stream(config, wire, guard)).await {
        Err(_) => Err(AccessError::TimedOut { what: "the key exchange", limit: limits.handshake }),
        Ok(Ok(handle)) => {
            let behind = way.behind.clone();
            let link = Link::Own(handle);
            Ok(Exchanged::Open(Connection { link, shared, deaf: false, behind, limits, stop: Some(stop) }))
        }
        Ok(Err(Halt::Shown)) => shared
            .shown_key()
            .map(Exchanged::Shown)
            .ok_or_else(|| AccessError::Protocol("a host key that has no text form".to_owned())),
        Ok(Err(Halt::Access(error))) => Err(error),
        Ok(Err(Halt::Library(error))) => Err(exchange_error(&error, stop.greeted())),
    }
}

fn exchange_error(error: &russh::Error, greeted: bool) -> AccessError {
    use russh::Error;
    match error {
        Error::Version => AccessError::Protocol("the greeting is not one of SSH 2".to_owned()),
        Error::Disconnect | Error::HUP | Error::IO(_) if !greeted => AccessError::ClosedEarly,
        Error::Disconnect | Error::HUP | Error::IO(_) => AccessError::Dropped("the key exchange"),
        Error::NoCommonAlgo { kind, ours, theirs } => AccessError::Protocol(quote(&format!(
            "no {kind:?} algorithm in common: ours {}; theirs {}",
            ours.join(","),
            theirs.join(",")
        ))),
        other => AccessError::Protocol(quote(&other.to_string())),
    }
}

/// A text in which the peer may have a part, for an error that is printed.
pub(super) fn quote(text: &str) -> String {
    let short: String = text.chars().take(QUOTE_CHARS).collect();
    encode_line(&short).into_owned()
}

impl Connection {
    /// What a bastion's own client leads to.
    pub(super) fn nested(nested: Arc<Nested>, shared: Arc<Shared>, behind: Bastion, limits: AccessLimits) -> Self {
        Self { link: Link::Nested(nested), shared, deaf: false, behind: Some(behind), limits, stop: None }
    }

    /// The connection itself; a channel of a bastion has none.
    pub(super) fn handle(&self) -> Result<&Handle<Guard>, AccessError> {
        match &self.link {
            Link::Own(handle) => Ok(handle),
            Link::Nested(_) => Err(AccessError::NoChannel("the bastion leads to one channel only".to_owned())),
        }
    }

    /// As [`Self::handle`], for the login.
    pub(super) fn handle_mut(&mut self) -> Result<&mut Handle<Guard>, AccessError> {
        match &mut self.link {
            Link::Own(handle) => Ok(handle),
            Link::Nested(_) => Err(AccessError::NoChannel("the bastion leads to one channel only".to_owned())),
        }
    }

    /// Why the connection is over, once russh's task has said it.
    pub(super) async fn reason(&self, during: &'static str) -> AccessError {
        let until = Instant::now() + GOODBYE;
        while self.shared.lock().end.is_none() && timeout_at(until, self.shared.changed.notified()).await.is_ok() {}
        self.shared.lock().reason(during)
    }

    /// Opens a session channel that `reader` reads.
    pub(super) async fn channel(&self, reader: Reader, until: Instant) -> Result<Writer, AccessError> {
        let opened = timeout_at(until, self.handle()?.channel_open_session()).await;
        let channel = match opened {
            Err(_) => return Err(AccessError::TimedOut { what: "opening a channel", limit: self.limits.login }),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                return Err(AccessError::NoChannel(format!("the appliance opens no channel: {reason:?}")));
            }
            Ok(Err(_)) => return Err(self.reason("opening a channel").await),
            Ok(Ok(channel)) => channel,
        };
        // The reading half is dropped: the guard takes the data, and nothing waits for a queue that nobody empties.
        let (_, writer) = channel.split();
        let mut state = self.shared.lock();
        state.channel = Some(writer.id());
        state.reader = reader;
        (state.exit_status, state.stage) = (None, Stage::Open);
        Ok(writer)
    }

    /// Puts the channel that is read aside, so that another one can be read; [`Self::bring_back`] goes on with it.
    pub(super) fn put_aside(&self) -> Aside {
        let mut state = self.shared.lock();
        let reader = std::mem::replace(&mut state.reader, Reader::plain(0));
        Aside { channel: state.channel.take(), reader }
    }

    /// Reads the channel again that was put aside. What it said in between was thrown away: nobody asked it anything.
    pub(super) fn bring_back(&self, aside: Aside) {
        let mut state = self.shared.lock();
        (state.channel, state.reader) = (aside.channel, aside.reader);
        (state.exit_status, state.stage) = (None, Stage::Open);
    }

    /// Lets an answer be silent for so long.
    pub(super) const fn be_patient(&mut self, idle: Duration) {
        self.limits.idle = idle;
    }

    /// Types bytes.
    pub(super) async fn send(
        &self,
        keys: Keys<'_>,
        bytes: Vec<u8>,
        during: &'static str,
        until: Instant,
    ) -> Result<(), AccessError> {
        match timeout_at(until, keys.press(bytes)).await {
            Err(_) => Err(AccessError::TimedOut { what: during, limit: self.limits.command }),
            Ok(Err(())) => Err(self.reason(during).await),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Waits until what the channel says looks like an end, is an end, or a limit is broken.
    pub(super) async fn seen(&self, during: &'static str, limit: Duration) -> Result<Seen, AccessError> {
        let begun = Instant::now();
        let deadline = begun + limit;
        loop {
            let (seen, settle, messages, last) = {
                let state = self.shared.lock();
                let seen = state.reader.seen();
                match seen {
                    Seen::Over(what, limit) => return Err(AccessError::OverLimit { what, limit }),
                    Seen::End => return Ok(seen),
                    Seen::Unasked => return Err(AccessError::NoPrompt(state.reader.tail())),
                    Seen::More if state.stage == Stage::Refused => {
                        return Err(AccessError::NoChannel(
                            "the appliance refuses the request for a command".to_owned(),
                        ));
                    }
                    Seen::More if state.end.is_some() || state.stage == Stage::Closed => {
                        return Err(state.reason(during));
                    }
                    _ => {}
                }
                (seen, state.reader.settles_in(), state.messages, state.last.max(begun))
            };
            if seen != Seen::More && settle.is_zero() {
                return Ok(seen);
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(AccessError::TimedOut { what: during, limit });
            }
            if seen != Seen::More {
                let silent = timeout(settle, self.shared.changed.notified()).await.is_err();
                if silent && self.shared.lock().messages == messages {
                    return Ok(seen);
                }
                continue;
            }
            let idle = last + self.limits.idle;
            if now >= idle {
                return Err(AccessError::TimedOut { what: "silence in an answer", limit: self.limits.idle });
            }
            // Woken or not, the state is looked at again.
            timeout_at(deadline.min(idle), self.shared.changed.notified()).await.ok();
        }
    }

    /// Says goodbye after an error, which is the bastion's where that is gone.
    pub(super) async fn leave_with(self, error: AccessError) -> AccessError {
        let error = match &self.behind {
            Some(bastion) => bastion.blame(error).await,
            None => error,
        };
        self.leave().await;
        error
    }

    /// Says goodbye, so that the appliance frees the session at once, and waits for russh's task within a limit.
    pub(super) async fn leave(mut self) {
        if self.deaf {
            return;
        }
        let goodbye = async {
            match &mut self.link {
                Link::Own(handle) => {
                    if handle.disconnect(Disconnect::ByApplication, "", "").await.is_ok() {
                        handle.await.ok();
                    }
                }
                Link::Nested(nested) => drop(nested.writer.lock().await.shutdown().await),
            }
        };
        timeout(GOODBYE, goodbye).await.ok();
    }
}
