//! Hardware. Source: docs.trellix.com, `show system hardware status`; the fan and power blocks and every bad word are
//! modelled.

use crate::lab::unit::page::Page;
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::Unit;

pub(in crate::lab::unit) fn summary(unit: &Unit, _: &Ask<'_>) -> String {
    let hardware = &unit.hardware;
    let mut page = Page::default();
    page.line("System hardware status summary:");
    let rows = [
        ("Temperature:", &hardware.temperature),
        ("Raid:", &hardware.raid),
        ("Power:", &hardware.power),
        ("Fan:", &hardware.fan),
    ];
    for (label, word) in rows {
        page.row(22, &format!("    {label}"), word);
    }
    page.text()
}

pub(in crate::lab::unit) fn temperature(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    // A degree up and down in the course of a day.
    let drift = u32::try_from(ask.true_now.as_ms() / 14_400_000 % 3).unwrap_or(0);
    page.line("System Temperature:");
    page.row(21, "    Value:", unit.hardware.temperature_c + drift);
    page.row(21, "    Unit:", "Celsius");
    if unit.since(&[9]) {
        page.row(21, "    Status:", &unit.hardware.temperature);
    }
    if unit.since(&[10]) {
        page.row(21, "    Range:", "0-80");
    }
    page.text()
}

pub(in crate::lab::unit) fn raid(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(24, "Overall raid status:", &unit.hardware.raid).line("    Disk status:");
    for (number, disk) in unit.hardware.disks.iter().enumerate() {
        page.row(22, &format!("        Disk {number}:"), &disk.state);
    }
    page.text()
}

pub(in crate::lab::unit) fn power(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(25, "Overall power status:", &unit.hardware.power).line("Power Module:");
    for (number, module) in (1..).zip(&unit.hardware.modules) {
        page.row(22, &format!("    Module {number}:"), &module.state);
    }
    page.text()
}

pub(in crate::lab::unit) fn fan(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    let newer = unit.since(&[10]);
    page.row(24, if newer { "Overall fan status:" } else { "Overall fans status:" }, &unit.hardware.fan);
    for (number, fan) in (1_u32..).zip(&unit.hardware.fans) {
        // The speed moves a little from minute to minute.
        let minute = u32::try_from(ask.true_now.as_ms() / 60_000 % 7).unwrap_or(0);
        let rpm = if fan.rpm == 0 { 0 } else { fan.rpm + 20 * ((minute + number) % 5) };
        if newer {
            page.row(22, &format!("    Fan {number}:"), format!("{rpm} RPM ({})", fan.state));
        } else {
            page.line(format!("    Fan {number}:"));
            page.row(22, "        Value:", rpm).row(22, "        Unit:", "RPM").row(22, "        Status:", &fan.state);
        }
    }
    page.text()
}

pub(in crate::lab::unit) fn ipmi(_: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("IPMI LAN Settings").line("-".repeat(40));
    for (label, value) in [
        ("Admin Shut Down", "no"),
        ("Shut Down", "no"),
        ("IP Address Source", "Static Address"),
        ("IP Address", "10.8.0.11"),
        ("Subnet Mask", "255.255.255.0"),
        ("Default Gateway IP", "10.8.0.1"),
    ] {
        page.line(format!("{label:<24}: {value}"));
    }
    page.gap().line("IPMI Firmware Installed").line("-".repeat(31));
    page.row(26, "Firmware Version:", "3.11").row(26, "Device:", 1).row(26, "IPMI Version:", "2.0");
    page.text()
}
