//! What an import says: doubts, which keep something out, and notes, which tell what was done.

use std::collections::HashMap;

use serde::Serialize;

use super::mapping::Column;
use crate::model::outside::Outside;
use crate::sheet::At;

/// Something that cannot be taken over as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Where it stands; several places for one doubt. Empty: the file as a whole.
    pub at: Vec<At>,
    /// The field.
    pub column: Option<Column>,
    /// What stands there; nothing when that may be a secret.
    pub found: Option<Outside>,
    /// What is wrong, behind what was found.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Something that was done with the file, and is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Where; nothing for the file as a whole.
    pub at: Option<At>,
    /// What.
    pub message: String,
}

/// Notes that are kept; of more, the number alone is told.
const NOTES_MAX: usize = 10_000;

/// Everything that is said.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) doubts: Vec<Doubt>,
    pub(super) notes: Vec<Note>,
    /// Doubts by what they say.
    known: HashMap<(Option<Column>, Option<Outside>, String), usize>,
    /// Notes beyond those that are kept.
    pub(super) notes_left_out: usize,
}

impl Said {
    pub(super) fn note(&mut self, at: At, message: String) {
        self.push(Note { at: Some(at), message });
    }

    pub(super) fn note_file(&mut self, message: String) {
        self.push(Note { at: None, message });
    }

    fn push(&mut self, note: Note) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(note);
        } else {
            self.notes_left_out += 1;
        }
    }

    pub(super) fn doubt_file(&mut self, message: String, hint: Option<String>) {
        self.doubts.push(Doubt { at: Vec::new(), column: None, found: None, message, hint });
    }

    /// A doubt at a place; one that was said of the same value before gets one place more.
    pub(super) fn doubt(
        &mut self,
        at: At,
        column: Column,
        found: Option<&Outside>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let key = (Some(column), found.cloned(), message.into());
        if let Some(doubt) = self.known.get(&key).and_then(|number| self.doubts.get_mut(*number)) {
            // A merged cell comes once for each row that it covers.
            if doubt.at.last() != Some(&at) {
                doubt.at.push(at);
            }
            return;
        }
        let (column, found, message) = key.clone();
        self.known.insert(key, self.doubts.len());
        self.doubts.push(Doubt { at: vec![at], column, found, message, hint });
    }
}
