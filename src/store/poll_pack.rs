//! The polls of one seat and hour in some sixty bytes: outcomes, tiers and latencies, column by column.
//!
//! Latencies are kept to about five in a hundred (eight steps for each doubling), times to the minute.

use crate::model::limits::PACKED_BYTES_MAX;
use crate::model::reading::{Outcome, Tier};

/// The version of the layout.
const VERSION: u8 = 1;
/// Polls that one hour keeps; what comes after them is not kept.
const POLLS_MAX: usize = 7_200;

/// One poll inside an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// Minutes since the hour began.
    pub(super) minute: u8,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// The tiers that were read in full.
    pub(super) tiers: Vec<Tier>,
    /// The latency as [`latency_code`] gives it.
    pub(super) latency: u8,
}

/// A latency in one byte: eight steps for each doubling.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the number is rounded and held between 0 and 255 before it becomes a byte"
)]
pub(super) fn latency_code(ms: i64) -> u8 {
    ((ms.max(0) as f64 + 1.0).log2() * 8.0).round().clamp(0.0, 255.0) as u8
}

/// The latency that a code stands for, in milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "2^32 at most, which an i64 holds")]
pub(super) fn latency_ms(code: u8) -> i64 {
    ((f64::from(code) / 8.0).exp2() - 1.0).round() as i64
}

/// Packs polls in the order in which they came. Outcomes stand as words in a list of their own, so that a word that
/// is put between others later changes nothing here.
pub(super) fn pack(polls: &[Packed]) -> std::io::Result<Vec<u8>> {
    let polls = polls.get(..POLLS_MAX).unwrap_or(polls);
    let mut words: Vec<Outcome> = Vec::new();
    for poll in polls {
        if !words.contains(&poll.outcome) {
            words.push(poll.outcome);
        }
    }
    let mut plain: Vec<u8> = words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ").into_bytes();
    plain.push(b'\n');
    let place = |poll: &Packed| words.iter().position(|word| *word == poll.outcome);
    let mut before = 0_u8;
    plain.extend(polls.iter().map(|poll| {
        let step = poll.minute.wrapping_sub(before);
        before = poll.minute;
        step
    }));
    plain.extend(polls.iter().map(|poll| place(poll).and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)));
    plain.extend(polls.iter().map(|poll| {
        Tier::ALL
            .iter()
            .enumerate()
            .filter(|(_, tier)| poll.tiers.contains(tier))
            .map(|(bit, _)| 1_u8 << bit)
            .sum::<u8>()
    }));
    plain.extend(polls.iter().map(|poll| poll.latency));
    let mut packed = vec![VERSION];
    packed.extend(zstd::bulk::compress(&plain, 3)?);
    Ok(packed)
}

/// Reads what [`pack`] wrote; `None` is a blob that is none.
pub(super) fn unpack(packed: &[u8]) -> Option<Vec<Packed>> {
    let (version, rest) = packed.split_first()?;
    if *version != VERSION {
        return None;
    }
    let plain = zstd::bulk::decompress(rest, PACKED_BYTES_MAX).ok()?;
    let end = plain.iter().position(|byte| *byte == b'\n')?;
    let (words, columns) = (plain.get(..end)?, plain.get(end + 1..)?);
    let words = std::str::from_utf8(words).ok()?.split_whitespace();
    let words: Vec<Outcome> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let count = columns.len() / 4;
    let column = |number: usize| columns.get(number * count..(number + 1) * count);
    let (steps, places, tiers, latencies) = (column(0)?, column(1)?, column(2)?, column(3)?);
    let mut minute = 0_u8;
    let rows = steps.iter().zip(places).zip(tiers.iter().zip(latencies));
    rows.map(|((step, place), (bits, latency))| {
        minute = minute.wrapping_add(*step);
        let tiers = Tier::ALL.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, tier)| *tier);
        Some(Packed { minute, outcome: *words.get(usize::from(*place))?, tiers: tiers.collect(), latency: *latency })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn polls() -> impl Strategy<Value = Vec<Packed>> {
        let outcome = proptest::sample::select(Outcome::ALL.to_vec());
        let tiers = proptest::sample::subsequence(Tier::ALL.to_vec(), 0..=Tier::ALL.len());
        let poll = (0_u8..60, outcome, tiers, any::<u8>());
        let poll = poll.prop_map(|(minute, outcome, tiers, latency)| Packed { minute, outcome, tiers, latency });
        proptest::collection::vec(poll, 0..200)
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(polls in polls()) {
            prop_assert_eq!(unpack(&pack(&polls).unwrap()), Some(polls));
        }

        #[test]
        fn a_blob_of_anything_is_never_a_panic(blob in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(unpack(&blob));
        }

        #[test]
        fn a_latency_keeps_five_in_a_hundred(ms in 0_i64..3_600_000) {
            let back = latency_ms(latency_code(ms));
            prop_assert!((back - ms).abs() <= ms / 20 + 1, "{} became {}", ms, back);
        }
    }

    #[test]
    fn an_hour_of_polls_is_small() {
        let hour: Vec<_> = (0..60_u8)
            .map(|minute| Packed {
                minute,
                outcome: Outcome::Answered,
                tiers: if minute % 10 == 0 { vec![Tier::Pulse, Tier::Detail] } else { vec![Tier::Pulse] },
                latency: latency_code(400 + i64::from(minute * 37 % 60)),
            })
            .collect();
        assert!(pack(&hour).unwrap().len() < 110, "{}", pack(&hour).unwrap().len());
    }
}
