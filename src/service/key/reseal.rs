//! Sealing the customers' keys anew: after the root key or the recovery recipients changed, or with a recovery identity
//! when the root key is lost. Objects are not touched.

use std::path::Path;

use super::{Answer, CustomerDone, KeyResult, by_customer, make_root};
use crate::depot::{KeyError, Keyring, Opener};
use crate::engine::drop_key::NAME;
use crate::engine::env::Env;
use crate::model::actor::{Act, Actor};
use crate::model::object::{CustomerKey, KeyHalves};
use crate::model::realm::Realm;
use crate::service::refusal::Refusal;

fn alive(key: &CustomerKey) -> bool {
    matches!(key.halves, KeyHalves::Sealed { .. })
}

/// Seals every key to the present root key and recovery recipients. What the present root key does not open, an earlier
/// one does; where the file of the present one is not there, a new one is made.
pub async fn rewrap(env: &Env, actor: &Actor, old_root: Option<&Path>) -> Result<Answer, Refusal> {
    let old = old_root.map(|path| Opener::old_root(path, &env.settings.root_key, env.settings.realm)).transpose()?;
    seal_anew(env, actor, old.as_ref(), Act::CustomerKeyRewrapped).await
}

/// Opens the customers' keys with a recovery identity, where the root key is lost, and seals them to a new root key.
pub async fn recover(env: &Env, actor: &Actor, identity: &Path) -> Result<Answer, Refusal> {
    let identity = Opener::recovery(identity)?;
    let keys = by_customer(env, actor).await?;
    let lost = |ring: &Keyring| {
        keys.values().flatten().filter(|key| alive(key)).any(|key| ring.root().opens(env.settings.realm, key).is_err())
    };
    // After a recovery that was killed the new root key opens some of them, and the rest is still to be done.
    if env.keys.ring().is_ok_and(|ring| !lost(ring)) {
        return Err(Refusal::Argument("the root key opens every key: there is nothing to recover".to_owned()));
    }
    seal_anew(env, actor, Some(&identity), Act::CustomerKeyRecovered).await
}

/// One transaction for each customer, and the root key on the disk before the first: whoever is killed in between
/// leaves each key open to the root key of before or to the present one.
async fn seal_anew(env: &Env, actor: &Actor, other: Option<&Opener>, act: Act) -> Result<Answer, Refusal> {
    let realm = env.settings.realm;
    let keys = by_customer(env, actor).await?;
    let mut root = false;
    if let Some(other) = other {
        // An identity that opens nothing is the wrong one, and gets no new root key made.
        let opens = |key: &CustomerKey| other.opens(realm, key).is_ok();
        if !keys.values().flatten().any(opens) && env.keys.ring().is_err() {
            return Err(KeyError::Unopenable { what: "any customer's key with it" }.into());
        }
        root = make_root(env, actor).await?;
    }
    let ring = env.keys.ring()?;
    drop_key(env, actor, ring, other).await?;
    let mut customers = Vec::new();
    for (customer, keys) in keys {
        let generation = keys.last().map_or(0, |key| key.generation);
        let keys: Vec<_> = keys.into_iter().filter(alive).collect();
        let (sealed, why) = anew(ring, other, realm, &keys)?;
        let result = match (keys.is_empty(), why.is_empty(), sealed.is_empty()) {
            (true, ..) => KeyResult::Destroyed,
            (_, false, _) => KeyResult::DoesNotOpen,
            (_, true, true) => KeyResult::Unchanged,
            (_, true, false) => KeyResult::Rewrapped,
        };
        if !sealed.is_empty() {
            let generations: Vec<_> = sealed.iter().map(|key| key.generation).collect();
            let (to, by) = (ring.sealed_to(), other.map(Opener::public));
            let detail = serde_json::json!({"v": 1, "generations": generations, "sealed_to": to, "opened_by": by});
            let audit = actor.did(env.clock.now(), act, customer.as_str(), &detail);
            env.store.customer_key_reseal(sealed, audit).await?;
        }
        customers.push(CustomerDone { customer, result, generation, why });
    }
    Ok(Answer { root, root_at: env.settings.root_key.to_string(), customers })
}

/// The host key of the drop goes the same way: appliances know it, and a new one would be a stranger to them.
async fn drop_key(env: &Env, actor: &Actor, ring: &Keyring, other: Option<&Opener>) -> Result<(), Refusal> {
    let Some(key) = env.store.house_key_get(NAME).await? else { return Ok(()) };
    let realm = env.settings.realm;
    let secret = match (ring.root().house_open(realm, &key), other) {
        (Ok(_), _) if key.to == ring.sealed_to() => return Ok(()),
        (Err(KeyError::Unopenable { .. }), Some(other)) => other.house_open(realm, &key),
        (secret, _) => secret,
    };
    let secret = match secret {
        Ok(secret) => secret,
        // One damaged key is no reason to leave the others.
        Err(error) => {
            tracing::warn!(%error, "the host key of the drop is sealed as before");
            return Ok(());
        }
    };
    let sealed = ring.house_seal(NAME, &key.public, &secret, key.made_at)?;
    let detail = serde_json::json!({"v": 1, "sealed_to": sealed.to, "opened_by": other.map(Opener::public)});
    let audit = actor.did(env.clock.now(), Act::DropKeyRewrapped, NAME, &detail);
    Ok(env.store.house_key_set(sealed, audit).await?)
}

/// What of the keys is not sealed to the present recipients yet, sealed to them, and why some of it is not: one damaged
/// generation is no reason to leave the others.
fn anew(
    ring: &Keyring,
    other: Option<&Opener>,
    realm: Realm,
    keys: &[CustomerKey],
) -> Result<(Vec<CustomerKey>, String), KeyError> {
    let present = ring.sealed_to();
    let is_present = |key: &CustomerKey| {
        matches!(&key.halves, KeyHalves::Sealed { to, .. } if *to == present) && ring.root().opens(realm, key).is_ok()
    };
    let (mut sealed, mut why) = (Vec::new(), String::new());
    for key in keys.iter().filter(|key| !is_present(key)) {
        let anew = match (ring.customer_reseal(key, ring.root()), other) {
            (Err(KeyError::Unopenable { .. }), Some(other)) => ring.customer_reseal(key, other),
            (result, _) => result,
        };
        match anew {
            Ok(key) => sealed.push(key),
            Err(error @ (KeyError::Unopenable { .. } | KeyError::Foreign { .. } | KeyError::OtherRealm { .. })) => {
                why = format!("generation {}: {error}", key.generation);
            }
            Err(error) => return Err(error),
        }
    }
    Ok((sealed, why))
}
