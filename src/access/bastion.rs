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
use russh::{Channel, ChannelMsg, ChannelOpenFailure, Disconnect};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::AccessError;
use super::connection::Connection;
use super::guard::{End, Forward};
use super::hop::{HopFault, fault};
use super::loan::{Loan, Want};
use super::nested::Start;
use super::route::Place;
use super::wire::{Pipe, Stop, read_ahead};

/// The terminal: wide, so that few lines are broken.
const COLUMNS: u32 = 200;
const ROWS: u32 = 24;
/// Bytes of a terminal that wait for whoever reads it.
const TERMINAL_BYTES: usize = 64 * 1024;
/// How long a bastion may take to say that it is there, when something behind it failed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// How often a connection that nobody asks anything is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
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
    line: Line,
    label: String,
}

/// What leads to it.
enum Line {
    /// A connection of this process.
    Own(Connection),
    /// That of another process, which a person opened.
    Borrowed(Loan),
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
        let Line::Own(connection) = &self.bastion.link.line else { return };
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
        Self { link: Arc::new(Link { line: Line::Own(connection), label }), stop }
    }

    /// Takes one that another process holds.
    pub(super) fn borrowed(loan: Loan, label: String) -> Self {
        Self { link: Arc::new(Link { line: Line::Borrowed(loan), label }), stop: Arc::default() }
    }

    /// Whether the connection still stands, as far as is known.
    pub fn is_open(&self) -> bool {
        let Line::Own(connection) = &self.link.line else { return true };
        connection.shared.lock().end.is_none() && connection.handle().is_ok_and(|handle| !handle.is_closed())
    }

    /// Whether something goes through it besides the one who asks.
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.stop) > 1
    }

    /// Waits until the connection is over, and says why. One that is borrowed is watched by who holds it.
    pub async fn ended(&self) -> AccessError {
        let Line::Own(connection) = &self.link.line else { return std::future::pending().await };
        loop {
            let changed = connection.shared.changed.notified();
            if !self.is_open() {
                return of_hop(connection.shared.lock().reason("the work behind it"), &self.link.label);
            }
            // A connection that ends between two looks is found by the next one.
            timeout(LOOK_AGAIN, changed).await.ok();
        }
    }

    /// Says goodbye, within a limit of time. Whatever goes through it ends. One that is borrowed stays open.
    pub async fn leave(&self) {
        let Line::Own(connection) = &self.link.line else { return };
        let goodbye = async {
            let Ok(handle) = connection.handle() else { return };
            if handle.disconnect(Disconnect::ByApplication, "", "").await.is_ok() {
                connection.reason("the goodbye").await;
            }
        };
        timeout(GOODBYE, goodbye).await.ok();
    }

    /// Lets it connect to a place behind it.
    pub(super) async fn forward(&self, place: &Place, until: Instant) -> Result<Pipe, AccessError> {
        let (host, port) = place.host_and_port();
        if let Line::Borrowed(loan) = &self.link.line {
            return loan.ask(Want::Stream { host, port }, until).await;
        }
        let (opened, result) = oneshot::channel();
        let link = Arc::clone(&self.link);
        // A task of its own: a channel that comes when nobody waits any more is closed, and ends with the connection.
        tokio::spawn(async move {
            let Line::Own(connection) = &link.line else { return };
            let Ok(handle) = connection.handle() else { return };
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
        let Line::Own(connection) = &self.link.line else {
            let why = "a person holds it open in another process, and nothing comes back through that";
            return Err(self.fault(HopFault::Refused, why.to_owned()));
        };
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

    /// A terminal on it, in which its client or its menu was started.
    pub(super) async fn terminal(&self, start: Start, until: Instant) -> Result<Pipe, AccessError> {
        if let Line::Borrowed(loan) = &self.link.line {
            return loan.ask(Want::Terminal(start), until).await;
        }
        let (opened, result) = oneshot::channel();
        let link = Arc::clone(&self.link);
        // A task of its own, as in `forward`: a session that comes when nobody waits any more would stay, and count
        // among those that the bastion gives.
        tokio::spawn(async move {
            let Line::Own(connection) = &link.line else { return };
            let Ok(handle) = connection.handle() else { return };
            if let Err(Ok(late)) = opened.send(handle.channel_open_session().await) {
                late.close().await.ok();
            }
        });
        let (what, said) = match timeout_at(until, result).await {
            Ok(Ok(Ok(channel))) => match begin(channel, start).await {
                Ok(pipe) => return Ok(pipe),
                Err(_) => (HopFault::Dropped, "when it was asked for a terminal".to_owned()),
            },
            Ok(Ok(Err(russh::Error::ChannelOpenFailure(reason)))) => {
                (HopFault::Refused, format!("it opens no session ({reason:?})"))
            }
            Ok(Ok(Err(_)) | Err(_)) => (HopFault::Dropped, "when it was asked for a session".to_owned()),
            Err(_) => (HopFault::Late, "it opened no session in time".to_owned()),
        };
        Err(self.blame(fault(&self.link.label, what, said)).await)
    }

    /// Its host and kind.
    pub fn label(&self) -> &str {
        &self.link.label
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
            match &self.link.line {
                Line::Own(Connection { behind: Some(before), .. }) => before.blame(own).await,
                _ => own,
            }
        })
    }

    /// Why the connection is over, or seems to be.
    async fn end(&self) -> Option<AccessError> {
        const DURING: &str = "the work behind it";
        let connection = match &self.link.line {
            Line::Own(connection) => connection,
            Line::Borrowed(loan) => return loan.end().await,
        };
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

/// Starts the client or the menu in a terminal of the bastion.
async fn begin(channel: Channel<Msg>, start: Start) -> Result<Pipe, russh::Error> {
    channel.request_pty(false, "vt100", COLUMNS, ROWS, 0, 0, &[]).await?;
    match start.command() {
        Some(command) => channel.exec(false, command).await?,
        None => channel.request_shell(false).await?,
    }
    let (near, far) = tokio::io::duplex(TERMINAL_BYTES);
    tokio::spawn(carry(channel, far));
    Ok(read_ahead(near))
}

/// Carries bytes between a channel and whoever uses it, until one of them ends.
async fn carry(channel: Channel<Msg>, far: DuplexStream) {
    let (mut heard, typed) = channel.split();
    let (mut from, mut to) = tokio::io::split(far);
    let mut bytes = [0; 4096];
    loop {
        tokio::select! {
            message = heard.wait() => match message {
                Some(ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. }) => {
                    if to.write_all(&data).await.is_err() { break }
                }
                Some(ChannelMsg::Close) | None => break,
                Some(_) => {}
            },
            read = from.read(&mut bytes) => match read {
                Ok(count @ 1..) => {
                    let read = bytes.get(..count).unwrap_or_default().to_vec();
                    if typed.data_bytes(read).await.is_err() { break }
                }
                _ => break,
            },
        }
    }
    // The bastion's client ends with its channel.
    typed.close().await.ok();
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
        AccessError::Unanswered(question) => (HopFault::Unanswered, format!("{question:?}")),
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
