//! What is known of the seats before any of them is touched, and how many of them are worked on at once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::engine::env::Env;
use crate::engine::event::Stop;
use crate::engine::session::Failure;
use crate::model::asset::Asset;
use crate::model::inventory::{Gateway, Seat};
use crate::model::name::SeatName;
use crate::model::reading::Outcome;
use crate::store::StoreError;

/// A seat with what the store knows of its hardware.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The seat.
    pub seat: Arc<Seat>,
    /// The gateway before it.
    pub gateway: Arc<Gateway>,
    /// The hardware of the current tenure; `None` before the first contact.
    pub asset: Option<Asset>,
    /// The accepted host keys of that hardware, in OpenSSH's one-line form.
    pub pins: Vec<String>,
}

/// Loads the facts of seats, in two queries however many there are. Seats are spread over gateways, so that a slow
/// line does not hold up the others.
pub async fn load(env: &Env, names: &[SeatName]) -> Result<Vec<Arc<Facts>>, StoreError> {
    let mut assets: HashMap<SeatName, Asset> =
        env.rows().asset_list().await?.into_iter().map(|asset| (asset.seat.clone(), asset)).collect();
    let mut pins = env.rows().host_key_pins(names).await?;
    let mut gateways: HashMap<_, (Arc<Gateway>, usize)> = HashMap::new();
    let mut facts = Vec::with_capacity(names.len());
    for name in names {
        let Some(seat) = env.inventory.seats.get(name) else { continue };
        let Some(gateway) = env.inventory.gateway(seat) else { continue };
        let (gateway, turn) = gateways
            .entry((&seat.customer, &seat.gateway))
            .and_modify(|(_, turn)| *turn += 1)
            .or_insert_with(|| (Arc::new(gateway.clone()), 0));
        let one = Arc::new(Facts {
            seat: Arc::new(seat.clone()),
            gateway: Arc::clone(gateway),
            asset: assets.remove(name),
            pins: pins.remove(name).unwrap_or_default(),
        });
        facts.push((*turn, one));
    }
    facts.sort_by_key(|(turn, _)| *turn);
    Ok(facts.into_iter().map(|(_, one)| one).collect())
}

/// What becomes of an item that had not its turn when somebody asked to stop.
pub(super) fn stopped() -> Failure {
    Failure::new(Outcome::Stopped, "stopped before its turn")
}

fn broke() -> Failure {
    Failure::new(Outcome::NotKept, "the task for this seat broke: a fault of the program")
}

/// Does `work` for each item, at most `at_once` of them at a time, each in a task of its own that is joined. After a
/// wish to stop nothing new begins. `undone` says what becomes of an item that did not begin, or whose task broke: every
/// item has a result.
pub async fn each<T, R, F>(
    stop: &Stop,
    items: Vec<T>,
    at_once: usize,
    work: impl Fn(T) -> F,
    undone: impl Fn(&T, Failure) -> R,
) -> Vec<R>
where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let mut results = Vec::with_capacity(items.len());
    let mut running = FuturesUnordered::new();
    let mut waiting = items.into_iter();
    loop {
        while running.len() < at_once.max(1) {
            match waiting.next() {
                None => break,
                Some(item) if stop.is_asked() => results.push(undone(&item, stopped())),
                Some(item) => {
                    let otherwise = undone(&item, broke());
                    let task = tokio::spawn(work(item));
                    // A task that panicked has been named by the panic hook.
                    running.push(async move { task.await.unwrap_or(otherwise) });
                }
            }
        }
        match running.next().await {
            None => return results,
            Some(result) => results.push(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn outcomes(stop: &Stop) -> Vec<Result<u32, Outcome>> {
        let work = |number: u32| async move {
            assert_ne!(number, 2, "this one breaks");
            Ok(number)
        };
        let mut all = each(stop, vec![1, 2, 3], 2, work, |_, failure| Err(failure.outcome)).await;
        all.sort();
        all
    }

    #[tokio::test]
    async fn every_item_has_a_result_even_when_its_task_breaks() {
        assert_eq!(outcomes(&Stop::default()).await, [Ok(1), Ok(3), Err(Outcome::NotKept)]);
    }

    #[tokio::test]
    async fn after_a_wish_to_stop_nothing_begins() {
        let stop = Stop::default();
        stop.ask();
        assert_eq!(outcomes(&stop).await, [Err(Outcome::Stopped); 3]);
    }
}
