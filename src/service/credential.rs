//! `hoshu credential`: where credentials stand. A secret is never part of an answer.

use serde::Serialize;

use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::credential::{CredentialName, Purpose};
use crate::model::door::Door;
use crate::model::outside::Outside;
use crate::model::record::BrakeState;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;

/// One stop of a credential.
#[derive(Debug, Clone, Serialize)]
pub struct Stop {
    /// The seat or hop; `None` is the whole fleet.
    #[serde(flatten)]
    pub door: Option<Door>,
    /// Refused or stopped.
    pub state: &'static str,
    /// Since when.
    pub at: Time,
    /// Why.
    pub reason: Outside,
}

/// One credential.
#[derive(Debug, Clone, Serialize)]
pub struct Credential {
    /// Its name.
    pub name: CredentialName,
    /// What it may be used for.
    pub purpose: Purpose,
    /// The account.
    pub user: String,
    /// From what kind of place the secret comes.
    pub from: &'static str,
    /// How many seats name it.
    pub seats: usize,
    /// How many hops name it.
    pub hops: usize,
    /// Where it is refused or stopped.
    pub stops: Vec<Stop>,
}

/// Credentials by name.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The credentials.
    pub credentials: Vec<Credential>,
}

/// Lists the credentials of the settings.
pub async fn list(env: &Env, actor: &Actor) -> Result<Answer, Refusal> {
    let brakes = env.store.scoped(actor.scope.clone()).brake_list().await?;
    let visible = env.settings.credentials.iter().filter(|(name, _)| actor.scope.sees(name.customer()));
    let credentials = visible.map(|(name, source)| {
        let seats = env.inventory.seats.values().filter(|seat| seat.credentials.all().any(|named| named == name));
        let gateways = env.inventory.customers.values().flat_map(|customer| &customer.gateways);
        let hops = gateways.flat_map(|gateway| &gateway.hops);
        let stops = brakes.iter().filter(|row| row.credential == *name && row.state != BrakeState::Accepted);
        Credential {
            name: name.clone(),
            purpose: source.purpose,
            user: source.user.clone(),
            from: source.from.word(),
            seats: seats.count(),
            hops: hops.filter(|hop| hop.credential.as_ref() == Some(name)).count(),
            stops: stops
                .map(|row| Stop {
                    door: row.door.clone(),
                    state: row.state.as_str(),
                    at: row.at,
                    reason: row.reason.clone(),
                })
                .collect(),
        }
    });
    Ok(Answer { credentials: credentials.collect() })
}

/// Lets a stopped credential be tried again, on one seat or everywhere. Says how many stops were taken back; refuses a
/// seat that has none, or that would stay stopped with all others.
pub async fn clear(env: &Env, actor: &Actor, name: &CredentialName, door: Option<Door>) -> Result<usize, Refusal> {
    if !env.settings.credentials.contains_key(name) || !actor.scope.sees(name.customer()) {
        return Err(Refusal::NotFound {
            what: "credential",
            name: name.to_string(),
            hint: "hoshu credential list shows every credential".to_owned(),
        });
    }
    if door.is_some() && stopped_everywhere(env, actor, name).await? {
        return Err(Refusal::Argument(format!(
            "{name} is stopped everywhere: hoshu credential clear {name} takes it back"
        )));
    }
    let cleared = env.gate.clear(name, door.clone(), actor, env.clock.now()).await?;
    match door {
        // What left the inventory may still have its stop.
        Some(door) if cleared == 0 => {
            if let Door::Seat(seat) = &door {
                select::one(env, actor, seat)?;
            }
            Err(Refusal::NotFound {
                what: match door {
                    Door::Seat(_) => "stop of this credential on seat",
                    Door::Hop(_) => "stop of this credential on hop",
                },
                name: door.to_string(),
                hint: "hoshu credential list shows where it is stopped".to_owned(),
            })
        }
        _ => Ok(cleared),
    }
}

async fn stopped_everywhere(env: &Env, actor: &Actor, name: &CredentialName) -> Result<bool, Refusal> {
    let brakes = env.store.scoped(actor.scope.clone()).brake_list().await?;
    Ok(brakes.iter().any(|row| row.credential == *name && row.door.is_none() && row.state == BrakeState::Stopped))
}
