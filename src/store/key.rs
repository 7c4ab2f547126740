//! Customers' keys: the public half as it is, the rest sealed to the root key and the recovery recipients.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::model::actor::{Act, NewAudit};
use crate::model::name::CustomerName;
use crate::model::object::{CustomerKey, HouseKey, KeyHalves, SealedTo};
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{damaged, document, within, word};
use super::schema::{customer_key, house_key};
use super::{Scoped, Store, audit, object_text};

#[derive(Queryable)]
struct Row {
    customer: String,
    generation: i64,
    public: String,
    private: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    sealed_to: Option<String>,
    made_at: i64,
    destroyed_at: Option<i64>,
    reason: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Recipients {
    v: u32,
    #[serde(flatten)]
    to: SealedTo,
}

/// The columns of what must stay secret: private half, content key, recipients.
type Sealed<'a> = (&'a [u8], &'a [u8], String);

fn sealed(key: &CustomerKey) -> Result<Sealed<'_>, StoreError> {
    let KeyHalves::Sealed { private, content, to } = &key.halves else {
        return Err(contradiction("a key that is not destroyed", "a destroyed one"));
    };
    let to = serde_json::to_string(&Recipients { v: 1, to: to.clone() });
    let to = to.map_err(|error| StoreError::NotWritten { reason: error.to_string() })?;
    Ok((private, content, to))
}

fn contradiction(expected: &str, found: &str) -> StoreError {
    StoreError::Contradiction { what: "keep a customer's key", expected: expected.to_owned(), found: found.to_owned() }
}

impl Store {
    /// Keeps a key of a customer. Returns the key that stands: this one, or the one of its generation that was there
    /// before.
    pub async fn customer_key_add(&self, key: CustomerKey, audit: NewAudit) -> Result<CustomerKey, StoreError> {
        let write = move |db: &mut Db| {
            let id = (key.customer.as_str(), i64::from(key.generation));
            let known: Option<Row> = customer_key::table.find(id).first(db).optional()?;
            if let Some(known) = known {
                return noun(known);
            }
            let (private, content, to) = sealed(&key)?;
            diesel::insert_into(customer_key::table)
                .values((
                    customer_key::customer.eq(id.0),
                    customer_key::generation.eq(id.1),
                    customer_key::public.eq(&key.public),
                    customer_key::private_sealed.eq(private),
                    customer_key::content_sealed.eq(content),
                    customer_key::sealed_to.eq(to),
                    customer_key::made_at.eq(key.made_at.as_ms()),
                ))
                .execute(db)?;
            audit::add(db, &audit)?;
            Ok(key)
        };
        self.intent(write).await
    }

    /// Writes the same keys, sealed to other recipients, all of them or none.
    pub async fn customer_key_reseal(&self, keys: Vec<CustomerKey>, audit: NewAudit) -> Result<(), StoreError> {
        let write = move |db: &mut Db| {
            for key in &keys {
                let (private, content, to) = sealed(key)?;
                let row = customer_key::table
                    .find((key.customer.as_str(), i64::from(key.generation)))
                    .filter(customer_key::public.eq(&key.public))
                    .filter(customer_key::destroyed_at.is_null());
                let changed = diesel::update(row)
                    .set((
                        customer_key::private_sealed.eq(private),
                        customer_key::content_sealed.eq(content),
                        customer_key::sealed_to.eq(to),
                    ))
                    .execute(db)?;
                if changed != 1 {
                    return Err(contradiction(&format!("{} {}", key.customer, key.generation), "another key"));
                }
            }
            audit::add(db, &audit)
        };
        self.intent(write).await
    }

    /// Overwrites every private half and content key of a customer with a tombstone, and removes the redacted texts of
    /// its objects. Returns how many generations there were.
    pub async fn customer_key_destroy(
        &self,
        customer: CustomerName,
        at: Time,
        reason: String,
        audit: NewAudit,
    ) -> Result<usize, StoreError> {
        let write = move |db: &mut Db| {
            if let Db::Sqlite(db) = db {
                // Not only what is rewritten anyway: freed pages are wiped as well.
                db.batch_execute("PRAGMA secure_delete = ON")?;
            }
            let rows = customer_key::table
                .filter(customer_key::customer.eq(customer.as_str()))
                .filter(customer_key::destroyed_at.is_null());
            let destroyed = diesel::update(rows)
                .set((
                    customer_key::private_sealed.eq(None::<Vec<u8>>),
                    customer_key::content_sealed.eq(None::<Vec<u8>>),
                    customer_key::sealed_to.eq(None::<String>),
                    customer_key::destroyed_at.eq(at.as_ms()),
                    customer_key::reason.eq(&reason),
                ))
                .execute(db)?;
            object_text::remove_of(db, &customer)?;
            audit::add(db, &audit)?;
            Ok(destroyed)
        };
        self.intent(write).await
    }
}

impl Scoped {
    /// The key of a customer: of a generation, or the present one.
    pub async fn customer_key_get(
        &self,
        customer: &CustomerName,
        generation: Option<u32>,
    ) -> Result<Option<CustomerKey>, StoreError> {
        let (customers, customer) = (self.customers(), customer.as_str().to_owned());
        let read = move |db: &mut Db| {
            let query = customer_key::table.select(customer_key::all_columns);
            let mut query = within!(query, customer_key::customer, &customers);
            if let Some(generation) = generation {
                query = query.filter(customer_key::generation.eq(i64::from(generation)));
            }
            let query = query.filter(customer_key::customer.eq(customer)).order(customer_key::generation.desc());
            query.first::<Row>(db).optional()?.map(noun).transpose()
        };
        self.store.read(read).await
    }

    /// Whether the audit of when a key was made has its public half: anybody can seal a pair of their own to the root
    /// key's public half, and so get to read what is sealed next.
    pub async fn customer_key_is_recorded(&self, key: &CustomerKey) -> Result<bool, StoreError> {
        if !self.scope.sees(&key.customer) {
            return Ok(false);
        }
        let (customer, at, public) = (key.customer.clone(), key.made_at, key.public.clone());
        let made = [Act::CustomerKeyMade, Act::CustomerKeyRotated];
        let read = move |db: &mut Db| audit::has(db, (at, customer.as_str()), &made, "public", &public);
        self.store.read(read).await
    }

    /// Every key, by customer and generation.
    pub async fn customer_key_list(&self) -> Result<Vec<CustomerKey>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = customer_key::table.select(customer_key::all_columns);
            let query = within!(query, customer_key::customer, &customers);
            let query = query.order((customer_key::customer, customer_key::generation));
            query.load::<Row>(db)?.into_iter().map(noun).collect()
        };
        self.store.read(read).await
    }
}

fn noun(row: Row) -> Result<CustomerKey, StoreError> {
    let broken = |column| damaged(column, &row.customer);
    let halves = match (row.private, row.content, row.sealed_to, row.destroyed_at, row.reason) {
        (Some(private), Some(content), Some(to), None, None) => {
            let to = document::<Recipients>("customer_key.sealed_to", &to)?.to;
            KeyHalves::Sealed { private, content, to }
        }
        (None, None, None, Some(at), Some(reason)) => KeyHalves::Destroyed { at: Time::from_ms(at), reason },
        _ => return Err(broken("customer_key.private_sealed")),
    };
    Ok(CustomerKey {
        customer: word("customer_key.customer", &row.customer)?,
        generation: u32::try_from(row.generation).map_err(|_| broken("customer_key.generation"))?,
        public: row.public,
        halves,
        made_at: Time::from_ms(row.made_at),
    })
}

impl Store {
    /// Keeps a key of the house, in place of the one of its name if that has the same public half.
    pub async fn house_key_set(&self, key: HouseKey, audit: NewAudit) -> Result<(), StoreError> {
        let write = move |db: &mut Db| {
            let known: Option<String> =
                house_key::table.find(&key.name).select(house_key::public).first(db).optional()?;
            if known.is_some_and(|known| known != key.public) {
                return Err(contradiction("the key of this name", "another one"));
            }
            let to = serde_json::to_string(&Recipients { v: 1, to: key.to.clone() });
            let to = to.map_err(|error| StoreError::NotWritten { reason: error.to_string() })?;
            diesel::delete(house_key::table.find(&key.name)).execute(db)?;
            diesel::insert_into(house_key::table)
                .values((
                    house_key::name.eq(&key.name),
                    house_key::public.eq(&key.public),
                    house_key::sealed.eq(&key.sealed),
                    house_key::sealed_to.eq(to),
                    house_key::made_at.eq(key.made_at.as_ms()),
                ))
                .execute(db)?;
            audit::add(db, &audit)
        };
        self.intent(write).await
    }

    /// A key of the house.
    pub async fn house_key_get(&self, name: &str) -> Result<Option<HouseKey>, StoreError> {
        let name = name.to_owned();
        let read = move |db: &mut Db| {
            let row: Option<(String, String, Vec<u8>, String, i64)> =
                house_key::table.find(&name).select(house_key::all_columns).first(db).optional()?;
            row.map(|(name, public, sealed, to, made_at)| {
                let to = document::<Recipients>("house_key.sealed_to", &to)?.to;
                Ok(HouseKey { name, public, sealed, to, made_at: Time::from_ms(made_at) })
            })
            .transpose()
        };
        self.read(read).await
    }
}
