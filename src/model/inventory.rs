//! The inventory as plain data: customers, sites, gateways, contacts, contracts, windows and seats.
//!
//! Files declare seats, the store holds assets: what stands here is meant, what stands there was seen.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::credential::{CredentialName, Purpose};
use super::name::{CustomerName, GatewayName, SeatName, SiteName};
use super::pin::SpkiPin;
use super::question::{Choice, Question};
use super::release::Release;
use super::series::Series;
use super::snmp::SnmpVersion;

/// Everything that the inventory files declare.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// SHA-256 over all files, in hex: what a generation is known by.
    pub digest: String,
    /// Customers by name.
    pub customers: BTreeMap<CustomerName, Customer>,
    /// Seats by name.
    pub seats: BTreeMap<SeatName, Seat>,
    /// The release approved for each series.
    pub approved: BTreeMap<Series, Release>,
    /// Works of others that are announced (customer, carrier, power cut).
    pub works: Vec<Work>,
    /// Change freezes.
    pub freezes: Vec<Freeze>,
    /// When sale and support of models and releases end, as far as anybody wrote it down.
    pub ends: Vec<EndOfLife>,
}

impl Inventory {
    /// The gateway behind which a seat stands.
    pub fn gateway(&self, seat: &Seat) -> Option<&Gateway> {
        self.customers.get(&seat.customer)?.gateways.iter().find(|gateway| gateway.name == seat.gateway)
    }

    /// How many backups of a seat are kept: as its contract says, or the usual number.
    pub fn retention(&self, seat: &Seat) -> Retention {
        let contracts = self.customers.get(&seat.customer).map(|customer| customer.contracts.as_slice());
        let number = seat.contract.as_deref();
        let contract = contracts.unwrap_or_default().iter().find(|contract| number == Some(contract.number.as_str()));
        contract.map(|contract| contract.backup_retention).unwrap_or_default()
    }

    /// The site in which a seat stands.
    pub fn site(&self, seat: &Seat) -> Option<&Site> {
        self.customers.get(&seat.customer)?.sites.iter().find(|site| site.name == seat.site)
    }
}

crate::words! {
    /// A language of letters and notices.
    pub enum Language {
        /// Japanese.
        Ja = "ja",
        /// English.
        En = "en",
    }
}

/// A customer (お客様).
#[derive(Debug, Clone, Serialize)]
pub struct Customer {
    /// Its name in commands and files.
    pub name: CustomerName,
    /// Its formal name in letters.
    pub title: String,
    /// The language of letters to it.
    pub language: Language,
    /// Letters show years of the Japanese era.
    pub era_years: bool,
    /// The sites.
    pub sites: Vec<Site>,
    /// The ways in.
    pub gateways: Vec<Gateway>,
    /// Persons, in the order in which they are called.
    pub contacts: Vec<Contact>,
    /// Maintenance contracts.
    pub contracts: Vec<Contract>,
    /// When disruptive work may start.
    pub windows: Vec<Window>,
}

/// A site (拠点).
#[derive(Debug, Clone, Serialize)]
pub struct Site {
    /// Its name, unique within the customer.
    pub name: SiteName,
    /// Its name in letters.
    pub title: String,
    /// The IANA zone of its local time.
    pub zone: String,
    /// How and when somebody may enter.
    pub entry: Option<String>,
}

crate::words! {
    /// Whether Hoshu may pass a gateway by itself.
    pub enum GatewayAccess {
        /// At any time.
        Unattended = "unattended",
        /// A person opens the way with a one-time password.
        Attended = "attended",
        /// There is no way in over a network.
        AirGapped = "air-gapped",
    }
}

crate::words! {
    /// What a hop of a way in is.
    pub enum HopKind {
        /// A virtual private network that the host already has.
        Vpn = "vpn",
        /// A SOCKS5 proxy.
        Socks5 = "socks5",
        /// An HTTP proxy with CONNECT.
        HttpConnect = "http-connect",
        /// A bastion that forwards TCP.
        SshForward = "ssh-forward",
        /// A bastion that only gives a shell or a menu.
        SshNested = "ssh-nested",
    }
}

impl HopKind {
    /// Whether it is a proxy that is asked for the next hop, or for the appliance.
    pub const fn is_proxy(self) -> bool {
        matches!(self, Self::Socks5 | Self::HttpConnect)
    }

    /// Whether it is an SSH server: it has a host key and an account of its own.
    pub const fn is_bastion(self) -> bool {
        matches!(self, Self::SshForward | Self::SshNested)
    }
}

/// The menu of a bastion that gives no shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Menu {
    /// Its prompt, as the whole last line.
    pub ask: Question,
    /// The line of one appliance, with what is to be typed in brackets.
    pub choose: Choice,
}

impl Menu {
    /// Whether a line is its prompt.
    pub fn asks(&self, line: &str) -> bool {
        self.ask.is(line)
    }

    /// What may be typed for an appliance: each line that is its own has one.
    pub fn choices(&self, text: &str, seat: &str, hostname: &str, address: &str) -> Vec<String> {
        self.choose.of(text, &[("{seat}", seat), ("{hostname}", hostname), ("{address}", address)])
    }
}

/// One hop between the centre and the appliances.
#[derive(Debug, Clone, Serialize)]
pub struct Hop {
    /// What it is.
    pub kind: HopKind,
    /// Its host name or address, or the name of the VPN.
    pub host: String,
    /// Its port, when it has one.
    pub port: Option<u16>,
    /// The credential for it.
    pub credential: Option<CredentialName>,
    /// The questions that its login asks; where there is one, no method but that of questions is used.
    pub questions: Vec<Question>,
    /// The menu that it shows instead of a shell.
    pub menu: Option<Menu>,
}

impl Hop {
    /// A hop with nothing but its kind and host.
    pub fn new(kind: HopKind, host: &str) -> Self {
        Self { kind, host: host.to_owned(), port: None, credential: None, questions: Vec::new(), menu: None }
    }

    /// Its host and port (`192.0.2.7:22`, `[2001:db8::7]:22`, `bastion.example:22`); a bastion without a port has 22.
    pub fn place(&self) -> String {
        let host = match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host.clone(),
        };
        match self.port.or_else(|| self.kind.is_bastion().then_some(22)) {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }
    }
}

crate::words! {
    /// What a probe finds behind a gateway. What is undeclared is not available, never failed.
    pub enum ProbeState {
        /// It answers there.
        Yes = "yes",
        /// It is not offered there.
        None = "none",
        /// It is blocked on the way.
        Blocked = "blocked",
    }
}

/// The probes that answer behind a gateway, as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Probes {
    /// ICMP echo.
    pub icmp: ProbeState,
    /// SSH to the appliances.
    pub ssh: ProbeState,
    /// HTTPS to the appliances.
    pub https: ProbeState,
    /// SNMP to the appliances.
    pub snmp: ProbeState,
    /// Out-of-band controllers (BMC).
    pub oob: ProbeState,
    /// The switch port of the appliance.
    pub switch: ProbeState,
    /// What the managing CM says about the appliance.
    pub cm: ProbeState,
}

/// A way in: addresses are unique per gateway, not in the world.
#[derive(Debug, Clone, Serialize)]
pub struct Gateway {
    /// Its name, unique within the customer.
    pub name: GatewayName,
    /// Whether Hoshu may pass it by itself.
    pub access: GatewayAccess,
    /// The hops, from the centre outwards; empty means direct.
    pub hops: Vec<Hop>,
    /// The probes that answer there.
    pub probes: Probes,
    /// Sessions at once through it.
    pub sessions: u16,
}

impl Gateway {
    /// Why no seat behind it is asked by SNMP, by what is declared; `None` when they are. SNMP is of datagrams, which no
    /// proxy and no bastion of the kinds that exist takes along.
    pub fn without_snmp(&self) -> Option<String> {
        if self.access != GatewayAccess::Unattended {
            return Some(format!("gateway {} is {}", self.name, self.access));
        }
        if let Some(hop) = self.hops.iter().find(|hop| hop.kind != HopKind::Vpn) {
            return Some(format!("SNMP does not go through a hop of kind {} (gateway {})", hop.kind, self.name));
        }
        match self.probes.snmp {
            ProbeState::Yes => None,
            ProbeState::None => Some(format!("SNMP is declared as not offered behind gateway {}", self.name)),
            ProbeState::Blocked => Some(format!("SNMP is declared as blocked behind gateway {}", self.name)),
        }
    }
}

impl Gateway {
    /// Why no seat behind it is asked by its HTTPS API, by what is declared; `None` when they are. It goes where a
    /// connection of TCP goes: through proxies and bastions that forward, and through no other.
    pub fn without_api(&self) -> Option<String> {
        if self.access != GatewayAccess::Unattended {
            return Some(format!("gateway {} is {}", self.name, self.access));
        }
        if let Some(hop) = self.hops.iter().find(|hop| hop.kind == HopKind::SshNested) {
            return Some(format!("no connection goes through a hop of kind {} (gateway {})", hop.kind, self.name));
        }
        match self.probes.https {
            ProbeState::Yes => None,
            ProbeState::None => Some(format!("HTTPS is declared as not offered behind gateway {}", self.name)),
            ProbeState::Blocked => Some(format!("HTTPS is declared as blocked behind gateway {}", self.name)),
        }
    }
}

impl Seat {
    /// The port of the HTTPS API: as declared, or 3000 of an HX and 443 of the others (administration guides).
    pub const fn api_port(&self) -> u16 {
        match (self.api.port, self.series) {
            (Some(port), _) => port,
            (None, Series::Hx) => 3000,
            (None, _) => 443,
        }
    }
}

crate::words! {
    /// What a contact is there for.
    pub enum ContactRole {
        /// 技術窓口.
        Technical = "technical",
        /// 緊急連絡先.
        Emergency = "emergency",
        /// 作業承認者.
        Approver = "approver",
        /// 現地, データセンター.
        Site = "site",
        /// 営業.
        Sales = "sales",
    }
}

/// A person of the customer.
#[derive(Debug, Clone, Serialize)]
pub struct Contact {
    /// The name.
    pub name: String,
    /// The reading (読み).
    pub reading: Option<String>,
    /// What the person is there for.
    pub roles: Vec<ContactRole>,
    /// Telephone numbers, in the order in which they are tried.
    pub phones: Vec<String>,
    /// The mail address.
    pub mail: Option<String>,
    /// When the person may be called, as written.
    pub hours: Option<String>,
    /// The language.
    pub language: Language,
    /// The day on which the entry was last confirmed, `yyyy-mm-dd`.
    pub confirmed: Option<String>,
}

/// A maintenance contract (保守契約).
#[derive(Debug, Clone, Serialize)]
pub struct Contract {
    /// Its number at the dealer.
    pub number: String,
    /// The level as sold (`24x7 4h`, `NBD 9-17`).
    pub level: String,
    /// The dealer (保守窓口).
    pub dealer: String,
    /// Its first day, `yyyy-mm-dd`.
    pub from: String,
    /// Its last day, `yyyy-mm-dd`.
    pub until: String,
    /// How many backups are kept of each seat under it.
    pub backup_retention: Retention,
}

/// For how many periods that have a backup that counts the newest of the period is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Days; one at least.
    pub daily: u32,
    /// ISO weeks.
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { daily: 14, weekly: 8, monthly: 12 }
    }
}

/// When disruptive work may start (作業可能時間帯).
#[derive(Debug, Clone, Serialize)]
pub struct Window {
    /// Its name, unique within the customer.
    pub name: String,
    /// The days, as written (`sat`, `第3日曜`, `営業日の前夜`).
    pub days: String,
    /// The local start, `25:00` allowed.
    pub start: String,
    /// The length in minutes.
    pub length_min: u32,
}

crate::words! {
    /// The way that a customer's data takes through a unit: what an outage of the unit does to the customer.
    pub enum DataPath {
        /// A copy of the traffic: an outage leaves a gap in detection.
        Tap = "tap",
        /// In line, opens when it fails: uninspected traffic.
        InlineFailOpen = "inline-fail-open",
        /// In line, closes when it fails: the customer is cut off.
        InlineFailClose = "inline-fail-close",
        /// In the way of mail.
        MailMta = "mail-mta",
        /// A blind copy of mail.
        MailBcc = "mail-bcc",
        /// Agents on endpoints.
        Agents = "agents",
        /// Agents that come from outside, in a DMZ.
        AgentsDmz = "agents-dmz",
        /// Manages other appliances.
        Manager = "manager",
        /// Analyses what others send.
        Analysis = "analysis",
        /// Scans file shares.
        FileScan = "file-scan",
    }
}

crate::words! {
    /// The set of algorithms that is offered, for SSH or for TLS.
    #[derive(Default)]
    pub enum Algorithms {
        /// What current releases speak.
        #[default]
        Modern = "modern",
        /// For old releases: SSH with SHA-1, group14 and CBC; TLS from 1.0 on with weak keys and ciphers.
        Legacy = "legacy",
    }
}

crate::words! {
    /// How commands are given over SSH.
    pub enum Channel {
        /// An interactive shell with a terminal.
        Shell = "shell",
        /// One channel for each command, without a terminal.
        Exec = "exec",
    }
}

crate::words! {
    /// Who sold the unit.
    pub enum Supplier {
        /// We did: its contract is ours to call on.
        Us = "us",
        /// Somebody else did.
        Other = "other",
    }
}

/// How SSH to a seat is spoken.
#[derive(Debug, Clone, Serialize)]
pub struct SshPolicy {
    /// The port.
    pub port: u16,
    /// The algorithms.
    pub algorithms: Algorithms,
    /// The last day on which `legacy` is allowed, `yyyy-mm-dd`.
    pub legacy_until: Option<String>,
    /// Shell or exec.
    pub channel: Channel,
    /// Sessions of ours at once.
    pub sessions: u16,
    /// How long a session is kept for the next poll, in seconds; 0 closes it after each cycle.
    pub hold_s: u32,
    /// The questions that its login asks; where there is one, no method but that of questions is used.
    pub questions: Vec<Question>,
}

/// The credentials of a seat, by name.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SeatCredentials {
    /// For polls and backups.
    pub read: Option<CredentialName>,
    /// For changes behind the gate.
    pub change: Option<CredentialName>,
    /// For questions by SNMP; a seat without one is not asked.
    pub snmp: Option<CredentialName>,
    /// For the HTTPS API; a seat without one is not asked.
    pub api: Option<CredentialName>,
}

impl SeatCredentials {
    /// The credential for a login at the appliance, to look or to change.
    pub const fn of(&self, purpose: Purpose) -> Option<&CredentialName> {
        match purpose {
            Purpose::Read => self.read.as_ref(),
            Purpose::Change => self.change.as_ref(),
            Purpose::Hop | Purpose::Snmp | Purpose::Api => None,
        }
    }

    /// Every credential that the seat names.
    pub fn all(&self) -> impl Iterator<Item = &CredentialName> {
        [&self.read, &self.change, &self.snmp, &self.api].into_iter().flatten()
    }
}

/// How SNMP to a seat is spoken, where it is spoken at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SnmpPolicy {
    /// The version; the other one is never tried.
    pub version: SnmpVersion,
    /// The UDP port.
    pub port: u16,
}

impl Default for SnmpPolicy {
    fn default() -> Self {
        Self { version: SnmpVersion::V3, port: 161 }
    }
}

/// How the HTTPS API of a seat is reached and known, where it is asked at all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ApiPolicy {
    /// The port, where it is not the usual one of the series.
    pub port: Option<u16>,
    /// The keys of the certificate that count: the one of today, and the one that follows.
    pub pins: Vec<SpkiPin>,
    /// The name in a certificate that is known by its authorities, where it is not the host name.
    pub name: Option<String>,
    /// The set of TLS algorithms that is offered.
    pub algorithms: Algorithms,
    /// The last day on which legacy algorithms are allowed.
    pub legacy_until: Option<String>,
}

/// A named place and role (設置機器).
#[derive(Debug, Clone, Serialize)]
pub struct Seat {
    /// Its name, unique in the inventory.
    pub name: SeatName,
    /// The customer.
    pub customer: CustomerName,
    /// The site.
    pub site: SiteName,
    /// The gateway.
    pub gateway: GatewayName,
    /// The series.
    pub series: Series,
    /// The model as the customer names it (`NX2500`).
    pub model: String,
    /// The appliance's own host name, which need not be unique.
    pub hostname: String,
    /// The address behind the gateway; an air-gapped seat may have none.
    pub address: Option<IpAddr>,
    /// An assertion: the serial of the hardware that is meant to sit here.
    pub serial: Option<String>,
    /// The way that data takes.
    pub data_path: DataPath,
    /// The other member of a pair.
    pub peer: Option<SeatName>,
    /// The managing CM.
    pub managed_by: Option<SeatName>,
    /// A virtual machine: no hardware of its own.
    pub virtual_machine: bool,
    /// Who sold it.
    pub supplier: Supplier,
    /// The number of its maintenance contract.
    pub contract: Option<String>,
    /// The name of its window.
    pub window: Option<String>,
    /// The credentials.
    pub credentials: SeatCredentials,
    /// How SSH is spoken.
    pub ssh: SshPolicy,
    /// How SNMP is spoken, when the seat names a credential for it.
    pub snmp: SnmpPolicy,
    /// How the HTTPS API is spoken, when the seat names a credential for it.
    pub api: ApiPolicy,
    /// Free words that a person should read before touching it.
    pub notes: Vec<String>,
    /// Where it is declared: file and line, for messages.
    pub declared_at: (String, usize),
}

crate::words! {
    /// Whose work it is.
    pub enum WorkOwner {
        /// Ours.
        Us = "us",
        /// The customer's.
        Customer = "customer",
        /// A carrier's.
        Carrier = "carrier",
        /// A power cut for the legal inspection (法定停電).
        PowerCut = "power-cut",
    }
}

/// An announced work (作業予定).
#[derive(Debug, Clone, Serialize)]
pub struct Work {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: WorkOwner,
    /// The customer.
    pub customer: CustomerName,
    /// The site, or the whole customer.
    pub site: Option<SiteName>,
    /// Local start, `yyyy-mm-dd hh:mm`.
    pub from: String,
    /// Local end, `yyyy-mm-dd hh:mm`.
    pub until: String,
}

impl Work {
    /// Whether a seat is touched by it.
    pub fn concerns(&self, seat: &Seat) -> bool {
        self.customer == seat.customer && self.site.as_ref().is_none_or(|site| *site == seat.site)
    }
}

impl Freeze {
    /// Whether a seat is under it.
    pub fn concerns(&self, seat: &Seat) -> bool {
        self.customer.as_ref().is_none_or(|customer| *customer == seat.customer)
    }
}

/// A change freeze (変更凍結期間).
#[derive(Debug, Clone, Serialize)]
pub struct Freeze {
    /// Its name.
    pub name: String,
    /// One customer, or all.
    pub customer: Option<CustomerName>,
    /// First day, `yyyy-mm-dd`.
    pub from: String,
    /// Last day, `yyyy-mm-dd`.
    pub until: String,
}

/// The end of a model, or of a release of a series (サポート終了).
#[derive(Debug, Clone, Serialize)]
pub struct EndOfLife {
    /// The model; `None` for a release.
    pub model: Option<String>,
    /// The series of the release.
    pub series: Option<Series>,
    /// The release: everything that has the parts it names.
    pub release: Option<Release>,
    /// The last day of sale, `yyyy-mm-dd`.
    pub end_of_sale: Option<String>,
    /// The last day of support, `yyyy-mm-dd`.
    pub end_of_support: Option<String>,
    /// Who says so: a letter, a page, and of which day.
    pub source: String,
    /// It is a guess: nobody who must know said it.
    pub guess: bool,
}
