//! Lanes and permits: how many sessions there may be at once for a seat, a gateway, a customer and in all.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::inventory::{Gateway, Seat};
use crate::model::name::{CustomerName, GatewayName, SeatName};

/// How many sessions at once; a gateway and a seat state their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    /// In all.
    pub all: usize,
    /// For one customer.
    pub customer: usize,
}

type Counters<K> = Mutex<HashMap<K, Arc<Semaphore>>>;

/// The queues in front of the appliances. Everything that opens a session passes here.
#[derive(Debug)]
pub struct Lanes {
    limits: LaneLimits,
    all: Arc<Semaphore>,
    customers: Counters<CustomerName>,
    gateways: Counters<(CustomerName, GatewayName)>,
    seats: Counters<SeatName>,
}

/// The right to hold one session; it ends when it is dropped.
#[derive(Debug)]
pub struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 4],
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
    pub fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            all: Arc::new(Semaphore::new(limits.all.max(1))),
            customers: Mutex::default(),
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
            counter(&self.customers, &seat.customer, self.limits.customer),
            Arc::clone(&self.all),
        ];
        let mut held = [const { None }; 4];
        for (place, queue) in held.iter_mut().zip(queues) {
            // The semaphores are never closed, so that the only error cannot come up.
            *place = queue.acquire_owned().await.ok();
        }
        Permit { _held: held }
    }
}
