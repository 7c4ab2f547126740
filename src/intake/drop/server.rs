//! The listener of the drop, and the limits on a connection that hold whatever it says.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{Algorithm, EcdsaCurve};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::gate::Gate;
use super::handler::{Connection, Stage};
use super::receive::Refusals;
use super::ticket::{IssueError, Issued, Tickets};
use super::{DropLimits, Expected, HostKey, Refusal};

/// Refusals that wait for the audit.
const REFUSALS_MAX: usize = 1000;
/// How long a connection may stay when there is nothing more to do on it.
const GOODBYE: Duration = Duration::from_secs(5);
/// How long a listener rests that cannot accept: others close their descriptors meanwhile.
const REST: Duration = Duration::from_millis(100);
/// Bytes between the socket and the protocol.
const PIPE_BYTES: usize = 256 << 10;

/// The drop cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address} for what appliances push")]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

/// A drop that listens.
pub struct DropServer {
    door: Door,
    address: SocketAddr,
    listener: JoinHandle<()>,
    refusals: mpsc::Receiver<Refusal>,
}

/// Takes connections that came another way than to the drop's own address.
#[derive(Clone)]
pub struct SideDoor(Door);

impl SideDoor {
    /// Serves a connection, as if it had come to the drop's address from `source`.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, source: IpAddr) {
        if let Some((handler, stage)) = admit(&self.0, source) {
            let limits = self.0.tickets.limits;
            serve(Arc::clone(&self.0.config), stream, handler, stage, limits).await;
        }
    }
}

/// What a connection needs.
#[derive(Clone)]
struct Door {
    tickets: Arc<Tickets>,
    gate: Arc<Gate>,
    config: Arc<Config>,
    refusals: mpsc::Sender<Refusal>,
}

impl DropServer {
    /// Listens on an address.
    pub async fn listen(address: SocketAddr, key: HostKey, limits: DropLimits) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, refusals) = mpsc::channel(REFUSALS_MAX);
        let door = Door {
            tickets: Arc::new(Tickets::new(limits)),
            gate: Arc::default(),
            config: Arc::new(config(key, limits)),
            refusals: sender,
        };
        let listener = tokio::spawn(accept(door.clone(), listener));
        Ok(Self { door, address, listener, refusals })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives out a ticket for one file.
    pub fn issue(&self, expected: Expected) -> Result<Issued, IssueError> {
        self.door.tickets.issue(expected)
    }

    /// A way in beside its address.
    pub fn side_door(&self) -> SideDoor {
        SideDoor(self.door.clone())
    }

    /// What was refused since this was last asked.
    pub fn refused(&mut self) -> Vec<Refusal> {
        std::iter::from_fn(|| self.refusals.try_recv().ok()).collect()
    }

    /// Voids every ticket and closes every connection.
    pub async fn close(self) -> Vec<Refusal> {
        let Self { door, listener, mut refusals, .. } = self;
        listener.abort();
        drop(listener.await);
        timeout(GOODBYE, door.tickets.close()).await.ok();
        std::iter::from_fn(|| refusals.try_recv().ok()).collect()
    }
}

fn config(key: HostKey, limits: DropLimits) -> Config {
    Config {
        server_id: SshId::Standard("SSH-2.0-drop".into()),
        methods: MethodSet::from(&[MethodKind::Password][..]),
        auth_rejection_time: Duration::from_millis(500),
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 3,
        // Behind the limits of a transfer, which say more.
        inactivity_timeout: Some(limits.idle + GOODBYE),
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::ECDH_SHA2_NISTP256,
                kex::DH_G16_SHA512,
                kex::DH_G14_SHA256,
                kex::EXTENSION_SUPPORT_AS_SERVER,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519, Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }]),
            cipher: Cow::Borrowed(&[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA256]),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        keys: key.into_keys(),
        nodelay: true,
        ..Config::default()
    }
}

/// Accepts connections for ever. Its tasks end with it.
async fn accept(door: Door, listener: TcpListener) {
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => welcome(&door, stream, peer.ip().to_canonical(), &mut tasks),
            Err(error) => {
                tracing::debug!(%error, "the drop accepts nothing");
                tokio::time::sleep(REST).await;
            }
        }
    }
}

fn welcome(door: &Door, stream: TcpStream, source: IpAddr, tasks: &mut JoinSet<()>) {
    if let Some((handler, stage)) = admit(door, source) {
        stream.set_nodelay(true).ok();
        tasks.spawn(serve(Arc::clone(&door.config), stream, handler, stage, door.tickets.limits));
    }
}

/// Speaks to whom something is expected from, while there is room. To others not a byte is said.
fn admit(door: &Door, source: IpAddr) -> Option<(Connection, Arc<watch::Sender<Stage>>)> {
    let limits = door.tickets.limits;
    let refusals = Refusals { sender: door.refusals.clone(), source };
    if !door.tickets.expect(source) {
        refusals.tell(None, "a connection from where nothing is expected");
        return None;
    }
    let waiting = door.gate.enter(source, limits.waiting_per_source, limits.waiting)?;
    let stage = Arc::new(watch::Sender::new(Stage::Waiting));
    Some((Connection::new(Arc::clone(&door.tickets), refusals, Some(waiting), Arc::clone(&stage)), stage))
}

/// Ends the task of the bytes, and with it the connection, whatever russh's own task does.
struct Pump(JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves a connection until it is over, or a limit is broken.
async fn serve<S>(
    config: Arc<Config>,
    mut stream: S,
    handler: Connection,
    stage: Arc<watch::Sender<Stage>>,
    limits: DropLimits,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let begun = Instant::now();
    let (near, mut far) = tokio::io::duplex(PIPE_BYTES);
    let pump = Pump(tokio::spawn(async move {
        drop(tokio::io::copy_bidirectional(&mut stream, &mut far).await);
    }));
    let mut stages = stage.subscribe();
    let Ok(Ok(running)) = timeout(limits.grace, russh::server::run_stream(config, near, handler)).await else { return };
    let watched = async {
        let logged_in = stages.wait_for(|stage| *stage >= Stage::LoggedIn);
        if timeout_at(begun + limits.grace, logged_in).await.is_err() {
            return;
        }
        if timeout(limits.idle, stages.wait_for(|stage| *stage >= Stage::Moving)).await.is_err() {
            return;
        }
        timeout(limits.transfer, stages.wait_for(|stage| *stage == Stage::Over)).await.ok();
        tokio::time::sleep(GOODBYE).await;
    };
    tokio::select! {
        _ = running => {}
        () = watched => {}
    }
    drop(pump);
}
