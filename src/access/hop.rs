//! The way through proxies: one connection, of this host or of a bastion, on which each hop is asked for the next one
//! and the last for the appliance.
//!
//! Invariant: nothing secret is said to a hop, and no byte behind a hop's answer is lost: what was read ahead stays in
//! the buffer that the connection goes on with.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as SocksError, TargetAddr};

use super::AccessError;
use super::bastion::Bastion;
use super::connection::quote;
use super::route::{Place, ProxyKind, Route};
use super::wire::{Pipe, read_ahead};
use crate::model::limits::HOP_HEAD_BYTES_MAX;

crate::words! {
    /// How a hop ended a way in, as the beginning of a sentence.
    pub enum HopFault {
        /// Its own port is closed.
        Closed = "nothing listens at",
        /// It was not reached: its name has no address, the network has no way, or the time passed.
        Unreached = "no way to",
        /// It refused to go on, or says that what lies behind it refuses.
        Refused = "refused by",
        /// It says that the network behind it has no way.
        NoWay = "no way through",
        /// It did not answer in time.
        Late = "no answer from",
        /// It closed the connection.
        Dropped = "closed by",
        /// It does not speak its protocol.
        Protocol = "no sense in the answer of",
        /// No host key of it is accepted. Nothing secret was sent.
        KeyUnknown = "host key not accepted of",
        /// It showed another key than the accepted ones. Nothing secret was sent.
        KeyChanged = "host key changed of",
        /// It refused the login.
        LoginRefused = "login refused by",
        /// It asked something that is not known, and got no answer.
        Asked = "unknown question of",
        /// It asked something that a person was to answer, and nobody did.
        Unanswered = "question not answered of",
        /// Nobody holds the attended way through it open any more.
        NotOpen = "no open way through",
        /// It forwards nothing, and its own client does not show the host key of the appliance. Nothing secret was sent.
        HidesKey = "host key hidden by",
        /// There is nothing to log in with.
        NoCredential = "no usable credential for",
    }
}

/// What became of asking a hop, before it has its name.
type Asked = Result<(), (HopFault, String)>;

/// Connects along a route, all of it within a limit: from this host, or from the bastion before it.
pub(super) async fn connect(route: &Route, behind: Option<&Bastion>, limit: Duration) -> Result<Pipe, AccessError> {
    let until = Instant::now() + limit;
    let first = route.hops.first().map_or(&route.end, |hop| &hop.place);
    let mut stream = match behind {
        Some(bastion) => bastion.forward(first, until).await?,
        None => read_ahead(dial_first(route, first, until, limit).await?),
    };
    for (at, hop) in route.hops.iter().enumerate() {
        let next = route.hops.get(at + 1);
        let target = next.map_or(&route.end, |next| &next.place);
        let asked = timeout_at(until, ask(&mut stream, hop.kind, target)).await;
        let Err((what, said)) = asked.unwrap_or_else(|_| Err((HopFault::Late, took_longer(limit)))) else { continue };
        let before = next.map(|next| format!(" (asked for hop {})", next.label)).unwrap_or_default();
        return Err(fault(&hop.label, what, said + &before));
    }
    Ok(stream)
}

async fn dial_first(route: &Route, first: &Place, until: Instant, limit: Duration) -> Result<TcpStream, AccessError> {
    let tcp = timeout_at(until, dial(first)).await;
    match (tcp, route.hops.first()) {
        (Ok(Ok(tcp)), _) => Ok(tcp),
        (Err(_), None) => Err(AccessError::TimedOut { what: "connecting", limit }),
        (Ok(Err(error)), None) if error.kind() == ErrorKind::ConnectionRefused => Err(AccessError::Refused),
        (Ok(Err(error)), None) => Err(AccessError::Network(error.to_string())),
        (Err(_), Some(hop)) => Err(fault(&hop.label, HopFault::Unreached, took_longer(limit))),
        (Ok(Err(error)), Some(hop)) => {
            let closed = error.kind() == ErrorKind::ConnectionRefused;
            let what = if closed { HopFault::Closed } else { HopFault::Unreached };
            Err(fault(&hop.label, what, error.to_string()))
        }
    }
}

async fn dial(place: &Place) -> io::Result<TcpStream> {
    let tcp = match place {
        Place::Address(address) => TcpStream::connect(address).await?,
        Place::Name(name, port) => TcpStream::connect((name.as_str(), *port)).await?,
    };
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

pub(super) fn fault(label: &str, fault: HopFault, said: String) -> AccessError {
    AccessError::Hop { fault, hop: label.to_owned(), said }
}

fn took_longer(limit: Duration) -> String {
    format!("the way in took longer than {limit:?}")
}

async fn ask(stream: &mut Pipe, kind: ProxyKind, target: &Place) -> Asked {
    match kind {
        ProxyKind::Socks5 => ask_socks5(stream, target).await,
        ProxyKind::HttpConnect => ask_http(stream, target).await,
    }
}

async fn ask_socks5(stream: &mut Pipe, target: &Place) -> Asked {
    let target = match target {
        Place::Address(address) => TargetAddr::Ip(*address),
        Place::Name(name, port) => TargetAddr::Domain(name.as_str().into(), *port),
    };
    Socks5Stream::connect_with_socket(stream, target).await.map(drop).map_err(|error| socks5_fault(&error))
}

fn socks5_fault(error: &SocksError) -> (HopFault, String) {
    let (fault, said) = match error {
        SocksError::Io(error) => return broken(error),
        SocksError::GeneralSocksServerFailure => (HopFault::Refused, "general failure"),
        SocksError::ConnectionNotAllowedByRuleset => (HopFault::Refused, "connection not allowed by ruleset"),
        SocksError::ConnectionRefused => (HopFault::Refused, "connection refused"),
        SocksError::CommandNotSupported => (HopFault::Refused, "command not supported"),
        SocksError::AddressTypeNotSupported => (HopFault::Refused, "address type not supported"),
        SocksError::NoAcceptableAuthMethods => (HopFault::Refused, "it wants a login"),
        SocksError::NetworkUnreachable => (HopFault::NoWay, "network unreachable"),
        SocksError::HostUnreachable => (HopFault::NoWay, "host unreachable"),
        SocksError::TtlExpired => (HopFault::NoWay, "time to live expired"),
        SocksError::InvalidResponseVersion => (HopFault::Protocol, "it is not of SOCKS version 5"),
        _ => (HopFault::Protocol, "it is none that SOCKS version 5 has"),
    };
    (fault, said.to_owned())
}

async fn ask_http(stream: &mut Pipe, target: &Place) -> Asked {
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| broken(&error))?;
    let head = read_head(stream).await?;
    let line = head.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    // The reader lets nothing pass that begins otherwise.
    let status = line.get(VERSION.len()..).and_then(|rest| rest.split_first());
    let status = status.and_then(|(minor, rest)| rest.strip_prefix(b" ").filter(|_| minor.is_ascii_digit()));
    let code = status.filter(|rest| rest.get(3).is_none_or(|byte| *byte == b' ')).and_then(|rest| rest.get(..3));
    let said = || quote(&String::from_utf8_lossy(status.unwrap_or(line)));
    match code {
        Some(code) if !code.iter().all(u8::is_ascii_digit) => Err((HopFault::Protocol, said())),
        Some([b'2', ..]) => Ok(()),
        Some(b"504") => Err((HopFault::NoWay, said())),
        Some(_) => Err((HopFault::Refused, said())),
        None => Err((HopFault::Protocol, said())),
    }
}

/// How the answer of an HTTP proxy begins; a digit follows.
const VERSION: &[u8] = b"HTTP/1.";

/// Reads to the empty line behind the fields, and not a byte more.
async fn read_head(stream: &mut Pipe) -> Result<Vec<u8>, (HopFault, String)> {
    let mut head = Vec::new();
    while head.len() < HOP_HEAD_BYTES_MAX {
        head.push(stream.read_u8().await.map_err(|error| broken(&error))?);
        if head.iter().zip(VERSION).any(|(found, expected)| found != expected) {
            return Err((HopFault::Protocol, "it is not of HTTP version 1".to_owned()));
        }
        if head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n") {
            return Ok(head);
        }
    }
    Err((HopFault::Protocol, format!("it is longer than {HOP_HEAD_BYTES_MAX} bytes")))
}

fn broken(error: &io::Error) -> (HopFault, String) {
    let said = match error.kind() {
        ErrorKind::UnexpectedEof => "it ended within its answer".to_owned(),
        _ => error.to_string(),
    };
    (HopFault::Dropped, said)
}
