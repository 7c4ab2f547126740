//! The host key of the drop, which stays the same as long as its seed does.

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PublicKeyBase64};

use crate::model::push::KeyPrints;

/// The host key of a drop.
#[derive(Clone)]
pub struct HostKey(pub(super) PrivateKey);

/// A host key that has no text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host key of the drop has no text form")]
pub struct HostKeyError;

impl HostKey {
    /// The Ed25519 key of a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(seed)))
    }

    /// The public half in OpenSSH's one-line form, without comment.
    pub fn public(&self) -> Result<String, HostKeyError> {
        let mut key = self.0.public_key().clone();
        key.set_comment("");
        key.to_openssh().map_err(|_| HostKeyError)
    }

    /// Its fingerprints, as clients of all ages show them.
    pub fn prints(&self) -> KeyPrints {
        let key = self.0.public_key();
        let md5 = md5::compute(key.public_key_bytes());
        let pairs: Vec<String> = md5.0.iter().map(|byte| format!("{byte:02x}")).collect();
        KeyPrints { sha256: key.fingerprint(HashAlg::Sha256).to_string(), md5: pairs.join(":") }
    }
}
