//! The tokens with which people open attended ways: each press shows a one-time password, which opens once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::seed::Dice;
use crate::model::door::WayName;

/// Digits of a one-time password.
const DIGITS: usize = 6;

#[derive(Debug, Default)]
struct Token {
    presses: u64,
    /// What the last press showed, until it opened something.
    valid: Option<String>,
}

/// One token for each attended gateway.
#[derive(Debug, Default)]
pub struct Tokens(BTreeMap<WayName, Mutex<Token>>);

impl FromIterator<WayName> for Tokens {
    fn from_iter<I: IntoIterator<Item = WayName>>(ways: I) -> Self {
        Self(ways.into_iter().map(|way| (way, Mutex::default())).collect())
    }
}

impl Tokens {
    /// Shows the next one-time password, which makes the one before it worthless; `None` where there is no token.
    pub fn press(&self, way: &WayName) -> Option<String> {
        let mut token = self.0.get(way)?.lock().unwrap_or_else(PoisonError::into_inner);
        token.presses += 1;
        let code = Dice::new("token", &format!("{way}/{}", token.presses)).text(b"0123456789", DIGITS);
        token.valid = Some(code.clone());
        Some(code)
    }

    /// Whether a one-time password opens the way. It does so once.
    pub(super) fn take(&self, way: &WayName, code: &str) -> bool {
        let Some(token) = self.0.get(way) else { return false };
        let mut token = token.lock().unwrap_or_else(PoisonError::into_inner);
        token.valid.take_if(|valid| valid == code).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_time_password_opens_once_and_the_next_press_ends_it() {
        let (way, other): (WayName, WayName) =
            ("ginga/otp".parse().expect("a name"), "umi/otp".parse().expect("a name"));
        let tokens: Tokens = [way.clone()].into_iter().collect();
        assert_eq!(tokens.press(&other), None);
        let first = tokens.press(&way).expect("a token");
        assert_eq!(first.len(), DIGITS);
        assert!(!tokens.take(&way, "") && !tokens.take(&other, &first));
        assert!(tokens.take(&way, &first));
        assert!(!tokens.take(&way, &first), "it was used");
        let (second, third) = (tokens.press(&way).expect("a token"), tokens.press(&way).expect("a token"));
        assert!(!tokens.take(&way, &second), "a later press ended it");
        assert!(tokens.take(&way, &third));
    }
}
