//! Interfaces, port pairs, names. Source: docs.trellix.com, `show interfaces`, `show policymgr interfaces`,
//! `show hosts`.

use crate::lab::fault::Fault;
use crate::lab::unit::page::{Page, yes};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::{Interface, Unit};

fn print(page: &mut Page, unit: &Unit, interface: &Interface, ask: &Ask<'_>, counters: bool) {
    let width = 22;
    page.line(format!("Interface {} state", interface.name));
    page.row(width, "  Admin up:", yes(interface.admin_up)).row(width, "  Link up:", yes(interface.link_up));
    let (address, mask) = interface.address.clone().unwrap_or_default();
    page.row(width, "  IP address:", address).row(width, "  Netmask:", mask);
    let (speed, duplex) = if interface.link_up { ("1000Mb/s (auto)", "full (auto)") } else { ("UNKNOWN", "UNKNOWN") };
    page.row(width, "  Speed:", speed).row(width, "  Duplex:", duplex);
    page.row(width, "  Interface type:", "ethernet").row(width, "  MTU:", 1500);
    page.row(width, "  HW address:", &interface.mac);
    if !counters {
        page.gap();
        return;
    }
    let held: &[Fault] = if interface.name.starts_with("pether") { &[Fault::Blind] } else { &[] };
    let seconds = unit.counted_s(held, ask.true_now);
    let packets = seconds.saturating_mul(interface.packets_per_s);
    let rows = [
        ("bytes", packets.saturating_mul(700)),
        ("packets", packets),
        ("mcast packets", packets / 900),
        ("discards", interface.rx_discards),
        ("errors", 0),
        ("overruns", interface.rx_discards * 3),
        ("frame", 0),
    ];
    page.gap();
    for (label, value) in rows {
        page.row(width, &format!("  RX {label}:"), value);
    }
    page.gap();
    for (label, value) in
        [("bytes", packets.saturating_mul(90)), ("packets", packets / 3), ("discards", 0), ("errors", 0)]
    {
        page.row(width, &format!("  TX {label}:"), value);
    }
    page.row(width, "  TX queue len:", 1000).gap();
}

/// The management ports; a monitoring port is shown only when it is named.
pub(in crate::lab::unit) fn interfaces(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    for interface in unit.interfaces.iter().filter(|interface| interface.name.starts_with("ether")) {
        print(&mut page, unit, interface, ask, true);
    }
    page.text()
}

pub(in crate::lab::unit) fn interfaces_brief(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    for interface in unit.interfaces.iter().filter(|interface| interface.name.starts_with("ether")) {
        print(&mut page, unit, interface, ask, false);
    }
    page.text()
}

pub(in crate::lab::unit) fn interface(unit: &Unit, ask: &Ask<'_>) -> String {
    match unit.interfaces.iter().find(|interface| interface.name == ask.first()) {
        Some(interface) => {
            let mut page = Page::default();
            print(&mut page, unit, interface, ask, true);
            page.text()
        }
        None => format!("% No such interface: {}\n", ask.first()),
    }
}

pub(in crate::lab::unit) fn policymgr(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("Policy enabled: yes");
    for pair in &unit.pairs {
        page.line(format!("Interface {}", pair.name));
        let rows = [
            ("Active", "yes"),
            ("op mode", &pair.op_mode),
            ("fail-safe", &pair.fail_safe),
            ("policy", "mixed"),
            ("tolerance", "1"),
        ];
        for (label, value) in rows {
            page.line(format!("  {label:<12}: {value}"));
        }
        page.line(format!("  {:<12}: {}  {}", "Ports", pair.ports.0, pair.ports.1));
        if unit.since(&[9]) {
            page.line("  QinQ        : no").line("  QinQ-evet   : 0x88a8").line("  Mirror:");
            page.line("    Non-SSL   : no").line("    SSL       : no").line("    Port      : ");
        }
    }
    page.text()
}

pub(in crate::lab::unit) fn hosts(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line(format!("Hostname: {}", unit.settings.hostname())).line("Name server: 10.1.10.2 (configured)");
    page.line("Domain name: example.jp (configured)");
    page.text()
}
