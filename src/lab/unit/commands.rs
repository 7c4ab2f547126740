//! The commands of a unit: words, the mode and role from which on they exist, and what they do.
//!
//! Source of modes and roles: docs.trellix.com, CLI reference, the lines `User role` and `Mode` of each command.

use super::shell::{Ask, Mode, Output, Shell};
use super::show::{content, hardware, health, identity, manage, network, settings, storage, system};
use super::state::{Role, Unit};
use super::{change, configuration, shell};
use crate::model::series::Series;

/// What a command does.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// Prints what the unit shows.
    Say(fn(&Unit, &Ask<'_>) -> String),
    /// Prints the running configuration, whose faults count.
    Running,
    /// Moves the session.
    Session(fn(&mut Unit, &mut Shell, &Ask<'_>) -> Output),
    /// Writes a backup, and pushes it.
    Backup,
    /// Writes a dump of logs and state.
    Dump,
    /// Pushes a dump.
    UploadDump,
    /// Changes the configuration.
    Change(fn(&mut Unit, &Ask<'_>) -> String),
}

/// A command.
pub(super) struct Command {
    /// Its words; `<name>` takes one word and `<words>*` the rest.
    pub words: &'static str,
    /// The lowest mode in which it exists.
    pub mode: Mode,
    /// The lowest role for which it exists.
    pub role: Role,
    /// Whether the unit has it.
    pub offered: fn(&Unit) -> bool,
    /// What it does.
    pub does: Does,
}

const fn say(words: &'static str, mode: Mode, role: Role, does: fn(&Unit, &Ask<'_>) -> String) -> Command {
    Command { words, mode, role, offered: always, does: Does::Say(does) }
}

const fn only(
    words: &'static str,
    role: Role,
    offered: fn(&Unit) -> bool,
    does: fn(&Unit, &Ask<'_>) -> String,
) -> Command {
    Command { words, mode: Mode::Enable, role, offered, does: Does::Say(does) }
}

const fn session(
    words: &'static str,
    mode: Mode,
    role: Role,
    does: fn(&mut Unit, &mut Shell, &Ask<'_>) -> Output,
) -> Command {
    Command { words, mode, role, offered: always, does: Does::Session(does) }
}

const fn change(words: &'static str, role: Role, does: fn(&mut Unit, &Ask<'_>) -> String) -> Command {
    Command { words, mode: Mode::Config, role, offered: always, does: Does::Change(does) }
}

const fn always(_: &Unit) -> bool {
    true
}

/// `show health` came with 8.3 on NX, EX and AX, with 8.6 on CM; HX has it from 10 on.
fn has_health(unit: &Unit) -> bool {
    match unit.series {
        Series::Cm => unit.since(&[8, 6]),
        Series::Hx => unit.since(&[10]),
        _ => unit.since(&[8, 3]),
    }
}

fn is_nx(unit: &Unit) -> bool {
    unit.series == Series::Nx
}

fn is_ex(unit: &Unit) -> bool {
    unit.series == Series::Ex
}

fn is_cm(unit: &Unit) -> bool {
    unit.series == Series::Cm
}

fn is_hx(unit: &Unit) -> bool {
    unit.series == Series::Hx
}

fn has_guests(unit: &Unit) -> bool {
    !matches!(unit.series, Series::Cm | Series::Hx)
}

fn is_physical(unit: &Unit) -> bool {
    !unit.virtual_machine
}

use Mode::{Config, Enable, Standard};
use Role::{Admin, Monitor, Operator};

/// Every command that the lab's units know.
pub(super) static COMMANDS: &[Command] = &[
    session("enable", Standard, Monitor, shell::enable),
    session("disable", Enable, Monitor, shell::disable),
    session("configure terminal", Enable, Operator, shell::configure),
    session("no configure", Config, Operator, shell::leave_configure),
    session("exit", Standard, Monitor, shell::exit),
    session("no cli session paging enable", Standard, Monitor, shell::paging_off),
    session("cli session paging enable", Standard, Monitor, shell::paging_on),
    session("cli session terminal length <lines>", Standard, Monitor, shell::length),
    session("cli session terminal width <columns>", Standard, Monitor, shell::ignored),
    say("show version", Standard, Monitor, identity::version),
    say("show version concise", Standard, Monitor, identity::concise),
    say("show images", Standard, Monitor, identity::images),
    say("show bootvar", Standard, Monitor, identity::bootvar),
    say("show hosts", Standard, Monitor, network::hosts),
    say("show clock", Standard, Monitor, system::clock),
    say("show ntp", Standard, Monitor, system::ntp),
    say("show ntp configured", Standard, Monitor, system::ntp_configured),
    say("show whoami", Standard, Monitor, system::whoami),
    say("show users", Standard, Monitor, system::users),
    say("show usernames", Enable, Admin, system::usernames),
    only("show system hardware status", Monitor, is_physical, hardware::summary),
    only("show system hardware status temperature", Monitor, is_physical, hardware::temperature),
    only("show system hardware status raid", Monitor, is_physical, hardware::raid),
    only("show system hardware status power", Monitor, is_physical, hardware::power),
    only("show system hardware status fan", Monitor, is_physical, hardware::fan),
    only("show ipmi", Admin, is_physical, hardware::ipmi),
    say("show system health", Enable, Operator, health::features),
    only("show health all", Operator, has_health, health::all),
    only("show health system", Operator, has_health, health::system),
    only("show health <category>", Operator, has_health, health::category),
    say("show licenses", Enable, Monitor, content::licences),
    say("show fenet status", Enable, Monitor, content::fenet_status),
    say("show fenet license", Enable, Monitor, content::fenet_license),
    say("show fenet metadata status", Enable, Monitor, content::metadata),
    say("show fenet image status", Enable, Monitor, content::image_status),
    say("show fenet image version", Enable, Monitor, content::image_version),
    say("show fenet security-content version", Enable, Monitor, content::content_version),
    say("show fenet security-content status", Enable, Monitor, content::content_status),
    say("show fenet security-content status progress", Enable, Monitor, content::content_status),
    only("show fenet hx-agent image available", Admin, is_hx, content::agent_images),
    only("show guest-images download", Monitor, has_guests, content::guest_images),
    only("show guest-images config", Monitor, has_guests, content::guest_config),
    say("show interfaces", Enable, Monitor, network::interfaces),
    say("show interfaces brief", Enable, Monitor, network::interfaces_brief),
    say("show interfaces configured", Enable, Monitor, network::interfaces_brief),
    say("show interfaces <name>", Enable, Monitor, network::interface),
    only("show policymgr interfaces", Monitor, is_nx, network::policymgr),
    say("show files system", Enable, Monitor, storage::system),
    say("show files system detail", Enable, Monitor, storage::detail),
    say("show memory", Enable, Monitor, system::memory),
    say("show pm process all summary", Enable, Monitor, system::processes),
    say("show cmc", Enable, Monitor, manage::client),
    say("show cmc client", Enable, Monitor, manage::client),
    only("show cmc server", Monitor, is_cm, manage::server),
    only("show cmc status", Monitor, is_cm, manage::status),
    only("show cmc appliances", Monitor, is_cm, manage::appliances),
    only("show ha status", Monitor, is_cm, manage::ha_status),
    Command { words: "show running-config", mode: Enable, role: Monitor, offered: always, does: Does::Running },
    Command { words: "show running-config full", mode: Enable, role: Monitor, offered: always, does: Does::Running },
    say("show configuration", Enable, Monitor, |unit, ask| configuration::text(unit, false, ask.now)),
    Command { words: "show configuration running", mode: Enable, role: Monitor, offered: always, does: Does::Running },
    say("show configuration files", Enable, Monitor, settings::files),
    say("show backup status", Enable, Monitor, storage::backup_status),
    say("show backup estimate profile <profile>", Enable, Monitor, storage::backup_estimate),
    say("show backup available local", Enable, Monitor, |unit, _| unit.backups_available()),
    Command {
        words: "backup profile <profile> to <place>",
        mode: Config,
        role: Admin,
        offered: always,
        does: Does::Backup,
    },
    say("show files debug-dump", Enable, Monitor, |unit, _| unit.dumps_held()),
    Command { words: "debug generate dump", mode: Enable, role: Admin, offered: always, does: Does::Dump },
    Command {
        words: "file debug-dump upload <which> <place>",
        mode: Enable,
        role: Admin,
        offered: always,
        does: Does::UploadDump,
    },
    say("show restore status", Enable, Monitor, storage::restore_status),
    say("show wsapi", Enable, Monitor, settings::wsapi),
    say("show snmp", Enable, Monitor, settings::snmp),
    say("show fenotify rsyslog", Enable, Monitor, settings::fenotify),
    say("show ssh server host-keys", Enable, Monitor, settings::ssh_server),
    say("show log", Enable, Monitor, system::log),
    only("show email-analysis message-queue", Operator, is_ex, settings::message_queue),
    only("show email-analysis statistics", Monitor, is_ex, settings::mail_statistics),
    only("show email-analysis mta status", Monitor, is_ex, settings::mta_status),
    change("write memory", Operator, change::save),
    change("configuration write", Operator, change::save),
    change("hostname <name>", Admin, change::set),
    change("no hostname", Admin, change::set),
    change("banner login <text>*", Admin, change::set),
    change("ntp server <server> <options>*", Operator, change::set),
    change("ntp server <server>", Operator, change::set),
    change("no ntp server <server>", Operator, change::set),
    change("ntp enable", Operator, change::set),
    change("no ntp enable", Operator, change::set),
    change("snmp-server <words>*", Admin, change::set),
    change("no snmp-server <words>*", Admin, change::set),
    change("logging <words>*", Admin, change::set),
    change("no logging <words>*", Admin, change::set),
    change("ip name-server <server>", Admin, change::set),
    change("no ip name-server <server>", Admin, change::set),
    change("ip route <words>*", Admin, change::set),
    change("no ip route <words>*", Admin, change::set),
    change("fenotify rsyslog trap-sink <words>*", Admin, change::set),
    change("no fenotify rsyslog trap-sink <words>*", Admin, change::set),
    change("cli default auto-logout <minutes>", Admin, change::set),
    change("username <name> role <role>", Admin, change::set),
];
