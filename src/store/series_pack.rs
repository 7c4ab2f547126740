//! Numbers of one seat, packed: for each series its name, then slots and values as differences in as few bytes as
//! they need, and zstd over all.

use std::collections::BTreeMap;

use crate::model::limits::PACKED_BYTES_MAX;
use crate::model::outside::Outside;
use crate::model::reading::{Component, Unit};

use super::varint::{get, put};

/// The version of the layout.
const VERSION: u8 = 1;

/// A series: what is measured, and in which unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) component: Component,
    pub(super) unit: Unit,
}

/// All series of a chunk: for each slot its value in thousandths of the unit.
pub(super) type Chunk = BTreeMap<Key, BTreeMap<u32, i64>>;

/// Packs a chunk.
pub(super) fn pack(chunk: &Chunk) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(4096);
    for (key, points) in chunk {
        for text in [key.component.kind.as_str(), key.component.name.as_data(), key.unit.as_str()] {
            put(&mut plain, text.len() as u64);
            plain.extend(text.as_bytes());
        }
        put(&mut plain, points.len() as u64);
        let mut before = 0;
        for slot in points.keys() {
            put(&mut plain, u64::from(slot - before));
            before = *slot;
        }
        // Most numbers are whole, and take one byte instead of two then.
        let scale = if points.values().all(|value| value % 1_000 == 0) { 1_000_i64 } else { 1 };
        put(&mut plain, scale.cast_unsigned());
        let mut before = 0_i64;
        for value in points.values().map(|value| value / scale) {
            put(&mut plain, zigzag(value.wrapping_sub(before)));
            before = value;
        }
    }
    let mut packed = vec![VERSION];
    packed.extend(zstd::bulk::compress(&plain, 3)?);
    Ok(packed)
}

/// Reads what [`pack`] wrote; `None` is a blob that is none.
pub(super) fn unpack(packed: &[u8]) -> Option<Chunk> {
    let (version, rest) = packed.split_first()?;
    if *version != VERSION || rest.is_empty() {
        return None;
    }
    let plain = zstd::bulk::decompress(rest, PACKED_BYTES_MAX).ok()?;
    let mut rest = plain.as_slice();
    let mut chunk = Chunk::new();
    while !rest.is_empty() {
        let kind = text(&mut rest)?.parse().ok()?;
        let name = Outside::from(text(&mut rest)?);
        let unit = text(&mut rest)?.parse().ok()?;
        let count = usize::try_from(get(&mut rest)?).ok().filter(|count| *count <= rest.len())?;
        let mut slots = Vec::with_capacity(count);
        let mut slot = 0_u32;
        for _ in 0..count {
            slot = slot.checked_add(u32::try_from(get(&mut rest)?).ok()?)?;
            slots.push(slot);
        }
        let scale = get(&mut rest)?.cast_signed();
        let mut points = BTreeMap::new();
        let mut value = 0_i64;
        for slot in slots {
            value = value.wrapping_add(unzigzag(get(&mut rest)?));
            points.insert(slot, value.checked_mul(scale)?);
        }
        chunk.insert(Key { component: Component { kind, name }, unit }, points);
    }
    Some(chunk)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(get(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

/// Small numbers of either sign become small numbers without one.
const fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ (number >> 63)).cast_unsigned()
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::reading::ComponentKind;

    fn chunks() -> impl Strategy<Value = Chunk> {
        let kind = proptest::sample::select(ComponentKind::ALL.to_vec());
        let unit = proptest::sample::select(Unit::ALL.to_vec());
        let key = (kind, ".{0,12}", unit)
            .prop_map(|(kind, name, unit)| Key { component: Component { kind, name: name.into() }, unit });
        let value = prop_oneof![any::<i64>(), any::<i32>().prop_map(|whole| i64::from(whole) * 1_000)];
        let points = proptest::collection::btree_map(any::<u32>(), value, 0..80);
        proptest::collection::btree_map(key, points, 0..8)
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(chunk in chunks()) {
            prop_assert_eq!(unpack(&pack(&chunk).unwrap()), Some(chunk));
        }

        #[test]
        fn a_blob_of_anything_is_never_a_panic(mut blob in proptest::collection::vec(any::<u8>(), 0..200)) {
            blob.insert(0, VERSION);
            drop(unpack(&blob));
            let mut inside = vec![VERSION];
            inside.extend(zstd::bulk::compress(&blob, 1).unwrap());
            drop(unpack(&inside));
        }

        #[test]
        fn a_cut_blob_is_refused_or_smaller(chunk in chunks(), cut in any::<proptest::sample::Index>()) {
            let packed = pack(&chunk).unwrap();
            let cut = packed.get(..cut.index(packed.len())).unwrap();
            prop_assert_eq!(unpack(cut), None);
        }
    }
}
