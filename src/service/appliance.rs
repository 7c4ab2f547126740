//! `hoshu appliance`: the inventory beside what was seen.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::asset::{Asset, HostKey};
use crate::model::backup::Backup;
use crate::model::finding::{Finding, FindingState};
use crate::model::inventory::{Gateway, Seat, Site};
use crate::model::name::SeatName;
use crate::model::reading::{Component, Condition, Outcome, Span};
use crate::model::record::PollLast;
use crate::model::time::Time;
use crate::readout::{Channel, LayoutOrigin, Mark};
use crate::service::refusal::Refusal;
use crate::service::select;
use crate::store::{FindingFilter, PollPoint};

/// One line of the list.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// The seat, as declared.
    pub seat: Seat,
    /// The hardware, once it was met.
    pub asset: Option<Asset>,
    /// How the last poll ended, and when.
    pub last_poll: Option<(Outcome, Time)>,
    /// Findings that are hard.
    pub hard: usize,
    /// Findings that are not yet hard.
    pub soft: usize,
    /// What it is where it works and does not do its job: unprotected, blind or mute.
    pub protection: Option<Condition>,
    /// When the last backup that counts was taken.
    pub last_backup: Option<Time>,
    /// Why nobody tries to reach it, by declaration; empty when it is tried.
    pub not_tried: String,
}

/// Seats by name.
#[derive(Debug, Clone, Serialize)]
pub struct List {
    /// When the list was made.
    pub at: Time,
    /// The seats.
    pub appliances: Vec<Line>,
    /// Seats of which a release term says nothing, because no release was seen within a day.
    pub undecided: Vec<SeatName>,
}

/// Lists seats; all of them without selectors.
pub async fn list(env: &Env, actor: &Actor, on: &[String]) -> Result<List, Refusal> {
    let (names, undecided) = if on.is_empty() {
        let all = env.inventory.seats.values().filter(|seat| actor.scope.sees(&seat.customer));
        (all.map(|seat| seat.name.clone()).collect::<Vec<_>>(), Vec::new())
    } else {
        let selection = select::seats(env, actor, on).await?;
        (selection.seats, selection.undecided)
    };
    let scoped = env.store.scoped(actor.scope.clone());
    let mut assets: HashMap<SeatName, Asset> =
        scoped.asset_list().await?.into_iter().map(|asset| (asset.seat.clone(), asset)).collect();
    let polls = scoped.poll_last(&names).await?;
    let backups = scoped.backup_last_good(&names).await?;
    let mut findings: HashMap<SeatName, (usize, usize)> = HashMap::new();
    let filter = FindingFilter { seats: Some(names.clone()), open_only: true };
    let mut useless: HashMap<SeatName, Condition> = HashMap::new();
    for finding in scoped.finding_list(filter).await? {
        if finding.condition.is_useless() {
            let worst = useless.entry(finding.seat.clone()).or_insert(finding.condition);
            *worst = finding.condition.max(*worst);
        }
        let (hard, soft) = findings.entry(finding.seat).or_default();
        *(if finding.state == FindingState::Hard { hard } else { soft }) += 1;
    }
    let lines = names.iter().filter_map(|name| {
        let seat = env.inventory.seats.get(name)?;
        let (hard, soft) = findings.get(name).copied().unwrap_or_default();
        Some(Line {
            seat: seat.clone(),
            asset: assets.remove(name),
            last_poll: polls.get(name).map(|poll| (poll.outcome, poll.at)),
            hard,
            soft,
            protection: useless.get(name).copied(),
            last_backup: backups.get(name).map(|backup| backup.seen_at),
            not_tried: not_tried(env, seat),
        })
    });
    Ok(List { at: env.clock.now(), appliances: lines.collect(), undecided })
}

fn not_tried(env: &Env, seat: &Seat) -> String {
    let error = env.inventory.gateway(seat).and_then(crate::access::not_tried);
    error.map_or_else(String::new, |error| error.to_string())
}

/// Everything about one seat.
#[derive(Debug, Clone, Serialize)]
pub struct Card {
    /// The seat, as declared.
    pub seat: Seat,
    /// Its site.
    pub site: Option<Site>,
    /// Its gateway.
    pub gateway: Option<Gateway>,
    /// Why nobody tries to reach it, by declaration; empty when it is tried.
    pub not_tried: String,
    /// The hardware, once it was met.
    pub asset: Option<Asset>,
    /// Where the serial of the files differs from the one that was seen.
    pub serial_differs: bool,
    /// Its host keys.
    pub host_keys: Vec<HostKey>,
    /// The last poll.
    pub last_poll: Option<PollLast>,
    /// Findings that have not ended.
    pub findings: Vec<Finding>,
    /// What was seen last of each component.
    pub spans: Vec<Span>,
    /// The last backup that counts.
    pub last_backup: Option<Backup>,
    /// What its answers are read with: seen on a real unit of its release, or modelled.
    pub layouts: Vec<LayoutOrigin>,
}

/// The layouts of the channels that a seat declares, with their origin for the release that it was last seen to have.
pub fn layouts(env: &Env, seat: &Seat, asset: Option<&Asset>) -> Vec<LayoutOrigin> {
    let release = asset.and_then(|asset| asset.release.as_ref()).and_then(|(text, _)| text.as_data().parse().ok());
    let has_api = seat.credentials.api.is_some();
    let mut all = env.definitions.origins(seat.series, release.as_ref(), (seat.virtual_machine, has_api));
    all.retain(|layout| match layout.channel {
        Channel::Ssh => true,
        Channel::Api => has_api,
        Channel::Snmp => seat.credentials.snmp.is_some(),
    });
    all
}

/// Layouts in a few words: `ssh 22 modelled; snmp 4 seen, 1 modelled`.
pub fn layouts_in_words(layouts: &[LayoutOrigin]) -> String {
    let of = |channel: Channel| {
        let count = |mark| layouts.iter().filter(|one| one.channel == channel && one.mark == mark).count();
        let told = [Mark::Seen, Mark::Modelled].map(|mark| (count(mark), mark));
        let told: Vec<String> =
            told.iter().filter(|(count, _)| *count > 0).map(|(count, mark)| format!("{count} {mark}")).collect();
        (!told.is_empty()).then(|| format!("{channel} {}", told.join(", ")))
    };
    Channel::ALL.iter().filter_map(|channel| of(*channel)).collect::<Vec<_>>().join("; ")
}

/// Shows one seat.
pub async fn show(env: &Env, actor: &Actor, name: &SeatName) -> Result<Card, Refusal> {
    let seat = select::one(env, actor, name)?;
    let scoped = env.store.scoped(actor.scope.clone());
    let names = std::slice::from_ref(name);
    let asset = scoped.asset_of_seat(name).await?;
    let seen_serial = asset.as_ref().and_then(|asset| asset.serial.as_ref());
    let serial_differs = match (&seat.serial, seen_serial) {
        (Some(meant), Some(seen)) => meant != seen.as_data(),
        _ => false,
    };
    let filter = FindingFilter { seats: Some(vec![name.clone()]), open_only: true };
    Ok(Card {
        seat: seat.clone(),
        site: env.inventory.site(seat).cloned(),
        gateway: env.inventory.gateway(seat).cloned(),
        not_tried: not_tried(env, seat),
        serial_differs,
        layouts: layouts(env, seat, asset.as_ref()),
        asset,
        host_keys: scoped.host_key_list(Some(&name.into())).await?,
        last_poll: scoped.poll_last(names).await?.remove(name),
        findings: scoped.finding_list(filter).await?,
        spans: scoped.span_open(names).await?.remove(name).unwrap_or_default(),
        last_backup: scoped.backup_last_good(names).await?.remove(name),
    })
}

/// Polls of one seat, one after the other, that ended alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// How they ended.
    pub outcome: Outcome,
    /// The minute of the first.
    pub first_at: Time,
    /// The minute of the last.
    pub last_at: Time,
    /// How many there were.
    pub polls: usize,
}

/// What happened at one seat in a stretch of time.
#[derive(Debug, Clone, Serialize)]
pub struct History {
    /// The seat.
    pub seat: SeatName,
    /// Where it begins.
    pub from: Time,
    /// Where it ends.
    pub to: Time,
    /// How polls ended.
    pub polls: Vec<Stretch>,
    /// The readings of components that had more than one, or one that is not good, in the order in which they began.
    pub spans: Vec<Span>,
}

/// What happened at one seat in the last `back_ms` milliseconds.
pub async fn history(env: &Env, actor: &Actor, name: &SeatName, back_ms: i64) -> Result<History, Refusal> {
    select::one(env, actor, name)?;
    let scoped = env.store.scoped(actor.scope.clone());
    let to = env.clock.now();
    let from = to.plus_ms(-back_ms);
    let polls = stretches(scoped.poll_history(name, from, to).await?);
    let mut spans = scoped.span_history(name, from, to).await?;
    let mut counts: BTreeMap<Component, usize> = BTreeMap::new();
    for span in &spans {
        *counts.entry(span.component.clone()).or_default() += 1;
    }
    spans.retain(|span| !span.condition.is_good() || counts.get(&span.component).is_some_and(|count| *count > 1));
    Ok(History { seat: name.clone(), from, to, polls, spans })
}

fn stretches(points: Vec<PollPoint>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for point in points {
        match stretches.last_mut() {
            Some(last) if last.outcome == point.outcome => {
                last.last_at = point.at;
                last.polls += 1;
            }
            _ => stretches.push(Stretch { outcome: point.outcome, first_at: point.at, last_at: point.at, polls: 1 }),
        }
    }
    stretches
}
