//! Host keys: seen, accepted by a person, revoked for ever.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::asset::{HostKey, KeyState};
use crate::model::id::{AssetId, HostKeyId};
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::SeatName;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{portions, within, word};
use super::schema::{asset, host_key, tenure};
use super::{Scoped, Store, audit};

#[derive(Queryable)]
struct Row {
    id: i64,
    asset: i64,
    algorithm: String,
    fingerprint: String,
    public_key: String,
    state: String,
    seen_at: i64,
    route: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<i64>,
}

fn noun(row: Row, seat: &str) -> Result<HostKey, StoreError> {
    Ok(HostKey {
        id: HostKeyId(row.id),
        asset: AssetId(row.asset),
        seat: word("tenure.seat", seat)?,
        algorithm: row.algorithm,
        fingerprint: row.fingerprint,
        public_key: row.public_key,
        state: word("host_key.state", &row.state)?,
        seen_at: Time::from_ms(row.seen_at),
        route: row.route,
        decided: row.decided_by.zip(row.decided_at.map(Time::from_ms)),
    })
}

impl Store {
    /// Notes a key that a peer showed for an asset. A key that is noted keeps its state, and nothing is audited.
    pub async fn host_key_seen(
        &self,
        asset: AssetId,
        algorithm: String,
        fingerprint: String,
        public_key: String,
        audit: NewAudit,
    ) -> Result<HostKeyId, StoreError> {
        let write = move |db: &mut Db| {
            let known: Option<i64> = host_key::table
                .filter(host_key::asset_id.eq(asset.0))
                .filter(host_key::public_key.eq(&public_key))
                .select(host_key::id)
                .first(db)
                .optional()?;
            if let Some(id) = known {
                return Ok(HostKeyId(id));
            }
            let id = diesel::insert_into(host_key::table)
                .values((
                    host_key::asset_id.eq(asset.0),
                    host_key::algorithm.eq(algorithm),
                    host_key::fingerprint.eq(fingerprint),
                    host_key::public_key.eq(public_key),
                    host_key::state.eq(KeyState::Seen.as_str()),
                    host_key::seen_at.eq(audit.at.as_ms()),
                ))
                .returning(host_key::id)
                .get_result(db)?;
            audit::add(db, &audit)?;
            Ok(HostKeyId(id))
        };
        self.intent(write).await
    }

    /// Accepts a key that was seen, in the name and at the time of the audit. `route` says how the fingerprint was
    /// confirmed. A key that was revoked anywhere is refused, and so is a second key of one type while the first
    /// stands: that one has to be revoked.
    pub async fn host_key_accept(&self, id: HostKeyId, route: String, audit: NewAudit) -> Result<(), StoreError> {
        let write = move |db: &mut Db| {
            let (asset, algorithm, public_key, state) = state_of(db, id)?;
            if state == KeyState::Accepted {
                return Ok(());
            }
            let revoked: i64 = host_key::table
                .filter(host_key::public_key.eq(&public_key))
                .filter(host_key::state.eq(KeyState::Revoked.as_str()))
                .count()
                .get_result(db)?;
            let rivals: i64 = host_key::table
                .filter(host_key::asset_id.eq(asset))
                .filter(host_key::algorithm.eq(&algorithm))
                .filter(host_key::state.eq(KeyState::Accepted.as_str()))
                .count()
                .get_result(db)?;
            let refuse = |expected: &str, found: &str| {
                let (expected, found) = (expected.to_owned(), found.to_owned());
                Err(StoreError::Contradiction { what: "accept a host key", expected, found })
            };
            if revoked > 0 {
                return refuse("a key that was never revoked", "a revoked key");
            }
            if rivals > 0 {
                return refuse("no other key of this type", "one that is accepted for this asset");
            }
            decide(db, id, KeyState::Accepted, Some(&route), &audit)
        };
        self.intent(write).await
    }

    /// Revokes a key for ever, in every seat.
    pub async fn host_key_revoke(&self, id: HostKeyId, audit: NewAudit) -> Result<(), StoreError> {
        let write = move |db: &mut Db| match state_of(db, id)? {
            (_, _, _, KeyState::Revoked) => Ok(()),
            _ => decide(db, id, KeyState::Revoked, None, &audit),
        };
        self.intent(write).await
    }
}

fn state_of(db: &mut Db, id: HostKeyId) -> Result<(i64, String, String, KeyState), StoreError> {
    let row: Option<(i64, String, String, String)> = host_key::table
        .find(id.0)
        .select((host_key::asset_id, host_key::algorithm, host_key::public_key, host_key::state))
        .first(db)
        .optional()?;
    let (asset, algorithm, public_key, state) = row.ok_or_else(|| StoreError::Unknown(id.to_string()))?;
    Ok((asset, algorithm, public_key, word("host_key.state", &state)?))
}

fn decide(
    db: &mut Db,
    id: HostKeyId,
    state: KeyState,
    route: Option<&str>,
    audit: &NewAudit,
) -> Result<(), StoreError> {
    let row = diesel::update(host_key::table.find(id.0));
    let decided = (
        host_key::state.eq(state.as_str()),
        host_key::decided_by.eq(&audit.actor),
        host_key::decided_at.eq(audit.at.as_ms()),
    );
    match route {
        Some(route) => row.set((decided, host_key::route.eq(route))).execute(db)?,
        None => row.set(decided).execute(db)?,
    };
    audit::add(db, audit)
}

impl Scoped {
    /// The keys of the assets that sit in seats now: of one seat, or of all.
    pub async fn host_key_list(&self, seat: Option<&SeatName>) -> Result<Vec<HostKey>, StoreError> {
        let (customers, seat) = (self.customers(), seat.map(|seat| seat.as_str().to_owned()));
        let read = move |db: &mut Db| {
            let query = host_key::table
                .inner_join(asset::table.inner_join(tenure::table))
                .filter(tenure::to_at.is_null())
                .select((host_key::all_columns, tenure::seat));
            let mut query = within!(query, asset::customer, &customers);
            if let Some(seat) = seat {
                query = query.filter(tenure::seat.eq(seat));
            }
            let rows: Vec<(Row, String)> = query.order((tenure::seat, host_key::id)).limit(LIST_ROWS_MAX).load(db)?;
            rows.into_iter().map(|(row, seat)| noun(row, &seat)).collect()
        };
        self.store.read(read).await
    }

    /// The accepted public keys of each seat; a seat without one is absent.
    pub async fn host_key_pins(&self, seats: &[SeatName]) -> Result<BTreeMap<SeatName, Vec<String>>, StoreError> {
        let (customers, portions) = (self.customers(), portions(seats));
        let read = move |db: &mut Db| {
            let mut pins = BTreeMap::<_, Vec<_>>::new();
            for seats in portions {
                let query = host_key::table
                    .inner_join(asset::table.inner_join(tenure::table))
                    .filter(tenure::to_at.is_null())
                    .filter(host_key::state.eq(KeyState::Accepted.as_str()))
                    .filter(tenure::seat.eq_any(seats))
                    .select((tenure::seat, host_key::public_key));
                let rows: Vec<(String, String)> =
                    within!(query, asset::customer, &customers).order(host_key::id).load(db)?;
                for (seat, key) in rows {
                    pins.entry(word("tenure.seat", &seat)?).or_default().push(key);
                }
            }
            Ok(pins)
        };
        self.store.read(read).await
    }
}
