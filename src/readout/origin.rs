//! Where the knowledge of a layout comes from, and for which releases that holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::release::Release;
use crate::model::series::Series;

crate::words! {
    /// Where the knowledge of a layout comes from.
    pub enum Mark {
        /// A real unit's recorded answer was read with it.
        Seen = "seen",
        /// Taken from documents, or from relatives of the appliance; no recording exists.
        Modelled = "modelled",
    }
}

crate::words! {
    /// How a layout's answer comes.
    pub enum Channel {
        /// The command line.
        Ssh = "ssh",
        /// The HTTPS API.
        Api = "api",
        /// SNMP.
        Snmp = "snmp",
    }
}

/// The origin of a layout, as its definition says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Seen or modelled.
    pub mark: Mark,
    /// The document or recording.
    pub source: String,
    /// Of a seen one, the releases whose answers were recorded, by series; empty when the source does not part them.
    pub releases: Releases,
}

/// Releases by series, as a definition has them: `{nx: ["9.1", "10.0.4"]}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Releases(BTreeMap<Series, Vec<Release>>);

impl Origin {
    /// What holds for a unit: a layout that was seen elsewhere is modelled here. Of a unit whose release is not known,
    /// nothing that parts releases was seen.
    pub fn of(&self, series: Series, release: Option<&Release>) -> Mark {
        let known = |known: &Release| release.is_some_and(|release| release.is_within(known));
        let here = self.releases.0.get(&series).is_some_and(|releases| releases.iter().any(known));
        if self.mark == Mark::Seen && (self.releases.0.is_empty() || here) { Mark::Seen } else { Mark::Modelled }
    }
}

/// A layout that speaks of a unit, with its origin there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayoutOrigin {
    /// How it is asked.
    pub channel: Channel,
    /// Its name.
    pub name: String,
    /// What is asked.
    pub asks: String,
    /// Whether it was seen on this series and release.
    pub mark: Mark,
    /// The document or recording.
    pub source: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_seen_where_it_was_seen() {
        let release = |text: &str| text.parse::<Release>().expect("a release");
        let mut origin = Origin { mark: Mark::Seen, source: String::new(), releases: Releases::default() };
        assert_eq!(origin.of(Series::Nx, None), Mark::Seen);
        origin.releases.0.insert(Series::Nx, vec![release("9.1"), release("10.0.4")]);
        for (series, text, mark) in [
            (Series::Nx, "9.1.0.924861", Mark::Seen),
            (Series::Nx, "10.0.4.1005222", Mark::Seen),
            (Series::Nx, "10.0.3.1", Mark::Modelled),
            (Series::Ex, "9.1.0.924861", Mark::Modelled),
        ] {
            assert_eq!(origin.of(series, Some(&release(text))), mark, "{series} {text}");
        }
        assert_eq!(origin.of(Series::Nx, None), Mark::Modelled);
        origin.mark = Mark::Modelled;
        assert_eq!(origin.of(Series::Nx, Some(&release("9.1.0"))), Mark::Modelled);
    }
}
