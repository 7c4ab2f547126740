//! The commands that make up a configuration, as data: what names a setting, what values it may have, how it is taken
//! back, and in which section it is printed.
//!
//! Modelled after the vendor's reference and the relatives of the appliance; none was compared with a whole real
//! configuration. A unit knows no command that is not in this table.

use crate::model::series::Series;

/// The sections in which a unit prints its settings, in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Licences,
    Interfaces,
    Ip,
    Logging,
    Users,
    Aaa,
    Snmp,
    Time,
    /// What only units of this series have, and the link to a CM.
    Series,
    Notification,
    Ssh,
    Other,
}

impl Section {
    pub(super) const ALL: &[Self] = &[
        Self::Licences,
        Self::Interfaces,
        Self::Ip,
        Self::Logging,
        Self::Users,
        Self::Aaa,
        Self::Snmp,
        Self::Time,
        Self::Series,
        Self::Notification,
        Self::Ssh,
        Self::Other,
    ];

    /// The title above it.
    pub(super) const fn title(self, series: Series) -> &'static str {
        match self {
            Self::Licences => "License keys",
            Self::Interfaces => "Network interface configuration",
            Self::Ip => "Other IP configuration",
            Self::Logging => "Logging configuration",
            Self::Users => "Local user configuration",
            Self::Aaa => "AAA remote server configuration",
            Self::Snmp => "SNMP configuration",
            Self::Time => "Time/NTP configuration",
            Self::Series => match series {
                Series::Nx => "Policy manager configuration",
                Series::Ex => "Email analysis configuration",
                Series::Hx => "Endpoint security configuration",
                Series::Cm => "Central management configuration",
                Series::Ax | Series::Fx => "Analysis configuration",
            },
            Self::Notification => "Notification configuration",
            Self::Ssh => "SSH server configuration",
            Self::Other => "CLI defaults and other configuration",
        }
    }
}

/// What `no` before a setting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    /// The setting is gone, and so is its line.
    Forgets,
    /// It is switched off, and the line says so.
    SwitchesOff,
}

/// Whose a setting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// Any unit takes it.
    Anyone,
    /// It is bound to one chassis: another one refuses it.
    Chassis,
    /// The unit has its own, and keeps that.
    Itself,
}

/// One setting. Patterns are words and places: `<address>`, `<host>`, `<number>`, `<port>`, `<word>` and `<a|b>` take one
/// word, `<text>` one word or a quoted value of any length, `<rest>` everything that follows, `<pem>` a quoted PEM block.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) section: Section,
    /// The series that have it; empty for all.
    pub(super) series: &'static [Series],
    /// What names it: two lines with equal words here replace each other. Without a place there is one of it, else a
    /// list.
    pub(super) key: &'static str,
    /// What may follow; an empty one means that nothing has to.
    pub(super) values: &'static [&'static str],
    pub(super) no: No,
    pub(super) owner: Owner,
}

const fn set(section: Section, key: &'static str, values: &'static [&'static str]) -> Setting {
    Setting { section, series: &[], key, values, no: No::Forgets, owner: Owner::Anyone }
}

const fn switch(section: Section, key: &'static str) -> Setting {
    Setting { no: No::SwitchesOff, ..set(section, key, &[""]) }
}

const fn only(series: &'static [Series], key: &'static str, values: &'static [&'static str]) -> Setting {
    Setting { series, ..set(Section::Series, key, values) }
}

use Section::{Aaa, Interfaces, Ip, Licences, Logging, Notification, Other, Snmp, Ssh, Time, Users};

/// Every setting that the lab's units know.
pub(super) static SETTINGS: &[Setting] = &[
    Setting { owner: Owner::Chassis, ..set(Licences, "license install <word>", &[""]) },
    set(Interfaces, "interface <port> ip address", &["<address> <address>", "<address> <word>"]),
    switch(Interfaces, "interface <port> dhcp"),
    switch(Interfaces, "interface <port> shutdown"),
    set(Interfaces, "interface <port> comment", &["<text>"]),
    set(Ip, "hostname", &["<host>"]),
    set(Ip, "ip default-gateway", &["<address>", "<address> <port>"]),
    set(Ip, "ip domain-list <host>", &[""]),
    set(Ip, "ip name-server <address>", &[""]),
    set(Ip, "ip route <address>", &["<address> <address>", "<word> <address>"]),
    set(Logging, "logging <host>", &["", "trap <word>", "port <number>"]),
    set(Logging, "logging trap", &["<emerg|alert|crit|err|warning|notice|info|debug|none>"]),
    set(Logging, "logging local", &["<word>"]),
    set(Users, "username <word> password 7", &["<word>"]),
    set(Users, "username <word> role", &["<word>"]),
    set(Users, "username <word> capability", &["<word>"]),
    switch(Users, "username <word> disable"),
    set(Aaa, "radius-server host <host>", &["key <text>", "", "auth-port <number> key <text>"]),
    set(Aaa, "tacacs-server host <host>", &["key <text>", "", "auth-port <number> key <text>"]),
    set(Aaa, "aaa authentication login default", &["<rest>"]),
    set(Snmp, "snmp-server community <text>", &["", "<ro|rw>"]),
    set(
        Snmp,
        "snmp-server host <host>",
        &[
            "",
            "disable",
            "<traps|informs>",
            "<traps|informs> version <1|2c|3>",
            "<traps|informs> version <1|2c|3> <text>",
            "<traps|informs> port <number> version <1|2c|3>",
            "<traps|informs> port <number> version <1|2c|3> <text>",
        ],
    ),
    set(
        Snmp,
        "snmp-server user <word> v3",
        &[
            "auth <word> <text>",
            "auth <word> <text> priv <word> <text>",
            "encrypted auth <word> <text> priv <word> <text>",
            "enable",
        ],
    ),
    set(Snmp, "snmp-server contact", &["<text>", "<rest>"]),
    set(Snmp, "snmp-server location", &["<text>", "<rest>"]),
    switch(Snmp, "snmp-server enable"),
    set(Time, "ntp server <host>", &["", "version <number>"]),
    switch(Time, "ntp enable"),
    only(
        &[Series::Nx],
        "policymgr interface <word> op-mode",
        &["<tap|monitor|bypass|block>", "block fail-safe <open|close>"],
    ),
    only(&[Series::Ex], "email-analysis mta max-queue-lifetime", &["<number>"]),
    only(&[Series::Ex], "email-analysis policy congestion deferred threshold", &["<number>"]),
    only(&[Series::Hx], "hx server address-list <primary|secondary>", &["<host>"]),
    only(&[Series::Cm], "cmc appliance <word> address", &["<host>"]),
    Setting { no: No::SwitchesOff, ..only(&[Series::Ax, Series::Fx], "static-analysis yara policy enable", &[""]) },
    only(&[], "cmc client server address", &["<host>"]),
    set(Notification, "fenotify rsyslog trap-sink <word>", &["address <host>"]),
    set(Ssh, "ssh server client-alive-interval", &["<number>"]),
    Setting { owner: Owner::Itself, ..set(Ssh, "ssh server host-key <rsa2|dsa2|ecdsa> private-key", &["<pem>"]) },
    set(Other, "cli default auto-logout", &["<number>"]),
    set(Other, "configuration audit max-changes", &["<number>"]),
    set(Other, "banner login", &["<text>", "<rest>"]),
    set(Other, "banner motd", &["<text>", "<rest>"]),
    switch(Other, "wsapi enable"),
];

/// Where a line stops being what a pattern says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Behind its last word.
    Short,
    /// At a word that is another one.
    Word(usize),
    /// At a value of another kind.
    Value(usize),
}

impl Stop {
    /// How many words were right; a line that is too short was right to its end.
    pub(super) const fn reach(self) -> usize {
        match self {
            Self::Short => usize::MAX,
            Self::Word(at) | Self::Value(at) => at,
        }
    }
}

/// How many words from `from` on a pattern takes.
pub(super) fn take(pattern: &str, words: &[String], from: usize) -> Result<usize, Stop> {
    let mut at = from;
    for expected in pattern.split(' ').filter(|word| !word.is_empty()) {
        let word = words.get(at).ok_or(Stop::Short)?;
        match expected.strip_prefix('<').and_then(|place| place.strip_suffix('>')) {
            None if expected == word => at += 1,
            None => return Err(Stop::Word(at)),
            Some("rest") => return Ok(words.len() - from),
            Some(kind) if fits(kind, word) => at += 1,
            Some(_) => return Err(Stop::Value(at)),
        }
    }
    Ok(at - from)
}

fn fits(kind: &str, word: &str) -> bool {
    let plain = !word.is_empty() && !word.contains(char::is_whitespace);
    let of = |signs: &str| plain && word.chars().all(|sign| sign.is_ascii_alphanumeric() || signs.contains(sign));
    match kind {
        "text" => true,
        "word" => plain,
        "address" => word.parse::<std::net::IpAddr>().is_ok(),
        // What has only digits and dots is an address or nothing.
        "host" if word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => fits("address", word),
        "host" => of(".-_:"),
        "number" => plain && word.parse::<f64>().is_ok_and(|number| number.is_finite() && number >= 0.0),
        "port" => {
            let number = ["pether", "ether", "ipmi", "lo"].iter().find_map(|head| word.strip_prefix(head));
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        }
        "pem" => is_pem(word),
        choices => choices.split('|').any(|choice| choice == word),
    }
}

/// Whether a value is one PEM block from its first line to its last.
fn is_pem(value: &str) -> bool {
    let lines = value.trim().lines().collect::<Vec<_>>();
    let [first, body @ .., last] = lines.as_slice() else { return false };
    let name = first.strip_prefix("-----BEGIN ").and_then(|name| name.strip_suffix("-----"));
    let base64 = |line: &&str| line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    name.is_some_and(|name| *last == format!("-----END {name}-----")) && !body.is_empty() && body.iter().all(base64)
}

/// The setting that begins a line, with its place in the table and how many words name it: the one with the most words
/// of its own.
pub(super) fn named(words: &[String], from: usize) -> Option<(&'static Setting, usize)> {
    let own = |key: &str| key.split(' ').filter(|word| !word.starts_with('<')).count();
    let found = SETTINGS.iter().filter_map(|setting| Some((setting, take(setting.key, words, from).ok()?)));
    found.max_by_key(|(setting, _)| own(setting.key))
}
