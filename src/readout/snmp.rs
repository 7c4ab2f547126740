//! Objects of SNMP into readings, by definitions as data: the same rules, words and limits as for printed answers, over
//! scalars and rows of tables instead of lines.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Context;
use super::family::{Family, Mistake, Rule, Words, mistake_in};
use super::judge::Source;
use super::origin::{Mark, Origin, Releases};
use super::read::reading;
use super::scan::{Part, Parts};
use crate::model::identity::Seen;
use crate::model::limits::READINGS_MAX;
use crate::model::outside::Outside;
use crate::model::reading::{Component, ComponentKind, Reading};
use crate::model::series::Series;
use crate::model::snmp::{Oid, SnmpObject, SnmpValue};

/// What the objects of one walk gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SnmpReadout {
    /// The readings, each component once.
    pub readings: Vec<Reading>,
    /// What the appliance says that it is.
    pub identity: Seen,
    /// How many of the objects some definition knows.
    pub known: usize,
}

/// One definition: where its objects lie, and what they give.
#[derive(Debug, Clone)]
pub struct SnmpLayout {
    /// Its name, by which a user's own replaces it.
    pub name: String,
    /// The series that have the objects.
    pub series: Vec<Series>,
    /// Whether it speaks of hardware, which a virtual machine does not have.
    pub hardware: bool,
    /// Where the knowledge comes from.
    pub origin: Origin,
    /// What is walked.
    pub under: Oid,
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
    #[serde(default)]
    hardware: bool,
    under: Oid,
    reads: Reads,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reads {
    /// Tables of words, by name.
    #[serde(default)]
    words: BTreeMap<String, Words>,
    /// Whether the scalars called `serial` and `model` are the appliance's identity.
    #[serde(default)]
    identity: bool,
    /// Objects of which there is one.
    #[serde(default)]
    scalars: Vec<Place>,
    /// What they give.
    #[serde(default)]
    readings: Vec<Rule>,
    /// Objects of which there are rows.
    #[serde(default)]
    tables: Vec<Rows>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    /// The entry below `under`; the numbers of column and row follow.
    at: Oid,
    /// What the row's own number is called.
    index: Option<String>,
    columns: Vec<Place>,
    readings: Vec<Rule>,
}

/// An object, or a column of a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The numbers below `under`, with the `.0` of a scalar; of a column its number.
    at: Numbers,
    /// What it is called in rules.
    #[serde(rename = "as")]
    name: String,
    #[serde(rename = "type")]
    kind: Type,
}

/// Numbers and dots, one number at least.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Numbers(Vec<u32>);

impl TryFrom<String> for Numbers {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        numbers.map(Self).map_err(|_| format!("{text:?} is no place such as 1.1.2.0"))
    }
}

/// What type the value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Type {
    Number,
    Text,
    /// `TruthValue`: 1 is *yes*. The MIB says that 2 is *no*; monitoring plug-ins know 0 as that, too.
    Truth,
}

impl Type {
    /// The value as rules read it. Another type than the definition says is no word and no number that they know.
    fn read(self, value: &SnmpValue) -> String {
        match (self, value) {
            (Self::Number, SnmpValue::Integer(number)) => number.to_string(),
            (Self::Number, SnmpValue::Unsigned(number)) => number.to_string(),
            (Self::Truth, SnmpValue::Integer(1) | SnmpValue::Unsigned(1)) => "yes".to_owned(),
            (Self::Truth, SnmpValue::Integer(0 | 2) | SnmpValue::Unsigned(0 | 2)) => "no".to_owned(),
            // Agents end octet strings with a zero as often as not.
            (Self::Text, SnmpValue::Text(text)) => text.as_data().trim_matches(['\0', ' ']).to_owned(),
            (expected, found) => {
                let expected = match expected {
                    Self::Number => "number",
                    Self::Text => "text",
                    Self::Truth => "truth of 1 or 2",
                };
                format!("{} where a {expected} belongs", found.type_name())
            }
        }
    }
}

impl SnmpLayout {
    /// Takes a definition file.
    pub(super) fn parse(text: &str) -> Result<Result<Self, Mistake>, serde_yaml::Error> {
        let file: File = serde_yaml::from_str(text)?;
        if let Some(mistake) = file.reads.mistake() {
            return Ok(Err(mistake));
        }
        let words = Family { words: file.reads.words.clone(), ..Family::default() };
        let File { mark, source, releases, name, series, hardware, under, reads } = file;
        let origin = Origin { mark, source, releases };
        Ok(Ok(Self { name, series, hardware, origin, under, words, reads }))
    }

    /// The kinds of component of which its objects may give readings.
    pub fn kinds(&self) -> BTreeSet<ComponentKind> {
        let rows = self.reads.tables.iter().flat_map(|rows| &rows.readings);
        self.reads.readings.iter().chain(rows).map(|rule| rule.kind).collect()
    }

    /// Reads what of a walk it knows.
    fn read(&self, objects: &[SnmpObject], context: &Context, out: &mut Gathered) {
        let below: Vec<(&[u32], &SnmpValue)> =
            objects.iter().filter_map(|object| Some((object.oid.below(&self.under)?, &object.value))).collect();
        let mut scalars: Vec<(&str, String)> = Vec::new();
        for place in &self.reads.scalars {
            let found = below.iter().find(|(at, _)| *at == place.at.0.as_slice());
            scalars.extend(found.map(|(_, value)| (place.name.as_str(), place.kind.read(value))));
        }
        out.known += scalars.len();
        let answer = parts(&scalars);
        let nothing = Parts::default();
        for rule in &self.reads.readings {
            if rule.checks.iter().flat_map(|check| &check.of).any(|part| answer.get(part) != Part::Absent) {
                let source = Source { item: &nothing, answer: &answer };
                out.add(reading(&self.words, rule, source, context));
            }
        }
        if self.reads.identity {
            out.identity.serial = answer.one("serial").map(Outside::from);
            out.identity.model = answer.one("model").map(Outside::from);
        }
        for rows in &self.reads.tables {
            for row in rows.of(&below) {
                out.known += row.len();
                let item = parts(&row);
                for rule in &rows.readings {
                    out.add(reading(&self.words, rule, Source { item: &item, answer: &answer }, context));
                }
            }
        }
    }
}

fn parts<'d, 't>(values: &'t [(&'d str, String)]) -> Parts<'d, 't> {
    Parts::of(values.iter().map(|(name, value)| (*name, value.as_str())).collect())
}

impl Rows {
    /// The rows that a walk has, each with its values by name, in the order of their numbers.
    fn of<'d>(&'d self, below: &[(&[u32], &SnmpValue)]) -> Vec<Vec<(&'d str, String)>> {
        let mut rows: BTreeMap<Vec<u32>, Vec<(&str, String)>> = BTreeMap::new();
        for (at, value) in below {
            let Some([column, index @ ..]) = at.strip_prefix(self.at.arcs()) else { continue };
            let Some(place) = self.columns.iter().find(|place| place.at.0 == [*column]) else { continue };
            if !index.is_empty() {
                rows.entry(index.to_vec()).or_default().push((place.name.as_str(), place.kind.read(value)));
            }
        }
        let with_index = |(index, mut row): (Vec<u32>, Vec<(&'d str, String)>)| {
            if let Some(name) = &self.index {
                let number = index.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
                row.push((name, number));
            }
            row
        };
        rows.into_iter().map(with_index).collect()
    }
}

impl Reads {
    fn mistake(&self) -> Option<Mistake> {
        let scalars: Vec<&str> = self.scalars.iter().map(|place| place.name.as_str()).collect();
        mistake_in(&scalars, &self.readings, &self.words).or_else(|| {
            self.tables.iter().find_map(|rows| {
                let columns = rows.columns.iter().map(|place| place.name.as_str()).chain(rows.index.as_deref());
                let parts: Vec<&str> = scalars.iter().copied().chain(columns).collect();
                mistake_in(&parts, &rows.readings, &self.words)
            })
        })
    }
}

/// What several definitions read of one walk.
#[derive(Default)]
struct Gathered {
    readings: BTreeMap<Component, Reading>,
    identity: Seen,
    known: usize,
}

impl Gathered {
    /// Adds a reading. Objects of several places may speak of one component, a licence for one: what needs more attention
    /// counts, and a number is kept.
    fn add(&mut self, new: Reading) {
        let room = self.readings.len() < READINGS_MAX;
        match self.readings.get_mut(&new.component) {
            Some(known) => {
                let measure = known.measure.or(new.measure);
                if new.condition > known.condition {
                    *known = new;
                }
                known.measure = known.measure.or(measure);
            }
            None if room => drop(self.readings.insert(new.component.clone(), new)),
            None => {}
        }
    }
}

/// Reads a walk by all of these definitions. Total: whatever is wrong becomes a reading.
pub(super) fn read<'a>(
    layouts: impl Iterator<Item = &'a SnmpLayout>,
    objects: &[SnmpObject],
    context: &Context,
) -> SnmpReadout {
    let mut out = Gathered::default();
    for layout in layouts {
        layout.read(objects, context, &mut out);
    }
    SnmpReadout { readings: out.readings.into_values().collect(), identity: out.identity, known: out.known }
}
