//! Answers of the HTTPS API into readings, by definitions as data: the same rules, words and limits as for printed
//! answers, over values of JSON instead of lines.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::Context;
use super::clock::ApplianceTime;
use super::family::{Family, ManagedRule, Mistake, Rule, Words, mistake_in};
use super::judge::Source;
use super::origin::{Mark, Origin, Releases};
use super::read::reading;
use super::scan::{Part, Parts};
use crate::model::limits::{JSON_DEPTH_MAX, READINGS_MAX};
use crate::model::managed::ManagedUnit;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Reading};
use crate::model::series::Series;
use crate::model::time::Time;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// What stands in a question for the time a day ago.
const A_DAY_AGO: &str = "{a-day-ago}";

/// What one answer gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiReadout {
    /// The readings, each component once.
    pub readings: Vec<Reading>,
    /// The appliances that it lists as managed.
    pub managed: Vec<ManagedUnit>,
    /// The host name that it states.
    pub hostname: Option<Outside>,
    /// How many values the definition knows.
    pub known: usize,
}

/// An answer that is no JSON within the limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiMalformed {
    /// No JSON. Releases of 7.x write words without quotes and line ends within texts.
    #[error("no JSON: {0}")]
    Syntax(String),
    /// Too deep.
    #[error("JSON deeper than {JSON_DEPTH_MAX}")]
    Deep,
}

/// One definition: a question, and what its answer gives.
#[derive(Debug, Clone)]
pub struct ApiLayout {
    /// Its name, by which a user's own replaces it.
    pub name: String,
    /// The series that are asked.
    pub series: Vec<Series>,
    /// Where the knowledge comes from.
    pub origin: Origin,
    /// Whether it speaks of hardware, which a virtual machine does not have.
    pub hardware: bool,
    /// Whether an appliance may not know the question.
    pub optional: bool,
    ask: String,
    utc: bool,
    words: Family,
    reads: Reads,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mark: Mark,
    /// The document or recording.
    #[serde(default)]
    source: String,
    /// Of a seen layout, the releases whose answers were recorded.
    #[serde(default)]
    releases: Releases,
    name: String,
    series: Vec<Series>,
    ask: Question,
    #[serde(default)]
    hardware: bool,
    #[serde(default)]
    optional: bool,
    /// Whether its times say how far they are from UTC, so that they are held against our clock.
    #[serde(default)]
    utc: bool,
    reads: Reads,
}

/// A path below the root of the API, with its query.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Question(String);

impl TryFrom<String> for Question {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.?=&%{}".contains(letter);
        let is_path = text.starts_with(|letter: char| letter.is_ascii_alphanumeric()) && !text.contains("..");
        let braces = text.replace(A_DAY_AGO, "").contains(['{', '}']);
        if is_path && !braces && text.chars().all(plain) && text.len() <= 300 {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is no path such as health/system"))
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reads {
    /// Tables of words, by name.
    #[serde(default)]
    words: BTreeMap<String, Words>,
    /// Whether the value called `hostname` is the appliance's name.
    #[serde(default)]
    identity: bool,
    /// Values of which there is one.
    #[serde(default)]
    values: Vec<Place>,
    /// What they give.
    #[serde(default)]
    readings: Vec<Rule>,
    /// Lists and objects whose members are alike.
    #[serde(default)]
    tables: Vec<Rows>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    /// The list or object.
    at: Path,
    columns: Vec<Place>,
    readings: Vec<Rule>,
    /// Which columns tell of an appliance that is managed.
    manages: Option<ManagedRule>,
}

/// Where a value lies.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    at: Path,
    /// What it is called in rules.
    #[serde(rename = "as")]
    name: String,
}

/// Names with dots between them. In a list a name means the member that has it as its `name`, and `newest` that whose
/// value is the latest time.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
struct Path(Vec<String>);

impl From<String> for Path {
    fn from(text: String) -> Self {
        Self(text.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
}

impl Path {
    fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        step(value, &self.0)
    }
}

fn step<'a>(value: &'a Value, names: &[String]) -> Option<&'a Value> {
    let Some((name, rest)) = names.split_first() else { return Some(value) };
    match value {
        Value::Object(fields) => step(fields.get(name)?, rest),
        Value::Array(members) if name == "newest" => {
            let found = members.iter().filter_map(|member| step(member, rest));
            found.filter_map(|value| Some((instant(value.as_str()?)?, value))).max_by_key(|(at, _)| *at).map(|(_, v)| v)
        }
        Value::Array(members) => {
            let is_it = |member: &&Value| member.get("name").and_then(Value::as_str) == Some(name);
            step(members.iter().find(is_it)?, rest)
        }
        _ => None,
    }
}

/// A time that says how far it is from UTC.
fn instant(text: &str) -> Option<Time> {
    let forms = ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%:z"];
    let parsed = forms.iter().find_map(|form| chrono::DateTime::parse_from_str(text, form).ok());
    let parsed = parsed.or_else(|| chrono::DateTime::parse_from_rfc3339(text).ok())?;
    Some(Time::from_ms(parsed.timestamp_millis()))
}

impl ApiLayout {
    /// Takes a definition file.
    pub(super) fn parse(text: &str) -> Result<Result<Self, Mistake>, serde_yaml::Error> {
        let File { mark, source, releases, name, series, ask, hardware, optional, utc, reads } =
            serde_yaml::from_str(text)?;
        if let Some(mistake) = reads.mistake() {
            return Ok(Err(mistake));
        }
        let words = Family { words: reads.words.clone(), ..Family::default() };
        let origin = Origin { mark, source, releases };
        Ok(Ok(Self { name, series, origin, hardware, optional, ask: ask.0, utc, words, reads }))
    }

    /// The path below the root of the API, with its query.
    pub fn ask(&self, now: Time) -> String {
        let ago = now.plus_ms(-DAY_MS).utc().format("%Y-%m-%dT%H%%3A%M%%3A%S.000Z").to_string();
        self.ask.replace(A_DAY_AGO, &ago)
    }

    /// The path with its query, as the definition writes it: equal ones are one question.
    pub fn question(&self) -> &str {
        &self.ask
    }

    /// The path as people name it: without a query.
    pub fn title(&self) -> &str {
        self.ask.split('?').next().unwrap_or_default()
    }

    /// Whether it lists managed appliances.
    pub fn lists_managed(&self) -> bool {
        self.reads.tables.iter().any(|rows| rows.manages.is_some())
    }

    /// The kinds of component of which its answers may give readings.
    pub fn kinds(&self) -> BTreeSet<ComponentKind> {
        let rows = self.reads.tables.iter().flat_map(|rows| &rows.readings);
        self.reads.readings.iter().chain(rows).map(|rule| rule.kind).collect()
    }

    /// Reads an answer. Total but for what is no JSON.
    pub(super) fn read(&self, body: &[u8], context: &Context) -> Result<ApiReadout, ApiMalformed> {
        let root = parse(body)?;
        let mut context = context.clone();
        if self.utc {
            context.clock = Some(ApplianceTime::of_utc(context.now));
        }
        let (mut gathered, mut managed) = (BTreeMap::new(), Vec::new());
        let values = self.values(&self.reads.values, &root);
        let mut known = values.len();
        let (answer, nothing) = (parts(&values), Parts::default());
        for rule in &self.reads.readings {
            if rule.checks.iter().flat_map(|check| &check.of).any(|part| answer.get(part) != Part::Absent) {
                let source = Source { item: &nothing, answer: &answer };
                add(&mut gathered, reading(&self.words, rule, source, &context));
            }
        }
        for rows in &self.reads.tables {
            for (place, row) in (1_usize..).zip(rows.of(&root)) {
                let row = self.values(&rows.columns, row);
                known += row.len();
                let item = parts(&row);
                managed.extend(rows.manages.as_ref().map(|rule| rule.read(format!("entry {place} of the API"), &item)));
                // A member that lacks what a rule needs, as a component without a state, gives nothing by it.
                let told = |rule: &&Rule| {
                    let mut needed = rule.checks.iter().filter(|check| !check.optional).flat_map(|check| &check.of);
                    needed.all(|part| item.get(part) != Part::Absent)
                };
                for rule in rows.readings.iter().filter(told) {
                    let source = Source { item: &item, answer: &answer };
                    add(&mut gathered, reading(&self.words, rule, source, &context));
                }
            }
        }
        let hostname = answer.one("hostname").filter(|_| self.reads.identity).map(Outside::from);
        Ok(ApiReadout { readings: gathered.into_values().collect(), managed, hostname, known })
    }

    fn values<'d>(&self, places: &'d [Place], value: &Value) -> Vec<(&'d str, String)> {
        let text = |place: &'d Place| {
            let text = text(place.at.find(value)?)?;
            let utc = self.utc.then(|| instant(&text)).flatten();
            Some((place.name.as_str(), utc.map_or(text, |at| at.utc().format("%Y/%m/%d %H:%M:%S").to_string())))
        };
        places.iter().filter_map(text).collect()
    }
}

/// A value as rules read it.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Bool(truth) => Some(if *truth { "yes" } else { "no" }.to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) => Some("a list where a value belongs".to_owned()),
        Value::Object(_) => Some("an object where a value belongs".to_owned()),
    }
}

fn parts<'d, 't>(values: &'t [(&'d str, String)]) -> Parts<'d, 't> {
    Parts::of(values.iter().map(|(name, value)| (*name, value.as_str())).collect())
}

/// What needs more attention counts, where two members have one name.
fn add(gathered: &mut BTreeMap<Component, Reading>, new: Reading) {
    let room = gathered.len() < READINGS_MAX;
    match gathered.get_mut(&new.component) {
        Some(known) if new.condition > known.condition => *known = new,
        None if room => drop(gathered.insert(new.component.clone(), new)),
        _ => {}
    }
}

/// JSON that is no deeper than it may be.
fn parse(body: &[u8]) -> Result<Value, ApiMalformed> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return Err(ApiMalformed::Deep);
        }
    }
    serde_json::from_slice(body).map_err(|error| {
        let what = if error.is_eof() { "it ends too early" } else { "it breaks off" };
        ApiMalformed::Syntax(format!("{what} in line {}", error.line()))
    })
}

impl Rows {
    /// The members of the list or object.
    fn of<'a>(&self, root: &'a Value) -> Vec<&'a Value> {
        match self.at.find(root) {
            Some(Value::Array(members)) => members.iter().take(READINGS_MAX).collect(),
            Some(Value::Object(fields)) => fields.values().take(READINGS_MAX).collect(),
            _ => Vec::new(),
        }
    }
}

impl Reads {
    fn mistake(&self) -> Option<Mistake> {
        let values: Vec<&str> = self.values.iter().map(|place| place.name.as_str()).collect();
        mistake_in(&values, &self.readings, &self.words).or_else(|| {
            self.tables.iter().find_map(|rows| {
                let columns = rows.columns.iter().map(|place| place.name.as_str());
                let parts: Vec<&str> = values.iter().copied().chain(columns).collect();
                let managed = rows.manages.iter().flat_map(ManagedRule::parts);
                let unknown = managed.into_iter().find(|part| !parts.contains(&part.as_str()));
                let unknown = unknown.map(|part| Mistake::Part(part.clone()));
                unknown.or_else(|| mistake_in(&parts, &rows.readings, &self.words))
            })
        })
    }
}
