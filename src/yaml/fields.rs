//! The second pass: values of a checked map by the names of its fields.

use std::str::FromStr;

use super::form::{duration_ms, flag, whole};
use super::node::{Entry, Node, Place};
use super::problem::{Problem, Severity};
use super::source::Source;
use super::table::{Kind, Table};

/// The fields of a map that [`super::check`] has seen: what was a mistake there is simply absent here.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    table: &'static Table,
    node: &'a Node,
    source: &'a Source,
}

impl<'a> Fields<'a> {
    /// The fields of a node by its table.
    pub const fn new(table: &'static Table, node: &'a Node, source: &'a Source) -> Self {
        Self { table, node, source }
    }

    /// The file.
    pub const fn source(&self) -> &'a Source {
        self.source
    }

    /// Where the map begins.
    pub const fn here(&self) -> Place {
        self.node.place
    }

    fn entry(&self, name: &str) -> Option<&'a Entry> {
        debug_assert!(self.table.field(name).is_some(), "{} has no field {name}", self.table.what);
        self.node.entries().iter().find(|entry| entry.key == name)
    }

    /// The node of a field.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// Whether the field is written.
    pub fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// Where the value of a field stands, or the map when it is left out.
    pub fn place(&self, name: &str) -> Place {
        self.node(name).map_or(self.node.place, |node| node.place)
    }

    /// The text of a scalar, as it was written.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.node(name).and_then(Node::scalar)
    }

    /// The text of a scalar of its own.
    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A scalar read by its type.
    pub fn get<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// A whole number within the bounds of its field.
    pub fn whole(&self, name: &str) -> Option<u32> {
        let number = whole(self.text(name)?)?;
        match self.table.field(name)?.kind {
            Kind::Whole(min, max) if (min..=max).contains(&number) => Some(number),
            _ => None,
        }
    }

    /// A whole number that fits sixteen bits.
    pub fn whole_u16(&self, name: &str) -> Option<u16> {
        self.whole(name).and_then(|number| number.try_into().ok())
    }

    /// A boolean.
    pub fn flag(&self, name: &str) -> Option<bool> {
        flag(self.text(name)?)
    }

    /// A length of time, in milliseconds.
    pub fn duration_ms(&self, name: &str) -> Option<i64> {
        duration_ms(self.text(name)?)
    }

    /// The items of a list.
    pub fn list(&self, name: &str) -> &'a [Node] {
        self.node(name).map_or(&[], Node::items)
    }

    /// The items of a list, each read by its type.
    pub fn list_of<T: FromStr>(&self, name: &str) -> Vec<T> {
        self.list(name).iter().filter_map(|node| node.scalar()?.parse().ok()).collect()
    }

    /// The entries of a map with free keys.
    pub fn map(&self, name: &str) -> &'a [Entry] {
        self.node(name).map_or(&[], Node::entries)
    }

    /// The fields of a nested map.
    pub fn table(&self, name: &str) -> Option<Self> {
        match self.table.field(name)?.kind {
            Kind::Table(table) => self.node(name).map(|node| Self::new(table, node, self.source)),
            _ => None,
        }
    }

    /// The fields of each map in a list of maps.
    pub fn tables(&self, name: &str) -> Vec<Self> {
        match self.table.field(name).map(|field| &field.kind) {
            Some(Kind::List(Kind::Table(table))) => {
                self.list(name).iter().map(|node| Self::new(table, node, self.source)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fields of each map in a map of maps, with its key.
    pub fn keyed(&self, name: &str) -> Vec<(&'a Entry, Self)> {
        match self.table.field(name).map(|field| &field.kind) {
            Some(Kind::Map(_, Kind::Table(table))) => {
                self.map(name).iter().map(|entry| (entry, Self::new(table, &entry.value, self.source))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// An error at the value of a field.
    pub fn error(&self, name: &str, message: impl Into<String>) -> Problem {
        self.source.problem(Severity::Error, self.place(name), message)
    }

    /// A warning at the value of a field.
    pub fn warning(&self, name: &str, message: impl Into<String>) -> Problem {
        self.source.problem(Severity::Warning, self.place(name), message)
    }
}
