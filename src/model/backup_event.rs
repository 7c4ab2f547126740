//! What is learned of a backup after it was taken, and what it is worth then.
//!
//! The rule stands here, below store and decisions, because both ask it: the store finds the newest backup that counts.

use serde::{Deserialize, Serialize};

use super::backup::Grade;
use super::outside::Outside;
use super::time::Time;

crate::words! {
    /// What was learned of a backup.
    pub enum Learned {
        /// It opens, is complete, and a fetch over another channel gave the same text.
        Verified = "verified",
        /// Another fetch with the same change ID showed that it is cut.
        Doubted = "doubted",
        /// A person said that it counts.
        Accepted = "accepted",
        /// A simulated unit took every line of it and gave each back.
        Proved = "proved",
        /// A simulated unit did not take a line of it, or gave one back otherwise.
        NotProved = "not-proved",
        /// What is sealed does not open, or is not what the store and the audit say.
        Damaged = "damaged",
    }
}

/// One thing that was learned of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupEvent {
    /// When.
    pub at: Time,
    /// What.
    pub event: Learned,
    /// In words for a person; it never holds a secret.
    pub detail: Outside,
}

crate::words! {
    /// What a backup is worth, from the least on.
    pub enum Worth {
        /// What is sealed is damaged: it does not count.
        Damaged = "damaged",
        /// Shown to be cut by a later fetch: it does not count.
        Doubted = "doubted",
        /// Something speaks against it: it does not count.
        Suspect = "suspect",
        /// Complete by every check that was possible.
        Taken = "taken",
        /// Complete, and fetched twice over two channels with the same text.
        Verified = "verified",
        /// Complete, and loaded into a simulated unit that gave it back; whether it is verified as well is another
        /// question.
        Proved = "proved",
    }
}

/// What a backup is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its worth: the highest of what is known of it.
    pub worth: Worth,
    /// It counts, and a fetch over another channel gave the same text.
    pub verified: bool,
    /// It counts, and a simulated unit gave it back.
    pub proved: bool,
    /// It counts because a person said so.
    pub accepted: bool,
}

impl Standing {
    /// Whether it counts as a backup.
    pub fn counts(self) -> bool {
        self.worth >= Worth::Taken
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}{}", self.worth, if self.accepted { " (accepted)" } else { "" }))
    }
}

/// What a backup is worth by its grade and what was learned since, oldest first. Damage and a doubt take everything away
/// that was known before, until a person accepts; nothing but a person makes a backup count that did not. A simulated unit that
/// does not take a text is no doubt about it: only a model says so.
pub fn standing(grade: Grade, learned: impl IntoIterator<Item = Learned>) -> Standing {
    let mut base = if grade == Grade::Taken { Worth::Taken } else { Worth::Suspect };
    let (mut accepted, mut verified, mut proved) = (false, false, false);
    for learned in learned {
        match learned {
            Learned::Verified => verified = true,
            Learned::Proved => proved = true,
            Learned::NotProved => proved = false,
            Learned::Doubted => (base, accepted, verified, proved) = (Worth::Doubted, false, false, false),
            Learned::Damaged => (base, accepted, verified, proved) = (Worth::Damaged, false, false, false),
            Learned::Accepted => {
                accepted |= base < Worth::Taken;
                base = Worth::Taken;
            }
        }
    }
    let counts = base >= Worth::Taken;
    (verified, proved) = (verified && counts, proved && counts);
    let worth = match base {
        Worth::Taken if proved => Worth::Proved,
        Worth::Taken if verified => Worth::Verified,
        base => base,
    };
    Standing { worth, verified, proved, accepted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(grade: Grade, learned: &[Learned]) -> String {
        standing(grade, learned.iter().copied()).to_string()
    }

    #[test]
    fn worth_follows_from_the_grade_and_what_was_learned() {
        use Learned::{Accepted, Damaged, Doubted, NotProved, Proved, Verified};
        for (grade, learned, expected) in [
            (Grade::Taken, &[][..], "taken"),
            (Grade::Taken, &[Verified], "verified"),
            (Grade::Taken, &[Verified, Doubted], "doubted"),
            (Grade::Taken, &[Doubted, Verified], "doubted"),
            (Grade::Taken, &[Doubted, Accepted], "taken (accepted)"),
            (Grade::Taken, &[Accepted], "taken"),
            (Grade::Suspect, &[], "suspect"),
            (Grade::Suspect, &[Verified], "suspect"),
            (Grade::Suspect, &[Accepted], "taken (accepted)"),
            (Grade::Suspect, &[Accepted, Verified], "verified (accepted)"),
            (Grade::Suspect, &[Accepted, Doubted], "doubted"),
            (Grade::Taken, &[Proved], "proved"),
            (Grade::Taken, &[Proved, Verified], "proved"),
            (Grade::Taken, &[Verified, Proved, NotProved], "verified"),
            (Grade::Taken, &[NotProved, Proved], "proved"),
            (Grade::Taken, &[NotProved], "taken"),
            (Grade::Taken, &[Proved, Doubted], "doubted"),
            (Grade::Taken, &[Proved, Doubted, Accepted], "taken (accepted)"),
            (Grade::Taken, &[Verified, Damaged], "damaged"),
            (Grade::Taken, &[Damaged, Verified, Proved], "damaged"),
            (Grade::Taken, &[Damaged, Accepted], "taken (accepted)"),
            (Grade::Suspect, &[Accepted, Damaged], "damaged"),
            (Grade::Suspect, &[Proved], "suspect"),
            (Grade::Suspect, &[Accepted, Proved], "proved (accepted)"),
        ] {
            assert_eq!(shown(grade, learned), expected, "{grade} {learned:?}");
        }
        let both = standing(Grade::Taken, [Verified, Proved]);
        assert!(both.verified && both.proved);
        let held = standing(Grade::Suspect, [Verified, Proved]);
        assert!(!held.verified && !held.proved, "what does not count is neither");
    }

    proptest! {
        #[test]
        fn only_a_person_makes_count_what_did_not(learned in proptest::collection::vec(proptest::sample::select(Learned::ALL), 0..12), more in proptest::sample::select(Learned::ALL)) {
            let before = standing(Grade::Suspect, learned.iter().copied());
            let after = standing(Grade::Suspect, learned.iter().copied().chain([more]));
            prop_assert!(before.counts() || !after.counts() || more == Learned::Accepted);
        }
    }
}
