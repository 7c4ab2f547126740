//! Opening a session to a seat: credential, host key, login, and the proof of identity before anything else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::access::{AccessError, HopFault, Peer, Session, ShownKey, not_tried};
use crate::decide::brake::{self, LoginResult};
use crate::engine::brake::within_limit;
use crate::engine::env::Env;
use crate::engine::fleet::{self, Facts};
use crate::engine::lane::{Permit, Queue};
use crate::engine::{recorded, way};
use crate::model::actor::{Act, Actor};
use crate::model::asset::Asset;
use crate::model::command::ReadCommand;
use crate::model::credential::{CredentialName, Login, Purpose};
use crate::model::door::Door;
use crate::model::identity::{self, Expected, Proof, Seen};
use crate::model::inventory::{Algorithms, GatewayAccess, Seat};
use crate::model::limits;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::reading::{Outcome, Reading};
use crate::model::settings::TranscriptsOf;
use crate::model::time::Time;
use crate::readout::Context;
use crate::store::StoreError;

/// A session whose far end is proved to be the seat's hardware.
pub struct Live {
    /// The session.
    pub session: Box<dyn Session>,
    /// The hardware.
    pub asset: Asset,
    /// What it said of itself.
    pub seen: Seen,
    /// Its host name, when the identity's answer or the prompt gave one.
    pub hostname: Option<Outside>,
    /// The command that was answered for the proof, and the readings that its answer gave, while they are of this poll.
    pub identity: Option<(ReadCommand, Vec<Reading>)>,
    /// That it is the expected appliance.
    pub proof: Proof,
}

impl Live {
    /// Says goodbye.
    pub async fn close(self) {
        self.session.close().await;
    }
}

/// Why there is no session, or not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In a word.
    pub outcome: Outcome,
    /// In words for a person, with what was expected and found.
    pub reason: Outside,
    /// The hop before the appliance that it is of; `None` when the appliance itself was asked.
    pub hop: Option<String>,
}

impl Failure {
    /// A failure with its reason.
    pub fn new(outcome: Outcome, reason: impl Into<Outside>) -> Self {
        Self { outcome, reason: reason.into(), hop: None }
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let outcome = match &error {
            AccessError::NotYetServed(_) => Outcome::NotYetServed,
            AccessError::NoSsh(_) => Outcome::NoSsh,
            AccessError::KeyUnknown { .. } => Outcome::KeyUnknown,
            AccessError::KeyChanged { .. } => Outcome::KeyChanged,
            AccessError::TimedOut { .. } | AccessError::Network(_) => Outcome::TimedOut,
            AccessError::Hop { fault, .. } => match fault {
                HopFault::Closed | HopFault::Refused => Outcome::Refused,
                HopFault::Unreached | HopFault::NoWay | HopFault::Late => Outcome::TimedOut,
                HopFault::Dropped => Outcome::Dropped,
                HopFault::Protocol => Outcome::Protocol,
                HopFault::KeyUnknown | HopFault::HidesKey => Outcome::KeyUnknown,
                HopFault::KeyChanged => Outcome::KeyChanged,
                HopFault::LoginRefused => Outcome::LoginRefused,
                HopFault::Asked | HopFault::Unanswered => Outcome::NoPrompt,
                HopFault::NotOpen => Outcome::DueAttended,
                HopFault::NoCredential => Outcome::NoCredential,
            },
            AccessError::Refused => Outcome::Refused,
            AccessError::ClosedEarly => Outcome::ClosedEarly,
            AccessError::Protocol(_) | AccessError::NoChannel(_) => Outcome::Protocol,
            AccessError::LoginRefused { .. } => Outcome::LoginRefused,
            AccessError::UnusableKey(_) => Outcome::NoCredential,
            AccessError::UnknownPrompt(_) | AccessError::Unanswered(_) | AccessError::NoPrompt(_) => Outcome::NoPrompt,
            AccessError::Dropped(_) => Outcome::Dropped,
            AccessError::OverLimit { .. } => Outcome::OverLimit,
        };
        let reason = Outside::from(error.to_string());
        let hop = if let AccessError::Hop { hop, .. } = error { Some(hop) } else { None };
        Self { outcome, reason, hop }
    }
}

/// As [`open_bare`], with a transcript where the settings ask for those of all sessions.
pub async fn open(env: &Env, facts: &Facts, permit: Permit) -> Result<(Live, Permit), Failure> {
    let (live, permit) = open_bare(env, facts, permit).await?;
    match env.settings.transcripts.of {
        TranscriptsOf::People => Ok((live, permit)),
        TranscriptsOf::All => Ok((recorded::record(env, &facts.seat, live).await?, permit)),
    }
}

/// Opens a session and proves who answers. A seat without an accepted host key is looked at, and nothing is sent.
///
/// The permit of the seat's lane is given back where one has to wait for the brake, and got anew.
pub async fn open_bare(env: &Env, facts: &Facts, permit: Permit) -> Result<(Live, Permit), Failure> {
    open_as(env, facts, permit, Purpose::Read).await
}

/// As [`open_bare`], with the credential of the seat for a purpose: to read, or to change.
pub async fn open_as(env: &Env, facts: &Facts, permit: Permit, purpose: Purpose) -> Result<(Live, Permit), Failure> {
    closed(env, facts)?;
    if facts.gateway.access == GatewayAccess::Attended {
        // Whatever else is missing: without a person nothing happens there.
        way::reach(env, facts).await?;
    }
    let Some(name) = facts.seat.credentials.of(purpose) else {
        return Err(Failure::new(Outcome::NoCredential, format!("the seat names no {purpose} credential")));
    };
    let login = env
        .secrets
        .fetch(name, purpose)
        .await
        .map_err(|error| Failure::new(Outcome::NoCredential, error.to_string()))?;
    let asset = match &facts.asset {
        Some(asset) if !facts.pins.is_empty() => asset.clone(),
        _ => return Err(first_contact(env, facts).await),
    };
    // A hop that is not passed says nothing of the seat's credential, and so the brake is not asked.
    way::reach(env, facts).await?;
    let (session, permit) = pass_brake(env, facts, (name, purpose), &login, permit).await?;
    Ok((prove(env, facts, asset, session).await?, permit))
}

/// Whether a seat may be dialled, by what is declared of it.
fn closed(env: &Env, facts: &Facts) -> Result<(), Failure> {
    match not_tried(&facts.gateway) {
        Some(error) => Err(error.into()),
        None => ssh_legacy_over(env, &facts.seat).map_or(Ok(()), Err),
    }
}

fn ssh_legacy_over(env: &Env, seat: &Seat) -> Option<Failure> {
    legacy_over(env, &seat.name, seat.ssh.algorithms, seat.ssh.legacy_until.as_deref())
}

/// That the last day for old algorithms of a seat is over.
pub(super) fn legacy_over(env: &Env, seat: &SeatName, algorithms: Algorithms, until: Option<&str>) -> Option<Failure> {
    let until = until.filter(|_| algorithms == Algorithms::Legacy)?;
    // Days are written so that their order is that of their letters.
    (env.clock.now().day(env.settings.zone).as_str() > until).then(|| {
        let last = format!("legacy algorithms were allowed until {until}");
        let then = "upgrade the unit and write algorithms: modern, or agree on a later legacy_until:";
        Failure::new(Outcome::LegacyOver, format!("{last}; {then} at {seat}"))
    })
}

/// No key is accepted, so that nothing may be sent: says which key the appliance shows.
async fn first_contact(env: &Env, facts: &Facts) -> Failure {
    match show_key(env, facts).await {
        Ok(shown) => {
            let (algorithm, fingerprint) = (shown.algorithm, shown.fingerprint);
            Failure::from(AccessError::KeyUnknown { algorithm, fingerprint })
        }
        Err(failure) => failure,
    }
}

/// The host key that the appliance shows, before any login there.
pub async fn show_key(env: &Env, facts: &Facts) -> Result<ShownKey, Failure> {
    closed(env, facts)?;
    let behind = way::reach(env, facts).await?;
    let peer = Peer { seat: &facts.seat, gateway: &facts.gateway, behind: behind.as_ref() };
    Ok(env.access.show_key(peer).await?)
}

/// Logs in when the brake lets this seat. When the one further try is due on another seat, it is made there first:
/// somebody has to. A seat that refused asks again, so that the doubt it raised is decided before it is left.
async fn pass_brake(
    env: &Env,
    facts: &Facts,
    (name, purpose): (&CredentialName, Purpose),
    login: &Login,
    mut permit: Permit,
) -> Result<(Box<dyn Session>, Permit), Failure> {
    let seat = &Door::from(&facts.seat.name);
    let mut refused: Option<Failure> = None;
    loop {
        let changed = env.gate.changed();
        match env.gate.ask(name, seat, env.clock.now(), || holders(env, name, purpose)) {
            brake::Permit::Yes => match log_in(env, facts, name, login).await {
                Ok(session) => return Ok((session, permit)),
                Err((failure, LoginResult::Refused)) => refused = Some(failure),
                Err((failure, _)) => return Err(refused.unwrap_or(failure)),
            },
            brake::Permit::No(denial) => {
                let denied = format!("{name}: {denial}");
                return Err(match refused {
                    None => Failure::new(Outcome::Braked, denied),
                    Some(failure) => Failure::new(failure.outcome, format!("{}; {denied}", failure.reason.as_data())),
                });
            }
            // Whoever waits holds nothing: the login that is waited for may need the same permit.
            brake::Permit::Wait => {
                drop(permit);
                changed.await;
                permit = env.enter(facts).await.map_err(|stopped| refused.clone().unwrap_or(stopped))?;
            }
            brake::Permit::OnlyOn(on) => {
                drop(permit);
                let entered = match further_try(env, (name, purpose), seat, &on, login).await {
                    Ok(()) => env.enter(facts).await,
                    Err(failure) => Err(failure),
                };
                permit = entered.map_err(|failure| match (failure.outcome, &refused) {
                    (Outcome::Stopped, Some(refused)) => refused.clone(),
                    _ => failure,
                })?;
            }
        }
    }
}

/// The seats on which a credential can be tried.
fn holders(env: &Env, name: &CredentialName, purpose: Purpose) -> Vec<Door> {
    let named = env.inventory.seats.values().filter(|seat| seat.credentials.of(purpose) == Some(name));
    let reached = |seat: &&Seat| env.inventory.gateway(seat).is_some_and(|gateway| not_tried(gateway).is_none());
    let reached = named.filter(reached).filter(|seat| ssh_legacy_over(env, seat).is_none());
    reached.map(|seat| Door::from(&seat.name)).collect()
}

/// The one further try of a refused credential, on behalf of `asker`, who holds no permit.
async fn further_try(
    env: &Env,
    (name, purpose): (&CredentialName, Purpose),
    asker: &Door,
    on: &Door,
    login: &Login,
) -> Result<(), Failure> {
    let broken = |error: &StoreError| Failure::new(Outcome::NotKept, error.to_string());
    // The credential of a seat is tried at seats alone.
    let Door::Seat(seat) = on else { return Ok(()) };
    let known = fleet::load(env, std::slice::from_ref(seat)).await.map_err(|error| broken(&error))?;
    // Every holder stands in the inventory.
    let Some(facts) = known.into_iter().next() else { return Ok(()) };
    let _permit = env.enter(&facts).await?;
    if !env.gate.ask_further(name, asker, on, env.clock.now(), || holders(env, name, purpose)) {
        return Ok(());
    }
    if facts.pins.is_empty() {
        // Its key is not accepted: it decides nothing.
        let now = env.clock.now();
        return env.gate.report(name, on, LoginResult::Unjudged, now).await.map_err(|error| broken(&error));
    }
    match log_in(env, &facts, name, login).await {
        Ok(session) => session.close().await,
        Err((failure, _)) if failure.outcome == Outcome::NotKept => return Err(failure),
        // The brake knows.
        Err(_) => {}
    }
    Ok(())
}

/// Why a session was not opened.
enum Opening {
    /// The way to the appliance.
    Way(Failure),
    /// The appliance.
    Access(AccessError),
}

/// Logs in and reports to the brake what became of the credential, before anything else is tried with it.
async fn log_in(
    env: &Env,
    facts: &Facts,
    name: &CredentialName,
    login: &Login,
) -> Result<Box<dyn Session>, (Failure, LoginResult)> {
    let login = async {
        let behind = match way::reach(env, facts).await {
            Ok(behind) => behind,
            Err(failure) => return Ok(Err(failure)),
        };
        let peer = Peer { seat: &facts.seat, gateway: &facts.gateway, behind: behind.as_ref() };
        env.access.open(peer, &facts.pins, login).await.map(Ok)
    };
    let opened = match within_limit(&*env.clock, login).await {
        Ok(Ok(session)) => Ok(session),
        Ok(Err(failure)) => Err(Opening::Way(failure)),
        Err(error) => Err(Opening::Access(error)),
    };
    let result = match &opened {
        // A missing prompt comes after a login that was accepted.
        Ok(_) | Err(Opening::Access(AccessError::NoPrompt(_))) => LoginResult::Accepted,
        Err(Opening::Access(AccessError::LoginRefused { .. })) => LoginResult::Refused,
        Err(_) => LoginResult::Unjudged,
    };
    match (opened, env.gate.report(name, &Door::from(&facts.seat.name), result, env.clock.now()).await) {
        (Ok(session), Ok(())) => Ok(session),
        (Err(Opening::Access(error)), Ok(())) => Err((error.into(), result)),
        (Err(Opening::Way(failure)), Ok(())) => Err((failure, result)),
        (opened, Err(error)) => {
            if let Ok(session) = opened {
                session.close().await;
            }
            Err((Failure::new(Outcome::NotKept, error.to_string()), LoginResult::Unjudged))
        }
    }
}

async fn prove(env: &Env, facts: &Facts, asset: Asset, mut session: Box<dyn Session>) -> Result<Live, Failure> {
    match identify(env, facts, &asset, &mut *session).await {
        Ok((seen, hostname, identity, proof)) => {
            let asset = recognise(env, asset, &seen).await;
            match asset {
                Ok(asset) => Ok(Live { session, asset, seen, hostname, identity: Some(identity), proof }),
                Err(failure) => {
                    session.close().await;
                    Err(failure)
                }
            }
        }
        Err(failure) => {
            session.close().await;
            Err(failure)
        }
    }
}

type Identified = (Seen, Option<Outside>, (ReadCommand, Vec<Reading>), Proof);

async fn identify(env: &Env, facts: &Facts, asset: &Asset, session: &mut dyn Session) -> Result<Identified, Failure> {
    let layout = env
        .definitions
        .by_name("version")
        .ok_or_else(|| Failure::new(Outcome::NoPrompt, "no definition has the name version"))?;
    let expected = Expected {
        series: facts.seat.series,
        serial: asset.serial.clone().or_else(|| facts.seat.serial.clone().map(Outside::from)),
        product: asset.product.clone(),
        model: asset.model.clone(),
    };
    let mut before: Option<(Seen, String)> = None;
    loop {
        let answer = session.read(&layout.command, limits::ANSWER_BYTES_MAX).await?;
        let context = Context { now: env.clock.now(), clock: None, series: facts.seat.series, release: None };
        let readout = env.definitions.read(layout, &answer.text, answer.complete, &context);
        let seen = readout.identity.unwrap_or_default();
        let why = match identity::prove(&expected, &seen) {
            Ok(proof) => return Ok((seen, readout.hostname, (layout.command.clone(), readout.readings), proof)),
            Err(error) => error.to_string(),
        };
        match before {
            // A bad line can look like another appliance: it is asked once more.
            None => before = Some((seen, why)),
            Some((first, _)) if identity::is_another(&expected, &first, &seen) => {
                return Err(Failure::new(Outcome::WrongAppliance, why));
            }
            Some((_, first)) => {
                let twice = if first == why { why } else { format!("{first}; then: {why}") };
                let reason = format!("{} was not understood twice: {twice}", layout.command);
                return Err(Failure::new(Outcome::NotUnderstood, reason));
            }
        }
    }
}

/// Writes down what the hardware said of itself at its first login, and the release whenever it is another one or was
/// not seen for an hour.
async fn recognise(env: &Env, asset: Asset, seen: &Seen) -> Result<Asset, Failure> {
    const RELEASE_AGE_MS: i64 = 3_600_000;
    let now = env.clock.now();
    let release_known = match (&asset.release, &seen.release) {
        (Some((known, at)), Some(seen)) => known == seen && now.ms_since(*at) < RELEASE_AGE_MS,
        (_, None) => true,
        (None, Some(_)) => false,
    };
    let identified = asset.product.is_some() && asset.serial.is_some();
    if identified && release_known {
        return Ok(asset);
    }
    let detail = serde_json::json!({"v": 1, "serial": seen.serial, "product": seen.product, "model": seen.model});
    let audit = Actor::itself().did(now, Act::AssetIdentified, asset.seat.as_str(), &detail);
    env.store
        .asset_identify(asset.id, seen.clone(), audit)
        .await
        .map_err(|error| Failure::new(Outcome::NotKept, error.to_string()))?;
    Ok(Asset {
        serial: asset.serial.or_else(|| seen.serial.clone()),
        product: asset.product.or_else(|| seen.product.clone()),
        model: asset.model.or_else(|| seen.model.clone()),
        appliance_id: asset.appliance_id.or_else(|| seen.appliance_id.clone()),
        release: seen.release.clone().map(|release| (release, now)),
        ..asset
    })
}

/// Sessions that are kept between polls, each with its permit at rest: at the far end it is one session as any other.
/// Whoever waits for a place of it has one of them given up, and while somebody waits none is kept.
#[derive(Default)]
pub struct Kept(Mutex<HashMap<SeatName, Idle>>);

struct Idle {
    live: Live,
    permit: Permit,
    until: Time,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, HashMap<SeatName, Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the kept session of a seat; one that is past its time is said goodbye to.
    pub async fn take(&self, seat: &SeatName, now: Time) -> Option<(Live, Permit)> {
        let Idle { live, permit, until } = self.lock().remove(seat)?;
        if now < until {
            return Some((live, permit));
        }
        live.close().await;
        drop(permit);
        None
    }

    /// Keeps a session until a time, unless somebody waits for its permit.
    pub async fn keep(&self, seat: SeatName, live: Live, permit: Permit, until: Time) {
        let live = Live { identity: None, ..live };
        let permit = permit.at_rest();
        let unkept = {
            // Whoever begins to wait either is seen here, or sees the session there.
            let mut kept = self.lock();
            if permit.is_wanted() {
                Some(live)
            } else {
                kept.insert(seat, Idle { live, permit, until }).map(|old| old.live)
            }
        };
        if let Some(live) = unkept {
            live.close().await;
        }
    }

    /// Gives up the kept session with the least time left among those that hold a place of this queue.
    pub async fn give_up(&self, queue: &Queue) {
        let idle = {
            let mut kept = self.lock();
            let holds = kept.iter().filter(|(_, idle)| idle.permit.is_of(queue));
            let seat = holds.min_by_key(|(_, idle)| idle.until).map(|(seat, _)| seat.clone());
            seat.and_then(|seat| kept.remove(&seat))
        };
        if let Some(Idle { live, permit, .. }) = idle {
            live.close().await;
            drop(permit);
        }
    }

    /// Says goodbye to all.
    pub async fn close_all(&self) {
        let all: Vec<_> = self.lock().drain().collect();
        futures::future::join_all(all.into_iter().map(|(_, idle)| idle.live.close())).await;
    }
}
