//! The proxies of a lab: SOCKS5 (RFC 1928) and HTTP CONNECT (RFC 9110 section 9.3.6), without a login.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::hop::{Hop, connect};
use crate::model::inventory::HopKind;
use crate::model::limits::HOP_HEAD_BYTES_MAX;

/// How long whoever connects may take to say where to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a proxy does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum No {
    /// It offers no way without a login, or another version.
    Method,
    /// Another command than to connect.
    Command,
    /// A place that is not behind its gateway.
    Elsewhere,
    /// Nobody listens there.
    Closed,
}

impl No {
    /// The reply of SOCKS5; a method that is not offered is told otherwise.
    const fn socks5(self) -> [u8; 10] {
        let code = match self {
            Self::Method => return [5, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
            Self::Elsewhere => 2,
            Self::Closed => 5,
            Self::Command => 7,
        };
        [5, code, 0, 1, 0, 0, 0, 0, 0, 0]
    }

    const fn http(self) -> &'static str {
        match self {
            Self::Method => "400 Bad Request",
            Self::Command => "405 Method Not Allowed",
            Self::Elsewhere => "403 Forbidden",
            Self::Closed => "502 Bad Gateway",
        }
    }
}

/// What is read is no sense, or too long.
fn nonsense() -> io::Error {
    ErrorKind::InvalidData.into()
}

/// Asks where to, connects, and carries bytes until one end is over.
pub(super) async fn talk(hop: &Hop, stream: TcpStream) {
    let name = &hop.spec.name;
    let mut stream = BufStream::new(stream);
    let asked = timeout(PATIENCE, async {
        stream.get_ref().set_nodelay(true)?;
        match hop.spec.kind {
            HopKind::Socks5 => socks5(hop, &mut stream).await,
            _ => http(hop, &mut stream).await,
        }
    });
    let carried = match asked.await {
        Ok(Ok(Some(mut there))) => copy_bidirectional(&mut stream, &mut there).await.map(drop),
        Ok(Ok(None)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(ErrorKind::TimedOut.into()),
    };
    if let Err(error) = carried {
        tracing::debug!(hop = %name, %error, "connection ended");
    }
}

async fn reach(hop: &Hop, host: &str, port: u16) -> Result<TcpStream, No> {
    let to = hop.forward_to(host, port.into()).ok_or(No::Elsewhere)?;
    connect(to).await.map_err(|_| No::Closed)
}

async fn say(stream: &mut BufStream<TcpStream>, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn socks5(hop: &Hop, stream: &mut BufStream<TcpStream>) -> io::Result<Option<TcpStream>> {
    let (version, count) = (stream.read_u8().await?, stream.read_u8().await?);
    let mut methods = vec![0; count.into()];
    stream.read_exact(&mut methods).await?;
    if version != 5 || !methods.contains(&0) {
        say(stream, No::Method.socks5().get(..2).unwrap_or_default()).await?;
        return Ok(None);
    }
    say(stream, &[5, 0]).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let [_, command, _, kind] = head;
    let host = match kind {
        1 => Ipv4Addr::from(stream.read_u32().await?).to_string(),
        3 => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            String::from_utf8(name).map_err(|_| nonsense())?
        }
        4 => Ipv6Addr::from(stream.read_u128().await?).to_string(),
        _ => return Err(nonsense()),
    };
    let port = stream.read_u16().await?;
    let reached = if command == 1 { reach(hop, &host, port).await } else { Err(No::Command) };
    match reached {
        Ok(there) => say(stream, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.map(|()| Some(there)),
        Err(no) => say(stream, &no.socks5()).await.map(|()| None),
    }
}

/// The place that the head of a request asks for.
fn place_of(head: &[u8]) -> Result<(String, u16), No> {
    let head = std::str::from_utf8(head).map_err(|_| No::Method)?;
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (Some(method), Some(place), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(No::Method);
    };
    if method != "CONNECT" {
        return Err(No::Command);
    }
    let (host, port) = place.rsplit_once(':').ok_or(No::Method)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok((host.to_owned(), port.parse().map_err(|_| No::Method)?))
}

async fn http(hop: &Hop, stream: &mut BufStream<TcpStream>) -> io::Result<Option<TcpStream>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HOP_HEAD_BYTES_MAX {
            return Err(nonsense());
        }
        head.push(stream.read_u8().await?);
    }
    let reached = match place_of(&head) {
        Ok((host, port)) => reach(hop, &host, port).await,
        Err(no) => Err(no),
    };
    match reached {
        Ok(there) => say(stream, b"HTTP/1.1 200 Connection established\r\n\r\n").await.map(|()| Some(there)),
        Err(no) => {
            let said = format!("HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", no.http());
            say(stream, said.as_bytes()).await.map(|()| None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_request_names_one_place() {
        let place = |text: &str| place_of(format!("{text}\r\nHost: x\r\n\r\n").as_bytes());
        assert_eq!(place("CONNECT 192.0.2.1:22 HTTP/1.1"), Ok(("192.0.2.1".to_owned(), 22)));
        assert_eq!(place("CONNECT [::1]:22 HTTP/1.0"), Ok(("::1".to_owned(), 22)));
        assert_eq!(place("GET http://192.0.2.1/ HTTP/1.1"), Err(No::Command));
        for text in
            ["", "CONNECT", "CONNECT a:22", "CONNECT a HTTP/1.1", "CONNECT a:70000 HTTP/1.1", "CONNECT a:1 b HTTP/1.1"]
        {
            assert_eq!(place(text), Err(No::Method), "{text}");
        }
    }
}
