//! The text configuration: a stable base from the name of the seat, and the edits that were made to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::page::universal;
use super::setting::{self, Section};
use super::state::Unit;
use crate::lab::fault::Fault;
use crate::lab::fleet::SeatSpec;
use crate::lab::seed::Dice;
use crate::model::inventory::Channel;
use crate::model::series::Series;
use crate::model::time::Time;

/// The settings of a unit: what was changed since it was built, running and saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The host name in the base.
    pub hostname: String,
    /// About how many bytes the text has.
    pub bytes: usize,
    /// `Last config change ID`.
    pub change_id: u64,
    running: BTreeMap<String, Option<String>>,
    saved: BTreeMap<String, Option<String>>,
}

/// What setting a line is about: two lines with the same key replace each other.
fn key_of(line: &str) -> String {
    let words = line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let named = setting::named(&words, 0).and_then(|(_, named)| words.get(..named));
    named.map_or_else(|| line.to_owned(), |words| words.join(" "))
}

impl Settings {
    pub(super) fn new(spec: &SeatSpec, bytes: usize, change_id: u64) -> Self {
        Self { hostname: spec.hostname.clone(), bytes, change_id, running: BTreeMap::new(), saved: BTreeMap::new() }
    }

    /// The host name in the running configuration.
    pub fn hostname(&self) -> &str {
        let edit = self.running.get("hostname").and_then(Option::as_deref);
        edit.and_then(|line| line.strip_prefix("hostname ")).unwrap_or(&self.hostname)
    }

    /// Whether the running configuration equals the saved one.
    pub fn is_saved(&self) -> bool {
        self.running == self.saved
    }

    /// Sets a line, or with `no` before it takes one away. The change ID moves when something changed.
    pub(super) fn edit(&mut self, line: &str) {
        let (key, value) = match line.strip_prefix("no ") {
            Some(rest) => (key_of(rest), None),
            None => (key_of(line), Some(line.to_owned())),
        };
        if self.running.get(&key) != Some(&value) {
            self.running.insert(key, value);
            self.change_id += 1;
        }
    }

    pub(super) fn save(&mut self) {
        self.saved = self.running.clone();
    }
}

/// About how many bytes a header has.
const HEADER_BYTES: usize = 280;

/// A configuration while it is written, with the edits that have not found a line yet.
pub(super) struct Writer<'a> {
    pub(super) text: String,
    edits: BTreeMap<&'a str, Option<&'a str>>,
    /// How many bytes the text would have without any edit, under any header: what fills it up depends on nothing else.
    plain_bytes: usize,
}

impl Writer<'_> {
    /// A text that begins with this header, and has no edits.
    pub(super) fn new(header: &str, bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push_str(header);
        Self { text, edits: BTreeMap::new(), plain_bytes: HEADER_BYTES }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.plain_bytes += line.len() + 1;
        // A line that nobody edited is by far the most frequent one.
        let edit = if self.edits.is_empty() { None } else { self.edits.remove(key_of(line).as_str()) };
        match edit {
            None => self.text.push_str(line),
            Some(Some(other)) => self.text.push_str(other),
            Some(None) => return,
        }
        self.text.push('\n');
    }

    /// Ends a section: edits that begin with one of `heads` and replaced nothing stand at its end.
    fn end(&mut self, heads: &[&str]) {
        let here = |key: &&str| heads.iter().any(|head| key.starts_with(head));
        let keys = self.edits.keys().copied().filter(here).collect::<Vec<_>>();
        for key in keys {
            if let Some(Some(line)) = self.edits.remove(key) {
                self.text.push_str(line);
                self.text.push('\n');
            }
        }
    }

    pub(super) fn title(&mut self, title: &str) {
        self.plain_bytes += title.len() + 11;
        self.text.push_str("\n##\n## ");
        self.text.push_str(title);
        self.text.push_str("\n##\n");
    }
}

/// What is drawn by lot for a unit, in the order of drawing.
struct Drawn {
    community: String,
    radius_key: String,
    private_key: Vec<String>,
}

impl Drawn {
    fn of(unit: &Unit) -> Self {
        let mut dice = Dice::new("configuration secrets", unit.seat.as_str());
        let small = b"abcdefghijkmnpqrstuvwxyz23456789";
        let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";
        Self {
            community: format!("c0mm-{}", dice.text(small, 10)),
            radius_key: format!("rk-{}", dice.text(small, 14)),
            private_key: (0..6).map(|_| dice.text(letters, 64)).collect(),
        }
    }
}

/// The secrets in the configuration of a unit, each as it stands in the text.
pub(super) fn secrets(unit: &Unit) -> Vec<String> {
    let drawn = Drawn::of(unit);
    let mut found = unit.licences.iter().map(|licence| licence.key.clone()).collect::<Vec<_>>();
    found.extend(unit.users.iter().map(|user| hash_of(unit, &user.name)));
    found.extend([drawn.community, drawn.radius_key]);
    found.extend(drawn.private_key);
    found
}

fn hash_of(unit: &Unit, user: &str) -> String {
    let mut dice = Dice::new("password hash", &format!("{}/{user}", unit.seat));
    let letters = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./";
    if unit.since(&[8]) {
        format!("$6${}${}", dice.text(letters, 8), dice.text(letters, 86))
    } else {
        format!("$1${}${}", dice.text(letters, 8), dice.text(letters, 22))
    }
}

/// The running configuration as it is printed, with the spoils of faults.
pub(super) fn running_text(unit: &mut Unit, channel: Channel, now: Time) -> String {
    let mut text = text(unit, true, now);
    if channel == Channel::Shell && unit.take(Fault::TruncatedShell) {
        // Behind a whole command, so that nothing in the text tells.
        let end = text.get(..text.len() / 2).and_then(|half| half.rfind('\n'));
        text.truncate(end.map_or(0, |end| end + 1));
    }
    if unit.take(Fault::ConfigPagerText) {
        // Somewhere behind the first screen, as a pager that was not switched off leaves it.
        if let Some((at, _)) = text.match_indices('\n').nth(40) {
            text.insert_str(at + 1, "lines 1-23 \r\u{1b}[K");
        }
    }
    if unit.take(Fault::TruncatedConfig) {
        let mut at = text.len() * 3 / 5;
        while !text.is_char_boundary(at) || text.as_bytes().get(at.wrapping_sub(1)) == Some(&b'\n') {
            at += 1;
        }
        text.truncate(at);
        text.push('\n');
    }
    text
}

/// The configuration, running or saved. Header: docs.trellix.com, `show running-config` and `show configuration`.
pub(super) fn text(unit: &Unit, running: bool, now: Time) -> String {
    let settings = &unit.settings;
    let source = if running { &settings.running } else { &settings.saved };
    let header = if running {
        running_header(unit, settings.hostname(), now)
    } else {
        let hostname = source.get("hostname").and_then(|line| line.as_deref()?.strip_prefix("hostname "));
        format!(
            "##\n## Active saved database \"initial\"\n## Generated at {}\n## Hostname: {}\n##\n",
            universal(now),
            hostname.unwrap_or(&settings.hostname)
        )
    };
    let edits = source.iter().map(|(key, line)| (key.as_str(), line.as_deref())).collect();
    let mut writer = Writer { edits, ..Writer::new(&header, settings.bytes + 4096) };
    body(&mut writer, unit);
    writer.text
}

pub(super) fn running_header(unit: &Unit, hostname: &str, now: Time) -> String {
    format!(
        "##\n## Running database (file \"initial\" is currently active)\n## Generated at {}\n## Software version: \
         {}\n## Last config change ID: {}\n## Hostname: {hostname}\n##\n",
        universal(now),
        super::show::identity::summary(unit, unit.running()),
        unit.settings.change_id,
    )
}

/// The licences of the chassis.
pub(super) fn licences(writer: &mut Writer<'_>, unit: &Unit) {
    for licence in &unit.licences {
        writer.line(&format!("license install {}", licence.key));
    }
}

/// The host key of the unit.
pub(super) fn host_key(writer: &mut Writer<'_>, unit: &Unit) {
    writer.line("ssh server host-key rsa2 private-key \"");
    writer.text.push_str("-----BEGIN RSA PRIVATE KEY-----\n");
    for line in Drawn::of(unit).private_key {
        writer.text.push_str(&line);
        writer.text.push('\n');
    }
    writer.text.push_str("-----END RSA PRIVATE KEY-----\n\"\n");
}

fn body(writer: &mut Writer<'_>, unit: &Unit) {
    let Drawn { community, radius_key, .. } = Drawn::of(unit);
    let title = |section: Section| section.title(unit.series);
    writer.title(title(Section::Licences));
    licences(writer, unit);
    writer.end(&["license"]);
    writer.title(title(Section::Interfaces));
    for interface in &unit.interfaces {
        if let Some((address, mask)) = &interface.address {
            writer.line(&format!("interface {} ip address {address} {mask}", interface.name));
        } else {
            writer.line(&format!("no interface {} dhcp", interface.name));
        }
    }
    writer.end(&["interface"]);
    writer.title(title(Section::Ip));
    writer.line(&format!("hostname {}", unit.settings.hostname));
    writer.line("ip default-gateway 192.168.0.1");
    writer.line("ip domain-list example.jp");
    writer.line("ip name-server 10.1.10.2");
    writer.end(&["hostname", "ip "]);
    writer.title(title(Section::Logging));
    writer.line("logging 10.9.0.14");
    writer.line("logging trap notice");
    writer.end(&["logging"]);
    writer.title(title(Section::Users));
    for user in &unit.users {
        writer.line(&format!("username {} password 7 {}", user.name, hash_of(unit, &user.name)));
    }
    writer.end(&["username"]);
    writer.title(title(Section::Aaa));
    writer.line(&format!("radius-server host 10.9.0.31 key {radius_key}"));
    writer.end(&["radius-server"]);
    writer.title(title(Section::Snmp));
    writer.line(&format!("snmp-server community {community} ro"));
    writer.line("snmp-server host 10.9.0.15 traps version 2c");
    writer.end(&["snmp-server"]);
    writer.title(title(Section::Time));
    for server in &unit.ntp.servers {
        writer.line(&format!("ntp server {server} version 4"));
    }
    writer.end(&["ntp"]);
    series_section(writer, unit);
    filler(writer, unit);
    writer.title(title(Section::Ssh));
    writer.line("ssh server client-alive-interval 0");
    host_key(writer, unit);
    writer.title(title(Section::Other));
    writer.line("cli default auto-logout 15.0");
    writer.line("configuration audit max-changes 1000");
    writer.end(&[""]);
}

fn series_section(writer: &mut Writer<'_>, unit: &Unit) {
    writer.title(Section::Series.title(unit.series));
    match unit.series {
        Series::Nx => {
            for pair in &unit.pairs {
                let mode = pair.op_mode.split(' ').next().unwrap_or("tap");
                let safe = if mode == "block" { format!(" fail-safe {}", pair.fail_safe) } else { String::new() };
                writer.line(&format!("policymgr interface {} op-mode {mode}{safe}", pair.name));
            }
        }
        Series::Ex => {
            writer.line("email-analysis mta max-queue-lifetime 5");
            writer.line("email-analysis policy congestion deferred threshold 10000");
        }
        Series::Hx => {
            writer.line("hx server address-list primary 192.168.0.69");
        }
        Series::Cm => {
            for managed in &unit.managed {
                writer.line(&format!("cmc appliance {} address {}", managed.name, managed.name));
            }
        }
        Series::Ax | Series::Fx => {
            writer.line("static-analysis yara policy enable");
        }
    }
    if let Some(link) = &unit.cm_link {
        writer.line(&format!("cmc client server address {}", link.address));
    }
}

/// Notification sinks until the text has about its size.
fn filler(writer: &mut Writer<'_>, unit: &Unit) {
    let mut dice = Dice::new("configuration filler", unit.seat.as_str());
    writer.title(Section::Notification.title(unit.series));
    let mut number = 0_u32;
    while writer.plain_bytes + 900 < unit.settings.bytes {
        number += 1;
        let roll = dice.next();
        let line = format!(
            "fenotify rsyslog trap-sink siem-{number:05} address 10.{}.{}.{}",
            roll & 0xff,
            (roll >> 8) & 0xff,
            (roll >> 16) & 0xff
        );
        writer.line(&line);
    }
    writer.end(&["fenotify"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_about_one_setting() {
        assert_eq!(key_of("hostname nx02"), "hostname");
        assert_eq!(key_of("ntp server 10.0.0.9 version 4"), "ntp server 10.0.0.9");
        assert_eq!(key_of("logging trap info"), "logging trap");
        assert_eq!(key_of("logging 10.0.0.1"), "logging 10.0.0.1");
        assert_eq!(key_of("something else"), "something else");
    }
}
