//! The brake at work: everything that opens a session holds a permit of its lane, the further try of a doubted
//! credential too; nobody who waits for the brake holds one; and the end of a process forgets nothing.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use hoshu::access::{Access, AccessError, Answer, Negotiated, Peer, Session, ShownKey};
use hoshu::decide::brake::{Denial, LOGIN_MS_MAX, LoginResult, Permit};
use hoshu::engine::brake::{Gate, LOGIN_MS};
use hoshu::engine::env::Env;
use hoshu::engine::hostkey;
use hoshu::engine::lane::Lanes;
use hoshu::engine::poll::{self, Wanted};
use hoshu::lab::Fault;
use hoshu::model::actor::{Act, Actor, Scope};
use hoshu::model::command::ReadCommand;
use hoshu::model::credential::Login;
use hoshu::model::door::Door;
use hoshu::model::inventory::Algorithms;
use hoshu::model::name::SeatName;
use hoshu::model::reading::{Outcome, Tier};
use hoshu::model::settings::SessionLimits;
use tokio::sync::Semaphore;

use crate::time::World;

/// How many connections there are, and were at most.
struct Count {
    open: AtomicUsize,
    most: AtomicUsize,
    logins: AtomicUsize,
    /// One for each login that began, for whoever waits for it.
    begun: Semaphore,
    /// A login on this seat hangs until [`Self::goes_on`] has something to give.
    hangs: Option<SeatName>,
    goes_on: Semaphore,
}

impl Count {
    fn new(hangs: Option<&str>) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            logins: AtomicUsize::new(0),
            begun: Semaphore::new(0),
            hangs: hangs.map(|seat| seat.parse().unwrap()),
            goes_on: Semaphore::new(0),
        })
    }
}

/// One connection, as long as it lives.
struct Held(Arc<Count>);

impl Held {
    fn new(count: &Arc<Count>) -> Self {
        let open = count.open.fetch_add(1, Ordering::SeqCst) + 1;
        count.most.fetch_max(open, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Lets everybody else go on, as a wire would.
async fn others() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// The way to the units, counted.
struct Counted {
    inner: Arc<dyn Access>,
    count: Arc<Count>,
}

impl Access for Counted {
    fn show_key<'a>(&'a self, peer: Peer<'a>) -> BoxFuture<'a, Result<ShownKey, AccessError>> {
        self.inner.show_key(peer)
    }

    fn open<'a>(
        &'a self,
        peer: Peer<'a>,
        pins: &'a [String],
        login: &'a Login,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, AccessError>> {
        async move {
            let held = Held::new(&self.count);
            self.count.logins.fetch_add(1, Ordering::SeqCst);
            self.count.begun.add_permits(1);
            others().await;
            if self.count.hangs.as_ref() == Some(&peer.seat.name) {
                drop(self.count.goes_on.acquire().await.unwrap());
            }
            let inner = self.inner.open(peer, pins, login).await?;
            Ok(Box::new(CountedSession { inner, held }) as Box<dyn Session>)
        }
        .boxed()
    }
}

struct CountedSession {
    inner: Box<dyn Session>,
    held: Held,
}

impl Session for CountedSession {
    fn read<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Answer, AccessError>> {
        async move {
            others().await;
            self.inner.read(command, bytes_max).await
        }
        .boxed()
    }

    fn read_other<'a>(
        &'a mut self,
        command: &'a ReadCommand,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Option<Answer>, AccessError>> {
        self.inner.read_other(command, bytes_max)
    }

    fn allow(&mut self, command: Duration) {
        self.inner.allow(command);
    }

    fn negotiated(&self) -> &Negotiated {
        self.inner.negotiated()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            self.inner.close().await;
            drop(self.held);
        }
        .boxed()
    }
}

/// The seats of one credential that are polled; it has a fourth, whose session would be kept after the poll.
const ACME: [&str; 3] = ["acme-nx01", "acme-ex01", "acme-ax01"];
const OTHERS: [&str; 2] = ["momiji-ex01", "momiji-nx02"];

/// The example fleet with these limits, in which `refusing` refuse, met through a count.
async fn world(limits: SessionLimits, refusing: &[&str], count: &Arc<Count>) -> World {
    let mut world = World::with(ACME[0]).await;
    for seat in ACME.iter().skip(1).chain(&["acme-fx01"]).chain(&OTHERS) {
        world.accept_key(&seat.parse().unwrap()).await;
    }
    world.env.access = Arc::new(Counted { inner: Arc::clone(&world.env.access), count: Arc::clone(count) });
    world.env.lanes = Arc::new(Lanes::new(&limits));
    for seat in refusing {
        world.rack.place(&seat.parse().unwrap()).unwrap().break_by(Fault::WrongPassword, None);
    }
    world
}

fn pulse() -> Wanted {
    Wanted::Tiers(vec![Tier::Pulse])
}

/// Polls seats once; a deadlock ends by the clock.
async fn poll(env: &Env, seats: &[&str]) -> Vec<(SeatName, Outcome)> {
    let seats: Vec<SeatName> = seats.iter().map(|seat| seat.parse().unwrap()).collect();
    let wanted = pulse();
    let polled = tokio::time::timeout(Duration::from_mins(1), poll::run(env, &seats, &wanted)).await;
    let polled = polled.expect("nobody waits for ever").unwrap();
    polled.into_iter().map(|one| (one.facts.seat.name.clone(), one.poll.outcome)).collect()
}

fn everybody() -> Vec<&'static str> {
    ACME.into_iter().chain(OTHERS).collect()
}

#[tokio::test]
async fn limits_of_one_hold_through_the_further_try() {
    let one = |sessions, per_customer, per_site| SessionLimits {
        sessions,
        per_customer,
        per_site,
        ..SessionLimits::default()
    };
    for (limits, most) in [(one(1, 1, 1), 1), (one(1, 64, 32), 1), (one(64, 1, 32), 2), (one(64, 64, 1), 5)] {
        let count = Count::new(None);
        let world = world(limits, &ACME, &count).await;
        let outcomes = poll(&world.env, &everybody()).await;
        assert!(count.most.load(Ordering::SeqCst) <= most, "{limits:?}: {} at once", count.most.load(Ordering::SeqCst));
        for (seat, outcome) in &outcomes {
            let expected = matches!(outcome, Outcome::LoginRefused | Outcome::Braked);
            assert_eq!(expected, ACME.contains(&seat.as_str()), "{seat} {outcome}");
        }
        let refused = outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::LoginRefused).count();
        let logins = count.logins.load(Ordering::SeqCst) - OTHERS.len();
        assert!(logins <= refused + 1, "{limits:?}: {logins} logins, {refused} refused");
        let audit = world.env.store.scoped(Scope::House).audit_list(None, 100).await.unwrap();
        assert_eq!(audit.iter().filter(|record| record.act == Act::CredentialStopped).count(), 1);
    }
}

#[tokio::test]
async fn one_liar_stops_only_itself_under_limits_of_one() {
    for liar in ACME {
        let limits = SessionLimits { sessions: 1, per_customer: 1, per_site: 1, ..SessionLimits::default() };
        let count = Count::new(None);
        let world = world(limits, &[liar], &count).await;
        let outcomes = poll(&world.env, &everybody()).await;
        assert_eq!(count.most.load(Ordering::SeqCst), 1);
        for (seat, outcome) in &outcomes {
            let expected = if seat.as_str() == liar { Outcome::LoginRefused } else { Outcome::Answered };
            assert_eq!(*outcome, expected, "{seat}");
        }
    }
}

#[tokio::test]
async fn a_seat_that_waits_for_the_brake_keeps_nothing_from_others() {
    let [refuses, hangs, _] = ACME;
    let count = Count::new(Some(hangs));
    let limits = SessionLimits { sessions: 2, ..SessionLimits::default() };
    let world = world(limits, &[refuses], &count).await;
    let env = world.env.clone();
    let acme = tokio::spawn(async move { poll(&env, &[refuses, hangs]).await });
    drop(count.begun.acquire_many(2).await.unwrap());
    // One login hangs, so that the seat that was refused waits: there is room for one of the others at a time.
    for (seat, outcome) in poll(&world.env, &OTHERS).await {
        assert_eq!(outcome, Outcome::Answered, "{seat}");
    }
    count.goes_on.add_permits(1);
    for (seat, outcome) in acme.await.unwrap() {
        let expected = if seat.as_str() == refuses { Outcome::LoginRefused } else { Outcome::Answered };
        assert_eq!(outcome, expected, "{seat}");
    }
    assert!(count.most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn whoever_waits_for_the_brake_hears_of_each_login_that_ends() {
    let world = World::with(ACME[0]).await;
    let (gate, now) = (&world.env.gate, world.env.clock.now());
    let (name, [first, second, third]) =
        ("acme/operator".parse().unwrap(), ACME.map(|seat| seat.parse::<Door>().unwrap()));
    let none = || Vec::<Door>::new();
    for seat in [&first, &second] {
        assert_eq!(gate.ask(&name, seat, now, none), Permit::Yes);
    }
    gate.report(&name, &first, LoginResult::Refused, now).await.unwrap();
    let changed = gate.changed();
    assert_eq!(gate.ask(&name, &third, now, none), Permit::Wait);
    gate.report(&name, &second, LoginResult::Unjudged, now).await.unwrap();
    assert!(changed.now_or_never().is_some());
    assert_eq!(gate.ask(&name, &third, now, none), Permit::Yes);
}

#[tokio::test]
async fn what_the_brake_knows_outlives_the_process() {
    let world = World::with(ACME[0]).await;
    let (store, now) = (&world.env.store, world.env.clock.now());
    let name = "acme/operator".parse().unwrap();
    let [first, second, third]: [Door; 3] = ACME.map(|seat| seat.parse().unwrap());
    let all = || vec![first.clone(), second.clone(), third.clone()];
    let again = async || Gate::load(store.clone()).await.unwrap();
    for (seat, ms) in [(&second, 0), (&first, 1)] {
        let gate = again().await;
        assert_eq!(gate.ask(&name, seat, now, all), Permit::Yes);
        gate.report(&name, seat, LoginResult::Accepted, now.plus_ms(ms)).await.unwrap();
    }
    // All are tried at once and refuse one after the other; at each refusal the process might end.
    let gate = again().await;
    for seat in all() {
        assert_eq!(gate.ask(&name, &seat, now, all), Permit::Yes);
    }
    for (seat, ms, next) in [(&third, 2, &first), (&first, 3, &second), (&second, 4, &third)] {
        gate.report(&name, seat, LoginResult::Refused, now.plus_ms(ms)).await.unwrap();
        let found = again().await.ask(&name, &first, now, all);
        let expected = if next == &first { Permit::Yes } else { Permit::OnlyOn(next.clone()) };
        assert_eq!(found, expected, "the last that accepted it, at the end the first that refused");
    }
    let gate = again().await;
    assert_eq!(gate.ask(&name, &first, now, all), Permit::OnlyOn(third.clone()));
    assert!(gate.ask_further(&name, &first, &third, now, all));
    gate.report(&name, &third, LoginResult::Refused, now).await.unwrap();
    for seat in all() {
        assert_eq!(again().await.ask(&name, &seat, now, all), Permit::No(Denial::CredentialStopped));
    }
    let audit = store.scoped(Scope::House).audit_list(None, 100).await.unwrap();
    assert_eq!(audit.iter().filter(|record| record.act == Act::CredentialStopped).count(), 1);
}

#[tokio::test]
async fn a_kept_session_holds_its_place_and_gives_it_up_to_whoever_waits() {
    let hold = |world: &mut World| {
        let inventory = Arc::make_mut(&mut world.env.inventory);
        inventory.seats.values_mut().for_each(|seat| seat.ssh.hold_s = 600);
    };
    let count = Count::new(None);
    let mut narrow = world(SessionLimits::default(), &[], &count).await;
    hold(&mut narrow);
    let customers = &mut Arc::make_mut(&mut narrow.env.inventory).customers;
    customers.values_mut().flat_map(|customer| &mut customer.gateways).for_each(|gateway| gateway.sessions = 1);
    for seat in ACME.into_iter().chain(ACME) {
        // One after the other, so that each finds the session of the one before.
        assert_eq!(poll(&narrow.env, &[seat]).await[0].1, Outcome::Answered, "{seat}");
        assert_eq!(count.open.load(Ordering::SeqCst), 1, "it is kept: {seat}");
    }
    for (seat, outcome) in poll(&narrow.env, &ACME).await {
        assert_eq!(outcome, Outcome::Answered, "{seat}");
    }
    assert_eq!(count.most.load(Ordering::SeqCst), 1, "no more sessions than there may be");
    narrow.env.kept.close_all().await;
    assert_eq!(count.open.load(Ordering::SeqCst), 0);

    // Our own number limits what works at once and nothing that rests.
    let count = Count::new(None);
    let mut slow = world(SessionLimits { sessions: 1, ..SessionLimits::default() }, &[], &count).await;
    hold(&mut slow);
    for _ in 0..2 {
        for (seat, outcome) in poll(&slow.env, &ACME).await {
            assert_eq!(outcome, Outcome::Answered, "{seat}");
        }
    }
    assert_eq!(count.logins.load(Ordering::SeqCst), ACME.len());
    slow.env.kept.close_all().await;

    // Where there is room for all, each goes on with its own.
    let count = Count::new(None);
    let mut wide = world(SessionLimits::default(), &[], &count).await;
    hold(&mut wide);
    for _ in 0..3 {
        for (seat, outcome) in poll(&wide.env, &everybody()).await {
            assert_eq!(outcome, Outcome::Answered, "{seat}");
        }
    }
    assert_eq!(count.logins.load(Ordering::SeqCst), everybody().len());
    wide.pass(601_000);
    poll(&wide.env, &everybody()).await;
    assert_eq!(count.logins.load(Ordering::SeqCst), 2 * everybody().len(), "what is past its time is opened anew");
    assert_eq!(count.most.load(Ordering::SeqCst), everybody().len());
    wide.env.kept.close_all().await;
}

#[tokio::test]
async fn a_login_ends_before_the_brake_forgets_it() {
    let [hangs, ..] = ACME;
    let count = Count::new(Some(hangs));
    let world = world(SessionLimits::default(), &[], &count).await;
    let env = world.env.clone();
    let polled = tokio::spawn(async move { poll::run(&env, &[hangs.parse().unwrap()], &pulse()).await });
    drop(count.begun.acquire().await.unwrap());
    world.pass(LOGIN_MS);
    const { assert!(LOGIN_MS < LOGIN_MS_MAX) };
    let polled = tokio::time::timeout(Duration::from_secs(10), polled).await.expect("it is over").unwrap().unwrap();
    assert_eq!(polled[0].poll.outcome, Outcome::TimedOut);
    assert!(polled[0].poll.reason.as_data().starts_with("the whole login took longer"), "{:?}", polled[0].poll.reason);
    assert_eq!(count.open.load(Ordering::SeqCst), 0);
    // Nothing is under way any more, and nothing was judged.
    let (name, seat) = ("acme/operator".parse().unwrap(), hangs.parse::<Door>().unwrap());
    world.env.gate.report(&name, &seat, LoginResult::Refused, world.env.clock.now()).await.unwrap();
    let second = ACME[1].parse::<Door>().unwrap();
    assert_eq!(world.env.gate.ask(&name, &second, world.env.clock.now(), || vec![second.clone()]), Permit::Yes);
}

#[tokio::test]
async fn behind_its_last_day_a_legacy_seat_is_not_dialled() {
    let count = Count::new(None);
    let mut world = world(SessionLimits::default(), &[], &count).await;
    for (until, expected) in [("2026-11-24", Outcome::Answered), ("2026-11-23", Outcome::LegacyOver)] {
        let inventory = Arc::make_mut(&mut world.env.inventory);
        let seat = inventory.seats.get_mut(&ACME[0].parse::<SeatName>().unwrap()).unwrap();
        (seat.ssh.algorithms, seat.ssh.legacy_until) = (Algorithms::Legacy, Some(until.to_owned()));
        assert_eq!(world.env.clock.now().day(world.env.settings.zone), "2026-11-24", "the day of the tests");
        let before = count.logins.load(Ordering::SeqCst);
        let seats = [ACME[0].parse().unwrap()];
        let polled = poll::run(&world.env, &seats, &pulse()).await.unwrap();
        assert_eq!(polled[0].poll.outcome, expected);
        assert_eq!(count.logins.load(Ordering::SeqCst) - before, usize::from(expected == Outcome::Answered));
        let scanned = hostkey::scan(&world.env, &Actor::itself(), &seats).await.unwrap();
        if expected == Outcome::Answered {
            assert!(scanned[0].key.is_ok());
            continue;
        }
        assert_eq!(scanned[0].key.as_ref().unwrap_err().outcome, Outcome::LegacyOver);
        let reason = polled[0].poll.reason.as_data();
        for words in [until, "legacy_until:", ACME[0]] {
            assert!(reason.contains(words), "{reason}");
        }
    }
}
