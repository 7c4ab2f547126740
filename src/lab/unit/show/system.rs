//! Time, accounts, memory, processes, log.

use crate::lab::unit::page::{Page, local, local_as, yes};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::Unit;

pub(in crate::lab::unit) fn clock(_: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(12, "Time:", local_as(ask.now, "%H:%M:%S")).row(12, "Date:", local_as(ask.now, "%Y/%m/%d"));
    page.row(12, "Time zone:", "Asia Eastern Tokyo").line("            (Asia/Tokyo)");
    page.row(12, "UTC offset:", "+0900 (UTC plus 9 hours)");
    page.text()
}

pub(in crate::lab::unit) fn ntp(unit: &Unit, ask: &Ask<'_>) -> String {
    let ntp = &unit.ntp;
    let mut page = Page::default();
    page.line("NTP is administratively enabled.");
    if unit.since(&[7, 8]) {
        page.line("NTP Authentication is administratively disabled.");
    }
    let milli = |micro: i64| {
        let sign = if micro < 0 { "-" } else { "" };
        format!("{sign}{}.{:03}", micro.unsigned_abs() / 1000, micro.unsigned_abs() % 1000)
    };
    let reference = ntp.servers.first().map_or("", String::as_str);
    if ntp.synchronized {
        page.line(format!("Clock is synchronized.  Reference: {reference}.  Offset: {} ms.", milli(ntp.offset_us)));
    } else {
        page.line("Clock is unsynchronized.");
    }
    page.gap().line("Active servers and peers:").gap();
    page.line("Address          auth  Stratum  Offset(msec)  Ref Clock       Poll Interv(sec)  Last Resp(sec)");
    let minute = ask.true_now.as_ms() / 1000 % 64;
    for (number, server) in (0_i64..).zip(&ntp.servers) {
        let (stratum, clock, last) = if ntp.synchronized {
            (2, "10.0.0.250", (minute + number * 7).to_string())
        } else {
            (16, "0.0.0.0", "-".to_owned())
        };
        let offset = milli(ntp.offset_us + number * 37);
        page.line(format!("{server:<16} n/a   {stratum:<8} {offset:<13} {clock:<15} 64                {last}"));
    }
    page.text()
}

pub(in crate::lab::unit) fn ntp_configured(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(24, "NTP enabled:", yes(true));
    for server in &unit.ntp.servers {
        page.line(format!("NTP server {server}")).row(24, "  Enabled:", yes(true)).row(24, "  NTP version:", 4);
    }
    page.text()
}

/// Layout of the sibling systems with the same command line.
pub(in crate::lab::unit) fn whoami(_: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(15, "Current user:", &ask.shell.user).row(15, "Capabilities:", ask.shell.role);
    page.text()
}

pub(in crate::lab::unit) fn users(_: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("USERNAME        FULL NAME               LINE     HOST                 LOGIN TIME");
    page.line(format!("{:<16}{:<24}{:<9}{:<21}{}", ask.shell.user, "", "pts/0", "127.0.0.1", local(ask.shell.since)));
    page.text()
}

pub(in crate::lab::unit) fn usernames(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("USERNAME        FULL NAME               ROLE            ACCOUNT STATUS");
    for user in &unit.users {
        page.line(format!("{:<16}{:<24}{:<16}Password set", user.name, "", user.role));
    }
    page.text()
}

/// Modelled: the layout of this command was never seen.
pub(in crate::lab::unit) fn memory(unit: &Unit, ask: &Ask<'_>) -> String {
    let used = 21_000 + ask.true_now.ms_since(unit.booted_at).max(0) / 3_600_000 % 900;
    let mut page = Page::default();
    page.line("            Total        Used        Free");
    page.line(format!("Physical    64246 MB     {used} MB    {} MB", 64_246 - used));
    page.line("Swap        65535 MB     0 MB        65535 MB").gap();
    page.line("Physical Mem. Buffers: 402 MB").line("Physical Mem. Cache: 18201 MB");
    page.text()
}

pub(in crate::lab::unit) fn processes(unit: &Unit, _: &Ask<'_>) -> String {
    let failed = unit.services.iter().any(|service| service.state == "Failed");
    let mut page = Page::default();
    for name in ["cli", "fenetd", "httpd", "mdreqd", "mgmtd", "ntpd", "postgres", "snmpd", "sshd", "wsmd"] {
        let state = if failed && name == "postgres" { "stopped" } else { "running" };
        page.line(format!("Process {name:<24} {state}"));
    }
    page.text()
}

pub(in crate::lab::unit) fn log(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    for minutes in (0..40).rev() {
        let at = local_as(ask.now.plus_ms(-minutes * 60_000), "%b %d %H:%M:%S");
        let host = unit.settings.hostname();
        page.line(format!("{at} {host} mgmtd[4100]: [mgmtd.NOTICE]: AUDIT: status poll {minutes} completed"));
    }
    page.text()
}
