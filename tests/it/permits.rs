//! Everything that opens a session holds a permit of its lane, the further try of a doubted credential too, and nobody
//! who waits for the brake holds one.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use hoshu::access::{Access, AccessError, Answer, Negotiated, Peer, Session, ShownKey};
use hoshu::engine::lane::Lanes;
use hoshu::engine::poll::{self, Wanted};
use hoshu::lab::Fault;
use hoshu::model::actor::{Act, Scope};
use hoshu::model::command::ReadCommand;
use hoshu::model::credential::Login;
use hoshu::model::name::SeatName;
use hoshu::model::reading::{Outcome, Tier};
use hoshu::model::settings::SessionLimits;

use crate::time::World;

/// How many connections there are, and were at most.
#[derive(Default)]
struct Count {
    open: AtomicUsize,
    most: AtomicUsize,
    logins: AtomicUsize,
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
            others().await;
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

/// The example fleet with these limits, in which `refusing` refuse, polled once by all of [`ACME`] and [`OTHERS`].
async fn poll_with(limits: SessionLimits, refusing: &[&str]) -> (World, Arc<Count>, Vec<(SeatName, Outcome)>) {
    let mut world = World::with(ACME[0]).await;
    let seats: Vec<SeatName> = ACME.iter().chain(&OTHERS).map(|seat| seat.parse().unwrap()).collect();
    for seat in seats.iter().skip(1).chain(&["acme-fx01".parse().unwrap()]) {
        world.accept_key(seat).await;
    }
    let count = Arc::new(Count::default());
    world.env.access = Arc::new(Counted { inner: Arc::clone(&world.env.access), count: Arc::clone(&count) });
    world.env.lanes = Arc::new(Lanes::new(&limits));
    for seat in refusing {
        world.rack.place(&seat.parse().unwrap()).unwrap().break_by(Fault::WrongPassword, None);
    }
    // A deadlock ends by the clock.
    let wanted = Wanted::Tiers(vec![Tier::Pulse]);
    let polled = tokio::time::timeout(Duration::from_mins(1), poll::run(&world.env, &seats, &wanted)).await;
    let polled = polled.expect("nobody waits for ever").unwrap();
    let outcomes = polled.into_iter().map(|one| (one.facts.seat.name.clone(), one.poll.outcome)).collect();
    (world, count, outcomes)
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
        let (world, count, outcomes) = poll_with(limits, &ACME).await;
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
        let (_world, count, outcomes) = poll_with(limits, &[liar]).await;
        assert_eq!(count.most.load(Ordering::SeqCst), 1);
        for (seat, outcome) in &outcomes {
            let expected = if seat.as_str() == liar { Outcome::LoginRefused } else { Outcome::Answered };
            assert_eq!(*outcome, expected, "{seat}");
        }
    }
}
