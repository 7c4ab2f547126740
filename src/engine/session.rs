//! Opening a session to a seat: lane, credential brake, host key, login, and the proof of identity before anything else.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{AccessError, Peer, Session};
use crate::decide::brake::Verdict;
use crate::engine::brake::Gate;
use crate::engine::env::Env;
use crate::engine::fleet::Facts;
use crate::engine::lane::Permit;
use crate::model::actor::{Act, NewAudit};
use crate::model::credential::Purpose;
use crate::model::identity::{self, Proof, Seen};
use crate::model::limits;
use crate::model::outside::Outside;
use crate::model::reading::Outcome;
use crate::readout::{Context, Readout};

/// A session whose far end is proved to be the seat's hardware.
pub struct Live {
    /// The session.
    pub session: Box<dyn Session>,
    /// What the appliance said of itself.
    pub seen: Seen,
    /// Its readings of identity, taken with the proof.
    pub identity: Readout,
    /// That it is the expected appliance.
    pub proof: Proof,
    permit: Permit,
}

impl Live {
    /// Says goodbye and frees the lane.
    pub async fn close(self) {
        self.session.close().await;
        drop(self.permit);
    }
}

/// Why there is no session, or not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In a word.
    pub outcome: Outcome,
    /// In words for a person, with what was expected and found.
    pub reason: Outside,
}

impl Failure {
    /// A failure with its reason.
    pub fn new(outcome: Outcome, reason: impl Into<Outside>) -> Self {
        Self { outcome, reason: reason.into() }
    }
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        let outcome = match &error {
            AccessError::NotYetServed(_) => Outcome::NotYetServed,
            AccessError::KeyUnknown { .. } => Outcome::KeyUnknown,
            AccessError::KeyChanged { .. } => Outcome::KeyChanged,
            AccessError::TimedOut { .. } | AccessError::Network(_) => Outcome::TimedOut,
            AccessError::Refused => Outcome::Refused,
            AccessError::ClosedEarly => Outcome::ClosedEarly,
            AccessError::Protocol(_) => Outcome::Protocol,
            AccessError::LoginRefused { .. } => Outcome::LoginRefused,
            AccessError::UnusableKey(_) => Outcome::NoCredential,
            AccessError::UnknownPrompt(_) | AccessError::NoPrompt(_) => Outcome::NoPrompt,
            AccessError::Dropped(_) => Outcome::Dropped,
            AccessError::OverLimit { .. } => Outcome::OverLimit,
        };
        Self::new(outcome, error.to_string())
    }
}
