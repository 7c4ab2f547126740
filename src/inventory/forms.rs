//! Forms of the scalars that only the inventory and the settings have.

use std::net::{IpAddr, SocketAddr};

use crate::model::credential::CredentialName;
use crate::model::name::{CustomerName, GatewayName, SeatName, SiteName};
use crate::model::pin::SpkiPin;
use crate::model::question::{Choice, Question};
use crate::model::release::Release;
use crate::yaml::{Form, Kind};

const NAME: &str = "a name (small letters, digits, '.', '_', '-')";
const NAME_PATTERN: Option<&str> = Some("^[a-z0-9][a-z0-9._-]{0,62}$");

/// The name of a customer.
pub(super) const CUSTOMER: Kind = Kind::Scalar(&Form::of::<CustomerName>(NAME, NAME_PATTERN));
/// The name of a site.
pub(super) const SITE: Kind = Kind::Scalar(&Form::of::<SiteName>(NAME, NAME_PATTERN));
/// The name of a gateway.
pub(super) const GATEWAY: Kind = Kind::Scalar(&Form::of::<GatewayName>(NAME, NAME_PATTERN));
/// The name of a seat.
pub(super) const SEAT: Kind = Kind::Scalar(&Form::of::<SeatName>(NAME, NAME_PATTERN));
/// Any other name that people give: a window, a work, a freeze.
pub(super) const NAMED: Kind = Kind::Scalar(&Form::of::<SeatName>(NAME, NAME_PATTERN));
/// `customer/name`.
pub(super) const CREDENTIAL: Kind = Kind::Scalar(&Form::of::<CredentialName>(
    "the name of a credential (customer/name)",
    Some("^[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*$"),
));
/// The name of a credential of systemd, or of a key of `OpenBao`.
pub(super) const CREDENTIAL_ID: Kind = Kind::Scalar(&Form {
    what: "a plain name (letters, digits, '.', '_', '-')",
    check: |text| plain(text, 64, "._-"),
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
});
/// A path on a server of secrets.
pub(super) const VAULT_PATH: Kind = Kind::Scalar(&Form {
    what: "a path (plain names with '/' between them)",
    check: |text| text.split('/').try_for_each(|name| plain(name, 64, "._-")),
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63})*$"),
});
/// The address of a server that is sent secrets.
pub(super) const SERVER: Kind = Kind::Scalar(&Form {
    what: "an address (https://…, or http:// and an address of this machine as 127.0.0.1)",
    check: |text| {
        let (scheme, rest) = text.split_once("://").ok_or_else(String::new)?;
        let host = rest.split('/').next().unwrap_or_default();
        let own = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(host, _)| host);
        let is_own = own.trim_matches(['[', ']']).parse().is_ok_and(|own: IpAddr| own.is_loopback());
        let is_plain = rest.chars().all(|letter| letter.is_ascii_graphic() && !"@?#\\".contains(letter));
        let is_safe = scheme == "https" || (scheme == "http" && is_own);
        if is_safe && is_plain && !host.is_empty() { Ok(()) } else { Err(String::new()) }
    },
    pattern: Some(r"^https?://[^/@?#\s]+[^@?#\s]*$"),
});
/// The public half of an age X25519 pair: 32 bytes and a checksum in Bech32. The checksum is looked at by those who
/// seal to it.
pub(super) const RECIPIENT: Kind = Kind::Scalar(&Form {
    what: "a public age recipient (age1 and 58 letters and digits, from age-keygen)",
    check: |text| {
        let data = text.strip_prefix("age1").filter(|data| data.len() == 58);
        let letters = |data: &str| data.chars().all(|c| "qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(c));
        if data.is_some_and(letters) { Ok(()) } else { Err(String::new()) }
    },
    pattern: Some("^age1[02-9ac-hj-np-z]{58}$"),
});
/// A release of the software of an appliance.
pub(super) const RELEASE: Kind =
    Kind::Scalar(&Form::of::<Release>("a release (9.1.0.924861)", Some(r"^\d{1,9}(\.\d{1,9}){1,3}$")));
/// An address that an appliance can have.
pub(super) const ADDRESS: Kind = Kind::Scalar(&Form {
    what: "the IP address of one appliance",
    check: |text| match text.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() || address.is_multicast() || address.is_unspecified() => {
            Err("loopback, multicast and unspecified addresses are none".to_owned())
        }
        Ok(_) => Ok(()),
        Err(_) => Err(String::new()),
    },
    pattern: None,
});
/// An address with a port.
pub(super) const SOCKET: Kind = Kind::Scalar(&Form {
    what: "an IP address with a port (192.0.2.7:10022, [2001:db8::7]:10022)",
    check: |text| match text.parse::<SocketAddr>() {
        Ok(address) if address.port() == 0 => Err("a port from 1 to 65535 is expected".to_owned()),
        Ok(_) => Ok(()),
        Err(_) => Err(String::new()),
    },
    pattern: None,
});
/// `customer/gateway`.
pub(super) const GATEWAY_OF: Kind = Kind::Scalar(&Form {
    what: "a gateway of a customer (customer/gateway)",
    check: |text| {
        let (customer, gateway) = text.split_once('/').ok_or_else(String::new)?;
        customer.parse::<CustomerName>().map_err(|_| String::new())?;
        gateway.parse::<GatewayName>().map(drop).map_err(|_| String::new())
    },
    pattern: Some("^[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*$"),
});
/// An IANA zone.
pub(super) const ZONE: Kind = Kind::Scalar(&Form {
    what: "an IANA zone (Asia/Tokyo)",
    check: |text| text.parse::<chrono_tz::Tz>().map(drop).map_err(|_| String::new()),
    pattern: None,
});
/// A text of one line.
pub(super) const LINE: Kind = Kind::Scalar(&Form::LINE);
/// A text.
pub(super) const TEXT: Kind = Kind::Scalar(&Form::TEXT);
/// A calendar day.
pub(super) const DATE: Kind = Kind::Scalar(&Form::DATE);
/// A local instant.
pub(super) const MOMENT: Kind = Kind::Scalar(&Form::MOMENT);
/// A local time of a day.
pub(super) const CLOCK: Kind = Kind::Scalar(&Form::CLOCK);
/// A length of time.
pub(super) const DURATION: Kind = Kind::Scalar(&Form::DURATION);
/// A model as it stands on the unit.
pub(super) const MODEL: Kind = Kind::Scalar(&Form {
    what: "a model (NX2500)",
    check: |text| plain(text, 40, "._-"),
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$"),
});
/// A host name.
pub(super) const HOSTNAME: Kind = Kind::Scalar(&Form {
    what: "a host name (letters, digits, '.', '_', '-')",
    check: |text| plain(text, 253, "._-"),
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$"),
});
/// A host name, an address or the name of a VPN.
pub(super) const HOST: Kind = Kind::Scalar(&Form {
    what: "a host name, an IP address or the name of a VPN",
    check: |text| if text.parse::<IpAddr>().is_ok() { Ok(()) } else { plain(text, 253, "._-") },
    pattern: Some("^[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}$"),
});
/// The pattern of a question at a login.
pub(super) const QUESTION: Kind = Kind::Scalar(&Form {
    what: "a pattern of a whole question (a regular expression)",
    check: |text| text.parse::<Question>().map(drop).map_err(|error| error.to_string()),
    pattern: None,
});
/// The pattern of an appliance's line in a menu.
pub(super) const CHOICE: Kind = Kind::Scalar(&Form {
    what: "a pattern of an appliance's line (a regular expression)",
    check: |text| text.parse::<Choice>().map(drop).map_err(|error| error.to_string()),
    pattern: None,
});
/// A serial number.
pub(super) const SERIAL: Kind = Kind::Scalar(&Form {
    what: "a serial number (letters, digits, '-')",
    check: |text| plain(text, 40, "-"),
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9-]{0,39}$"),
});
/// A path of a file or folder.
pub(super) const PATH: Kind = Kind::Scalar(&Form {
    what: "a path, absolute or relative to this file",
    check: |text| if text.is_empty() || text.len() > 4_096 { Err(String::new()) } else { Ok(()) },
    pattern: None,
});
/// The pin of a certificate.
pub(super) const PIN: Kind = Kind::Scalar(&Form::of::<SpkiPin>(
    "a pin (sha256/ and 44 characters of Base64)",
    Some("^sha256/[A-Za-z0-9+/]{43}=$"),
));
/// A telephone number.
pub(super) const PHONE: Kind = Kind::Scalar(&Form {
    what: "a telephone number",
    check: |text| {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let allowed = text.chars().all(|c| c.is_ascii_digit() || " +-()#*,".contains(c));
        if allowed && (3..=30).contains(&digits) { Ok(()) } else { Err(String::new()) }
    },
    pattern: Some(r"^[0-9 +\-()#*,]{3,60}$"),
});
/// A mail address.
pub(super) const MAIL: Kind = Kind::Scalar(&Form {
    what: "a mail address",
    check: |text| match text.rsplit_once('@') {
        Some((user, domain)) if !user.is_empty() && user.len() <= 64 && domain.contains('.') => {
            let plain_user = user.chars().all(|c| c.is_ascii_alphanumeric() || "._%+-".contains(c));
            if plain_user { plain(domain, 253, ".-") } else { Err(String::new()) }
        }
        _ => Err(String::new()),
    },
    pattern: Some(r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z0-9.-]+$"),
});
/// An account on an appliance.
pub(super) const ACCOUNT: Kind = Kind::Scalar(&Form {
    what: "an account (letters, digits, '.', '_', '-', '@')",
    check: |text| plain(text, 64, "._-@"),
    pattern: Some("^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"),
});
/// The fingerprint of a key.
pub(super) const KEY_PRINT: Kind = Kind::Scalar(&Form {
    what: "the fingerprint of a key (SHA256:…), as ssh-add -l shows it",
    check: |text| {
        let digest = text.strip_prefix("SHA256:").unwrap_or_default();
        let plain = digest.chars().all(|c| c.is_ascii_alphanumeric() || "+/".contains(c));
        if digest.len() == 43 && plain { Ok(()) } else { Err(String::new()) }
    },
    pattern: Some("^SHA256:[A-Za-z0-9+/]{43}$"),
});
/// A variable of the environment.
pub(super) const VARIABLE: Kind = Kind::Scalar(&Form {
    what: "the name of an environment variable (HOSHU_ACME_MONITOR)",
    check: |text| {
        let letters = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        let first = text.starts_with(|c: char| c.is_ascii_uppercase());
        if letters && first && text.len() <= 100 { Ok(()) } else { Err(String::new()) }
    },
    pattern: Some("^[A-Z][A-Z0-9_]{0,99}$"),
});

/// Letters, digits and some marks, a letter or digit first, so that no shell, path or selector reads anything into it.
fn plain(text: &str, length_max: usize, marks: &str) -> Result<(), String> {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if letters && first && text.len() <= length_max { Ok(()) } else { Err(String::new()) }
}
