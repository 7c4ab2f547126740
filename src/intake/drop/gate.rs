//! Counts connections before their login: of each source, and of all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Gate {
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    gate: Arc<Gate>,
    source: IpAddr,
}

impl Gate {
    /// Counts a connection, if there is room for it.
    pub(super) fn enter(self: &Arc<Self>, source: IpAddr, per_source: usize, all: usize) -> Option<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = waiting.values().sum();
        let own = waiting.get(&source).copied().unwrap_or(0);
        if total >= all || own >= per_source {
            return None;
        }
        waiting.insert(source, own + 1);
        drop(waiting);
        Some(Waiting { gate: Arc::clone(self), source })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_does_not_take_the_room_of_others() {
        let gate = Arc::new(Gate::default());
        let [one, other]: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let held: Vec<_> = (0..5).map_while(|_| gate.enter(one, 2, 3)).collect();
        assert_eq!(held.len(), 2);
        let third = gate.enter(other, 2, 3).unwrap();
        assert!(gate.enter(other, 2, 3).is_none(), "all room is taken");
        drop(held);
        drop(third);
        assert!(gate.waiting.lock().unwrap().is_empty());
    }
}
