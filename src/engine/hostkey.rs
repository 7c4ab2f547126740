//! First contact: the key exchange is completed, the key is written down, and nobody logs in.

use std::sync::Arc;

use crate::access::{Peer, ShownKey};
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::session::Failure;
use crate::model::actor::{Act, Actor};
use crate::model::asset::HostKey;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::store::StoreError;

/// What a first contact with one seat gave.
#[derive(Debug)]
pub struct Scanned {
    /// The seat.
    pub facts: Arc<Facts>,
    /// The key as it now stands in the store, with what was negotiated to see it; or why none was seen.
    pub key: Result<(HostKey, ShownKey), Failure>,
}

/// Looks at the host keys of seats.
pub async fn scan(env: &Env, actor: &Actor, seats: &[SeatName]) -> Result<Vec<Scanned>, StoreError> {
    let facts = fleet::load(env, seats).await?;
    env.tell(&Event::Started { seats: facts.len() });
    let at_once = env.settings.limits.sessions as usize;
    let scanned = fleet::each(
        &env.stop,
        facts,
        at_once,
        |facts| one(env.clone(), actor.clone(), facts),
        |facts, failure| Ok(Scanned { facts: Arc::clone(facts), key: Err(failure) }),
    )
    .await;
    env.tell(&Event::Finished);
    scanned.into_iter().collect()
}

async fn one(env: Env, actor: Actor, facts: Arc<Facts>) -> Result<Scanned, StoreError> {
    let permit = env.lanes.enter(&facts.seat, &facts.gateway).await;
    let shown = env.access.show_key(Peer { seat: &facts.seat, gateway: &facts.gateway }).await;
    drop(permit);
    let key = match shown {
        Err(error) => Err(Failure::from(error)),
        Ok(shown) => Ok((note(&env, &actor, &facts, &shown).await?, shown)),
    };
    let word = key.as_ref().map_or_else(|failure| failure.outcome.as_str(), |(key, _)| key.state.as_str());
    env.tell(&Event::SeatDone { seat: facts.seat.name.clone(), good: key.is_ok(), word });
    Ok(Scanned { facts, key })
}

/// Writes the key down under the seat's asset, which is registered at its first contact.
async fn note(env: &Env, actor: &Actor, facts: &Facts, shown: &ShownKey) -> Result<HostKey, StoreError> {
    let now = env.clock.now();
    let seat = &facts.seat;
    let asset = if let Some(asset) = &facts.asset {
        asset.id
    } else {
        let serial = seat.serial.clone().map(Outside::from);
        env.store.asset_register(seat.customer.clone(), seat.name.clone(), serial, now).await?
    };
    let detail = serde_json::json!({"v": 1, "algorithm": shown.algorithm, "fingerprint": shown.fingerprint});
    let audit = actor.did(now, Act::HostKeySeen, seat.name.as_str(), &detail);
    let id = env
        .store
        .host_key_seen(asset, shown.algorithm.clone(), shown.fingerprint.clone(), shown.public_key.clone(), audit)
        .await?;
    let keys = env.rows().host_key_list(Some(&seat.name)).await?;
    keys.into_iter().find(|key| key.id == id).ok_or_else(|| StoreError::Unknown(id.to_string()))
}
