//! `hoshu card`.

use super::out::{Cell, Tone, counted};
use super::poll::tone;
use super::{Context, Doors, Ended, Need, person};
use crate::model::finding::FindingState;
use crate::model::inventory::{Gateway, GatewayAccess};
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::reading::{Condition, Outcome};
use crate::model::time::{Time, show_duration};
use crate::service::appliance::layouts_in_words;
use crate::service::card::{self, Card, CardBackup};
use crate::service::ledger::ContractState;
use crate::service::refusal::Refusal;

/// Components, findings and contacts that are shown without --all.
const SHOWN: usize = 6;

/// Show everything about one seat on one screen. No appliance is asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The seat.
    seat: SeatName,
    /// Show every finding, component and contact, and what is not yet served with its reason.
    #[arg(long)]
    all: bool,
}

type Rows = Vec<Vec<Cell>>;

fn fact(rows: &mut Rows, what: &str, text: impl Into<Cell>) {
    rows.push(vec![what.into(), text.into()]);
}

fn ago(now: Time, at: Time) -> String {
    format!("{} ago", show_duration(now.ms_since(at).max(0)))
}

fn way(gateway: Option<&Gateway>, card: &Card) -> Cell {
    let seat = &card.seat.seat;
    let address =
        seat.address.map_or_else(|| "no address".to_owned(), |address| format!("{address}:{}", seat.ssh.port));
    let Some(gateway) = gateway else { return address.into() };
    let hops: Vec<String> = gateway
        .hops
        .iter()
        .map(|hop| format!("{} {}{}", hop.kind, hop.host, hop.port.map_or_else(String::new, |port| format!(":{port}"))))
        .collect();
    let hops = if hops.is_empty() { "direct".to_owned() } else { hops.join(" > ") };
    let ssh = format!("{}, {} algorithms", seat.ssh.channel, seat.ssh.algorithms);
    let text = format!("{} ({}, {hops}) to {address}, {ssh}", gateway.name, gateway.access);
    if card.seat.not_tried.is_empty() && gateway.access == GatewayAccess::Attended {
        let opens = format!("a person opens it: hoshu session open {}/{}", seat.customer, gateway.name);
        format!("{text}; {opens}").into()
    } else if card.seat.not_tried.is_empty() {
        text.into()
    } else {
        Cell::toned(format!("{text}; not tried: {}", card.seat.not_tried), Tone::Care)
    }
}

fn place(card: &Card) -> Rows {
    let (seat, mut rows) = (&card.seat.seat, Vec::new());
    fact(&mut rows, "seat", format!("{} ({}), {} {}", seat.name, seat.hostname, seat.series, seat.model));
    fact(&mut rows, "customer", format!("{} {}", seat.customer, card.customer_title));
    if let Some(site) = &card.seat.site {
        fact(&mut rows, "site", format!("{} {} ({})", site.name, site.title, site.zone));
        if let Some(entry) = &site.entry {
            fact(&mut rows, "entry", entry.clone());
        }
    }
    let with = [("peer", &seat.peer), ("managed by", &seat.managed_by)];
    let with: Vec<String> = with.iter().filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?))).collect();
    let with = if with.is_empty() { String::new() } else { format!("; {}", with.join(", ")) };
    fact(&mut rows, "data path", format!("{}, supplied by {}{with}", seat.data_path, seat.supplier));
    fact(&mut rows, "way in", way(card.seat.gateway.as_ref(), card));
    rows
}

fn identity(rows: &mut Rows, card: &Card, zone: chrono_tz::Tz) {
    let word = |text: &Option<Outside>| {
        text.as_ref().map_or_else(|| "unknown".to_owned(), |text| text.for_terminal().into_owned())
    };
    match card.seat.asset.as_ref().filter(|asset| asset.product.is_some()) {
        None => {
            let declared = card.seat.seat.serial.as_deref().unwrap_or("none");
            fact(rows, "hardware", Cell::toned(format!("not met yet; the files say serial {declared}"), Tone::Care));
        }
        Some(asset) => {
            let text = format!(
                "serial {}, {} {}, ID {}",
                word(&asset.serial),
                word(&asset.product),
                word(&asset.model),
                word(&asset.appliance_id)
            );
            fact(rows, "hardware", text);
            if let Some((release, at)) = &asset.release {
                fact(rows, "release", format!("{}, seen {}", release.for_terminal(), at.show(zone)));
            }
        }
    }
    for key in &card.seat.host_keys {
        fact(rows, "host key", format!("{} {} {} {}", key.id, key.state, key.algorithm, key.fingerprint));
    }
}

fn health(rows: &mut Rows, card: &Card, zone: chrono_tz::Tz, all: bool) {
    match &card.seat.last_poll {
        None => fact(rows, "last poll", Cell::toned("never", Tone::Care)),
        Some(poll) => {
            let tone = if poll.outcome == Outcome::Answered { Tone::Good } else { Tone::Bad };
            let reason =
                if poll.reason.is_empty() { String::new() } else { format!(": {}", poll.reason.for_terminal()) };
            let text = format!("{}, {}, {}{reason}", poll.outcome, poll.at.show(zone), ago(card.at, poll.at));
            fact(rows, "last poll", Cell::toned(text, tone));
        }
    }
    fact(rows, "layouts", layouts_in_words(&card.seat.layouts));
    let counts: Vec<String> = card.conditions.iter().map(|(condition, count)| format!("{count} {condition}")).collect();
    let worst = card.not_good.first().map_or(Condition::Good, |one| one.condition);
    let text = if counts.is_empty() { "nothing was read yet".to_owned() } else { counts.join(", ") };
    fact(rows, "components", Cell::toned(text, if counts.is_empty() { Tone::Care } else { tone(worst) }));
    let most = if all { usize::MAX } else { SHOWN };
    let open = |component| card.seat.findings.iter().any(|finding| finding.component == component);
    for one in card.not_good.iter().filter(|one| !open(one.component.clone())).take(most) {
        fact(rows, "", Cell::toned(format!("{} {}", one.component.for_terminal(), one.condition), tone(one.condition)));
    }
    for finding in card.seat.findings.iter().take(most) {
        let state = if finding.state == FindingState::Hard { tone(finding.condition) } else { Tone::Care };
        let text = format!(
            "{} {} {} since {}: {}",
            finding.state,
            finding.component.for_terminal(),
            finding.condition,
            finding.since.show(zone),
            finding.said.for_terminal()
        );
        fact(rows, "finding", Cell::toned(text, state));
    }
    let more = card.seat.findings.len().saturating_sub(most);
    if more > 0 {
        fact(rows, "finding", format!("and {more} more (--all)"));
    }
}

fn backup(one: &CardBackup, card: &Card, zone: chrono_tz::Tz) -> String {
    let id = one.id.map_or_else(String::new, |id| id.to_string());
    let worth = one.standing.worth.as_str();
    let more =
        [(one.standing.verified, "verified"), (one.standing.proved, "proved"), (one.standing.accepted, "accepted")];
    let mut marks = vec![worth];
    marks.extend(more.iter().filter(|(holds, word)| *holds && worth != *word).map(|(_, word)| *word));
    let (taken, seen) = (one.taken_at.show(zone), ago(card.at, one.seen_at));
    format!("{id} {}, of {taken}, the same until {seen}", marks.join(", "))
}

fn backups(rows: &mut Rows, card: &Card, zone: chrono_tz::Tz) {
    if card.backups.is_empty() {
        fact(rows, "backup", Cell::toned("never", Tone::Care));
    }
    let last_good = card.seat.last_backup.as_ref().and_then(|backup| backup.id);
    for one in &card.backups {
        let tone = if one.id.is_some() && one.id == last_good { Tone::Good } else { Tone::Plain };
        fact(rows, "backup", Cell::toned(backup(one, card, zone), tone));
    }
    if last_good.is_none() && !card.backups.is_empty() {
        fact(rows, "", Cell::toned("no backup counts", Tone::Bad));
    }
}

fn papers(rows: &mut Rows, card: &Card) {
    let state = card.contract_state;
    let tone = match state {
        Some((ContractState::Missing | ContractState::Ended, _)) => Tone::Bad,
        Some((ContractState::Ends | ContractState::NotBegun, _)) => Tone::Care,
        _ => Tone::Plain,
    };
    let text = match (&card.contract, state) {
        (Some(contract), state) => {
            let days = state.and_then(|(_, days)| days).map_or_else(String::new, |days| format!(", {days} days left"));
            let (level, dealer) = (&contract.level, &contract.dealer);
            format!("{} {level}, {dealer}, until {}{days}", contract.number, contract.until)
        }
        (None, Some(_)) => "missing".to_owned(),
        (None, None) => "none needed".to_owned(),
    };
    fact(rows, "contract", Cell::toned(text, tone));
    let window = card.window.as_ref().map_or_else(
        || "none".to_owned(),
        |window| format!("{}: {} from {}, {} min", window.name, window.days, window.start, window.length_min),
    );
    fact(rows, "window", window);
    for one in &card.credentials {
        let from = one.from.map_or_else(|| "no source in the settings".to_owned(), |from| format!("from a {from}"));
        fact(rows, one.purpose.as_str(), format!("{}, {from}", one.name));
    }
}

fn contacts(card: &Card, all: bool) -> Rows {
    let row = |contact: &crate::model::inventory::Contact| -> Vec<Cell> {
        let roles: Vec<&str> = contact.roles.iter().map(|role| role.as_str()).collect();
        let reach: Vec<&str> = contact.phones.iter().map(String::as_str).chain(contact.mail.as_deref()).collect();
        let confirmed = contact.confirmed.as_ref().map_or_else(String::new, |day| format!("confirmed {day}"));
        vec![
            contact.name.clone().into(),
            roles.join(", ").into(),
            reach.join(" ").into(),
            contact.hours.clone().unwrap_or_default().into(),
            confirmed.into(),
        ]
    };
    card.contacts.iter().take(if all { usize::MAX } else { SHOWN }).map(row).collect()
}

fn show(context: &Context<'_, impl Doors>, card: &Card, zone: chrono_tz::Tz, all: bool) {
    if context.out.json {
        context.out.json(card);
        return;
    }
    let mut rows = place(card);
    identity(&mut rows, card, zone);
    health(&mut rows, card, zone, all);
    backups(&mut rows, card, zone);
    papers(&mut rows, card);
    for note in &card.seat.seat.notes {
        fact(&mut rows, "note", Cell::toned(note.clone(), Tone::Care));
    }
    for notice in &card.notices {
        fact(&mut rows, "notice", Cell::toned(format!("{}: {}", notice.about, notice.text), Tone::Care));
    }
    context.out.columns(rows);
    let persons = contacts(card, all);
    if !persons.is_empty() {
        context.out.data("");
        context.out.table(&["contact", "roles", "reached by", "hours", ""], persons);
    }
    if card.not_yet_served.is_empty() {
        return;
    }
    context.out.data("");
    if all {
        context.out.data("declared and not yet served:");
        for one in &card.not_yet_served {
            context.out.data(&format!("  {}: {}", one.what, one.why));
        }
    } else {
        let what: Vec<&str> = card.not_yet_served.iter().map(|one| one.what.as_str()).collect();
        context.out.data(&format!("not yet served: {}", what.join(", ")));
    }
    let more = card.contacts.len().saturating_sub(SHOWN);
    if more > 0 && !all {
        context.out.talk(&format!("and {} more (--all)", counted(more, "contact")));
    }
}

/// Shows the card.
pub async fn run(context: &Context<'_, impl Doors>, args: &Args) -> Result<Ended, Refusal> {
    let env = context.env(Need::Read).await?;
    let card = card::card(&env, &person(), &args.seat).await?;
    show(context, &card, env.settings.zone, args.all);
    Ok(Ended::Done)
}
