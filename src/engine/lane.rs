//! Lanes and permits: how many sessions there may be at once for a seat, a gateway, a site, a customer and in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::engine::session::Kept;
use crate::model::inventory::{Gateway, Seat};
use crate::model::name::{CustomerName, GatewayName, SeatName, SiteName};
use crate::model::settings::SessionLimits;

type Counters<K> = Mutex<HashMap<K, Arc<Queue>>>;

/// So many places, and those who wait for one.
#[derive(Debug)]
pub struct Queue {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Queue {
    fn new(size: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(size.max(1))), waiting: AtomicUsize::new(0) })
    }

    /// Waits for a place, for which a session that is only kept is given up.
    async fn enter(self: Arc<Self>, kept: &Kept) -> Option<Place> {
        let place = if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            place
        } else {
            let _waits = Waits::new(&self);
            kept.give_up(&self).await;
            // The semaphores are never closed, so that the only error cannot come up.
            Arc::clone(&self.places).acquire_owned().await.ok()?
        };
        Some(Place { queue: self, _place: place })
    }
}

/// One who waits, as long as it does.
struct Waits<'a>(&'a Queue);

impl<'a> Waits<'a> {
    fn new(queue: &'a Queue) -> Self {
        queue.waiting.fetch_add(1, Ordering::SeqCst);
        Self(queue)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct Place {
    queue: Arc<Queue>,
    _place: OwnedSemaphorePermit,
}

/// The queues in front of the appliances. Everything that opens a session passes here.
#[derive(Debug)]
pub struct Lanes {
    limits: SessionLimits,
    all: Arc<Queue>,
    customers: Counters<CustomerName>,
    sites: Counters<(CustomerName, SiteName)>,
    gateways: Counters<(CustomerName, GatewayName)>,
    seats: Counters<SeatName>,
}

/// The right to hold one session; it ends when it is dropped.
#[derive(Debug)]
pub struct Permit {
    held: [Option<Place>; 5],
}

/// Of the places of a permit the first ones are of the seat and of its gateway, which count a session as long as it is open.
const FAR: usize = 2;

impl Permit {
    /// What a session holds that is open and does nothing: its places at the seat and at the gateway. All others limit the
    /// work of this side.
    #[must_use]
    pub fn at_rest(mut self) -> Self {
        self.held.iter_mut().skip(FAR).for_each(|place| *place = None);
        self
    }

    /// Whether somebody waits for one of its places.
    pub fn is_wanted(&self) -> bool {
        self.held.iter().flatten().any(|place| place.queue.waiting.load(Ordering::SeqCst) > 0)
    }

    /// Whether one of its places is of this queue.
    pub fn is_of(&self, queue: &Queue) -> bool {
        self.held.iter().flatten().any(|place| std::ptr::eq(Arc::as_ptr(&place.queue), queue))
    }
}

fn counter<K: Eq + Hash + Clone>(counters: &Counters<K>, key: &K, size: usize) -> Arc<Queue> {
    let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = counters.get(key) {
        return Arc::clone(found);
    }
    let made = Queue::new(size);
    counters.insert(key.clone(), Arc::clone(&made));
    made
}

impl Lanes {
    /// Lanes with these limits.
    pub fn new(limits: &SessionLimits) -> Self {
        Self {
            limits: *limits,
            all: Queue::new(limits.sessions as usize),
            customers: Mutex::default(),
            sites: Mutex::default(),
            gateways: Mutex::default(),
            seats: Mutex::default(),
        }
    }

    /// Waits until a session to this seat may be opened. The narrowest queue comes first, so that whoever waits for a
    /// busy seat keeps nothing from others. `kept` are the sessions that give way.
    pub async fn enter(&self, seat: &Seat, gateway: &Gateway, kept: &Kept) -> Permit {
        self.go_on(Permit { held: [const { None }; 5] }, seat, gateway, kept).await
    }

    /// As [`Self::enter`], with the places that a session held at rest.
    pub async fn go_on(&self, mut permit: Permit, seat: &Seat, gateway: &Gateway, kept: &Kept) -> Permit {
        let queues = [
            counter(&self.seats, &seat.name, usize::from(seat.ssh.sessions)),
            counter(&self.gateways, &(seat.customer.clone(), gateway.name.clone()), usize::from(gateway.sessions)),
            counter(&self.sites, &(seat.customer.clone(), seat.site.clone()), self.limits.per_site as usize),
            counter(&self.customers, &seat.customer, self.limits.per_customer as usize),
            Arc::clone(&self.all),
        ];
        for (place, queue) in permit.held.iter_mut().zip(queues) {
            if place.is_none() {
                *place = queue.enter(kept).await;
            }
        }
        permit
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::inventory::{example, load};

    fn inventory() -> (tempfile::TempDir, crate::model::inventory::Inventory) {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in example::EXAMPLE {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day");
        let inventory = load(folder.path(), today).expect("the example").inventory;
        (folder, inventory)
    }

    /// Whether somebody may enter now.
    async fn enters(lanes: &Lanes, inventory: &crate::model::inventory::Inventory, seat: &str) -> Option<Permit> {
        let seat = &inventory.seats[&seat.parse().expect("a name")];
        let gateway = inventory.gateway(seat).expect("a gateway");
        tokio::time::timeout(Duration::from_millis(20), lanes.enter(seat, gateway, &Kept::default())).await.ok()
    }

    #[tokio::test]
    async fn each_queue_holds_its_number_and_a_waiter_keeps_nothing_from_others() {
        let (_folder, inventory) = inventory();
        let lanes = Lanes::new(&SessionLimits { sessions: 3, per_customer: 2, ..SessionLimits::default() });
        let first = enters(&lanes, &inventory, "acme-nx01").await;
        assert!(first.is_some());
        assert!(enters(&lanes, &inventory, "acme-nx01").await.is_none(), "one session for a seat");
        let second = enters(&lanes, &inventory, "acme-ex01").await;
        assert!(second.is_some());
        assert!(enters(&lanes, &inventory, "acme-ax01").await.is_none(), "two for the customer");
        let third = enters(&lanes, &inventory, "momiji-nx01").await;
        assert!(third.is_some());
        assert!(enters(&lanes, &inventory, "umi-nx02").await.is_none(), "three in all");
        drop(first);
        assert!(enters(&lanes, &inventory, "umi-nx02").await.is_some(), "a place that is free is given on");
    }

    #[tokio::test]
    async fn a_session_at_rest_keeps_its_places_at_the_seat_and_the_gateway_alone() {
        let (_folder, inventory) = inventory();
        let lanes = Lanes::new(&SessionLimits { sessions: 1, ..SessionLimits::default() });
        let working = enters(&lanes, &inventory, "acme-nx01").await.expect("a place");
        assert!(enters(&lanes, &inventory, "momiji-nx01").await.is_none(), "one in all");
        let resting = working.at_rest();
        let other = enters(&lanes, &inventory, "momiji-nx01").await;
        assert!(other.is_some(), "one at rest does no work");
        assert!(enters(&lanes, &inventory, "acme-nx01").await.is_none(), "one session for a seat");
        let seat = &inventory.seats[&"acme-nx01".parse().expect("a name")];
        let gateway = inventory.gateway(seat).expect("a gateway");
        let kept = Kept::default();
        let waits = lanes.go_on(resting, seat, gateway, &kept);
        assert!(tokio::time::timeout(Duration::from_millis(20), waits).await.is_err(), "work waits for its turn");
        drop(other);
        let again = enters(&lanes, &inventory, "acme-nx01").await.expect("what waited in vain left everything");
        let going = lanes.go_on(again.at_rest(), seat, gateway, &kept).await;
        assert!(enters(&lanes, &inventory, "momiji-nx01").await.is_none(), "one in all");
        drop(going);
    }
}
