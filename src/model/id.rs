//! Ids: a number in the store, a speakable reference with a check character for people (`backup-001Y`).

use std::fmt;
use std::str::FromStr;

/// Crockford's base 32: no I, L, O, U, so that a reference survives a telephone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A text that is no reference, or whose check character does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The word before the hyphen is another noun's, or there is none.
    #[error("expected {expected}-…, found {found:?}")]
    Word {
        /// The noun that was asked for.
        expected: &'static str,
        /// The text as it was written.
        found: String,
    },
    /// A character outside the alphabet, or a wrong length.
    #[error("{0:?} is no reference: digits and letters without I, L, O and U are expected")]
    Shape(String),
    /// The check character says that something was misread.
    #[error("{0:?} has a wrong check character: was a character misread?")]
    Check(String),
}

/// Luhn's sum modulo 32: finds each single misread character and nearly every swapped pair.
fn luhn(digits: &[u32]) -> u32 {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let weighted = if place % 2 == 0 { digit * 2 } else { *digit };
            weighted / 32 + weighted % 32
        })
        .sum();
    (32 - sum % 32) % 32
}

fn letter(digit: u32) -> char {
    ALPHABET.get(digit as usize).map_or('?', |byte| char::from(*byte))
}

fn digit(letter: char) -> Option<u32> {
    let upper = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|byte| char::from(*byte) == upper).and_then(|place| u32::try_from(place).ok())
}

/// The reference without its noun: at least three digits and the check character.
pub fn encode(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    while rest > 0 || digits.len() < 3 {
        digits.push(u32::try_from(rest % 32).unwrap_or(0));
        rest /= 32;
    }
    digits.reverse();
    let check = luhn(&digits);
    digits.push(check);
    digits.into_iter().map(letter).collect()
}

/// Reads what [`encode`] wrote; accepts small letters and O, I, L for 0, 1, 1.
pub fn decode(text: &str) -> Result<i64, IdError> {
    let shape = || IdError::Shape(text.to_owned());
    let digits = text.chars().map(digit).collect::<Option<Vec<_>>>().ok_or_else(shape)?;
    let (check, body) = digits.split_last().ok_or_else(shape)?;
    if body.len() < 3 || body.len() > 12 {
        return Err(shape());
    }
    if luhn(body) != *check {
        return Err(IdError::Check(text.to_owned()));
    }
    Ok(body.iter().fold(0, |number, digit| number * 32 + i64::from(*digit)))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!(concat!($word, "-{}"), encode(self.0)))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self { id.to_string() }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> { text.parse() }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let word = || IdError::Word { expected: $word, found: text.to_owned() };
                let rest = text.strip_prefix($word).and_then(|rest| rest.strip_prefix('-')).ok_or_else(word)?;
                decode(rest).map($name)
            }
        }
    )+};
}

ids! {
    /// A configuration backup.
    BackupId = "backup";
    /// A log bundle; its number is that of a backup.
    BundleId = "bundle";
    /// A finding (異常検出).
    FindingId = "finding";
    /// A piece of hardware (実機).
    AssetId = "asset";
    /// A host key that a seat showed.
    HostKeyId = "key";
    /// A sealed object in the depot.
    ObjectId = "object";
    /// The transcript of a session.
    TranscriptId = "transcript";
    /// One accepted load of the inventory.
    GenerationId = "generation";
    /// A record of the audit.
    AuditId = "audit";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_survives_the_round_trip() {
        for number in [0, 1, 31, 32, 1023, 1024, 987_654_321] {
            let shown = BackupId(number).to_string();
            assert_eq!(shown.parse::<BackupId>(), Ok(BackupId(number)), "{shown}");
        }
    }

    #[test]
    fn each_single_misread_character_is_found() {
        for number in [7_i64, 4711, 90_210] {
            let good = encode(number);
            for place in 0..good.len() {
                for other in ALPHABET.iter().map(|byte| char::from(*byte)) {
                    let bad: String =
                        good.chars().enumerate().map(|(i, c)| if i == place { other } else { c }).collect();
                    assert_eq!(decode(&bad).is_ok(), bad == good, "{bad} read as {good}");
                }
            }
        }
    }

    #[test]
    fn another_noun_is_refused() {
        assert!(matches!("finding-0018".parse::<BackupId>(), Err(IdError::Word { expected: "backup", .. })));
    }
}
