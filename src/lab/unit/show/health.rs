//! Services and features. Source: docs.trellix.com, `show health …` and `show system health`.

use crate::lab::unit::page::{Page, local_as};
use crate::lab::unit::shell::Ask;
use crate::lab::unit::state::{Licence, Service, Unit};

/// `show system health`.
pub(in crate::lab::unit) fn features(unit: &Unit, _: &Ask<'_>) -> String {
    let expired = unit.licences.iter().filter(|licence| licence.expired).map(feature).collect::<Vec<_>>();
    if expired.is_empty() {
        "Overall system feature status: Good\n".to_owned()
    } else {
        format!(
            "Overall system feature status: Degraded\n    Failure Reason:  Licenses {} are disabled\n",
            expired.join(", ")
        )
    }
}

fn feature(licence: &Licence) -> &str {
    &licence.feature
}

pub(in crate::lab::unit) fn all(unit: &Unit, ask: &Ask<'_>) -> String {
    page(ask, unit.services.iter(), true)
}

pub(in crate::lab::unit) fn system(unit: &Unit, ask: &Ask<'_>) -> String {
    page(ask, unit.services.iter().filter(|service| service.category == "System"), false)
}

/// Names of categories are case-sensitive.
pub(in crate::lab::unit) fn category(unit: &Unit, ask: &Ask<'_>) -> String {
    let wanted = ask.first();
    let services = unit.services.iter().filter(|service| service.category == wanted).collect::<Vec<_>>();
    if services.is_empty() {
        return format!("% Unrecognized command \"{wanted}\".\nType \"?\" for help.\n");
    }
    page(ask, services.into_iter(), true)
}

fn page<'a>(ask: &Ask<'_>, services: impl Iterator<Item = &'a Service>, apart: bool) -> String {
    let mut page = Page::default();
    page.line("Health Status:").gap();
    let five_minutes = 300_000;
    let updated = ask.now.plus_ms(-(ask.now.as_ms() % five_minutes));
    page.line(format!("Last Updated at: : {}", local_as(updated, "%Y-%m-%dT%H:%M:%S"))).gap();
    for service in services {
        page.line(format!("    Service:        : {}", service.name));
        page.line(format!("    Health Status:  : {}", service.state));
        page.line(format!("    Details:        : {}", service.details));
        if let Some(recovery) = &service.recovery {
            page.line(format!("    Recovery Steps  : {recovery}"));
        }
        if apart {
            page.gap();
        }
    }
    page.text()
}
