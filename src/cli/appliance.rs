//! `hoshu appliance`.

pub(super) mod import;
mod record;

use std::time::Duration;

use super::out::{Cell, Tone, counted};
use super::poll::tone;
use super::{Context, Doors, Ended, Need, parse_duration, person};
use crate::model::finding::FindingState;
use crate::model::name::SeatName;
use crate::model::reading::Outcome;
use crate::model::time::{Time, show_duration};
use crate::service::appliance::{self, Card, History, Line, List};
use crate::service::refusal::Refusal;

/// Appliances.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// List seats with what was last seen of them
    List {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
    },
    /// Show everything about one seat
    Show {
        /// The seat.
        seat: SeatName,
    },
    /// Show what changed at one seat: how polls ended, and readings that came, went or are not good
    History {
        /// The seat.
        seat: SeatName,
        /// How far back: 30m, 12h, 7d.
        #[arg(long, default_value = "7d", value_parser = parse_duration, value_name = "TIME")]
        back: Duration,
    },
    /// Keep what one appliance answers, without what says whose it is; or read such a recording through the layouts
    Record(record::Args),
    /// Show what an inventory of another tool would become here, with every doubt; write it only when told to
    Import(import::Args),
}

fn ago(now: Time, at: Time) -> String {
    format!("{} ago", show_duration(now.ms_since(at).max(0)))
}

fn row(line: &Line, now: Time) -> Vec<Cell> {
    let seat = &line.seat;
    let release = line.asset.as_ref().and_then(|asset| asset.release.as_ref());
    let poll = match (&line.last_poll, line.not_tried.is_empty()) {
        (_, false) => Cell::toned(line.not_tried.clone(), Tone::Care),
        (None, true) => Cell::toned("never", Tone::Care),
        (Some((outcome, at)), true) => {
            let tone = if *outcome == Outcome::Answered { Tone::Good } else { Tone::Bad };
            Cell::toned(format!("{outcome}, {}", ago(now, *at)), tone)
        }
    };
    let (findings, tone) = match (line.hard, line.soft) {
        (0, 0) => (String::new(), Tone::Plain),
        (0, soft) => (format!("{soft} soft"), Tone::Care),
        (hard, 0) => (format!("{hard} hard"), Tone::Bad),
        (hard, soft) => (format!("{hard} hard, {soft} soft"), Tone::Bad),
    };
    // What does not do its job is told by its word: a number of findings is read over.
    let findings = match line.protection {
        Some(condition) => Cell::toned(format!("{findings}: {condition}"), Tone::Bad),
        None => Cell::toned(findings, tone),
    };
    vec![
        seat.name.to_string().into(),
        seat.customer.to_string().into(),
        seat.site.to_string().into(),
        seat.series.as_str().into(),
        seat.model.clone().into(),
        release.map_or_else(String::new, |(text, _)| text.for_terminal().into_owned()).into(),
        seat.data_path.as_str().into(),
        poll,
        findings,
        line.last_backup.map_or_else(|| "never".to_owned(), |at| ago(now, at)).into(),
    ]
}

fn show_list(context: &Context<'_, impl Doors>, list: &List) {
    if context.out.json {
        context.out.json(list);
        return;
    }
    let rows = list.appliances.iter().map(|line| row(line, list.at)).collect();
    context.out.table(
        &[
            "seat",
            "customer",
            "site",
            "series",
            "model",
            "release",
            "data path",
            "last poll",
            "findings",
            "last backup",
        ],
        rows,
    );
    if !list.undecided.is_empty() {
        let names: Vec<_> = list.undecided.iter().map(SeatName::as_str).collect();
        context.out.talk(&format!("undecided, because no release was seen within a day: {}", names.join(", ")));
    }
}

fn show_card(context: &Context<'_, impl Doors>, card: &Card, zone: chrono_tz::Tz) {
    if context.out.json {
        context.out.json(card);
        return;
    }
    let seat = &card.seat;
    let mut facts: Vec<(&str, String)> = vec![
        ("seat", format!("{} ({})", seat.name, seat.hostname)),
        ("customer", seat.customer.to_string()),
        ("site", card.site.as_ref().map_or_else(String::new, |site| format!("{} {}", site.name, site.title))),
        ("appliance", format!("{} {}, {}", seat.series, seat.model, seat.data_path)),
        ("supplied by", seat.supplier.to_string()),
        ("address", seat.address.map_or_else(|| "none".to_owned(), |address| format!("{address}:{}", seat.ssh.port))),
        ("way in", format!("gateway {}", seat.gateway)),
        ("ssh", format!("{} algorithms, {}", seat.ssh.algorithms, seat.ssh.channel)),
    ];
    if !card.not_tried.is_empty() {
        facts.push(("not tried", card.not_tried.clone()));
    }
    if let Some(peer) = &seat.peer {
        facts.push(("peer", peer.to_string()));
    }
    if let Some(manager) = &seat.managed_by {
        facts.push(("managed by", manager.to_string()));
    }
    match &card.asset {
        None => facts.push(("hardware", "not met yet".to_owned())),
        Some(asset) => {
            let word = |text: &Option<crate::model::outside::Outside>| {
                text.as_ref().map_or_else(|| "unknown".to_owned(), |text| text.for_terminal().into_owned())
            };
            facts.push((
                "hardware",
                format!("serial {}, {} {}", word(&asset.serial), word(&asset.product), word(&asset.model)),
            ));
            if let Some((release, at)) = &asset.release {
                facts.push(("release", format!("{}, seen {}", release.for_terminal(), at.show(zone))));
            }
        }
    }
    if card.serial_differs {
        facts.push(("attention", format!("the files say serial {}", seat.serial.clone().unwrap_or_default())));
    }
    for key in &card.host_keys {
        facts.push(("host key", format!("{} {} {} {}", key.id, key.state, key.algorithm, key.fingerprint)));
    }
    if let Some(poll) = &card.last_poll {
        let reason = if poll.reason.is_empty() { String::new() } else { format!(": {}", poll.reason.for_terminal()) };
        facts.push(("last poll", format!("{} {}{reason}", poll.at.show(zone), poll.outcome)));
    }
    if let Some(backup) = &card.last_backup {
        let id = backup.id.map_or_else(String::new, |id| id.to_string());
        facts.push(("last backup", format!("{id} {}, {} lines", backup.seen_at.show(zone), backup.lines)));
    }
    facts.push(("layouts", appliance::layouts_in_words(&card.layouts)));
    for note in &seat.notes {
        facts.push(("note", note.clone()));
    }
    context.out.table(&["what", ""], facts.into_iter().map(|(what, text)| vec![what.into(), text.into()]).collect());
    if !card.findings.is_empty() {
        context.out.data("");
        let rows = card.findings.iter().map(|finding| -> Vec<Cell> {
            let state = if finding.state == FindingState::Hard { tone(finding.condition) } else { Tone::Plain };
            vec![
                Cell::toned(finding.state.as_str(), state),
                finding.component.for_terminal().into(),
                Cell::toned(finding.condition.as_str(), tone(finding.condition)),
                finding.said.for_terminal().into_owned().into(),
                finding.since.show(zone).into(),
                finding.count.to_string().into(),
            ]
        });
        context.out.table(&["state", "component", "condition", "the appliance says", "since", "seen"], rows.collect());
    }
    if !card.spans.is_empty() {
        context.out.data("");
        let rows = card.spans.iter().map(|span| -> Vec<Cell> {
            vec![
                span.component.for_terminal().into(),
                Cell::toned(span.condition.as_str(), tone(span.condition)),
                span.said.for_terminal().into_owned().into(),
                span.first_at.show(zone).into(),
                span.last_at.show(zone).into(),
                span.polls.to_string().into(),
            ]
        });
        context.out.table(&["component", "condition", "the appliance says", "from", "last", "polls"], rows.collect());
    }
}

fn show_history(context: &Context<'_, impl Doors>, history: &History, zone: chrono_tz::Tz) {
    if context.out.json {
        context.out.json(history);
        return;
    }
    let polls = history.polls.iter().map(|stretch| -> Vec<Cell> {
        let tone = if stretch.outcome == Outcome::Answered { Tone::Good } else { Tone::Bad };
        vec![
            stretch.first_at.show(zone).into(),
            stretch.last_at.show(zone).into(),
            Cell::toned(stretch.outcome.as_str(), tone),
            stretch.polls.to_string().into(),
        ]
    });
    context.out.table(&["from", "last", "polls ended", "how many"], polls.collect());
    if !history.spans.is_empty() {
        context.out.data("");
        let spans = history.spans.iter().map(|span| -> Vec<Cell> {
            vec![
                span.first_at.show(zone).into(),
                span.last_at.show(zone).into(),
                span.component.for_terminal().into(),
                Cell::toned(span.condition.as_str(), tone(span.condition)),
                span.polls.to_string().into(),
                span.said.for_terminal().into_owned().into(),
            ]
        });
        context.out.table(&["from", "last", "component", "condition", "polls", "the appliance said"], spans.collect());
    }
    context.out.talk(&format!(
        "{} since {}: {}, {} of components that changed or are not good",
        history.seat,
        history.from.show(zone),
        counted(history.polls.iter().map(|stretch| stretch.polls).sum(), "poll"),
        counted(history.spans.len(), "reading"),
    ));
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    let verb = match verb {
        Verb::Import(args) => return import::run(context, args).await,
        Verb::Record(args) => return record::run(context, args).await,
        other => other,
    };
    let env = context.env(Need::Read).await?;
    match verb {
        Verb::List { on } => show_list(context, &appliance::list(&env, &person(), &on).await?),
        Verb::Show { seat } => show_card(context, &appliance::show(&env, &person(), &seat).await?, env.settings.zone),
        Verb::History { seat, back } => {
            let back_ms = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
            let history = appliance::history(&env, &person(), &seat, back_ms).await?;
            show_history(context, &history, env.settings.zone);
        }
        Verb::Import(_) | Verb::Record(_) => {}
    }
    Ok(Ended::Done)
}
