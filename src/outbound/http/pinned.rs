//! A server that is known by its key.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::HttpError;
use crate::model::pin::SpkiPin;

/// Takes a certificate for its key alone: appliances sign their own, with any name and for as long as they like. That the
/// server has the key is proved by the signature of the handshake.
#[derive(Debug)]
pub(super) struct Pinned {
    pins: Vec<SpkiPin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    pub(super) fn new(pins: &[SpkiPin], algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { pins: pins.to_vec(), algorithms }
    }
}

/// Another key than the accepted ones.
#[derive(Debug)]
struct Other {
    expected: Vec<SpkiPin>,
    found: SpkiPin,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its key is {}", self.found)
    }
}

impl std::error::Error for Other {}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let found = SpkiPin::of(&parsed.subject_public_key_info());
        if self.pins.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        let other = Other { expected: self.pins.clone(), found };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(other)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// What a handshake that failed says.
pub(super) fn failed(error: &std::io::Error) -> HttpError {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::Other(other))) => match other.0.downcast_ref::<Other>() {
            Some(Other { expected, found }) => HttpError::Pin { expected: expected.clone(), found: *found },
            None => HttpError::Broken("the certificate is none that counts".to_owned()),
        },
        Some(Error::InvalidCertificate(why)) => {
            HttpError::Broken(format!("the certificate is none that counts: {why}"))
        }
        Some(Error::PeerIncompatible(_) | Error::AlertReceived(rustls::AlertDescription::ProtocolVersion)) => {
            HttpError::OldTls
        }
        Some(error) => HttpError::Broken(error.to_string()),
        None => HttpError::Broken(error.kind().to_string()),
    }
}
