//! Attended ways: a person opens one, this process holds it, and other commands of the same user borrow it.
//!
//! The store is needed before and after, never while a way is open: who holds a way open keeps nobody else from working.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::access::{
    self, Access, AccessError, Bastion, HopAt, HopFault, Lender, LoanError, Person, Shown, ShownKey,
};
use crate::decide::brake::{LoginResult, Permit};
use crate::engine::brake::Gate;
use crate::engine::clock::Clock;
use crate::engine::env::Env;
use crate::engine::event::Stop;
use crate::engine::hostkey;
use crate::engine::session::Failure;
use crate::model::actor::{Act, Actor};
use crate::model::asset::KeyHolder;
use crate::model::credential::{CredentialName, Login, Purpose};
use crate::model::door::{Door, HopName, WayName};
use crate::model::inventory::{Gateway, GatewayAccess, Seat};
use crate::model::reading::Outcome;
use crate::model::settings::Settings;
use crate::model::time::Time;
use crate::store::StoreError;

/// How often the wish to stop and the clock are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The folder of the sockets of open ways, beside the depot.
pub fn folder(settings: &Settings) -> PathBuf {
    settings.depot.with_file_name("ways")
}

/// Every attended gateway.
pub fn ways(env: &Env) -> Vec<WayName> {
    let customers = env.inventory.customers.values();
    let gateways = customers.flat_map(|customer| customer.gateways.iter().map(move |gateway| (customer, gateway)));
    let attended = gateways.filter(|(_, gateway)| gateway.access == GatewayAccess::Attended);
    attended.map(|(customer, gateway)| WayName::new(&customer.name, &gateway.name)).collect()
}

/// What is open now, of these ways.
pub async fn open_now(env: &Env, ways: &[WayName]) -> Vec<Shown> {
    access::list(&folder(&env.settings), env.settings.realm, ways).await
}

/// A bastion on the way.
struct Step {
    at: usize,
    name: HopName,
    credential: CredentialName,
    login: Login,
    pins: Vec<String>,
}

/// Everything that opening a way needs, so that the store can be left meanwhile.
pub struct Plan {
    /// The gateway.
    pub way: WayName,
    /// The seats behind it.
    pub seats: Vec<Seat>,
    gateway: Gateway,
    steps: Vec<Step>,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
}

/// Gathers what is needed, and asks the brake of each credential. That it begins stands in the audit first.
pub async fn plan(env: &Env, actor: &Actor, way: &WayName, gateway: &Gateway) -> Result<Plan, Failure> {
    let mut steps = Vec::new();
    for (at, hop) in gateway.hops.iter().enumerate().filter(|(_, hop)| hop.kind.is_bastion()) {
        let none = |why: String| Failure::new(Outcome::NoCredential, format!("hop {}: {why}", hop.place()));
        let credential = hop.credential.clone().ok_or_else(|| none("it names no credential".to_owned()))?;
        let login = env.secrets.fetch(&credential, Purpose::Hop).await.map_err(|error| none(error.to_string()))?;
        let name = HopName::new(&way.customer, &way.gateway, hop);
        let pins = env.rows().hop_pins(&name).await.map_err(|error| not_kept(&error))?;
        pass_brake(&env.gate, &credential, &Door::from(&name), env.clock.now())?;
        steps.push(Step { at, name, credential, login, pins });
    }
    let behind = |seat: &&Seat| seat.customer == way.customer && seat.gateway == way.gateway;
    let seats = env.inventory.seats.values().filter(behind).cloned().collect();
    let audit = actor.did(env.clock.now(), Act::WayOpening, way.to_string(), &serde_json::json!({"v": 1}));
    env.store.audit_add(audit).await.map_err(|error| not_kept(&error))?;
    Ok(Plan {
        way: way.clone(),
        seats,
        gateway: gateway.clone(),
        steps,
        access: Arc::clone(&env.access),
        clock: Arc::clone(&env.clock),
        folder: folder(&env.settings),
    })
}

/// One login is tried, at this hop: what a person types is no reason to try a credential elsewhere.
fn pass_brake(gate: &Gate, credential: &CredentialName, door: &Door, now: Time) -> Result<(), Failure> {
    let denied = |why: String| Err(Failure::new(Outcome::Braked, format!("{credential}: {why}")));
    match gate.ask(credential, door, now, || vec![door.clone()]) {
        Permit::Yes => Ok(()),
        Permit::No(denial) => denied(denial.to_string()),
        Permit::Wait => denied("another login with it is under way".to_owned()),
        Permit::OnlyOn(on) => denied(format!("it was refused elsewhere, and {on} has to decide first")),
    }
}

/// What became of the logins on the way; the store is told of it by [`note_entered`].
pub struct Entered {
    /// The last bastion, or why it was not entered.
    pub bastion: Result<Bastion, Failure>,
    tried: Vec<(CredentialName, Door, LoginResult)>,
    /// The key of a hop that nobody has accepted yet.
    seen: Option<(HopName, ShownKey)>,
}

/// Enters the bastions, each with one login, while a person answers what the files do not.
pub async fn enter(plan: &Plan, person: &dyn Person) -> Entered {
    let (mut behind, mut tried): (Option<Bastion>, _) = (None, Vec::new());
    for step in &plan.steps {
        let at = HopAt {
            customer: &plan.way.customer,
            gateway: &plan.gateway,
            at: step.at,
            behind: behind.as_ref(),
        };
        if step.pins.is_empty() {
            let shown = plan.access.show_hop_key(at).await;
            let (failure, seen) = match shown {
                Err(error) => (error.into(), None),
                Ok(shown) => {
                    let said = format!("host key not accepted of hop {}: {}", step.name, shown.fingerprint);
                    (Failure::new(Outcome::KeyUnknown, said), Some((step.name.clone(), shown)))
                }
            };
            leave(behind).await;
            return Entered { bastion: Err(failure), tried, seen };
        }
        let entered = plan.access.enter_with(at, &step.pins, &step.login, person).await;
        let result = match &entered {
            Ok(_) => LoginResult::Accepted,
            Err(AccessError::Hop { fault: HopFault::LoginRefused, .. }) => LoginResult::Refused,
            Err(_) => LoginResult::Unjudged,
        };
        tried.push((step.credential.clone(), Door::from(&step.name), result));
        match entered {
            Ok(bastion) => behind = Some(bastion),
            Err(error) => {
                leave(behind).await;
                return Entered { bastion: Err(error.into()), tried, seen: None };
            }
        }
    }
    let none = || Failure::new(Outcome::NotYetServed, format!("gateway {} has no bastion", plan.way));
    Entered { bastion: behind.ok_or_else(none), tried, seen: None }
}

async fn leave(bastion: Option<Bastion>) {
    if let Some(bastion) = bastion {
        bastion.leave().await;
    }
}

/// Tells the brake and the audit what became of it.
pub async fn note_entered(
    env: &Env,
    actor: &Actor,
    plan: &Plan,
    entered: &Entered,
    until: Time,
) -> Result<(), StoreError> {
    let now = env.clock.now();
    for (credential, door, result) in &entered.tried {
        // It takes up the login that another host of the store had begun.
        if pass_brake(&env.gate, credential, door, now).is_ok() || *result != LoginResult::Accepted {
            env.gate.report(credential, door, *result, now).await?;
        }
    }
    if let Some((hop, shown)) = &entered.seen {
        hostkey::note(env, actor, Door::from(hop), KeyHolder::Hop(hop.clone()), shown).await?;
    }
    let (act, detail) = match &entered.bastion {
        Ok(_) => (Act::WayOpened, serde_json::json!({"v": 1, "until": until})),
        Err(failure) => (Act::WayClosed, serde_json::json!({"v": 1, "why": failure.outcome})),
    };
    env.store.audit_add(actor.did(now, act, plan.way.to_string(), &detail)).await
}

crate::words! {
    /// Why an open way was closed.
    pub enum Closed {
        /// Its time was over.
        TimeOver = "time-over",
        /// The person who opened it asked.
        Asked = "asked",
        /// The bastion ended it.
        ByBastion = "by-bastion",
    }
}

/// Who lends the bastion of a way that was entered.
pub fn lender(plan: &Plan, bastion: &Bastion, actor: &Actor, until: Time) -> Result<(Lender, Shown), Failure> {
    let last = plan.steps.last().map_or(0, |step| step.at);
    let at = HopAt { customer: &plan.way.customer, gateway: &plan.gateway, at: last, behind: None };
    let shown = Shown {
        way: plan.way.clone(),
        hop: bastion.label().to_owned(),
        by: actor.name.clone(),
        pid: std::process::id(),
        since: plan.clock.now(),
        until,
        seats: plan.seats.iter().map(|seat| seat.name.clone()).collect(),
    };
    let lender = plan.access.lender(at, &plan.seats, bastion.clone(), shown.clone())?;
    Ok((lender, shown))
}

/// Lends a way until its time is over, somebody asks to stop, or the bastion ends it. Then it is left.
pub async fn hold(plan: &Plan, bastion: Bastion, lender: Lender, until: Time, stop: &Stop) -> Result<Closed, LoanError> {
    let mut why = Closed::ByBastion;
    let over = async {
        let asked = async {
            loop {
                if stop.is_asked() {
                    return Closed::Asked;
                }
                if plan.clock.now() >= until {
                    return Closed::TimeOver;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! { closed = asked => why = closed, error = bastion.ended() => tracing::debug!(%error, "closed") }
    };
    let lent = lender.lend(&plan.folder, over).await;
    bastion.leave().await;
    lent.map(|()| why)
}

/// Writes down that a way is closed.
pub async fn note_closed(env: &Env, actor: &Actor, way: &WayName, why: Closed) -> Result<(), StoreError> {
    let detail = serde_json::json!({"v": 1, "why": why});
    env.store.audit_add(actor.did(env.clock.now(), Act::WayClosed, way.to_string(), &detail)).await
}

/// The bastion of an attended gateway, borrowed from whoever holds it open.
pub async fn borrow(env: &Env, way: &WayName, gateway: &Gateway, at: usize) -> Result<Bastion, Failure> {
    let at = HopAt { customer: &way.customer, gateway, at, behind: None };
    let borrowed = env.access.borrow(at, Path::new(&folder(&env.settings))).await?;
    borrowed.ok_or_else(|| {
        Failure::new(Outcome::DueAttended, format!("due for an attended slot: hoshu session open {way}"))
    })
}

fn not_kept(error: &StoreError) -> Failure {
    Failure::new(Outcome::NotKept, error.to_string())
}
