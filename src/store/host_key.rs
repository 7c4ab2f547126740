//! Host keys: seen, accepted by a person, revoked for ever.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::asset::{HostKey, KeyHolder, KeyState};
use crate::model::door::{Door, HopName};
use crate::model::id::{AssetId, HostKeyId};
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::SeatName;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{portions, within, word};
use super::schema::{asset, hop, host_key, tenure};
use super::{Scoped, Store, audit};

#[derive(Queryable)]
struct Row {
    id: i64,
    asset: Option<i64>,
    _hop: Option<i64>,
    algorithm: String,
    fingerprint: String,
    public_key: String,
    state: String,
    seen_at: i64,
    route: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<i64>,
}

fn noun(row: Row, door: Door) -> Result<HostKey, StoreError> {
    Ok(HostKey {
        id: HostKeyId(row.id),
        asset: row.asset.map(AssetId),
        door,
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
    /// Notes a key that an asset or a hop showed. A key that is noted keeps its state, and nothing is audited.
    pub async fn host_key_seen(
        &self,
        holder: KeyHolder,
        algorithm: String,
        fingerprint: String,
        public_key: String,
        audit: NewAudit,
    ) -> Result<HostKeyId, StoreError> {
        let write = move |db: &mut Db| {
            let (asset, hop) = match &holder {
                KeyHolder::Asset(asset) => (Some(asset.0), None),
                KeyHolder::Hop(name) => (None, Some(hop_row(db, name)?)),
            };
            let known: Option<i64> = host_key::table
                .filter(host_key::asset_id.eq(asset).or(host_key::hop_id.eq(hop)))
                .filter(host_key::fingerprint.eq(&fingerprint))
                .select(host_key::id)
                .first(db)
                .optional()?;
            if let Some(id) = known {
                return Ok(HostKeyId(id));
            }
            let id = diesel::insert_into(host_key::table)
                .values((
                    host_key::asset_id.eq(asset),
                    host_key::hop_id.eq(hop),
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
            let Standing { asset, hop, algorithm, fingerprint, state } = standing(db, id)?;
            if state == KeyState::Accepted {
                return Ok(());
            }
            let revoked: i64 = host_key::table
                .filter(host_key::fingerprint.eq(&fingerprint))
                .filter(host_key::state.eq(KeyState::Revoked.as_str()))
                .count()
                .get_result(db)?;
            let rivals: i64 = host_key::table
                .filter(host_key::asset_id.eq(asset).or(host_key::hop_id.eq(hop)))
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
                return refuse("no other key of this type", "one that is accepted here");
            }
            decide(db, id, KeyState::Accepted, Some(&route), &audit)
        };
        self.intent(write).await
    }

    /// Revokes a key for ever, in every seat.
    pub async fn host_key_revoke(&self, id: HostKeyId, audit: NewAudit) -> Result<(), StoreError> {
        let write = move |db: &mut Db| match standing(db, id)?.state {
            KeyState::Revoked => Ok(()),
            _ => decide(db, id, KeyState::Revoked, None, &audit),
        };
        self.intent(write).await
    }
}

/// The row of a hop, made when it first shows a key.
fn hop_row(db: &mut Db, name: &HopName) -> Result<i64, StoreError> {
    let (customer, gateway, place) = (name.customer().as_str(), name.gateway().as_str(), name.place());
    let known: Option<i64> = hop::table
        .filter(hop::customer.eq(customer))
        .filter(hop::gateway.eq(gateway))
        .filter(hop::place.eq(place))
        .select(hop::id)
        .first(db)
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let row = (hop::customer.eq(customer), hop::gateway.eq(gateway), hop::place.eq(place));
    Ok(diesel::insert_into(hop::table).values(row).returning(hop::id).get_result(db)?)
}

/// A key as it stands.
struct Standing {
    asset: Option<i64>,
    hop: Option<i64>,
    algorithm: String,
    fingerprint: String,
    state: KeyState,
}

type StandingRow = (Option<i64>, Option<i64>, String, String, String);

fn standing(db: &mut Db, id: HostKeyId) -> Result<Standing, StoreError> {
    let columns = (host_key::asset_id, host_key::hop_id, host_key::algorithm, host_key::fingerprint, host_key::state);
    let row: Option<StandingRow> = host_key::table.find(id.0).select(columns).first(db).optional()?;
    let (asset, hop, algorithm, fingerprint, state) = row.ok_or_else(|| StoreError::Unknown(id.to_string()))?;
    Ok(Standing { asset, hop, algorithm, fingerprint, state: word("host_key.state", &state)? })
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
    /// The keys of the assets that sit in seats now, then those of hops: at one door, or at all.
    pub async fn host_key_list(&self, door: Option<&Door>) -> Result<Vec<HostKey>, StoreError> {
        let (customers, door) = (self.customers(), door.cloned());
        let read = move |db: &mut Db| match &door {
            Some(Door::Seat(seat)) => keys_of_seats(db, &customers, Some(seat)),
            Some(Door::Hop(name)) => keys_of_hops(db, &customers, Some(name)),
            None => Ok([keys_of_seats(db, &customers, None)?, keys_of_hops(db, &customers, None)?].concat()),
        };
        self.store.read(read).await
    }

    /// The accepted public keys of a hop.
    pub async fn hop_pins(&self, name: &HopName) -> Result<Vec<String>, StoreError> {
        let keys = self.host_key_list(Some(&name.into())).await?;
        let accepted = keys.into_iter().filter(|key| key.state == KeyState::Accepted);
        Ok(accepted.map(|key| key.public_key).collect())
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

/// The customers that a scope sees; `None` is all.
type Customers = Option<Vec<String>>;

fn keys_of_seats(db: &mut Db, customers: &Customers, seat: Option<&SeatName>) -> Result<Vec<HostKey>, StoreError> {
    let query = host_key::table
        .inner_join(asset::table.inner_join(tenure::table))
        .filter(tenure::to_at.is_null())
        .select((host_key::all_columns, tenure::seat));
    let mut query = within!(query, asset::customer, customers);
    if let Some(seat) = seat {
        query = query.filter(tenure::seat.eq(seat.as_str()));
    }
    let rows: Vec<(Row, String)> = query.order((tenure::seat, host_key::id)).limit(LIST_ROWS_MAX).load(db)?;
    rows.into_iter().map(|(row, seat)| noun(row, Door::Seat(word("tenure.seat", &seat)?))).collect()
}

fn keys_of_hops(db: &mut Db, customers: &Customers, name: Option<&HopName>) -> Result<Vec<HostKey>, StoreError> {
    let columns = (host_key::all_columns, (hop::customer, hop::gateway, hop::place));
    let query = host_key::table.inner_join(hop::table).select(columns);
    let mut query = within!(query, hop::customer, customers);
    if let Some(name) = name {
        query = query
            .filter(hop::customer.eq(name.customer().as_str()))
            .filter(hop::gateway.eq(name.gateway().as_str()))
            .filter(hop::place.eq(name.place()));
    }
    let rows: Vec<(Row, (String, String, String))> =
        query.order((host_key::hop_id, host_key::id)).limit(LIST_ROWS_MAX).load(db)?;
    let key = |(row, (customer, gateway, place))| {
        noun(row, Door::Hop(word("hop.place", &format!("{customer}/{gateway}/{place}"))?))
    };
    rows.into_iter().map(key).collect()
}
