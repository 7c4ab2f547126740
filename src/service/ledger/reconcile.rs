//! `hoshu ledger reconcile`: a list of a dealer or a customer against inventory and hardware.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use serde::Serialize;

use super::{Export, Ledger, Value, assets, meant, met, model_seen};
use crate::decide::reconcile::reconcile;
use crate::engine::env::Env;
use crate::inventory::import::list;
use crate::inventory::import::load::request;
use crate::model::actor::Actor;
use crate::model::asset::Asset;
use crate::model::inventory::Seat;
use crate::model::ledger::{Compared, ListField, Ours, Standing};
use crate::model::outside::Outside;
use crate::service::import::{Asked, Doubt, Note};
use crate::service::refusal::Refusal;

/// What a comparison found.
#[derive(Debug, Clone, Serialize)]
pub struct Reconciled {
    /// The list.
    pub file: String,
    /// Rows of the list that were compared.
    pub rows: usize,
    /// Seats of ours that the list is meant to cover.
    pub seats: usize,
    /// Every row and every seat.
    pub compared: Vec<Compared>,
    /// Cells of the list that are not certain, and were not compared.
    pub doubts: Vec<Doubt>,
    /// What was done with the list.
    pub notes: Vec<Note>,
}

impl Reconciled {
    /// Whether list and ours agree in everything, and everything of the list could be read.
    pub fn agrees(&self) -> bool {
        self.doubts.is_empty() && self.compared.iter().all(|one| one.standing == Standing::Agrees)
    }
}

/// A seat of ours, to be held against a list.
pub(in crate::service) fn ours(env: &Env, seat: &Seat, asset: Option<&Asset>, covered: bool) -> Ours {
    let mut declared = vec![
        (ListField::Hostname, seat.hostname.clone()),
        (ListField::Customer, seat.customer.to_string()),
        (ListField::Model, seat.model.clone()),
    ];
    declared.extend(seat.serial.clone().map(|serial| (ListField::Serial, serial)));
    declared.extend(seat.address.map(|address| (ListField::Address, address.to_string())));
    let customer = env.inventory.customers.get(&seat.customer);
    let contracts = customer.map(|customer| customer.contracts.as_slice()).unwrap_or_default();
    if let Some(number) = &seat.contract {
        declared.push((ListField::Contract, number.clone()));
        if let Some(contract) = contracts.iter().find(|contract| contract.number == *number) {
            declared.extend([
                (ListField::ContractLevel, contract.level.clone()),
                (ListField::ContractDealer, contract.dealer.clone()),
                (ListField::ContractFrom, contract.from.clone()),
                (ListField::ContractUntil, contract.until.clone()),
            ]);
        }
    }
    let mut seen = Vec::new();
    let known = asset.filter(|asset| met(Some(asset)));
    seen.extend(known.and_then(|asset| asset.serial.clone()).map(|serial| (ListField::Serial, serial)));
    let release = known.and_then(|asset| asset.release.as_ref());
    seen.extend(release.map(|(release, _)| (ListField::Release, release.clone())));
    seen.extend(model_seen(asset).map(|model| (ListField::Model, model)));
    Ours { seat: seat.name.clone(), customer: seat.customer.clone(), declared, seen, covered }
}

/// Holds a list against the seats that are meant: those of the selectors, else those of the customers that the list
/// names, else all.
pub async fn run(env: &Env, actor: &Actor, asked: &Asked, on: &[String]) -> Result<Reconciled, Refusal> {
    let today = env.clock.now().utc().date_naive();
    let request = request(asked, today)?;
    let read = list(&request)?;
    let named: BTreeSet<&str> = read.rows.iter().filter_map(|row| row.get(ListField::Customer)).collect();
    let only = asked.customer.as_ref();
    let meant: BTreeSet<_> = meant(env, actor, on).await?.into_iter().map(|seat| seat.name.clone()).collect();
    let assets = assets(env, actor).await?;
    let covered = |seat: &Seat| {
        let by_list = match (on.is_empty(), only) {
            (false, _) => true,
            (true, Some(only)) => seat.customer == *only,
            (true, None) => named.is_empty() || named.contains(seat.customer.as_str()),
        };
        by_list && meant.contains(&seat.name)
    };
    let seats = env.inventory.seats.values().filter(|seat| actor.scope.sees(&seat.customer));
    let seats: Vec<Ours> = seats.map(|seat| ours(env, seat, assets.get(&seat.name), covered(seat))).collect();
    let mut rows = read.rows;
    if let Some(customer) = only {
        for row in rows.iter_mut().filter(|row| row.get(ListField::Customer).is_none()) {
            let cell = crate::model::ledger::ListedCell {
                field: ListField::Customer,
                value: customer.to_string(),
                at: row.at.clone(),
            };
            row.cells.push(cell);
        }
    }
    Ok(Reconciled {
        file: request.name,
        rows: rows.len(),
        seats: seats.iter().filter(|one| one.covered).count(),
        compared: reconcile(&rows, &seats),
        doubts: read.doubts,
        notes: read.notes,
    })
}

impl Ledger for Reconciled {
    fn table(&self, _: Tz) -> Export {
        let mut rows = Vec::new();
        for one in &self.compared {
            let head = |at: Option<&String>| {
                vec![
                    Value::text(one.standing.as_str()),
                    one.seat.as_ref().map(|seat| Outside::from(seat.as_str())).into(),
                    at.or(one.at.as_ref()).cloned().into(),
                ]
            };
            let tail = |first: bool| Value::text(if first { one.remark.as_str() } else { "" });
            if one.differences.is_empty() {
                let mut row = head(None);
                row.extend([Value::Empty, Value::Empty, Value::Empty, Value::Empty, tail(true)]);
                rows.push(row);
            }
            for (number, difference) in one.differences.iter().enumerate() {
                let mut row = head(difference.at.as_ref());
                row.extend([
                    Value::text(difference.field.as_str()),
                    difference.theirs.clone().into(),
                    difference.declared.clone().into(),
                    difference.seen.clone().into(),
                    tail(number == 0),
                ]);
                rows.push(row);
            }
        }
        Export {
            name: "reconcile",
            head: &["standing", "seat", "where", "what", "the list", "our files", "seen", "remark"],
            rows,
        }
    }
}
