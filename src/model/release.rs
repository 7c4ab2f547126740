//! Releases and their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no release: two to four numbers with dots are expected, as in 9.1.0.924861")]
pub struct ReleaseError(pub String);

/// An observed release, `major.minor.patch.build`; a part that was not printed is absent and sorts first.
///
/// Releases of different series are never compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Release(Vec<u32>);

impl Release {
    /// The parts in order, two to four of them.
    pub fn parts(&self) -> &[u32] {
        &self.0
    }

    /// Whether this release is older than `bound`, comparing only the parts that the bound names:
    /// 9.1.0.924861 is not below 9.1.
    pub fn is_below(&self, bound: &Self) -> bool {
        let named = bound.0.len().min(self.0.len());
        self.0.iter().take(named).lt(bound.0.iter().take(named))
    }

    /// Whether this release has every part that `pattern` names: 9.1.0.924861 is within 9.1.
    pub fn is_within(&self, pattern: &Self) -> bool {
        self.0.starts_with(&pattern.0)
    }
}

impl FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let error = || ReleaseError(text.chars().take(40).collect());
        let number = |part: &str| {
            let plain = !part.is_empty() && part.len() <= 9 && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        let parts = text.split('.').map(number).collect::<Option<Vec<u32>>>().ok_or_else(error)?;
        if (2..=4).contains(&parts.len()) { Ok(Self(parts)) } else { Err(error()) }
    }
}

impl TryFrom<String> for Release {
    type Error = ReleaseError;
    fn try_from(text: String) -> Result<Self, ReleaseError> {
        text.parse()
    }
}

impl From<Release> for String {
    fn from(release: Release) -> Self {
        release.to_string()
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.iter().map(u32::to_string).collect::<Vec<_>>();
        f.pad(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn release(text: &str) -> Release {
        text.parse().expect("a release")
    }

    #[test]
    fn a_bound_compares_only_the_parts_it_names() {
        assert!(!release("9.1.0.924861").is_below(&release("9.1")));
        assert!(release("9.0.3.950252").is_below(&release("9.1")));
        assert!(release("9.10.0.1").is_within(&release("9.10")));
        assert!(!release("9.10.0.1").is_within(&release("9.1")));
    }

    #[test]
    fn text_that_is_no_release_is_refused() {
        for text in ["9", "9.", "9.1.x", "9.1.0.1.2", "", "-1.2", "9.+1", "99999999999.1"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total_and_survives_printing(
            a in proptest::collection::vec(0u32..2000, 2..=4),
            b in proptest::collection::vec(0u32..2000, 2..=4),
        ) {
            let (a, b) = (Release(a), Release(b));
            prop_assert_eq!(release(&a.to_string()), a.clone());
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert!(!(a.is_below(&b) && b.is_below(&a)));
        }
    }
}
