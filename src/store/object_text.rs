//! The redacted texts of sealed objects, in clear: what people look at and compare without anything being opened.

use std::cell::RefCell;
use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use zstd::bulk::Compressor;

use crate::model::actor::NewAudit;
use crate::model::id::ObjectId;
use crate::model::limits::OBJECT_BYTES_MAX;
use crate::model::name::CustomerName;
use crate::model::redacted::RedactedText;

use super::db::Db;
use super::error::StoreError;
use super::row::{damaged, within};
use super::schema::{object, object_text};
use super::{Scoped, Store};

/// Texts of one question to the database.
const TEXTS_AT_ONCE: usize = 100;
/// Bytes of a text with its head: masks are longer than short secrets, so that a text can outgrow its object.
const TEXT_BYTES_MAX: u64 = 4 * OBJECT_BYTES_MAX as u64;
/// How hard zstd tries; a text shrinks to a fourth at its fastest.
const ZSTD_LEVEL: i32 = 1;

thread_local! {
    /// Making a compressor costs as much as compressing a text.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

fn compress(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| match kept {
        Some(compressor) => compressor.compress(plain),
        None => kept.insert(Compressor::new(ZSTD_LEVEL)?).compress(plain),
    })
}

/// What stands before the text, in a line of its own.
#[derive(Serialize, Deserialize)]
struct Head {
    v: u32,
    unreviewed: Vec<u32>,
}

/// A text as its row has it.
pub(super) struct Packed(Vec<u8>);

impl Packed {
    /// Packs a text: to be called before the transaction, which nobody should wait for.
    pub(super) fn new(text: &RedactedText) -> Result<Self, StoreError> {
        let unwritten = |error: &dyn std::fmt::Display| StoreError::NotWritten { reason: error.to_string() };
        let head = Head { v: 1, unreviewed: text.unreviewed.clone() };
        let mut plain = serde_json::to_vec(&head).map_err(|error| unwritten(&error))?;
        plain.push(b'\n');
        plain.extend_from_slice(text.text.as_data().as_bytes());
        if plain.len() as u64 > TEXT_BYTES_MAX {
            return Err(unwritten(&format!("a redacted text is longer than {TEXT_BYTES_MAX} bytes")));
        }
        compress(&plain).map(Self).map_err(|error| unwritten(&error))
    }

    fn unpack(&self, id: i64) -> Result<RedactedText, StoreError> {
        let broken = || damaged("object_text.packed", &ObjectId(id).to_string());
        let plain = zstd::stream::Decoder::new(self.0.as_slice()).map_err(|_| broken())?;
        let mut plain = std::io::Read::take(plain, TEXT_BYTES_MAX + 1);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut plain, &mut text).map_err(|_| broken())?;
        if text.len() as u64 > TEXT_BYTES_MAX {
            return Err(broken());
        }
        let (head, rest) = text.split_once('\n').ok_or_else(broken)?;
        let head: Head = serde_json::from_str(head).map_err(|_| broken())?;
        Ok(RedactedText { text: rest.into(), unreviewed: head.unreviewed })
    }
}

/// Writes the text of an object that has none.
pub(super) fn add(db: &mut Db, id: ObjectId, packed: &Packed) -> Result<(), StoreError> {
    let row = (object_text::object_id.eq(id.0), object_text::packed.eq(&packed.0));
    diesel::insert_into(object_text::table).values(row).execute(db)?;
    Ok(())
}

/// Removes the texts of a customer. Returns how many there were.
pub(super) fn remove_of(db: &mut Db, customer: &CustomerName) -> Result<usize, StoreError> {
    let ids: Vec<i64> =
        object::table.filter(object::customer.eq(customer.as_str())).select(object::id).load::<i64>(db)?;
    let mut removed = 0;
    for ids in ids.chunks(TEXTS_AT_ONCE) {
        removed += diesel::delete(object_text::table.filter(object_text::object_id.eq_any(ids))).execute(db)?;
    }
    Ok(removed)
}

impl Store {
    /// Writes the text of an object anew, as later rules redact it, with its audit.
    pub async fn object_text_set(&self, id: ObjectId, text: RedactedText, audit: NewAudit) -> Result<(), StoreError> {
        let packed = Packed::new(&text)?;
        let write = move |db: &mut Db| {
            diesel::delete(object_text::table.find(id.0)).execute(db)?;
            add(db, id, &packed)?;
            super::audit::add(db, &audit)
        };
        self.intent(write).await
    }
}

impl Scoped {
    /// The redacted texts of objects; one without a text is absent.
    pub async fn object_text(&self, ids: &[ObjectId]) -> Result<HashMap<ObjectId, RedactedText>, StoreError> {
        let customers = self.customers();
        let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let read = move |db: &mut Db| {
            let mut texts = HashMap::with_capacity(ids.len());
            for ids in ids.chunks(TEXTS_AT_ONCE) {
                let columns = object_text::table.inner_join(object::table).select(object_text::all_columns);
                let query = within!(columns, object::customer, &customers);
                for (id, packed) in query.filter(object_text::object_id.eq_any(ids)).load::<(i64, Vec<u8>)>(db)? {
                    texts.insert(ObjectId(id), Packed(packed).unpack(id)?);
                }
            }
            Ok(texts)
        };
        self.store.read(read).await
    }
}
