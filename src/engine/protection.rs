//! Whether a unit does its job: what it counted is brought beside what it counted before.

use crate::decide::habit::Moment;
use crate::decide::protection::{self, Judged, Look};
use crate::engine::env::Env;
use crate::engine::fleet::Facts;
use crate::model::reading::{Component, Poll, Tier};
use crate::store::StoreError;

/// The longest time between two numbers that are compared, in periods of the detail tier.
const GAP_PERIODS: i64 = 3;
/// And at least and at most so long, in milliseconds.
const GAP_MS: (i64, i64) = (125 * 60_000, 24 * 3_600_000);

/// Judges what a poll counted. One bounded question to the store, and only when the detail tier was read.
pub(super) async fn judge(
    env: &Env,
    facts: &Facts,
    before: impl Iterator<Item = &Component> + Send,
    poll: &Poll,
) -> Result<Judged, StoreError> {
    if !poll.tiers.contains(&Tier::Detail) {
        return Ok(Judged::default());
    }
    let (seat, rules) = (&facts.seat, env.settings.protection);
    let site = env.inventory.site(seat);
    let zone = site.and_then(|site| site.zone.parse().ok()).unwrap_or(env.settings.zone);
    let moment = Moment { now: poll.at, zone };
    let gap_ms_max = env.settings.tiers.of(seat.series).detail_ms.saturating_mul(GAP_PERIODS).clamp(GAP_MS.0, GAP_MS.1);
    let past = if poll.counts.numbers.is_empty() {
        Vec::new()
    } else {
        let pieces = protection::pieces(moment, seat.series, &rules, gap_ms_max);
        env.rows().series_past(&seat.name, &protection::KINDS, pieces.hours, pieces.days).await?
    };
    let look = Look {
        moment,
        series: seat.series,
        data_path: seat.data_path,
        rules,
        gap_ms_max,
        counts: &poll.counts,
        readings: &poll.readings,
        past: &past,
    };
    Ok(protection::judge(&look, before))
}
