//! `hoshu key`: the root key and the customers' pairs.

use serde::Serialize;

use crate::depot::{root_create, root_exists};
use crate::engine::env::Env;
use crate::model::actor::{Act, Actor};
use crate::model::name::CustomerName;
use crate::service::refusal::Refusal;

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub struct Made {
    /// Whether the root key was made.
    pub root: bool,
    /// Where the root key lies.
    pub root_file: String,
    /// The customers whose pairs were made.
    pub customers: Vec<CustomerName>,
    /// How many customers had theirs already.
    pub had: usize,
}

/// Makes the root key when there is none and no customer key hangs on a lost one, and a pair for each customer that has
/// none.
pub async fn init(env: &Env, actor: &Actor) -> Result<Made, Refusal> {
    let scoped = env.store.scoped(actor.scope.clone());
    let mut missing = Vec::new();
    let mut had = 0;
    for customer in env.inventory.customers.keys() {
        match scoped.customer_key_get(customer).await? {
            Some(_) => had += 1,
            None => missing.push(customer.clone()),
        }
    }
    let file = &env.keys.file;
    // A new root beside customers' keys that an old one opens would be the silent loss of every backup.
    let root = had == 0 && !root_exists(file);
    if root {
        let detail = serde_json::json!({"v": 1, "public": root_create(file, env.settings.realm)?});
        env.store.audit_add(actor.did(env.clock.now(), Act::RootKeyMade, "root", &detail)).await?;
    }
    // A root that is lost, or that cannot be read, is told even when there is nothing to make.
    env.keys.ring()?;
    for customer in &missing {
        let now = env.clock.now();
        let key = env.keys.ring()?.customer_create(customer.clone(), now)?;
        let detail = serde_json::json!({"v": 1, "public": key.public});
        env.store.customer_key_add(key, actor.did(now, Act::CustomerKeyMade, customer.as_str(), &detail)).await?;
    }
    Ok(Made { root, root_file: file.display().to_string(), customers: missing, had })
}
