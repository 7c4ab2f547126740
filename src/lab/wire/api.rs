//! The HTTPS API of one unit. Source: Web Services API guide (login, token, logout, errors).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::lab::error::LabError;
use crate::lab::fault::Fault;
use crate::lab::folder::ApiPort;
use crate::lab::rack::{Place, Shows};
use crate::lab::seed;
use crate::model::name::SeatName;
use crate::model::pin::SpkiPin;
use crate::model::series::Series;

/// How long to wait before another connection is taken when the last could not be.
const AGAIN: Duration = Duration::from_millis(100);
/// The header of a token.
const TOKEN: &str = "X-FeApi-Token";
/// What stands before the seed in a private key of Ed25519 (RFC 8410).
const ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The API of a unit, bound to its port.
pub(in crate::lab) struct ApiFace {
    listener: TcpListener,
    port: ApiPort,
    tls: TlsAcceptor,
    unit: Arc<Unit>,
}

/// What is shared by its connections.
struct Unit {
    place: Arc<Place>,
    /// The accounts of tokens that were not given back.
    tokens: Mutex<BTreeMap<String, String>>,
    /// Tokens that were ever given out.
    given: AtomicU64,
}

impl ApiFace {
    /// Binds the port of a unit's API.
    pub(in crate::lab) async fn bind(place: &Arc<Place>, address: SocketAddr) -> Result<Self, LabError> {
        let failed = |source| LabError::Listen { seat: place.spec().seat.to_string(), address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let made = certify(place).map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        let (config, pin) = made;
        let unit = Unit { place: Arc::clone(place), tokens: Mutex::default(), given: AtomicU64::new(0) };
        let port = ApiPort { port: bound.port(), pin };
        Ok(Self { listener, port, tls: TlsAcceptor::from(Arc::new(config)), unit: Arc::new(unit) })
    }

    /// Where it listens, and by what it is known.
    pub(in crate::lab) const fn port(&self) -> ApiPort {
        self.port
    }

    /// Answers for ever.
    pub(in crate::lab) async fn serve(self) {
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            let (tls, unit) = (self.tls.clone(), Arc::clone(&self.unit));
            tokio::spawn(async move {
                let Ok(stream) = tls.accept(stream).await else { return };
                let answer = service_fn(move |request| {
                    let unit = Arc::clone(&unit);
                    async move { Ok::<_, Infallible>(unit.answer(&request)) }
                });
                if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await {
                    tracing::debug!(%error, "a connection to an API ended");
                }
            });
        }
    }
}

/// The key of a unit's API, the same each time.
fn key(seat: &SeatName) -> Result<(PrivatePkcs8KeyDer<'static>, KeyPair), rcgen::Error> {
    let der: Vec<u8> = ED25519.into_iter().chain(seed::bytes("certificate", seat.as_str())).collect();
    let der = PrivatePkcs8KeyDer::from(der);
    let key = KeyPair::try_from(&der)?;
    Ok((der, key))
}

/// The pin of a unit's API.
pub(in crate::lab) fn pin(seat: &SeatName) -> Result<SpkiPin, LabError> {
    let (_, key) = key(seat).map_err(LabError::ApiKey)?;
    Ok(SpkiPin::of(&key.subject_public_key_info()))
}

/// The key and a certificate that it signed itself.
fn certify(place: &Place) -> Result<(ServerConfig, SpkiPin), Box<dyn std::error::Error + Send + Sync>> {
    let spec = place.spec();
    let (der, key) = key(&spec.seat)?;
    let pin = SpkiPin::of(&key.subject_public_key_info());
    let certificate = CertificateParams::new(vec![spec.hostname.clone()])?.self_signed(&key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(der))?;
    Ok((config, pin))
}

impl Unit {
    fn answer(&self, request: &Request<Incoming>) -> Response<String> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let path = request.uri().path();
        let token = header(TOKEN).unwrap_or_default();
        let user = self.tokens().get(token).cloned();
        self.place.asked(user.as_deref().unwrap_or_default(), &format!("{} {path}", request.method()));
        if self.place.with(|unit| unit.has(Fault::ApiDisabled)) {
            return refused(StatusCode::SERVICE_UNAVAILABLE, "Web Services API server disabled");
        }
        let hx = self.place.spec().series == Series::Hx;
        // The older version is served as well; releases before 8 know no newer one.
        let roots = if hx { ["/hx/api/v3/", "/hx/api/v3/"] } else { ["/wsapis/v1.2.0/", "/wsapis/v2.0.0/"] };
        let known = if self.place.with(|unit| unit.since(&[8])) { &roots[..] } else { &roots[..1] };
        let Some(below) = known.iter().find_map(|root| path.strip_prefix(root)) else {
            return refused(StatusCode::NOT_FOUND, "Not found");
        };
        let proof = header(AUTHORIZATION.as_str());
        match (request.method(), below, user) {
            (&Method::POST, "auth/login", _) if !hx => self.log_in(proof, StatusCode::OK),
            (&Method::GET, "token", _) if hx => self.log_in(proof, StatusCode::NO_CONTENT),
            (&Method::POST, "auth/logout", user) if !hx => self.log_out(token, user.is_some()),
            (&Method::DELETE, "token", user) if hx => self.log_out(token, user.is_some()),
            (_, _, None) => refused(StatusCode::UNAUTHORIZED, "Server Error. code:AUTH004"),
            (&Method::GET, "version", _) if hx => json_of(&json!({"data": {"msoVersion": self.version()}})),
            (&Method::GET, "hosts", _) if hx => {
                let of_late = request.uri().query().is_some_and(|query| query.contains("last_poll_timestamp"));
                json_of(&self.place.with(|unit| unit.agents(of_late)))
            }
            (&Method::GET, "health/system", _) if !hx => json_of(&self.place.health()),
            (&Method::GET, "alerts", _) if !hx => json_of(&self.place.alerts()),
            (&Method::GET, "devicemgmt/cmcappliances", _) if self.place.spec().series == Series::Cm => {
                json_of(&self.place.with(|unit| unit.appliances()))
            }
            _ => refused(StatusCode::NOT_FOUND, "Not found"),
        }
    }

    fn version(&self) -> String {
        self.place.with(|unit| unit.release().to_string())
    }

    fn log_out(&self, token: &str, known: bool) -> Response<String> {
        self.tokens().remove(token);
        respond(if known { StatusCode::NO_CONTENT } else { StatusCode::NOT_MODIFIED }, String::new())
    }

    fn tokens(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_in(&self, proof: Option<&str>, well: StatusCode) -> Response<String> {
        let pair = proof.and_then(|proof| STANDARD.decode(proof.strip_prefix("Basic ")?).ok());
        let pair = pair.and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default();
        let (user, password) = pair.split_once(':').unwrap_or_default();
        let refuse = self.place.with(|unit| unit.has(Fault::WrongPassword));
        if !self.place.login(user, Shows::Password(password), refuse) {
            return refused(StatusCode::UNAUTHORIZED, "Authentication failed. code:AUTH001");
        }
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let name = format!("{} {number}", self.place.spec().seat);
        let token = hex::encode(seed::bytes("api token", &name));
        self.tokens().insert(token.clone(), user.to_owned());
        let mut answer = respond(well, String::new());
        if let Ok(value) = token.parse() {
            answer.headers_mut().insert("x-feapi-token", value);
        }
        answer
    }
}

fn respond(status: StatusCode, body: String) -> Response<String> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

fn json_of(body: &Value) -> Response<String> {
    let mut answer = respond(StatusCode::OK, format!("{body:#}"));
    answer.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    answer
}

fn refused(status: StatusCode, message: &str) -> Response<String> {
    let body = json!({"fireeyeapis": {
        "@version": "v2.0.0", "description": message, "httpStatus": status.as_u16(), "message": message,
    }});
    let mut answer = json_of(&body);
    *answer.status_mut() = status;
    answer
}
