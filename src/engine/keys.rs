//! The keyring, opened when the first sealed thing is touched: a poll needs no key.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::depot::{DepotError, KeyError, Keyring};
use crate::engine::env::Env;
use crate::model::name::CustomerName;
use crate::model::realm::Realm;
use crate::store::StoreError;

/// Where the root key is, and what was opened with it.
pub struct Keys {
    /// The file of the root key.
    pub file: PathBuf,
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
    /// The root key of a realm in a file.
    pub const fn new(file: PathBuf, realm: Realm) -> Self {
        Self { file, realm, opened: OnceLock::new() }
    }

    /// The keyring; a root key that is missing or unreadable is an error each time.
    pub fn ring(&self) -> Result<&Keyring, KeyError> {
        if let Some(ring) = self.opened.get() {
            return Ok(ring);
        }
        let ring = Keyring::open(&self.file, self.realm)?;
        Ok(self.opened.get_or_init(|| ring))
    }
}

/// Opens what sealing for these customers needs. Returns those that have no key.
pub async fn load<'a>(
    env: &Env,
    customers: impl IntoIterator<Item = &'a CustomerName>,
) -> Result<Vec<CustomerName>, KeysError> {
    let ring = env.keys.ring()?;
    let mut missing = Vec::new();
    for customer in customers {
        if ring.is_loaded(customer) {
            continue;
        }
        match env.rows().customer_key_get(customer).await? {
            Some(key) => ring.customer_load(&key)?,
            None => missing.push(customer.clone()),
        }
    }
    Ok(missing)
}
