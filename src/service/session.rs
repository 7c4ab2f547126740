//! `hoshu session`: attended ways, opened by a person and borrowed by other commands of the same user.

use std::time::Duration;

use serde::Serialize;

use crate::access::Shown;
use crate::engine::attended;
use crate::engine::env::Env;
use crate::engine::event::Stop;
use crate::model::actor::Actor;
use crate::model::door::WayName;
use crate::model::inventory::{Gateway, GatewayAccess};
use crate::model::time::Time;
use crate::service::refusal::Refusal;

pub use crate::access::{Asked, Person};
pub use crate::engine::attended::{Closed, Entered, Open, Plan, enter};

/// The longest time for which a way may be held open.
pub const OPEN_MAX: Duration = Duration::from_hours(12);

/// A gateway by `customer/gateway`, or by its own name where only one customer has one of that name.
fn gateway<'a>(env: &'a Env, actor: &Actor, name: &str) -> Result<(WayName, &'a Gateway), Refusal> {
    let customers = env.inventory.customers.values().filter(|customer| actor.scope.sees(&customer.name));
    let gateways = customers.flat_map(|customer| customer.gateways.iter().map(move |gateway| (customer, gateway)));
    let named = gateways.map(|(customer, gateway)| (WayName::new(&customer.name, &gateway.name), gateway));
    let all: Vec<(WayName, &Gateway)> = named.collect();
    let fits = |way: &WayName| way.to_string() == name || way.gateway.as_str() == name;
    let found: Vec<&(WayName, &Gateway)> = all.iter().filter(|(way, _)| fits(way)).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Refusal::NotFound {
            what: "gateway",
            name: name.to_owned(),
            hint: crate::yaml::did_you_mean(name, all.iter().map(|(way, _)| way.gateway.as_str())).unwrap_or_else(|| {
                "a gateway is named customer/gateway, as in ginga/center-otp; hoshu session ways shows the attended ones"
                    .to_owned()
            }),
        }),
        several => {
            let ways: Vec<String> = several.iter().map(|(way, _)| way.to_string()).collect();
            Err(Refusal::Argument(format!("{name} is a gateway of several customers: {}", ways.join(", "))))
        }
    }
}

/// What is needed to open a way. From here on the store is not needed until [`opened`].
pub async fn plan(env: &Env, actor: &Actor, name: &str) -> Result<Plan, Refusal> {
    let (way, gateway) = gateway(env, actor, name)?;
    if gateway.access != GatewayAccess::Attended {
        let why = format!("{way} is {}: only an attended gateway is opened by a person", gateway.access);
        return Err(Refusal::Argument(why));
    }
    if let Some(error) = crate::access::not_tried(gateway) {
        return Err(Refusal::WayNotOpened { way, failure: error.into() });
    }
    if let Some(open) = attended::open_now(env, std::slice::from_ref(&way)).await.into_iter().next() {
        return Err(already(&open, env));
    }
    attended::plan(env, actor, &way, gateway).await.map_err(|failure| Refusal::WayNotOpened { way, failure })
}

fn already(open: &Shown, env: &Env) -> Refusal {
    let until = open.until.show(env.settings.zone);
    Refusal::Argument(format!("{} is open already: by {} until {until}, process {}", open.way, open.by, open.pid))
}

/// Tells the store what became of entering a way.
pub async fn opened(env: &Env, actor: &Actor, entered: &Entered, until: Time) -> Result<(), Refusal> {
    Ok(attended::note_entered(env, actor, entered, until).await?)
}

/// A way that was entered, ready to be lent by [`hold`].
pub fn open(entered: Entered, actor: &Actor, way: WayName, until: Time) -> Result<Open, Refusal> {
    Open::new(entered, actor, until).map_err(|failure| Refusal::WayNotOpened { way, failure })
}

/// Lends an open way until its time is over, somebody asks to stop, or the bastion ends it.
pub async fn hold(open: Open, stop: &Stop) -> Result<Closed, Refusal> {
    open.hold(stop).await.map_err(|error| Refusal::Loan(Box::new(error)))
}

/// Writes down that a way was closed.
pub async fn closed(env: &Env, actor: &Actor, way: &WayName, why: Closed) -> Result<(), Refusal> {
    Ok(attended::note_closed(env, actor, way, why).await?)
}

/// An attended gateway.
#[derive(Debug, Clone, Serialize)]
pub struct Attended {
    /// Its name.
    pub way: WayName,
    /// The seats behind it.
    pub seats: Vec<String>,
    /// What is open; absent when it is closed.
    pub open: Option<Shown>,
}

/// The attended gateways.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// When.
    pub at: Time,
    /// The gateways, by name.
    pub gateways: Vec<Attended>,
}

/// Lists the attended gateways, and which of them are open.
pub async fn list(env: &Env, actor: &Actor) -> List {
    let ways: Vec<WayName> = attended::ways(env).into_iter().filter(|way| actor.scope.sees(&way.customer)).collect();
    let mut open = attended::open_now(env, &ways).await;
    let behind = |way: &WayName| {
        let seats = env.inventory.seats.values();
        let seats = seats.filter(|seat| seat.customer == way.customer && seat.gateway == way.gateway);
        seats.map(|seat| seat.name.to_string()).collect()
    };
    let gateways = ways
        .into_iter()
        .map(|way| {
            let shown = open.iter().position(|shown| shown.way == way).map(|at| open.swap_remove(at));
            Attended { seats: behind(&way), open: shown, way }
        })
        .collect();
    List { at: env.clock.now(), gateways }
}
