//! Lab and live are told apart by birth, not by an option.

crate::words! {
    /// The world that a store, a key and an appliance were born into.
    pub enum Realm {
        /// Simulated appliances on loopback, with credentials and keys of their own.
        Lab = "lab",
        /// Customers' appliances.
        Live = "live",
    }
}
