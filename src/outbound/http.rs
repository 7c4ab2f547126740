//! The one way in which this program speaks HTTP.
//!
//! Invariant: the server's certificate is verified before a request is sent; no redirect is followed and no proxy of the
//! environment is used, so that what is secret in a request reaches the named server and nobody else; an answer is
//! bounded in bytes and time, and not unpacked; no error holds a path, a header or a body.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use self::pinned::Pinned;
use super::read_bounded;
use crate::model::causes::with_causes;
use crate::model::limits::CERTIFICATES_BYTES_MAX;
use crate::model::pin::SpkiPin;

mod conversation;
#[cfg(feature = "legacy-tls")]
mod legacy;
mod pinned;

pub use conversation::{Conversation, Server};
pub use reqwest::Method;

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address cannot be used.
    #[error("the address {address} {why}")]
    Address {
        /// As the settings say.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The certificates by which a server is known cannot be read.
    #[error("the certificates in {path:?} cannot be read: {why}")]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The client cannot be made, on this machine.
    #[error("no client for HTTP: {0}")]
    Client(String),
    /// A header has a character that none may have.
    #[error("a header of the request has a character that cannot be sent")]
    Header,
    /// The key of the certificate is none that counts. Nothing secret was sent.
    #[error("certificate not accepted: found {found}{}", or_else(.expected))]
    Pin {
        /// The pins that count.
        expected: Vec<SpkiPin>,
        /// The pin of the key that was shown.
        found: SpkiPin,
    },
    /// No version of TLS in common.
    #[error("no TLS 1.2 or 1.3 in common: an old release needs api: {{algorithms: legacy}} at its seat")]
    OldTls,
    /// This build speaks no TLS of old releases.
    #[error("this build has no legacy TLS: build it with --features legacy-tls")]
    NoLegacyTls,
    /// Legacy TLS, and no pin.
    #[error("over legacy TLS a server is known by its pin alone, and none is declared")]
    Unpinned,
    /// There is no connection, its certificate is none that counts, or it ended too early.
    #[error("{0}")]
    Broken(String),
    /// The connection ended, and not a byte of an answer came.
    #[error("the connection was closed before an answer")]
    Closed,
    /// The answer took longer than this.
    #[error("no answer within {} s", .0.as_secs())]
    Late(Duration),
    /// The answer has more bytes than this.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// By what a server is known.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// The authorities of this machine.
    System,
    /// The authorities of a PEM file, and no others.
    Authorities(&'a Path),
    /// These keys and no others, whoever signed their certificates and until whenever. Without any, no server is trusted.
    Pins(&'a [SpkiPin]),
}

/// A server that is asked.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    base: Url,
    wait: Duration,
    bytes_max: usize,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, which may hold secrets.
    pub body: Zeroizing<Vec<u8>>,
    /// The value of the header that was asked for.
    pub secret: Option<SecretString>,
    /// Whether the body is packed, though nobody asked for that.
    pub packed: bool,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Its method.
    pub method: Method,
    /// Path below the address, without a slash in front.
    pub path: &'a str,
    /// A header whose value nobody may see.
    pub secret: Option<(&'static str, &'a SecretString)>,
    /// JSON to send.
    pub json: Option<Zeroizing<Vec<u8>>>,
    /// The type of answer that is wanted.
    pub accept: Option<&'static str>,
    /// The header of the answer whose value is wanted, and nobody may see.
    pub keep: Option<&'static str>,
}

impl<'a> Ask<'a> {
    /// A request without a header or a body.
    pub const fn new(method: Method, path: &'a str) -> Self {
        Self { method, path, secret: None, json: None, accept: None, keep: None }
    }

    /// Its headers.
    fn headers(&self) -> Result<HeaderMap, HttpError> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = self.secret {
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| HttpError::Header)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        if let Some(accept) = self.accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        if self.json.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(headers)
    }
}

impl Answer {
    fn of(status: u16, headers: &HeaderMap, keep: Option<&'static str>, bytes_max: usize) -> Result<Self, HttpError> {
        let kept = keep.and_then(|name| headers.get(name)).map(|value| value.to_str().map(SecretString::from));
        Ok(Self {
            status,
            body: Zeroizing::new(Vec::with_capacity(bytes_max.min(1 << 16))),
            secret: kept.transpose().map_err(|_| HttpError::Broken("a header is no text".to_owned()))?,
            packed: headers.contains_key(CONTENT_ENCODING),
        })
    }

    fn add(&mut self, chunk: &[u8], bytes_max: usize) -> Result<(), HttpError> {
        if self.body.len() + chunk.len() > bytes_max {
            return Err(HttpError::TooLong(bytes_max));
        }
        self.body.extend_from_slice(chunk);
        Ok(())
    }
}

/// What the header `authorization` says of a user with a password (RFC 7617).
pub fn basic(user: &str, password: &SecretString) -> SecretString {
    let pair = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
    let coded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    SecretString::from(format!("Basic {}", coded.as_str()))
}

impl Http {
    /// A server by its address: `https`, or `http` where it is this machine's own. An answer takes `wait` at most and has
    /// at most `bytes_max` bytes.
    pub fn new(address: &str, trust: Trust<'_>, wait: Duration, bytes_max: usize) -> Result<Self, HttpError> {
        let base = base(address)?;
        let tls = tls(trust)?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .timeout(wait)
            .build();
        let client = client.map_err(|error| HttpError::Client(with_causes(&error.without_url())))?;
        Ok(Self { client, base, wait, bytes_max })
    }

    /// Asks once.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, HttpError> {
        let url = self.base.join(ask.path).map_err(|_| HttpError::Client("the path is none of a URL".to_owned()))?;
        let mut request = self.client.request(ask.method.clone(), url).headers(ask.headers()?);
        if let Some(json) = ask.json {
            request = request.body(json.to_vec());
        }
        let mut response = request.send().await.map_err(|error| self.broken(error))?;
        let mut answer = Answer::of(response.status().as_u16(), response.headers(), ask.keep, self.bytes_max)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            answer.add(&chunk, self.bytes_max)?;
        }
        Ok(answer)
    }

    fn broken(&self, error: reqwest::Error) -> HttpError {
        if error.is_timeout() && !error.is_connect() {
            return HttpError::Late(self.wait);
        }
        // The address is named by whoever asked; a path may be secret.
        HttpError::Broken(with_causes(&error.without_url()))
    }
}

/// Waits for something in a runtime of its own, so that code that is not asynchronous can ask. Blocks the thread.
pub(super) fn wait_for<T: Send>(what: impl AsyncFnOnce() -> T + Send) -> Result<T, HttpError> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(what()))
    };
    // A runtime cannot be waited for on a thread of another one.
    let ended = thread::scope(|scope| scope.spawn(run).join());
    let ended = ended.map_err(|_| HttpError::Client("its thread ended".to_owned()))?;
    ended.map_err(|error: io::Error| HttpError::Client(error.to_string()))
}

fn base(address: &str) -> Result<Url, HttpError> {
    let wrong = |why| HttpError::Address { address: address.to_owned(), why };
    // Not shown: it may hold what nobody may see.
    let hidden = |why| HttpError::Address { address: "of the server".to_owned(), why };
    let mut url = Url::parse(address).map_err(|_| hidden("is no URL"))?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(hidden("has a user, a query or a fragment, of which it needs none"));
    }
    let own = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    match url.scheme() {
        "https" => {}
        "http" if own.is_some_and(|own: IpAddr| own.is_loopback()) => {}
        "http" => return Err(wrong("sends secrets in clear: https, or an address of this machine (127.0.0.1)")),
        _ => return Err(wrong("is none of https")),
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn tls(trust: Trust<'_>) -> Result<ClientConfig, HttpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| HttpError::Client(error.to_string()))?;
    let known = match trust {
        Trust::Pins(pins) => {
            let pinned = Pinned::new(pins, provider.signature_verification_algorithms);
            versions.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
        Trust::System | Trust::Authorities(_) => versions.with_root_certificates(roots(trust)?),
    };
    Ok(known.with_no_client_auth())
}

fn or_else(pins: &[SpkiPin]) -> String {
    let pins: Vec<String> = pins.iter().map(ToString::to_string).collect();
    if pins.is_empty() { ", none is declared".to_owned() } else { format!(", expected {}", pins.join(" or ")) }
}

fn roots(trust: Trust<'_>) -> Result<RootCertStore, HttpError> {
    let mut roots = RootCertStore::empty();
    match trust {
        // Keys are known by themselves.
        Trust::Pins(_) => {}
        Trust::System => {
            let found = rustls_native_certs::load_native_certs();
            let (taken, _) = roots.add_parsable_certificates(found.certs);
            if taken == 0 {
                let why = found.errors.first().map_or_else(|| "none is there".to_owned(), ToString::to_string);
                return Err(HttpError::Client(format!("no authority of this machine can be used: {why}")));
            }
        }
        Trust::Authorities(path) => {
            let wrong = |why: String| HttpError::Certificates { path: path.to_owned(), why };
            let pem = File::open(path).and_then(|file| read_bounded(file, CERTIFICATES_BYTES_MAX));
            let pem = pem.map_err(|error| wrong(error.to_string()))?;
            let mut none = true;
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
                none = false;
            }
            if none {
                return Err(wrong("no certificate in PEM".to_owned()));
            }
        }
    }
    Ok(roots)
}
