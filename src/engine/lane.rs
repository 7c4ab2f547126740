//! Lanes and permits: how many sessions there may be at once for a seat, a gateway, a site, a customer and in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::inventory::{Gateway, Seat};
use crate::model::name::{CustomerName, GatewayName, SeatName, SiteName};
use crate::model::settings::SessionLimits;

type Counters<K> = Mutex<HashMap<K, Arc<Semaphore>>>;

/// The queues in front of the appliances. Everything that opens a session passes here.
#[derive(Debug)]
pub struct Lanes {
    limits: SessionLimits,
    all: Arc<Semaphore>,
    customers: Counters<CustomerName>,
    sites: Counters<(CustomerName, SiteName)>,
    gateways: Counters<(CustomerName, GatewayName)>,
    seats: Counters<SeatName>,
}

/// The right to hold one session; it ends when it is dropped.
#[derive(Debug)]
pub struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 5],
}

fn counter<K: Eq + Hash + Clone>(counters: &Counters<K>, key: &K, size: usize) -> Arc<Semaphore> {
    let mut counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = counters.get(key) {
        return Arc::clone(found);
    }
    let made = Arc::new(Semaphore::new(size.max(1)));
    counters.insert(key.clone(), Arc::clone(&made));
    made
}

impl Lanes {
    /// Lanes with these limits.
    pub fn new(limits: &SessionLimits) -> Self {
        Self {
            limits: *limits,
            all: Arc::new(Semaphore::new(limits.sessions.max(1) as usize)),
            customers: Mutex::default(),
            sites: Mutex::default(),
            gateways: Mutex::default(),
            seats: Mutex::default(),
        }
    }

    /// Waits until a session to this seat may be opened. The narrowest queue comes first, so that whoever waits for a
    /// busy seat keeps nothing from others.
    pub async fn enter(&self, seat: &Seat, gateway: &Gateway) -> Permit {
        let queues = [
            counter(&self.seats, &seat.name, usize::from(seat.ssh.sessions)),
            counter(&self.gateways, &(seat.customer.clone(), gateway.name.clone()), usize::from(gateway.sessions)),
            counter(&self.sites, &(seat.customer.clone(), seat.site.clone()), self.limits.per_site as usize),
            counter(&self.customers, &seat.customer, self.limits.per_customer as usize),
            Arc::clone(&self.all),
        ];
        let mut held = [const { None }; 5];
        for (place, queue) in held.iter_mut().zip(queues) {
            // The semaphores are never closed, so that the only error cannot come up.
            *place = queue.acquire_owned().await.ok();
        }
        Permit { _held: held }
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
        tokio::time::timeout(Duration::from_millis(20), lanes.enter(seat, gateway)).await.ok()
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
}
