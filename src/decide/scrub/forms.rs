//! What identifies by its form, whatever stands beside it.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Domains of the vendor: what stands before them may be a customer's, they themselves are nobody's.
pub(super) const VENDOR: &[&str] = &[".fireeye.com", ".trellix.com", ".mandiant.com"];
/// What files are called behind the dot.
const FILES: &[&str] = &[
    "bak", "bin", "bz2", "cfg", "conf", "csv", "dat", "db", "dll", "dmp", "exe", "febkp", "gz", "html", "img", "iso",
    "json", "log", "pcap", "pem", "pl", "png", "py", "rpm", "sh", "so", "sql", "tar", "tgz", "txt", "xml", "yaml",
    "yml", "zip",
];

/// A value with its form, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form<'t> {
    /// It has a form and identifies nobody: a netmask, a build host of the vendor.
    Kept(&'t str),
    Address {
        text: &'t str,
        rest: &'t str,
    },
    Address6 {
        text: &'t str,
        rest: &'t str,
    },
    Mac {
        text: &'t str,
    },
    Uuid {
        text: &'t str,
    },
    Serial {
        text: &'t str,
    },
    Phone {
        text: &'t str,
    },
    Domain {
        text: &'t str,
        rest: &'t str,
    },
    Mail {
        user: &'t str,
        domain: &'t str,
        rest: &'t str,
    },
    Url {
        scheme: &'t str,
        user: &'t str,
        host: &'t str,
        rest: &'t str,
    },
}

/// The form of a text; `known_mac` says whether twelve digits are a MAC address that was printed as one.
pub(super) fn form_of(text: &str, known_mac: impl Fn(&str) -> bool) -> Option<Form<'_>> {
    url(text)
        .or_else(|| mail(text))
        .or_else(|| mac(text, known_mac))
        .or_else(|| address(text))
        .or_else(|| address6(text))
        .or_else(|| is_uuid(text).then_some(Form::Uuid { text }))
        .or_else(|| is_serial(text).then_some(Form::Serial { text }))
        .or_else(|| is_phone(text).then_some(Form::Phone { text }))
        .or_else(|| domain(text))
}

fn cut_at(text: &str, signs: &[char]) -> (usize, usize) {
    (text.find(|letter| signs.contains(&letter)).unwrap_or(text.len()), text.len())
}

fn split_at<'t>(text: &'t str, signs: &[char]) -> (&'t str, &'t str) {
    let (at, end) = cut_at(text, signs);
    (text.get(..at).unwrap_or_default(), text.get(at..end).unwrap_or_default())
}

fn url(text: &str) -> Option<Form<'_>> {
    let (scheme, behind) = text.split_once("://")?;
    let ordinary =
        ["http", "https", "ftp", "sftp", "tftp", "scp", "ldap", "ldaps", "syslog", "tcp", "udp", "ssh", "file"];
    if !ordinary.contains(&scheme.to_lowercase().as_str()) {
        return None;
    }
    let (authority, _) = split_at(behind, &['/', '?', '#']);
    let user = authority.rfind('@').map_or("", |at| authority.get(..=at).unwrap_or_default());
    let place = behind.get(user.len()..).unwrap_or_default();
    let (host, rest) = if place.starts_with('[') {
        place.split_at(place.find(']').map_or(place.len(), |end| end + 1))
    } else {
        split_at(place, &[':', '/', '?', '#'])
    };
    Some(Form::Url { scheme, user, host, rest })
}

fn mail(text: &str) -> Option<Form<'_>> {
    let (user, behind) = text.split_once('@')?;
    let (domain, rest) = split_at(behind, &[':', '/']);
    let vendor = domain.strip_prefix("vta").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    // The host on which the vendor builds, as every `show version` has it.
    if vendor && matches!(user, "root" | "build") {
        return Some(Form::Kept(text));
    }
    Some(Form::Mail { user, domain, rest })
}

/// The digits of a MAC address in small letters, however it is written; of twelve that stand alone as well.
pub(super) fn mac_digits(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split([':', '-', '.']).collect();
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let signs = text.chars().filter(|letter| matches!(letter, ':' | '-' | '.')).collect::<Vec<_>>();
    let fits = matches!(sizes[..], [12] | [4, 4, 4] | [2, 2, 2, 2, 2, 2])
        && signs.windows(2).all(|two| two.first() == two.last());
    let hex = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    (fits && hex).then(|| groups.concat().to_lowercase())
}

fn mac(text: &str, known: impl Fn(&str) -> bool) -> Option<Form<'_>> {
    let digits = mac_digits(text)?;
    if digits.bytes().all(|byte| byte == b'0' || byte == b'f') {
        return Some(Form::Kept(text));
    }
    // A counter of twelve digits is none.
    let counter = text.bytes().all(|byte| byte.is_ascii_digit()) && !known(&digits);
    (!counter).then_some(Form::Mac { text })
}

fn address(text: &str) -> Option<Form<'_>> {
    let (text, rest) = split_at(text, &['/', ':']);
    let [first, ..] = text.parse::<Ipv4Addr>().ok()?.octets();
    Some(if matches!(first, 0 | 127 | 255) && rest.is_empty() {
        Form::Kept(text)
    } else {
        Form::Address { text, rest }
    })
}

fn address6(text: &str) -> Option<Form<'_>> {
    let (bare, rest) = split_at(text.trim_start_matches('['), &['/', '%', ']']);
    let address = bare.parse::<Ipv6Addr>().ok()?;
    let nobodys = (address.is_loopback() || address.is_unspecified()) && !text.contains('%');
    Some(if nobodys {
        Form::Kept(text)
    } else {
        Form::Address6 { text: bare, rest: if rest.starts_with('/') { rest } else { "" } }
    })
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A serial of an appliance: `FZ`, four digits, five letters or digits.
pub(super) fn is_serial(text: &str) -> bool {
    let bytes = text.as_bytes();
    let behind = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    bytes.len() == 11
        && behind(0, 2).eq_ignore_ascii_case(b"fz")
        && behind(2, 6).iter().all(u8::is_ascii_digit)
        && behind(6, 11).iter().all(u8::is_ascii_alphanumeric)
}

/// `+81-3-1234-5678`, `03-1234-5678`: ten digits and more in groups, of which the first is no year.
fn is_phone(text: &str) -> bool {
    let bare = text.strip_prefix('+').unwrap_or(text);
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let groups = bare.split('-').count();
    let only = bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    only && (10..=15).contains(&digits) && ((bare.starts_with('0') && groups >= 3) || bare.len() < text.len())
}

fn domain(text: &str) -> Option<Form<'_>> {
    let (text, rest) = split_at(text, &[':', '/']);
    let labels: Vec<&str> = text.split('.').collect();
    let last = labels.last()?.to_lowercase();
    let label = |label: &&str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let named = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic()) || last.starts_with("xn--");
    let is = labels.len() >= 2 && labels.iter().all(label) && named && !FILES.contains(&last.as_str());
    // `11.0.x`, `23.136s`
    let numbers = labels.iter().rev().skip(1).all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    (is && !numbers).then_some(Form::Domain { text, rest })
}

/// `2025-10-07T13:21:01Z`.
pub(super) fn is_time(text: &str) -> bool {
    let signs = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | ':' | '.' | '/' | '+' | 'T' | 'Z');
    text.starts_with(|letter: char| letter.is_ascii_digit()) && text.len() >= 8 && text.chars().all(signs)
}

/// `0x1f`.
pub(super) fn is_hex_literal(text: &str) -> bool {
    text.strip_prefix("0x")
        .is_some_and(|digits| digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
