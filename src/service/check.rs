//! `hoshu check`: everything that is wrong with the files, and what this version does not serve of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::depot::{enough_recipients, recipients};
use crate::engine::clock::{Clock as _, SystemClock};
use crate::engine::keys::Keys;
use crate::inventory::{NotServed, check_credentials, load, load_settings, not_served};
use crate::model::credential::{CredentialName, CredentialSource};
use crate::model::inventory::Inventory;
use crate::model::realm::Realm;
use crate::model::series::Series;
use crate::model::settings::Settings;
use crate::model::snmp::SnmpVersion;
use crate::secret::SecretStore;
use crate::service::refusal::Refusal;
use crate::yaml::{Problem, Severity};

/// What the files hold.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// The realm.
    pub realm: Realm,
    /// How many customers.
    pub customers: usize,
    /// How many sites.
    pub sites: usize,
    /// How many gateways.
    pub gateways: usize,
    /// How many seats.
    pub seats: usize,
    /// How many seats of each series.
    pub series: BTreeMap<Series, usize>,
    /// What a person should look at.
    pub warnings: Vec<Problem>,
    /// Credentials that share one secret, or whose secret cannot be read.
    pub credentials: Vec<String>,
    /// What is declared and not yet served.
    pub not_yet_served: Vec<NotServed>,
}

pub use crate::inventory::{schema_inventory, schema_settings};

/// Reads settings and inventory. One secret under the names of two customers is a mistake.
pub async fn check(settings: &Path) -> Result<Checked, Refusal> {
    let today = SystemClock.now().utc().date_naive();
    let settings = load_settings(settings).map_err(Refusal::files)?;
    let loaded = load(&settings.settings.inventory, today).map_err(Refusal::files)?;
    // A layout of the house that cannot be used would stop every other command.
    crate::readout::load(&settings.settings.inventory.join("readouts"))?;
    let mut warnings = settings.warnings;
    warnings.extend(loaded.warnings);
    let inventory = &loaded.inventory;
    let (credentials, mut mistakes) = secrets(&settings.settings, inventory).await?;
    for problem in check_credentials(inventory, &settings.settings) {
        let list = if problem.severity == Severity::Error { &mut mistakes } else { &mut warnings };
        list.push(problem);
    }
    keys(&settings.settings, &mut mistakes, &mut warnings);
    if !mistakes.is_empty() {
        return Err(Refusal::Files(mistakes));
    }
    let mut series = BTreeMap::new();
    for seat in inventory.seats.values() {
        *series.entry(seat.series).or_default() += 1;
    }
    Ok(Checked {
        realm: settings.settings.realm,
        customers: inventory.customers.len(),
        sites: inventory.customers.values().map(|customer| customer.sites.len()).sum(),
        gateways: inventory.customers.values().map(|customer| customer.gateways.len()).sum(),
        seats: inventory.seats.len(),
        series,
        warnings,
        credentials,
        not_yet_served: not_served(inventory),
    })
}

/// What of the keys the settings alone can tell; `hoshu key status` tells the rest.
fn keys(settings: &Settings, mistakes: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    if let Err(error) = recipients(&settings.recovery) {
        mistakes.push(Problem::of_file("recovery", error.to_string()));
    } else if let Err(error) = enough_recipients(settings.realm, settings.recovery.len()) {
        let hint = "run age-keygen twice on other machines, and put the two public halves into recovery:".to_owned();
        let problem = Problem::of_file("recovery", error.to_string()).with_hint(hint);
        warnings.push(Problem { severity: Severity::Warning, ..problem });
    }
}

/// Holds the secrets beside each other, by fingerprints under a key of this moment.
async fn secrets(settings: &Settings, inventory: &Inventory) -> Result<(Vec<String>, Vec<Problem>), Refusal> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key)
        .map_err(|error| Refusal::Argument(format!("the system gives no random bytes: {error}")))?;
    let store =
        SecretStore::new(settings.credentials.clone(), settings.vault.clone(), Arc::new(Keys::new(settings)), true);
    let mut notes = Vec::new();
    let mut mistakes = Vec::new();
    for name in settings.credentials.keys() {
        if let Err(error) = store.try_read(name).await {
            notes.push(format!("cannot be read: {name}: {error}"));
        }
    }
    let mut by_print: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for print in store.fingerprints(&key).await {
        by_print.entry(print.print).or_default().push(print.name);
    }
    for mut names in by_print.into_values() {
        names.dedup();
        let shown: Vec<String> = names.iter().map(ToString::to_string).collect();
        let customers: std::collections::BTreeSet<_> = names.iter().map(CredentialName::customer).collect();
        if customers.len() > 1 {
            let message = format!("one secret is used by {} customers: {}", customers.len(), shown.join(", "));
            let hint = "give each customer a credential of its own: one that leaks opens both".to_owned();
            mistakes.push(Problem::of_file("credentials", message).with_hint(hint));
        } else if names.len() > 1 && names.iter().any(|name| is_community(settings, name)) {
            let message = format!("a community is no secret of anything else, and this is one: {}", shown.join(", "));
            let hint = "SNMP v2c sends it in clear: give each its own".to_owned();
            mistakes.push(Problem::of_file("credentials", message).with_hint(hint));
        } else if names.len() > 1 {
            notes.push(format!("one secret has {} names: {}", names.len(), shown.join(", ")));
        }
    }
    let shared: Vec<String> = shared(inventory).iter().map(|(name, seats)| format!("{name} ({seats} seats)")).collect();
    if !shared.is_empty() {
        notes.push(format!("shared, so that one that leaks opens several seats: {}", shared.join(", ")));
    }
    Ok((notes, mistakes))
}

/// Whether a credential is a community, which goes over the wire in clear.
fn is_community(settings: &Settings, name: &CredentialName) -> bool {
    let version = settings.credentials.get(name).and_then(CredentialSource::snmp_version);
    version == Some(SnmpVersion::V2c)
}

/// Credentials that more than one seat names.
fn shared(inventory: &Inventory) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for seat in inventory.seats.values() {
        for name in seat.credentials.all() {
            *counts.entry(name.to_string()).or_default() += 1;
        }
    }
    counts.retain(|_, seats| *seats > 1);
    counts
}
