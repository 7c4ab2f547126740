//! Settings that are shown by commands of their own. Source: docs.trellix.com, pages of the same names.

use crate::lab::fault::Fault;
use crate::lab::unit::page::{Page, yes};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::Unit;

pub(in crate::lab::unit) fn files(unit: &Unit, _: &Ask<'_>) -> String {
    let unsaved = yes(!unit.settings.is_saved());
    format!("initial (active)\ninitial.bak\n\nActive configuration: initial\nUnsaved changes: {unsaved}\n")
}

pub(in crate::lab::unit) fn wsapi(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.row(24, "Server Enabled:", "yes").row(24, "Current State:", "running").row(24, "Max Alerts:", 200);
    if unit.since(&[8]) {
        page.line("Max Submission Hour Threshold: 667").line("Max Submission Day Threshold: 16000");
        page.line("Max Minute API (including Submission) Threshold: 1000");
        page.line("Max Day API (including Submission) Threshold: 100000");
    } else {
        page.row(24, "Max Minute Threshold:", 10).row(24, "Max Day Threshold:", 1000);
    }
    page.text()
}

pub(in crate::lab::unit) fn snmp(_: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("SNMP enabled: yes").line("SNMP port: 161").line("System contact: ").line("System location: ");
    page.gap().line("Read-only communities:").line("  (1 configured)").gap();
    page.line("Interface listen enabled: no");
    page.text()
}

pub(in crate::lab::unit) fn fenotify(_: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.gap().line("Notification Protocol: rsyslog").gap().line("   Configuration:");
    page.row(40, "       Protocol Enabled:", "yes").row(40, "       default-delivery", "per-event");
    page.row(40, "       default-format", "cef").row(40, "       default-send-as", "warning");
    page.gap().line("   Alerts:");
    for event in ["domain-match", "infection-match", "malware-callback", "malware-object"] {
        page.row(41, &format!("       {event}"), yes(true));
    }
    page.text()
}

pub(in crate::lab::unit) fn ssh_server(_: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line("SSH server configuration:").row(30, "   SSH server enabled:", "yes");
    page.row(30, "   Minimum protocol version:", 2).row(30, "   Cipher list:", "compatible");
    page.row(30, "   Minimum key length:", "1024 bits").row(30, "   Client Alive Interval:", 0);
    page.row(30, "   Count Max:", 3).row(30, "   Login Grace Time:", 120).row(30, "   SSH server ports:", 22);
    page.text()
}

/// At most this many messages are listed (docs.trellix.com: 25 by default).
const MESSAGES_SHOWN: u64 = 25;

pub(in crate::lab::unit) fn message_queue(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    page.line(
        "  --Queue Type--   --Queue ID--    --Size--     --Arrival Time--     --Sender--    --Recipient--    --Error--",
    );
    let deferred = unit.mail.map_or(0, |queues| queues.deferred);
    for number in 0..deferred.min(MESSAGES_SHOWN) {
        page.line(format!(
            "deferred        4364lK4zv2z{number:05}  1102       Fri Nov 30 11:51:25        a@b.example        \
             c@d.example   (delivery temporarily suspended: connect to 10.0.0.25: Connection refused)"
        ));
    }
    page.text()
}

pub(in crate::lab::unit) fn mail_statistics(unit: &Unit, ask: &Ask<'_>) -> String {
    let mut page = Page::default();
    if let Some(mail) = unit.mail {
        let mails = |seconds: u64| seconds.saturating_mul(mail.per_hour) / 3_600;
        let analysed = mails(unit.counted_s(&[Fault::NoMail, Fault::MtaBypass], ask.true_now));
        let bypassed_ms = u64::try_from(unit.lost_ms(Fault::MtaBypass, ask.true_now)).unwrap_or(0);
        let bypassed = mails(bypassed_ms / 1_000);
        page.row(32, "Total emails:", analysed + bypassed).row(32, "Analyzed emails:", analysed);
        page.row(32, "Infected emails:", analysed / 5_000).row(32, "Bypassed emails:", bypassed);
        page.row(32, "Deferred emails:", mail.deferred).row(32, "Emails in hold queue:", mail.hold);
        page.row(32, "Emails in active queue:", mail.active);
    }
    page.text()
}

/// Modelled: the document names the SMTP interface and the congestion control, and shows no answer.
pub(in crate::lab::unit) fn mta_status(unit: &Unit, _: &Ask<'_>) -> String {
    let mut page = Page::default();
    let deferred = unit.mail.map_or(0, |mail| mail.deferred);
    let congested = deferred > 10_000;
    page.row(26, "SMTP interface:", if congested { "down" } else { "up" });
    page.row(26, "Congestion control:", "enabled");
    page.row(26, "Congestion:", if congested { "yes" } else { "no" });
    page.row(26, "Policy mode:", if unit.has(Fault::MtaBypass) { "bypass" } else { "block" });
    page.text()
}
