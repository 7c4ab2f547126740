//! The brake of credentials (invariant 9): what each seat said to a credential, and where it is stopped.

use diesel::prelude::*;

use crate::model::actor::NewAudit;
use crate::model::credential::CredentialName;
use crate::model::limits::LIST_ROWS_MAX;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::record::{Brake, BrakeState};
use crate::model::time::Time;

use super::db::Db;
use super::error::StoreError;
use super::row::{text, within, word};
use super::schema::credential_brake;
use super::{Scoped, Store, audit};

impl Store {
    /// Writes what holds for a credential on a seat, or everywhere. To stop it is an act and has an audit.
    pub async fn brake_set(&self, brake: Brake, audit: Option<NewAudit>) -> Result<(), StoreError> {
        let write = move |db: &mut Db| {
            let credential = brake.credential.to_string();
            let seat = place(brake.seat.as_ref());
            let state = (
                credential_brake::state.eq(brake.state.as_str()),
                credential_brake::at.eq(brake.at.as_ms()),
                credential_brake::reason.eq(text(&brake.reason)),
            );
            let changed = diesel::update(credential_brake::table)
                .filter(credential_brake::credential.eq(&credential))
                .filter(credential_brake::seat.eq(seat))
                .set(state.clone())
                .execute(db)?;
            if changed == 0 {
                let customer = credential_brake::customer.eq(brake.credential.customer().as_str());
                let key = (customer, credential_brake::credential.eq(&credential), credential_brake::seat.eq(seat));
                diesel::insert_into(credential_brake::table).values((key, state)).execute(db)?;
            }
            audit.map_or(Ok(()), |audit| audit::add(db, &audit))
        };
        self.intent(write).await
    }

    /// Takes refusals and stops back: of one seat, or everything of the credential. Returns how many there were.
    pub async fn brake_clear(
        &self,
        credential: CredentialName,
        seat: Option<SeatName>,
        audit: NewAudit,
    ) -> Result<usize, StoreError> {
        let write = move |db: &mut Db| {
            let of = diesel::delete(credential_brake::table)
                .filter(credential_brake::credential.eq(credential.to_string()))
                .filter(credential_brake::state.ne(BrakeState::Accepted.as_str()));
            let cleared = match &seat {
                None => of.execute(db)?,
                Some(seat) => of.filter(credential_brake::seat.eq(seat.as_str())).execute(db)?,
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
fn place(seat: Option<&SeatName>) -> &str {
    seat.map_or("", SeatName::as_str)
}

impl Scoped {
    /// Everything that is known of every credential.
    pub async fn brake_list(&self) -> Result<Vec<Brake>, StoreError> {
        let customers = self.customers();
        let read = move |db: &mut Db| {
            let query = credential_brake::table.select((
                credential_brake::credential,
                credential_brake::seat,
                credential_brake::state,
                credential_brake::at,
                credential_brake::reason,
            ));
            let query = within!(query, credential_brake::customer, &customers);
            let query = query.order((credential_brake::credential, credential_brake::seat)).limit(LIST_ROWS_MAX);
            query.load::<(String, String, String, i64, String)>(db)?.into_iter().map(noun).collect()
        };
        self.store.read(read).await
    }
}

fn noun((credential, seat, state, at, reason): (String, String, String, i64, String)) -> Result<Brake, StoreError> {
    Ok(Brake {
        credential: word("credential_brake.credential", &credential)?,
        seat: if seat.is_empty() { None } else { Some(word("credential_brake.seat", &seat)?) },
        state: word("credential_brake.state", &state)?,
        at: Time::from_ms(at),
        reason: Outside::from(reason),
    })
}
