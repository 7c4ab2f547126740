//! Does a unit do its job? What it counts, held against what it counted before and against its own habits.
//!
//! | condition | when |
//! |---|---|
//! | good | as much as is usual at this weekday and hour |
//! | warning | much less than usual, or nothing at some of the ports of a pair |
//! | blind | next to nothing of what is usual, or nothing at all for a while with every link up |
//! | quiet | so little is usual at this hour that nothing can be told |
//! | learning | too little history, or no two numbers to compare: first look, a counter that began anew, a gap |
//!
//! Two questions are kept apart. Whether anything arrives at all needs no history, so that a new unit cannot hide behind
//! *learning*; whether it is as much as usual does.
//!
//! A number that made a unit blind is not learnt from, so that no unit gets used to seeing nothing.

use crate::decide::habit::{Habit, Moment, Pieces, habit};
use crate::decide::heard::on_unit;
use crate::decide::span::with_missing;
use crate::model::inventory::DataPath;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Condition, Counts, Measure, Past, Reading, Unit};
use crate::model::series::Series;
use crate::model::settings::ProtectionRules;
use crate::model::time::{Time, show_duration};

const MINUTE_MS: i64 = 60_000;
/// The shortest stretch over which a rate is told: numbers of the past are kept to the minute.
const STRETCH_MS_MIN: i64 = 5 * MINUTE_MS;
/// So far back a rate is taken, where little arrives.
const STRETCH_MS_MAX: i64 = 120 * MINUTE_MS;
/// So many were to be expected in a stretch that says that nothing came.
const EXPECTED_MIN: i64 = 20;

/// The kinds of component whose numbers of the past are asked for.
pub const KINDS: [ComponentKind; 4] =
    [ComponentKind::Traffic, ComponentKind::Mail, ComponentKind::Agents, ComponentKind::LastEvent];

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// When and where.
    pub moment: Moment,
    /// What kind of unit it is.
    pub series: Series,
    /// The way that the customer's data takes through it, as the files say.
    pub data_path: DataPath,
    /// The rules.
    pub rules: ProtectionRules,
    /// Numbers with more time between them than this are not compared.
    pub gap_ms_max: i64,
    /// What was counted.
    pub counts: &'a Counts,
    /// What else the same poll saw.
    pub readings: &'a [Reading],
    /// The numbers of the past, of the pieces that [`pieces`] named.
    pub past: &'a [Past],
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The readings.
    pub readings: Vec<Reading>,
    /// The numbers to keep: what was counted, and what of it is learnt.
    pub samples: Vec<(Component, Measure)>,
}

/// The pieces of the series that a judgement needs.
pub fn pieces(moment: Moment, series: Series, rules: &ProtectionRules, gap_ms_max: i64) -> Pieces {
    let zero_after_ms = if series == Series::Ex { rules.mail_zero_after_ms } else { rules.zero_after_ms };
    moment.pieces(zero_after_ms.max(STRETCH_MS_MAX).saturating_add(gap_ms_max))
}

/// Why two numbers cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    First,
    /// The counter is smaller than it was: the unit rebooted, or the counter wrapped. Which, nobody can tell.
    Anew,
    Gap,
    /// Too little time has passed.
    Soon,
}

/// How something that is counted goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Unread,
    Apart(Apart),
    /// So many of the weeks that are needed.
    Learning(u32),
    Quiet,
    Stopped,
    Low,
    Usual,
}

/// How a number is where less than the floor is usual.
const fn little(milli: i64, floor: i64) -> Flow {
    if milli < floor { Flow::Quiet } else { Flow::Usual }
}

/// One thing that is counted.
struct Counted {
    component: Component,
    flow: Flow,
    count: Option<Measure>,
    rate: Option<Measure>,
    /// Nothing came for as long as makes blind by itself.
    still: bool,
    /// Whether anything came since the last look.
    grew: Option<bool>,
}

impl Look<'_> {
    /// What was counted before, newest first, as far as it can be compared with `count`: the beginnings of the minutes,
    /// and the numbers.
    fn trail(&self, component: &Component, count: Measure) -> (Vec<(Time, i64)>, Apart) {
        let kept = |one: &&Past| {
            let same = one.component == *component && one.measure.unit == Unit::Count;
            same && !one.is_hour && one.at <= self.moment.now
        };
        let mut past: Vec<&Past> = self.past.iter().filter(kept).collect();
        past.sort_by_key(|one| std::cmp::Reverse(one.at));
        let (mut later, mut trail) = ((self.moment.now, count.milli), Vec::new());
        for one in past {
            if later.0.ms_since(one.at) > self.gap_ms_max {
                return (trail, Apart::Gap);
            }
            if one.measure.milli > later.1 {
                return (trail, Apart::Anew);
            }
            later = (one.at, one.measure.milli);
            trail.push(later);
        }
        (trail, Apart::First)
    }

    fn counted(&self, component: Component, unit: Unit, floor: u32, zero_after_ms: i64) -> Counted {
        let Some(count) = self.counts.of(&component) else {
            return Counted { component, flow: Flow::Unread, count: None, rate: None, still: false, grew: None };
        };
        let (trail, end) = self.trail(&component, count);
        let still = trail.iter().take_while(|(_, milli)| *milli == count.milli);
        let polls = u32::try_from(still.clone().count()).unwrap_or(u32::MAX).saturating_add(1);
        let since = still.last().map_or(0, |(at, _)| self.moment.now.ms_since(*at));
        let still = polls >= self.rules.zero_polls && since >= zero_after_ms;
        let grew = trail.first().map(|(_, milli)| *milli < count.milli);
        let unit_ms = if unit == Unit::PerSecond { 1_000 } else { 3_600_000 };
        let over = |(at, milli): (Time, i64)| {
            let span_ms = self.moment.now.ms_since(at);
            let rate = i128::from(count.milli - milli) * unit_ms / i128::from(span_ms.max(1));
            (i64::try_from(rate).unwrap_or(i64::MAX), span_ms)
        };
        let mut stretches = trail.iter().map(|point| over(*point)).filter(|(_, span_ms)| *span_ms >= STRETCH_MS_MIN);
        let last = stretches.clone().next();
        let rate = last.map(|(milli, _)| Measure { milli, unit });
        let Some((newest, _)) = last else {
            let why = if trail.is_empty() { end } else { Apart::Soon };
            return Counted { component, flow: Flow::Apart(why), count: Some(count), rate, still, grew };
        };
        let rates = self.past.iter().filter(|one| one.component == component && one.measure.unit == unit);
        let floor = i64::from(floor) * 1_000;
        let flow = match habit(rates, self.moment, self.rules.weeks) {
            Habit::Learning(weeks) => Flow::Learning(weeks),
            Habit::Usual(usual) if usual < floor => little(newest, floor),
            Habit::Usual(usual) => {
                let expected = |span_ms: i64| i128::from(usual) * i128::from(span_ms) / unit_ms / 1_000;
                let enough = |(_, span_ms): &(i64, i64)| expected(*span_ms) >= i128::from(EXPECTED_MIN);
                stretches.find(enough).map_or(Flow::Apart(Apart::Soon), |(milli, _)| self.against(milli, usual))
            }
        };
        Counted { component, flow, count: Some(count), rate, still, grew }
    }

    /// A number against what is usual.
    fn against(&self, milli: i64, usual: i64) -> Flow {
        let below = |percent: u32| i128::from(milli) * 100 < i128::from(usual) * i128::from(percent);
        if below(self.rules.stop_percent) {
            Flow::Stopped
        } else if below(self.rules.low_percent) {
            Flow::Low
        } else {
            Flow::Usual
        }
    }

    fn why(&self, flow: Flow) -> String {
        let usual = |percent: u32| format!("less than {percent} % of what is usual at this hour");
        match flow {
            Flow::Unread => "was not counted".to_owned(),
            Flow::Apart(Apart::First) => "first look: nothing to compare with yet".to_owned(),
            Flow::Apart(Apart::Anew) => "the counter began anew: a reboot, or it wrapped".to_owned(),
            Flow::Apart(Apart::Gap) => format!("nothing was counted in the last {}", show_duration(self.gap_ms_max)),
            Flow::Apart(Apart::Soon) => "too little time since the last look".to_owned(),
            Flow::Learning(weeks) => {
                format!("not enough history yet: {weeks} of {} weeks at this hour", self.rules.weeks)
            }
            Flow::Quiet => "usually quiet at this hour: nothing can be told".to_owned(),
            Flow::Stopped => usual(self.rules.stop_percent),
            Flow::Low => usual(self.rules.low_percent),
            Flow::Usual => "as usual at this hour".to_owned(),
        }
    }
}

/// The traffic: of the unit as a whole, does anything arrive; at each port pair, is it as much as usual?
pub fn traffic(look: &Look<'_>) -> Judged {
    let port = |name: &Outside| {
        let component = Component::new(ComponentKind::Traffic, name.clone());
        look.counted(component, Unit::PerSecond, look.rules.traffic_floor, look.rules.zero_after_ms)
    };
    let pairs: Vec<(&Component, Vec<Counted>)> = look
        .counts
        .groups
        .iter()
        .filter(|(component, _)| component.kind == ComponentKind::Traffic)
        .map(|(component, ports)| (component, ports.iter().map(port).collect()))
        .collect();
    let mut judged = Judged::default();
    if pairs.is_empty() {
        let said = "not judged: the unit tells no port pairs";
        judged.readings.push(Reading::new(Component::only(ComponentKind::Traffic), Condition::Learning, said));
        return judged;
    }
    let all: Vec<&Counted> = pairs.iter().flat_map(|(_, ports)| ports).collect();
    let (condition, said) = whole(look, &all);
    let blind = condition == Condition::Blind;
    judged.readings.push(Reading::new(Component::only(ComponentKind::Traffic), condition, said));
    for (pair, ports) in &pairs {
        let (condition, said) = pair_of(look, ports);
        let mut reading = Reading::new((*pair).clone(), condition, said);
        let rates = || ports.iter().filter_map(|port| port.rate);
        if rates().next().is_some() {
            let milli = rates().fold(0_i64, |sum, rate| sum.saturating_add(rate.milli));
            reading = reading.with(Measure { milli, unit: Unit::PerSecond });
        }
        judged.readings.push(reading);
        judged.samples.extend(ports.iter().flat_map(|port| kept(port, blind)));
    }
    judged
}

/// Whether anything arrives at a unit. This needs no history: nothing at all, for a while and with every link up, is
/// blind from the first day on, but in an hour that is known to be quiet.
fn whole(look: &Look<'_>, ports: &[&Counted]) -> (Condition, String) {
    let is_up = |port: &&&Counted| {
        let interface = Component::new(ComponentKind::Interface, port.component.name.clone());
        look.readings.iter().any(|one| one.component == interface && one.condition == Condition::Good)
    };
    let linked: Vec<_> = ports.iter().filter(is_up).collect();
    let quiet = ports.iter().all(|port| port.flow == Flow::Quiet);
    if !quiet && !linked.is_empty() && linked.iter().all(|port| port.still) {
        let long = show_duration(look.rules.zero_after_ms);
        return (Condition::Blind, format!("no packet at any monitoring port for {long}, with the links up"));
    }
    let floor = i64::from(look.rules.traffic_floor).saturating_mul(1_000);
    let arrives = |port: &&&Counted| port.flow != Flow::Stopped && port.rate.is_some_and(|rate| rate.milli >= floor);
    if ports.iter().any(|port| arrives(&port)) {
        return (Condition::Good, "packets arrive".to_owned());
    }
    match ports.iter().find(|port| port.flow != Flow::Quiet) {
        Some(port) if matches!(port.flow, Flow::Apart(_) | Flow::Unread) => (Condition::Learning, look.why(port.flow)),
        Some(_) => (Condition::Learning, format!("fewer than {} packets a second", look.rules.traffic_floor)),
        None => (Condition::Quiet, look.why(Flow::Quiet)),
    }
}

/// How a pair is, each of its ports held against its own habits.
fn pair_of(look: &Look<'_>, ports: &[Counted]) -> (Condition, String) {
    let of = |wanted: &dyn Fn(Flow) -> bool| ports.iter().filter(|port| wanted(port.flow)).collect::<Vec<_>>();
    let names = |ports: &[&Counted]| {
        ports.iter().map(|port| port.component.name.as_data().to_owned()).collect::<Vec<_>>().join(", ")
    };
    let unread = of(&|flow| flow == Flow::Unread);
    if !unread.is_empty() || ports.is_empty() {
        return (Condition::Missing, format!("{} {}", names(&unread), look.why(Flow::Unread)));
    }
    let stopped = of(&|flow| flow == Flow::Stopped);
    if !stopped.is_empty() {
        let alone = stopped.len() + of(&|flow| flow == Flow::Quiet).len() == ports.len();
        let condition = if alone { Condition::Blind } else { Condition::Warning };
        return (condition, format!("nothing arrives at {}: {}", names(&stopped), look.why(Flow::Stopped)));
    }
    let low = of(&|flow| flow == Flow::Low);
    if !low.is_empty() {
        return (Condition::Warning, format!("little arrives at {}: {}", names(&low), look.why(Flow::Low)));
    }
    // The least that is known of a port is what is known of the pair.
    match of(&|flow| matches!(flow, Flow::Apart(_) | Flow::Learning(_))).first() {
        Some(port) => (Condition::Learning, look.why(port.flow)),
        None if ports.iter().any(|port| port.flow == Flow::Usual) => (Condition::Good, look.why(Flow::Usual)),
        None => (Condition::Quiet, look.why(Flow::Quiet)),
    }
}

/// What is kept of something that was counted: the number, for the next look; and the rate, if it is learnt from.
fn kept(counted: &Counted, blind: bool) -> impl Iterator<Item = (Component, Measure)> + '_ {
    let learnt = !blind && counted.flow != Flow::Stopped;
    let rate = counted.rate.filter(|_| learnt);
    counted.count.into_iter().chain(rate).map(|measure| (counted.component.clone(), measure))
}

/// The mail that is analysed, and the mail that passes without it. Not one mail for a day is blind from the first day on.
pub fn mail(look: &Look<'_>) -> Judged {
    let named = |name: &str| {
        let (floor, zero_after_ms) = (look.rules.mail_floor, look.rules.mail_zero_after_ms);
        look.counted(Component::new(ComponentKind::Mail, name), Unit::PerHour, floor, zero_after_ms)
    };
    let analysed = named("analysed");
    let (condition, said) = match analysed.flow {
        Flow::Stopped => (Condition::Blind, format!("no mail is analysed: {}", look.why(Flow::Stopped))),
        _ if analysed.still => {
            let long = show_duration(look.rules.mail_zero_after_ms);
            (Condition::Blind, format!("not one mail was analysed for {long}"))
        }
        Flow::Low => (Condition::Warning, format!("little mail is analysed: {}", look.why(Flow::Low))),
        flow => (plain(flow), look.why(flow)),
    };
    let of_rate = |reading: Reading, rate: Option<Measure>| match rate {
        Some(rate) => reading.with(rate),
        None => reading,
    };
    let samples = kept(&analysed, condition == Condition::Blind).collect();
    let mut judged = Judged { samples, ..Judged::default() };
    judged.readings.push(of_rate(Reading::new(analysed.component.clone(), condition, said), analysed.rate));
    let bypassed = named("bypassed");
    // Not its habits count, but that there are any.
    let (condition, said) = match (bypassed.flow, bypassed.grew) {
        (Flow::Unread, _) => (Condition::Missing, look.why(Flow::Unread)),
        (_, Some(true)) => (Condition::Unprotected, "mail passes without analysis".to_owned()),
        (_, Some(false)) => (Condition::Good, "none".to_owned()),
        (flow, None) => (Condition::Learning, look.why(flow)),
    };
    judged.readings.push(of_rate(Reading::new(bypassed.component.clone(), condition, said), bypassed.rate));
    judged.samples.extend(bypassed.count.map(|count| (bypassed.component, count)));
    judged
}

/// The agents that report, where something counted them: `total`, and those `seen-1h` and `seen-24h`.
///
/// That not one of all agents was seen for a day needs no history; that fewer than usual were seen does.
pub fn agents(look: &Look<'_>) -> Judged {
    let named = |name: &str| Component::new(ComponentKind::Agents, name);
    let number = |name: &str| look.counts.of(&named(name)).map(|measure| measure.milli);
    let floor = i64::from(look.rules.agents_floor).saturating_mul(1_000);
    let mut judged = Judged::default();
    let (total, day) = (number("total"), number("seen-24h"));
    let (condition, said) = match (total, day) {
        (None, None) => return judged,
        (Some(total), Some(0)) if total >= floor => (Condition::Blind, "not one agent was seen for 24h".to_owned()),
        (_, Some(day)) if day >= floor => (Condition::Good, "agents report".to_owned()),
        _ => (Condition::Learning, format!("fewer than {} agents", look.rules.agents_floor)),
    };
    let whole = Reading::new(Component::only(ComponentKind::Agents), condition, said);
    judged.readings.push(match total {
        Some(milli) => whole.with(Measure { milli, unit: Unit::Count }),
        None => whole,
    });
    for name in ["seen-1h", "seen-24h"] {
        let Some(milli) = number(name) else { continue };
        let own = look.past.iter().filter(|one| one.component == named(name) && one.measure.unit == Unit::Count);
        let flow = match habit(own, look.moment, look.rules.weeks) {
            Habit::Learning(weeks) => Flow::Learning(weeks),
            Habit::Usual(usual) if usual < floor => little(milli, floor),
            Habit::Usual(usual) => look.against(milli, usual),
        };
        let count = Measure { milli, unit: Unit::Count };
        judged.readings.push(Reading::new(named(name), plain(flow), look.why(flow)).with(count));
        if flow != Flow::Stopped && condition != Condition::Blind {
            judged.samples.push((named(name), count));
        }
    }
    judged
}

/// The condition of how something goes.
const fn plain(flow: Flow) -> Condition {
    match flow {
        Flow::Unread => Condition::Missing,
        Flow::Apart(_) | Flow::Learning(_) => Condition::Learning,
        Flow::Quiet => Condition::Quiet,
        Flow::Stopped => Condition::Blind,
        Flow::Low => Condition::Warning,
        Flow::Usual => Condition::Good,
    }
}

/// Whether the port pairs are as the files say that the unit stands: only what contradicts them has a reading.
///
/// A unit that should stand in line, and has no pair in line, lets everything pass. Where one pair is in line, another one
/// may be a tap on purpose, which is worth a look. Bypass is told by the appliance itself.
pub fn in_line(look: &Look<'_>) -> Vec<Reading> {
    let fail_safe = match look.data_path {
        DataPath::InlineFailOpen => Some("open"),
        DataPath::InlineFailClose => Some("close"),
        DataPath::Tap => None,
        _ => return Vec::new(),
    };
    let said = |part: &'static str| {
        let of_part = look.counts.words.iter().filter(move |(_, known, _)| known == part);
        of_part.map(|(component, _, word)| (component.clone(), word.as_data().to_lowercase())).collect::<Vec<_>>()
    };
    let stands = |word: &str| matches!(word, "block" | "monitor");
    let (modes, safes) = (said("op_mode"), said("fail-safe"));
    let any = modes.iter().any(|(_, word)| stands(word));
    let mut readings = Vec::new();
    for (pair, word) in &modes {
        let told = match (fail_safe, word.as_str()) {
            (Some(_), "tap") if any => Some((Condition::Warning, "op mode tap beside pairs in line: is it meant?")),
            (Some(_), "tap") => {
                Some((Condition::Unprotected, "op mode tap: the files say in line; nothing is blocked"))
            }
            (None, word) if stands(word) => Some((Condition::Warning, "stands in line: the files say tap")),
            _ => None,
        };
        readings.extend(told.map(|(condition, said)| Reading::new(pair.clone(), condition, said)));
        let other = safes.iter().find(|(component, word)| component == pair && Some(word.as_str()) != fail_safe);
        if let (Some(meant), true, Some((_, found))) = (fail_safe, stands(word), other) {
            let said = format!("fail-safe {}: the files say {meant}", found.chars().take(20).collect::<String>());
            readings.push(Reading::new(pair.clone(), Condition::Warning, said));
        }
    }
    readings
}

/// Takes out of the readings of a poll what says nothing alone: how many agents an API tells is held against their habits,
/// and how old its newest alert is, against what whoever watches heard.
pub fn count(readings: &mut Vec<Reading>, counts: &mut Counts) {
    let of_unit = readings.iter().filter(|reading| reading.component == Component::only(ComponentKind::LastAlert));
    counts.numbers.extend(of_unit.filter_map(|reading| Some((on_unit(), reading.measure?))));
    readings.retain(|reading| match reading.measure.filter(|_| reading.component.kind == ComponentKind::Agents) {
        Some(measure) => {
            counts.numbers.push((reading.component.clone(), measure));
            false
        }
        None => true,
    });
}

/// All that can be said of what a unit counted. `before` are the components that earlier polls saw: what was judged then
/// and is not counted any more is missing.
pub fn judge<'a>(look: &Look<'_>, before: impl Iterator<Item = &'a Component>) -> Judged {
    let mut judged = match look.series {
        Series::Nx => traffic(look),
        Series::Ex => mail(look),
        Series::Hx => agents(look),
        Series::Cm | Series::Ax | Series::Fx => Judged::default(),
    };
    let before = before.filter(|known| matches!(known.kind, ComponentKind::Traffic | ComponentKind::Agents));
    judged.readings = with_missing(before, judged.readings);
    judged.readings.extend(in_line(look));
    judged
}

#[cfg(test)]
pub(super) mod tests;
