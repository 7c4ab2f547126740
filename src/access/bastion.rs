//! A bastion: one SSH connection to a hop, through which the seats behind it are reached.
//!
//! Invariant: it is entered with its own pins and its own credential; nothing that a seat needs is ever said to it, no
//! agent is forwarded, and no channel that it opens is accepted, but for what comes to the one port that it was asked to
//! listen on, as long as somebody takes that.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use russh::client::Msg;
use russh::{Channel, ChannelOpenFailure, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::AccessError;
use super::connection::Connection;
use super::guard::{End, Forward};
use super::hop::{HopFault, fault};
use super::route::Place;
use super::wire::{Pipe, Stop, read_ahead};

/// How long a bastion may take to say that it is there, when something behind it failed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Connections that came to a bastion and wait to be taken.
const FORWARDED_MAX: usize = 64;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// A bastion that was entered. The connection lives as long as one of its clones, or a session behind it.
#[derive(Clone)]
pub struct Bastion {
    link: Arc<Link>,
    /// Apart from the link: a connection that the bastion is still asked for does not keep it alive.
    stop: Arc<Option<Stop>>,
}

struct Link {
    connection: Connection,
    label: String,
}

/// A connection that came to an address on which a bastion listens for us.
pub struct Forwarded {
    /// Its bytes.
    pub stream: Box<dyn ForwardedStream>,
    /// From where it came, as the bastion says.
    pub source: IpAddr,
}

/// The bytes of a connection.
pub trait ForwardedStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ForwardedStream for T {}

impl Forwarded {
    pub(super) fn new(stream: impl ForwardedStream + 'static, source: IpAddr) -> Self {
        Self { stream: Box::new(stream), source }
    }
}

/// An address on which a bastion listens for us, until [`Self::end`].
pub struct Listening {
    bastion: Bastion,
    address: SocketAddr,
    receiver: mpsc::Receiver<Forwarded>,
}

impl Listening {
    /// The next connection; `None` when the bastion is gone.
    pub async fn next(&mut self) -> Option<Forwarded> {
        self.receiver.recv().await
    }

    /// Lets the bastion listen no more.
    pub async fn end(self) {
        let connection = &self.bastion.link.connection;
        connection.shared.lock().forward = None;
        if let Ok(handle) = connection.handle() {
            let address = (self.address.ip().to_string(), u32::from(self.address.port()));
            timeout(GOODBYE, handle.cancel_tcpip_forward(address.0, address.1)).await.ok();
        }
    }
}

impl fmt::Debug for Bastion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bastion").field("label", &self.link.label).finish_non_exhaustive()
    }
}

impl Bastion {
    /// Takes a connection that is logged in.
    pub(super) fn new(mut connection: Connection, label: String) -> Self {
        let stop = Arc::new(connection.stop.take());
        Self { link: Arc::new(Link { connection, label }), stop }
    }

    /// Whether the connection still stands, as far as is known.
    pub fn is_open(&self) -> bool {
        let connection = &self.link.connection;
        connection.shared.lock().end.is_none() && connection.handle().is_ok_and(|handle| !handle.is_closed())
    }

    /// Whether something goes through it besides the one who asks.
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.stop) > 1
    }

    /// Says goodbye, within a limit of time. Whatever goes through it ends.
    pub async fn leave(&self) {
        let goodbye = async {
            let Ok(handle) = self.link.connection.handle() else { return };
            if handle.disconnect(Disconnect::ByApplication, "", "").await.is_ok() {
                self.link.connection.reason("the goodbye").await;
            }
        };
        timeout(GOODBYE, goodbye).await.ok();
    }

    /// Lets it connect to a place behind it.
    pub(super) async fn forward(&self, place: &Place, until: Instant) -> Result<Pipe, AccessError> {
        let (host, port) = match place {
            Place::Address(address) => (address.ip().to_string(), address.port()),
            Place::Name(name, port) => (name.clone(), *port),
        };
        let (opened, result) = oneshot::channel();
        let link = Arc::clone(&self.link);
        // A task of its own: a channel that comes when nobody waits any more is closed, and ends with the connection.
        tokio::spawn(async move {
            let Ok(handle) = link.connection.handle() else { return };
            let asked = handle.channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0);
            // Nobody waits any more: the stream closes its channel when it is dropped.
            drop(opened.send(asked.await.map(russh::Channel::into_stream)));
        });
        let (what, said) = match timeout_at(until, result).await {
            Ok(Ok(Ok(stream))) => return Ok(read_ahead(stream)),
            Ok(Ok(Err(russh::Error::ChannelOpenFailure(reason)))) => refusal(&reason, place),
            Ok(Ok(Err(_)) | Err(_)) => (HopFault::Dropped, format!("when it was asked for {place}")),
            Err(_) => (HopFault::NoWay, format!("it did not reach {place} in time")),
        };
        Err(self.blame(fault(&self.link.label, what, said)).await)
    }

    /// Lets it listen on an address for what appliances push. One such address at a time.
    pub async fn listen(&self, address: SocketAddr, within: Duration) -> Result<Listening, AccessError> {
        let connection = &self.link.connection;
        let handle = connection.handle()?;
        let (sender, receiver) = mpsc::channel(FORWARDED_MAX);
        let port = u32::from(address.port());
        {
            let mut state = connection.shared.lock();
            if state.forward.is_some() {
                return Err(self.fault(HopFault::Refused, "it listens for us already".to_owned()));
            }
            state.forward = Some(Forward { port, sender });
        }
        let asked = timeout(within, handle.tcpip_forward(address.ip().to_string(), port)).await;
        let (what, said) = match asked {
            Ok(Ok(_)) => return Ok(Listening { bastion: self.clone(), address, receiver }),
            Ok(Err(russh::Error::RequestDenied)) => {
                (HopFault::Refused, format!("it does not listen on {address} for us"))
            }
            Ok(Err(_)) => (HopFault::Dropped, format!("when it was asked to listen on {address}")),
            Err(_) => (HopFault::Late, format!("it did not say in time whether it listens on {address}")),
        };
        connection.shared.lock().forward = None;
        Err(self.blame(self.fault(what, said)).await)
    }

    /// Opens a session channel on it.
    pub(super) async fn session(&self, until: Instant) -> Result<Channel<Msg>, AccessError> {
        let opened = timeout_at(until, self.link.connection.handle()?.channel_open_session()).await;
        let (what, said) = match opened {
            Ok(Ok(channel)) => return Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                (HopFault::Refused, format!("it opens no session ({reason:?})"))
            }
            Ok(Err(_)) => (HopFault::Dropped, "when it was asked for a session".to_owned()),
            Err(_) => (HopFault::Late, "it opened no session in time".to_owned()),
        };
        Err(self.blame(fault(&self.link.label, what, said)).await)
    }

    /// An error in its name.
    pub(super) fn fault(&self, what: HopFault, said: String) -> AccessError {
        fault(&self.link.label, what, said)
    }

    /// Whose fault something is that failed behind this bastion: its own, or that of one before it, when it is gone;
    /// else the error stays as it is.
    pub(super) fn blame(&self, error: AccessError) -> BoxFuture<'_, AccessError> {
        Box::pin(async move {
            if !is_of_the_line(&error) {
                return error;
            }
            let Some(why) = self.end().await else { return error };
            let own = of_hop(why, &self.link.label);
            match &self.link.connection.behind {
                Some(before) => before.blame(own).await,
                None => own,
            }
        })
    }

    /// Why the connection is over, or seems to be.
    async fn end(&self) -> Option<AccessError> {
        const DURING: &str = "the work behind it";
        let connection = &self.link.connection;
        let over = || match connection.shared.lock().end.clone()? {
            End::Because(error) => Some(error),
            End::Dropped | End::NoMethodLeft => Some(AccessError::Dropped(DURING)),
        };
        if let Some(error) = over() {
            return Some(error);
        }
        let handle = connection.handle().ok()?;
        match timeout(SIGN_OF_LIFE, handle.send_ping()).await {
            Ok(Ok(())) => over(),
            Ok(Err(_)) => Some(AccessError::Dropped(DURING)),
            Err(_) => Some(AccessError::TimedOut { what: "a sign of life", limit: SIGN_OF_LIFE }),
        }
    }
}

/// Whether an error may stem from the line, and so from what lies before.
fn is_of_the_line(error: &AccessError) -> bool {
    matches!(
        error,
        AccessError::TimedOut { .. }
            | AccessError::ClosedEarly
            | AccessError::Network(_)
            | AccessError::Dropped(_)
            | AccessError::NoPrompt(_)
            | AccessError::Hop { fault: HopFault::NoWay | HopFault::Late | HopFault::Dropped, .. }
    )
}

fn refusal(reason: &ChannelOpenFailure, place: &Place) -> (HopFault, String) {
    match reason {
        ChannelOpenFailure::ConnectFailed => (HopFault::NoWay, format!("it cannot connect to {place}")),
        ChannelOpenFailure::AdministrativelyProhibited => {
            (HopFault::Refused, format!("it does not forward to {place} (administratively prohibited)"))
        }
        ChannelOpenFailure::UnknownChannelType => (HopFault::Refused, "it forwards nothing".to_owned()),
        _ => (HopFault::Refused, format!("it has no room for a connection to {place}")),
    }
}

/// An error of a hop, in its name.
pub(super) fn of_hop(error: AccessError, label: &str) -> AccessError {
    let (what, said) = match error {
        AccessError::Hop { .. } | AccessError::NotYetServed(_) | AccessError::NoSsh(_) => return error,
        AccessError::KeyUnknown { algorithm, fingerprint } => {
            (HopFault::KeyUnknown, format!("{algorithm} {fingerprint}"))
        }
        AccessError::KeyChanged { expected, algorithm, fingerprint } => {
            (HopFault::KeyChanged, format!("expected {expected}, found {algorithm} {fingerprint}"))
        }
        AccessError::LoginRefused { user, offered } => {
            (HopFault::LoginRefused, format!("account {user:?}; it offers {offered:?}"))
        }
        AccessError::UnusableKey(why) => (HopFault::NoCredential, format!("the private key cannot be read: {why}")),
        AccessError::UnknownPrompt(question) => (HopFault::Asked, format!("{question:?}")),
        AccessError::Refused => (HopFault::Closed, "connection refused".to_owned()),
        AccessError::Network(why) => (HopFault::Unreached, why),
        AccessError::TimedOut { what: "connecting", limit } => {
            (HopFault::Unreached, format!("connecting took longer than {limit:?}"))
        }
        AccessError::TimedOut { .. } => (HopFault::Late, error.to_string()),
        AccessError::ClosedEarly => (HopFault::Dropped, "before the SSH greeting".to_owned()),
        AccessError::Dropped(during) => (HopFault::Dropped, format!("during {during}")),
        AccessError::Protocol(_)
        | AccessError::NoChannel(_)
        | AccessError::NoPrompt(_)
        | AccessError::OverLimit { .. } => (HopFault::Protocol, error.to_string()),
    };
    fault(label, what, said)
}
