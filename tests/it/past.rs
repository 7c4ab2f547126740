//! Backups that a house took long ago: put into its store as a take puts them, with objects that nobody opens.

#![cfg(test)]

use hoshu::depot::Depot;
use hoshu::model::actor::{Act, Actor, Scope};
use hoshu::model::backup::{Backup, BackupKind, Grade};
use hoshu::model::id::{AssetId, BackupId};
use hoshu::model::object::ObjectFacts;
use hoshu::model::realm::Realm;
use hoshu::model::time::Time;
use hoshu::store::{BackupObject, Store};
use sha2::{Digest, Sha256};

use crate::house::House;
use crate::store::world::{backup, kept, sealed, seat};

pub(crate) const DAY: i64 = 86_400_000;

/// The present of the machine, which is the present of the binary.
pub(crate) fn now() -> Time {
    Time::from_ms(chrono::Utc::now().timestamp_millis())
}

/// The store and depot of a house, and the hardware in one seat of it.
pub(crate) struct Past {
    pub(crate) store: Store,
    pub(crate) depot: Depot,
    pub(crate) asset: AssetId,
    seat: &'static str,
}

impl Past {
    /// The seat has been scanned, so that its hardware is known.
    pub(crate) async fn of(house: &House, name: &'static str) -> Self {
        let url = format!("sqlite:{}", house.path("data/hoshu.db").display()).parse().unwrap();
        let store = Store::open(&url, Realm::Lab, now()).unwrap();
        let depot = Depot::open(&house.path("data/depot")).unwrap();
        let asset = store.scoped(Scope::House).asset_of_seat(&seat(name)).await.unwrap().unwrap().id;
        Self { store, depot, asset, seat: name }
    }

    /// One backup, from when it was taken to when it was last seen; with `bytes` sealed bytes.
    pub(crate) async fn took(&self, times: (Time, Time), grade: Grade, bytes: usize) -> BackupId {
        self.took_of(BackupKind::Configuration, times, grade, bytes).await
    }

    /// As [`Self::took`], of a kind.
    pub(crate) async fn took_of(
        &self,
        kind: BackupKind,
        (taken, seen): (Time, Time),
        grade: Grade,
        bytes: usize,
    ) -> BackupId {
        let body = format!("{}{}", taken.as_ms(), "x".repeat(bytes)).into_bytes();
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let plain = sealed("acme", self.seat, &body).facts;
        let nonce = hex::encode(taken.as_ms().to_be_bytes()).repeat(2);
        let facts = ObjectFacts { taken_at: taken, digest, nonce, ..plain };
        let object = self.depot.put(facts, body).unwrap();
        let new = Backup { kind, taken_at: taken, seen_at: seen, ..backup("acme", self.seat, self.asset, grade) };
        let detail = serde_json::json!({"v": 1, "content": new.content, "sealed_sha256": hex::encode(digest)});
        let act = if kind == BackupKind::LogBundle { Act::BundleTaken } else { Act::BackupTaken };
        let audit = Actor::itself().did(taken, act, self.seat, &detail);
        let configuration = kind == BackupKind::Configuration;
        let object = if configuration { kept(object) } else { BackupObject::Pushed(Box::new(object)) };
        self.store.backup_add(new, object, audit).await.unwrap()
    }
}
