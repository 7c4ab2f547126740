//! A configuration for the tests of this folder, and just enough reading of its layout.

use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use super::readable::Readable;
use super::redact::redact;
use crate::model::config::{ConfigHeader, ConfigLayout, ConfigSection, Configuration, SecretBlock, Secrets};
use crate::model::expression::Expression;
use crate::model::outside::Outside;

/// A configuration of a small sensor, with secrets of several kinds.
pub(super) const TEXT: &str = r#"##
## Running database (file "initial" is currently active)
## Generated at 2026/11/20 02:00:07 +0900
## Software version: wmps wMPS (wMPS) 9.1.0.924861 #924861 2026-01-09 11:02:33 x86_64 build@vta7:FireEye/release (final)
## Last config change ID: 4711
## Hostname: nx-tokyo-01
##

##
## License keys
##
license install LK2-FIREEYE_APPLIANCE-0A1B-2C3D-4E5F-6071-8293-A4B5
license install LK2-CONTENT_UPDATES-1111-2222-3333-4444-5555-6666

##
## Network interface configuration
##
interface ether1 ip address 10.20.30.41 /24
interface ether1 comment "uplink \"core\" 2"
ip default-gateway 10.20.30.1

##
## Local user account configuration
##
username "admin" capability admin
username "admin" password 7 $1$Qv8n2LxK$7wYq0cSmE5rTzP1oHd3Ua/
username "monitor" capability monitor
username "monitor" password 7 $1$pL0aZx9c$Hs83JkQmWe72Tz0VnBx1u.

##
## SNMP configuration
##
snmp-server community w4tchd0g ro
snmp-server host 10.20.30.9 traps version 2c w4tchd0g
snmp-server location "server room, 3F"

##
## X.509 certificates configuration
##
crypto certificate name "web" public-cert pem "-----BEGIN CERTIFICATE-----
MIIBszCCAVmgAwIBAgIUQn0fYw3b1kq8hZyR1n5o1bq2p3EwCgYIKoZIzj0EAwIw
ZTELMAkGA1UEBhMCSlAxDjAMBgNVBAgMBVRva3lvMQ4wDAYDVQQHDAVUb2t5bzEX
-----END CERTIFICATE-----"
crypto certificate default-cert name "web"
"#;

/// What a definition would know of it.
pub(super) fn layout() -> &'static ConfigLayout {
    static LAYOUT: LazyLock<ConfigLayout> = LazyLock::new(known);
    &LAYOUT
}

fn known() -> ConfigLayout {
    let rules = |list: &[&str]| -> Vec<Expression> {
        list.iter().map(|rule| Expression::new(*rule).expect("a rule")).collect()
    };
    let titles = ["License keys", "Network interface configuration", "Local user account configuration"];
    ConfigLayout {
        sections_expected: titles.iter().map(|title| (*title).to_owned()).collect(),
        volatile: rules(&["^## Generated at "]),
        identity: rules(&["^license install "]),
        secrets: Secrets::new(
            rules(&[r"^license install (LK2-\S+)", r"^username \S+ password 7 (\S+)", r"^snmp-server community (\S+)"]),
            vec![SecretBlock {
                begin: Expression::new("-----BEGIN [A-Z ]*PRIVATE KEY-----").expect("a rule"),
                end: Expression::new("-----END [A-Z ]*PRIVATE KEY-----").expect("a rule"),
            }],
            ["bind-dn", "auth"].map(str::to_owned),
        ),
    }
}

/// Reads the layout of [`TEXT`].
pub(super) fn configuration(text: &str) -> Configuration {
    let field = |before: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("## ")?.strip_prefix(before));
        line.map(|rest| Outside::from(rest.trim()))
    };
    let header = ConfigHeader {
        file: field("Running database (file"),
        generated_at: field("Generated at"),
        software_version: field("Software version:"),
        change_id: field("Last config change ID:").and_then(|id| id.as_data().parse().ok()),
        hostname: field("Hostname:"),
    };
    let lines: Vec<&str> = text.lines().collect();
    let titles: Vec<usize> =
        (1..lines.len().saturating_sub(1)).filter(|at| lines[at - 1] == "##" && lines[at + 1] == "##").collect();
    let section = |(place, at): (usize, &usize)| {
        let end = titles.get(place + 1).map_or(lines.len(), |next| next - 1);
        let commands = (at + 2..end).filter(|at| !lines[*at].trim().is_empty() && !lines[*at].starts_with('#')).count();
        ConfigSection { title: lines[*at].trim_start_matches("## ").into(), lines: at + 2..end, commands }
    };
    let sections = titles.iter().enumerate().map(section).collect();
    Configuration { text: text.to_owned(), line_count: lines.len(), header, sections }
}

/// The redacted sample or a variation of it.
pub(super) fn readable(text: &str) -> Readable {
    let redacted = redact(text, layout(), &|path, value| fingerprint(path, value));
    let configuration = configuration(redacted.text.as_data());
    Readable::new(redacted, &configuration)
}

/// A digest of path and value without a key.
pub(super) fn fingerprint(path: &str, value: &str) -> String {
    let mut digest = std::hash::DefaultHasher::new();
    (path, value).hash(&mut digest);
    format!("{:016x}", digest.finish())
}
