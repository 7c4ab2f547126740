//! L3: where credentials come from.
//!
//! Invariant: a secret leaves this folder only inside a [`Login`] or an [`SnmpLogin`], for the purpose that the settings declare for it;
//! errors name files and variables, never what they hold.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::model::credential::{CredentialName, CredentialSource, Login, LoginSecret, Purpose, SecretFrom};
use crate::model::snmp::SnmpLogin;

/// How long a secret that was read is kept in memory.
const CACHE: Duration = Duration::from_mins(5);

/// Why a secret was not handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The settings declare no such credential.
    #[error("credential {0} is not declared in the settings")]
    Undeclared(CredentialName),
    /// A read credential was asked for a change, or the other way round.
    #[error("credential {name} is declared for {declared} and was asked for {asked}")]
    WrongPurpose {
        /// The credential.
        name: CredentialName,
        /// What the settings say.
        declared: Purpose,
        /// What it was asked for.
        asked: Purpose,
    },
    /// The file cannot be opened or read; a symbolic link counts as such.
    #[error("secret file {path:?}: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Somebody else could read or replace the file.
    #[error("secret file {path:?}: expected a plain file of this user with mode 0600 or 0400, found {found}")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The kind, owner or mode that was found.
        found: String,
    },
    /// The secret is empty, too long, not UTF-8, or has a control character in it.
    #[error("the secret in {place:?} {why}")]
    Malformed {
        /// The file or variable.
        place: PathBuf,
        /// What is wrong, in words that show nothing of it.
        why: &'static str,
    },
    /// The environment is not looked into by a service, since its children and `/proc` show it.
    #[error("credential {0} comes from the environment, which only the command line may use")]
    EnvironmentRefused(CredentialName),
    /// The variable is not set.
    #[error("environment variable {0:?} is not set")]
    EnvironmentUnset(String),
}

/// Which of a credential's secrets a fingerprint is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretPart {
    /// The password or key.
    Login,
    /// The enable password.
    Enable,
    /// The passphrase with which SNMP v3 encrypts.
    Privacy,
}

/// A keyed fingerprint: equal for equal secrets, and useless without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPrint {
    /// The credential.
    pub name: CredentialName,
    /// Which of its secrets.
    pub part: SecretPart,
    /// HMAC-SHA-256 of the secret, in hex.
    pub print: String,
}

/// The credentials that the settings declare.
pub struct SecretStore {
    sources: BTreeMap<CredentialName, CredentialSource>,
    allow_environment: bool,
    cache: Mutex<HashMap<CredentialName, (Instant, Login)>>,
}

impl SecretStore {
    /// Takes the declared credentials; only the command line may allow the environment as a source.
    pub fn new(sources: BTreeMap<CredentialName, CredentialSource>, allow_environment: bool) -> Self {
        Self { sources, allow_environment, cache: Mutex::default() }
    }

    /// What a login with this credential needs. A secret that was read is kept for five minutes at most.
    pub fn fetch(&self, name: &CredentialName, purpose: Purpose) -> Result<Login, SecretError> {
        let source = self.sources.get(name).ok_or_else(|| SecretError::Undeclared(name.clone()))?;
        if source.purpose != purpose {
            let (declared, asked) = (source.purpose, purpose);
            return Err(SecretError::WrongPurpose { name: name.clone(), declared, asked });
        }
        let now = Instant::now();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|_, (read_at, _)| now.duration_since(*read_at) < CACHE);
        if let Some((_, login)) = cache.get(name) {
            return Ok(login.clone());
        }
        let login = self.read(name, source)?;
        cache.insert(name.clone(), (now, login.clone()));
        Ok(login)
    }

    /// What questions by SNMP with this credential need; it is read each time.
    pub fn fetch_snmp(&self, name: &CredentialName) -> Result<SnmpLogin, SecretError> {
        let source = self.sources.get(name).ok_or_else(|| SecretError::Undeclared(name.clone()))?;
        if source.purpose != Purpose::Snmp {
            let (declared, asked) = (source.purpose, Purpose::Snmp);
            return Err(SecretError::WrongPurpose { name: name.clone(), declared, asked });
        }
        let secret = self.password(name, &source.from)?;
        let Some(user) = &source.snmp else { return Ok(SnmpLogin::Community(secret)) };
        let place = match &source.from {
            SecretFrom::File(path) | SecretFrom::Key { path, .. } => path.as_path(),
            SecretFrom::Environment(variable) => Path::new(variable),
        };
        let passphrase = long_enough(secret, place)?;
        let privacy = match &user.privacy {
            Some((way, path)) => Some((*way, long_enough(file::read_word(path)?, path)?)),
            None => None,
        };
        Ok(SnmpLogin::User { name: source.user.clone(), auth: user.auth, passphrase, privacy })
    }

    /// Whether the secrets of a credential can be read, whatever it is for.
    pub fn try_read(&self, name: &CredentialName) -> Result<(), SecretError> {
        let source = self.sources.get(name).ok_or_else(|| SecretError::Undeclared(name.clone()))?;
        match source.purpose {
            Purpose::Snmp => self.fetch_snmp(name).map(drop),
            purpose => self.fetch(name, purpose).map(drop),
        }
    }

    /// A fingerprint of each secret that can be read, so that one secret under two names is found.
    pub fn fingerprints(&self, key: &[u8; 32]) -> Vec<SecretPrint> {
        let mut prints = Vec::new();
        for (name, source) in &self.sources {
            let Ok(login) = self.read(name, source) else { continue };
            let secret = match &login.secret {
                LoginSecret::Password(password) => password,
                LoginSecret::Key { pem, .. } => pem,
            };
            let privacy = source.snmp.as_ref().and_then(|user| file::read_word(&user.privacy.as_ref()?.1).ok());
            let parts = [
                (SecretPart::Login, Some(secret)),
                (SecretPart::Enable, login.enable.as_ref()),
                (SecretPart::Privacy, privacy.as_ref()),
            ];
            for (part, secret) in parts {
                if let Some(print) = secret.and_then(|secret| keyed_print(key, secret)) {
                    prints.push(SecretPrint { name: name.clone(), part, print });
                }
            }
        }
        prints
    }

    fn read(&self, name: &CredentialName, source: &CredentialSource) -> Result<Login, SecretError> {
        let secret = match &source.from {
            SecretFrom::Key { path, passphrase_file } => {
                let passphrase = passphrase_file.as_deref().map(file::read_word).transpose()?;
                LoginSecret::Key { pem: file::read_text(path)?, passphrase }
            }
            from => LoginSecret::Password(self.password(name, from)?),
        };
        let enable = source.enable_file.as_deref().map(file::read_word).transpose()?;
        Ok(Login { user: source.user.clone(), secret, enable })
    }

    /// One word: a password, a community, a passphrase.
    fn password(&self, name: &CredentialName, from: &SecretFrom) -> Result<SecretString, SecretError> {
        match from {
            SecretFrom::File(path) | SecretFrom::Key { path, .. } => file::read_word(path),
            SecretFrom::Environment(_) if !self.allow_environment => Err(SecretError::EnvironmentRefused(name.clone())),
            SecretFrom::Environment(variable) => {
                let value = std::env::var(variable).map_err(|_| SecretError::EnvironmentUnset(variable.clone()))?;
                file::word(SecretString::from(value), Path::new(variable))
            }
        }
    }
}

/// The shortest passphrase from which a key of SNMP v3 is made (RFC 3414, 11.2).
const PASSPHRASE_BYTES_MIN: usize = 8;

fn long_enough(secret: SecretString, place: &Path) -> Result<SecretString, SecretError> {
    if secret.expose_secret().len() < PASSPHRASE_BYTES_MIN {
        return Err(SecretError::Malformed { place: place.to_owned(), why: "is shorter than 8 characters" });
    }
    Ok(secret)
}

fn keyed_print(key: &[u8; 32], secret: &SecretString) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(secret.expose_secret().as_bytes());
    Some(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests;
