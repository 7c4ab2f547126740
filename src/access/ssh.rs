//! Access over SSH: dial, key exchange with pins, login, session.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use russh::client::Config;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::bastion::{Bastion, of_hop};
use super::connection::{Connection, Exchanged, Leg, exchange, quote};
use super::guard::{Check, Pins};
use super::hop::connect;
use super::loan::{Lender, Loan, Shown, socket_of};
use super::login::{Beside, Keys, Manner, Person, authenticate};
use super::nested;
use super::profile::{Ask, Profiles};
use super::route::{Router, label};
use super::session::SshSession;
use super::snmp::{self, SnmpError};
use super::{Access, AccessError, ApiWay, HopAt, KeyKind, Peer, Session, ShownKey};
use crate::model::credential::Login;
use crate::model::door::WayName;
use crate::model::inventory::{Algorithms, Hop, HopKind, Seat};
use crate::model::snmp::{Oid, SnmpLogin, SnmpObject};

/// Key exchanges of the legacy profile at a time, and threads that compute them.
const LEGACY_AT_ONCE: usize = 2;

/// How long each part of an access may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessLimits {
    /// TCP connect, and the answers of all hops on the way.
    pub connect: Duration,
    /// Greeting and key exchange.
    pub handshake: Duration,
    /// Authentication, and then each step on the way to the first command.
    pub login: Duration,
    /// One command, from sending to the last byte.
    pub command: Duration,
    /// The longest silence within an answer.
    pub idle: Duration,
    /// The silence after which a keepalive is sent; a connection that leaves three without an answer is given up.
    pub keepalive: Duration,
    /// All that is asked by SNMP at once, discovery and repetitions included.
    pub snmp: Duration,
}

impl Default for AccessLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(20),
            login: Duration::from_secs(30),
            command: Duration::from_mins(2),
            idle: Duration::from_secs(30),
            keepalive: Duration::from_secs(15),
            snmp: Duration::from_secs(10),
        }
    }
}

/// Opens SSH sessions.
pub struct SshAccess {
    router: Router,
    limits: AccessLimits,
    profiles: Profiles,
    keys: Keys,
    legacy: Legacy,
}

impl SshAccess {
    /// Reaches seats by `router`, within `limits`.
    pub fn new(router: Router, limits: AccessLimits) -> Self {
        let (profiles, keys, legacy) = (Profiles::new(limits), Keys::default(), Legacy::new());
        Self { router, limits, profiles, keys, legacy }
    }

    async fn exchange(&self, peer: Peer<'_>, ask: Ask, check: Check) -> Result<Exchanged, AccessError> {
        let leg = Leg { route: self.router.route(peer)?, behind: peer.behind.cloned() };
        self.exchange_on(leg, peer.seat.ssh.algorithms, ask, check).await
    }

    /// A failure behind a bastion that is gone is that bastion's.
    async fn exchange_on(
        &self,
        leg: Leg,
        algorithms: Algorithms,
        ask: Ask,
        check: Check,
    ) -> Result<Exchanged, AccessError> {
        let behind = leg.behind.clone();
        let config = self.profiles.config(algorithms, ask);
        let config = config.map_err(|error| AccessError::Protocol(error.to_string()))?;
        let exchanged = match algorithms {
            Algorithms::Modern => exchange(&leg, config, check, self.limits, None).await,
            Algorithms::Legacy => self.legacy.exchange(leg, config, check, self.limits).await,
        };
        match (exchanged, behind) {
            (Err(error), Some(bastion)) => Err(bastion.blame(error).await),
            (exchanged, _) => exchanged,
        }
    }

    async fn show(&self, peer: Peer<'_>, ask: Ask) -> Result<ShownKey, AccessError> {
        if let Some((hop, bastion)) = nested_hop(peer)? {
            let place = self.router.nested_place(peer)?;
            return nested::show_key(bastion, hop, peer, place, self.limits).await;
        }
        shown(self.exchange(peer, ask, Check::Show).await?).await
    }

    async fn show_hop(&self, at: HopAt<'_>) -> Result<ShownKey, AccessError> {
        let name = label(at.hop()?);
        let leg = Leg { route: self.router.route_to(at)?, behind: at.behind.cloned() };
        let exchanged = self.exchange_on(leg, Algorithms::Modern, Ask::Any, Check::Show).await;
        shown(exchanged.map_err(|error| of_hop(error, &name))?).await.map_err(|error| of_hop(error, &name))
    }

    async fn bastion(
        &self,
        at: HopAt<'_>,
        pins: &[String],
        login: &Login,
        person: Option<&dyn Person>,
    ) -> Result<Bastion, AccessError> {
        let name = label(at.hop()?);
        let leg = Leg { route: self.router.route_to(at)?, behind: at.behind.cloned() };
        let beside = person.map(|person| Beside { by: &name, person });
        let manner = Manner { algorithms: Algorithms::Modern, questions: &at.hop()?.questions, beside };
        self.log_in(leg, pins, login, manner)
            .await
            .map_err(|error| of_hop(error, &name))
            .map(|connection| Bastion::new(connection, name.clone()))
    }

    async fn log_in(
        &self,
        leg: Leg,
        pins: &[String],
        login: &Login,
        manner: Manner<'_>,
    ) -> Result<Connection, AccessError> {
        let proof = self.keys.proof(&login.secret).await?;
        let pins = Pins::parse(pins);
        let exchanged = self.exchange_on(leg, Algorithms::Modern, pins.ask(), Check::Pinned(pins)).await?;
        let Exchanged::Open(mut connection) = exchanged else { return Err(AccessError::Dropped("the key exchange")) };
        match authenticate(&mut connection, login, proof, manner, &self.limits).await {
            Ok(()) => Ok(connection),
            Err(error) => Err(connection.leave_with(error).await),
        }
    }

    async fn session(&self, peer: Peer<'_>, pins: &[String], login: &Login) -> Result<Box<dyn Session>, AccessError> {
        if let Some((hop, bastion)) = nested_hop(peer)? {
            let place = self.router.nested_place(peer)?;
            let session = nested::open(bastion, hop, peer, place, pins, login, self.limits).await?;
            return Ok(Box::new(session));
        }
        let proof = self.keys.proof(&login.secret).await?;
        let pins = Pins::parse(pins);
        let Exchanged::Open(mut connection) = self.exchange(peer, pins.ask(), Check::Pinned(pins)).await? else {
            return Err(AccessError::Dropped("the key exchange"));
        };
        let policy = &peer.seat.ssh;
        let manner = Manner { algorithms: policy.algorithms, questions: &policy.questions, beside: None };
        if let Err(error) = authenticate(&mut connection, login, proof, manner, &self.limits).await {
            return Err(connection.leave_with(error).await);
        }
        let session = SshSession::begin(connection, policy.channel, login.enable.as_ref(), self.limits).await?;
        Ok(Box::new(session))
    }
}

impl Access for SshAccess {
    fn show_key<'a>(&'a self, peer: Peer<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        Box::pin(self.show(peer, Ask::Any))
    }

    fn show_key_of<'a>(&'a self, peer: Peer<'a>, kind: KeyKind) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        Box::pin(self.show(peer, Ask::Only(kind)))
    }

    fn open<'a>(
        &'a self,
        peer: Peer<'a>,
        pins: &'a [String],
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, AccessError>> {
        Box::pin(self.session(peer, pins, login))
    }

    fn show_hop_key<'a>(&'a self, hop: HopAt<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        Box::pin(self.show_hop(hop))
    }

    fn enter<'a>(
        &'a self,
        hop: HopAt<'a>,
        pins: &'a [String],
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Bastion, AccessError>> {
        Box::pin(self.bastion(hop, pins, login, None))
    }

    fn enter_with<'a>(
        &'a self,
        hop: HopAt<'a>,
        pins: &'a [String],
        login: &'a Login,
        person: &'a dyn Person,
    ) -> BoxFuture<'a, Result<Bastion, AccessError>> {
        Box::pin(self.bastion(hop, pins, login, Some(person)))
    }

    fn lender(&self, at: HopAt<'_>, seats: &[Seat], bastion: Bastion, shown: Shown) -> Result<Lender, AccessError> {
        let hop = at.hop()?;
        let nested = (hop.kind == HopKind::SshNested).then_some(hop.menu.is_some());
        // A seat that has no way, as one without an address, is not lent.
        let peers = seats.iter().map(|seat| Peer { seat, gateway: at.gateway, behind: None });
        let places = peers.filter_map(|peer| self.router.first_place(peer).ok()).collect();
        let room = Arc::new(Semaphore::new(usize::from(at.gateway.sessions).max(1)));
        Ok(Lender { bastion, realm: self.router.realm(), shown, places, nested, room })
    }

    fn borrow<'a>(&'a self, at: HopAt<'a>, folder: &'a Path) -> BoxFuture<'a, Result<Option<Bastion>, AccessError>> {
        Box::pin(async move {
            let (way, hop) = (WayName::new(at.customer, &at.gateway.name), label(at.hop()?));
            let loan = Loan { socket: socket_of(folder, &way), realm: self.router.realm(), way, hop: hop.clone() };
            if !loan.socket.exists() || loan.shown().await.is_none() {
                return Ok(None);
            }
            Ok(Some(Bastion::borrowed(loan, hop)))
        })
    }

    fn objects<'a>(
        &'a self,
        peer: Peer<'a>,
        login: &'a SnmpLogin,
        roots: &'a [Oid],
    ) -> BoxFuture<'a, Result<Vec<SnmpObject>, SnmpError>> {
        Box::pin(snmp::objects(&self.router, &self.limits, peer, login, roots))
    }

    fn api<'a>(&'a self, peer: Peer<'a>) -> BoxFuture<'a, Result<ApiWay, AccessError>> {
        Box::pin(async move {
            let (route, pin) = self.router.api_route(peer)?;
            match (connect(&route, peer.behind, self.limits.connect).await, peer.behind) {
                (Ok(stream), _) => Ok(ApiWay { stream, pin }),
                (Err(error), Some(bastion)) => Err(bastion.blame(error).await),
                (Err(error), None) => Err(error),
            }
        })
    }
}

/// The bastion that forwards nothing, where the way of a seat ends in one.
fn nested_hop(peer: Peer<'_>) -> Result<Option<(&Hop, &Bastion)>, AccessError> {
    let hop = peer.gateway.hops.last().filter(|hop| hop.kind == HopKind::SshNested);
    match (hop, peer.behind) {
        (None, _) => Ok(None),
        (Some(hop), Some(bastion)) => Ok(Some((hop, bastion))),
        (Some(hop), None) => Err(AccessError::NotYetServed(format!("hop {} was not entered", label(hop)))),
    }
}

/// The key that was shown, and nothing else was wanted.
async fn shown(exchanged: Exchanged) -> Result<ShownKey, AccessError> {
    match exchanged {
        Exchanged::Shown(key) => Ok(key),
        Exchanged::Open(connection) => {
            connection.leave().await;
            Err(AccessError::Dropped("the key exchange"))
        }
    }
}

/// The runtime of connections whose key exchange computes over a finite field: that holds a thread for tens of
/// milliseconds, which no other connection may feel. It is made when the first is needed.
struct Legacy {
    runtime: Mutex<Option<Runtime>>,
    turns: Arc<Semaphore>,
}

impl Legacy {
    fn new() -> Self {
        Self { runtime: Mutex::new(None), turns: Arc::new(Semaphore::new(LEGACY_AT_ONCE)) }
    }

    async fn exchange(
        &self,
        leg: Leg,
        config: Arc<Config>,
        check: Check,
        limits: AccessLimits,
    ) -> Result<Exchanged, AccessError> {
        let turns = Arc::clone(&self.turns);
        let exchanged = async move { exchange(&leg, config, check, limits, Some(&turns)).await };
        let mut task = Task(self.handle()?.spawn(exchanged));
        (&mut task.0).await.map_err(|_| AccessError::Dropped("the key exchange"))?
    }

    fn handle(&self) -> Result<Handle, AccessError> {
        let mut runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.as_ref() {
            return Ok(runtime.handle().clone());
        }
        let mut builder = Builder::new_multi_thread();
        let made = builder.worker_threads(LEGACY_AT_ONCE).thread_name("legacy-ssh").enable_all().build();
        let made = made.map_err(|error| AccessError::Network(quote(&error.to_string())))?;
        Ok(runtime.insert(made).handle().clone())
    }
}

impl Drop for Legacy {
    fn drop(&mut self) {
        // A runtime must not be dropped, and so waited for, inside of another.
        if let Some(runtime) = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

/// A task that ends with its owner. It sends nothing but a key exchange.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
