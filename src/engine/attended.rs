//! Attended ways: a person opens one, this process holds it, and other commands of the same user borrow it.
//!
//! The store is needed before and after, never while a way is open: who holds a way open keeps nobody else from working.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::access::{self, Access, AccessError, Bastion, HopAt, HopFault, Lender, LoanError, Person, Shown, ShownKey};
use crate::decide::brake::{LoginResult, Permit};
use crate::engine::brake::Gate;
use crate::engine::clock::Clock;
use crate::engine::env::Env;
use crate::engine::event::Stop;
use crate::engine::hostkey;
use crate::engine::session::Failure;
use crate::engine::way::within;
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

/// A way, without anything that opens it.
struct Way {
    name: WayName,
    gateway: Gateway,
    /// The last bastion, among the hops.
    last: usize,
    seats: Vec<Seat>,
    access: Arc<dyn Access>,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
}

/// Everything that opening a way needs, so that the store can be left meanwhile.
pub struct Plan {
    way: Way,
    steps: Vec<Step>,
}

impl Plan {
    /// The gateway.
    pub const fn way(&self) -> &WayName {
        &self.way.name
    }
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
    let way = Way {
        name: way.clone(),
        gateway: gateway.clone(),
        last: steps.last().map_or(0, |step| step.at),
        seats,
        access: Arc::clone(&env.access),
        clock: Arc::clone(&env.clock),
        folder: folder(&env.settings),
    };
    Ok(Plan { way, steps })
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
    way: Way,
    bastion: Result<Bastion, Failure>,
    tried: Vec<(CredentialName, Door, LoginResult)>,
    /// The key of a hop that nobody has accepted yet.
    seen: Option<(HopName, ShownKey)>,
}

/// Enters the bastions, each with one login, while a person answers what the files do not. The credentials are forgotten.
pub async fn enter(plan: Plan, person: &dyn Person) -> Entered {
    let Plan { way, steps } = plan;
    let (mut bastion, mut tried, mut seen) = (None, Vec::new(), None);
    let mut failed = None;
    for step in &steps {
        let at = HopAt { customer: &way.name.customer, gateway: &way.gateway, at: step.at, behind: bastion.as_ref() };
        let entered = if step.pins.is_empty() {
            way.access.show_hop_key(at).await.and_then(|shown| {
                let error = unknown_key(&step.name, &shown);
                seen = Some((step.name.clone(), shown));
                Err(error)
            })
        } else {
            let login = way.access.enter_with(at, &step.pins, &step.login, person);
            let entered = within(&*way.clock, &way.gateway, step.at, login).await;
            tried.push((step.credential.clone(), Door::from(&step.name), result_of(&entered)));
            entered
        };
        match entered {
            Ok(entered) => bastion = Some(entered),
            Err(error) => {
                failed = Some(Failure::from(error));
                break;
            }
        }
    }
    let bastion = match (failed, bastion) {
        (None, Some(bastion)) => Ok(bastion),
        (failed, bastion) => {
            leave(bastion).await;
            let none = || Failure::new(Outcome::NotYetServed, format!("gateway {} has no bastion", way.name));
            Err(failed.unwrap_or_else(none))
        }
    };
    Entered { way, bastion, tried, seen }
}

fn unknown_key(hop: &HopName, shown: &ShownKey) -> AccessError {
    let said = format!("{} {}", shown.algorithm, shown.fingerprint);
    AccessError::Hop { fault: HopFault::KeyUnknown, hop: hop.to_string(), said }
}

fn result_of(entered: &Result<Bastion, AccessError>) -> LoginResult {
    match entered {
        Ok(_) => LoginResult::Accepted,
        Err(AccessError::Hop { fault: HopFault::LoginRefused, .. }) => LoginResult::Refused,
        Err(_) => LoginResult::Unjudged,
    }
}

async fn leave(bastion: Option<Bastion>) {
    if let Some(bastion) = bastion {
        bastion.leave().await;
    }
}

/// Tells the brake and the audit what became of it.
pub async fn note_entered(env: &Env, actor: &Actor, entered: &Entered, until: Time) -> Result<(), StoreError> {
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
    env.store.audit_add(actor.did(now, act, entered.way.name.to_string(), &detail)).await
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

/// A way that this process holds open. It holds no credential.
pub struct Open {
    /// What is open.
    pub shown: Shown,
    bastion: Bastion,
    lender: Lender,
    clock: Arc<dyn Clock>,
    folder: PathBuf,
}

impl Open {
    /// A way that was entered, ready to be lent until a time.
    pub fn new(entered: Entered, actor: &Actor, until: Time) -> Result<Self, Failure> {
        let (way, bastion) = (entered.way, entered.bastion?);
        let at = HopAt { customer: &way.name.customer, gateway: &way.gateway, at: way.last, behind: None };
        let shown = Shown {
            way: way.name.clone(),
            hop: bastion.label().to_owned(),
            by: actor.name.clone(),
            pid: std::process::id(),
            since: way.clock.now(),
            until,
            seats: way.seats.iter().map(|seat| seat.name.clone()).collect(),
        };
        let lender = way.access.lender(at, &way.seats, bastion.clone(), shown.clone())?;
        Ok(Self { shown, bastion, lender, clock: way.clock, folder: way.folder })
    }

    /// Lends it until its time is over, somebody asks to stop, or the bastion ends it. Then it is left.
    pub async fn hold(self, stop: &Stop) -> Result<Closed, LoanError> {
        let Self { shown, bastion, lender, clock, folder } = self;
        let mut why = Closed::ByBastion;
        let ended = async {
            loop {
                if stop.is_asked() {
                    return Closed::Asked;
                }
                if clock.now() >= shown.until {
                    return Closed::TimeOver;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let over = async {
            tokio::select! { closed = ended => why = closed, error = bastion.ended() => tracing::debug!(%error, "over") }
        };
        let lent = lender.lend(&folder, over).await;
        bastion.leave().await;
        lent.map(|()| why)
    }
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
