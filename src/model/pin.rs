//! The pin of a certificate: the digest of the public key in it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How a pin begins in a file.
const HEAD: &str = "sha256/";

/// SHA-256 of a certificate's `SubjectPublicKeyInfo`, as RFC 7469 has it: `sha256/` and 44 characters of Base64. A
/// certificate that is renewed with the same key keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SpkiPin([u8; 32]);

/// A text that is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no pin: sha256/ and 44 characters of Base64 are expected")]
pub struct SpkiPinError;

impl SpkiPin {
    /// The pin of a public key in DER.
    pub fn of(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }
}

impl FromStr for SpkiPin {
    type Err = SpkiPinError;

    fn from_str(text: &str) -> Result<Self, SpkiPinError> {
        let coded = text.strip_prefix(HEAD).ok_or(SpkiPinError)?;
        let bytes = STANDARD.decode(coded).map_err(|_| SpkiPinError)?;
        bytes.try_into().map(Self).map_err(|_| SpkiPinError)
    }
}

impl TryFrom<String> for SpkiPin {
    type Error = SpkiPinError;

    fn try_from(text: String) -> Result<Self, SpkiPinError> {
        text.parse()
    }
}

impl From<SpkiPin> for String {
    fn from(pin: SpkiPin) -> Self {
        pin.to_string()
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEAD}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_as_it_is_written() {
        let pin = SpkiPin::of(b"a key");
        let text = pin.to_string();
        assert_eq!(text, "sha256/j6Oqsvqpt54KA5jaW1q9B4AUJEKlvoC5pkYI1xjLH80=");
        assert_eq!(text.parse(), Ok(pin));
        for wrong in ["", "sha256/", "sha1/AAAA", "sha256/AAAA", &text[1..], &text[..text.len() - 1]] {
            assert_eq!(wrong.parse::<SpkiPin>(), Err(SpkiPinError), "{wrong}");
        }
    }
}
