//! `hoshu audit`: what was done, by whom and when.

use serde::Serialize;

use crate::engine::env::Env;
use crate::model::actor::{Actor, AuditRecord};
use crate::service::refusal::Refusal;

/// Records, the newest first.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The records.
    pub records: Vec<AuditRecord>,
}

/// Lists the newest records.
pub async fn list(env: &Env, actor: &Actor, most: u32) -> Result<Answer, Refusal> {
    let records = env.store.scoped(actor.scope.clone()).audit_list(None, i64::from(most)).await?;
    Ok(Answer { records })
}
