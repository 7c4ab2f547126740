//! Customers, seats, polls and backups to fill a store with.

use hoshu::model::actor::{Act, Actor, NewAudit, Proof, Scope};
use hoshu::model::backup::{Backup, BackupKind, Grade, SectionCount};
use hoshu::model::finding::{Finding, FindingState};
use hoshu::model::id::{AssetId, ObjectId};
use hoshu::model::name::{CustomerName, SeatName};
use hoshu::model::object::{ObjectBody, ObjectFacts, ObjectKind, SealedObject};
use hoshu::model::outside::Outside;
use hoshu::model::reading::{Component, ComponentKind, Condition, Measure, Outcome, Span, Tier, Unit};
use hoshu::model::record::{PollRecord, SpanChange};
use hoshu::model::redacted::RedactedText;
use hoshu::model::time::Time;
use hoshu::store::{BackupObject, Scoped, Store};

use super::place::NOW;

pub(crate) fn customer(name: &str) -> CustomerName {
    name.parse().unwrap()
}

pub(crate) fn seat(name: &str) -> SeatName {
    name.parse().unwrap()
}

pub(crate) fn house(store: &Store) -> Scoped {
    store.scoped(Scope::House)
}

pub(crate) fn audit(act: Act, subject: &str) -> NewAudit {
    let actor = Actor { name: "mika".to_owned(), proof: Proof::Claimed, scope: Scope::House };
    actor.did(NOW, act, subject, &serde_json::json!({"v": 1}))
}

pub(crate) fn disk(number: u32) -> Component {
    Component::new(ComponentKind::Disk, number.to_string())
}

pub(crate) fn span(component: Component, condition: Condition, said: &str, at: Time) -> Span {
    Span { component, condition, said: Outside::from(said), first_at: at, last_at: at, polls: 1 }
}

pub(crate) fn poll(customer_name: &str, seat_name: &str, at: Time) -> PollRecord {
    PollRecord {
        customer: customer(customer_name),
        seat: seat(seat_name),
        at,
        outcome: Outcome::Answered,
        reason: Outside::default(),
        tiers: vec![Tier::Pulse],
        took_ms: 420,
        spans: vec![],
        findings: vec![],
        samples: vec![],
    }
}

pub(crate) fn opened(component: Component, condition: Condition, said: &str, at: Time) -> SpanChange {
    SpanChange::Open(span(component, condition, said, at))
}

pub(crate) fn celsius(degrees: i64) -> (Component, Measure) {
    (Component::only(ComponentKind::Temperature), Measure::whole(degrees, Unit::Celsius))
}

pub(crate) fn finding(customer_name: &str, seat_name: &str, said: &str) -> Finding {
    Finding {
        id: None,
        customer: customer(customer_name),
        seat: seat(seat_name),
        component: disk(0),
        condition: Condition::Bad,
        said: Outside::from(said),
        state: FindingState::Soft,
        since: NOW,
        hard_at: None,
        last_at: NOW,
        count: 1,
        good_count: 0,
        ended_at: None,
    }
}

pub(crate) fn backup(customer_name: &str, seat_name: &str, asset: AssetId, grade: Grade) -> Backup {
    Backup {
        id: None,
        kind: BackupKind::Configuration,
        customer: customer(customer_name),
        seat: seat(seat_name),
        asset,
        taken_at: NOW,
        seen_at: NOW,
        grade,
        doubts: vec![],
        change_id: Some(u64::MAX),
        release: Some(Outside::from("9.1.0.924861")),
        bytes: 20_000,
        lines: 600,
        sections: [SectionCount { title: Outside::from("Network configuration"), commands: 12 }].into(),
        content: "ab".repeat(32),
        object: ObjectId(0),
        events: vec![],
    }
}

pub(crate) fn sealed(customer_name: &str, seat_name: &str, body: &[u8]) -> SealedObject {
    let facts = ObjectFacts {
        customer: customer(customer_name),
        seat: seat(seat_name),
        generation: 1,
        kind: ObjectKind::Configuration,
        taken_at: NOW,
        nonce: "00".repeat(16),
        digest: [7; 32],
        bytes: body.len() as u64,
    };
    SealedObject { facts, body: ObjectBody::Row(body.to_vec()) }
}

pub(crate) fn new_object(customer_name: &str, seat_name: &str, body: &[u8]) -> BackupObject {
    kept(sealed(customer_name, seat_name, body))
}

/// An object with a redacted text of its own.
pub(crate) fn kept(object: SealedObject) -> BackupObject {
    let text = format!("hostname {}\n", object.facts.seat);
    BackupObject::New(Box::new((object, RedactedText { text: text.into(), unreviewed: vec![0] })))
}
