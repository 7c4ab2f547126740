//! File systems and backups. Source: docs.trellix.com, `show files system detail`, `show system cleanup summary`,
//! `show backup …`, `show restore status`.

use crate::lab::fault::Fault;
use crate::lab::unit::page::{Page, local_as, yes};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::{FileSystem, Unit};

/// Total, used, free, available and the free percentage.
fn figures(system: &FileSystem) -> [u64; 5] {
    let free = system.total_mb.saturating_sub(system.used_mb);
    let available = free.saturating_sub(system.total_mb / 20);
    [system.total_mb, system.used_mb, free, available, free * 100 / system.total_mb.max(1)]
}

pub(in crate::lab::unit) fn system(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    for system in &unit.file_systems {
        let [total, used, free, available, percent] = figures(system);
        page.line(format!("Statistics for {} filesystem:", system.path));
        let rows = [("Space Total", total), ("Space Used", used), ("Space Free", free), ("Space Available", available)];
        for (label, size) in rows {
            page.line(format!("  {label:<20} {size:>6} MB"));
        }
        page.line(format!("  {:<20} {percent}%", "Space Percent Free"));
        page.line(format!("  {:<20} 99%", "Inodes Percent Free")).gap();
    }
    page.text()
}

pub(in crate::lab::unit) fn detail(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    for system in &unit.file_systems {
        let [total, used, free, available, percent] = figures(system);
        page.line(format!("Statistics for {} filesystem:", system.path));
        page.line(format!("  Space Total {total} MB")).line(format!("  Space Used {used} MB"));
        page.line(format!("  Space Free {free} MB")).line(format!("  Space Available {available} MB"));
        page.line(format!("  Space Percent Free {percent}%"));
        let inodes = total.saturating_mul(250);
        page.line(format!("  Inodes Total {inodes}")).line("  Inodes Used 2300");
        page.line(format!("  Inodes Free {}", inodes.saturating_sub(2300))).line("  Inodes Percent Free 99%");
        page.line(format!("  Device Name {}", system.device)).gap();
    }
    page.text()
}

pub(in crate::lab::unit) fn backup_status(unit: &Unit, _: &Ask<'_>) -> String {
    let Some(last) = &unit.last_backup else { return status("Backup", "backup", "destination") };
    let at = |time| local_as(time, "%Y/%m/%d %H:%M:%S%.3f");
    let mut page = Page::default();
    page.row(31, "Backup status:", "not-running");
    page.row(31, "Last backup profile:", &last.profile);
    page.row(31, "Last backup destination:", &last.destination);
    page.row(31, "Last backup start time:", at(last.began_at));
    page.row(31, "Last backup end time:", at(last.ended_at));
    page.row(31, "Last Backup result:", if last.success { "success" } else { "failure" });
    page.text()
}

pub(in crate::lab::unit) fn restore_status(_: &Unit, _: &Ask<'_>) -> String {
    status("Restore", "restore", "source")
}

fn status(title: &str, word: &str, place: &str) -> String {
    let mut page = Page::default();
    page.row(31, &format!("{title} status:"), "not-running");
    page.row(31, &format!("Last {word} profile:"), "config");
    page.row(31, &format!("Last {word} {place}:"), "local");
    page.row(31, &format!("Last {word} start time:"), "2025/10/08 18:32:58.112");
    page.row(31, &format!("Last {word} end time:"), "2025/10/08 18:32:58.731");
    page.row(31, &format!("Last {title} result:"), "success");
    page.text()
}

pub(in crate::lab::unit) fn backup_estimate(unit: &Unit, ask: &Ask<'_>) -> String {
    let free = unit.file_systems.iter().find(|system| system.path == "/data").map_or(0, |system| figures(system)[2]);
    let mut page = Page::default();
    let rule = "-".repeat(48);
    page.line(&rule).line(format!("           # Estimates for {} backup", ask.first())).line(&rule);
    for (label, value) in [
        ("Local space available", format!("{free} MB")),
        ("Space reserved for other purposes", format!("{} MB", free / 2)),
        ("Space available for backups", format!("{} MB", free - free / 2)),
        ("Estimated space required for backup", "8 MB".to_owned()),
        ("Can perform local or remote backup", yes(!unit.has(Fault::NoBackupRoom)).to_owned()),
    ] {
        page.line(format!(" {label:<37}: {value}"));
    }
    page.text()
}
