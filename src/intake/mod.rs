//! L3: what comes in from appliances by their own doing.
//!
//! Invariant: nothing here opens what is sealed, holds a credential of a device, or knows the store and the depot: what
//! arrives goes into a sink that was handed in.

pub mod drop;
