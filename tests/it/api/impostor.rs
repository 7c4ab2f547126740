//! A server with TLS that says what a test wants, in the place of an appliance's API.

use std::sync::{Arc, Mutex};

use hoshu::model::pin::SpkiPin;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::house::House;

/// The token that it gives.
pub(crate) const TOKEN: &str = "canary-token-6f1d2c";

pub(crate) struct Impostor {
    pub(crate) port: u16,
    pub(crate) pin: SpkiPin,
    got: Arc<Mutex<Vec<String>>>,
}

/// An answer with these headers.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = if status.starts_with("204") { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status} x\r\n{headers}{length}\r\n{body}").into_bytes()
}

/// What a well API says to a request, but for its health.
pub(crate) fn well(request: &str, health: &str) -> Vec<u8> {
    let line = request.lines().next().unwrap_or_default();
    if line.contains("/login") {
        answer("200", &format!("X-FeApi-Token: {TOKEN}\r\n"), "")
    } else if line.contains("/logout") {
        answer("204", "", "")
    } else if line.contains("/health/system") {
        answer("200", "", health)
    } else if line.contains("/alerts?") {
        answer("200", "", "{}")
    } else {
        answer("404", "", "")
    }
}

impl Impostor {
    /// Answers each request. An answer that begins with a blank is not HTTP alone: the blank goes, and the connection is
    /// closed after it.
    pub(crate) fn start(says: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let key = KeyPair::generate().unwrap();
        let pin = SpkiPin::of(&key.subject_public_key_info());
        let mut params = CertificateParams::new(vec!["another-name".to_owned()]).unwrap();
        // A pin holds whatever stands in the certificate.
        params.not_after = rcgen::date_time_ymd(2010, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (all, says) = (Arc::clone(&got), Arc::new(says));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((tcp, _)) = listener.accept().await {
                    let Ok(mut stream) = tls.accept(tcp).await else { continue };
                    let mut head = Vec::new();
                    let mut bytes = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                        head.extend(&bytes[..read]);
                        if !head.ends_with(b"\r\n\r\n") {
                            continue;
                        }
                        let request = String::from_utf8(std::mem::take(&mut head)).unwrap();
                        let said = says(&request);
                        all.lock().unwrap().push(request);
                        let last = said.first() == Some(&b' ');
                        let written = stream.write_all(said.strip_prefix(b" ").unwrap_or(&said)).await;
                        if written.is_err() || last {
                            break;
                        }
                    }
                    stream.shutdown().await.ok();
                }
            });
        });
        Self { port, pin, got }
    }

    /// The heads of all requests.
    pub(crate) fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }

    /// Stands in the place of a seat's API.
    pub(crate) fn take_the_place(&self, house: &House, seat: &str) {
        self.take_the_place_with(house, seat, &self.pin.to_string());
    }

    pub(crate) fn take_the_place_with(&self, house: &House, seat: &str, pin: &str) {
        let path = house.path("lab/ports.json");
        let mut table: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        table["api"][seat] = serde_json::json!({"port": self.port, "pin": pin});
        std::fs::write(path, table.to_string()).unwrap();
    }
}
