//! Assets and their tenures: which hardware sits in which seat.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use crate::model::actor::NewAudit;
use crate::model::asset::Asset;
use crate::model::id::AssetId;
use crate::model::identity::Seen;
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{text, text_option, within, word};
use super::schema::{asset, tenure};
use super::{Scoped, Store, audit};

#[derive(Queryable)]
struct Row {
    id: i64,
    customer: String,
    serial: Option<String>,
    product: Option<String>,
    model: Option<String>,
    appliance_id: Option<String>,
    release: Option<String>,
    release_at: Option<i64>,
    seat: String,
    since: i64,
}

impl TryFrom<Row> for Asset {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: AssetId(row.id),
            customer: word("asset.customer", &row.customer)?,
            seat: word("tenure.seat", &row.seat)?,
            serial: row.serial.map(Outside::from),
            product: row.product.map(Outside::from),
            model: row.model.map(Outside::from),
            appliance_id: row.appliance_id.map(Outside::from),
            release: row.release.map(Outside::from).zip(row.release_at.map(Time::from_ms)),
            since: Time::from_ms(row.since),
        })
    }
}

/// An asset and the tenure in which it sits now.
const COLUMNS: (
    asset::id,
    asset::customer,
    asset::serial,
    asset::product,
    asset::model,
    asset::appliance_id,
    asset::release,
    asset::release_at,
    tenure::seat,
    tenure::from_at,
) = (
    asset::id,
    asset::customer,
    asset::serial,
    asset::product,
    asset::model,
    asset::appliance_id,
    asset::release,
    asset::release_at,
    tenure::seat,
    tenure::from_at,
);

impl Store {
    /// Registers the first asset of a seat, with the serial that the inventory asserts. A seat that has an asset
    /// keeps it.
    pub async fn asset_register(
        &self,
        customer: CustomerName,
        seat: SeatName,
        serial: Option<Outside>,
        at: Time,
    ) -> Result<AssetId, StoreError> {
        let write = move |db: &mut Db| {
            let current: Option<(i64, String)> = tenure::table
                .inner_join(asset::table)
                .filter(tenure::seat.eq(seat.as_str()))
                .filter(tenure::to_at.is_null())
                .select((asset::id, asset::customer))
                .first(db)
                .optional()?;
            if let Some((id, owner)) = current {
                return if owner == customer.as_str() {
                    Ok(AssetId(id))
                } else {
                    let (expected, found) = (customer.to_string(), "another customer's asset in this seat".to_owned());
                    Err(StoreError::Contradiction { what: "register an asset", expected, found })
                };
            }
            let id: i64 = diesel::insert_into(asset::table)
                .values((asset::customer.eq(customer.as_str()), asset::serial.eq(text_option(serial.as_ref()))))
                .returning(asset::id)
                .get_result(db)?;
            diesel::insert_into(tenure::table)
                .values((
                    tenure::asset_id.eq(id),
                    tenure::seat.eq(seat.as_str()),
                    tenure::from_at.eq(at.as_ms()),
                    tenure::reason.eq("first"),
                ))
                .execute(db)?;
            Ok(AssetId(id))
        };
        self.intent(write).await
    }

    /// Records what an asset said of itself: what was unknown becomes known, the release is brought up to date, and
    /// a difference in anything else is a contradiction. The audit is written when the identity grew.
    pub async fn asset_identify(&self, id: AssetId, seen: Seen, audit: NewAudit) -> Result<(), StoreError> {
        self.intent(move |db| identify(db, id, &seen, &audit)).await
    }
}

type Identity = (Option<String>, Option<String>, Option<String>, Option<String>);

fn identify(db: &mut Db, id: AssetId, seen: &Seen, audit: &NewAudit) -> Result<(), StoreError> {
    let known: Option<Identity> = asset::table
        .find(id.0)
        .select((asset::serial, asset::product, asset::model, asset::appliance_id))
        .first(db)
        .optional()?;
    let (serial, product, model, appliance_id) = known.ok_or_else(|| StoreError::Unknown(id.to_string()))?;
    let mut grew = false;
    let mut settle = |what, known: Option<String>, seen: &Option<Outside>| match (known, seen.as_ref().map(text)) {
        (None, Some(seen)) => {
            grew = true;
            Ok(Some(seen))
        }
        (Some(expected), Some(found)) if expected != found => Err(StoreError::Contradiction { what, expected, found }),
        (known, _) => Ok(known),
    };
    let serial = settle("serial of the asset", serial, &seen.serial)?;
    let product = settle("product of the asset", product, &seen.product)?;
    let model = settle("model of the asset", model, &seen.model)?;
    let appliance_id = settle("appliance ID of the asset", appliance_id, &seen.appliance_id)?;
    let row = diesel::update(asset::table.find(id.0));
    let written = row
        .set((
            asset::serial.eq(&serial),
            asset::product.eq(product),
            asset::model.eq(model),
            asset::appliance_id.eq(appliance_id),
            // The time says when the release was last seen, so that it is written even when the release is the known one.
            seen.release
                .as_ref()
                .map(|release| (asset::release.eq(text(release)), asset::release_at.eq(audit.at.as_ms()))),
        ))
        .execute(db);
    match written {
        Err(QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            let found = "another asset with the same product, model and serial".to_owned();
            return Err(StoreError::Contradiction {
                what: "identify an asset",
                expected: "an unknown one".to_owned(),
                found,
            });
        }
        other => other?,
    };
    if grew { audit::add(db, audit) } else { Ok(()) }
}

impl Scoped {
    /// The asset that sits in a seat now.
    pub async fn asset_of_seat(&self, seat: &SeatName) -> Result<Option<Asset>, StoreError> {
        let (customers, seat) = (self.customers(), seat.as_str().to_owned());
        let read = move |db: &mut Db| {
            let query = tenure::table.inner_join(asset::table).filter(tenure::to_at.is_null()).select(COLUMNS);
            let query = within!(query, asset::customer, &customers).filter(tenure::seat.eq(seat));
            query.first::<Row>(db).optional()?.map(Asset::try_from).transpose()
        };
        self.store.read(read).await
    }

    /// Every asset that sits in a seat, by seat.
    pub async fn asset_list(&self) -> Result<Vec<Asset>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = tenure::table.inner_join(asset::table).filter(tenure::to_at.is_null()).select(COLUMNS);
            let query = within!(query, asset::customer, &customers);
            let rows: Vec<Row> = query.order(tenure::seat).limit(LIST_ROWS_MAX).load(db)?;
            rows.into_iter().map(Asset::try_from).collect()
        };
        self.store.read(read).await
    }
}
