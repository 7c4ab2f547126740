//! SNMP as plain data: what is asked for, what comes back, and what a question needs.

use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::outside::Outside;

crate::words! {
    /// The version of SNMP that a seat is asked by. There is no falling back from one to the other.
    pub enum SnmpVersion {
        /// Community-based: nobody is proved, and the community goes in clear.
        V2c = "v2c",
        /// User-based: each message is authenticated.
        V3 = "v3",
    }
}

crate::words! {
    /// How messages of SNMP v3 are authenticated (RFC 3414, RFC 7860).
    pub enum SnmpAuth {
        /// HMAC-SHA-96.
        Sha1 = "sha",
        /// HMAC-SHA-256.
        Sha256 = "sha-256",
        /// HMAC-SHA-512.
        Sha512 = "sha-512",
    }
}

crate::words! {
    /// How messages of SNMP v3 are encrypted (RFC 3826; for 256 bits the extension of the key after Blumenthal).
    pub enum SnmpPrivacy {
        /// AES-128 in CFB mode.
        Aes128 = "aes-128",
        /// AES-256 in CFB mode.
        Aes256 = "aes-256",
    }
}

/// Everything that a question by SNMP needs. `Debug` shows nothing of its secrets, and there is no way to serialise it.
#[derive(Debug, Clone)]
pub enum SnmpLogin {
    /// v2c.
    Community(SecretString),
    /// v3, always authenticated.
    User {
        /// The user.
        name: String,
        /// How messages are authenticated.
        auth: SnmpAuth,
        /// The passphrase for that.
        passphrase: SecretString,
        /// How they are encrypted, with the passphrase for that; without, everybody on the way reads along.
        privacy: Option<(SnmpPrivacy, SecretString)>,
    },
}

impl SnmpLogin {
    /// The version that it is for.
    pub const fn version(&self) -> SnmpVersion {
        match self {
            Self::Community(_) => SnmpVersion::V2c,
            Self::User { .. } => SnmpVersion::V3,
        }
    }
}

/// A text that is no object identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no object identifier such as 1.3.6.1.4.1.25597.11")]
pub struct OidError(pub String);

/// Numbers that an object identifier may have (RFC 2578).
const ARCS_MAX: usize = 128;

/// An object identifier. The order is that of a walk.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Oid(Vec<u32>);

impl Oid {
    /// The identifier with these numbers.
    pub const fn new(arcs: Vec<u32>) -> Self {
        Self(arcs)
    }

    /// Its numbers.
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// What follows `root`; `None` when it does not lie below it.
    pub fn below(&self, root: &Self) -> Option<&[u32]> {
        self.0.strip_prefix(root.0.as_slice()).filter(|rest| !rest.is_empty())
    }
}

impl FromStr for Oid {
    type Err = OidError;

    fn from_str(text: &str) -> Result<Self, OidError> {
        let error = || OidError(text.chars().take(80).collect());
        let number = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        let arcs: Option<Vec<u32>> = text.split('.').take(ARCS_MAX + 1).map(number).collect();
        arcs.filter(|arcs| (2..=ARCS_MAX).contains(&arcs.len())).map(Self).ok_or_else(error)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arcs: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.pad(&arcs.join("."))
    }
}

impl TryFrom<String> for Oid {
    type Error = OidError;

    fn try_from(text: String) -> Result<Self, OidError> {
        text.parse()
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.to_string()
    }
}

/// The value of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SnmpValue {
    /// A number with a sign (`Integer32`).
    Integer(i64),
    /// A number without one (`Gauge32`, `Counter32`, `Counter64`, `TimeTicks`).
    Unsigned(u64),
    /// An octet string; what is not UTF-8 is U+FFFD.
    Text(Outside),
    /// Another type, by its name.
    Other(String),
}

impl SnmpValue {
    /// What it is, for a person who finds another type than expected.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Integer(_) | Self::Unsigned(_) => "number",
            Self::Text(_) => "text",
            Self::Other(name) => name,
        }
    }
}

/// One object as an appliance gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnmpObject {
    /// Its identifier.
    pub oid: Oid,
    /// Its value.
    pub value: SnmpValue,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_identifier_is_numbers_and_dots() {
        let oid = |text: &str| text.parse::<Oid>();
        assert_eq!(oid("1.3.6.1").expect("right").arcs(), [1, 3, 6, 1]);
        for text in ["", "1", ".1.3", "1..3", "1.3.", "1.+3", "1.-3", "1.4294967296", "1.3 ", "iso.3"] {
            assert!(oid(text).is_err(), "{text}");
        }
        assert!(oid(&vec!["1"; ARCS_MAX].join(".")).is_ok());
        assert!(oid(&vec!["1"; ARCS_MAX + 1].join(".")).is_err());
    }

    #[test]
    fn nothing_lies_below_itself_or_beside() {
        let oid = |text: &str| text.parse::<Oid>().expect("right");
        assert_eq!(oid("1.3.6.1").below(&oid("1.3")), Some(&[6, 1][..]));
        assert_eq!(oid("1.3").below(&oid("1.3")), None);
        assert_eq!(oid("1.30.1").below(&oid("1.3")), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(arcs in prop::collection::vec(any::<u32>(), 2..40)) {
            let oid = Oid::new(arcs);
            prop_assert_eq!(oid.to_string().parse::<Oid>().expect("right"), oid);
        }
    }
}
