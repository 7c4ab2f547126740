//! `hoshu login` and `hoshu console`: a person at an appliance.

use serde::Serialize;

pub use crate::access::{Heard, TerminalKey, Waits};
use crate::engine::env::Env;
pub use crate::engine::login::{IDLE, Login};
pub use crate::engine::session::Failure;
pub use crate::engine::transcript::Over;
use crate::engine::{login, transcript};
use crate::model::actor::Actor;
use crate::model::id::TranscriptId;
use crate::model::inventory::{Contact, DataPath, Gateway, ProbeState};
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::realm::Realm;
use crate::model::series::Series;
pub use crate::model::transcript::{SessionEnd, SessionEnded};
use crate::service::card::{self, Notice};
use crate::service::refusal::Refusal;
use crate::service::select;

/// What a person must know before the first key.
#[derive(Debug, Clone, Serialize)]
pub struct Banner {
    /// Simulated, or a customer's own.
    pub realm: Realm,
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// The customer's name in full.
    pub customer_title: String,
    /// Its site, with its name in full.
    pub site: String,
    /// The series.
    pub series: Series,
    /// The model, as the files have it.
    pub model: String,
    /// Where it stands in the traffic.
    pub data_path: DataPath,
    /// The serial of the hardware that answered.
    pub serial: Option<Outside>,
    /// Its release.
    pub release: Option<Outside>,
    /// The host name that it gave.
    pub hostname: Option<Outside>,
    /// Findings that are open.
    pub findings: usize,
    /// What is announced, open or near its end.
    pub notices: Vec<Notice>,
    /// The number of the transcript.
    pub transcript: TranscriptId,
}

/// Opens a session for a person and says what it is at.
pub async fn open(env: &Env, actor: &Actor, seat: &SeatName, window: (u32, u32)) -> Result<(Login, Banner), Refusal> {
    let seat = select::one(env, actor, seat)?;
    let card = card::card(env, actor, &seat.name).await?;
    let login = login::open(env, actor, seat, window)
        .await
        .map_err(|failure| Refusal::NoSession { outcome: failure.outcome, reason: failure.reason })?;
    let site = card.seat.site.as_ref().map_or_else(String::new, |site| format!("{} {}", site.name, site.title));
    let banner = Banner {
        realm: env.settings.realm,
        seat: seat.name.clone(),
        customer: seat.customer.clone(),
        customer_title: card.customer_title,
        site,
        series: seat.series,
        model: seat.model.clone(),
        data_path: seat.data_path,
        serial: login.asset.serial.clone(),
        release: login.asset.release.clone().map(|(release, _)| release),
        hostname: login.hostname.clone(),
        findings: card.seat.findings.len(),
        notices: card.notices,
        transcript: login.id,
    };
    Ok((login, banner))
}

/// Seals and keeps what a session left.
pub async fn keep(env: &Env, actor: &Actor, over: Over) -> Result<SessionEnded, Refusal> {
    Ok(transcript::keep(env, actor, over).await?)
}

/// How the console of a seat is reached.
#[derive(Debug, Clone, Serialize)]
pub struct Console {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// Its site, with its name in full.
    pub site: String,
    /// How one gets in there.
    pub entry: Option<String>,
    /// The gateway before it.
    pub gateway: Option<Gateway>,
    /// Whether its controller answers behind the gateway, as the files say.
    pub oob: Option<ProbeState>,
    /// Who can be called.
    pub contacts: Vec<Contact>,
}

/// Says what the files know of the console of a seat. No appliance is asked: no wire to a console is served.
pub fn console(env: &Env, actor: &Actor, seat: &SeatName) -> Result<Console, Refusal> {
    let seat = select::one(env, actor, seat)?;
    let customer = env.inventory.customers.get(&seat.customer);
    let site = customer.and_then(|customer| customer.sites.iter().find(|site| site.name == seat.site));
    let gateway = env.inventory.gateway(seat).cloned();
    Ok(Console {
        seat: seat.name.clone(),
        customer: seat.customer.clone(),
        site: site.map_or_else(|| seat.site.to_string(), |site| format!("{} {}", site.name, site.title)),
        entry: site.and_then(|site| site.entry.clone()),
        oob: gateway.as_ref().map(|gateway| gateway.probes.oob),
        gateway,
        contacts: customer.map(|customer| customer.contacts.clone()).unwrap_or_default(),
    })
}
