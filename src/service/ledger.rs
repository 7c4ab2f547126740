//! `hoshu ledger`: what the inventory and the store know, as lists that leave the house: serials, contracts, licences,
//! ends of support, and a list of somebody else held against them. Nothing here asks an appliance.

pub mod ends;
pub mod reconcile;

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Serialize;

use crate::engine::env::Env;
use crate::inventory::import::plain_model;
use crate::model::actor::Actor;
use crate::model::asset::Asset;
use crate::model::inventory::{Seat, Supplier};
use crate::model::name::{CustomerName, SeatName, SiteName};
use crate::model::outside::Outside;
use crate::model::reading::{ComponentKind, Condition};
use crate::model::series::Series;
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::yaml::form::date;

pub use crate::sheet::{Export, Value, to_csv, to_workbook};

/// A list that can be a table for people and a file for other tools.
pub trait Ledger: Serialize {
    /// The list as rows; instants are shown in `zone`.
    fn table(&self, zone: Tz) -> Export;
}

/// The seats that are meant: all that the actor sees, or those of the selectors.
async fn meant<'a>(env: &'a Env, actor: &Actor, on: &[String]) -> Result<Vec<&'a Seat>, Refusal> {
    if on.is_empty() {
        return Ok(env.inventory.seats.values().filter(|seat| actor.scope.sees(&seat.customer)).collect());
    }
    let selection = select::seats(env, actor, on).await?;
    Ok(selection.seats.iter().filter_map(|name| env.inventory.seats.get(name)).collect())
}

async fn assets(env: &Env, actor: &Actor) -> Result<HashMap<SeatName, Asset>, Refusal> {
    let assets = env.store.scoped(actor.scope.clone()).asset_list().await?;
    Ok(assets.into_iter().map(|asset| (asset.seat.clone(), asset)).collect())
}

fn today(env: &Env) -> NaiveDate {
    date(&env.clock.now().day(env.settings.zone)).unwrap_or_default()
}

fn day(text: Option<&str>) -> Value {
    text.and_then(date).map_or(Value::Empty, Value::Day)
}

fn at(time: Option<Time>, zone: Tz) -> Value {
    time.map_or(Value::Empty, |time| Value::text(time.show(zone)))
}

crate::words! {
    /// How the serial of the files and that of the hardware stand to each other.
    pub enum SerialState {
        /// They are one.
        Same = "same",
        /// They are not: the unit was replaced, or the file is wrong.
        Differs = "differs",
        /// The files name none; the hardware was met.
        NotDeclared = "not-declared",
        /// Nobody has met the hardware yet.
        NotMet = "not-met",
    }
}

/// One seat's hardware.
#[derive(Debug, Clone, Serialize)]
pub struct Serial {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its site.
    pub site: SiteName,
    /// The series.
    pub series: Series,
    /// How declared and seen stand to each other.
    pub state: SerialState,
    /// The serial of the files.
    pub declared: Option<String>,
    /// The serial of the hardware.
    pub seen: Option<Outside>,
    /// The model of the files.
    pub model_declared: String,
    /// The model of the hardware, as it says it.
    pub model_seen: Option<Outside>,
    /// Its appliance ID.
    pub appliance_id: Option<Outside>,
    /// The release, and when it was seen.
    pub release: Option<(Outside, Time)>,
    /// Since when the hardware sits there, as far as we know.
    pub since: Option<Time>,
}

/// Serials by seat.
#[derive(Debug, Clone, Serialize)]
pub struct Serials {
    /// The seats.
    pub serials: Vec<Serial>,
}

/// The hardware of seats: what is declared and what was met.
pub async fn serials(env: &Env, actor: &Actor, on: &[String]) -> Result<Serials, Refusal> {
    let mut assets = assets(env, actor).await?;
    let row = |seat: &Seat| {
        let asset = assets.remove(&seat.name);
        let seen = asset.as_ref().and_then(|asset| asset.serial.clone()).filter(|_| met(asset.as_ref()));
        let state = match (&seat.serial, &seen) {
            (_, None) => SerialState::NotMet,
            (None, Some(_)) => SerialState::NotDeclared,
            (Some(declared), Some(seen)) if declared == seen.as_data() => SerialState::Same,
            (Some(_), Some(_)) => SerialState::Differs,
        };
        let asset = asset.filter(|asset| met(Some(asset)));
        Serial {
            seat: seat.name.clone(),
            customer: seat.customer.clone(),
            site: seat.site.clone(),
            series: seat.series,
            state,
            declared: seat.serial.clone(),
            seen,
            model_declared: seat.model.clone(),
            model_seen: asset.as_ref().and_then(|asset| asset.model.clone()),
            appliance_id: asset.as_ref().and_then(|asset| asset.appliance_id.clone()),
            release: asset.as_ref().and_then(|asset| asset.release.clone()),
            since: asset.as_ref().map(|asset| asset.since),
        }
    };
    Ok(Serials { serials: meant(env, actor, on).await?.into_iter().map(row).collect() })
}

/// Whether an asset has shown itself: before its first login it has the serial of the files, which is no sight of it.
fn met(asset: Option<&Asset>) -> bool {
    asset.is_some_and(|asset| asset.product.is_some())
}

impl Ledger for Serials {
    fn table(&self, zone: Tz) -> Export {
        let row = |one: &Serial| {
            vec![
                Value::text(one.seat.as_str()),
                Value::text(one.customer.as_str()),
                Value::text(one.site.as_str()),
                Value::text(one.series.as_str()),
                Value::text(one.state.as_str()),
                one.declared.clone().into(),
                one.seen.clone().into(),
                Value::text(one.model_declared.as_str()),
                one.model_seen.clone().into(),
                one.appliance_id.clone().into(),
                one.release.as_ref().map(|(release, _)| release.clone()).into(),
                at(one.release.as_ref().map(|(_, at)| *at), zone),
            ]
        };
        Export {
            name: "serials",
            head: &[
                "seat",
                "customer",
                "site",
                "series",
                "state",
                "serial in the files",
                "serial seen",
                "model",
                "model seen",
                "appliance ID",
                "release",
                "seen",
            ],
            rows: self.serials.iter().map(row).collect(),
        }
    }
}

crate::words! {
    /// How a contract stands today.
    pub enum ContractState {
        /// There is none, and the seat needs one.
        Missing = "missing",
        /// Its last day is over.
        Ended = "ended",
        /// Its last day is near.
        Ends = "ends",
        /// Its first day is still to come.
        NotBegun = "not-begun",
        /// It holds.
        Holds = "holds",
    }
}

/// The days before an end at which it is spoken of; half a year, since budgets are made in time.
const NOTICE_DAYS: [i64; 6] = [0, 7, 30, 60, 90, 180];

/// One contract, or the seats of a customer that have none.
#[derive(Debug, Clone, Serialize)]
pub struct ContractLine {
    /// The customer.
    pub customer: CustomerName,
    /// How it stands.
    pub state: ContractState,
    /// Its number.
    pub number: Option<String>,
    /// Its level.
    pub level: Option<String>,
    /// The dealer.
    pub dealer: Option<String>,
    /// Its first day.
    pub from: Option<String>,
    /// Its last day.
    pub until: Option<String>,
    /// Days until its last day; negative when it is over.
    pub days_left: Option<i64>,
    /// The mark that was passed last: so many days or fewer are left.
    pub notice: Option<i64>,
    /// The seats under it.
    pub seats: Vec<SeatName>,
}

/// Contracts, the most urgent first.
#[derive(Debug, Clone, Serialize)]
pub struct Contracts {
    /// The day against which they were held.
    pub day: String,
    /// The contracts.
    pub contracts: Vec<ContractLine>,
}

/// Contracts of the seats that are meant, and seats of ours without one. Without selectors also contracts of no seat.
pub async fn contracts(env: &Env, actor: &Actor, on: &[String]) -> Result<Contracts, Refusal> {
    let today = today(env);
    let mut seats: BTreeMap<(CustomerName, Option<String>), Vec<SeatName>> = BTreeMap::new();
    for seat in meant(env, actor, on).await? {
        let needs = seat.supplier == Supplier::Us && !seat.virtual_machine;
        if needs || seat.contract.is_some() {
            seats.entry((seat.customer.clone(), seat.contract.clone())).or_default().push(seat.name.clone());
        }
    }
    let mut lines = Vec::new();
    for customer in env.inventory.customers.values().filter(|customer| actor.scope.sees(&customer.name)) {
        for contract in &customer.contracts {
            let under = seats.remove(&(customer.name.clone(), Some(contract.number.clone()))).unwrap_or_default();
            if under.is_empty() && !on.is_empty() {
                continue;
            }
            let left = date(&contract.until).map(|until| until.signed_duration_since(today).num_days());
            let notice = left.and_then(|left| NOTICE_DAYS.iter().copied().find(|mark| left <= *mark));
            let begun = date(&contract.from).is_none_or(|from| from <= today);
            let state = match (left, notice) {
                (Some(..0), _) => ContractState::Ended,
                _ if !begun => ContractState::NotBegun,
                (_, Some(_)) => ContractState::Ends,
                _ => ContractState::Holds,
            };
            lines.push(ContractLine {
                customer: customer.name.clone(),
                state,
                number: Some(contract.number.clone()),
                level: Some(contract.level.clone()),
                dealer: Some(contract.dealer.clone()),
                from: Some(contract.from.clone()),
                until: Some(contract.until.clone()),
                days_left: left,
                notice,
                seats: under,
            });
        }
    }
    // What is left names no contract: the check refuses a number that nobody declares.
    lines.extend(seats.into_iter().map(|((customer, number), seats)| ContractLine {
        customer,
        state: ContractState::Missing,
        number,
        level: None,
        dealer: None,
        from: None,
        until: None,
        days_left: None,
        notice: None,
        seats,
    }));
    lines.sort_by(|one, other| {
        let key = |line: &ContractLine| (line.state, line.days_left.unwrap_or(i64::MIN));
        key(one).cmp(&key(other))
    });
    Ok(Contracts { day: today.to_string(), contracts: lines })
}

impl Ledger for Contracts {
    fn table(&self, _: Tz) -> Export {
        let row = |one: &ContractLine| {
            let names: Vec<&str> = one.seats.iter().map(SeatName::as_str).collect();
            vec![
                Value::text(one.customer.as_str()),
                Value::text(one.state.as_str()),
                one.number.clone().into(),
                one.level.clone().into(),
                one.dealer.clone().into(),
                day(one.from.as_deref()),
                day(one.until.as_deref()),
                one.days_left.map_or(Value::Empty, Value::Number),
                Value::Number(i64::try_from(one.seats.len()).unwrap_or(i64::MAX)),
                Value::text(names.join(", ")),
            ]
        };
        Export {
            name: "contracts",
            head: &["customer", "state", "number", "level", "dealer", "from", "until", "days left", "seats", "which"],
            rows: self.contracts.iter().map(row).collect(),
        }
    }
}

/// One licence of one seat, or a seat of which none was read.
#[derive(Debug, Clone, Serialize)]
pub struct Licence {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// The series.
    pub series: Series,
    /// The licence, as the appliance names it; `None` when no licence was ever read there.
    pub licence: Option<Outside>,
    /// How it is.
    pub condition: Option<Condition>,
    /// What the appliance says of it.
    pub said: Option<Outside>,
    /// The poll that saw it first so.
    pub first_at: Option<Time>,
    /// The poll that saw it last.
    pub last_at: Option<Time>,
}

/// Licences, those that need attention first.
#[derive(Debug, Clone, Serialize)]
pub struct Licences {
    /// The licences.
    pub licences: Vec<Licence>,
}

/// Licences as polls saw them last.
pub async fn licences(env: &Env, actor: &Actor, on: &[String]) -> Result<Licences, Refusal> {
    let seats = meant(env, actor, on).await?;
    let names: Vec<SeatName> = seats.iter().map(|seat| seat.name.clone()).collect();
    let mut spans = env.store.scoped(actor.scope.clone()).span_open(&names).await?;
    let mut licences = Vec::new();
    for seat in seats {
        let open = spans.remove(&seat.name).unwrap_or_default();
        let found: Vec<_> = open.into_iter().filter(|span| span.component.kind == ComponentKind::Licence).collect();
        let line = |span: Option<crate::model::reading::Span>| Licence {
            seat: seat.name.clone(),
            customer: seat.customer.clone(),
            series: seat.series,
            licence: span.as_ref().map(|span| span.component.name.clone()),
            condition: span.as_ref().map(|span| span.condition),
            first_at: span.as_ref().map(|span| span.first_at),
            last_at: span.as_ref().map(|span| span.last_at),
            said: span.map(|span| span.said),
        };
        if found.is_empty() {
            licences.push(line(None));
        }
        licences.extend(found.into_iter().map(|span| line(Some(span))));
    }
    // What was never read is no good news: it stands between what is not good and what is.
    licences.sort_by_key(|line| match line.condition {
        Some(condition) if !condition.is_good() => 0,
        None => 1,
        Some(_) => 2,
    });
    Ok(Licences { licences })
}

impl Ledger for Licences {
    fn table(&self, zone: Tz) -> Export {
        let row = |one: &Licence| {
            // A licence without a name of its own is that of the product as a whole.
            let name = one.licence.as_ref().map(|name| if name.is_empty() { "product".into() } else { name.clone() });
            vec![
                Value::text(one.seat.as_str()),
                Value::text(one.customer.as_str()),
                Value::text(one.series.as_str()),
                name.into(),
                Value::text(one.condition.map_or("not read yet", Condition::as_str)),
                one.said.clone().into(),
                at(one.first_at, zone),
                at(one.last_at, zone),
            ]
        };
        Export {
            name: "licences",
            head: &["seat", "customer", "series", "licence", "condition", "the appliance says", "from", "last"],
            rows: self.licences.iter().map(row).collect(),
        }
    }
}

/// The model of the hardware as files and lists write it.
fn model_seen(asset: Option<&Asset>) -> Option<Outside> {
    asset.filter(|asset| met(Some(asset))).and_then(|asset| asset.model.as_ref()).map(plain_model)
}
