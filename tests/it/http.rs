//! Servers that are none, or that do harm: nothing secret reaches them, and nothing of theirs fills this process.

#![cfg(test)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hoshu::model::inventory::Algorithms;
use hoshu::outbound::http::{Ask, Conversation, Http, HttpError, Server as Known, Trust};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const TOKEN: &str = "canary-of-a-token";
const MAX: usize = 100_000;

/// Who signs the certificates of a test.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn pem(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn sign(&self, name: &str, year: i32) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

/// A server, and what it was told.
struct Server {
    address: SocketAddr,
    got: Arc<Mutex<Vec<u8>>>,
}

impl Server {
    /// Answers each connection with these bytes, then with `tail` for ever if there is one.
    async fn start(tls: ServerConfig, answer: Vec<u8>, tail: Option<&'static [u8]>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (all, tls) = (Arc::clone(&got), TlsAcceptor::from(Arc::new(tls)));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let Ok(mut stream) = tls.accept(tcp).await else { continue };
                let mut request = [0; 4096];
                while !all.lock().unwrap().ends_with(b"\r\n\r\n") {
                    let Ok(read @ 1..) = stream.read(&mut request).await else { break };
                    all.lock().unwrap().extend(&request[..read]);
                }
                let mut open = stream.write_all(&answer).await.is_ok();
                while let (true, Some(tail)) = (open, tail) {
                    open = stream.write_all(tail).await.is_ok();
                }
                stream.shutdown().await.ok();
            }
        });
        Self { address, got }
    }

    async fn ask(&self, trust: Trust<'_>) -> Result<(u16, Vec<u8>), HttpError> {
        self.ask_within(trust, Duration::from_secs(30)).await
    }

    async fn ask_within(&self, trust: Trust<'_>, wait: Duration) -> Result<(u16, Vec<u8>), HttpError> {
        let http = Http::new(&format!("https://{}", self.address), trust, wait, MAX)?;
        let token = SecretString::from(TOKEN);
        let ask = Ask { secret: Some(("x-vault-token", &token)), ..Ask::new(reqwest::Method::GET, "v1/secret-path") };
        let answer = http.ask(ask).await?;
        Ok((answer.status, answer.body.to_vec()))
    }

    /// Whether the token came to it.
    fn has_token(&self) -> bool {
        String::from_utf8_lossy(&self.got.lock().unwrap()).contains(TOKEN)
    }
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn a_server_that_is_not_known_gets_no_token() {
    let (own, other) = (Authority::new(), Authority::new());
    let good = Server::start(own.sign("127.0.0.1", 2100), ok(b"here"), None).await;
    assert_eq!(good.ask(Trust::Authorities(&own.pem())).await.unwrap(), (200, b"here".to_vec()));
    assert!(good.has_token());
    for (tls, ca) in [
        (own.sign("127.0.0.1", 2020), own.pem()),
        (own.sign("bao.example", 2100), own.pem()),
        (own.sign("127.0.0.2", 2100), own.pem()),
        (own.sign("127.0.0.1", 2100), other.pem()),
    ] {
        let server = Server::start(tls, ok(b"here"), None).await;
        let refused = server.ask(Trust::Authorities(&ca)).await.unwrap_err();
        let told = refused.to_string();
        assert!(matches!(refused, HttpError::Broken(_)) && told.contains("certificate"), "{told}");
        assert!(!told.contains("secret-path") && !told.contains(TOKEN), "{told}");
        assert!(server.got.lock().unwrap().is_empty());
    }
    // Nor does one that only this machine does not know.
    let refused = good.ask(Trust::System).await.unwrap_err();
    assert!(matches!(refused, HttpError::Broken(_) | HttpError::Client(_)), "{refused}");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let authority = Authority::new();
    let other = Server::start(authority.sign("127.0.0.1", 2100), ok(b"here"), None).await;
    for status in [301, 302, 303, 307, 308] {
        let answer =
            format!("HTTP/1.1 {status} Moved\r\nlocation: https://{}/\r\ncontent-length: 0\r\n\r\n", other.address);
        let server = Server::start(authority.sign("127.0.0.1", 2100), answer.into_bytes(), None).await;
        assert_eq!(server.ask(Trust::Authorities(&authority.pem())).await.unwrap().0, status);
    }
    assert!(other.got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_has_an_end_in_bytes_and_in_time() {
    let authority = Authority::new();
    let pem = authority.pem();
    let ask = async |answer: Vec<u8>, tail| {
        let server = Server::start(authority.sign("127.0.0.1", 2100), answer, tail).await;
        server.ask(Trust::Authorities(Path::new(&pem))).await
    };
    let whole = vec![b'x'; MAX];
    assert_eq!(ask(ok(&whole), None).await.unwrap().1, whole);
    let longer = ask(ok(&[&whole[..], b"x"].concat()), None).await.unwrap_err();
    assert!(matches!(longer, HttpError::TooLong(MAX)), "{longer}");
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let endless = ask(head.clone(), Some(&[b'x'; 1000])).await.unwrap_err();
    assert!(matches!(endless, HttpError::TooLong(MAX)), "{endless}");
    // Headers without an end end too.
    let headers = ask(b"HTTP/1.1 200 OK\r\n".to_vec(), Some(b"a: b\r\n")).await.unwrap_err();
    assert!(matches!(headers, HttpError::Broken(_)), "{headers}");
    // A packed answer stays packed: ten megabytes in ten kilobytes fill nothing.
    let packed = vec![0x1f, 0x8b, 8, 0];
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    assert_eq!(ask([head.into_bytes(), packed.clone()].concat(), None).await.unwrap().1, packed);
    let torn = ask(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec(), None).await.unwrap_err();
    assert!(matches!(torn, HttpError::Broken(_)), "{torn}");
    // One that takes the request and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = Server { address: listener.local_addr().unwrap(), got: Arc::default() };
    let late = mute.ask_within(Trust::Authorities(Path::new(&pem)), Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(late, HttpError::Late(_)), "{late}");
}

#[tokio::test]
async fn over_a_stream_of_somebody_else_the_same_servers_are_known_and_no_others() {
    let (own, other) = (Authority::new(), Authority::new());
    let talk = async |tls: ServerConfig, trust: Trust<'_>| {
        let server = Server::start(tls, ok(b"here"), None).await;
        let stream = TcpStream::connect(server.address).await.unwrap();
        let known =
            Known { name: "nx01", trust, algorithms: Algorithms::Modern, wait: Duration::from_secs(2), bytes_max: MAX };
        let token = SecretString::from(TOKEN);
        let ended = match Conversation::over(stream, known).await {
            Ok(mut talk) => {
                let ask = Ask { secret: Some(("x-feapi-token", &token)), ..Ask::new(reqwest::Method::GET, "a") };
                talk.ask(ask).await.map(|answer| answer.status)
            }
            Err(error) => Err(error),
        };
        (ended.map_err(|error| error.to_string()), server.has_token())
    };
    assert_eq!(talk(own.sign("nx01", 2100), Trust::Authorities(&own.pem())).await, (Ok(200), true));
    for (tls, trust) in [
        (own.sign("nx01", 2020), Trust::Authorities(&own.pem())),
        (own.sign("nx02", 2100), Trust::Authorities(&own.pem())),
        (own.sign("nx01", 2100), Trust::Authorities(&other.pem())),
        (own.sign("nx01", 2100), Trust::Pins(&[])),
    ] {
        let (ended, told) = talk(tls, trust).await;
        let said = ended.unwrap_err();
        assert!(said.contains("certificate") && !told, "{said}");
    }
}

#[tokio::test]
async fn a_server_of_old_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 2048];
        assert!(stream.read(&mut hello).await.unwrap() > 0);
        // An alert of TLS 1.0: fatal, protocol_version.
        stream.write_all(&[21, 3, 1, 0, 2, 2, 70]).await.unwrap();
        stream.shutdown().await.ok();
    });
    let stream = TcpStream::connect(address).await.unwrap();
    let known = Known {
        name: "nx01",
        trust: Trust::Pins(&[]),
        algorithms: Algorithms::Modern,
        wait: Duration::from_secs(2),
        bytes_max: MAX,
    };
    let refused = Conversation::over(stream, known).await.err().unwrap();
    assert!(matches!(refused, HttpError::OldTls), "{refused}");
}
