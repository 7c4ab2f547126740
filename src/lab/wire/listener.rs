//! The listener of one unit.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::server::Config;
use russh::{MethodKind, MethodSet, SshId};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::connection::Connection;
use super::keys;
use crate::lab::error::LabError;
use crate::lab::rack::{Place, Reception, Visit};
use crate::model::inventory::Algorithms;

/// How long a unit waits before it says that a login is refused.
const REJECTION: Duration = Duration::from_millis(20);
/// How long a connection may do nothing: longer than any client of the lab keeps a session.
const IDLE: Duration = Duration::from_hours(1);
/// How long to wait before a port that somebody else took is tried again.
const REBIND: Duration = Duration::from_millis(100);

/// How a unit speaks.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab) struct Wire {
    /// How long each answer to a command takes.
    pub latency: Duration,
}

/// Accepts connections to a unit for ever; the port is closed while the unit refuses.
pub(in crate::lab) async fn listen(place: Arc<Place>, listener: TcpListener, address: SocketAddr, wire: Wire) {
    let mut listener = Some(listener);
    let mut faults = place.faults_moved();
    loop {
        if place.is_closed() {
            listener = None;
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(open) = &listener else {
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                Err(_) => tokio::time::sleep(REBIND).await,
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(serve(Arc::clone(&place), stream, wire));
                }
                // Out of descriptors, most likely: others close theirs meanwhile.
                Err(_) => tokio::time::sleep(REBIND).await,
            },
            _ = faults.changed() => {}
        }
    }
}

async fn serve(place: Arc<Place>, mut stream: TcpStream, wire: Wire) {
    let (visit, reception) = place.receive();
    match reception {
        Reception::Full => {}
        Reception::Refuse => {
            // A counted refusal cannot close the port, so it resets the connection.
            if let Err(error) = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)) {
                tracing::debug!(%error, "no reset");
            }
        }
        Reception::Silent => {
            let mut heard = [0; 256];
            while matches!(stream.read(&mut heard).await, Ok(1..)) {}
        }
        Reception::Talk { changed_key, refuse_logins } => {
            if let Err(error) = talk(&place, visit, stream, wire, changed_key, refuse_logins).await {
                tracing::debug!(seat = %place.spec().seat, %error, "connection ended");
            }
        }
    }
}

async fn talk(
    place: &Arc<Place>,
    visit: Visit,
    stream: TcpStream,
    wire: Wire,
    changed_key: bool,
    refuse_logins: bool,
) -> Result<(), russh::Error> {
    let algorithms = place.spec().algorithms;
    let key = match keys::host_key(&place.spec().seat, algorithms, changed_key) {
        Ok(key) => key,
        Err(error) => {
            tracing::error!(%error, "no host key");
            return Ok(());
        }
    };
    // A nagling server holds back the last small packet of each answer.
    stream.set_nodelay(true)?;
    let socket = stream.as_fd().try_clone_to_owned()?;
    let connection = Connection::new(Arc::clone(place), visit, wire, refuse_logins, socket);
    russh::server::run_stream(Arc::new(config(algorithms, key)), stream, connection).await?.await
}

fn config(algorithms: Algorithms, key: PrivateKey) -> Config {
    let greeting = match algorithms {
        Algorithms::Modern => "SSH-2.0-OpenSSH_8.7",
        Algorithms::Legacy => "SSH-2.0-OpenSSH_5.8",
    };
    Config {
        server_id: SshId::Standard(greeting.into()),
        methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::Password, MethodKind::KeyboardInteractive][..]),
        auth_rejection_time: REJECTION,
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 6,
        preferred: keys::preferred(algorithms, &key),
        keys: vec![key],
        inactivity_timeout: Some(IDLE),
        nodelay: true,
        ..Config::default()
    }
}

/// Binds the port of a unit.
pub(in crate::lab) async fn bind(place: &Place, address: SocketAddr) -> Result<TcpListener, LabError> {
    let seat = place.spec().seat.to_string();
    TcpListener::bind(address).await.map_err(|source| LabError::Listen { seat, address, source })
}
