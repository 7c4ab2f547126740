//! What the observation writer does with a batch of polls.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::model::name::{CustomerName, SeatName};
use crate::model::record::PollRecord;

use super::db::Db;
use super::error::StoreError;
use super::{finding, poll, series, span};

/// Writes a batch, seat by seat. A seat whose polls cannot be written does not take the others with it; the first
/// such failure is returned.
pub(super) fn write(db: &mut Db, records: Vec<PollRecord>) -> Result<(), StoreError> {
    let mut seats = BTreeMap::<(CustomerName, SeatName), Vec<PollRecord>>::new();
    for record in records {
        seats.entry((record.customer.clone(), record.seat.clone())).or_default().push(record);
    }
    let mut result = Ok(());
    for ((customer, seat), polls) in seats {
        let written = db.transaction(|db| {
            span::change(db, &customer, &seat, polls.iter().flat_map(|poll| &poll.spans))?;
            for finding in polls.iter().flat_map(|poll| &poll.findings) {
                finding::put(db, finding)?;
            }
            poll::put_last(db, &polls)?;
            poll::put_days(db, &customer, &seat, &polls)?;
            series::put(db, &customer, &seat, &polls)
        });
        result = result.and(written);
    }
    result
}
