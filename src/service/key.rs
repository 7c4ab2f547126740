//! `hoshu key`: the root key and the customers' pairs.

mod reseal;
mod status;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::reseal::{recover, rewrap};
pub use self::status::{CustomerStatus, KeyState, RootStatus, Status, status};
use crate::depot::{KeyError, enough_recipients, recipients, root_create, root_exists};
use crate::engine::env::Env;
use crate::model::actor::{Act, Actor};
use crate::model::name::CustomerName;
use crate::model::object::{CustomerKey, KeyHalves};
use crate::service::refusal::Refusal;

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 400;

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// Whether the root key was made.
    pub root: bool,
    /// Where the root key is.
    pub root_at: String,
    /// The customers whose pairs were made.
    pub customers: Vec<CustomerName>,
    /// How many customers had theirs already, destroyed ones among them.
    pub had: usize,
}

/// Makes the root key when its source is a file, there is none, and no customer key hangs on a lost one; and a pair for
/// each customer that has none. A root key from elsewhere is put there by a person.
pub async fn init(env: &Env, actor: &Actor) -> Result<Made, Refusal> {
    let scoped = env.store.scoped(actor.scope.clone());
    let mut missing = Vec::new();
    let mut had = 0;
    for customer in env.inventory.customers.keys() {
        match scoped.customer_key_get(customer, None).await? {
            Some(_) => had += 1,
            None => missing.push(customer.clone()),
        }
    }
    // A new root beside customers' keys that an old one opens would be the silent loss of every backup.
    let root = scoped.customer_key_list().await?.is_empty() && make_root(env, actor).await?;
    // A root that is lost, or that cannot be read, is told even when there is nothing to make.
    let ring = env.keys.ring()?;
    for customer in &missing {
        let now = env.clock.now();
        let key = ring.customer_create(customer.clone(), now)?;
        let detail = detail(&key);
        env.store.customer_key_add(key, actor.did(now, Act::CustomerKeyMade, customer.as_str(), &detail)).await?;
    }
    Ok(Made { root, root_at: env.settings.root_key.to_string(), customers: missing, had })
}

/// Makes the root key where a file is its source and is not there. What would keep keys from being sealed to it is
/// found before.
async fn make_root(env: &Env, actor: &Actor) -> Result<bool, Refusal> {
    let source = &env.settings.root_key;
    if source.file().is_none_or(root_exists) {
        return Ok(false);
    }
    recipients(&env.settings.recovery)?;
    enough_recipients(env.settings.realm, env.settings.recovery.len())?;
    let detail = serde_json::json!({"v": 1, "public": root_create(source, env.settings.realm)?});
    env.store.audit_add(actor.did(env.clock.now(), Act::RootKeyMade, "root", &detail)).await?;
    Ok(true)
}

/// What the audit says of a key that was sealed: public halves only.
fn detail(key: &CustomerKey) -> serde_json::Value {
    let to = match &key.halves {
        KeyHalves::Sealed { to, .. } => Some(to),
        KeyHalves::Destroyed { .. } => None,
    };
    serde_json::json!({"v": 1, "generation": key.generation, "public": key.public, "sealed_to": to})
}

crate::words! {
    /// What became of the keys of one customer.
    pub enum KeyResult {
        /// There is a new pair, for new objects.
        Rotated = "rotated",
        /// The same pairs are sealed to the present root key and recovery recipients.
        Rewrapped = "rewrapped",
        /// They were so already.
        Unchanged = "unchanged",
        /// They are destroyed, and stay it.
        Destroyed = "destroyed",
        /// They do not open, or are none that Hoshu made, and were left as they are.
        DoesNotOpen = "does-not-open",
    }
}

/// One customer.
#[derive(Debug, Clone, Serialize)]
pub struct CustomerDone {
    /// The customer.
    pub customer: CustomerName,
    /// What became of its keys.
    pub result: KeyResult,
    /// The present generation.
    pub generation: u32,
    /// Why, where a person has to know.
    pub why: String,
}

/// What became of the keys of customers.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// Whether a new root key was made.
    pub root: bool,
    /// Where the root key is.
    pub root_at: String,
    /// The customers, by name.
    pub customers: Vec<CustomerDone>,
}

impl Answer {
    /// Whether a person should look.
    pub fn needs_attention(&self) -> bool {
        self.customers.iter().any(|one| one.result == KeyResult::DoesNotOpen)
    }
}

/// The keys of customers, each with all generations in order.
async fn by_customer(env: &Env, actor: &Actor) -> Result<BTreeMap<CustomerName, Vec<CustomerKey>>, Refusal> {
    let mut customers: BTreeMap<CustomerName, Vec<CustomerKey>> = BTreeMap::new();
    for key in env.store.scoped(actor.scope.clone()).customer_key_list().await? {
        customers.entry(key.customer.clone()).or_default().push(key);
    }
    Ok(customers)
}

fn no_key(customer: &CustomerName) -> Refusal {
    Refusal::NotFound {
        what: "key of customer",
        name: customer.to_string(),
        hint: "hoshu key status shows every customer and its key".to_owned(),
    }
}

/// Makes a new pair for a customer, or for all: new objects are sealed to it, old ones stay as they are and readable.
pub async fn rotate(env: &Env, actor: &Actor, which: Option<&CustomerName>) -> Result<Answer, Refusal> {
    let ring = env.keys.ring()?;
    let mut customers = Vec::new();
    let scoped = env.store.scoped(actor.scope.clone());
    for (customer, keys) in by_customer(env, actor).await? {
        let Some(last) = keys.last().filter(|_| which.is_none_or(|which| *which == customer)) else { continue };
        let mut made = None;
        for key in keys.iter().rev() {
            if scoped.customer_key_is_recorded(key).await? {
                made = Some(key);
                break;
            }
        }
        let now = env.clock.now();
        let next = made.ok_or_else(|| KeyError::KeyNotRecorded(customer.clone()));
        let next = next.and_then(|key| ring.customer_rotate(key, last.generation + 1, now));
        let (result, generation, why) = match next {
            Ok(next) => {
                let generation = next.generation;
                let detail = detail(&next);
                let audit = actor.did(now, Act::CustomerKeyRotated, customer.as_str(), &detail);
                env.store.customer_key_add(next, audit).await?;
                (KeyResult::Rotated, generation, String::new())
            }
            Err(error @ KeyError::Destroyed { .. }) if which.is_none() => {
                (KeyResult::Destroyed, last.generation, error.to_string())
            }
            Err(error @ (KeyError::Unopenable { .. } | KeyError::Foreign { .. } | KeyError::KeyNotRecorded(_))) => {
                (KeyResult::DoesNotOpen, last.generation, error.to_string())
            }
            Err(error) => return Err(error.into()),
        };
        customers.push(CustomerDone { customer, result, generation, why });
    }
    match which.filter(|_| customers.is_empty()) {
        Some(which) => Err(no_key(which)),
        None => Ok(Answer { root: false, root_at: env.settings.root_key.to_string(), customers }),
    }
}

/// What was destroyed.
#[derive(Debug, Clone, Serialize)]
pub struct Destroyed {
    /// The customer.
    pub customer: CustomerName,
    /// How many generations of its key.
    pub generations: usize,
}

/// Destroys the keys of a customer whose contract ended: no object of it opens afterwards. `typed` is the customer's
/// name once more.
pub async fn destroy(
    env: &Env,
    actor: &Actor,
    customer: &CustomerName,
    reason: &str,
    typed: &CustomerName,
) -> Result<Destroyed, Refusal> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX || reason.chars().any(char::is_control) {
        return Err(Refusal::Argument(format!("a reason is one line of at most {REASON_CHARS_MAX} characters")));
    }
    if customer != typed {
        return Err(Refusal::Argument(format!(
            "to destroy the keys of {customer}, type its name again: --yes {customer}"
        )));
    }
    let keys = by_customer(env, actor).await?.remove(customer).ok_or_else(|| no_key(customer))?;
    let alive: Vec<_> = keys.iter().filter(|key| matches!(key.halves, KeyHalves::Sealed { .. })).collect();
    if alive.is_empty() {
        return Err(Refusal::Argument(format!("the keys of {customer} are destroyed already")));
    }
    let now = env.clock.now();
    let public: Vec<_> = alive.iter().map(|key| &key.public).collect();
    let detail = serde_json::json!({"v": 1, "reason": reason, "public": public});
    let audit = actor.did(now, Act::CustomerKeyDestroyed, customer.as_str(), &detail);
    let generations = env.store.customer_key_destroy(customer.clone(), now, reason.to_owned(), audit).await?;
    Ok(Destroyed { customer: customer.clone(), generations })
}

/// A sealed private half, for the `age` tool and a recovery identity. It is of no use to others.
#[derive(Debug, Clone, Serialize)]
pub struct Exported {
    /// The customer.
    pub customer: CustomerName,
    /// The generation.
    pub generation: u32,
    /// The public half.
    pub public: String,
    /// The age file.
    #[serde(skip)]
    pub sealed: Vec<u8>,
}

/// Gives out the sealed private half of a customer's key: of a generation, or the present one.
pub async fn export(
    env: &Env,
    actor: &Actor,
    customer: &CustomerName,
    generation: Option<u32>,
) -> Result<Exported, Refusal> {
    let found = env.store.scoped(actor.scope.clone()).customer_key_get(customer, generation).await?;
    let key = found.ok_or_else(|| no_key(customer))?;
    let audit = actor.did(env.clock.now(), Act::CustomerKeyExported, customer.as_str(), &detail(&key));
    let sealed = match key.halves {
        KeyHalves::Sealed { private, .. } => private,
        KeyHalves::Destroyed { reason, .. } => {
            return Err(KeyError::Destroyed { customer: customer.clone(), reason }.into());
        }
    };
    env.store.audit_add(audit).await?;
    Ok(Exported { customer: key.customer, generation: key.generation, public: key.public, sealed })
}
