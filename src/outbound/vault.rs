//! `OpenBao`, and servers that speak as it does: its transit engine opens a text, its store of secrets holds passwords.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use zeroize::Zeroizing;

use super::http::{Ask, Http, HttpError, Trust, wait_for};
use crate::model::limits::VAULT_ANSWER_BYTES_MAX;
use crate::model::outside::Outside;
use crate::model::settings::{TransitKey, Vault};

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(20);
/// Characters of a refusal that are shown.
const SAID_CHARS_MAX: usize = 200;
/// The header of the token.
const TOKEN: &str = "x-vault-token";

/// Why the server gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no answer.
    #[error("ask {address}")]
    Http {
        /// The server.
        address: String,
        /// What happened.
        #[source]
        source: HttpError,
    },
    /// It refuses, in its own words.
    #[error("{address} refuses with status {status}{}", words(said))]
    Refused {
        /// The server.
        address: String,
        /// The status code of HTTP.
        status: u16,
        /// Its words.
        said: Outside,
    },
    /// Its answer does not hold what was asked for.
    #[error("{address}: the answer does not hold {what}")]
    Shape {
        /// The server.
        address: String,
        /// What is missing.
        what: &'static str,
    },
}

/// What it said, where it said something: of what is not there it says nothing.
fn words(said: &Outside) -> String {
    if said.is_empty() { String::new() } else { format!(": {said:?}") }
}

/// A server, and the token that it knows this program by.
pub struct VaultServer {
    address: String,
    http: Http,
    token: SecretString,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct Plain {
    plaintext: SecretString,
}

#[derive(Deserialize)]
struct Cipher {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Secret {
    data: BTreeMap<String, Field>,
}

/// A field that is no text is none that can be asked for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field {
    Text(SecretString),
    Other(serde::de::IgnoredAny),
}

impl VaultServer {
    /// The server of the settings, with a token.
    pub fn new(vault: &Vault, token: SecretString) -> Result<Self, VaultError> {
        let trust = vault.ca.as_deref().map_or(Trust::System, Trust::Authorities);
        let http = Http::new(&vault.address, trust, WAIT, VAULT_ANSWER_BYTES_MAX);
        let address = vault.address.clone();
        let http = http.map_err(|source| VaultError::Http { address: address.clone(), source })?;
        Ok(Self { address, http, token })
    }

    /// Asks it from code that is not asynchronous. Blocks the thread.
    pub fn wait_for<T: Send>(
        &self,
        ask: impl AsyncFnOnce(&Self) -> Result<T, VaultError> + Send,
    ) -> Result<T, VaultError> {
        let unmade = |source| VaultError::Http { address: self.address.clone(), source };
        wait_for(|| ask(self)).map_err(unmade)?
    }

    /// Opens what [`Self::transit_seal`] sealed, with a key that never leaves the server.
    pub async fn transit_open(&self, key: &TransitKey, ciphertext: &str) -> Result<Zeroizing<String>, VaultError> {
        let path = format!("v1/{}/decrypt/{}", key.mount, key.name);
        let plain: Plain = self.ask(&path, Some(&json!({"ciphertext": ciphertext}))).await?;
        let shape = || self.shape("a text in Base64");
        let bytes = STANDARD.decode(plain.plaintext.expose_secret()).map(Zeroizing::new).map_err(|_| shape())?;
        str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| shape())
    }

    /// Seals a text with a key that never leaves the server.
    pub async fn transit_seal(&self, key: &TransitKey, text: &str) -> Result<String, VaultError> {
        let path = format!("v1/{}/encrypt/{}", key.mount, key.name);
        let body = Zeroizing::new(STANDARD.encode(text));
        let cipher: Cipher = self.ask(&path, Some(&json!({"plaintext": *body}))).await?;
        Ok(cipher.ciphertext)
    }

    /// A field of a secret, as the engine for keys and values keeps it in its version 2.
    pub async fn secret(&self, mount: &str, path: &str, field: &str) -> Result<SecretString, VaultError> {
        let path = format!("v1/{mount}/data/{path}");
        let mut secret: Secret = self.ask(&path, None).await?;
        match secret.data.remove(field) {
            Some(Field::Text(text)) => Ok(text),
            Some(Field::Other(_)) | None => Err(self.shape("that field of the secret as a text")),
        }
    }

    /// Sends a body, or asks for what is there.
    async fn ask<T: DeserializeOwned>(&self, path: &str, body: Option<&serde_json::Value>) -> Result<T, VaultError> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let json = body.map(|body| Zeroizing::new(body.to_string().into_bytes()));
        let answer = self.http.ask(Ask { secret: Some((TOKEN, &self.token)), json, ..Ask::new(method, path) }).await;
        let answer = answer.map_err(|source| VaultError::Http { address: self.address.clone(), source })?;
        if answer.status == 200 {
            let data = serde_json::from_slice(&answer.body).map(|answer: Answer<T>| answer.data);
            // What it holds instead may be secret, and is not told.
            return data.map_err(|_| self.shape("the data that was asked for"));
        }
        let said: Vec<String> = serde_json::from_slice(&answer.body).map_or_else(|_| Vec::new(), |e: Errors| e.errors);
        let said: String = said.join("; ").split_whitespace().collect::<Vec<_>>().join(" ");
        let said = Outside::new(said.chars().take(SAID_CHARS_MAX).collect::<String>());
        Err(VaultError::Refused { address: self.address.clone(), status: answer.status, said })
    }

    fn shape(&self, what: &'static str) -> VaultError {
        VaultError::Shape { address: self.address.clone(), what }
    }
}
