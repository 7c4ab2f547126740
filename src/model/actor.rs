//! Who asks, and what is written down about it.

use serde::{Deserialize, Serialize};

use super::id::AuditId;
use super::name::CustomerName;
use super::time::Time;

crate::words! {
    /// How it is known who an actor is.
    pub enum Proof {
        /// The name of the operating system's user, as the process claims it: enough for reading.
        Claimed = "claimed",
        /// Hoshu itself, in the course of its own work.
        Itself = "itself",
    }
}

/// Whose rows a query may see. There is no query without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every customer: our own people and the engine.
    House,
    /// These customers only; an empty list sees nothing.
    Customers(Vec<CustomerName>),
}

impl Scope {
    /// Whether rows of this customer are inside.
    pub fn sees(&self, customer: &CustomerName) -> bool {
        match self {
            Self::House => true,
            Self::Customers(list) => list.contains(customer),
        }
    }
}

/// A person or process that asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The name that is written down.
    pub name: String,
    /// How it is known.
    pub proof: Proof,
    /// What it may see.
    pub scope: Scope,
}

crate::words! {
    /// What was done, for the audit.
    pub enum Act {
        /// A store was made.
        StoreMade = "store-made",
        /// An inventory was accepted as a generation.
        InventoryAccepted = "inventory-accepted",
        /// The root key was made.
        RootKeyMade = "root-key-made",
        /// A customer's key pair was made.
        CustomerKeyMade = "customer-key-made",
        /// A customer got a new key pair for new objects.
        CustomerKeyRotated = "customer-key-rotated",
        /// A customer's keys were sealed to the present root key and recovery recipients.
        CustomerKeyRewrapped = "customer-key-rewrapped",
        /// A customer's keys were opened by a recovery identity and sealed to the present root key.
        CustomerKeyRecovered = "customer-key-recovered",
        /// A customer's keys were destroyed: nobody opens its objects any more.
        CustomerKeyDestroyed = "customer-key-destroyed",
        /// A customer's sealed key was written out.
        CustomerKeyExported = "customer-key-exported",
        /// A host key was seen for the first time.
        HostKeySeen = "host-key-seen",
        /// A host key was accepted by a person.
        HostKeyAccepted = "host-key-accepted",
        /// A host key was revoked.
        HostKeyRevoked = "host-key-revoked",
        /// The identity of an asset was recorded at its first login.
        AssetIdentified = "asset-identified",
        /// A backup was stored.
        BackupTaken = "backup-taken",
        /// A log bundle was stored.
        BundleTaken = "bundle-taken",
        /// Log bundles of a seat that are older than they are kept were removed.
        BundlePruned = "bundle-pruned",
        /// A log bundle left the house's keeping, in clear.
        BundleExported = "bundle-exported",
        /// The host key of the drop was made.
        DropKeyMade = "drop-key-made",
        /// The host key of the drop was sealed to the present root key and recovery recipients.
        DropKeyRewrapped = "drop-key-rewrapped",
        /// An appliance was told to write a backup and push it.
        PushAsked = "push-asked",
        /// An appliance asked about the host key of the drop, and was told yes: it knows it since.
        DropKeyConfirmed = "drop-key-confirmed",
        /// Something was refused at the drop.
        DropRefused = "drop-refused",
        /// Something was learned of a backup after it was taken.
        BackupJudged = "backup-judged",
        /// Backups of a seat that nothing keeps any more were removed.
        BackupPruned = "backup-pruned",
        /// Files that the depot had left over were removed.
        DepotSwept = "depot-swept",
        /// The redacted text of a backup was made again, as later rules have it.
        BackupRedacted = "backup-redacted",
        /// A configuration left the house's keeping: redacted, or in clear.
        BackupExported = "backup-exported",
        /// A sealed object was opened.
        ObjectOpened = "object-opened",
        /// Appliances were asked a question of a person's own.
        Asked = "asked",
        /// The answers of an appliance were recorded, to leave the house scrubbed.
        Recorded = "recorded",
        /// A person began to open an attended way.
        WayOpening = "way-opening",
        /// An attended way was opened, to be lent.
        WayOpened = "way-opened",
        /// An attended way was closed, or did not open.
        WayClosed = "way-closed",
        /// A session that leaves a transcript began.
        SessionBegan = "session-began",
        /// A session that leaves a transcript ended, and its transcript is sealed.
        SessionEnded = "session-ended",
        /// A transcript left the house's keeping, with every known secret masked.
        TranscriptExported = "transcript-exported",
        /// Transcripts that are older than they are kept were removed.
        TranscriptPruned = "transcript-pruned",
        /// A credential was stopped on a seat or everywhere.
        CredentialStopped = "credential-stopped",
        /// A person cleared a stopped credential.
        CredentialCleared = "credential-cleared",
    }
}

/// One record of the audit; it is written in the transaction of what it records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its number, in the order of writing.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: String,
    /// How it is known who.
    pub proof: Proof,
    /// What.
    pub act: Act,
    /// On what: a seat, a customer, an id.
    pub subject: String,
    /// Further facts as JSON text with `"v"`; never a secret.
    pub detail: String,
}

/// A record before it has a number and a time of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAudit {
    /// When.
    pub at: Time,
    /// Who, by name.
    pub actor: String,
    /// How it is known who.
    pub proof: Proof,
    /// What.
    pub act: Act,
    /// On what.
    pub subject: String,
    /// Further facts as JSON text with `"v"`; never a secret.
    pub detail: String,
}

impl Actor {
    /// Hoshu itself, in the course of its own work.
    pub fn itself() -> Self {
        Self { name: "hoshu".to_owned(), proof: Proof::Itself, scope: Scope::House }
    }

    /// A record of something that this actor did.
    pub fn did(&self, at: Time, act: Act, subject: impl Into<String>, detail: &serde_json::Value) -> NewAudit {
        NewAudit {
            at,
            actor: self.name.clone(),
            proof: self.proof,
            act,
            subject: subject.into(),
            detail: detail.to_string(),
        }
    }
}
