//! The hardware (実機) and its host keys, apart from the seat in which it sits.

use serde::{Deserialize, Serialize};

use super::door::{Door, HopName};
use super::id::{AssetId, HostKeyId};
use super::name::{CustomerName, SeatName};
use super::outside::Outside;
use super::time::Time;

/// A piece of hardware. Its identity is empty until its first login has shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: AssetId,
    /// The customer that it serves.
    pub customer: CustomerName,
    /// The seat in which it sits now.
    pub seat: SeatName,
    /// `System serial num:`, once known.
    pub serial: Option<Outside>,
    /// The product token of `Product name:` (`Web MPS`), once known.
    pub product: Option<Outside>,
    /// `Product model:`, once known.
    pub model: Option<Outside>,
    /// `Appliance ID:` (the management MAC in upper case), once known.
    pub appliance_id: Option<Outside>,
    /// The last release that it reported, and when.
    pub release: Option<(Outside, Time)>,
    /// Since when it sits in the seat.
    pub since: Time,
}

crate::words! {
    /// The life of a host key.
    pub enum KeyState {
        /// Shown by a peer, accepted by nobody: nothing secret is sent to it.
        Seen = "seen",
        /// Accepted by a person.
        Accepted = "accepted",
        /// Refused for ever, in every seat.
        Revoked = "revoked",
    }
}

/// What shows a host key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHolder {
    /// An appliance.
    Asset(AssetId),
    /// A hop of a way in.
    Hop(HopName),
}

/// A host key. That of an appliance hangs on the asset, so that an address change keeps it; that of a hop hangs on its
/// place behind its gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// Its id.
    pub id: HostKeyId,
    /// The asset that showed it; a hop has none.
    pub asset: Option<AssetId>,
    /// The seat in which the asset sits, or the hop.
    #[serde(flatten)]
    pub door: Door,
    /// `ssh-ed25519`, `ssh-rsa`, …
    pub algorithm: String,
    /// `SHA256:…`, as OpenSSH prints it.
    pub fingerprint: String,
    /// The key in OpenSSH's one-line form, without comment.
    pub public_key: String,
    /// Seen, accepted or revoked.
    pub state: KeyState,
    /// When it was first seen.
    pub seen_at: Time,
    /// By which second route the fingerprint was confirmed (console, CM, customer), as the person said it.
    pub route: Option<String>,
    /// Who decided last, and when.
    pub decided: Option<(String, Time)>,
}
