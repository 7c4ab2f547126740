//! L3: sealed objects and the keys that seal and open them.
//!
//! A sealed object is a stock age v1 file to its customer's key; the `age` tool opens it when Hoshu is gone, with the
//! root key or a recovery identity. Inside stand one line of JSON that says whose it is, a line feed, and the content
//! packed with zstd.
//!
//! Invariant: sealing needs public halves only; opening needs the root key, names its purpose and compares the line
//! inside with what the store says. A missing root key stops work and never makes a new one. This folder does not
//! know the store: rows come in and go out as values.

pub mod check;
pub mod files;
pub mod keys;
pub mod room;
pub mod root;
pub mod seal;
pub mod stream;

pub use check::{DepotFile, FileKind, Measured};
pub use files::{Depot, DepotError};
pub use keys::{Fingerprints, KeyError, Keyring, enough_recipients, recipients};
pub use room::Reservation;
pub use root::{Opener, root_create, root_exists, root_line};
pub use seal::{NewObject, SealedHeader};
pub use stream::{Arriving, BeginError, Kept};
