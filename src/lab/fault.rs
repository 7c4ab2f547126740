//! Faults by name: what a person can break, and where the break takes effect.

crate::words! {
    /// What can be broken in a unit or on the line to it.
    pub enum Fault {
        /// The last disk is out of the array.
        DiskFailed = "disk-failed",
        /// The last disk is being rebuilt.
        DiskRebuilding = "disk-rebuilding",
        /// The second power supply gives nothing.
        PsuFailed = "psu-failed",
        /// The first fan stands still.
        FanFailed = "fan-failed",
        /// The air is too warm.
        Hot = "hot",
        /// The array is degraded although each disk says that it is online.
        RaidDegraded = "raid-degraded",
        /// The licences ran out.
        LicenceExpired = "licence-expired",
        /// The security content is weeks old.
        ContentStale = "content-stale",
        /// The cloud service locked the unit out after failed logins.
        DtiLocked = "dti-locked",
        /// A service failed.
        ServiceFailed = "service-failed",
        /// The port pairs pass traffic uninspected (NX).
        Bypass = "bypass",
        /// Somebody moved the mirror port: every link is up, and nothing arrives (NX).
        Blind = "blind",
        /// The MX record points elsewhere: every lamp is good, and no mail comes (EX).
        NoMail = "no-mail",
        /// Mail passes without analysis (EX).
        MtaBypass = "mta-bypass",
        /// Somebody set the port pairs to tap: traffic is looked at and nothing is blocked (NX).
        TapMode = "tap-mode",
        /// A monitoring or data port has no link.
        LinkDown = "link-down",
        /// `/var` is full.
        DiskFull = "disk-full",
        /// No time server answers.
        NtpUnsynced = "ntp-unsynced",
        /// The clock is 47 minutes ahead.
        ClockSkew = "clock-skew",
        /// The link to the managing CM is down.
        CmDisconnected = "cm-disconnected",
        /// The next boot takes the other bank.
        BootMismatch = "boot-mismatch",
        /// Conditions in words that no document has.
        OddWords = "odd-words",
        /// The running configuration ends in the middle.
        TruncatedConfig = "truncated-config",
        /// In a shell, and only there, the running configuration ends between two commands: each time at the same place.
        TruncatedShell = "truncated-shell",
        /// No command is run in a channel of its own.
        ExecRefused = "exec-refused",
        /// Pager text stands in the running configuration.
        ConfigPagerText = "config-pager-text",
        /// The port is closed.
        Refused = "refused",
        /// The port accepts and never speaks.
        Silent = "silent",
        /// Each answer comes three seconds late.
        Slow = "slow",
        /// The line has 512 kbit/s and 300 ms.
        SlowLine = "slow-line",
        /// The connection breaks in the middle of an answer.
        DropMidCommand = "drop-mid-command",
        /// Bytes of an answer are damaged.
        Garble = "garble",
        /// Another host key is shown.
        ChangedHostKey = "changed-host-key",
        /// The session table is full: the connection closes before the greeting.
        SessionTableFull = "session-table-full",
        /// Every login is refused.
        WrongPassword = "wrong-password",
        /// The login asks one hidden question for the password, and takes it in no other way.
        AsksPassword = "asks-password",
        /// The login asks for the code of a token, and takes nothing else.
        AsksToken = "asks-token",
        /// An answer never ends.
        EndlessOutput = "endless-output",
        /// A greeting, and the prompt never comes; without a shell, silence.
        NoPrompt = "no-prompt",
        /// Another appliance stands at the address.
        WrongAppliance = "wrong-appliance",
        /// The agent of SNMP says nothing.
        SnmpSilent = "snmp-silent",
        /// By SNMP the last disk failed, of which the command line knows nothing.
        SnmpDisagrees = "snmp-disagrees",
        /// A backup has no room.
        NoBackupRoom = "no-backup-room",
        /// A push breaks off in the middle of the file.
        PushCut = "push-cut",
        /// A push goes to whatever host key is shown.
        TakesAnyKey = "takes-any-key",
        /// What was pushed is reported as half as large; a dump as not there.
        MisreportsPush = "misreports-push",
        /// The HTTPS API says that it is switched off.
        ApiDisabled = "api-disabled",
        /// By the HTTPS API the array is degraded, of which the command line knows nothing.
        ApiDisagrees = "api-disagrees",
    }
}

/// Where a fault takes effect, which is also what a limited count of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// A state of the unit: each session that ends counts.
    State,
    /// The connection: each connection counts.
    Connection,
    /// The answer to a command: each answer that was spoilt counts.
    Answer,
    /// The agent of SNMP or the HTTPS API, until it is mended: nothing counts.
    Agent,
    /// What the unit counts, until it is mended: nothing counts.
    Counter,
    /// A backup that is pushed: each counts.
    Push,
}

impl Fault {
    /// Where the fault takes effect.
    pub const fn effect(self) -> Effect {
        match self {
            Self::Refused
            | Self::Silent
            | Self::ChangedHostKey
            | Self::SessionTableFull
            | Self::WrongPassword
            | Self::AsksPassword
            | Self::AsksToken => Effect::Connection,
            Self::Slow
            | Self::SlowLine
            | Self::DropMidCommand
            | Self::Garble
            | Self::EndlessOutput
            | Self::NoPrompt
            | Self::TruncatedConfig
            | Self::TruncatedShell
            | Self::ExecRefused
            | Self::ConfigPagerText => Effect::Answer,
            Self::NoBackupRoom | Self::PushCut | Self::TakesAnyKey | Self::MisreportsPush => Effect::Push,
            Self::SnmpSilent | Self::SnmpDisagrees | Self::ApiDisabled | Self::ApiDisagrees => Effect::Agent,
            Self::Blind | Self::NoMail | Self::MtaBypass => Effect::Counter,
            _ => Effect::State,
        }
    }
}
