//! Sealed objects and the keys of customers, as the store keeps them and the depot makes them.

use serde::{Deserialize, Serialize};

use super::name::{CustomerName, SeatName};
use super::time::Time;

crate::words! {
    /// What lies in a sealed object.
    pub enum ObjectKind {
        /// A text configuration.
        Configuration = "configuration",
        /// A file that an appliance wrote and pushed.
        Pushed = "pushed",
        /// The timed transcript of a session.
        Transcript = "transcript",
    }
}

/// What the store says of a sealed object. The header inside must say the same, else the object is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Whose it is.
    pub customer: CustomerName,
    /// The seat that it came from.
    pub seat: SeatName,
    /// The generation of its customer's key that it is sealed to.
    pub generation: u32,
    /// What it is.
    pub kind: ObjectKind,
    /// When it was taken.
    pub taken_at: Time,
    /// A random number that also stands in the sealed header, in hex.
    pub nonce: String,
    /// SHA-256 of the sealed bytes.
    pub digest: [u8; 32],
    /// How many sealed bytes there are.
    pub bytes: u64,
}

/// Where the sealed bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectBody {
    /// In the row itself.
    Row(Vec<u8>),
    /// In a file of the depot, by its path inside the depot.
    File(String),
}

/// A sealed object: an age file to its customer's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedObject {
    /// What the row says.
    pub facts: ObjectFacts,
    /// Where the bytes are.
    pub body: ObjectBody,
}

/// Where an object lies and how much of it should be there, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPlace {
    /// So many sealed bytes there were.
    pub bytes: u64,
    /// Its file in the depot.
    pub path: Option<String>,
    /// So many bytes are in the row, when it has no file.
    pub held: u64,
}

/// A customer's key pair of one generation, and its content key, which is the same in every generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerKey {
    /// The customer.
    pub customer: CustomerName,
    /// Its number, from 1; the highest is the one to which new objects are sealed.
    pub generation: u32,
    /// The recipient to which objects are sealed (`age1…`).
    pub public: String,
    /// What must stay secret.
    pub halves: KeyHalves,
    /// When it was made.
    pub made_at: Time,
}

/// A key of the house itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseKey {
    /// What it is for.
    pub name: String,
    /// Its public half, as those see it who know it by that.
    pub public: String,
    /// An age file to the root key and to every recovery recipient.
    pub sealed: Vec<u8>,
    /// To whom it is sealed.
    pub to: SealedTo,
    /// When it was made.
    pub made_at: Time,
}

/// What must stay secret of a customer's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHalves {
    /// Age files to the root key and to every recovery recipient.
    Sealed {
        /// The identity that opens objects.
        private: Vec<u8>,
        /// The key from which those of content ids (BLAKE3) and fingerprints (HMAC-SHA-256) are derived.
        content: Vec<u8>,
        /// To whom both are sealed.
        to: SealedTo,
    },
    /// Nobody opens it any more.
    Destroyed {
        /// When it was destroyed.
        at: Time,
        /// Why, in a person's words.
        reason: String,
    },
}

/// The recipients of a sealed key (`age1…`), as they were when it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedTo {
    /// The public half of the root key.
    pub root: String,
    /// The recovery recipients, in order.
    pub recovery: Vec<String>,
}

crate::words! {
    /// For what a sealed object is opened; it stands in the audit.
    pub enum OpenPurpose {
        /// It is written out for use elsewhere.
        Export = "export",
        /// It is proved that it still opens and is what it says.
        Verify = "verify",
        /// It is loaded into a simulated unit.
        Prove = "prove",
        /// A transcript is shown, with every known secret masked.
        Replay = "replay",
    }
}
