//! Central management and the high availability of a CM. Source: docs.trellix.com, `show cmc …`, `show ha status`.

use crate::lab::unit::page::{Page, local, yes};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::Unit;

pub(in crate::lab::unit) fn client(unit: &Unit, ask: &Ask<'_>) -> String {
    let Some(link) = &unit.cm_link else {
        return "CMC client enabled: no\n".to_owned();
    };
    let formed = local(unit.booted_at.plus_ms(180_000));
    let broken = local(ask.now.plus_ms(-(ask.now.as_ms() % 3_600_000)));
    let (failure, breakage, last) = if link.connected {
        ("None", "None", formed.clone())
    } else {
        ("Connection timed out", "Connection reset by peer", broken)
    };
    let mut page = Page::default();
    page.line("CMC client enabled: yes").line("CMC server connection status:");
    page.row(29, "  Connected:", yes(link.connected));
    page.row(29, "  CMC server hostname:", &link.hostname).row(29, "  CMC server IP address:", &link.address);
    page.row(29, "  Last connection failure:", failure).row(29, "  Last connection breakage:", breakage);
    page.row(29, "  Connection last formed:", formed).row(29, "  Connection last broken:", &last);
    page.row(29, "  Last connection attempt:", last);
    page.text()
}

pub(in crate::lab::unit) fn server(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(39, "CMC server enabled:", "yes").row(39, "Enable proxied client requests:", "yes");
    page.row(39, "Username for proxied client requests:", "cmcclient");
    page.row(39, "Command execution timeout:", "1 hour per command");
    page.row(39, "Per-appliance bandwidth limit:", "unlimited");
    page.row(39, "Server software version:", format!("CMS (CMS) {}", unit.release()));
    page.text()
}

pub(in crate::lab::unit) fn status(_: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(25, "Status checking enabled:", "yes").row(25, "Check interval:", "60 seconds");
    page.row(25, "Timeout:", "30 seconds").line("Status criteria:");
    for test in ["alive", "cdbmgr", "cluster_if", "content_key", "content_latest", "content_update", "disk_space"] {
        page.row(32, &format!("  \"{test}\" test enabled:"), "yes");
    }
    page.text()
}

pub(in crate::lab::unit) fn appliances(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    for managed in &unit.managed {
        let state = if managed.connected { "yes" } else { "no (connection attempt in progress...)" };
        page.line(format!("Appliance {}:", managed.name));
        page.row(30, "  Address:", &managed.name).row(30, "  Enabled:", "yes").row(30, "  Connected:", state);
        page.row(30, "  Status check OK:", yes(managed.connected));
        page.row(30, "  Version compatible:", if managed.connected { "yes" } else { "unknown" }).gap();
    }
    page.text()
}

/// A CM that stands alone: the licence for high availability is not installed.
pub(in crate::lab::unit) fn ha_status(_: &Unit, _: &Ask<'_>) -> String {
    "HA is not configured.\n".to_owned()
}
