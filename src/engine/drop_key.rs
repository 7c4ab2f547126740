//! The host keys of the drop: their seed is made once, kept sealed with the keys, so that appliances that know it know it for ever.

use zeroize::Zeroizing;

use crate::depot::KeyError;
use crate::engine::env::Env;
use crate::engine::keys::KeysError;
use crate::intake::drop::HostKey;
use crate::model::actor::{Act, Actor};

/// Its name among the keys of the house, and in the audit.
pub const NAME: &str = "drop-host-key";

/// The host key; the first call makes it. One whose public half the audit does not have was put there by somebody else.
pub async fn host_key(env: &Env, actor: &Actor) -> Result<HostKey, KeysError> {
    let ring = env.keys.ring()?;
    let public_of = |key: &HostKey| key.public().map_err(|error| KeyError::Sealing(error.to_string()));
    if let Some(row) = env.store.house_key_get(NAME).await? {
        let text = ring.root().house_open(env.settings.realm, &row)?;
        let key = key_of(&text)?;
        let found = public_of(&key)?;
        if found != row.public {
            return Err(KeyError::Foreign { what: "the host key of the drop", expected: row.public, found }.into());
        }
        let made = env.rows().audit_of(Act::DropKeyMade, NAME, row.made_at).await?;
        let says = |detail: &str| serde_json::from_str::<serde_json::Value>(detail).ok()?.get("public").cloned();
        if !made.iter().any(|record| says(&record.detail).is_some_and(|public| public == row.public.as_str())) {
            return Err(KeyError::DropKeyNotRecorded.into());
        }
        return Ok(key);
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| KeyError::Sealing(error.to_string()))?;
    let key = HostKey::from_seed(&seed);
    let (public, now) = (public_of(&key)?, env.clock.now());
    let text = Zeroizing::new(hex::encode(seed.as_slice()));
    let row = ring.house_seal(NAME, &public, &text, now)?;
    let detail = serde_json::json!({"v": 1, "public": public, "fingerprint": key.fingerprint()});
    env.store.house_key_set(row, actor.did(now, Act::DropKeyMade, NAME, &detail)).await?;
    Ok(key)
}

fn key_of(text: &str) -> Result<HostKey, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text, seed.as_mut_slice()).map_err(|_| KeyError::Unopenable { what: "a key of the house" })?;
    Ok(HostKey::from_seed(&seed))
}
