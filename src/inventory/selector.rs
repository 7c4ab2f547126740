//! The text of a selector, taken apart: terms joined by commas, each a key with alternatives joined by `+`.

use std::fmt;
use std::str::FromStr;

use crate::model::inventory::{Algorithms, DataPath, Supplier};
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::word::Word;
use crate::yaml::did_you_mean;

crate::words! {
    /// What a term asks about.
    pub enum Key {
        /// The customer.
        Customer = "customer",
        /// The site.
        Site = "site",
        /// The gateway.
        Gateway = "gateway",
        /// The series.
        Series = "series",
        /// The model, in capitals or not.
        Model = "model",
        /// The name of the seat.
        Name = "name",
        /// The way that data takes.
        DataPath = "data-path",
        /// Who sold the unit.
        Supplier = "supplier",
        /// Whether it is a virtual machine.
        Virtual = "virtual",
        /// The managing CM.
        ManagedBy = "managed-by",
        /// The SSH algorithms.
        Algorithms = "algorithms",
        /// The observed release.
        Release = "release",
    }
}

/// A release term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseTerm {
    /// `9.1`: every release that begins with these parts.
    Within(Release),
    /// `below:9.1`.
    Below(Release),
    /// `from:9.1`.
    From(Release),
    /// `behind`: older than the approved release of the series.
    Behind,
}

/// One alternative of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A name or a word.
    Word(String),
    /// A release term.
    Release(ReleaseTerm),
}

impl Value {
    /// The name or word.
    pub fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What it asks about.
    pub key: Key,
    /// Written with `!=`.
    pub negated: bool,
    /// The alternatives, one at least.
    pub values: Vec<Value>,
}

/// A selection of seats as it was written; every term must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

impl Selector {
    /// The selector that is written `all`.
    pub const ALL: Self = Self(Vec::new());

    /// The terms; none for `all`.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// Reads a selector.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        text.parse()
    }
}

/// Why a selector was refused. Positions count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Nothing was written.
    #[error("the selector is empty: \"all\" must be written")]
    Empty,
    /// A term or an alternative is empty, too long, or has a character that no name has.
    #[error("at character {at}: {found:?} is no {expected}")]
    Shape {
        /// Where.
        at: usize,
        /// The text as it was written.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A key that does not exist.
    #[error("at character {at}: there is no key {found:?}")]
    UnknownKey {
        /// Where.
        at: usize,
        /// The key as it was written.
        found: String,
        /// The nearest key, or all of them.
        hint: Option<String>,
    },
    /// A word that a key does not have.
    #[error("at character {at}: {key} has no word {found:?}")]
    UnknownWord {
        /// Where.
        at: usize,
        /// The key.
        key: Key,
        /// The word as it was written.
        found: String,
        /// The nearest word, or all of them.
        hint: Option<String>,
    },
    /// Releases of different series are never compared.
    #[error("{term} needs exactly one series in the same selector")]
    ReleaseNeedsSeries {
        /// The term.
        term: String,
    },
    /// A name that the inventory does not have.
    #[error("the inventory has no {key} {found:?}")]
    UnknownName {
        /// The key.
        key: Key,
        /// The name as it was written.
        found: String,
        /// The nearest name.
        hint: Option<String>,
    },
    /// No seat matches.
    #[error("{selector} matches no seat")]
    MatchesNothing {
        /// The selector.
        selector: String,
        /// What may be meant.
        hint: Option<String>,
    },
}

impl SelectorError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { hint, .. }
            | Self::UnknownWord { hint, .. }
            | Self::UnknownName { hint, .. }
            | Self::MatchesNothing { hint, .. } => hint.clone(),
            Self::ReleaseNeedsSeries { .. } => Some("add a term such as series=nx".to_owned()),
            Self::Empty | Self::Shape { .. } => {
                Some("terms are joined by commas: series=nx+ex,customer=acme,release=below:9.1".to_owned())
            }
        }
    }
}

/// Characters of a whole selector.
const SELECTOR_CHARS_MAX: usize = 4_096;

/// A piece of the text and where it begins, in characters from 1.
#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Piece<'a> {
    fn shape(self, expected: &'static str) -> SelectorError {
        SelectorError::Shape { at: self.at, found: self.text.chars().take(60).collect(), expected }
    }

    fn split(self, mark: char) -> impl Iterator<Item = Piece<'a>> {
        let mut at = self.at;
        self.text.split(mark).map(move |text| {
            let piece = Piece { text, at };
            at += text.chars().count() + 1;
            piece
        })
    }

    fn split_once(self, mark: &str) -> Option<(Self, Self)> {
        let (before, after) = self.text.split_once(mark)?;
        let at = self.at + before.chars().count() + mark.len();
        Some((Piece { text: before, at: self.at }, Piece { text: after, at }))
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let whole = Piece { text, at: 1 };
        match text {
            "" => return Err(SelectorError::Empty),
            "all" => return Ok(Self::ALL),
            _ if text.chars().count() > SELECTOR_CHARS_MAX => {
                return Err(whole.shape("selector of 4,096 characters at most"));
            }
            _ => {}
        }
        let terms = whole.split(',').map(read_term).collect::<Result<Vec<_>, _>>()?;
        one_series(&terms)?;
        Ok(Self(terms))
    }
}

fn read_term(piece: Piece<'_>) -> Result<Term, SelectorError> {
    let (key, negated, values) = match (piece.split_once("!="), piece.split_once("=")) {
        (Some((key, values)), _) if !key.text.contains('=') => (read_key(key)?, true, values),
        (_, Some((key, values))) => (read_key(key)?, false, values),
        _ if piece.text == "all" => return Err(piece.shape("term: \"all\" stands alone")),
        _ => (Key::Name, false, piece),
    };
    let values = values.split('+').map(|value| read_value(key, value)).collect::<Result<Vec<_>, _>>()?;
    Ok(Term { key, negated, values })
}

fn read_key(piece: Piece<'_>) -> Result<Key, SelectorError> {
    piece.text.parse().map_err(|_| SelectorError::UnknownKey {
        at: piece.at,
        found: piece.text.chars().take(60).collect(),
        hint: did_you_mean(piece.text, Key::words()),
    })
}

fn read_value(key: Key, piece: Piece<'_>) -> Result<Value, SelectorError> {
    let words = match key {
        Key::Series => Series::words(),
        Key::DataPath => DataPath::words(),
        Key::Supplier => Supplier::words(),
        Key::Algorithms => Algorithms::words(),
        Key::Virtual => vec!["yes", "no"],
        Key::Release => return read_release(piece).map(Value::Release),
        _ => Vec::new(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if piece.text.is_empty() || piece.text.len() > 63 || !piece.text.chars().all(plain) {
        return Err(piece.shape("name or word"));
    }
    if !words.is_empty() && !words.contains(&piece.text) {
        let hint = did_you_mean(piece.text, words.iter().copied());
        return Err(SelectorError::UnknownWord { at: piece.at, key, found: piece.text.to_owned(), hint });
    }
    Ok(Value::Word(piece.text.to_owned()))
}

fn read_release(piece: Piece<'_>) -> Result<ReleaseTerm, SelectorError> {
    let error = || piece.shape("release term: 9.1, below:9.1, from:9.1 or behind");
    let release = |text: &str| text.parse::<Release>().map_err(|_| error());
    match piece.text.split_once(':') {
        None if piece.text == "behind" => Ok(ReleaseTerm::Behind),
        None => release(piece.text).map(ReleaseTerm::Within),
        Some(("below", bound)) => release(bound).map(ReleaseTerm::Below),
        Some(("from", bound)) => release(bound).map(ReleaseTerm::From),
        Some(_) => Err(error()),
    }
}

/// Releases of different series are never compared, so a bound needs to know of which series it speaks.
fn one_series(terms: &[Term]) -> Result<(), SelectorError> {
    let is_bound = |value: &&Value| matches!(value, Value::Release(ReleaseTerm::Below(_) | ReleaseTerm::From(_)));
    let bound = terms.iter().find(|term| term.values.iter().any(|value| is_bound(&value)));
    let mut series = terms.iter().filter(|term| term.key == Key::Series);
    let one = match (series.next(), series.next()) {
        (Some(term), None) => !term.negated && term.values.len() == 1,
        _ => false,
    };
    match bound {
        Some(term) if !one => Err(SelectorError::ReleaseNeedsSeries { term: term.to_string() }),
        _ => Ok(()),
    }
}

impl fmt::Display for ReleaseTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(release) => write!(f, "{release}"),
            Self::Below(bound) => write!(f, "below:{bound}"),
            Self::From(bound) => write!(f, "from:{bound}"),
            Self::Behind => f.write_str("behind"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.key, if self.negated { "!=" } else { "=" })?;
        for (place, value) in self.values.iter().enumerate() {
            let joint = if place == 0 { "" } else { "+" };
            match value {
                Value::Word(word) => write!(f, "{joint}{word}")?,
                Value::Release(term) => write!(f, "{joint}{term}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("all");
        }
        let terms = self.0.iter().map(Term::to_string).collect::<Vec<_>>();
        f.write_str(&terms.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<String, SelectorError> {
        Selector::parse(text).map(|selector| selector.to_string())
    }

    #[test]
    fn a_selector_is_read_and_printed() {
        for (text, printed) in [
            ("all", "all"),
            ("nx01", "name=nx01"),
            ("nx01+nx02", "name=nx01+nx02"),
            ("name=all", "name=all"),
            ("series=nx+ex,customer!=acme", "series=nx+ex,customer!=acme"),
            ("series=nx,release=below:9.1+from:10.0", "series=nx,release=below:9.1+from:10.0"),
            ("release=9.10+behind", "release=9.10+behind"),
            ("virtual=yes,model=NX2500", "virtual=yes,model=NX2500"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(printed));
            assert!(!printed.contains(|c: char| "<>|&;$*?()[]{}~#\"'\\ `".contains(c)));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let shown = |text: &str| {
            let error = parse(text).unwrap_err();
            format!("{error} | {}", error.hint().unwrap_or_default())
        };
        assert_eq!(
            shown(""),
            "the selector is empty: \"all\" must be written | terms are joined by commas: \
            series=nx+ex,customer=acme,release=below:9.1"
        );
        assert_eq!(
            shown("series=nx,sreies=ex"),
            "at character 11: there is no key \"sreies\" | did you mean \"series\"?"
        );
        assert_eq!(shown("series=nx+xn"), "at character 11: series has no word \"xn\" | did you mean \"nx\"?");
        assert_eq!(
            shown("release=below:9.1"),
            "release=below:9.1 needs exactly one series in the same selector | add a term such as series=nx"
        );
        for text in [
            ",",
            "series=nx,",
            "series=",
            "series=nx+",
            "=nx",
            "all,series=nx",
            "nx 01",
            "name=nx;01",
            "release=<9.1",
            "release=above:9.1",
            "release=9",
            "name=日本",
            "series=nx,series=ex,release=from:9.1",
            "a=b!=c",
            "series!=nx,release=below:9.1",
            "series=nx+ex,release=below:9.1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    fn values() -> impl Strategy<Value = Term> {
        let word = |words: Vec<&'static str>| proptest::sample::subsequence(words.clone(), 1..=words.len());
        let as_words = |words: Vec<&'static str>| words.into_iter().map(|word| Value::Word(word.to_owned())).collect();
        let name = proptest::collection::vec("[a-z0-9][a-z0-9._-]{0,20}".prop_map(Value::Word), 1..4);
        let names =
            (proptest::sample::select(vec![Key::Customer, Key::Site, Key::Gateway, Key::Name, Key::ManagedBy]), name);
        let release = proptest::collection::vec(0u32..2_000, 2..=4).prop_map(|parts| {
            parts.iter().map(u32::to_string).collect::<Vec<_>>().join(".").parse::<Release>().unwrap()
        });
        let release = prop_oneof![release.prop_map(ReleaseTerm::Within), Just(ReleaseTerm::Behind),];
        let releases = proptest::collection::vec(release.prop_map(Value::Release), 1..4);
        let pair = prop_oneof![
            names,
            word(DataPath::words()).prop_map(move |words| (Key::DataPath, as_words(words))),
            releases.prop_map(|values| (Key::Release, values)),
        ];
        (pair, any::<bool>()).prop_map(|((key, values), negated)| Term { key, negated, values })
    }

    proptest! {
        #[test]
        fn printing_and_reading_is_the_identity(terms in proptest::collection::vec(values(), 0..6), bound in any::<bool>()) {
            let mut selector = Selector(terms);
            if bound {
                let series = Value::Word("nx".to_owned());
                selector.0.push(Term { key: Key::Series, negated: false, values: vec![series] });
                let below = Value::Release(ReleaseTerm::Below("9.1.0".parse().unwrap()));
                selector.0.push(Term { key: Key::Release, negated: true, values: vec![below] });
            }
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}", near in "[a-z0-9=!+,:.\u{3042}-]{0,40}") {
            for text in [text, near] {
                if let Ok(selector) = Selector::parse(&text) {
                    prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
                }
            }
        }
    }
}
