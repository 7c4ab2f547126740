//! A CM's own list of the appliances that it manages: by the command line, and by the API where the seat declares it.

use crate::engine::env::Env;
use crate::engine::fleet;
use crate::engine::session::{self, Failure};
use crate::engine::{api, fleet::Facts};
use crate::model::actor::{Act, Actor};
use crate::model::causes::with_causes;
use crate::model::inventory::Seat;
use crate::model::limits;
use crate::model::managed::ManagedUnit;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::readout::Context;

/// The layout of the command line that lists them.
const LAYOUT: &str = "cmc-appliances";

/// What a CM lists.
#[derive(Debug)]
pub struct Listed {
    /// What was asked.
    pub command: String,
    /// The appliances.
    pub units: Vec<ManagedUnit>,
    /// The answer has all of them.
    pub complete: bool,
    /// Why the API did not add anything; none where it did, or is not declared.
    pub without_api: Option<Outside>,
}

/// Asks a CM. The question stands in the audit before it is dialled.
pub async fn run(env: &Env, actor: &Actor, cm: &Seat) -> Result<Listed, Failure> {
    let broken = |error: &dyn std::error::Error| Failure::new(Outcome::NotKept, with_causes(error));
    let facts = fleet::load(env, std::slice::from_ref(&cm.name)).await.map_err(|error| broken(&error))?;
    let Some(facts) = facts.into_iter().next() else {
        return Err(Failure::new(Outcome::NotKept, "the seat is not in the inventory"));
    };
    let layout = env.definitions.by_name(LAYOUT);
    let layout = layout.ok_or_else(|| Failure::new(Outcome::NoPrompt, "no definition has the name cmc-appliances"))?;
    let detail = serde_json::json!({"v": 1, "on": [cm.name.as_str()], "seats": 1});
    let audit = actor.did(env.clock.now(), Act::Asked, layout.command.as_str(), &detail);
    env.store.audit_add(audit).await.map_err(|error| broken(&error))?;
    let listed = ask(env, &facts, layout).await;
    env.ways.leave_idle().await;
    listed
}

async fn ask(env: &Env, facts: &Facts, layout: &crate::readout::Layout) -> Result<Listed, Failure> {
    let permit = env.enter(facts).await?;
    let (mut live, permit) = session::open(env, facts, permit).await?;
    let release = live.seen.release.as_ref().and_then(|text| text.as_data().parse().ok());
    let context = Context { now: env.clock.now(), clock: None, series: facts.seat.series, release };
    let answer = live.session.read(&layout.command, limits::ANSWER_BYTES_MAX).await;
    live.close().await;
    let answer = answer?;
    let readout = env.definitions.read(layout, &answer.text, answer.complete, &context);
    let mut listed = Listed {
        command: layout.command.to_string(),
        units: readout.managed,
        complete: answer.complete,
        without_api: None,
    };
    match api::managed(env, facts, &context).await {
        None => {}
        Some(Err(why)) => listed.without_api = Some(why),
        Some(Ok(units)) => add(&mut listed.units, units),
    }
    drop(permit);
    Ok(listed)
}

/// Adds what the API says to what the command line said of the same name.
fn add(units: &mut Vec<ManagedUnit>, by_api: Vec<ManagedUnit>) {
    for unit in by_api {
        let same = |known: &&mut ManagedUnit| known.name.is_some() && known.name == unit.name;
        match units.iter_mut().find(same) {
            Some(known) => {
                // An address says more than a name in its place.
                let is_address = |text: &Option<Outside>| {
                    text.as_ref().is_some_and(|text| text.as_data().parse::<std::net::IpAddr>().is_ok())
                };
                if is_address(&unit.address) && !is_address(&known.address) {
                    known.address.clone_from(&unit.address);
                }
                known.complete(unit);
            }
            None => units.push(unit),
        }
    }
}
