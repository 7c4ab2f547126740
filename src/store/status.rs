//! Counts for the page and the command that show the state of the house.

use diesel::prelude::*;

use crate::model::asset::KeyState;
use crate::model::backup::Grade;
use crate::model::finding::FindingState;
use crate::model::record::BrakeState;

use super::Scoped;
use super::db::Db;
use super::error::StoreError;
use super::row::within;
use super::schema::{asset, backup, credential_brake, finding, hop, host_key, poll_last};

/// How many there are of each, within the scope.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Assets.
    pub assets: i64,
    /// Seats that were polled at least once.
    pub seats_polled: i64,
    /// Findings that are confirmed and have not ended.
    pub findings_hard: i64,
    /// Findings that are not confirmed yet.
    pub findings_soft: i64,
    /// Backups that count.
    pub backups_taken: i64,
    /// Backups that are kept and not counted.
    pub backups_suspect: i64,
    /// Host keys that wait for a person.
    pub host_keys_seen: i64,
    /// Credentials that are stopped, on a seat or everywhere.
    pub credentials_stopped: i64,
}

/// Counts rows within the scope that have a word in a column.
macro_rules! having {
    ($db:expr, $customers:expr, $table:ident, $column:ident, $word:expr) => {
        within!($table::table.count(), $table::customer, $customers)
            .filter($table::$column.eq($word.as_str()))
            .get_result($db)?
    };
}

impl Scoped {
    /// Counts what the scope sees.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let of = &customers;
            let seen = || host_key::state.eq(KeyState::Seen.as_str());
            let of_assets = host_key::table.inner_join(asset::table).count();
            let of_assets: i64 = within!(of_assets, asset::customer, of).filter(seen()).get_result(db)?;
            let of_hops = host_key::table.inner_join(hop::table).count();
            let of_hops: i64 = within!(of_hops, hop::customer, of).filter(seen()).get_result(db)?;
            Ok(Counts {
                assets: within!(asset::table.count(), asset::customer, of).get_result(db)?,
                seats_polled: within!(poll_last::table.count(), poll_last::customer, of).get_result(db)?,
                findings_hard: having!(db, of, finding, state, FindingState::Hard),
                findings_soft: having!(db, of, finding, state, FindingState::Soft),
                backups_taken: having!(db, of, backup, grade, Grade::Taken),
                backups_suspect: having!(db, of, backup, grade, Grade::Suspect),
                host_keys_seen: of_assets + of_hops,
                credentials_stopped: having!(db, of, credential_brake, state, BrakeState::Stopped),
            })
        };
        self.store.read(read).await
    }
}
