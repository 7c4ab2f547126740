//! Customers' keys: the public half as it is, the rest sealed to the root key.

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::name::CustomerName;
use crate::model::object::CustomerKey;
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{within, word};
use super::schema::customer_key;
use super::{Scoped, Store, audit};

type Row = (String, String, Vec<u8>, Vec<u8>, i64);

impl Store {
    /// Keeps the key of a customer. Returns the key that stands: this one, or the one that was there before.
    pub async fn customer_key_add(&self, key: CustomerKey, audit: NewAudit) -> Result<CustomerKey, StoreError> {
        let write = move |db: &mut Db| {
            let known: Option<Row> = customer_key::table.find(key.customer.as_str()).first(db).optional()?;
            if let Some(known) = known {
                return noun(known);
            }
            diesel::insert_into(customer_key::table)
                .values((
                    customer_key::customer.eq(key.customer.as_str()),
                    customer_key::public.eq(&key.public),
                    customer_key::private_sealed.eq(&key.private_sealed),
                    customer_key::content_sealed.eq(&key.content_sealed),
                    customer_key::made_at.eq(key.made_at.as_ms()),
                ))
                .execute(db)?;
            audit::add(db, &audit)?;
            Ok(key)
        };
        self.intent(write).await
    }
}

impl Scoped {
    /// The key of a customer.
    pub async fn customer_key_get(&self, customer: &CustomerName) -> Result<Option<CustomerKey>, StoreError> {
        let (customers, customer) = (self.customers(), customer.as_str().to_owned());
        let read = move |db: &mut Db| {
            let query = customer_key::table.select(customer_key::all_columns);
            let query = within!(query, customer_key::customer, &customers);
            query.filter(customer_key::customer.eq(customer)).first::<Row>(db).optional()?.map(noun).transpose()
        };
        self.store.read(read).await
    }
}

fn noun((customer, public, private_sealed, content_sealed, made_at): Row) -> Result<CustomerKey, StoreError> {
    let customer = word("customer_key.customer", &customer)?;
    Ok(CustomerKey { customer, public, private_sealed, content_sealed, made_at: Time::from_ms(made_at) })
}
