//! L3: where credentials come from.
//!
//! Invariant: a secret leaves this folder only inside a [`Login`] or an [`SnmpLogin`], for the purpose that the settings declare for it;
//! errors name files and variables, never what they hold.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::model::causes::with_causes;
use crate::model::credential::{CredentialName, CredentialSource, Login, LoginSecret, Purpose, SecretFrom};
use crate::model::limits::SECRET_BYTES_MAX;
use crate::model::settings::Vault;
use crate::model::snmp::SnmpLogin;
use crate::outbound::Program;
use crate::outbound::vault::{VaultError, VaultServer};

/// How long a secret that was read is kept in memory.
const CACHE: Duration = Duration::from_mins(5);

/// How long one that was not given is not asked for again: a vault that is away is not asked once for each seat.
const CACHE_WITHHELD: Duration = Duration::from_secs(5);
/// The variable that names the socket of the user's SSH agent.
const AGENT: &str = "SSH_AUTH_SOCK";
/// How long a program may take to print a secret.
const WAIT: Duration = Duration::from_secs(20);

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
    /// The program or the vault that knows the secret did not give it.
    #[error("the secret of {name} from {place}: {why}")]
    Withheld {
        /// The credential.
        name: CredentialName,
        /// Where it is asked for.
        place: String,
        /// Why not, in words that show nothing of it.
        why: String,
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

/// Opens a sealed file with the root key, which this folder never sees.
pub trait Unseal: Send + Sync {
    /// The text in a sealed file, or why it does not open. Blocks the thread.
    fn unseal(&self, sealed: &[u8]) -> Result<SecretString, String>;
}

/// A credential that was read, or why it was not.
struct Kept {
    at: Instant,
    result: Result<Login, SecretError>,
}

impl Kept {
    const fn wait(&self) -> Duration {
        if self.result.is_ok() { CACHE } else { CACHE_WITHHELD }
    }
}

/// What is kept of a credential. Whoever comes while it is read waits for the same answer.
type Read = tokio::sync::Mutex<Option<Kept>>;

/// The credentials that the settings declare.
pub struct SecretStore {
    sources: BTreeMap<CredentialName, CredentialSource>,
    vault: Option<Vault>,
    unseal: Arc<dyn Unseal>,
    allow_environment: bool,
    cache: Mutex<HashMap<CredentialName, Arc<Read>>>,
}

impl SecretStore {
    /// Takes the declared credentials; only the command line may allow the environment as a source.
    pub fn new(
        sources: BTreeMap<CredentialName, CredentialSource>,
        vault: Option<Vault>,
        unseal: Arc<dyn Unseal>,
        allow_environment: bool,
    ) -> Self {
        Self { sources, vault, unseal, allow_environment, cache: Mutex::default() }
    }

    /// What a login with this credential needs. A secret that was read is kept for five minutes at most, and that a
    /// program or a vault did not give it for five seconds.
    pub async fn fetch(&self, name: &CredentialName, purpose: Purpose) -> Result<Login, SecretError> {
        self.kept(name, self.source(name, purpose)?).await
    }

    /// What questions by SNMP with this credential need.
    pub async fn fetch_snmp(&self, name: &CredentialName) -> Result<SnmpLogin, SecretError> {
        let source = self.source(name, Purpose::Snmp)?;
        let login = self.kept(name, source).await?;
        let malformed = |why| SecretError::Malformed { place: name.to_string().into(), why };
        let LoginSecret::Password(secret) = login.secret else { return Err(malformed("is a key")) };
        let Some(user) = &source.snmp else { return Ok(SnmpLogin::Community(secret)) };
        let long_enough = |secret: SecretString| {
            let is_short = secret.expose_secret().len() < PASSPHRASE_BYTES_MIN;
            if is_short { Err(malformed("is shorter than 8 characters")) } else { Ok(secret) }
        };
        let privacy = match &user.privacy {
            Some((way, path)) => Some((*way, long_enough(file::read_word(path)?)?)),
            None => None,
        };
        let (name, auth, passphrase) = (source.user.clone(), user.auth, long_enough(secret)?);
        Ok(SnmpLogin::User { name, auth, passphrase, privacy })
    }

    /// Whether the secrets of a credential can be read, whatever it is for.
    pub async fn try_read(&self, name: &CredentialName) -> Result<(), SecretError> {
        match self.sources.get(name).map(|source| source.purpose) {
            Some(Purpose::Snmp) => self.fetch_snmp(name).await.map(drop),
            Some(purpose) => self.fetch(name, purpose).await.map(drop),
            None => Err(SecretError::Undeclared(name.clone())),
        }
    }

    fn source(&self, name: &CredentialName, asked: Purpose) -> Result<&CredentialSource, SecretError> {
        let source = self.sources.get(name).ok_or_else(|| SecretError::Undeclared(name.clone()))?;
        let declared = source.purpose;
        if declared == asked {
            return Ok(source);
        }
        Err(SecretError::WrongPurpose { name: name.clone(), declared, asked })
    }

    /// What was read a moment ago, or is read here.
    async fn kept(&self, name: &CredentialName, source: &CredentialSource) -> Result<Login, SecretError> {
        let now = Instant::now();
        let is_kept = |kept: &Kept| now.duration_since(kept.at) < kept.wait();
        let read = {
            let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            cache.retain(|_, read| read.try_lock().map_or(true, |kept| kept.as_ref().is_none_or(is_kept)));
            Arc::clone(cache.entry(name.clone()).or_default())
        };
        let mut read = read.lock().await;
        if let Some(kept) = read.as_ref().filter(|kept| is_kept(kept)) {
            return kept.result.clone();
        }
        let result = self.read(name, source).await;
        let is_kept = matches!(result, Ok(_) | Err(SecretError::Withheld { .. }));
        *read = is_kept.then(|| Kept { at: Instant::now(), result: result.clone() });
        result
    }

    /// A fingerprint of each secret that can be read, so that one secret under two names is found.
    pub async fn fingerprints(&self, key: &[u8; 32]) -> Vec<SecretPrint> {
        let mut prints = Vec::new();
        for (name, source) in &self.sources {
            let Ok(login) = self.kept(name, source).await else { continue };
            let secret = match &login.secret {
                LoginSecret::Password(password) => Some(password),
                LoginSecret::Key { pem, .. } => Some(pem),
                LoginSecret::Agent { .. } => None,
            };
            let privacy = source.snmp.as_ref().and_then(|user| file::read_word(&user.privacy.as_ref()?.1).ok());
            let parts = [
                (SecretPart::Login, secret),
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

    async fn read(&self, name: &CredentialName, source: &CredentialSource) -> Result<Login, SecretError> {
        let withheld = |why| SecretError::Withheld { name: name.clone(), place: source.from.to_string(), why };
        let word = |secret: SecretString| file::word(secret, Path::new(&name.to_string())).map(LoginSecret::Password);
        let secret = match &source.from {
            SecretFrom::Environment(_) | SecretFrom::Agent(_) if !self.allow_environment => {
                return Err(SecretError::EnvironmentRefused(name.clone()));
            }
            SecretFrom::Agent(fingerprint) => {
                let socket = std::env::var_os(AGENT).filter(|socket| !socket.is_empty());
                let socket = socket.ok_or_else(|| SecretError::EnvironmentUnset(AGENT.to_owned()))?;
                LoginSecret::Agent { socket: socket.into(), fingerprint: fingerprint.clone() }
            }
            SecretFrom::File(path) => LoginSecret::Password(file::read_word(path)?),
            SecretFrom::Key { path, passphrase_file } => {
                let passphrase = passphrase_file.as_deref().map(file::read_word).transpose()?;
                LoginSecret::Key { pem: file::read_text(path)?, passphrase }
            }
            SecretFrom::Sealed(path) => {
                let (sealed, unseal) = (file::read_bytes(path)?, Arc::clone(&self.unseal));
                word(file::line(blocking(move || unseal.unseal(&sealed)).await.map_err(withheld)?))?
            }
            SecretFrom::Command(words) => {
                let words = words.clone();
                let run = move || Program { output_bytes_max: SECRET_BYTES_MAX, ..Program::new(&words, WAIT) }.run();
                let printed = blocking(move || run().map_err(|error| error.to_string())).await.map_err(withheld)?;
                word(file::line(SecretString::from(printed.as_str())))?
            }
            SecretFrom::Vault { mount, path, field } => {
                let vault = self.vault.as_ref().ok_or_else(|| withheld("the settings have no vault".to_owned()))?;
                let server = VaultServer::new(vault, file::read_word(&vault.token_file)?);
                let told = |error: VaultError| withheld(with_causes(&error));
                word(server.map_err(told)?.secret(mount, path, field).await.map_err(told)?)?
            }
            SecretFrom::Environment(variable) => {
                let value = std::env::var(variable).map_err(|_| SecretError::EnvironmentUnset(variable.clone()))?;
                LoginSecret::Password(file::word(SecretString::from(value), Path::new(variable))?)
            }
        };
        let enable = source.enable_file.as_deref().map(file::read_word).transpose()?;
        Ok(Login { user: source.user.clone(), secret, enable })
    }
}

/// The shortest passphrase from which a key of SNMP v3 is made (RFC 3414, 11.2).
const PASSPHRASE_BYTES_MIN: usize = 8;

/// Does what blocks a thread on one that is there for it.
async fn blocking<T: Send + 'static>(what: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(what).await.unwrap_or_else(|_| Err("its thread ended".to_owned()))
}

fn keyed_print(key: &[u8; 32], secret: &SecretString) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(secret.expose_secret().as_bytes());
    Some(hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests;
