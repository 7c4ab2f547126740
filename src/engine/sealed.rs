//! Opening what is sealed: the audit first, then the bytes, held against what the store says of them.

use std::io::Write;
use std::sync::Arc;

use crate::depot::{DepotError, KeyError};
use crate::engine::env::Env;
use crate::engine::keys::KeysError;
use crate::model::actor::{Act, Actor};
use crate::model::backup::Backup;
use crate::model::config::Configuration;
use crate::model::id::ObjectId;
use crate::model::name::CustomerName;
use crate::model::object::{CustomerKey, ObjectFacts, OpenPurpose, SealedObject};
use crate::model::outside::Outside;
use crate::store::StoreError;

/// What is lost when the row of an object is gone.
const OBJECT: &str = "the sealed object";

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

impl OpenError {
    /// Whether what is sealed is damaged. A store that is busy, a key that is missing and a disk that does not answer
    /// say nothing about it.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Lost { what } => *what == OBJECT,
            Self::Keys(KeysError::Key(error)) => error.is_damage(),
            Self::Keys(KeysError::Depot(error)) => error.is_damage(),
            Self::Keys(KeysError::Store(error)) => {
                matches!(error, StoreError::Damaged { column, .. } if column.starts_with("object."))
            }
        }
    }
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
    let id = backup.id.map_or_else(String::new, |id| id.to_string());
    let (bytes, facts) = open_object(env, actor, backup.object, (&backup.customer, id), purpose).await?;
    Ok(Opened { configuration: env.definitions.configuration(Outside::from_bytes(&bytes)), facts })
}

/// Opens what is sealed of a customer; what it belongs to is the subject of the audit.
pub(super) async fn open_object(
    env: &Env,
    actor: &Actor,
    id: ObjectId,
    owner: (&CustomerName, String),
    purpose: OpenPurpose,
) -> Result<(Vec<u8>, ObjectFacts), OpenError> {
    let (object, key) = asked(env, actor, id, owner, purpose).await?;
    let facts = object.facts.clone();
    let sealed = env.depot.get(object)?;
    let (_, bytes) = env.keys.ring()?.open_object(&key, &facts, &sealed, purpose)?;
    Ok((bytes, facts))
}

/// An object and its key, once the audit has what for.
async fn asked(
    env: &Env,
    actor: &Actor,
    id: ObjectId,
    (customer, subject): (&CustomerName, String),
    purpose: OpenPurpose,
) -> Result<(SealedObject, CustomerKey), OpenError> {
    let scoped = env.store.scoped(actor.scope.clone());
    let object = scoped.object_get(id).await?.ok_or(OpenError::Lost { what: OBJECT })?;
    let generation = Some(object.facts.generation);
    let key = scoped.customer_key_get(customer, generation).await?;
    let key = key.ok_or(OpenError::Lost { what: "the customer's key" })?;
    let detail = serde_json::json!({"v": 1, "object": id, "purpose": purpose});
    env.store.audit_add(actor.did(env.clock.now(), Act::ObjectOpened, subject.clone(), &detail)).await?;
    if !scoped.object_is_recorded(&object.facts).await? {
        return Err(KeyError::ObjectNotRecorded(subject).into());
    }
    Ok((object, key))
}

/// Opens a file that an appliance wrote for a purpose, which stands in the audit before anything is opened, and writes it
/// where it is wanted. Returns its bytes. What was written before an error is to be thrown away.
pub async fn open_into(
    env: &Env,
    actor: &Actor,
    backup: &Backup,
    purpose: OpenPurpose,
    mut into: Box<dyn Write + Send>,
) -> Result<u64, OpenError> {
    let (object, key) = asked(env, actor, backup.object, (&backup.customer, backup.reference()), purpose).await?;
    let (facts, sealed) = (object.facts.clone(), env.depot.reader(object)?);
    let keys = Arc::clone(&env.keys);
    let opened = tokio::task::spawn_blocking(move || {
        let opened = keys.ring()?.open_into(&key, &facts, sealed, purpose, &mut *into)?;
        into.flush().map_err(|error| KeyError::Writing(error.to_string()))?;
        Ok::<_, KeyError>(opened)
    });
    let broke = || KeyError::Writing("the task that opens it broke".to_owned());
    let (bytes, found) = opened.await.map_err(|_| broke())??;
    if found != backup.content {
        let expected = backup.content.clone();
        return Err(KeyError::Foreign { what: "the content of an object", expected, found }.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::model::realm::Realm;

    #[test]
    fn what_cannot_be_looked_at_is_not_damaged() {
        let file = |kind: ErrorKind| DepotError::File { path: "x".into(), source: kind.into() };
        let foreign = |what| KeyError::Foreign { what, expected: "a".to_owned(), found: "b".to_owned() };
        let damaged = |column| StoreError::Damaged { column, found: String::new() };
        let realm = |what| KeyError::OtherRealm { what, expected: Realm::Live, found: Realm::Lab };
        let damage: [OpenError; 10] = [
            OpenError::Lost { what: OBJECT },
            damaged("object.digest").into(),
            file(ErrorKind::NotFound).into(),
            DepotError::Path(String::new()).into(),
            DepotError::Size { path: "x".into(), expected: 1, found: 2 }.into(),
            KeyError::ObjectNotRecorded(String::new()).into(),
            KeyError::Unopenable { what: "an object" }.into(),
            KeyError::OverLimit(1).into(),
            foreign("the digest of an object").into(),
            realm("an object").into(),
        ];
        for error in damage {
            assert!(error.is_damage(), "{error:?}");
        }
        let none: [OpenError; 10] = [
            OpenError::Lost { what: "the customer's key" },
            StoreError::Unavailable { reason: String::new() }.into(),
            damaged("customer_key.sealed_to").into(),
            file(ErrorKind::PermissionDenied).into(),
            file(ErrorKind::Other).into(),
            KeyError::NotLoaded("acme".parse().unwrap()).into(),
            KeyError::Unopenable { what: "the key of a customer" }.into(),
            KeyError::Unopenable { what: "the content key" }.into(),
            foreign("the key of a customer").into(),
            realm("the key of a customer").into(),
        ];
        for error in none {
            assert!(!error.is_damage(), "{error:?}");
        }
    }
}
