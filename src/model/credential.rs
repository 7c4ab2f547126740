//! Credentials: their names, which everybody may see, and what a login needs, which nobody may print.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::name::CustomerName;
use super::snmp::{SnmpAuth, SnmpPrivacy, SnmpVersion};

crate::words! {
    /// What a credential may be used for.
    pub enum Purpose {
        /// Polls, backups, readings: an account of role operator, or of role monitor with gaps.
        Read = "read",
        /// Changes behind the gate: an account of role admin.
        Change = "change",
        /// Logins at a hop of a way in, and at no appliance.
        Hop = "hop",
        /// Questions by SNMP: a community, or a user of v3. It is never used for a login.
        Snmp = "snmp",
        /// The HTTPS API of an appliance. It is never used for a login by SSH.
        Api = "api",
    }
}

/// A text that is no name of a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no name of a credential: customer/name is expected, as in acme/monitor")]
pub struct CredentialNameError(pub String);

/// `customer/name`: a credential belongs to one customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CredentialName {
    customer: CustomerName,
    name: String,
}

impl CredentialName {
    /// The customer that the credential belongs to.
    pub const fn customer(&self) -> &CustomerName {
        &self.customer
    }
}

impl FromStr for CredentialName {
    type Err = CredentialNameError;

    fn from_str(text: &str) -> Result<Self, CredentialNameError> {
        let error = || CredentialNameError(text.chars().take(80).collect());
        let (customer, name) = text.split_once('/').ok_or_else(error)?;
        let customer = customer.parse().map_err(|_| error())?;
        let checked: CustomerName = name.parse().map_err(|_| error())?;
        Ok(Self { customer, name: checked.into() })
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.customer, self.name))
    }
}

impl TryFrom<String> for CredentialName {
    type Error = CredentialNameError;
    fn try_from(text: String) -> Result<Self, CredentialNameError> {
        text.parse()
    }
}

impl From<CredentialName> for String {
    fn from(name: CredentialName) -> Self {
        name.to_string()
    }
}

/// A secret with which to log in. `Debug` shows nothing of it, and there is no way to serialise it.
#[derive(Debug, Clone)]
pub enum LoginSecret {
    /// A password.
    Password(SecretString),
    /// A private key in OpenSSH's PEM form, with its passphrase if it has one.
    Key {
        /// The key.
        pem: SecretString,
        /// Its passphrase.
        passphrase: Option<SecretString>,
    },
    /// A private key that the user's SSH agent holds and never gives away.
    Agent {
        /// The agent's socket.
        socket: PathBuf,
        /// The fingerprint of the key, `SHA256:…`.
        fingerprint: String,
    },
}

/// Everything that a login needs.
#[derive(Debug, Clone)]
pub struct Login {
    /// The account on the appliance.
    pub user: String,
    /// Its password or key.
    pub secret: LoginSecret,
    /// The enable password, where an appliance asks for one.
    pub enable: Option<SecretString>,
}

/// Where the secret of a credential is read from. The administrator's settings alone name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFrom {
    /// A file that holds a password.
    File(PathBuf),
    /// A file that holds a private key in OpenSSH's PEM form.
    Key {
        /// The key.
        path: PathBuf,
        /// A file that holds its passphrase.
        passphrase_file: Option<PathBuf>,
    },
    /// An age file that the root key opens, with a password in it.
    Sealed(PathBuf),
    /// What a program prints: its absolute path, then its arguments.
    Command(Vec<String>),
    /// A field of a secret in the vault: its engine (version 2 of key and value), its path, and its name.
    Vault {
        /// Where the engine is mounted.
        mount: String,
        /// The path of the secret.
        path: String,
        /// The field that holds the password.
        field: String,
    },
    /// A variable of the process's environment that holds a password: for the command line only.
    Environment(String),
    /// A key in the user's SSH agent, by its fingerprint (`SHA256:…`): for the command line only.
    Agent(String),
}

impl SecretFrom {
    /// The word by which the settings name this kind of place.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Key { .. } => "key",
            Self::Sealed(_) => "sealed",
            Self::Command(_) => "command",
            Self::Vault { .. } => "vault",
            Self::Environment(_) => "environment",
            Self::Agent(_) => "agent",
        }
    }
}

impl fmt::Display for SecretFrom {
    /// `vault secret/hoshu/acme, field password`, `command /usr/bin/secret-of`, `sealed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Vault { mount, path, field } => write!(f, " {mount}/{path}, field {field}"),
            Self::Command(words) => write!(f, " {}", words.first().map_or("", String::as_str)),
            Self::Sealed(path) => write!(f, " {}", path.display()),
            Self::Agent(fingerprint) => write!(f, " {fingerprint}"),
            Self::File(_) | Self::Key { .. } | Self::Environment(_) => Ok(()),
        }
    }
}

/// A credential as the settings declare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSource {
    /// What it may be used for.
    pub purpose: Purpose,
    /// The account on the appliance; empty for a community.
    pub user: String,
    /// Where its secret is read from: a password or key, a community, or the passphrase for authentication.
    pub from: SecretFrom,
    /// A file that holds the enable password, where an appliance asks for one.
    pub enable_file: Option<PathBuf>,
    /// The authorities (PEM) by which an HTTPS API is known, where its seat declares no pin.
    pub ca: Option<PathBuf>,
    /// How a user of SNMP v3 speaks; `None` for everything else, a community as well.
    pub snmp: Option<SnmpUser>,
}

impl CredentialSource {
    /// The version of SNMP that it is for; `None` when it is for logins.
    pub const fn snmp_version(&self) -> Option<SnmpVersion> {
        match (self.purpose, &self.snmp) {
            (Purpose::Snmp, None) => Some(SnmpVersion::V2c),
            (Purpose::Snmp, Some(_)) => Some(SnmpVersion::V3),
            _ => None,
        }
    }
}

/// How a user of SNMP v3 speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnmpUser {
    /// How messages are authenticated.
    pub auth: SnmpAuth,
    /// How they are encrypted, and the file that holds the passphrase for that.
    pub privacy: Option<(SnmpPrivacy, PathBuf)>,
}
