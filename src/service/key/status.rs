//! What is there of keys, and what opens.

use std::collections::BTreeSet;

use serde::Serialize;

use super::by_customer;
use crate::depot::{KeyError, Keyring, enough_recipients};
use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::name::CustomerName;
use crate::model::object::{CustomerKey, KeyHalves};
use crate::model::realm::Realm;
use crate::model::time::Time;
use crate::service::refusal::Refusal;

crate::words! {
    /// How the keys of one customer are.
    pub enum KeyState {
        /// Every generation opens with the root key and is sealed to the present recipients.
        Good = "good",
        /// There is none.
        NoKey = "no-key",
        /// Every generation opens, and one is sealed to others than the settings say.
        OtherRecipients = "other-recipients",
        /// A generation does not open with the root key.
        DoesNotOpen = "does-not-open",
        /// The present generation is none that Hoshu made.
        NotRecorded = "not-recorded",
        /// They were destroyed.
        Destroyed = "destroyed",
    }
}

/// The root key.
#[derive(Debug, Clone, Serialize)]
pub struct RootStatus {
    /// Where it is.
    pub at: String,
    /// Its public half, when it can be read.
    pub public: Option<String>,
    /// Why it cannot.
    pub why: Vec<String>,
}

/// The keys of one customer.
#[derive(Debug, Clone, Serialize)]
pub struct CustomerStatus {
    /// The customer.
    pub customer: CustomerName,
    /// How its keys are.
    pub state: KeyState,
    /// The present generation.
    pub generation: Option<u32>,
    /// Since when it is the present one.
    pub since: Option<Time>,
    /// Its public half.
    pub public: Option<String>,
    /// How many generations the present root key opens.
    pub opened_by_root: usize,
    /// How many generations there are.
    pub generations: usize,
    /// The recovery recipients that the present generation is sealed to.
    pub recovery: Vec<String>,
    /// Why the state is not good.
    pub why: String,
}

/// The keys of a Hoshu.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The realm.
    pub realm: Realm,
    /// The root key.
    pub root: RootStatus,
    /// The recovery recipients of the settings.
    pub recovery: Vec<String>,
    /// What a person should know beside the table.
    pub notes: Vec<String>,
    /// The customers, by name: of the inventory, and those that have keys.
    pub customers: Vec<CustomerStatus>,
    /// Whether a person has to do something.
    pub needs_person: bool,
}

fn with_causes(error: &KeyError) -> Vec<String> {
    let mut words = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words.push(error.to_string());
        source = error.source();
    }
    words
}

/// Tries to open every key with the root key, and keeps nothing of it.
pub async fn status(env: &Env, actor: &Actor) -> Result<Status, Refusal> {
    let settings = &env.settings;
    let ring = env.keys.ring();
    let root = RootStatus {
        at: settings.root_key.to_string(),
        public: ring.as_ref().ok().map(|ring| ring.root().public()),
        why: ring.as_ref().err().map(with_causes).unwrap_or_default(),
    };
    let mut keys = by_customer(env, actor).await?;
    let mut names: BTreeSet<CustomerName> = keys.keys().cloned().collect();
    names.extend(env.inventory.customers.keys().filter(|customer| actor.scope.sees(customer)).cloned());
    let scoped = env.store.scoped(actor.scope.clone());
    let mut customers = Vec::new();
    for name in names {
        let keys = keys.remove(&name).unwrap_or_default();
        let mut status = one(name, &keys, ring.as_ref().ok().copied(), settings.realm);
        if let Some(last) = keys.last()
            && !scoped.customer_key_is_recorded(last).await?
        {
            let why = KeyError::KeyNotRecorded(last.customer.clone()).to_string();
            status = CustomerStatus { state: KeyState::NotRecorded, why, ..status };
        }
        customers.push(status);
    }
    let few = settings.recovery.len() < 2;
    let notes = few.then(|| {
        let expected = "two recovery recipients are expected, so that a lost root key is not the loss of every backup";
        format!("{expected}; the settings have {}", settings.recovery.len())
    });
    let unwell = |one: &CustomerStatus| !matches!(one.state, KeyState::Good | KeyState::Destroyed);
    Ok(Status {
        realm: settings.realm,
        needs_person: root.public.is_none()
            || customers.iter().any(unwell)
            || enough_recipients(settings.realm, settings.recovery.len()).is_err(),
        root,
        recovery: settings.recovery.clone(),
        notes: notes.into_iter().collect(),
        customers,
    })
}

fn one(customer: CustomerName, keys: &[CustomerKey], ring: Option<&Keyring>, realm: Realm) -> CustomerStatus {
    let mut status = CustomerStatus {
        customer,
        state: KeyState::Good,
        generation: None,
        since: None,
        public: None,
        opened_by_root: 0,
        generations: keys.len(),
        recovery: Vec::new(),
        why: String::new(),
    };
    let Some(last) = keys.last() else {
        return CustomerStatus { state: KeyState::NoKey, why: "hoshu key init makes it".to_owned(), ..status };
    };
    status.generation = Some(last.generation);
    status.since = Some(last.made_at);
    status.public = Some(last.public.clone());
    match &last.halves {
        KeyHalves::Sealed { to, .. } => status.recovery.clone_from(&to.recovery),
        KeyHalves::Destroyed { at, reason } => {
            return CustomerStatus { state: KeyState::Destroyed, since: Some(*at), why: reason.clone(), ..status };
        }
    }
    let Some(ring) = ring else {
        let why = "the root key cannot be used".to_owned();
        return CustomerStatus { state: KeyState::DoesNotOpen, why, ..status };
    };
    for key in keys {
        match ring.root().opens(realm, key) {
            Ok(()) => status.opened_by_root += 1,
            Err(error) => {
                let why = format!("generation {}: {error}", key.generation);
                status = CustomerStatus { state: KeyState::DoesNotOpen, why, ..status };
            }
        }
    }
    let present = ring.sealed_to();
    let as_settings = |key: &CustomerKey| matches!(&key.halves, KeyHalves::Sealed { to, .. } if *to == present);
    if status.state == KeyState::Good && !keys.iter().all(as_settings) {
        let why = "hoshu key rewrap seals it to the recipients of the settings".to_owned();
        return CustomerStatus { state: KeyState::OtherRecipients, why, ..status };
    }
    status
}
