//! The order in which work waits in front of one appliance.

crate::words! {
    /// Why a session to an appliance is wanted; what is declared first goes first.
    pub enum Errand {
        /// A run of a playbook; it holds the lane alone.
        Run = "run",
        /// A closer look after a fault, and the one further try of a refused credential.
        Look = "look",
        /// A backup.
        Backup = "backup",
        /// A poll.
        Poll = "poll",
    }
}
