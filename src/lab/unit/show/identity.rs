//! Who the unit is: version, images, boot.

use crate::lab::unit::page::Page;
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::{Bank, Unit};
use crate::model::series::Series;

/// The product's name, its token, and the word before it in a summary.
const fn product(series: Series) -> (&'static str, &'static str, &'static str) {
    match series {
        Series::Nx => ("Web MPS", "wMPS", "wmps"),
        Series::Ex => ("Email MPS", "eMPS", "emps"),
        Series::Hx => ("HX", "HX", "hx"),
        Series::Cm => ("CMS", "CMS", "cms"),
        Series::Ax => ("MAS", "MAS", "mas"),
        Series::Fx => ("File MPS", "fMPS", "fmps"),
    }
}

fn build_id(bank: &Bank) -> u32 {
    bank.release.parts().get(3).copied().unwrap_or(0)
}

/// The tree that a release was built from.
fn tree(bank: &Bank) -> String {
    match bank.release.parts() {
        [major, minor, ..] if *major >= 10 => format!("Trellix/{major}.{minor}.x-abbot"),
        [major, minor, ..] => format!("FireEye/{major}.{minor}.x-mammoth"),
        _ => "FireEye/mammoth".to_owned(),
    }
}

/// One line that names a whole image: in `show images`, `show version` and the header of a configuration.
pub(in crate::lab::unit) fn summary(unit: &Unit, bank: &Bank) -> String {
    let (_, token, word) = product(unit.series);
    format!(
        "{word} {token} ({token}) {} #{} {} x86_64 build@{}:{} (eng)",
        bank.release,
        build_id(bank),
        bank.built,
        bank.builder,
        tree(bank)
    )
}

/// `211d 18h 39m 23.136s`.
fn uptime(ms: i64) -> String {
    let (seconds, thousandths) = (ms.max(0) / 1000, ms.max(0) % 1000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let last = format!("{minutes}m {}.{thousandths:03}s", seconds % 60);
    if days > 0 { format!("{days}d {hours}h {last}") } else { format!("{hours}h {last}") }
}

pub(in crate::lab::unit) fn version(unit: &Unit, ask: &Ask<'_>) -> String {
    let (name, token, _) = product(unit.series);
    let bank = unit.running();
    let mut page = Page::default();
    let width = 19;
    page.row(width, "Product name:", format!("{name} [licensed]"));
    let virtual_mark = if unit.virtual_machine { " (virtual system on vmware)" } else { "" };
    page.row(width, "Product model:", format!("{}{virtual_mark}", unit.model));
    page.row(width, "Product edition:", "Classic");
    if unit.since(&[10]) {
        page.row(width, "Edition series:", unit.series.as_str().to_uppercase());
    }
    if unit.series == Series::Nx && !unit.since(&[10]) {
        page.row(width, "Bandwidth:", "2000 Mb");
    }
    page.row(width, "Product release:", format!("{token} ({token}) {}", bank.release));
    page.row(width, "Build ID:", format!("#{}", build_id(bank)));
    page.row(width, "Build date:", &bank.built);
    page.row(width, "Build arch:", "x86_64");
    page.row(width, "Built by:", format!("root@{}", bank.builder));
    page.row(width, "Version summary:", summary(unit, bank));
    if unit.since(&[10]) {
        page.row(width, "Release labels:", "FIPS:11.0-C, CC-NDcPP:11.0.1-c, ESV:11.0.1-c, CAVP:11.0-C");
        page.row(width, "Base Platform OS:", "Trellix OS (TRFEOS)");
    }
    if unit.since(&[8]) && unit.series != Series::Cm {
        page.row(width, "Content Version:", super::content::version_at(unit, ask.true_now));
    }
    page.gap();
    page.row(width, "Appliance ID:", &unit.appliance_id);
    page.row(width, "Host ID:", &unit.host_id);
    page.row(width, "System serial num:", &unit.serial);
    page.row(width, "System UUID:", &unit.uuid);
    page.gap();
    let up = ask.true_now.ms_since(unit.booted_at);
    let load = (up / 60_000 * 7) % 90;
    page.row(width, "Uptime:", uptime(up));
    page.row(width, "CPU load averages:", format!("0.{:02} / 0.{:02} / 0.{:02}", load + 9, load + 5, load / 2));
    page.row(width, "Number of CPUs:", if unit.virtual_machine { 8 } else { 24 });
    let used = 21_000 + (up / 3_600_000) % 900;
    page.row(width, "System memory:", format!("{used} MB used / {} MB free / 64246 MB total", 64_246 - used));
    page.row(width, "Swap:", "0 MB used / 65535 MB free / 65535 MB total");
    page.text()
}

pub(in crate::lab::unit) fn concise(unit: &Unit, _: &Ask<'_>) -> String {
    format!("{}\n", summary(unit, unit.running()))
}

fn partition(second: bool) -> u8 {
    if second { 2 } else { 1 }
}

/// Both banks, and which one booted and will boot.
fn banks(page: &mut Page, unit: &Unit) {
    page.line("Installed images:").gap();
    for (number, bank) in [(1, &unit.boot.first), (2, &unit.boot.second)] {
        page.line(format!("  Partition {number}:")).line(format!("  {}", summary(unit, bank))).gap();
    }
    page.line(format!("Last boot partition: {}", partition(unit.boot.runs_second)));
    page.line(format!("Next boot partition: {}", partition(unit.boot.boots_second))).gap();
}

fn boot_settings(page: &mut Page) {
    page.line("Boot manager admin password:      undisclosed password set");
    page.line("Boot manager tools menu password: password disabled");
    page.line("Image signing: trusted signature always required");
    page.line("Admin require signed images: no (not active)");
    page.line("Settings for next boot only:");
    page.line("   Fallback reboot on configuration failure: yes (default)");
}

pub(in crate::lab::unit) fn images(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    banks(&mut page, unit);
    page.line("No image files are available to be installed.");
    page.line("No image install currently in progress.");
    boot_settings(&mut page);
    page.text()
}

pub(in crate::lab::unit) fn bootvar(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    banks(&mut page, unit);
    boot_settings(&mut page);
    page.text()
}
