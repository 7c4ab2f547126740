//! One appliance as a value: what it is, what it is set to, and how its command line answers.
//!
//! Invariant: nothing here opens a socket or reads a clock. The layouts are this folder's own reading of the vendor's
//! documents (docs.trellix.com, CLI reference); they share no text with the readers.

crate::words! {
    /// What an account may do. Commands above it do not exist for it.
    pub enum Role {
        /// Looks.
        Monitor = "monitor",
        /// Looks, and does some changes.
        Operator = "operator",
        /// Does everything.
        Admin = "admin",
    }
}
