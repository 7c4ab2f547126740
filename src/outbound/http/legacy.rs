//! TLS as old releases speak it: 1.0 and 1.1, keys of 1,024 bits, ciphers without forward secrecy. OpenSSL speaks it, where
//! a build has it; what such a connection hides is hidden from the idle and not from the determined.
//!
//! Invariant: a server is known by its pin alone, and that is looked at before a byte of a request is sent.

use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_openssl::SslStream;

use super::HttpError;
use crate::model::pin::SpkiPin;

/// Everything that authenticates and encrypts, however weak: level 0 takes what OpenSSL refuses by itself.
const CIPHERS: &str = "ALL:!aNULL:!eNULL:!EXPORT:@SECLEVEL=0";

/// Verifies who is at the other end of a stream.
pub(super) async fn connect<S>(stream: S, name: &str, pins: &[SpkiPin]) -> Result<SslStream<S>, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ssl = session(name).map_err(|error| HttpError::Client(error.to_string()))?;
    let mut stream = SslStream::new(ssl, stream).map_err(|error| HttpError::Client(error.to_string()))?;
    Pin::new(&mut stream).connect().await.map_err(|error| HttpError::Broken(error.to_string()))?;
    let shown = stream.ssl().peer_certificate().and_then(|shown| shown.public_key().ok()?.public_key_to_der().ok());
    let Some(key) = shown else { return Err(HttpError::Broken("the server showed no key".to_owned())) };
    let found = SpkiPin::of(&key);
    if pins.contains(&found) { Ok(stream) } else { Err(HttpError::Pin { expected: pins.to_vec(), found }) }
}

fn session(name: &str) -> Result<Ssl, ErrorStack> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_security_level(0);
    context.set_cipher_list(CIPHERS)?;
    context.set_min_proto_version(Some(SslVersion::TLS1))?;
    // No authority of this machine has a say: the handshake proves the key, and the key is held against the pins.
    context.set_verify_callback(SslVerifyMode::PEER, |_, _| true);
    let mut ssl = Ssl::new(&context.build())?;
    ssl.set_hostname(name)?;
    Ok(ssl)
}
