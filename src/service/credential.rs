//! `hoshu credential`: where credentials stand. A secret is never part of an answer.

use serde::Serialize;

use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::credential::{CredentialName, Purpose, SecretFrom};
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::record::BrakeState;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;

/// One stop of a credential.
#[derive(Debug, Clone, Serialize)]
pub struct Stop {
    /// The seat; `None` is the whole fleet.
    pub seat: Option<SeatName>,
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
        let stops = brakes.iter().filter(|row| row.credential == *name && row.state != BrakeState::Accepted);
        Credential {
            name: name.clone(),
            purpose: source.purpose,
            user: source.user.clone(),
            from: match source.from {
                SecretFrom::File(_) => "file",
                SecretFrom::Key { .. } => "key",
                SecretFrom::Environment(_) => "environment",
            },
            seats: seats.count(),
            stops: stops
                .map(|row| Stop {
                    seat: row.seat.clone(),
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
pub async fn clear(env: &Env, actor: &Actor, name: &CredentialName, seat: Option<SeatName>) -> Result<usize, Refusal> {
    if !env.settings.credentials.contains_key(name) || !actor.scope.sees(name.customer()) {
        return Err(Refusal::NotFound {
            what: "credential",
            name: name.to_string(),
            hint: "hoshu credential list shows every credential".to_owned(),
        });
    }
    if seat.is_some() && stopped_everywhere(env, actor, name).await? {
        return Err(Refusal::Argument(format!(
            "{name} is stopped everywhere: hoshu credential clear {name} takes it back"
        )));
    }
    let cleared = env.gate.clear(name, seat.clone(), actor, env.clock.now()).await?;
    match seat {
        // A seat that left the inventory may still have its stop.
        Some(seat) if cleared == 0 => {
            select::one(env, actor, &seat)?;
            Err(Refusal::NotFound {
                what: "stop of this credential on seat",
                name: seat.to_string(),
                hint: "hoshu credential list shows where it is stopped".to_owned(),
            })
        }
        _ => Ok(cleared),
    }
}

async fn stopped_everywhere(env: &Env, actor: &Actor, name: &CredentialName) -> Result<bool, Refusal> {
    let brakes = env.store.scoped(actor.scope.clone()).brake_list().await?;
    Ok(brakes.iter().any(|row| row.credential == *name && row.seat.is_none() && row.state == BrakeState::Stopped))
}
