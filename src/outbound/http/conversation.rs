//! HTTP over a connection that somebody else made: through proxies and bastions, of which this folder knows nothing.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::pinned::failed;
use super::{Answer, Ask, HttpError, Trust, tls};
use crate::model::causes::with_causes;
use crate::model::inventory::Algorithms;
use crate::model::limits::HTTP_HEAD_BYTES_MAX;

/// Who is expected at the other end, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// The name that its certificate has, and that requests are addressed to.
    pub name: &'a str,
    /// By what it is known.
    pub trust: Trust<'a>,
    /// Whether it speaks no TLS of today. Then it is known by pins alone.
    pub algorithms: Algorithms,
    /// The longest that the handshake, or one answer, takes.
    pub wait: Duration,
    /// The most bytes of one answer.
    pub bytes_max: usize,
}

/// A stream whose other end is verified.
trait Verified: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Verified for S {}

/// A verified connection, one request after the other.
pub struct Conversation {
    sender: SendRequest<String>,
    driver: JoinHandle<()>,
    host: HeaderValue,
    wait: Duration,
    bytes_max: usize,
}

impl Drop for Conversation {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Conversation {
    /// Verifies who is at the other end of a stream.
    pub async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        server: Server<'_>,
    ) -> Result<Self, HttpError> {
        let wrong = || HttpError::Address { address: server.name.to_owned(), why: "is no name of a server" };
        let host = HeaderValue::from_str(server.name).map_err(|_| wrong())?;
        let begin = async {
            let stream: Box<dyn Verified> = match server.algorithms {
                Algorithms::Modern => {
                    let name = ServerName::try_from(server.name.to_owned()).map_err(|_| wrong())?;
                    let connector = TlsConnector::from(Arc::new(tls(server.trust)?));
                    Box::new(connector.connect(name, stream).await.map_err(|error| failed(&error))?)
                }
                Algorithms::Legacy => old(stream, server).await?,
            };
            let io = TokioIo::new(stream);
            let begun = Builder::new().max_buf_size(HTTP_HEAD_BYTES_MAX).handshake(io).await;
            begun.map_err(|error| broken(&error))
        };
        let talking = timeout(server.wait, begin).await.unwrap_or(Err(HttpError::Late(server.wait)));
        let (sender, connection) = talking?;
        // How a connection ended is told by the request that it ended.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, driver, host, wait: server.wait, bytes_max: server.bytes_max })
    }

    /// Whether another request can be sent on it.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Asks once.
    pub async fn ask(&mut self, ask: Ask<'_>) -> Result<Answer, HttpError> {
        let wait = self.wait;
        timeout(wait, self.ask_now(ask)).await.unwrap_or(Err(HttpError::Late(wait)))
    }

    async fn ask_now(&mut self, ask: Ask<'_>) -> Result<Answer, HttpError> {
        let mut headers = ask.headers()?;
        headers.insert(HOST, self.host.clone());
        let body = ask.json.as_ref().map(|json| String::from_utf8_lossy(json).into_owned()).unwrap_or_default();
        let request = Request::builder().method(ask.method).uri(format!("/{}", ask.path)).body(body);
        let mut request = request.map_err(|_| HttpError::Client("the path is none of a URL".to_owned()))?;
        *request.headers_mut() = headers;
        self.sender.ready().await.map_err(|error| broken(&error))?;
        let response = self.sender.send_request(request).await.map_err(|error| broken(&error))?;
        let mut answer = Answer::of(response.status().as_u16(), response.headers(), ask.keep, self.bytes_max)?;
        let mut body: Incoming = response.into_body();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|error| HttpError::Broken(with_causes(&error)))?;
            if let Ok(chunk) = frame.into_data() {
                answer.add(&chunk, self.bytes_max)?;
            }
        }
        Ok(answer)
    }
}

#[cfg(feature = "legacy-tls")]
async fn old(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    server: Server<'_>,
) -> Result<Box<dyn Verified>, HttpError> {
    match server.trust {
        Trust::Pins(pins) => Ok(Box::new(super::legacy::connect(stream, server.name, pins).await?)),
        Trust::System | Trust::Authorities(_) => Err(HttpError::Unpinned),
    }
}

#[cfg(not(feature = "legacy-tls"))]
#[expect(clippy::unused_async, reason = "as in a build with the feature")]
async fn old(_: impl Verified, _: Server<'_>) -> Result<Box<dyn Verified>, HttpError> {
    Err(HttpError::NoLegacyTls)
}

fn broken(error: &hyper::Error) -> HttpError {
    let closed = error.is_closed() || error.is_canceled() || error.is_incomplete_message();
    if closed { HttpError::Closed } else { HttpError::Broken(with_causes(error)) }
}
