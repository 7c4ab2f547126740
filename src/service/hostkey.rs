//! `hoshu hostkey`: first contact, and the decision of a person.

use serde::Serialize;

use crate::access::Negotiated;
use crate::engine::env::Env;
use crate::engine::hostkey;
use crate::model::actor::{Act, Actor};
use crate::model::asset::{HostKey, KeyState};
use crate::model::door::{Door, HopName};
use crate::model::id::HostKeyId;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::service::refusal::Refusal;
use crate::service::select;

/// What a first contact with one seat or hop gave.
#[derive(Debug, Clone, Serialize)]
pub struct DoorScanned {
    /// The seat or hop.
    #[serde(flatten)]
    pub door: Door,
    /// The key, as it stands now.
    pub key: Option<HostKey>,
    /// The algorithms that were negotiated to see it.
    pub negotiated: Option<Negotiated>,
    /// How it ended, when no key was seen.
    pub outcome: Option<Outcome>,
    /// Why.
    pub reason: Outside,
}

/// What a scan gave.
#[derive(Debug, Clone, Serialize)]
pub struct Scan {
    /// The hops on the way, by name.
    pub hops: Vec<DoorScanned>,
    /// The seats, by name.
    pub seats: Vec<DoorScanned>,
}

/// Completes a key exchange with each seat and each hop before it, notes the key and leaves before authentication.
pub async fn scan(env: &Env, actor: &Actor, on: &[String]) -> Result<Scan, Refusal> {
    let selection = select::seats(env, actor, on).await?;
    let mut all: Vec<_> = hostkey::scan(env, actor, &selection.seats)
        .await?
        .into_iter()
        .map(|scanned| {
            let door = scanned.door;
            match scanned.key {
                Ok((key, shown)) => DoorScanned {
                    door,
                    key: Some(key),
                    negotiated: Some(shown.negotiated),
                    outcome: None,
                    reason: Outside::default(),
                },
                Err(failure) => DoorScanned {
                    door,
                    key: None,
                    negotiated: None,
                    outcome: Some(failure.outcome),
                    reason: failure.reason,
                },
            }
        })
        .collect();
    all.sort_by(|a, b| a.door.cmp(&b.door));
    let (hops, seats) = all.into_iter().partition(|one| matches!(one.door, Door::Hop(_)));
    Ok(Scan { hops, seats })
}

/// Keys as they stand.
#[derive(Debug, Clone, Serialize)]
pub struct Keys {
    /// The keys, by seat, then by hop.
    pub keys: Vec<HostKey>,
}

/// Lists keys: of seats, and of the hops before them.
pub async fn list(env: &Env, actor: &Actor, on: &[String]) -> Result<Keys, Refusal> {
    let seats = select::optional(env, actor, on).await?;
    let mut keys = env.store.scoped(actor.scope.clone()).host_key_list(None).await?;
    if let Some(seats) = seats {
        let gateways: Vec<_> = seats
            .iter()
            .filter_map(|seat| env.inventory.seats.get(seat))
            .map(|seat| (&seat.customer, &seat.gateway))
            .collect();
        keys.retain(|key| match &key.door {
            Door::Seat(seat) => seats.contains(seat),
            Door::Hop(hop) => gateways.contains(&(hop.customer(), hop.gateway())),
        });
    }
    keys.sort_by(|a, b| (&a.door, a.id).cmp(&(&b.door, b.id)));
    Ok(Keys { keys })
}

/// One line of a list that a person made from a second route: a seat or hop, and the fingerprint that stands on its
/// console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmed {
    /// The seat or hop.
    pub door: Door,
    /// `SHA256:…`.
    pub fingerprint: String,
}

/// Reads such a list: a seat or hop and a fingerprint in each line, empty lines and comments with `#` left out.
pub fn confirmed(text: &str) -> Result<Vec<Confirmed>, Refusal> {
    let mut list = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wrong =
            || Refusal::Argument(format!("line {}: a seat or hop and a fingerprint SHA256:… are expected", number + 1));
        let mut words = line.split_whitespace();
        let (Some(door), Some(fingerprint), None) = (words.next(), words.next(), words.next()) else {
            return Err(wrong());
        };
        let door = door.parse().map_err(|_| wrong())?;
        if !fingerprint.starts_with("SHA256:") {
            return Err(wrong());
        }
        list.push(Confirmed { door, fingerprint: fingerprint.to_owned() });
    }
    Ok(list)
}

/// What became of one key that was to be accepted.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// The seat or hop.
    #[serde(flatten)]
    pub door: Door,
    /// The key, when it was found.
    pub key: Option<HostKey>,
    /// Why it was not accepted; empty when it was.
    pub refused: String,
}

/// What became of keys that were to be accepted.
#[derive(Debug, Clone, Serialize)]
pub struct Decisions {
    /// One for each seat or hop.
    pub decisions: Vec<Decision>,
}

impl Decisions {
    /// Whether any was refused.
    pub fn any_refused(&self) -> bool {
        self.decisions.iter().any(|decision| !decision.refused.is_empty())
    }
}

/// Accepts the keys whose fingerprints a person confirmed by a second route. A key that differs from the list, was never
/// seen, is revoked, or would stand beside an accepted key of the same asset is not accepted.
pub async fn accept(env: &Env, actor: &Actor, list: &[Confirmed], route: &str) -> Result<Decisions, Refusal> {
    if route.trim().is_empty() {
        return Err(Refusal::Argument(
            "--route is empty: say by which second route the fingerprint was confirmed".to_owned(),
        ));
    }
    for one in list {
        door_of(env, actor, &one.door)?;
    }
    let known = env.store.scoped(actor.scope.clone()).host_key_list(None).await?;
    let mut decisions = Vec::new();
    for one in list {
        let of_door: Vec<&HostKey> = known.iter().filter(|key| key.door == one.door).collect();
        decisions.push(accept_one(env, actor, one, &of_door, route).await?);
    }
    Ok(Decisions { decisions })
}

async fn accept_one(
    env: &Env,
    actor: &Actor,
    one: &Confirmed,
    of_door: &[&HostKey],
    route: &str,
) -> Result<Decision, Refusal> {
    let refuse =
        |key: Option<&HostKey>, why: String| Decision { door: one.door.clone(), key: key.cloned(), refused: why };
    let Some(key) = of_door.iter().find(|key| key.fingerprint == one.fingerprint) else {
        let found: Vec<&str> = of_door.iter().map(|key| key.fingerprint.as_str()).collect();
        let found = if found.is_empty() { "none; scan it first".to_owned() } else { found.join(", ") };
        return Ok(refuse(None, format!("expected {}, seen {found}", one.fingerprint)));
    };
    let accepted = of_door.iter().find(|other| other.state == KeyState::Accepted && other.id != key.id);
    match (key.state, accepted) {
        (KeyState::Accepted, _) => Ok(refuse(Some(key), String::new())),
        (KeyState::Revoked, _) => Ok(refuse(Some(key), "it is revoked, for ever".to_owned())),
        // A second key of one asset is what a swap, an upgrade or an attacker brings: revoke the old one knowingly.
        (KeyState::Seen, Some(other)) => {
            Ok(refuse(Some(key), format!("{} {} is accepted already; revoke it first", other.id, other.fingerprint)))
        }
        (KeyState::Seen, None) => {
            let now = env.clock.now();
            let detail = serde_json::json!({"v": 1, "fingerprint": key.fingerprint, "route": route});
            let audit = actor.did(now, Act::HostKeyAccepted, one.door.to_string(), &detail);
            env.store.host_key_accept(key.id, route.to_owned(), audit).await?;
            let accepted = HostKey {
                state: KeyState::Accepted,
                route: Some(route.to_owned()),
                decided: Some((actor.name.clone(), now)),
                ..(*key).clone()
            };
            Ok(refuse(Some(&accepted), String::new()))
        }
    }
}

/// Refuses what is neither a seat nor a hop of the inventory, within what the actor may see.
fn door_of(env: &Env, actor: &Actor, door: &Door) -> Result<(), Refusal> {
    match door {
        Door::Seat(seat) => select::one(env, actor, seat).map(drop),
        Door::Hop(name) => {
            let customers = env.inventory.customers.values().filter(|customer| actor.scope.sees(&customer.name));
            let mut known = customers.flat_map(|customer| {
                customer.gateways.iter().flat_map(move |gateway| {
                    let hops = gateway.hops.iter().filter(|hop| hop.kind.is_bastion());
                    hops.map(move |hop| HopName::new(&customer.name, &gateway.name, hop))
                })
            });
            if known.any(|hop| hop == *name) {
                return Ok(());
            }
            Err(Refusal::NotFound {
                what: "hop",
                name: name.to_string(),
                hint: "hoshu hostkey list shows every hop that was seen, as customer/gateway/host:port".to_owned(),
            })
        }
    }
}

/// How a seat or hop is named in `--on`: a hop by what stands behind it.
fn selector(env: &Env, door: &Door) -> String {
    match door {
        Door::Seat(seat) => seat.to_string(),
        Door::Hop(hop) => {
            let mut seats = env.inventory.seats.values();
            let behind = seats.find(|seat| seat.customer == *hop.customer() && seat.gateway == *hop.gateway());
            behind.map_or_else(|| format!("customer={}", hop.customer()), |seat| seat.name.to_string())
        }
    }
}

/// The seen keys of one seat or hop as if a person had read them from its console: for accepting it by name.
pub async fn seen_of(env: &Env, actor: &Actor, door: &Door) -> Result<Vec<Confirmed>, Refusal> {
    door_of(env, actor, door)?;
    let keys = env.store.scoped(actor.scope.clone()).host_key_list(Some(door)).await?;
    let seen: Vec<_> = keys.into_iter().filter(|key| key.state == KeyState::Seen).collect();
    if seen.is_empty() {
        return Err(Refusal::NotFound {
            what: match door {
                Door::Seat(_) => "host key that waits for a decision on seat",
                Door::Hop(_) => "host key that waits for a decision on hop",
            },
            name: door.to_string(),
            hint: format!(
                "hoshu hostkey scan --on {} looks at it; hoshu hostkey list shows what is decided",
                selector(env, door)
            ),
        });
    }
    if seen.len() > 1 {
        let waiting: Vec<_> = seen.iter().map(|key| format!("{} {}", key.id, key.fingerprint)).collect();
        return Err(Refusal::Argument(format!(
            "{} keys wait on {} {door}: {}; accept the compared one by a list: --from FILE",
            seen.len(),
            if matches!(door, Door::Seat(_)) { "seat" } else { "hop" },
            waiting.join(", ")
        )));
    }
    Ok(seen.into_iter().map(|key| Confirmed { door: key.door, fingerprint: key.fingerprint }).collect())
}

/// Revokes a key for ever.
pub async fn revoke(env: &Env, actor: &Actor, id: HostKeyId, reason: &str) -> Result<HostKey, Refusal> {
    let known = env.store.scoped(actor.scope.clone()).host_key_list(None).await?;
    let Some(key) = known.into_iter().find(|key| key.id == id) else {
        return Err(Refusal::NotFound {
            what: "host key",
            name: id.to_string(),
            hint: "hoshu hostkey list shows every key".to_owned(),
        });
    };
    let detail = serde_json::json!({"v": 1, "fingerprint": key.fingerprint, "reason": reason});
    let now = env.clock.now();
    env.store.host_key_revoke(id, actor.did(now, Act::HostKeyRevoked, key.door.to_string(), &detail)).await?;
    Ok(HostKey { state: KeyState::Revoked, decided: Some((actor.name.clone(), now)), ..key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_fingerprints_is_read_line_by_line() {
        let list =
            confirmed("# from the consoles\nacme-nx01 SHA256:abc\n\nacme-ex01  SHA256:def # twice\n").expect("list");
        assert_eq!(list.len(), 2);
        assert_eq!(list[1].fingerprint, "SHA256:def");
    }

    #[test]
    fn a_line_with_anything_else_is_refused_with_its_number() {
        for text in ["acme-nx01", "acme-nx01 MD5:abc", "acme-nx01 SHA256:a b", "ACME SHA256:a"] {
            let refused = confirmed(&format!("\n{text}\n")).expect_err(text);
            assert!(refused.to_string().contains("line 2"), "{refused}");
        }
    }
}
