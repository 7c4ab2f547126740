//! `hoshu store check`: is everything there that the store and the audit speak of, and nothing else?

use serde::Serialize;

use crate::engine::env::Env;
pub use crate::engine::store_check::Looked;
use crate::engine::store_check::{self, CheckError};
use crate::model::actor::{Actor, Scope};
use crate::model::store_check::{Flaw, StoreProblem};
use crate::service::refusal::Refusal;

/// One problem with what a person does about it.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// The problem.
    #[serde(flatten)]
    pub problem: StoreProblem,
    /// What to do.
    pub advice: &'static str,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct StoreChecked {
    /// How much was looked at.
    pub looked: Looked,
    /// How many problems there are, those that were mended among them.
    pub found: usize,
    /// Files that were removed.
    pub swept: usize,
    /// Files without a row that are younger than a day: a backup may be under way.
    pub young: usize,
    /// Whether it was stopped before its end.
    pub stopped: bool,
    /// The problems, a thousand at most.
    pub problems: Vec<Told>,
}

impl StoreChecked {
    /// Whether something is left to be done.
    pub const fn needs_attention(&self) -> bool {
        self.found > self.swept
    }
}

impl From<CheckError> for Refusal {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Store(error) => Self::Store(error),
            CheckError::Depot(error) => Self::Depot(error),
        }
    }
}

/// Looks at the whole store and depot; with `repair` it removes files that the depot left over.
pub async fn check(env: &Env, actor: &Actor, repair: bool) -> Result<StoreChecked, Refusal> {
    if actor.scope != Scope::House {
        return Err(Refusal::Argument("the store is the house's: it is not checked for single customers".to_owned()));
    }
    let checked = store_check::run(env, actor, repair).await?;
    let told = |problem: StoreProblem| Told {
        advice: if problem.swept { "nothing: it was removed" } else { Flaw::advice(problem.flaw) },
        problem,
    };
    Ok(StoreChecked {
        looked: checked.looked,
        found: checked.problems.len() + checked.more,
        swept: checked.swept,
        young: checked.young,
        stopped: checked.stopped,
        problems: checked.problems.into_iter().map(told).collect(),
    })
}
