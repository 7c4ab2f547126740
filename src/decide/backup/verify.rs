//! Does a fetch over another channel agree with what is kept?
//!
//! A limit of the appliance or of its terminal cuts every fetch of one channel at the same place. A channel without a
//! terminal does not know that limit: with an unchanged change ID, the text that is shorter is the one that is cut.

use crate::model::backup::{Backup, DoubtFound};
use crate::model::config::{ConfigLayout, Configuration};
use crate::model::outside::Outside;

use super::complete::{Evidence, Fetched, Session, Verdict, complete};
use super::redact::stable_pieces;

crate::words! {
    /// What came of looking at a backup once more.
    pub enum Verification {
        /// It opens, is complete, and the appliance gives the same text over another channel.
        Verified = "verified",
        /// It opens and is complete; the appliance serves one channel only.
        OneChannel = "one-channel",
        /// A file that the appliance wrote itself: it opens and is what arrived, and nobody else can look into it.
        Opens = "opens",
        /// The other channel gives more, with the same change ID: what is kept is cut.
        Doubted = "doubted",
        /// The other channel gives something else with the same change ID, and nothing says that what is kept is cut.
        Differs = "differs",
        /// The configuration was changed since: only a new backup can be verified.
        Changed = "changed",
        /// What is kept speaks against itself.
        Suspect = "suspect",
        /// What is sealed is not what the store and the audit say.
        Damaged = "damaged",
        /// Other hardware sits in the seat now.
        OtherHardware = "other-hardware",
    }
}

impl Verification {
    /// Whether nobody has to look.
    pub const fn is_well(self) -> bool {
        matches!(self, Self::Verified | Self::OneChannel | Self::Opens)
    }
}

/// What a kept configuration says against itself when it is judged again.
pub fn doubts_of(kept: &Configuration, layout: &ConfigLayout) -> Vec<DoubtFound> {
    let first = Fetched::new(kept.clone(), true, layout, Session::default());
    match complete(&Evidence { first: &first, second: None, pairs: 0, layout, previous: None }) {
        Verdict::Suspect(doubts) => doubts,
        Verdict::Complete | Verdict::FetchAgain => Vec::new(),
    }
}

/// Holds a fetch over the other channel against what is kept, with the reason in words.
pub fn agree(kept: &Configuration, other: &Fetched, layout: &ConfigLayout) -> (Verification, String) {
    let (before, now) = (kept.header.change_id, other.configuration.header.change_id);
    let number = |id: Option<u64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    if before != now {
        let words =
            format!("expected change ID {}, found {}: take a new one and verify that", number(before), number(now));
        return (Verification::Changed, words);
    }
    if let Some(found) = other.doubts().first() {
        let words =
            format!("the other channel's text has a doubt of its own: {}: {}", found.doubt, found.detail.as_data());
        return (Verification::Differs, words);
    }
    let (kept_text, other_text) =
        (stable_pieces(&kept.text, layout).concat(), stable_pieces(&other.configuration.text, layout).concat());
    if kept_text == other_text {
        return (Verification::Verified, format!("{} lines, twice over two channels", kept.line_count));
    }
    let (kept_commands, other_commands) = (commands(kept), commands(&other.configuration));
    let words = format!(
        "with change ID {} the other channel gives {other_commands} commands in {} bytes, kept are {kept_commands} in {}",
        number(before),
        other_text.len(),
        kept_text.len()
    );
    let is_cut = before.is_some() && other_commands >= kept_commands && other_text.len() > kept_text.len();
    (if is_cut { Verification::Doubted } else { Verification::Differs }, words)
}

/// How many commands a configuration has.
fn commands(configuration: &Configuration) -> usize {
    configuration.sections.iter().map(|section| section.commands).sum()
}

/// Whether a complete configuration shows that an earlier backup of the same hardware is cut, and how: nothing was
/// changed or installed since, and there are more commands now.
pub fn outgrown(now: &Configuration, release: Option<&Outside>, earlier: &Backup) -> Option<String> {
    let id = earlier.change_id.filter(|id| now.header.change_id == Some(*id))?;
    let then: usize = earlier.sections.iter().map(|section| section.commands).sum();
    let found = commands(now);
    (found > then && release == earlier.release.as_ref())
        .then(|| format!("with change ID {id} a later fetch has {found} commands, this one {then}"))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn fetched(text: &str) -> Fetched {
        Fetched::new(sample::configuration(text), true, sample::layout(), Session::default())
    }

    fn held(kept: &str, other: &str) -> Verification {
        agree(&sample::configuration(kept), &fetched(other), sample::layout()).0
    }

    #[test]
    fn the_shorter_one_is_the_cut_one_while_nothing_was_changed() {
        let whole = sample::TEXT;
        let (cut, _) = whole.trim_end().rsplit_once('\n').expect("lines");
        let cut = format!("{cut}\n");
        assert_eq!(held(whole, whole), Verification::Verified);
        assert_eq!(held(&cut, whole), Verification::Doubted);
        assert_eq!(held(whole, &cut), Verification::Differs, "what is kept has more");
        let later = whole.replace("change ID: 4711", "change ID: 4712");
        assert_ne!(later, whole);
        assert_eq!(held(&cut, &later), Verification::Changed);
        let spoilt = format!("{whole}% Unrecognized command \"x\".\n");
        assert_eq!(held(whole, &spoilt), Verification::Differs);
        assert!(doubts_of(&sample::configuration(whole), sample::layout()).is_empty());
        assert!(!doubts_of(&sample::configuration(&spoilt), sample::layout()).is_empty());
    }
}
