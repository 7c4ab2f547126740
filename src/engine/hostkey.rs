//! First contact: the key exchange is completed, the key is written down, and nobody logs in there. To pass a hop on the
//! way one logs in to it, when its own key is accepted.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{HopAt, ShownKey, not_tried};
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::session::{self, Failure};
use crate::engine::way;
use crate::model::actor::{Act, Actor};
use crate::model::asset::{HostKey, KeyHolder, KeyState};
use crate::model::door::{Door, HopName};
use crate::model::id::AssetId;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::store::StoreError;

/// What a first contact gave.
#[derive(Debug)]
pub struct Scanned {
    /// The seat or hop.
    pub door: Door,
    /// The key as it now stands in the store, with what was negotiated to see it; or why none was seen.
    pub key: Result<(HostKey, ShownKey), Failure>,
}

/// Looks at the host keys of the hops before seats, and of the seats.
pub async fn scan(env: &Env, actor: &Actor, seats: &[SeatName]) -> Result<Vec<Scanned>, StoreError> {
    let facts = fleet::load(env, seats).await?;
    let at_once = env.settings.limits.sessions as usize;
    let mut gateways = BTreeSet::new();
    let first = |facts: &&Arc<Facts>| gateways.insert((facts.seat.customer.clone(), facts.gateway.name.clone()));
    let before: Vec<_> = facts.iter().filter(first).cloned().collect();
    env.tell(&Event::Started { seats: facts.len() });
    let hops =
        fleet::each(&env.stop, before, at_once, |facts| hops(env.clone(), actor.clone(), facts), |_, _| Ok(Vec::new()))
            .await;
    let scanned = fleet::each(
        &env.stop,
        facts,
        at_once,
        |facts| one(env.clone(), actor.clone(), facts),
        |facts, failure| Ok(Scanned { door: Door::from(&facts.seat.name), key: Err(failure) }),
    )
    .await;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    let mut all: Vec<Scanned> = hops.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    for one in scanned {
        all.push(one?);
    }
    Ok(all)
}

/// The bastions of a gateway, as far as one comes: behind one whose key is not accepted nobody looks.
async fn hops(env: Env, actor: Actor, facts: Arc<Facts>) -> Result<Vec<Scanned>, StoreError> {
    let (customer, gateway) = (&facts.seat.customer, &facts.gateway);
    let mut scanned = Vec::new();
    if not_tried(gateway).is_some() {
        return Ok(scanned);
    }
    for (at, hop) in gateway.hops.iter().enumerate().filter(|(_, hop)| hop.kind.is_bastion()) {
        let name = HopName::new(customer, &gateway.name, hop);
        let shown = match way::reach_hop(&env, customer, gateway, at).await {
            Ok(behind) => {
                let at = HopAt { customer, gateway, at, behind: behind.as_ref() };
                env.access.show_hop_key(at).await.map_err(Failure::from)
            }
            Err(failure) => Err(failure),
        };
        let key = match shown {
            Err(failure) => Err(failure),
            Ok(shown) => {
                let key = note(&env, &actor, Door::from(&name), KeyHolder::Hop(name.clone()), &shown).await?;
                Ok((key, shown))
            }
        };
        let passed = key.as_ref().is_ok_and(|(key, _)| key.state == KeyState::Accepted);
        scanned.push(Scanned { door: Door::from(&name), key });
        if !passed {
            break;
        }
    }
    Ok(scanned)
}

async fn one(env: Env, actor: Actor, facts: Arc<Facts>) -> Result<Scanned, StoreError> {
    let door = Door::from(&facts.seat.name);
    let permit = match env.enter(&facts).await {
        Ok(permit) => permit,
        Err(failure) => return Ok(Scanned { door, key: Err(failure) }),
    };
    let shown = session::show_key(&env, &facts).await;
    drop(permit);
    let key = match shown {
        Err(failure) => Err(failure),
        Ok(shown) => {
            let holder = KeyHolder::Asset(asset(&env, &facts).await?);
            Ok((note(&env, &actor, door.clone(), holder, &shown).await?, shown))
        }
    };
    let word = key.as_ref().map_or_else(|failure| failure.outcome.as_str(), |(key, _)| key.state.as_str());
    env.tell(&Event::SeatDone { seat: facts.seat.name.clone(), good: key.is_ok(), word });
    Ok(Scanned { door, key })
}

/// The seat's asset, which is registered at its first contact.
async fn asset(env: &Env, facts: &Facts) -> Result<AssetId, StoreError> {
    let seat = &facts.seat;
    if let Some(asset) = &facts.asset {
        return Ok(asset.id);
    }
    let serial = seat.serial.clone().map(Outside::from);
    env.store.asset_register(seat.customer.clone(), seat.name.clone(), serial, env.clock.now()).await
}

/// Writes the key down.
pub(super) async fn note(
    env: &Env,
    actor: &Actor,
    door: Door,
    holder: KeyHolder,
    shown: &ShownKey,
) -> Result<HostKey, StoreError> {
    let detail = serde_json::json!({"v": 1, "algorithm": shown.algorithm, "fingerprint": shown.fingerprint});
    let audit = actor.did(env.clock.now(), Act::HostKeySeen, door.to_string(), &detail);
    let id = env
        .store
        .host_key_seen(holder, shown.algorithm.clone(), shown.fingerprint.clone(), shown.public_key.clone(), audit)
        .await?;
    let keys = env.rows().host_key_list(Some(&door)).await?;
    keys.into_iter().find(|key| key.id == id).ok_or_else(|| StoreError::Unknown(id.to_string()))
}
