//! Readings (計測値): what a poll saw of one component, and the spans into which equal readings grow.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::outside::Outside;
use super::time::Time;

crate::words! {
    /// What a component is.
    pub enum ComponentKind {
        /// Whether the seat answers, lets us in and is the expected hardware.
        Reach = "reach",
        /// Product, model, serial, appliance ID, release.
        Identity = "identity",
        /// The appliance's own overall word on its features.
        System = "system",
        /// The temperature of the unit.
        Temperature = "temperature",
        /// The array as a whole.
        Raid = "raid",
        /// One disk.
        Disk = "disk",
        /// The power as a whole.
        Power = "power",
        /// One power supply.
        Psu = "psu",
        /// The fans as a whole.
        Fans = "fans",
        /// One fan.
        Fan = "fan",
        /// One health service.
        Service = "service",
        /// One licence.
        Licence = "licence",
        /// Security content (DTI).
        Content = "content",
        /// Guest images.
        GuestImage = "guest-image",
        /// Installed system images and boot partitions.
        Boot = "boot",
        /// One network interface.
        Interface = "interface",
        /// One monitored port pair: operational mode and fail-safe.
        PortPair = "port-pair",
        /// What arrives at one monitored port pair (NX), against the seat's own habits.
        Traffic = "traffic",
        /// The mail that is analysed (EX), against the seat's own habits; or that passes without it.
        Mail = "mail",
        /// How the mail transfer agent of an EX is set and goes.
        Mta = "mta",
        /// The agents that report (HX), against the seat's own habits.
        Agents = "agents",
        /// The last event of the seat that reached whoever watches.
        LastEvent = "last-event",
        /// One file system.
        FileSystem = "file-system",
        /// Time synchronisation.
        Ntp = "ntp",
        /// The appliance's clock against ours.
        Clock = "clock",
        /// The link to the managing CM, or from a CM to one managed appliance.
        CmLink = "cm-link",
        /// Running against saved configuration, change ID.
        Configuration = "configuration",
        /// A second channel to the appliance: whether it answers, and where it says otherwise than the first.
        Channel = "channel",
        /// The appliance's own word over everything, as SNMP has it.
        Overall = "overall",
        /// One queue of mail, or the quarantine (EX).
        MailQueue = "mail-queue",
        /// What analyses: virtual machines that run.
        Analysis = "analysis",
        /// The hardware of a managed appliance, as its CM sees it.
        Managed = "managed",
        /// The appliance's own word over everything, as its HTTPS API has it.
        ApiStatus = "api-status",
        /// How many calls of its HTTPS API an appliance takes.
        ApiLimit = "api-limit",
        /// How old the newest alert is, which says that something looks.
        LastAlert = "last-alert",
        /// An answer, or a part of one, that no definition recognises.
        Answer = "answer",
    }
}

/// One component of one appliance: its kind, and its name as the appliance gives it (empty when there is only one).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Component {
    /// What it is.
    pub kind: ComponentKind,
    /// Its name as the appliance gives it.
    pub name: Outside,
}

impl Component {
    /// A component of which an appliance has several.
    pub fn new(kind: ComponentKind, name: impl Into<Outside>) -> Self {
        Self { kind, name: name.into() }
    }

    /// A component of which an appliance has one.
    pub fn only(kind: ComponentKind) -> Self {
        Self { kind, name: Outside::default() }
    }

    /// `disk 0`, `service Database Service`: for one cell of a terminal.
    pub fn for_terminal(&self) -> String {
        if self.name.is_empty() { self.kind.to_string() } else { format!("{} {}", self.kind, self.name.for_terminal()) }
    }
}

crate::words! {
    /// How a component is. The order is that of attention: the first is fine, what follows is not.
    pub enum Condition {
        /// It works, in words that are known to mean so.
        Good = "good",
        /// It is switched off on purpose, in words that are known to mean so.
        Disabled = "disabled",
        /// It was read, and too little is known of the seat's own habits to judge it: never good and never bad.
        Learning = "learning",
        /// It was read, and at this hour the seat has so little to do that nothing can be told: never good and never bad.
        Quiet = "quiet",
        /// It works, with a reservation of the appliance or beyond a threshold of ours.
        Warning = "warning",
        /// The answer is older than it may be.
        Stale = "stale",
        /// Nothing was said about it, though it was asked for.
        Missing = "missing",
        /// An answer that is cut or contradicts its own layout.
        Malformed = "malformed",
        /// Words that nobody has seen: kept and shown, never good and never failed.
        Unrecognised = "unrecognised",
        /// Traffic or mail passes uninspected.
        Unprotected = "unprotected",
        /// It works, and nobody is told of what it finds.
        Mute = "mute",
        /// It works, and nothing arrives that it could look at.
        Blind = "blind",
        /// It does not work.
        Bad = "bad",
    }
}

impl Condition {
    /// Whether a component in this condition needs no attention.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Good | Self::Disabled)
    }

    /// Whether it was read and could not be judged: neither good nor bad, and nothing that a person should look at.
    pub const fn is_unjudged(self) -> bool {
        matches!(self, Self::Learning | Self::Quiet)
    }

    /// Whether a person should look at it.
    pub const fn wants_attention(self) -> bool {
        !self.is_good() && !self.is_unjudged()
    }

    /// Whether it works and does not do its job: it lets pass, sees nothing, or tells nobody (invariant 18).
    pub const fn is_useless(self) -> bool {
        matches!(self, Self::Unprotected | Self::Blind | Self::Mute)
    }

    /// Whether nothing can be said about the component: neither good nor failed (invariant 5).
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Stale | Self::Missing | Self::Malformed | Self::Unrecognised)
    }
}

crate::words! {
    /// Units of measured numbers.
    pub enum Unit {
        /// Degrees Celsius.
        Celsius = "celsius",
        /// Revolutions per minute.
        Rpm = "rpm",
        /// Per cent.
        Percent = "percent",
        /// Milliseconds.
        Milliseconds = "ms",
        /// Seconds.
        Seconds = "s",
        /// A plain count.
        Count = "count",
        /// Mebibytes, as the appliance prints them.
        Megabytes = "mb",
        /// Days.
        Days = "days",
        /// In each second.
        PerSecond = "per-s",
        /// In each hour.
        PerHour = "per-h",
    }
}

/// A measured number, in thousandths of its unit so that it packs as an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Thousandths of the unit.
    pub milli: i64,
    /// The unit.
    pub unit: Unit,
}

impl Measure {
    /// A whole number of the unit.
    pub const fn whole(value: i64, unit: Unit) -> Self {
        Self { milli: value.saturating_mul(1000), unit }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = (if self.milli < 0 { "-" } else { "" }, self.milli.unsigned_abs());
        let fraction = format!("{:03}", size % 1000);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        f.pad(&format!("{sign}{}{point}{fraction} {}", size / 1000, self.unit))
    }
}

/// What a poll saw of one component.
///
/// `said` holds the words that make the condition; a number that moves at each poll stands in `measure`, so that
/// equal readings grow into one span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// The component.
    pub component: Component,
    /// How it is.
    pub condition: Condition,
    /// What the appliance said, or why the answer could not be read.
    pub said: Outside,
    /// A measured number.
    pub measure: Option<Measure>,
}

impl Reading {
    /// A reading without a number.
    pub fn new(component: Component, condition: Condition, said: impl Into<Outside>) -> Self {
        Self { component, condition, said: said.into(), measure: None }
    }

    /// The same reading with a number.
    #[must_use]
    pub fn with(mut self, measure: Measure) -> Self {
        self.measure = Some(measure);
        self
    }
}

/// A stretch of time in which a component gave equal readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The component.
    pub component: Component,
    /// How it was.
    pub condition: Condition,
    /// What the appliance said.
    pub said: Outside,
    /// The first poll that saw it.
    pub first_at: Time,
    /// The last poll that saw it.
    pub last_at: Time,
    /// How many polls saw it.
    pub polls: i64,
}

/// What an appliance tells that says nothing alone: it is held against what was counted before, and against the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The numbers, each of a thing of its own.
    pub numbers: Vec<(Component, Measure)>,
    /// Which of those things belong together: a component, and the names of its members.
    pub groups: Vec<(Component, Vec<Outside>)>,
    /// How something is set: the component, what of it, and the word.
    pub words: Vec<(Component, String, Outside)>,
}

impl Counts {
    /// Adds what another answer gave.
    pub fn extend(&mut self, other: Self) {
        self.numbers.extend(other.numbers);
        self.groups.extend(other.groups);
        self.words.extend(other.words);
    }

    /// The number of a component.
    pub fn of(&self, component: &Component) -> Option<Measure> {
        self.numbers.iter().find(|(known, _)| known == component).map(|(_, measure)| *measure)
    }
}

/// A number of the past: of one minute, or the mean of one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// What was measured.
    pub component: Component,
    /// The number.
    pub measure: Measure,
    /// The beginning of the minute or hour.
    pub at: Time,
    /// Whether it is the mean of an hour.
    pub is_hour: bool,
}

crate::words! {
    /// How often a group of readings is taken.
    pub enum Tier {
        /// Every minute: reachability and one health summary.
        Pulse = "pulse",
        /// Every ten minutes, and at once when a pulse changed.
        Detail = "detail",
        /// Every six hours: what changes only by work.
        Slow = "slow",
    }
}

crate::words! {
    /// How a poll of one seat ended. A time-out and a refusal are different evidence.
    pub enum Outcome {
        /// The appliance answered and is the expected one.
        Answered = "answered",
        /// The way to the seat is declared and not yet served by this version.
        NotYetServed = "not-yet-served",
        /// The files say that SSH is not offered or is blocked behind the gateway; nothing was tried.
        NoSsh = "no-ssh",
        /// It is due for an attended slot: a person has to open the way, and nobody holds it open.
        DueAttended = "due-attended",
        /// The seat has no read credential, or its secret cannot be read.
        NoCredential = "no-credential",
        /// The credential is stopped; no login was tried.
        Braked = "braked",
        /// The last day for the old algorithms of the seat is over; nothing was dialled.
        LegacyOver = "legacy-over",
        /// No host key of this asset was accepted; nothing secret was sent.
        KeyUnknown = "key-unknown",
        /// Another host key than the accepted ones; nothing secret was sent.
        KeyChanged = "key-changed",
        /// Nothing answered in time.
        TimedOut = "timed-out",
        /// The port is closed.
        Refused = "refused",
        /// The connection closed before the SSH greeting: often a full session table.
        ClosedEarly = "closed-early",
        /// No algorithm in common, or a broken protocol.
        Protocol = "protocol",
        /// The appliance refused the login.
        LoginRefused = "login-refused",
        /// The login was accepted, the command line never answered as expected.
        NoPrompt = "no-prompt",
        /// The connection broke in the middle.
        Dropped = "dropped",
        /// A limit on size was broken.
        OverLimit = "over-limit",
        /// Who it is was not understood: the answer was damaged, cut or contradicted itself, twice.
        NotUnderstood = "not-understood",
        /// It is another appliance than the seat's.
        WrongAppliance = "wrong-appliance",
        /// What was read could not be sealed or written down.
        NotKept = "not-kept",
        /// The appliance did not push what it was told to push, or not that.
        NotPushed = "not-pushed",
        /// It was stopped before it ended.
        Stopped = "stopped",
    }
}

impl Outcome {
    /// Whether nobody is to try, by what the files say, or not before a person opens the way: neither good nor failed,
    /// and no finding.
    pub const fn is_by_declaration(self) -> bool {
        matches!(self, Self::NotYetServed | Self::NoSsh | Self::DueAttended)
    }
}

/// One poll of one seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// When it began.
    pub at: Time,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, when it did not answer; empty otherwise.
    pub reason: Outside,
    /// The hop before the appliance that ended it; `None` when the appliance itself was asked.
    pub hop: Option<String>,
    /// The tiers that were read in full.
    pub tiers: Vec<Tier>,
    /// From the first byte sent to the last byte read, in milliseconds.
    pub took_ms: i64,
    /// What was seen.
    pub readings: Vec<Reading>,
    /// What was counted.
    pub counts: Counts,
    /// Whether a new session was opened for it.
    pub opened_session: bool,
}
