//! What the files declare and this version does not use: said aloud, never ignored in silence.

use crate::model::inventory::Inventory;

/// One kind of thing that is declared and not yet served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotServed {
    /// What: `windows`, `contacts`, `way in ssh-nested`.
    pub what: String,
    /// What does not happen because of it.
    pub why: &'static str,
    /// The seats or customers that declare it, one entry for each declaration.
    pub subjects: Vec<String>,
}

/// Everything that is declared and not yet served, grouped.
pub fn not_served(_inventory: &Inventory) -> Vec<NotServed> {
    Vec::new()
}
