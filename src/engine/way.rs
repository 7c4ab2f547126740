//! The bastions of gateways: each is entered once, with its own pins and its own credential, and shared by the seats
//! behind it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;

use crate::access::{AccessError, Bastion, HopAt, HopFault, not_tried};
use crate::decide::brake::{LoginResult, Permit};
use crate::engine::attended;
use crate::engine::brake::within_limit;
use crate::engine::clock::Clock;
use crate::engine::env::Env;
use crate::engine::fleet::{self, Facts};
use crate::engine::session::Failure;
use crate::model::credential::{CredentialName, Login, Purpose};
use crate::model::door::{Door, HopName, WayName};
use crate::model::inventory::{Gateway, GatewayAccess, Hop};
use crate::model::name::CustomerName;
use crate::model::reading::Outcome;
use crate::model::time::Time;
use crate::store::StoreError;

/// How long a bastion that could not be entered is left in peace: whoever asks meanwhile is told the same.
const REST_MS: i64 = 10_000;
/// Bastions that may be entered on behalf of one another, where their credentials are doubted crosswise.
const DEPTH_MAX: u8 = 4;

/// The bastions that are open.
#[derive(Default)]
pub struct Ways(Mutex<HashMap<HopName, Arc<Slot>>>);

#[derive(Default)]
struct Slot {
    /// Held by the one who enters: the others wait for what becomes of it.
    state: tokio::sync::Mutex<State>,
    /// How often it could not be entered.
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    open: Option<Bastion>,
    failed: Option<(Time, Failure)>,
}

impl Slot {
    fn failed(&self, state: &mut State, now: Time, failure: Failure) -> Failure {
        self.failures.fetch_add(1, Ordering::AcqRel);
        state.failed = Some((now, failure.clone()));
        failure
    }
}

impl Ways {
    fn lock(&self) -> MutexGuard<'_, HashMap<HopName, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, name: &HopName) -> Arc<Slot> {
        Arc::clone(self.lock().entry(name.clone()).or_default())
    }

    /// Leaves the bastions that nothing goes through, the innermost first.
    pub async fn leave_idle(&self) {
        let slots: Vec<_> = self.lock().values().cloned().collect();
        // A bastion is in use as long as one behind it is open, so that each round frees the ones before.
        for _ in 0..slots.len() {
            let mut left = false;
            for slot in &slots {
                let mut state = slot.state.lock().await;
                if let Some(bastion) = state.open.take_if(|open| !open.is_in_use()) {
                    bastion.leave().await;
                    left = true;
                }
            }
            if !left {
                return;
            }
        }
    }
}

/// A hop of a gateway, with everything that names it.
#[derive(Clone, Copy)]
struct Place<'a> {
    customer: &'a CustomerName,
    gateway: &'a Gateway,
    at: usize,
    hop: &'a Hop,
}

impl Place<'_> {
    fn name(&self) -> HopName {
        HopName::new(self.customer, &self.gateway.name, self.hop)
    }
}

/// Enters the bastions before a seat, and gives back the last one; `None` where there is none.
pub async fn reach(env: &Env, facts: &Facts) -> Result<Option<Bastion>, Failure> {
    reach_hop(env, &facts.seat.customer, &facts.gateway, facts.gateway.hops.len()).await
}

/// As [`reach`], for the hop `at` of a gateway.
pub async fn reach_hop(
    env: &Env,
    customer: &CustomerName,
    gateway: &Gateway,
    at: usize,
) -> Result<Option<Bastion>, Failure> {
    before(env, customer, gateway, at, 0).await
}

fn before<'a>(
    env: &'a Env,
    customer: &'a CustomerName,
    gateway: &'a Gateway,
    end: usize,
    depth: u8,
) -> BoxFuture<'a, Result<Option<Bastion>, Failure>> {
    Box::pin(async move {
        if gateway.access == GatewayAccess::Attended {
            return borrowed(env, customer, gateway, end).await;
        }
        let mut behind = None;
        for (at, hop) in gateway.hops.iter().enumerate().take(end) {
            if hop.kind.is_bastion() {
                let place = Place { customer, gateway, at, hop };
                behind = Some(enter(env, place, behind.as_ref(), depth).await?);
            }
        }
        Ok(behind)
    })
}

/// The last bastion of an attended gateway: nobody but a person enters one, and what is borrowed leads through all.
async fn borrowed(
    env: &Env,
    customer: &CustomerName,
    gateway: &Gateway,
    end: usize,
) -> Result<Option<Bastion>, Failure> {
    let bastions = || gateway.hops.iter().enumerate().filter(|(_, hop)| hop.kind.is_bastion());
    let Some((last, _)) = bastions().next_back() else { return Ok(None) };
    if !bastions().any(|(at, _)| at < end) {
        return Ok(None);
    }
    if end <= last {
        let why =
            format!("hop {end} of gateway {} lies behind another: hoshu session open shows its key", gateway.name);
        return Err(Failure::new(Outcome::DueAttended, why));
    }
    attended::borrow(env, &WayName::new(customer, &gateway.name), gateway, last).await.map(Some)
}

/// What is to be done before a hop is asked for again.
enum Then {
    /// Wait for the logins of others.
    Wait,
    /// Make the one further try there.
    TryOn(Door),
}

/// The open bastion at a place, or a fresh one. Whoever comes while it is being entered shares what becomes of it.
async fn enter(env: &Env, place: Place<'_>, behind: Option<&Bastion>, depth: u8) -> Result<Bastion, Failure> {
    let name = place.name();
    let slot = env.ways.slot(&name);
    let mut known = slot.failures.load(Ordering::Acquire);
    let mut refused: Option<Failure> = None;
    loop {
        let changed = env.gate.changed();
        let (credential, login, then) = {
            let mut state = slot.state.lock().await;
            if let Some(open) = state.open.take_if(|open| open.is_open()) {
                state.open = Some(open.clone());
                return Ok(open);
            }
            state.open = None;
            if env.stop.is_asked() {
                return Err(refused.unwrap_or_else(fleet::stopped));
            }
            if let Some((since, failure)) = &state.failed
                && refused.is_none()
                && (env.clock.now().ms_since(*since) < REST_MS || slot.failures.load(Ordering::Acquire) != known)
            {
                return Err(failure.clone());
            }
            let (credential, login, pins) = match means(env, place, &name, behind).await {
                Ok(means) => means,
                Err(failure) => return Err(slot.failed(&mut state, env.clock.now(), failure)),
            };
            let door = Door::from(&name);
            match env.gate.ask(&credential, &door, env.clock.now(), || holders(env, &credential)) {
                Permit::Yes => match log_in(env, place, behind, &pins, &credential, &login).await {
                    Ok(bastion) => {
                        state.open = Some(bastion.clone());
                        return Ok(bastion);
                    }
                    Err((failure, LoginResult::Refused)) => {
                        // It asks again, so that the doubt it raised is decided before it is left.
                        refused = Some(slot.failed(&mut state, env.clock.now(), failure));
                        known = slot.failures.load(Ordering::Acquire);
                        continue;
                    }
                    Err((failure, _)) => {
                        return Err(slot.failed(&mut state, env.clock.now(), refused.unwrap_or(failure)));
                    }
                },
                Permit::No(denial) => {
                    let denied = format!("{credential}: {denial}");
                    let failure = match refused {
                        None => Failure::new(Outcome::Braked, format!("hop {}: {denied}", place.hop.place())),
                        Some(failure) => {
                            let reason = format!("{}; {denied}", failure.reason.as_data());
                            Failure { reason: reason.into(), ..failure }
                        }
                    };
                    return Err(slot.failed(&mut state, env.clock.now(), failure));
                }
                Permit::Wait => (credential, login, Then::Wait),
                Permit::OnlyOn(on) => (credential, login, Then::TryOn(on)),
            }
        };
        // Whoever waits holds nothing: what is waited for may need this hop.
        match then {
            Then::Wait => changed.await,
            Then::TryOn(on) => further_try(env, &credential, &Door::from(&name), &on, &login, depth).await?,
        }
    }
}

type Means = (CredentialName, Login, Vec<String>);

/// What a login at a hop needs. A hop without an accepted host key is looked at, and nothing is sent.
async fn means(env: &Env, place: Place<'_>, name: &HopName, behind: Option<&Bastion>) -> Result<Means, Failure> {
    let none = |why: String| Failure::new(Outcome::NoCredential, format!("hop {}: {why}", place.hop.place()));
    let credential = place.hop.credential.clone().ok_or_else(|| none("it names no credential".to_owned()))?;
    let pins = env.rows().hop_pins(name).await.map_err(|error| not_kept(&error))?;
    if !pins.is_empty() {
        let login = env.secrets.fetch(&credential, Purpose::Hop).await.map_err(|error| none(error.to_string()))?;
        return Ok((credential, login, pins));
    }
    let at = HopAt { customer: place.customer, gateway: place.gateway, at: place.at, behind };
    let shown = env.access.show_hop_key(at).await?;
    Err(AccessError::Hop {
        fault: HopFault::KeyUnknown,
        hop: format!("{} ({})", place.hop.host, place.hop.kind),
        said: format!("{} {}", shown.algorithm, shown.fingerprint),
    }
    .into())
}

/// Logs in and reports to the brake what became of the credential, before anything else is tried with it.
async fn log_in(
    env: &Env,
    place: Place<'_>,
    behind: Option<&Bastion>,
    pins: &[String],
    credential: &CredentialName,
    login: &Login,
) -> Result<Bastion, (Failure, LoginResult)> {
    let at = HopAt { customer: place.customer, gateway: place.gateway, at: place.at, behind };
    let entered = within(&*env.clock, place.gateway, place.at, env.access.enter(at, pins, login)).await;
    let result = match &entered {
        Ok(_) => LoginResult::Accepted,
        Err(AccessError::Hop { fault: HopFault::LoginRefused, .. }) => LoginResult::Refused,
        Err(_) => LoginResult::Unjudged,
    };
    let door = Door::from(&place.name());
    match (entered, env.gate.report(credential, &door, result, env.clock.now()).await) {
        (Ok(bastion), Ok(())) => Ok(bastion),
        (Err(error), Ok(())) => Err((error.into(), result)),
        (entered, Err(error)) => {
            if let Ok(bastion) = entered {
                bastion.leave().await;
            }
            Err((not_kept(&error), LoginResult::Unjudged))
        }
    }
}

/// The one further try of a refused credential at another hop, on behalf of `asker`: a login of its own, whatever is
/// open there.
async fn further_try(
    env: &Env,
    credential: &CredentialName,
    asker: &Door,
    on: &Door,
    login: &Login,
    depth: u8,
) -> Result<(), Failure> {
    // Every holder stands in the inventory.
    let Some(place) = hops(env, credential).find(|place| Door::from(&place.name()) == *on) else { return Ok(()) };
    let behind = if depth < DEPTH_MAX {
        before(env, place.customer, place.gateway, place.at, depth + 1).await.ok()
    } else {
        None
    };
    let pins = env.rows().hop_pins(&place.name()).await.map_err(|error| not_kept(&error))?;
    let now = env.clock.now();
    if !env.gate.ask_further(credential, asker, on, now, || holders(env, credential)) {
        return Ok(());
    }
    let Some(behind) = behind.filter(|_| !pins.is_empty()) else {
        // It is not reached, or its key is not accepted: it decides nothing.
        let reported = env.gate.report(credential, on, LoginResult::Unjudged, now).await;
        return reported.map_err(|error| not_kept(&error));
    };
    match log_in(env, place, behind.as_ref(), &pins, credential, login).await {
        Ok(bastion) => bastion.leave().await,
        Err((failure, _)) if failure.outcome == Outcome::NotKept => return Err(failure),
        // The brake knows.
        Err(_) => {}
    }
    Ok(())
}

/// The hops at which a credential can be tried without a person.
fn hops<'a>(env: &'a Env, credential: &'a CredentialName) -> impl Iterator<Item = Place<'a>> {
    let gateways = env.inventory.customers.values().flat_map(|customer| {
        let tried = customer.gateways.iter().filter(|gateway| not_tried(gateway).is_none());
        let tried = tried.filter(|gateway| gateway.access == GatewayAccess::Unattended);
        tried.map(move |gateway| (customer, gateway))
    });
    gateways.flat_map(move |(customer, gateway)| {
        let hops = gateway.hops.iter().enumerate();
        let named = hops.filter(move |(_, hop)| hop.kind.is_bastion() && hop.credential.as_ref() == Some(credential));
        named.map(move |(at, hop)| Place { customer: &customer.name, gateway, at, hop })
    })
}

fn holders(env: &Env, credential: &CredentialName) -> Vec<Door> {
    hops(env, credential).map(|place| Door::from(&place.name())).collect()
}

/// A login at a hop of a gateway, given up before the brake forgets it.
pub(super) async fn within(
    clock: &dyn Clock,
    gateway: &Gateway,
    at: usize,
    login: impl Future<Output = Result<Bastion, AccessError>>,
) -> Result<Bastion, AccessError> {
    let Some(hop) = gateway.hops.get(at) else { return login.await };
    let entered = within_limit(clock, async { Ok(login.await) }).await;
    entered.unwrap_or_else(|late: AccessError| {
        let (fault, said) = (HopFault::Late, late.to_string());
        Err(AccessError::Hop { fault, hop: format!("{} ({})", hop.host, hop.kind), said })
    })
}

fn not_kept(error: &StoreError) -> Failure {
    Failure::new(Outcome::NotKept, error.to_string())
}
