//! Inventories of tools that have no table: `router.db` of Oxidized and the YAML files of Nornir.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::mapping::{Column, Mapping, secret_header};
use super::record::{Record, Value};
use super::said::Said;
use crate::model::limits::{IMPORT_ROWS_MAX, OverLimit};
use crate::model::outside::{Outside, encode_line};
use crate::sheet::{At, CellKind};
use crate::yaml::{Node, Place, Problem, Source, Value as Yaml, parse};

/// Lines of `router.db`: fields between colons, named by their number.
pub(super) fn router_db(name: &str, text: &str, mapping: &Mapping, said: &mut Said) -> Result<Vec<Record>, OverLimit> {
    let file: Arc<str> = name.into();
    let mut wanted: BTreeMap<usize, Column> = BTreeMap::new();
    for (column, headers) in &mapping.columns {
        for header in headers {
            match header.parse::<usize>().ok().filter(|number| (1..=100).contains(number)) {
                Some(number) => drop(wanted.insert(number, *column)),
                None => said.doubt_file(
                    format!("the column {column} is {header:?} in the mapping, but router.db has no header"),
                    Some("write the number of the field, the first is \"1\"".to_owned()),
                ),
            }
        }
    }
    let mut records = Vec::new();
    let mut left = BTreeSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
    {
        if records.len() >= IMPORT_ROWS_MAX as usize {
            return Err(OverLimit { what: "router.db", limit: IMPORT_ROWS_MAX.into(), unit: "lines" });
        }
        let at = |column: usize| At::Line { file: file.clone(), line: number + 1, column };
        let mut values: BTreeMap<Column, Vec<Value>> = BTreeMap::new();
        let mut place = 1;
        for (field, part) in line.split(':').enumerate() {
            match wanted.get(&(field + 1)) {
                Some(column) if !part.is_empty() => {
                    let value = Value { text: Outside::from(part), kind: CellKind::Text, at: at(place) };
                    values.entry(*column).or_default().push(value);
                }
                None if !part.is_empty() => drop(left.insert(field + 1)),
                _ => {}
            }
            place += part.chars().count() + 1;
        }
        records.push(Record { at: at(0), values, places: Arc::default(), row: 0 });
    }
    if !left.is_empty() {
        let left: Vec<String> = left.iter().map(ToString::to_string).collect();
        said.note_file(format!("fields that are not taken over and not shown: {}", left.join(", ")));
    }
    Ok(records)
}

/// Groups in groups are followed so deep.
const GROUPS_DEEP: usize = 16;

/// The keys of a host, group or defaults, dotted below `data`; with what may be a secret counted and left out.
struct Keys<'a> {
    values: BTreeMap<String, (&'a str, Place)>,
    groups: Vec<&'a str>,
}

fn keys<'a>(node: &'a Node, left: &mut BTreeSet<String>, secrets: &mut BTreeSet<String>) -> Keys<'a> {
    let mut keys = Keys { values: BTreeMap::new(), groups: Vec::new() };
    let mut open: Vec<(String, &Node)> = vec![(String::new(), node)];
    while let Some((head, node)) = open.pop() {
        for entry in node.entries() {
            let key = format!("{head}{}", entry.key);
            if secret_header(&entry.key) {
                secrets.insert(key);
                continue;
            }
            match &entry.value.value {
                Yaml::Scalar(text) => drop(keys.values.insert(key, (text, entry.value.place))),
                Yaml::List(items) if key == "groups" => keys.groups.extend(items.iter().filter_map(Node::scalar)),
                Yaml::Map(_) if key == "data" || key.starts_with("data.") => {
                    open.push((format!("{key}."), &entry.value));
                }
                Yaml::Null => {}
                Yaml::List(_) | Yaml::Map(_) => drop(left.insert(key)),
            }
        }
    }
    keys
}

/// Hosts of Nornir: `files` are `hosts.yaml` and, when they are there, `groups.yaml` and `defaults.yaml`.
pub(super) fn nornir(
    files: &[(String, String)],
    mapping: &Mapping,
    said: &mut Said,
) -> Result<Vec<Record>, Vec<Problem>> {
    let mut problems = Vec::new();
    let sources: Vec<Source> = files.iter().map(|(name, text)| Source::new(name.as_str(), text.as_str())).collect();
    let nodes: Vec<Option<Node>> = sources.iter().map(|source| parse(source, &mut problems)).collect();
    if !problems.is_empty() {
        // A line of these files may hold a password: only the place is shown.
        return Err(problems.into_iter().map(Problem::without_excerpt).collect());
    }
    let file = |number: usize| -> Arc<str> { files.get(number).map_or("", |(name, _)| name.as_str()).into() };
    let (mut left, mut secrets) = (BTreeSet::new(), BTreeSet::new());
    let node = |number: usize| nodes.get(number).and_then(Option::as_ref);
    let mut groups = BTreeMap::new();
    for entry in node(1).map(Node::entries).unwrap_or_default() {
        groups.insert(entry.key.as_str(), keys(&entry.value, &mut left, &mut secrets));
    }
    let defaults = node(2).map(|node| keys(node, &mut left, &mut secrets));
    let mut records = Vec::new();
    for entry in node(0).map(Node::entries).unwrap_or_default() {
        let host = keys(&entry.value, &mut left, &mut secrets);
        // The order in which Nornir looks: the host, its groups from left to right with theirs, the defaults.
        let mut layers: Vec<(usize, &Keys<'_>)> = vec![(0, &host)];
        let mut met = BTreeSet::new();
        inherit(&host, &groups, &mut layers, &mut met, GROUPS_DEEP);
        layers.extend(defaults.iter().map(|keys| (2, keys)));
        for group in host.groups.iter().filter(|group| !groups.contains_key(*group)) {
            let at = At::Line { file: file(0), line: entry.place.line, column: entry.place.column };
            said.note(at, format!("the group {:?} is not known: nothing comes from it", encode_line(group)));
        }
        let mut values: BTreeMap<Column, Vec<Value>> = BTreeMap::new();
        let mut used = BTreeSet::new();
        for (column, headers) in &mapping.columns {
            for header in headers {
                used.insert(header.as_str());
                let named = (header == "name").then_some((0, (entry.key.as_str(), entry.place)));
                let found =
                    layers.iter().find_map(|(number, keys)| Some((*number, *keys.values.get(header.as_str())?)));
                let Some((number, (text, place))) = named.or(found) else { continue };
                let at = At::Line { file: file(number), line: place.line, column: place.column };
                values.entry(*column).or_default().push(Value { text: Outside::from(text), kind: CellKind::Text, at });
                if *column != Column::Note {
                    break;
                }
            }
        }
        left.extend(host.values.keys().filter(|key| !used.contains(key.as_str())).cloned());
        let at = At::Line { file: file(0), line: entry.place.line, column: 0 };
        records.push(Record { at, values, places: Arc::default(), row: 0 });
    }
    for (keys, message) in
        [(left, "keys that are not taken over"), (secrets, "keys that may hold secrets, not taken over")]
    {
        if !keys.is_empty() {
            let keys: Vec<String> = keys.iter().map(|key| encode_line(key).into_owned()).collect();
            said.note_file(format!("{message}: {}", keys.join(", ")));
        }
    }
    Ok(records)
}

fn inherit<'a>(
    keys: &Keys<'a>,
    groups: &'a BTreeMap<&'a str, Keys<'a>>,
    layers: &mut Vec<(usize, &'a Keys<'a>)>,
    met: &mut BTreeSet<&'a str>,
    deep: usize,
) {
    for group in keys.groups.iter().filter(|_| deep > 0) {
        if let Some(keys) = groups.get(group).filter(|_| met.insert(group)) {
            layers.push((1, keys));
            inherit(keys, groups, layers, met, deep - 1);
        }
    }
}
