//! Licences, security content, images to fetch. Source: docs.trellix.com, `show licenses`, `show fenet …`,
//! `show guest-images …`.

use crate::lab::unit::page::{Page, local, yes};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::{Licence, Unit};
use crate::model::series::Series;
use crate::model::time::Time;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// When the newest content came: in the last full hour, unless the unit is behind.
pub(in crate::lab::unit) fn updated(unit: &Unit, now: Time) -> Time {
    let this_hour = now.plus_ms(-(now.as_ms() % HOUR_MS) + unit.content.minute * 60_000 + 3000);
    let last = if this_hour > now { this_hour.plus_ms(-HOUR_MS) } else { this_hour };
    last.plus_ms(-unit.content.days_behind * DAY_MS)
}

/// The version of the content: the vendor publishes one each six hours.
pub(in crate::lab::unit) fn version_at(unit: &Unit, now: Time) -> String {
    let quarters = updated(unit, now).as_ms() / (6 * HOUR_MS);
    format!("{}.{}", quarters / 400, 100 + quarters % 400)
}

pub(in crate::lab::unit) fn licences(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    for (number, licence) in (1..).zip(&unit.licences) {
        page.line(format!("License {number}: {}", licence.key));
        for (label, value) in licence_rows(unit, licence) {
            page.row(21, &format!("   {label}:"), value);
        }
    }
    page.text()
}

fn licence_rows(unit: &Unit, licence: &Licence) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Feature", licence.feature.clone()), ("Valid", yes(!licence.expired).to_owned())];
    let mark = if licence.expired { "expired" } else { "ok" };
    match licence.feature.as_str() {
        "CONTENT_UPDATES" => rows.push(("SContent sharing", "all (ok)".to_owned())),
        "FIREEYE_APPLIANCE" => {
            rows.push(("Type", "PROD (ok)".to_owned()));
            rows.push(("Agreement", "EULA (ok)".to_owned()));
            rows.push(("Tied to host ID", format!("{} (ok)", unit.host_id)));
        }
        _ => {}
    }
    if let Some(end) = &licence.ends {
        rows.push(("End date", format!("{end} ({mark})")));
    }
    rows.push(("Active", yes(!licence.expired).to_owned()));
    rows
}

pub(in crate::lab::unit) fn fenet_license(_: &Unit, ask: &Ask<'_>) -> String {
    let asked = local(ask.now.plus_ms(-(ask.now.as_ms() % HOUR_MS)));
    let mut page = Page::default();
    page.line("fenet License Update Service").line("Licensing service: Administratively enabled");
    page.line(format!("Last time licensing service was contacted: {asked}"));
    page.line(format!("Last time licensing service was contacted successfully: {asked}"));
    page.line("Last time keys from licensing service were applied: 2025/08/07 17:50:03");
    page.text()
}

fn labelled(page: &mut Page, rows: &[(&str, &str)]) {
    for (label, value) in rows {
        page.line(format!("    {label:<15}: {value}"));
    }
}

pub(in crate::lab::unit) fn fenet_status(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    let host = if unit.since(&[10]) { "fenet1.trellix.example" } else { "fenet1.fireeye.example" };
    let at = |name: &str| format!("lab@{name}{host}");
    page.line("Dynamic Threat Intelligence Service:").gap();
    let (download, upload, mil) = (at(""), at("up-"), at("mil-"));
    labelled(
        &mut page,
        &[
            ("Update source", "<online>"),
            ("Enabled", "yes"),
            ("Download", &download),
            ("Upload", &upload),
            ("Mil", &mil),
            ("Enrollment", "lab@127.0.0.1"),
            ("Virtual", "lab@127.0.0.1"),
        ],
    );
    page.gap().line("Update Distribution:").gap();
    labelled(&mut page, &[("Enabled", yes(unit.series == Series::Cm))]);
    page.gap().line("HTTP Proxy:").gap();
    labelled(&mut page, &[("Address", ""), ("Username", ""), ("User-agent", "")]);
    page.gap().line("Request Session:").gap();
    labelled(
        &mut page,
        &[
            ("Timeout", "30"),
            ("Retries", "0"),
            ("Speed Time", "60"),
            ("Max Time", "14400"),
            ("Rate Limit", ""),
            ("Speed Limit", "1"),
        ],
    );
    page.gap().line("Dynamic Threat Intelligence Lockdown:").gap();
    let locked = yes(unit.content.locked);
    labelled(&mut page, &[("Enabled", "yes"), ("Locked", locked), ("Lock After", "5 failed attempts")]);
    page.gap().line("  UPDATES");
    page.line("                      Enabled   Notify  Scheduled       Last Updated At");
    page.line("                      -------   ------  --------------  -------------------");
    let at = local(updated(unit, ask.true_now));
    page.line(format!("  Security contents:  yes       no      every           {at}"));
    page.line(format!("  Stats contents:     yes       no      every           {at}"));
    page.text()
}

pub(in crate::lab::unit) fn metadata(unit: &Unit, _: &Ask<'_>) -> String {
    let release = unit.release();
    let mut page = Page::default();
    page.row(26, "Installed Image Version:", release).row(26, "Latest Image Version:", release);
    page.row(26, "Latest Installed:", "yes").gap().line("Supported Upgrades:");
    page.line("  Version              Revision   Size");
    page.text()
}

pub(in crate::lab::unit) fn image_status(_: &Unit, _: &Ask<'_>) -> String {
    "No image activity is in progress.\n".to_owned()
}

pub(in crate::lab::unit) fn image_version(unit: &Unit, _: &Ask<'_>) -> String {
    format!("{}\n", unit.release())
}

pub(in crate::lab::unit) fn content_version(unit: &Unit, ask: &Ask<'_>) -> String {
    let version = version_at(unit, ask.true_now);
    if unit.series != Series::Cm {
        return format!("{version}\n");
    }
    let mut page = Page::default();
    page.line(" ").line(format!("  Security Content Version: {version}")).gap();
    page.line("Installed Content Version for Managed Appliances:").line(" ");
    page.line("    APPLIANCE                  VERSION");
    for managed in &unit.managed {
        page.line(format!("    {:<26} {version}", managed.name));
    }
    page.text()
}

pub(in crate::lab::unit) fn content_status(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    if unit.content.days_behind > 0 {
        page.line("check-info: Failed to check for security content updates");
        page.line("apply-info: No new security contents detected on this system");
    } else {
        page.line("check-info: No new security updates available");
        page.line("apply-info: Downloaded updates already installed");
    }
    page.line(format!("Last Updated At: {}", local(updated(unit, ask.true_now))));
    page.text()
}

pub(in crate::lab::unit) fn agent_images(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.gap().line(format!("Installed HX Image: {}", unit.release())).gap();
    for (title, rows) in [("Available on DTI", true), ("Fetched from DTI", false), ("Hosted Locally", true)] {
        page.line(format!("HX Agent {title}:")).line("OS_TYPE              VERSION              CONTENT_ID");
        if rows {
            page.line("win                  34.28.6              IMAGE_HX_AGENT_WIN_34.28.6");
        }
        page.gap();
    }
    page.text()
}

pub(in crate::lab::unit) fn guest_images(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("The following Guest-image profiles are installed:");
    for image in &unit.content.guest_images {
        page.line(format!("{} (Version {}): {}", image.name, image.version, image.text));
    }
    page.gap().line("Status of most recent guest-images operation:");
    page.line("Check-Done: completed check for updates").line("Fenet source: DTI (fenet1.fireeye.example)");
    page.text()
}

pub(in crate::lab::unit) fn guest_config(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("Guest-image configuration contains the following profiles:");
    for (number, image) in unit.content.guest_images.iter().enumerate() {
        page.line(format!("[{number}] {} - {}", image.name, image.text));
    }
    page.text()
}
