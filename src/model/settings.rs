//! The settings (`hoshu.yaml`) as plain data: what the administrator alone decides.
//!
//! Invariant: no value here is a secret; a credential says where its secret is read from.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use super::credential::{CredentialName, CredentialSource};
use super::finding::HysteresisChange;
use super::inventory::{Gateway, GatewayAccess, HopKind};
use super::name::CustomerName;
use super::reading::{ComponentKind, Tier};
use super::realm::Realm;
use super::series::Series;
use super::store_url::StoreUrl;

/// Everything that `hoshu.yaml` says; every path is absolute or relative to the process, never to the file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The world of this store.
    pub realm: Realm,
    /// The zone in which times are shown.
    pub zone: Tz,
    /// Where facts are kept.
    pub store: StoreUrl,
    /// The folder of sealed objects.
    pub depot: PathBuf,
    /// The folder of the inventory.
    pub inventory: PathBuf,
    /// Where the root key is read from.
    pub root_key: RootSource,
    /// The server of secrets.
    pub vault: Option<Vault>,
    /// The public recovery recipients (`age1…`), whose private halves are never on this machine.
    pub recovery: Vec<String>,
    /// The table from seat to loopback port that the lab writes; only in realm lab.
    pub lab_ports_file: Option<PathBuf>,
    /// Where each credential comes from.
    pub credentials: BTreeMap<CredentialName, CredentialSource>,
    /// How much is done at once, and for how long.
    pub limits: SessionLimits,
    /// What is changed in the built-in rules of when findings turn hard and when they end.
    pub findings: BTreeMap<ComponentKind, HysteresisChange>,
    /// How often appliances are polled.
    pub tiers: TierRules,
    /// When a unit that works is said to do nothing.
    pub protection: ProtectionRules,
    /// Where the last events stand that reached whoever watches.
    pub events: Option<EventsSource>,
    /// Of which sessions transcripts are kept, and how long.
    pub transcripts: TranscriptRules,
    /// Where appliances push to; without it nothing is pushed.
    pub drop: Option<DropSettings>,
}

impl Settings {
    /// How long log bundles are kept, in milliseconds.
    pub fn keep_bundles_ms(&self) -> i64 {
        self.drop.as_ref().map_or(DropSettings::KEEP_BUNDLES_MS, |drop| drop.keep_bundles_ms)
    }
}

crate::words! {
    /// Of which sessions transcripts are kept.
    pub enum TranscriptsOf {
        /// Of those that a person holds.
        People = "people",
        /// Of all.
        All = "all",
    }
}

/// Of which sessions transcripts are kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TranscriptRules {
    /// Of which.
    pub of: TranscriptsOf,
    /// How long, in milliseconds.
    pub keep_ms: i64,
}

impl Default for TranscriptRules {
    /// Those of people, for a year.
    fn default() -> Self {
        Self { of: TranscriptsOf::People, keep_ms: 365 * 86_400_000 }
    }
}

crate::words! {
    /// How what an appliance pushes comes to the drop.
    pub enum DropFace {
        /// It connects to the drop.
        Direct = "direct",
        /// It connects to the last bastion of its gateway, which sends it on through the session that Hoshu has there.
        Reverse = "reverse",
        /// Not at all: what it writes stays on it.
        None = "none",
    }
}

/// The drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What appliances are told, where their gateway has nothing of its own.
    pub address: SocketAddr,
    /// How long log bundles are kept, in milliseconds.
    pub keep_bundles_ms: i64,
    /// Gateways with something of their own, as `customer/gateway`.
    pub gateways: BTreeMap<String, DropGateway>,
}

/// How the appliances of a gateway reach the drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropGateway {
    /// By which face.
    pub face: DropFace,
    /// What they are told to push to.
    pub address: SocketAddr,
    /// From where they come; none is from their own addresses.
    pub sources: Vec<IpAddr>,
}

impl DropSettings {
    /// Ninety days.
    pub const KEEP_BUNDLES_MS: i64 = 90 * 24 * 60 * 60 * 1000;

    /// How the appliances of a gateway push. One that has nothing of its own is direct, unless it has bastions or proxies:
    /// what goes in through them does not come out of them by itself. Where nobody comes in without a person, nothing does.
    pub fn of(&self, customer: &CustomerName, gateway: &Gateway) -> DropGateway {
        let own = self.gateways.get(&format!("{customer}/{}", gateway.name)).cloned();
        own.unwrap_or_else(|| {
            let open = gateway.access == GatewayAccess::Unattended;
            let direct = open && gateway.hops.iter().all(|hop| hop.kind == HopKind::Vpn);
            let face = if direct { DropFace::Direct } else { DropFace::None };
            DropGateway { face, address: self.address, sources: Vec::new() }
        })
    }
}

/// Where the root key is read from: the text of an age identity with a line that names its realm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootSource {
    /// A file of its owner alone.
    File(PathBuf),
    /// A credential of this name that systemd put into `$CREDENTIALS_DIRECTORY`.
    Systemd(String),
    /// What a program prints: its absolute path, then its arguments.
    Command(Vec<String>),
    /// A file that `OpenBao` opens by its transit engine.
    Transit {
        /// The server.
        vault: Box<Vault>,
        /// Its key.
        key: TransitKey,
        /// The file with the encrypted text.
        file: PathBuf,
    },
}

impl RootSource {
    /// The file in which it lies, sealed or not, where its source is one that can be made.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::Transit { file: path, .. } => Some(path),
            Self::Systemd(_) | Self::Command(_) => None,
        }
    }
}

/// `OpenBao`, or a server that speaks as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// Its address, `https://…`.
    pub address: String,
    /// The authorities (PEM) by which it is known; without them those of this machine.
    pub ca: Option<PathBuf>,
    /// The file that holds a token, of its owner alone.
    pub token_file: PathBuf,
}

/// A key of the transit engine, which never leaves the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitKey {
    /// Where the engine is mounted.
    pub mount: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for RootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd credential {name}"),
            Self::Command(words) => write!(f, "from the program {}", words.first().map_or("", String::as_str)),
            Self::Transit { vault, key, file } => {
                write!(f, "{}, opened by key {} of {}", file.display(), key.name, vault.address)
            }
        }
    }
}

/// How much is done at once, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Sessions at once.
    pub sessions: u32,
    /// Sessions at once at one site.
    pub per_site: u32,
    /// Sessions at once at one customer.
    pub per_customer: u32,
    /// From the first packet to the open connection, in seconds.
    pub connect_s: u32,
    /// From the open connection to the first prompt, in seconds.
    pub login_s: u32,
    /// One show command, in seconds.
    pub command_s: u32,
    /// One fetch of a configuration, in seconds.
    pub backup_s: u32,
    /// Silence within an answer, in seconds.
    pub idle_s: u32,
    /// All that is asked of an appliance by SNMP in one poll, in seconds.
    pub snmp_s: u32,
    /// Space that backups leave free where the depot lies, in MiB.
    pub depot_reserve_mib: u32,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            sessions: 256,
            per_site: 32,
            per_customer: 64,
            connect_s: 10,
            login_s: 20,
            command_s: 60,
            backup_s: 300,
            idle_s: 30,
            snmp_s: 10,
            depot_reserve_mib: 512,
        }
    }
}

/// A file that whoever watches (SOC, SIEM) writes: when it last heard of each seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsSource {
    /// The file.
    pub file: PathBuf,
    /// Silence up to this is never told, in milliseconds.
    pub silent_after_ms: i64,
}

/// When a unit that works is said to do nothing: against its own habits, or where nothing at all is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionRules {
    /// So long nothing at all is counted while every link is up: blind, whatever is known of the seat's habits.
    pub zero_after_ms: i64,
    /// So many polls see it at least.
    pub zero_polls: u32,
    /// So long not one mail is analysed: blind, whatever is known of the habits of an EX.
    pub mail_zero_after_ms: i64,
    /// So many of the last eight weeks must have been seen at this weekday and hour.
    pub weeks: u32,
    /// Less than so many per cent of what is usual is nothing.
    pub stop_percent: u32,
    /// Less than so many per cent of what is usual is a warning.
    pub low_percent: u32,
    /// Packets a second at one port below which its hour is quiet.
    pub traffic_floor: u32,
    /// Mails an hour below which an hour is quiet.
    pub mail_floor: u32,
    /// Agents below which nothing is judged.
    pub agents_floor: u32,
}

impl Default for ProtectionRules {
    fn default() -> Self {
        Self {
            zero_after_ms: 30 * 60_000,
            zero_polls: 3,
            mail_zero_after_ms: 24 * 3_600_000,
            weeks: 2,
            stop_percent: 1,
            low_percent: 10,
            traffic_floor: 10,
            mail_floor: 12,
            agents_floor: 10,
        }
    }
}

/// The periods of the tiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// The pulse, in milliseconds.
    pub pulse_ms: i64,
    /// The detail, in milliseconds.
    pub detail_ms: i64,
    /// The slow tier, in milliseconds.
    pub slow_ms: i64,
}

impl Default for Periods {
    fn default() -> Self {
        Self { pulse_ms: 60_000, detail_ms: 600_000, slow_ms: 21_600_000 }
    }
}

impl Periods {
    /// The period of a tier, in milliseconds.
    pub const fn of(&self, tier: Tier) -> i64 {
        match tier {
            Tier::Pulse => self.pulse_ms,
            Tier::Detail => self.detail_ms,
            Tier::Slow => self.slow_ms,
        }
    }
}

/// How often appliances are polled.
#[derive(Debug, Clone, Default)]
pub struct TierRules {
    /// For every series that has no periods of its own.
    pub default: Periods,
    /// Periods of their own.
    pub series: BTreeMap<Series, Periods>,
}

impl TierRules {
    /// The periods of a series.
    pub fn of(&self, series: Series) -> Periods {
        self.series.get(&series).copied().unwrap_or(self.default)
    }
}
