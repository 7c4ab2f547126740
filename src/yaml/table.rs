//! Tables of fields: the reader and the JSON Schema for editors are both made from them, so they cannot drift.

use std::fmt;

use serde_json::json;

use super::form::{Form, flag, whole};
use super::node::{Entry, Node, Value};
use super::problem::Problem;
use super::source::{Source, looks_secret};
use super::{did_you_mean, nearest};
use crate::model::limits::PROBLEMS_MAX;

/// A map with known keys.
#[derive(Debug)]
pub struct Table {
    /// What it describes, for messages and as the title of its schema.
    pub what: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A known key.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it says, one sentence for editors.
    pub doc: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it holds.
    pub kind: Kind,
}

/// What a field holds.
#[derive(Debug)]
pub enum Kind {
    /// A scalar of a form.
    Scalar(&'static Form),
    /// A whole number between two bounds, both inclusive.
    Whole(u32, u32),
    /// `yes`, `no`, `on`, `off`, `true`, `false`.
    Flag,
    /// One word of a closed list.
    Word(fn() -> Vec<&'static str>),
    /// A list.
    List(&'static Kind),
    /// A map whose keys have a form.
    Map(&'static Kind, &'static Kind),
    /// A map with known keys.
    Table(&'static Table),
}

impl Field {
    /// A field that must be there.
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, doc, required: true, kind }
    }

    /// A field that may be left out.
    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, doc, required: false, kind }
    }
}

impl Table {
    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.fields.iter().map(|field| field.name)
    }
}

/// Holds a node against a table; every mistake becomes a problem.
pub fn check(table: &'static Table, node: &Node, source: &Source, problems: &mut Vec<Problem>) {
    Checker { source, problems }.table(table, node);
}

struct Checker<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Checker<'_> {
    /// Beyond the limit only the fact that there are more is kept.
    fn push(&mut self, problem: Problem) {
        if self.problems.len() <= PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    fn table(&mut self, table: &'static Table, node: &Node) {
        if !self.is_map(node, table.what) {
            return;
        }
        self.doubles(node.entries());
        for entry in node.entries() {
            match table.field(&entry.key) {
                Some(field) => self.kind(&field.kind, &format_args!("{:?}", field.name), &entry.value, entry),
                None => self.unknown(table, entry),
            }
        }
        for field in table.fields.iter().filter(|field| field.required) {
            if !node.entries().iter().any(|entry| entry.key == field.name) {
                let message = format!("the field {:?} is missing in {}: {}", field.name, table.what, field.doc);
                self.push(self.source.error(node.place, message));
            }
        }
    }

    fn is_map(&mut self, node: &Node, what: &str) -> bool {
        let is_map = matches!(node.value, Value::Map(_));
        if !is_map {
            let message = format!("a map with the fields of {what} is expected, found {}", node.what());
            self.push(self.source.error(node.place, message));
        }
        is_map
    }

    fn doubles(&mut self, entries: &[Entry]) {
        let mut first = std::collections::BTreeMap::new();
        for entry in entries {
            if let Some(line) = first.insert(entry.key.as_str(), entry.place.line) {
                let message = format!("{:?} stands here twice, first on line {line}", entry.key);
                self.push(self.source.error(entry.place, message));
            }
        }
    }

    fn unknown(&mut self, table: &'static Table, entry: &Entry) {
        let hint = match nearest(&entry.key, table.names()) {
            None if looks_secret(&entry.key) => {
                let hint = "no file holds a secret itself: the settings say where each credential is read from \
                            (file, key or environment)";
                Some(hint.to_owned())
            }
            _ => did_you_mean(&entry.key, table.names()),
        };
        let message = format!("there is no field {} in {}", quote_key(&entry.key), table.what);
        self.push(self.source.error(entry.place, message).with_hint(hint));
    }

    /// `name` is how messages call the value; `at` is the entry that it belongs to.
    fn kind(&mut self, kind: &'static Kind, name: &dyn fmt::Display, node: &Node, at: &Entry) {
        if node.value == Value::Null {
            let message = format!("{name} has no value");
            let problem = self.source.error(at.place, message);
            self.push(problem.with_hint("leave the field out, or give it a value".to_owned()));
            return;
        }
        match kind {
            Kind::Scalar(_) | Kind::Whole(..) | Kind::Flag | Kind::Word(_) => self.scalar(kind, name, node),
            Kind::List(item) => match &node.value {
                Value::List(items) => items.iter().for_each(|node| self.kind(item, name, node, at)),
                _ => self.wrong_shape(name, "a list", node),
            },
            Kind::Map(key, value) => match &node.value {
                Value::Map(entries) => {
                    self.doubles(entries);
                    for entry in entries {
                        let key_node = Node { place: entry.place, value: Value::Scalar(entry.key.clone()) };
                        self.scalar(key, &format_args!("a key of {name}"), &key_node);
                        self.kind(value, &format_args!("{name} {}", quote_key(&entry.key)), &entry.value, entry);
                    }
                }
                _ => self.wrong_shape(name, "a map", node),
            },
            Kind::Table(table) => self.table(table, node),
        }
    }

    fn wrong_shape(&mut self, name: &dyn fmt::Display, expected: &str, node: &Node) {
        let message = format!("{name} is {expected}, found {}", node.what());
        self.push(self.source.error(node.place, message));
    }

    fn scalar(&mut self, kind: &Kind, name: &dyn fmt::Display, node: &Node) {
        let Some(text) = node.scalar() else {
            return self.wrong_shape(name, "a single value", node);
        };
        let found = || self.source.quote(node.place, text);
        let (message, hint) = match kind {
            Kind::Scalar(form) => match (form.check)(text) {
                Ok(()) => return,
                Err(reason) if reason.is_empty() || self.source.is_hidden(node.place.line) => {
                    (format!("{name} is {}, found {}", form.what, found()), None)
                }
                Err(reason) => (format!("{name} is {}: {reason}", form.what), None),
            },
            Kind::Whole(min, max) if whole(text).is_none_or(|number| number < *min || number > *max) => {
                (format!("{name} is a whole number from {min} to {max}, found {}", found()), None)
            }
            Kind::Flag if flag(text).is_none() => (format!("{name} is yes or no, found {}", found()), None),
            Kind::Word(words) if !words().contains(&text) => {
                (format!("{name} is one word of a list, found {}", found()), did_you_mean(text, words()))
            }
            _ => return,
        };
        self.push(self.source.error(node.place, message).with_hint(hint));
    }
}

fn quote_key(key: &str) -> String {
    format!("{:?}", key.chars().take(60).collect::<String>())
}

/// The JSON Schema (draft 2020-12) of a file that holds one table.
pub fn schema(table: &Table, id: &str) -> serde_json::Value {
    let mut schema = table_schema(table);
    if let Some(map) = schema.as_object_mut() {
        map.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        map.insert("$id".to_owned(), json!(id));
    }
    schema
}

fn table_schema(table: &Table) -> serde_json::Value {
    let property = |field: &Field| {
        let mut schema = kind_schema(&field.kind);
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".to_owned(), json!(field.doc));
        }
        (field.name.to_owned(), schema)
    };
    let properties: serde_json::Map<_, _> = table.fields.iter().map(property).collect();
    let required: Vec<_> = table.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({
        "title": table.what,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn kind_schema(kind: &Kind) -> serde_json::Value {
    match kind {
        // An editor sees 9.10 as a number; the reader sees the text.
        Kind::Scalar(Form { pattern: Some(pattern), .. }) => json!({"type": ["string", "number"], "pattern": pattern}),
        Kind::Scalar(_) => json!({"type": ["string", "number", "boolean"]}),
        Kind::Whole(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Flag => json!({"enum": [true, false, "yes", "no", "on", "off"]}),
        Kind::Word(words) => json!({"enum": words()}),
        Kind::List(item) => json!({"type": "array", "items": kind_schema(item)}),
        Kind::Map(key, value) => json!({
            "type": "object",
            "propertyNames": kind_schema(key),
            "additionalProperties": kind_schema(value),
        }),
        Kind::Table(table) => table_schema(table),
    }
}
