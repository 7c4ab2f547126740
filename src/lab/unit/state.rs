//! The state of a unit: one serialisable value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::configuration::Settings;
use crate::lab::fault::{Effect, Fault};
use crate::model::inventory::Algorithms;
use crate::model::name::SeatName;
use crate::model::release::Release;
use crate::model::series::Series;
use crate::model::time::Time;

crate::words! {
    /// What an account may do. Commands above it do not exist for it.
    pub enum Role {
        /// Looks.
        Monitor = "monitor",
        /// Looks deeper, and does some changes.
        Operator = "operator",
        /// Does everything.
        Admin = "admin",
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its password, which is valid in the lab only.
    pub password: String,
    /// A public key in OpenSSH's one-line form that logs in as well.
    pub public_key: Option<String>,
}

/// One of the two boot banks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bank {
    /// The release in it.
    pub release: Release,
    /// `2025-11-05 14:34:31`.
    pub built: String,
    /// The machine that built it (`vta824`).
    pub builder: String,
}

/// The two banks, and which of them is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// Partition 1.
    pub first: Bank,
    /// Partition 2.
    pub second: Bank,
    /// Whether the second one is running.
    pub runs_second: bool,
    /// Whether the second one boots next.
    pub boots_second: bool,
}

/// A licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// Its feature (`CONTENT_UPDATES`).
    pub feature: String,
    /// Its key, which is a secret.
    pub key: String,
    /// Its last day, `yyyy/m/d`; `None` lasts for ever.
    pub ends: Option<String>,
    /// Whether the last day has passed.
    pub expired: bool,
}

/// A disk or a power module, with the word that the unit says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `Online`, `Good`, `Failed`, …
    pub state: String,
}

/// A fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fan {
    /// `Ok`, `Failed`, …
    pub state: String,
    /// Revolutions per minute.
    pub rpm: u32,
}

/// The hardware with the words that the unit says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Degrees Celsius.
    pub temperature_c: u32,
    /// The word for the temperature.
    pub temperature: String,
    /// The word for the array.
    pub raid: String,
    /// The word for the power as a whole.
    pub power: String,
    /// The word for the fans as a whole.
    pub fan: String,
    /// The disks, from 0.
    pub disks: Vec<Part>,
    /// The power modules, from 1.
    pub modules: Vec<Part>,
    /// The fans, from 1.
    pub fans: Vec<Fan>,
}

/// A service of `show health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The category under which it is asked for (`System`, `DTI`, …).
    pub category: String,
    /// `Healthy`, `Disabled`, `Failed`, …
    pub state: String,
    /// The sentence after `Details`.
    pub details: String,
    /// The sentence after `Recovery Steps`.
    pub recovery: Option<String>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// `ether1`, `pether3`, …
    pub name: String,
    /// Switched on.
    pub admin_up: bool,
    /// Has a link.
    pub link_up: bool,
    /// Address and mask.
    pub address: Option<(String, String)>,
    /// The hardware address.
    pub mac: String,
    /// Packets received in a second, on average.
    pub packets_per_s: u64,
    /// Received packets that were thrown away.
    pub rx_discards: u64,
}

/// A pair of monitoring ports (NX).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortPair {
    /// `A`, `B`, …
    pub name: String,
    /// `block (enforcing)`, `tap (tapping)`, `monitor`, `bypass`.
    pub op_mode: String,
    /// `open` or `close`.
    pub fail_safe: String,
    /// The two ports.
    pub ports: (String, String),
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystem {
    /// `/var`, …
    pub path: String,
    /// `/dev/sda8`, …
    pub device: String,
    /// Size in MB.
    pub total_mb: u64,
    /// Of it used, in MB.
    pub used_mb: u64,
}

/// A guest image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestImage {
    /// `win7-sp1m`, …
    pub name: String,
    /// `24.0503`, …
    pub version: String,
    /// Its description.
    pub text: String,
}

/// Security content and the cloud service that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Days during which no new content came, as seen from the moment of the question.
    pub days_behind: i64,
    /// The minute of each hour in which content is taken.
    pub minute: i64,
    /// Locked out after failed logins.
    pub locked: bool,
    /// The guest images.
    pub guest_images: Vec<GuestImage>,
}

/// Time keeping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ntp {
    /// Whether a server is followed.
    pub synchronized: bool,
    /// The servers.
    pub servers: Vec<String>,
    /// The offset in microseconds.
    pub offset_us: i64,
    /// Milliseconds by which the clock is ahead of the true time.
    pub ahead_ms: i64,
}

/// The link of a managed appliance to its CM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CmLink {
    /// The CM's host name.
    pub hostname: String,
    /// The CM's address.
    pub address: String,
    /// Whether the link is up.
    pub connected: bool,
}

/// An appliance that a CM manages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// Its name in the CM.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its model.
    pub model: String,
    /// Its release.
    pub release: String,
    /// Whether its link is up.
    pub connected: bool,
}

/// The mail queues of an EX, in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailQueues {
    /// Mails that come in an hour.
    pub per_hour: u64,
    /// Waiting for the next hop.
    pub deferred: u64,
    /// Under analysis.
    pub hold: u64,
    /// Being delivered.
    pub active: u64,
}

/// Time during which a counter stood still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Since when it stands still.
    pub since: Option<Time>,
    /// Milliseconds that it stood still before, all in all.
    pub before_ms: i64,
}

impl Lost {
    /// Begins or ends to stand still; a fault is noticed at the first question after it.
    pub fn stand(&mut self, still: bool, now: Time) {
        match (still, self.since) {
            (true, None) => self.since = Some(now),
            (false, Some(since)) => {
                self.before_ms += now.ms_since(since);
                self.since = None;
            }
            _ => {}
        }
    }

    /// Milliseconds that it stood still until now.
    pub const fn ms(self, now: Time) -> i64 {
        match self.since {
            Some(since) => self.before_ms + now.ms_since(since),
            None => self.before_ms,
        }
    }
}

/// A backup that the unit wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastBackup {
    /// Its profile.
    pub profile: String,
    /// Where it went.
    pub destination: String,
    /// When it began.
    pub began_at: Time,
    /// When it ended.
    pub ended_at: Time,
    /// How.
    pub success: bool,
    /// The name and size of its file.
    pub file: Option<(String, u64)>,
}

/// One appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The seat in which it sits.
    pub seat: SeatName,
    /// Its series.
    pub series: Series,
    /// Its model as it says it (`FireEyeNX9450` on old releases, `CM9500` on new ones).
    pub model: String,
    /// `System serial num:`.
    pub serial: String,
    /// `Appliance ID:`.
    pub appliance_id: String,
    /// `Host ID:`, to which the licences are tied.
    pub host_id: String,
    /// `System UUID:`.
    pub uuid: String,
    /// A virtual machine: no hardware of its own.
    pub virtual_machine: bool,
    /// When it booted.
    pub booted_at: Time,
    /// The banks.
    pub boot: Boot,
    /// Licences.
    pub licences: Vec<Licence>,
    /// Hardware.
    pub hardware: Hardware,
    /// Services.
    pub services: Vec<Service>,
    /// Interfaces.
    pub interfaces: Vec<Interface>,
    /// Port pairs.
    pub pairs: Vec<PortPair>,
    /// File systems.
    pub file_systems: Vec<FileSystem>,
    /// Security content.
    pub content: Content,
    /// Time keeping.
    pub ntp: Ntp,
    /// The link to the CM, when one manages it.
    pub cm_link: Option<CmLink>,
    /// What it manages (CM).
    pub managed: Vec<Managed>,
    /// Mail queues (EX).
    pub mail: Option<MailQueues>,
    /// The settings, running and saved.
    pub settings: Settings,
    /// Accounts.
    pub users: Vec<User>,
    /// The enable password, when one is set.
    pub enable_password: Option<String>,
    /// The algorithms that its SSH server offers.
    pub algorithms: Algorithms,
    /// Ends its lines with a bare line feed even on a terminal.
    pub bare_line_feeds: bool,
    /// How long faults of counters have held them.
    pub lost: BTreeMap<Fault, Lost>,
    /// The last backup that it wrote; one from the factory before the first.
    pub last_backup: Option<LastBackup>,
    /// The dumps of logs and state that it holds, with their sizes; the latest is the last.
    pub dumps: Vec<(String, u64)>,
    /// The hosts that it pushed to, with the fingerprints of their keys.
    pub known_hosts: BTreeMap<String, String>,
    /// What is broken, with how often it will still take effect.
    pub faults: BTreeMap<Fault, Option<u32>>,
}

impl Unit {
    /// The running bank.
    pub const fn running(&self) -> &Bank {
        if self.boot.runs_second { &self.boot.second } else { &self.boot.first }
    }

    /// The running release.
    pub const fn release(&self) -> &Release {
        &self.running().release
    }

    /// Whether the running release is this one or a later one, by its first numbers.
    pub fn since(&self, parts: &[u32]) -> bool {
        self.release().parts() >= parts
    }

    /// Breaks the unit; with `remaining`, for so many times only.
    pub fn break_by(&mut self, fault: Fault, remaining: Option<u32>) {
        if remaining == Some(0) {
            self.faults.remove(&fault);
        } else {
            self.faults.insert(fault, remaining);
        }
    }

    /// Mends one fault, or all.
    pub fn mend(&mut self, fault: Option<Fault>) {
        match fault {
            Some(fault) => {
                self.faults.remove(&fault);
            }
            None => self.faults.clear(),
        }
    }

    /// Lets counters stand still, or go on, as the faults of now say.
    pub fn hold_counters(&mut self, now: Time) {
        for fault in Fault::ALL.iter().filter(|fault| fault.effect() == Effect::Counter) {
            let has = self.has(*fault);
            if has || self.lost.contains_key(fault) {
                self.lost.entry(*fault).or_default().stand(has, now);
            }
        }
    }

    /// Seconds for which something has counted that these faults hold.
    pub fn counted_s(&self, faults: &[Fault], now: Time) -> u64 {
        let lost: i64 = faults.iter().map(|fault| self.lost_ms(*fault, now)).sum();
        u64::try_from((now.ms_since(self.booted_at) - lost) / 1000).unwrap_or(0)
    }

    /// Milliseconds for which a fault has held counters, all in all.
    pub fn lost_ms(&self, fault: Fault, now: Time) -> i64 {
        self.lost.get(&fault).map_or(0, |lost| lost.ms(now))
    }

    /// Whether a fault is there.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains_key(&fault)
    }

    /// Whether a fault takes effect this time; a limited count of it shrinks.
    pub fn take(&mut self, fault: Fault) -> bool {
        match self.faults.get_mut(&fault) {
            None => false,
            Some(None) => true,
            Some(Some(left)) => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.faults.remove(&fault);
                }
                true
            }
        }
    }

    /// The account of a name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }
}
