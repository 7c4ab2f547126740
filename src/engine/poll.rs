//! The poll: load what is known, look at each seat, decide what it means, write it down.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::access::Negotiated;
use crate::decide;
use crate::decide::channel::{self, Spoke};
use crate::decide::due::due;
use crate::decide::finding::wants_second_read;
use crate::engine::api;
use crate::engine::backup::{self, Taken};
use crate::engine::clock::Stopwatch;
use crate::engine::env::Env;
use crate::engine::event::Event;
use crate::engine::fleet::{self, Facts};
use crate::engine::lane::Permit;
use crate::engine::protection::{self, Listening};
use crate::engine::session::{self, Failure, Live};
use crate::engine::snmp::{self, Beside, Told};
use crate::model::finding::Finding;
use crate::model::limits;
use crate::model::name::SeatName;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Condition, Counts, Outcome, Poll, Reading, Span, Tier};
use crate::model::record::{PollLast, PollRecord};
use crate::model::release::Release;
use crate::model::time::Time;
use crate::readout::{ApplianceTime, Context, Layout};
use crate::store::StoreError;

/// Which tiers are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// These.
    Tiers(Vec<Tier>),
    /// Those whose time has come for the seat; the detail tier at once when its pulse changed.
    Due,
}

/// What is known of earlier polls of a seat.
#[derive(Debug, Clone, Default)]
struct Known {
    spans: Vec<Span>,
    findings: Vec<Finding>,
    last: Option<PollLast>,
}

/// A poll of one seat and what was concluded from it.
#[derive(Debug)]
pub struct Polled {
    /// The seat.
    pub facts: Arc<Facts>,
    /// The poll.
    pub poll: Poll,
    /// Findings that are new or changed by it.
    pub findings: Vec<Finding>,
    /// The backup that was taken at once, because hardware begins to fail.
    pub last_gasp: Option<LastGasp>,
    /// What could not be known of any seat of this run, said with the first one.
    pub doubt: Option<String>,
}

/// A backup that was taken while the appliance still answered.
#[derive(Debug)]
pub struct LastGasp {
    /// Why, as it stands in the audit.
    pub why: String,
    /// What became of it.
    pub taken: Taken,
}

/// Polls seats once, each at most once at a time. Every result is written before this returns.
pub async fn run(env: &Env, seats: &[SeatName], wanted: &Wanted) -> Result<Vec<Polled>, StoreError> {
    let facts = fleet::load(env, seats).await?;
    let mut known: HashMap<SeatName, Known> = HashMap::with_capacity(facts.len());
    for (seat, spans) in env.rows().span_open(seats).await? {
        known.entry(seat).or_default().spans = spans;
    }
    for (seat, findings) in env.rows().finding_open(seats).await? {
        known.entry(seat).or_default().findings = findings;
    }
    for (seat, last) in env.rows().poll_last(seats).await? {
        known.entry(seat).or_default().last = Some(last);
    }
    let now = env.clock.now();
    let work: Vec<_> = facts
        .into_iter()
        .filter_map(|facts| {
            let known = known.remove(&facts.seat.name).unwrap_or_default();
            let tiers = tiers_of(env, &facts, &known, wanted, now);
            (!tiers.is_empty()).then_some((facts, known, tiers))
        })
        .collect();
    env.tell(&Event::Started { seats: work.len() });
    let at_once = env.settings.limits.sessions as usize;
    let follow = *wanted == Wanted::Due;
    let heard = Arc::new(Listening::default());
    let polled = fleet::each(
        &env.stop,
        work,
        at_once,
        |(facts, known, tiers)| one(env.clone(), facts, known, Ask { tiers, follow }, Arc::clone(&heard)),
        |(facts, ..), failure| Ok(undone(env, facts, &failure)),
    )
    .await;
    let mut polled = polled.into_iter().collect::<Result<Vec<_>, _>>()?;
    if let (Some(first), Some(doubt)) = (polled.first_mut(), heard.doubt()) {
        first.doubt = Some(doubt);
    }
    env.store.flush().await?;
    env.ways.leave_idle().await;
    env.tell(&Event::Finished);
    Ok(polled)
}

/// The tiers to read on a seat. A component that wants only a second read does not wait for its turn.
fn tiers_of(env: &Env, facts: &Facts, known: &Known, wanted: &Wanted, now: Time) -> Vec<Tier> {
    match wanted {
        Wanted::Tiers(tiers) => tiers.clone(),
        Wanted::Due => {
            let second_read = known.findings.iter().any(|one| wants_second_read(one, env.rules.of(one.component.kind)));
            let periods = env.settings.tiers.of(facts.seat.series);
            let read_at = |tier| known.last.as_ref().and_then(|last| last.read_at(tier));
            due(&periods, &read_at, second_read, now)
        }
    }
}

fn undone(env: &Env, facts: &Arc<Facts>, failure: &Failure) -> Polled {
    Polled {
        facts: Arc::clone(facts),
        poll: failed(env, failure, 0),
        findings: Vec::new(),
        last_gasp: None,
        doubt: None,
    }
}

/// What is asked of one seat.
#[derive(Debug, Clone)]
struct Ask {
    tiers: Vec<Tier>,
    /// The detail tier follows at once when the pulse changed.
    follow: bool,
}

fn failed(env: &Env, failure: &Failure, took_ms: i64) -> Poll {
    Poll {
        at: env.clock.now(),
        outcome: failure.outcome,
        reason: failure.reason.clone(),
        hop: failure.hop.clone(),
        tiers: Vec::new(),
        took_ms,
        readings: Vec::new(),
        counts: Counts::default(),
        opened_session: false,
    }
}

/// Looks at one seat, decides, and hands the record to the store.
async fn one(env: Env, facts: Arc<Facts>, known: Known, ask: Ask, heard: Arc<Listening>) -> Result<Polled, StoreError> {
    // A kept session holds the seat's own place, for which nobody has to wait then.
    let (kept, entered) = match env.kept.take(&facts.seat.name, env.clock.now()).await {
        Some((live, permit)) => (Some(live), env.go_on(permit, &facts).await),
        None => (None, env.enter(&facts).await),
    };
    let permit = match entered {
        Ok(permit) => permit,
        Err(failure) => {
            if let Some(live) = kept {
                live.close().await;
            }
            return Ok(undone(&env, &facts, &failure));
        }
    };
    let began = Stopwatch::start();
    let tiers = ask.tiers.clone();
    let looked = look(&env, &facts, &known, ask, kept, permit).await;
    let took_ms = began.elapsed_ms();
    let (mut poll, held) = match looked {
        Ok((poll, live, permit)) => (Poll { took_ms, ..poll }, Some((live, permit))),
        // It waited for another login, and nothing was asked of the appliance.
        Err(failure) if failure.outcome == Outcome::Stopped => return Ok(undone(&env, &facts, &failure)),
        Err(failure) => (without_ssh(&env, &facts, &known, &tiers, failed(&env, &failure, took_ms)).await, None),
    };
    let before = known.spans.iter().map(|span| &span.component);
    let judged = protection::judge(&env, &facts, before, &poll, &heard).await?;
    poll.readings.extend(judged.readings);
    poll.readings = decide::span::worst(poll.readings);
    poll.readings.extend(decide::finding::reach(poll.outcome).map(|reach| Reading { said: said(&poll), ..reach }));
    let findings = conclude(&env, &facts, &known, &poll);
    // Before the findings are written: after a crash in between, the next poll takes it.
    let last_gasp = match held {
        Some((live, permit)) => {
            let (gasp, rest) = last_gasp(&env, &facts, &known, &findings, live, permit).await;
            if let Some((live, permit)) = rest {
                let until = poll.at.plus_ms(i64::from(facts.seat.ssh.hold_s) * 1000);
                env.kept.keep(facts.seat.name.clone(), live, permit, until).await;
            }
            gasp
        }
        None => None,
    };
    let record = PollRecord {
        customer: facts.seat.customer.clone(),
        seat: facts.seat.name.clone(),
        at: poll.at,
        outcome: poll.outcome,
        reason: poll.reason.clone(),
        tiers: poll.tiers.clone(),
        took_ms: poll.took_ms,
        spans: decide::span::advance(&known.spans, &poll.readings, poll.at),
        findings: findings.clone(),
        samples: poll
            .readings
            .iter()
            // What habits are made of is chosen by who judges them.
            .filter(|reading| !decide::protection::KINDS.contains(&reading.component.kind))
            .filter_map(|reading| reading.measure.map(|measure| (reading.component.clone(), measure)))
            .chain(judged.samples)
            .collect(),
    };
    env.store.observe(record).await?;
    let good = decide::finding::is_well(poll.outcome, &poll.readings);
    env.tell(&Event::SeatDone { seat: facts.seat.name.clone(), good, word: poll.outcome.as_str() });
    Ok(Polled { facts, poll, findings, last_gasp, doubt: None })
}

/// A poll that SSH ended, with what the other channels say alone.
async fn without_ssh(env: &Env, facts: &Facts, known: &Known, tiers: &[Tier], mut poll: Poll) -> Poll {
    if !snmp::goes_on(facts, poll.outcome) && !api::goes_on(facts, poll.outcome) {
        return poll;
    }
    let Ok(_permit) = env.enter(facts).await else { return poll };
    let serial = facts.asset.as_ref().and_then(|asset| asset.serial.as_ref());
    let beside =
        Beside { tiers, outcome: poll.outcome, serial, told: None, spans: &known.spans, findings: &known.findings };
    let (mut by_snmp, mut by_api) = (Spoke::default(), Spoke::default());
    if snmp::goes_on(facts, poll.outcome) {
        by_snmp = snmp::readings(env, facts, &beside).await;
    }
    if api::goes_on(facts, poll.outcome) {
        by_api = api::readings(env, facts, &beside, &by_snmp.raw).await;
    }
    poll.readings = channel::together(&[], by_snmp, by_api, &beside.before());
    decide::protection::count(&mut poll.readings, &mut poll.counts);
    poll
}

/// How many components are named as the reason.
const REASONS_MAX: usize = 8;

/// Takes a backup at once when hardware begins to fail. The poll's own permit goes on, so that no other seat comes
/// between; a session that would be kept for the next poll gives way. Where none is taken, that session is given back.
async fn last_gasp(
    env: &Env,
    facts: &Arc<Facts>,
    known: &Known,
    findings: &[Finding],
    live: Option<Live>,
    permit: Permit,
) -> (Option<LastGasp>, Option<(Live, Permit)>) {
    let mut failing = decide::finding::last_gasp(&known.findings, findings);
    if failing.is_empty() {
        return (None, live.map(|live| (live, permit)));
    }
    // What has a name says more than the whole of its kind.
    failing.sort_by_key(|finding| finding.component.name.is_empty());
    let named = failing.iter().take(REASONS_MAX);
    let named: Vec<String> = named.map(|one| format!("{} {}", one.component.for_terminal(), one.condition)).collect();
    let why = format!("last-gasp: {}", named.join(", "));
    if let Some(live) = live {
        live.close().await;
    }
    let taken = backup::at_once(env, facts, permit, &why).await;
    (Some(LastGasp { why, taken }), None)
}

/// The outcome in a word, with the hop whose it is; what made it so stands in the poll's reason, which may differ each
/// time.
fn said(poll: &Poll) -> Outside {
    match &poll.hop {
        None => Outside::from(poll.outcome.as_str()),
        Some(hop) => Outside::from(format!("{} at hop {hop}", poll.outcome)),
    }
}

fn conclude(env: &Env, facts: &Facts, known: &Known, poll: &Poll) -> Vec<Finding> {
    let open: HashMap<&Component, &Finding> =
        known.findings.iter().map(|finding| (&finding.component, finding)).collect();
    let seat = &facts.seat;
    poll.readings
        .iter()
        .filter_map(|reading| {
            let rule = if reading.component == Component::only(ComponentKind::Reach) {
                env.rules.of_reach(poll.outcome, poll.hop.is_some())
            } else {
                env.rules.of(reading.component.kind)
            };
            let before = open.get(&reading.component).copied();
            decide::finding::advance(before, reading, &seat.customer, &seat.name, poll.at, rule)
        })
        .collect()
}

/// Reads the tiers over a kept session or a new one. A kept session that broke says nothing about the appliance, so
/// that one new one is tried.
async fn look(
    env: &Env,
    facts: &Facts,
    known: &Known,
    ask: Ask,
    kept: Option<Live>,
    permit: Permit,
) -> Result<(Poll, Option<Live>, Permit), Failure> {
    let was_kept = kept.is_some();
    let (live, permit) = match kept {
        Some(live) => (live, permit),
        None => session::open(env, facts, permit).await?,
    };
    match read(env, facts, known, ask.clone(), live, !was_kept).await {
        Err(_) if was_kept && !env.stop.is_asked() => {
            let (live, permit) = session::open(env, facts, permit).await?;
            let (poll, live) = read(env, facts, known, ask, live, true).await?;
            Ok((poll, live, permit))
        }
        result => result.map(|(poll, live)| (poll, live, permit)),
    }
}

/// Reads the tiers over a session, which is given back where it is to be kept.
async fn read(
    env: &Env,
    facts: &Facts,
    known: &Known,
    mut ask: Ask,
    mut live: Live,
    opened_session: bool,
) -> Result<(Poll, Option<Live>), Failure> {
    let at = env.clock.now();
    let mut result = read_tiers(env, facts, known, &ask.tiers, &mut live, at).await;
    let mut broke = false;
    if let Ok(Gave { readings, .. }) = &result
        && ask.follow
        && !ask.tiers.contains(&Tier::Detail)
        && decide::span::changed(&decide::span::advance(&known.spans, readings, at))
    {
        let tiers = [ask.tiers.as_slice(), &[Tier::Detail]].concat();
        match read_tiers(env, facts, known, &tiers, &mut live, at).await {
            Ok(fuller) => (ask.tiers, result) = (tiers, Ok(fuller)),
            // The appliance answered: what was read stands.
            Err(_) => broke = true,
        }
    }
    let hold = !broke && !env.stop.is_asked() && facts.seat.ssh.hold_s > 0;
    match result {
        Ok(Gave { mut readings, mut counts, asked, clock, release }) => {
            let serial = live.asset.serial.clone();
            let ssh = negotiated(live.session.negotiated());
            let kept = if hold {
                Some(live)
            } else {
                live.close().await;
                None
            };
            let told = Some(Told { readings: &readings, asked: &asked, clock, release });
            let (tiers, outcome) = (ask.tiers.as_slice(), Outcome::Answered);
            let (spans, findings) = (known.spans.as_slice(), known.findings.as_slice());
            let beside = Beside { tiers, outcome, serial: serial.as_ref(), told, spans, findings };
            let by_snmp = snmp::readings(env, facts, &beside).await;
            let by_api = api::readings(env, facts, &beside, &by_snmp.raw).await;
            let others = channel::together(&readings, by_snmp, by_api, &beside.before());
            readings.extend(others);
            readings.push(ssh);
            decide::protection::count(&mut readings, &mut counts);
            let poll = Poll {
                at,
                outcome: Outcome::Answered,
                reason: Outside::default(),
                hop: None,
                tiers: ask.tiers,
                took_ms: 0,
                readings,
                counts,
                opened_session,
            };
            Ok((poll, kept))
        }
        Err(failure) => {
            live.close().await;
            Err(failure)
        }
    }
}

/// The algorithms of the session, as a reading: a span tells since when an appliance speaks them.
fn negotiated(set: &Negotiated) -> Reading {
    let said = format!("{} {} {} {}", set.kex, set.host_key, set.cipher, set.mac);
    Reading::new(Component::new(ComponentKind::Reach, "ssh"), Condition::Good, said.trim_end())
}

/// The commands of the tiers, each once and in the order of sending.
fn layouts<'a>(env: &'a Env, facts: &Facts, release: Option<&Release>, tiers: &[Tier]) -> Vec<&'a Layout> {
    let mut all: Vec<&Layout> = Vec::new();
    for tier in tiers {
        for layout in env.definitions.commands(facts.seat.series, release, *tier) {
            let wanted = !(layout.hardware && facts.seat.virtual_machine)
                && (!layout.api || facts.seat.credentials.api.is_some());
            if wanted && !all.iter().any(|known| std::ptr::eq(*known, layout)) {
                all.push(layout);
            }
        }
    }
    all
}

/// What the commands of some tiers gave.
struct Gave {
    readings: Vec<Reading>,
    counts: Counts,
    /// The kinds of component of which some command spoke.
    asked: BTreeSet<ComponentKind>,
    clock: Option<ApplianceTime>,
    release: Option<Release>,
}

async fn read_tiers(
    env: &Env,
    facts: &Facts,
    known: &Known,
    tiers: &[Tier],
    live: &mut Live,
    now: Time,
) -> Result<Gave, Failure> {
    let release: Option<Release> = live.seen.release.as_ref().and_then(|text| text.as_data().parse().ok());
    let asked = layouts(env, facts, release.as_ref(), tiers);
    let mut context = Context { now, clock: None, series: facts.seat.series, release: release.clone() };
    let (mut readings, mut names, mut counts) = (Vec::new(), Vec::new(), Counts::default());
    for layout in &asked {
        if !layout.is_wanted(&names) {
            continue;
        }
        if let Some((command, answered)) = &live.identity
            && layout.command == *command
        {
            readings.extend(answered.iter().cloned());
            continue;
        }
        let answer = live.session.read(&layout.command, limits::ANSWER_BYTES_MAX).await?;
        let readout = env.definitions.read(layout, &answer.text, answer.complete, &context);
        context.clock = readout.clock.or(context.clock);
        names.extend(readout.names);
        counts.extend(readout.counts);
        readings.extend(readout.readings);
    }
    if tiers.contains(&Tier::Slow) {
        readings.push(read_saved(env, facts, live).await);
    }
    let mut all = layouts(env, facts, release.as_ref(), Tier::ALL);
    all.retain(|layout| layout.is_wanted(&names));
    let kinds = answered_kinds(&asked, &all);
    let spoken = asked.iter().flat_map(|layout| layout.kinds()).collect();
    let before = known.spans.iter().map(|span| &span.component).filter(|component| kinds.contains(&component.kind));
    let mut readings = decide::span::worst(decide::span::with_missing(before, readings));
    readings.truncate(limits::READINGS_MAX);
    Ok(Gave { readings, counts, asked: spoken, clock: context.clock, release })
}

/// Whether what runs is saved. Both texts are held side by side and forgotten. It is the last thing that is asked: a text
/// that cannot be fetched says nothing about the appliance, and takes no other reading with it.
async fn read_saved(env: &Env, facts: &Facts, live: &mut Live) -> Reading {
    let layout = env.definitions.config_layout(facts.seat.series);
    live.session.allow(env.backup_limit());
    let fetched = async {
        let running = backup::fetch_by(env, live, layout, env.definitions.config_command()).await?;
        Ok((running, backup::fetch_by(env, live, layout, env.definitions.saved_command()).await?))
    };
    let fetched: Result<_, Failure> = fetched.await;
    live.session.allow(env.command_limit());
    match fetched {
        Ok((running, saved)) => decide::backup::saved(&running, &saved, layout),
        Err(failure) => {
            let saved = Component::new(ComponentKind::Configuration, "saved");
            Reading::new(saved, Condition::Missing, failure.outcome.as_str())
        }
    }
}

/// The kinds of component about which every command that could speak was asked: what is absent there is missing.
fn answered_kinds(asked: &[&Layout], all: &[&Layout]) -> BTreeSet<ComponentKind> {
    let silent: BTreeSet<ComponentKind> = all
        .iter()
        .filter(|layout| !asked.iter().any(|known| std::ptr::eq(*known, **layout)))
        .flat_map(|layout| layout.kinds())
        .collect();
    asked.iter().flat_map(|layout| layout.kinds()).filter(|kind| !silent.contains(kind)).collect()
}
