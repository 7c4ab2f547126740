//! The brake of credentials (invariant 9): what each seat or hop said to a credential, and where it is stopped.

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::credential::CredentialName;
use crate::model::door::Door;
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::outside::Outside;
use crate::model::record::{Brake, BrakeState};
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{text, within, word};
use super::schema::credential_brake;
use super::{Scoped, Store, audit};

impl Store {
    /// Writes what holds for a credential at a door, or everywhere. To stop it is an act and has an audit.
    pub async fn brake_set(&self, brake: Brake, audit: Option<NewAudit>) -> Result<(), StoreError> {
        let write = move |db: &mut Db| {
            let credential = brake.credential.to_string();
            let door = place(brake.door.as_ref());
            let state = (
                credential_brake::state.eq(brake.state.as_str()),
                credential_brake::at.eq(brake.at.as_ms()),
                credential_brake::reason.eq(text(&brake.reason)),
            );
            let changed = diesel::update(credential_brake::table)
                .filter(credential_brake::credential.eq(&credential))
                .filter(credential_brake::door.eq(&door))
                .set(state.clone())
                .execute(db)?;
            if changed == 0 {
                let customer = credential_brake::customer.eq(brake.credential.customer().as_str());
                let key = (customer, credential_brake::credential.eq(&credential), credential_brake::door.eq(&door));
                diesel::insert_into(credential_brake::table).values((key, state)).execute(db)?;
            }
            audit.map_or(Ok(()), |audit| audit::add(db, &audit))
        };
        self.intent(write).await
    }

    /// Takes refusals and stops back: of one door, or everything of the credential. Returns how many there were.
    pub async fn brake_clear(
        &self,
        credential: CredentialName,
        door: Option<Door>,
        audit: NewAudit,
    ) -> Result<usize, StoreError> {
        let write = move |db: &mut Db| {
            let of = diesel::delete(credential_brake::table)
                .filter(credential_brake::credential.eq(credential.to_string()))
                .filter(credential_brake::state.ne(BrakeState::Accepted.as_str()));
            let cleared = match &door {
                None => of.execute(db)?,
                Some(door) => of.filter(credential_brake::door.eq(door.to_string())).execute(db)?,
            };
            if cleared > 0 {
                audit::add(db, &audit)?;
            }
            Ok(cleared)
        };
        self.intent(write).await
    }
}

/// How the column says where: an empty text is the whole fleet.
fn place(door: Option<&Door>) -> String {
    door.map(ToString::to_string).unwrap_or_default()
}

impl Scoped {
    /// Everything that is known of every credential.
    pub async fn brake_list(&self) -> Result<Vec<Brake>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = credential_brake::table.select((
                credential_brake::credential,
                credential_brake::door,
                credential_brake::state,
                credential_brake::at,
                credential_brake::reason,
            ));
            let query = within!(query, credential_brake::customer, &customers);
            let query = query.order((credential_brake::credential, credential_brake::door)).limit(LIST_ROWS_MAX);
            query.load::<(String, String, String, i64, String)>(db)?.into_iter().map(noun).collect()
        };
        self.store.read(read).await
    }
}

fn noun((credential, door, state, at, reason): (String, String, String, i64, String)) -> Result<Brake, StoreError> {
    Ok(Brake {
        credential: word("credential_brake.credential", &credential)?,
        door: if door.is_empty() { None } else { Some(word("credential_brake.door", &door)?) },
        state: word("credential_brake.state", &state)?,
        at: Time::from_ms(at),
        reason: Outside::from(reason),
    })
}
