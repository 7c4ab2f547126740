//! A bastion that one process holds open and others borrow: a UNIX socket, one line of JSON each way, then raw bytes.
//!
//! Invariant: who lends and who borrows are the same user of the operating system, in the same realm. What is lent leads
//! to the seats of one gateway and nowhere else, and carries nothing that could open it again: whoever borrows checks the
//! host key of the appliance and logs in there by itself.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, copy, split};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::AccessError;
use super::bastion::Bastion;
use super::hop::{HopFault, fault};
use super::nested::Start;
use super::route::Place;
use super::wire::{Pipe, read_ahead};
use crate::model::door::WayName;
use crate::model::name::SeatName;
use crate::model::realm::Realm;
use crate::model::time::Time;

/// Bytes of a request, and of an answer that is no list of seats.
const REQUEST_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an answer: it names the seats.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// How long one side waits for a line of the other.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long whoever lends asks its bastion.
const OPENING: Duration = Duration::from_secs(30);
/// Requests at once, whatever the bastion carries.
const REQUESTS_MAX: usize = 256;
/// Sockets that a list looks at.
const SOCKETS_MAX: usize = 1_000;

/// What is open, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The gateway.
    pub way: WayName,
    /// The last bastion: its host and kind.
    pub hop: String,
    /// Who opened it.
    pub by: String,
    /// The process that holds it.
    pub pid: u32,
    /// Since when it is open.
    pub since: Time,
    /// When it will be closed.
    pub until: Time,
    /// The seats behind it.
    pub seats: Vec<SeatName>,
}

/// What is borrowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "want", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Want {
    /// Nothing: to see what is open.
    Show {},
    /// A stream to a place behind a bastion that forwards.
    Stream {
        /// The host, as the bastion is asked for it.
        host: String,
        /// The port.
        port: u16,
    },
    /// A terminal of one that does not, with its client or its menu.
    Terminal(Start),
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    v: u32,
    realm: Realm,
    way: WayName,
    #[serde(flatten)]
    want: Want,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case", deny_unknown_fields)]
enum Reply {
    /// What is open.
    Shown(Shown),
    /// Raw bytes follow, both ways.
    Lent,
    /// The bastion did not do it.
    Failed { fault: HopFault, hop: String, said: String },
    /// It is not lent.
    Refused { why: String },
}

/// Why nothing is lent.
#[derive(Debug, thiserror::Error)]
pub enum LoanError {
    /// Somebody holds this way open already.
    #[error("{} is open already, by {} until {}", .0.way, .0.by, .0.until)]
    Open(Box<Shown>),
    /// The folder of the sockets, or a socket.
    #[error("{path:?} cannot be used")]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LoanError {
    let path = path.to_owned();
    move |source| LoanError::Socket { path, source }
}

/// The socket of a way in a folder. Its name is short, whatever the gateway is called: a path to a socket has 107 bytes.
pub fn socket_of(folder: &Path, way: &WayName) -> PathBuf {
    let digest = Sha256::digest(way.to_string());
    folder.join(hex::encode(digest.get(..8).unwrap_or_default())).with_extension("sock")
}

/// Makes the folder, which is for its owner alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if is_ours(folder, 0o700)? { Ok(()) } else { Err(io::Error::other("others than its owner may use it")) }
}

/// Whether a file is of this process's user, and nobody else may use it.
fn is_ours(path: &Path, mode: u32) -> io::Result<bool> {
    let found = path.symlink_metadata()?;
    let owned = found.uid() == rustix::process::geteuid().as_raw();
    Ok(owned && found.permissions().mode() & 0o777 & !mode == 0)
}

/// Whether the other end of a socket is this process's user.
fn is_same_user(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::geteuid().as_raw())
}

/// Reads one line, and not a byte more.
async fn read_line(from: &mut (impl AsyncRead + Unpin), bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        match from.read_u8().await? {
            b'\n' => return Ok(line),
            _ if line.len() >= bytes_max => return Err(io::Error::other("the line is too long")),
            byte => line.push(byte),
        }
    }
}

async fn write_line(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}

/// Somebody else's open bastion.
#[derive(Debug, Clone)]
pub(super) struct Loan {
    pub(super) socket: PathBuf,
    pub(super) realm: Realm,
    pub(super) way: WayName,
    pub(super) hop: String,
}

impl Loan {
    /// What is open; `None` when nobody listens.
    pub(super) async fn shown(&self) -> Option<Shown> {
        match timeout(PATIENCE, self.exchange(Want::Show {})).await {
            Ok(Ok((Reply::Shown(shown), _))) if shown.way == self.way => Some(shown),
            _ => None,
        }
    }

    /// Asks for a stream of bytes.
    pub(super) async fn ask(&self, want: Want, until: Instant) -> Result<Pipe, AccessError> {
        match timeout_at(until, self.exchange(want)).await {
            Ok(Ok((Reply::Lent, pipe))) => Ok(pipe),
            Ok(Ok((Reply::Failed { fault, hop, said }, _))) => Err(AccessError::Hop { fault, hop, said }),
            Ok(Ok((Reply::Refused { why }, _))) => Err(fault(&self.hop, HopFault::Refused, why)),
            Ok(Ok((Reply::Shown(_), _))) => Err(fault(&self.hop, HopFault::Protocol, "it shows itself".to_owned())),
            Ok(Err(_)) => Err(self.closed()),
            Err(_) => Err(fault(&self.hop, HopFault::Late, "the process that holds it open is silent".to_owned())),
        }
    }

    /// Why it is over, if it is.
    pub(super) async fn end(&self) -> Option<AccessError> {
        if self.shown().await.is_some() { None } else { Some(self.closed()) }
    }

    fn closed(&self) -> AccessError {
        let said = format!("it was closed meanwhile: hoshu session open {}", self.way);
        fault(&self.hop, HopFault::NotOpen, said)
    }

    async fn exchange(&self, want: Want) -> io::Result<(Reply, Pipe)> {
        if !self.socket.parent().map_or(Ok(false), |folder| is_ours(folder, 0o700))? {
            return Err(io::Error::other("others than its owner may use the folder"));
        }
        let stream = UnixStream::connect(&self.socket).await?;
        if !is_same_user(&stream) {
            return Err(io::Error::other("the other end is somebody else"));
        }
        let mut pipe = read_ahead(stream);
        write_line(&mut pipe, &Request { v: 1, realm: self.realm, way: self.way.clone(), want }).await?;
        let line = read_line(&mut pipe, ANSWER_BYTES_MAX).await?;
        Ok((serde_json::from_slice(&line)?, pipe))
    }
}

/// What is open by the sockets of a folder, in the order of its names. A socket that nobody listens at is left out.
pub async fn list(folder: &Path, realm: Realm, ways: &[WayName]) -> Vec<Shown> {
    let mut open = Vec::new();
    for way in ways.iter().take(SOCKETS_MAX) {
        let socket = socket_of(folder, way);
        if socket.exists() {
            let loan = Loan { socket, realm, way: way.clone(), hop: String::new() };
            open.extend(loan.shown().await);
        }
    }
    open
}

/// Who lends a bastion.
pub struct Lender {
    pub(super) bastion: Bastion,
    pub(super) realm: Realm,
    pub(super) shown: Shown,
    /// The places of the seats, as the bastion is asked for them; how its client is started there, if it has one.
    pub(super) places: BTreeSet<(String, u16)>,
    /// Whether it gives terminals and not streams, and whether these show a menu.
    pub(super) nested: Option<bool>,
    /// Streams and terminals at once.
    pub(super) room: Arc<Semaphore>,
}

impl Lender {
    /// Lends what is open until `over` is done, through a socket in `folder` that is gone afterwards. Whoever borrows
    /// then, ends.
    pub async fn lend(self, folder: &Path, over: impl Future<Output = ()>) -> Result<(), LoanError> {
        let socket = socket_of(folder, &self.shown.way);
        let listener = self.listen(folder, &socket).await?;
        let lender = Arc::new(self);
        let mut borrowers = JoinSet::new();
        let accept = async {
            loop {
                while borrowers.try_join_next().is_some() {}
                match listener.accept().await {
                    Ok((stream, _)) if borrowers.len() < REQUESTS_MAX && is_same_user(&stream) => {
                        let lender = Arc::clone(&lender);
                        drop(borrowers.spawn(async move { lender.serve(stream).await }));
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "the socket of an open way");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        tokio::select! { () = over => {} () = accept => {} }
        drop(listener);
        borrowers.shutdown().await;
        std::fs::remove_file(&socket).map_err(failed(&socket))
    }

    /// Listens, mode 0600. A socket that a dead process left behind is replaced, a living one is not.
    async fn listen(&self, folder: &Path, socket: &Path) -> Result<UnixListener, LoanError> {
        make_folder(folder).map_err(failed(folder))?;
        let way = self.shown.way.clone();
        let other = Loan { socket: socket.to_owned(), realm: self.realm, way, hop: String::new() };
        if let Some(shown) = other.shown().await {
            return Err(LoanError::Open(Box::new(shown)));
        }
        match std::fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(socket)(error)),
            _ => {}
        }
        let listener = UnixListener::bind(socket).map_err(failed(socket))?;
        // The folder is 0700, so nobody else reaches the socket before its own mode is set.
        std::fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(failed(socket))?;
        Ok(listener)
    }

    async fn serve(&self, stream: UnixStream) {
        let mut stream = BufReader::new(stream);
        let line = timeout(PATIENCE, read_line(&mut stream, REQUEST_BYTES_MAX)).await;
        let Ok(Ok(line)) = line else { return };
        let opened = match serde_json::from_slice::<Request>(&line) {
            Err(error) => Err(Reply::Refused { why: format!("the request is not understood: {error}") }),
            Ok(request) => self.open(request).await,
        };
        let (reply, lent) = match opened {
            Ok((reply, lent)) => (reply, lent),
            Err(reply) => (reply, None),
        };
        let written = timeout(PATIENCE, write_line(&mut stream, &reply)).await;
        if let (Ok(Ok(())), Some((pipe, _permit))) = (written, lent) {
            relay(stream, pipe).await;
        }
    }

    /// Does what a request wants, if it is for this way and leads to a seat behind it.
    async fn open(&self, request: Request) -> Result<(Reply, Option<(Pipe, impl Drop + use<>)>), Reply> {
        let refused = |why: String| Reply::Refused { why };
        if request.v != 1 || request.realm != self.realm || request.way != self.shown.way {
            let own = format!("version 1, realm {}, {}", self.realm, self.shown.way);
            let asked = format!("version {}, realm {}, {}", request.v, request.realm, request.way);
            return Err(refused(format!("this way is {own}, asked for was {asked}")));
        }
        let (host, port) = match &request.want {
            Want::Show {} => return Ok((Reply::Shown(self.shown.clone()), None)),
            Want::Stream { host, port } => (host, *port),
            Want::Terminal(start) => (&start.host, start.port),
        };
        if !self.places.contains(&(host.clone(), port)) {
            return Err(refused(format!("{host} port {port} is no seat behind {} as it was opened", self.shown.way)));
        }
        let fits = match (&request.want, self.nested) {
            (Want::Stream { .. }, None) => true,
            (Want::Terminal(start), Some(menu)) => start.user.is_none() == menu,
            _ => false,
        };
        if !fits {
            return Err(refused(format!("{} gives nothing of that kind", self.shown.way)));
        }
        let until = Instant::now() + OPENING;
        let Ok(Ok(permit)) = timeout_at(until, Arc::clone(&self.room).acquire_owned()).await else {
            return Err(refused("it carries as many sessions as its gateway allows".to_owned()));
        };
        let opened = match request.want {
            Want::Terminal(start) => self.bastion.terminal(start, until).await,
            Want::Stream { host, port } => self.bastion.forward(&Place::new(&host, port), until).await,
            Want::Show {} => return Ok((Reply::Shown(self.shown.clone()), None)),
        };
        match opened {
            Ok(pipe) => Ok((Reply::Lent, Some((pipe, permit)))),
            Err(AccessError::Hop { fault, hop, said }) => Err(Reply::Failed { fault, hop, said }),
            Err(error) => {
                let hop = self.shown.hop.clone();
                Err(Reply::Failed { fault: HopFault::Protocol, hop, said: error.to_string() })
            }
        }
    }
}

/// Carries bytes both ways until one side ends.
async fn relay(one: BufReader<UnixStream>, other: Pipe) {
    let ((mut from, mut to), (mut heard, mut said)) = (split(one), split(other));
    tokio::select! {
        _ = copy(&mut from, &mut said) => {}
        _ = copy(&mut heard, &mut to) => {}
    }
}
