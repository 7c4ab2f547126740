//! `hoshu finding`: what is not good.

use chrono_tz::Tz;
use serde::Serialize;

use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::finding::{Finding, FindingState};
use crate::model::time::Time;
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::FindingFilter;

/// Which findings.
#[derive(Debug, Clone, Default)]
pub struct Args {
    /// Selectors; everything when empty.
    pub on: Vec<String>,
    /// Those that have ended, too.
    pub ended: bool,
}

/// Findings, the most urgent first.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// When the list was made.
    pub at: Time,
    /// The zone in which times are shown.
    #[serde(skip)]
    pub zone: Tz,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Lists findings: hard before soft before ended, worse before better, older before newer.
pub async fn list(env: &Env, actor: &Actor, args: &Args) -> Result<Answer, Refusal> {
    let seats = select::optional(env, actor, &args.on).await?;
    let filter = FindingFilter { seats, open_only: !args.ended };
    let mut findings = env.store.scoped(actor.scope.clone()).finding_list(filter).await?;
    let rank = |finding: &Finding| match finding.state {
        FindingState::Hard => 0,
        FindingState::Soft => 1,
        FindingState::Ended => 2,
    };
    findings.sort_by(|a, b| {
        rank(a)
            .cmp(&rank(b))
            .then_with(|| b.condition.cmp(&a.condition))
            .then_with(|| a.since.cmp(&b.since))
            .then_with(|| (&a.seat, &a.component).cmp(&(&b.seat, &b.component)))
    });
    Ok(Answer { at: env.clock.now(), zone: env.settings.zone, findings })
}
