//! Opening what is sealed: the audit first, then the bytes, held against what the store says of them.

use crate::depot::{DepotError, KeyError};
use crate::engine::env::Env;
use crate::engine::keys::KeysError;
use crate::model::actor::{Act, Actor};
use crate::model::backup::Backup;
use crate::model::config::Configuration;
use crate::model::object::{ObjectFacts, OpenPurpose};
use crate::model::outside::Outside;
use crate::store::StoreError;

/// Why a backup does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store lacks what every backup has.
    #[error("expected {what} in the store, found none")]
    Lost {
        /// What is absent.
        what: &'static str,
    },
    /// A key is missing, or the object is not what its row says.
    #[error("open the sealed object")]
    Keys(#[from] KeysError),
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Keys(error.into())
    }
}

impl From<KeyError> for OpenError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error.into())
    }
}

impl From<DepotError> for OpenError {
    fn from(error: DepotError) -> Self {
        Self::Keys(error.into())
    }
}

/// An opened backup.
#[derive(Debug)]
pub struct Opened {
    /// The configuration in clear.
    pub configuration: Configuration,
    /// What the store says of the sealed object.
    pub facts: ObjectFacts,
}

/// Opens the sealed configuration of a backup for a purpose, which stands in the audit before anything is opened.
pub async fn open(env: &Env, actor: &Actor, backup: &Backup, purpose: OpenPurpose) -> Result<Opened, OpenError> {
    let scoped = env.store.scoped(actor.scope.clone());
    let lost = |what| OpenError::Lost { what };
    let object = scoped.object_get(backup.object).await?.ok_or_else(|| lost("the sealed object"))?;
    let generation = Some(object.facts.generation);
    let key = scoped.customer_key_get(&backup.customer, generation).await?;
    let key = key.ok_or_else(|| lost("the customer's key"))?;
    let id = backup.id.map_or_else(String::new, |id| id.to_string());
    let detail = serde_json::json!({"v": 1, "object": backup.object, "purpose": purpose});
    env.store.audit_add(actor.did(env.clock.now(), Act::ObjectOpened, id.clone(), &detail)).await?;
    let facts = object.facts.clone();
    if !scoped.object_is_recorded(&facts).await? {
        return Err(KeyError::ObjectNotRecorded(id).into());
    }
    let sealed = env.depot.get(object)?;
    let (_, bytes) = env.keys.ring()?.open_object(&key, &facts, &sealed, purpose)?;
    Ok(Opened { configuration: env.definitions.configuration(Outside::from_bytes(&bytes)), facts })
}

/// An error with what caused it, in one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}
