//! The polls of one seat and day in about a byte each: outcomes, tiers and latencies, column by column.
//!
//! Latencies are kept to about five in a hundred (eight steps for each doubling), times to the minute.

use crate::model::limits::PACKED_BYTES_MAX;
use crate::model::reading::{Outcome, Tier};

use super::varint::{get, put};

/// The version of the layout.
const VERSION: u8 = 1;
/// Polls that one day keeps, five a minute; what comes after them is not kept.
const POLLS_MAX: usize = 7_200;

/// One poll inside a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packed {
    /// Minutes since the day began.
    pub(super) minute: u16,
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
    put(&mut plain, polls.len() as u64);
    let mut before = 0_u16;
    for poll in polls {
        // Polls that come out of order step around the whole range.
        put(&mut plain, u64::from(poll.minute.wrapping_sub(before)));
        before = poll.minute;
    }
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
    if *version != VERSION || rest.is_empty() {
        return None;
    }
    let plain = zstd::bulk::decompress(rest, PACKED_BYTES_MAX).ok()?;
    let end = plain.iter().position(|byte| *byte == b'\n')?;
    let (words, columns) = (plain.get(..end)?, plain.get(end + 1..)?);
    let words = std::str::from_utf8(words).ok()?.split_whitespace();
    let words: Vec<Outcome> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let mut rest = columns;
    let count = usize::try_from(get(&mut rest)?).ok().filter(|count| *count <= POLLS_MAX)?;
    let mut minute = 0_u16;
    let mut minutes = Vec::with_capacity(count);
    for _ in 0..count {
        minute = minute.wrapping_add(u16::try_from(get(&mut rest)?).ok()?);
        minutes.push(minute);
    }
    let column = |number: usize| rest.get(number * count..(number + 1) * count);
    let rows = minutes.into_iter().zip(column(0)?).zip(column(1)?.iter().zip(column(2)?));
    rows.map(|((minute, place), (bits, latency))| {
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
        let poll = (0_u16..1_440, outcome, tiers, any::<u8>());
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
    fn a_poll_takes_little_more_than_a_byte() {
        let poll = |minute: u16| Packed {
            minute,
            outcome: Outcome::Answered,
            tiers: if minute.is_multiple_of(10) { vec![Tier::Pulse, Tier::Detail] } else { vec![Tier::Pulse] },
            latency: latency_code(400 + i64::from(minute) * 37 % 60),
        };
        let packed = pack(&(0..1_440).map(poll).collect::<Vec<_>>()).unwrap();
        assert!(packed.len() < 1_440 * 5 / 4, "{}", packed.len());
    }
}
