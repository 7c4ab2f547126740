//! TLS as old releases speak it, by `openssl s_server`. The server with old versions and weak keys runs in a build with
//! the feature `legacy-tls` alone: `./test deep legacy-tls`.

#![cfg(test)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hoshu::model::inventory::Algorithms;
use hoshu::model::pin::SpkiPin;
use hoshu::outbound::http::{Ask, Conversation, HttpError, Method, Server, Trust};
use secrecy::SecretString;
use tokio::net::TcpStream;

use crate::access::proxy::free_port;

const TOKEN: &str = "canary-of-a-token";

/// A server of old TLS, and what it was told.
struct Old {
    server: Child,
    port: u16,
    pin: SpkiPin,
    folder: tempfile::TempDir,
}

impl Drop for Old {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

impl Old {
    /// Starts one with words for its version, ciphers and key; with `answers` it answers each request, and else prints it.
    fn start(words: &[&str], bits: u32, answers: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let openssl = |args: &[&str]| {
            let output = Command::new("openssl").args(args).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let key = format!("rsa:{bits}");
        let made = ["req", "-x509", "-newkey", &key, "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2"];
        openssl(&[&made[..], &["-subj", "/CN=nx01", "-sha1"]].concat());
        let der = openssl(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER"]);
        let port = free_port();
        let accept = format!("127.0.0.1:{port}");
        let heard = std::fs::File::create(folder.path().join("heard")).unwrap();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-accept", &accept, "-cert", "cert.pem", "-key", "key.pem", "-quiet"]).args(words);
        if answers {
            command.arg("-www");
        }
        command.current_dir(folder.path()).stdin(Stdio::piped()).stdout(heard).stderr(Stdio::null());
        Self { server: command.spawn().unwrap(), port, pin: SpkiPin::of(&der), folder }
    }

    async fn talk(&self, algorithms: Algorithms, pins: &[SpkiPin]) -> Result<u16, HttpError> {
        let (name, trust, wait) = ("nx01", Trust::Pins(pins), Duration::from_secs(3));
        let server = Server { name, trust, algorithms, wait, bytes_max: 100_000 };
        let token = SecretString::from(TOKEN);
        let ask = Ask { secret: Some(("x-feapi-token", &token)), ..Ask::new(Method::GET, "wsapis/v2.0.0/config") };
        Ok(Conversation::over(self.stream().await, server).await?.ask(ask).await?.status)
    }

    async fn stream(&self) -> TcpStream {
        for _ in 0..100 {
            match TcpStream::connect(("127.0.0.1", self.port)).await {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        panic!("no server on port {}", self.port);
    }

    fn heard(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("heard")).unwrap()
    }
}

const ANY: &str = "ALL:@SECLEVEL=0";

#[cfg(feature = "legacy-tls")]
#[tokio::test]
async fn what_old_releases_offer_is_spoken_where_a_seat_asks_for_it() {
    for (words, bits) in [
        (["-tls1", "-cipher", ANY], 2048),
        (["-tls1_1", "-cipher", ANY], 2048),
        (["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], 2048),
        (["-tls1_2", "-cipher", ANY], 1024),
    ] {
        let old = Old::start(&words, bits, true);
        assert_eq!(old.talk(Algorithms::Legacy, &[old.pin]).await.unwrap(), 200, "{words:?}");
        assert!(old.talk(Algorithms::Modern, &[old.pin]).await.is_err(), "{words:?}");
    }
}

#[cfg(feature = "legacy-tls")]
#[tokio::test]
async fn a_server_of_another_key_is_told_nothing() {
    let old = Old::start(&["-tls1", "-cipher", ANY], 2048, false);
    let refused = old.talk(Algorithms::Legacy, &[SpkiPin::of(b"another key")]).await.unwrap_err();
    assert!(matches!(&refused, HttpError::Pin { found, .. } if *found == old.pin), "{refused}");
    assert!(matches!(old.talk(Algorithms::Legacy, &[]).await.unwrap_err(), HttpError::Pin { .. }));
    let server = Server {
        name: "nx01",
        trust: Trust::System,
        algorithms: Algorithms::Legacy,
        wait: Duration::from_secs(3),
        bytes_max: 1000,
    };
    let refused = Conversation::over(old.stream().await, server).await.err().unwrap();
    assert!(matches!(refused, HttpError::Unpinned), "{refused}");
    assert_eq!(old.heard(), "");
    // The same server writes down what it is told, once it is told something.
    assert!(matches!(old.talk(Algorithms::Legacy, &[old.pin]).await.unwrap_err(), HttpError::Late(_)));
    assert!(old.heard().contains(TOKEN), "{}", old.heard());
}

#[cfg(not(feature = "legacy-tls"))]
#[tokio::test]
async fn a_build_without_legacy_tls_says_so_and_sends_nothing() {
    let old = Old::start(&["-tls1_2", "-cipher", ANY], 2048, false);
    let refused = old.talk(Algorithms::Legacy, &[old.pin]).await.unwrap_err();
    assert!(matches!(refused, HttpError::NoLegacyTls), "{refused}");
    assert!(matches!(old.talk(Algorithms::Modern, &[old.pin]).await.unwrap_err(), HttpError::Late(_)));
    assert!(old.heard().contains(TOKEN) && old.heard().matches("GET").count() == 1, "{}", old.heard());
}
