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
