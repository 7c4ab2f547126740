//! What stands in the place of what.

use std::collections::HashMap;

use super::forms;

/// What a value is: it chooses the form of its replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The name of a host.
    Host,
    /// A domain.
    Domain,
    /// Somebody's account.
    User,
    /// A serial, or another number by which hardware is known.
    Serial,
    /// A customer, or a word of its name.
    Customer,
    /// A site, or a word of its name.
    Site,
    /// A person.
    Person,
    /// A telephone number.
    Phone,
    /// A contract.
    Contract,
    /// An address of IPv4.
    Address,
    /// An address of IPv6.
    Address6,
    /// A MAC address.
    Mac,
    /// A UUID.
    Uuid,
    /// A word that nobody knows.
    Word,
    /// Letters and digits that nobody knows.
    Name,
    /// Words of another script.
    Text,
}

/// Every replacement that was made. Equal values of one kind have one replacement.
#[derive(Debug, Default)]
pub(super) struct Table {
    given: HashMap<(Kind, String), String>,
    counts: HashMap<Kind, usize>,
}

impl Table {
    /// The replacement of a value, in small letters.
    pub(super) fn of(&mut self, kind: Kind, value: &str) -> String {
        // Whoever is a customer in one place and a site in another is told apart from nobody.
        if let Some(given) = self.given.get(&(kind, value.to_owned())) {
            return given.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let given = replacement(kind, value, *count);
        self.given.insert((kind, value.to_owned()), given.clone());
        given
    }

    /// The replacement of an address.
    pub(super) fn address(&mut self, text: &str) -> String {
        self.of(Kind::Address, text)
    }

    /// The replacement of a MAC address, written as the original is.
    pub(super) fn mac(&mut self, text: &str) -> String {
        let given = self.of(Kind::Mac, &forms::mac_digits(text).unwrap_or_default());
        let mut digits = given.chars();
        let capitals = text.bytes().any(|byte| byte.is_ascii_uppercase());
        let digit = |letter: char| {
            if letter.is_ascii_hexdigit() { digits.next().unwrap_or('0') } else { letter }
        };
        let shown: String = text.chars().map(digit).collect();
        if capitals { shown.to_uppercase() } else { shown }
    }

    /// The values that identify, as they were.
    pub(super) fn identifiers(&self) -> impl Iterator<Item = &str> {
        let guessed = |kind: Kind| matches!(kind, Kind::Word | Kind::Name | Kind::Text);
        self.given.keys().filter(move |(kind, _)| !guessed(*kind)).map(|(_, value)| value.as_str())
    }
}

/// Addresses are those for documents and measurements, which belong to nobody.
fn replacement(kind: Kind, value: &str, count: usize) -> String {
    match kind {
        Kind::Host => format!("host{count}"),
        Kind::Domain => format!("domain{count}.example"),
        Kind::User => format!("user{count}"),
        Kind::Customer => format!("customer{count}"),
        Kind::Site => format!("site{count}"),
        Kind::Person => format!("person{count}"),
        Kind::Contract => format!("contract{count}"),
        Kind::Phone => format!("00-0000-{count:04}"),
        Kind::Word => format!("word{count}"),
        Kind::Name => format!("name{count}"),
        Kind::Text => format!("text{count}"),
        Kind::Address => {
            let high = (count / 254) % 256;
            format!("198.{}.{high}.{}", 18 + (count / (254 * 256)) % 2, count % 254 + 1)
        }
        Kind::Address6 => format!("2001:db8::{count:x}"),
        Kind::Mac => format!("02{count:010x}"),
        Kind::Uuid => format!("00000000-0000-4000-8000-{count:012x}"),
        Kind::Serial if forms::is_serial(value) => format!("FZ0000{count:05}"),
        Kind::Serial => format!("SERIAL{count:04}"),
    }
}
