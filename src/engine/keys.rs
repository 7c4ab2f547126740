//! The keyring, opened when the first sealed thing is touched: a poll needs no key.

use std::sync::OnceLock;

use secrecy::SecretString;

use crate::depot::{DepotError, KeyError, Keyring};
use crate::engine::env::Env;
use crate::model::causes::with_causes;
use crate::model::name::CustomerName;
use crate::model::realm::Realm;
use crate::model::settings::{RootSource, Settings};
use crate::secret::Unseal;
use crate::store::StoreError;

/// Where the root key is, to whom keys are sealed, and what was opened.
pub struct Keys {
    source: RootSource,
    recovery: Vec<String>,
    realm: Realm,
    opened: OnceLock<Keyring>,
}

/// Why sealing or opening cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key is missing, or does not open.
    #[error("use the keys")]
    Key(#[from] KeyError),
    /// The sealed object cannot be put away.
    #[error("keep the sealed object")]
    Depot(#[from] DepotError),
    /// The store cannot be asked.
    #[error("read the customers' keys")]
    Store(#[from] StoreError),
}

impl Keys {
    /// The keys as the settings say.
    pub fn new(settings: &Settings) -> Self {
        let (source, recovery) = (settings.root_key.clone(), settings.recovery.clone());
        Self { source, recovery, realm: settings.realm, opened: OnceLock::new() }
    }

    /// The keyring; a root key that is missing or unreadable is an error each time.
    pub fn ring(&self) -> Result<&Keyring, KeyError> {
        if let Some(ring) = self.opened.get() {
            return Ok(ring);
        }
        let ring = Keyring::open(&self.source, &self.recovery, self.realm)?;
        Ok(self.opened.get_or_init(|| ring))
    }
}

impl Unseal for Keys {
    fn unseal(&self, sealed: &[u8]) -> Result<SecretString, String> {
        let text = self.ring().and_then(|ring| ring.root().unseal(sealed));
        text.map(|text| SecretString::from(text.as_str())).map_err(|error| with_causes(&error))
    }
}

/// A customer for whom nothing can be sealed, and why.
#[derive(Debug, Clone)]
pub struct Keyless {
    /// The customer.
    pub customer: CustomerName,
    /// Why, in words.
    pub why: String,
}

/// Opens what sealing for these customers needs. Returns those for whom nothing can be sealed: one customer's damaged
/// key is no reason to leave the others alone.
pub async fn load<'a>(
    env: &Env,
    customers: impl IntoIterator<Item = &'a CustomerName>,
) -> Result<Vec<Keyless>, KeysError> {
    let ring = env.keys.ring()?;
    let mut keyless = Vec::new();
    for customer in customers {
        if ring.is_loaded(customer) {
            continue;
        }
        let why = match env.rows().customer_key_get(customer, None).await? {
            None => Some(format!("customer {customer} has no key: hoshu key init makes it")),
            Some(key) if env.rows().customer_key_is_recorded(&key).await? => {
                ring.customer_load(&key).err().map(|error| error.to_string())
            }
            Some(_) => Some(KeyError::KeyNotRecorded(customer.clone()).to_string()),
        };
        keyless.extend(why.map(|why| Keyless { customer: customer.clone(), why }));
    }
    Ok(keyless)
}
