//! `hoshu card`: everything about one seat on one screen, from the store and the inventory alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::env::Env;
use crate::inventory::{NotServed, not_served_of};
use crate::model::actor::Actor;
use crate::model::asset::KeyState;
use crate::model::backup::{Backup, BackupKind};
use crate::model::backup_event::Standing;
use crate::model::credential::{CredentialName, Purpose};
use crate::model::door::Door;
use crate::model::id::BackupId;
use crate::model::inventory::{Contact, Contract, Seat, Window};
use crate::model::name::SeatName;
use crate::model::reading::{Component, Condition};
use crate::model::time::Time;
use crate::service::appliance;
use crate::service::credential::{self, Stop};
use crate::service::ledger::ends::{End, Subject, ends};
use crate::service::ledger::{ContractState, contracts};
use crate::service::refusal::Refusal;
use crate::store::BackupFilter;

/// Backups that a card shows.
const BACKUPS: i64 = 3;
/// Days before an end of support at which a card speaks of it.
const END_NOTICE_DAYS: i64 = 180;

/// A credential of the seat, by reference: the secret is no part of it.
#[derive(Debug, Clone, Serialize)]
pub struct CardCredential {
    /// Its name.
    pub name: CredentialName,
    /// What the seat names it for.
    pub purpose: Purpose,
    /// From what kind of place the secret comes; `None` when the settings have no source for it.
    pub from: Option<&'static str>,
    /// Where it is refused or stopped: this seat, or everywhere.
    pub stops: Vec<Stop>,
}

/// One backup.
#[derive(Debug, Clone, Serialize)]
pub struct CardBackup {
    /// Which.
    pub id: Option<BackupId>,
    /// When it was fetched.
    pub taken_at: Time,
    /// When it was last seen to be what the appliance has.
    pub seen_at: Time,
    /// What it is worth now.
    pub standing: Standing,
}

/// What a person must know before touching the seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What it is about.
    pub about: &'static str,
    /// In words.
    pub text: String,
}

/// A component that is not good.
#[derive(Debug, Clone, Serialize)]
pub struct NotGood {
    /// Which.
    pub component: Component,
    /// How it is.
    pub condition: Condition,
}

/// Everything about one seat.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// When the card was made.
    pub at: Time,
    /// What is declared and what was seen.
    #[serde(flatten)]
    pub seat: appliance::Card,
    /// The customer's formal name.
    pub customer_title: String,
    /// So many components in each condition.
    pub conditions: BTreeMap<Condition, usize>,
    /// Components that are not good, the worst first.
    pub not_good: Vec<NotGood>,
    /// The newest backups.
    pub backups: Vec<CardBackup>,
    /// The contract, its state and days left.
    pub contract: Option<Contract>,
    /// How it stands; `None` when the seat needs none.
    pub contract_state: Option<(ContractState, Option<i64>)>,
    /// When disruptive work may start.
    pub window: Option<Window>,
    /// Persons, in the order in which they are called.
    pub contacts: Vec<Contact>,
    /// The credentials that the seat names.
    pub credentials: Vec<CardCredential>,
    /// What a person must know.
    pub notices: Vec<Notice>,
    /// Ends of support of its model and release.
    pub ends: Vec<End>,
    /// What is declared for it and not yet served.
    pub not_yet_served: Vec<NotServed>,
}

/// The card of one seat.
pub async fn card(env: &Env, actor: &Actor, name: &SeatName) -> Result<Card, Refusal> {
    let shown = appliance::show(env, actor, name).await?;
    let seat = &shown.seat;
    let customer = env.inventory.customers.get(&seat.customer);
    let scoped = env.store.scoped(actor.scope.clone());
    let filter = BackupFilter {
        seats: Some(vec![name.clone()]),
        grade: None,
        kinds: BackupKind::CONFIGURATIONS,
        limit: Some(BACKUPS),
    };
    let backups: Vec<Backup> = scoped.backup_list(filter).await?;
    let mut conditions = BTreeMap::new();
    let mut not_good = Vec::new();
    for span in &shown.spans {
        *conditions.entry(span.condition).or_default() += 1;
        if !span.condition.is_good() {
            not_good.push(NotGood { component: span.component.clone(), condition: span.condition });
        }
    }
    not_good.sort_by_key(|one| std::cmp::Reverse(one.condition));
    let on = [name.to_string()];
    let contract_line = contracts(env, actor, &on).await?.contracts.pop();
    let declared = customer.map(|customer| customer.contracts.as_slice()).unwrap_or_default();
    let number = seat.contract.as_deref();
    let windows = customer.map(|customer| customer.windows.as_slice()).unwrap_or_default();
    let card = Card {
        at: env.clock.now(),
        customer_title: customer.map(|customer| customer.title.clone()).unwrap_or_default(),
        conditions,
        not_good,
        backups: backups.iter().map(of_backup).collect(),
        contract: declared.iter().find(|contract| Some(contract.number.as_str()) == number).cloned(),
        contract_state: contract_line.map(|line| (line.state, line.days_left)),
        window: windows.iter().find(|window| Some(&window.name) == seat.window.as_ref()).cloned(),
        contacts: customer.map(|customer| customer.contacts.clone()).unwrap_or_default(),
        credentials: credentials(env, actor, seat).await?,
        notices: Vec::new(),
        ends: ends(env, actor, &on).await?.ends,
        not_yet_served: not_served_of(&env.inventory, seat),
        seat: shown.clone(),
    };
    let notices = notices(env, &card);
    Ok(Card { notices, ..card })
}

fn of_backup(backup: &Backup) -> CardBackup {
    CardBackup { id: backup.id, taken_at: backup.taken_at, seen_at: backup.seen_at, standing: backup.standing() }
}

async fn credentials(env: &Env, actor: &Actor, seat: &Seat) -> Result<Vec<CardCredential>, Refusal> {
    let known = credential::list(env, actor).await?.credentials;
    let named = [
        (Purpose::Read, &seat.credentials.read),
        (Purpose::Change, &seat.credentials.change),
        (Purpose::Snmp, &seat.credentials.snmp),
        (Purpose::Api, &seat.credentials.api),
    ];
    let one = |(purpose, name): (Purpose, &Option<CredentialName>)| {
        let name = name.clone()?;
        let source = known.iter().find(|one| one.name == name);
        let here = |stop: &&Stop| stop.door.as_ref().is_none_or(|door| *door == Door::Seat(seat.name.clone()));
        let stops = source.map(|source| source.stops.iter().filter(here).cloned().collect()).unwrap_or_default();
        Some(CardCredential { name, purpose, from: source.map(|source| source.from), stops })
    };
    Ok(named.into_iter().filter_map(one).collect())
}

/// What is open, announced or near its end, the most pressing first.
fn notices(env: &Env, card: &Card) -> Vec<Notice> {
    let seat = &card.seat.seat;
    let mut notices = Vec::new();
    let mut say = |about: &'static str, text: String| notices.push(Notice { about, text });
    // What a finding holds is true until good readings end it, whatever could not be judged since.
    let held = card.seat.findings.iter().map(|finding| (&finding.component, finding.condition));
    let mut told = Vec::new();
    for (component, condition) in card.not_good.iter().map(|one| (&one.component, one.condition)).chain(held) {
        let what = match condition {
            Condition::Unprotected => "traffic or mail passes uninspected",
            Condition::Blind => "it sees nothing",
            Condition::Mute => "nobody is told of what it finds",
            _ => continue,
        };
        if !told.contains(&component) {
            told.push(component);
            say("protection", format!("{}: {what}", component.for_terminal()));
        }
    }
    if card.seat.serial_differs {
        say("identity", format!("the files say serial {}", seat.serial.clone().unwrap_or_default()));
    }
    for key in card.seat.host_keys.iter().filter(|key| key.state == KeyState::Seen) {
        say("host key", format!("{} was shown and is accepted by nobody", key.id));
    }
    for stop in card.credentials.iter().flat_map(|one| one.stops.iter().map(move |stop| (one, stop))) {
        let (one, stop) = stop;
        let place = if stop.door.is_some() { "here" } else { "on every seat" };
        say("credential", format!("{} is {} {place} since {}", one.name, stop.state, stop.at.show(env.settings.zone)));
    }
    match card.contract_state {
        Some((ContractState::Missing, _)) => say("contract", "there is none, and we sold the unit".to_owned()),
        Some((ContractState::Ended, Some(days))) => say("contract", format!("ended {} days ago", -days)),
        Some((ContractState::Ends, Some(days))) => say("contract", format!("ends in {days} days")),
        Some((ContractState::NotBegun, _)) => say("contract", "has not begun yet".to_owned()),
        _ => {}
    }
    for end in &card.ends {
        let (Some(days), Some(what)) = (end.days_left.filter(|days| *days <= END_NOTICE_DAYS), &end.what) else {
            continue;
        };
        let of = if end.subject == Subject::Model { "hardware" } else { "software" };
        let when = if days < 0 { format!("ended {} days ago", -days) } else { format!("ends in {days} days") };
        let sure = format!("({}: {})", end.sureness, end.source.clone().unwrap_or_default());
        say("support", format!("{of} {} {when} {sure}", what.for_terminal()));
    }
    // Days of the files are local and compare as text; what is over is no notice.
    let today = card.at.day(env.settings.zone);
    for work in env.inventory.works.iter().filter(|work| work.concerns(seat) && work.until >= today) {
        say("work", format!("{} of {}, {} to {}", work.name, work.owner, work.from, work.until));
    }
    for freeze in env.inventory.freezes.iter().filter(|freeze| freeze.concerns(seat) && freeze.until >= today) {
        say("freeze", format!("{}, {} to {}", freeze.name, freeze.from, freeze.until));
    }
    notices
}
