//! Everything about a unit that nobody declared comes from its name, the same on each machine and in each run.

use sha2::{Digest, Sha256};

/// The known root of all lab secrets and host keys. It is public on purpose: what is made from it proves that a peer
/// is a lab, and protects nothing.
const LAB_ROOT: &str = "hoshu lab root: simulated appliances only";

/// 32 bytes for a purpose and a name.
pub(super) fn bytes(purpose: &str, name: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [LAB_ROOT, purpose, name] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The password of an account of a customer's units in the lab.
pub(super) fn password(customer: &str, user: &str) -> String {
    format!("lab-{}", &hex::encode(bytes("password", &format!("{customer}/{user}")))[..16])
}

/// A small generator of numbers (`SplitMix64`), so that a unit of any size costs one hash.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of a purpose and a name.
    pub(super) fn new(purpose: &str, name: &str) -> Self {
        let fold = |seed: u64, byte: &u8| seed << 8 | u64::from(*byte);
        Self(bytes(purpose, name).iter().take(8).fold(0, fold))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// So many characters of an alphabet.
    pub(super) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .filter_map(|_| alphabet.get(usize::try_from(self.below(alphabet.len() as u64)).unwrap_or(0)))
            .map(|byte| char::from(*byte))
            .collect()
    }
}
