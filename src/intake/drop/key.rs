//! The host keys of the drop, which stay the same as long as their seed does.

use russh::keys::ssh_key::private::{EcdsaKeypair, Ed25519Keypair};
use russh::keys::{HashAlg, PrivateKey, PublicKeyBase64};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::model::push::{KeyPrint, KeyPrints};

/// What tells the seed of the ECDSA key from that of the other.
const ECDSA: &[u8] = b"hoshu drop host key ecdsa-sha2-nistp256 v1";

/// The host keys of a drop: Ed25519, and ECDSA on NIST P-256 for clients that know no Ed25519 (OpenSSH before 6.5, or one
/// in a mode for FIPS 140). Both come from one seed.
#[derive(Clone)]
pub struct HostKey {
    ed25519: PrivateKey,
    ecdsa: PrivateKey,
}

/// A host key that has no text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host key of the drop has no text form")]
pub struct HostKeyError;

impl HostKey {
    /// The keys of a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self { ed25519: PrivateKey::from(Ed25519Keypair::from_seed(seed)), ecdsa: PrivateKey::from(ecdsa(seed)) }
    }

    /// The public half of the Ed25519 key, by which the drop is named, in OpenSSH's one-line form, without comment.
    pub fn public(&self) -> Result<String, HostKeyError> {
        public(&self.ed25519)
    }

    /// Both public halves, as [`Self::public`] has the first.
    pub fn publics(&self) -> Result<[String; 2], HostKeyError> {
        Ok([public(&self.ed25519)?, public(&self.ecdsa)?])
    }

    /// The fingerprint of the Ed25519 key (`SHA256:…`).
    pub fn fingerprint(&self) -> String {
        self.ed25519.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The fingerprints of both, as clients of all ages show them, in the order of [`Self::publics`].
    pub fn prints(&self) -> KeyPrints {
        KeyPrints([&self.ed25519, &self.ecdsa].map(print).to_vec())
    }

    pub(super) fn into_keys(self) -> Vec<PrivateKey> {
        vec![self.ed25519, self.ecdsa]
    }
}

/// The first number after the seed that is a private key, which all but one in four thousand millions are.
fn ecdsa(seed: &[u8; 32]) -> EcdsaKeypair {
    let mut count = 0_u64;
    loop {
        let mut hash = Sha256::new_with_prefix(ECDSA);
        hash.update(count.to_be_bytes());
        hash.update(seed);
        let number = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
        if let Ok(private) = p256::SecretKey::from_slice(number.as_slice()) {
            return EcdsaKeypair::NistP256 { public: private.public_key().into(), private: private.into() };
        }
        count += 1;
    }
}

fn public(key: &PrivateKey) -> Result<String, HostKeyError> {
    let mut key = key.public_key().clone();
    key.set_comment("");
    key.to_openssh().map_err(|_| HostKeyError)
}

fn print(key: &PrivateKey) -> KeyPrint {
    let key = key.public_key();
    let md5 = md5::compute(key.public_key_bytes());
    let pairs: Vec<String> = md5.0.iter().map(|byte| format!("{byte:02x}")).collect();
    KeyPrint { sha256: key.fingerprint(HashAlg::Sha256).to_string(), md5: pairs.join(":") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_the_same_keys_for_ever() {
        let key = HostKey::from_seed(&[7; 32]);
        let expected = [
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOpKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs",
            "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBARYIWVE7zDN2yRPbeJqTDC7lZHZO90UBBUr\
             7IiqBYRzNmwxF2BFFZX1yGajKEiqIV701hHRqi5O750Q/m0m8uk=",
        ];
        assert_eq!(key.publics().unwrap(), expected);
        assert_ne!(key.publics().unwrap()[1], HostKey::from_seed(&[8; 32]).publics().unwrap()[1]);
        assert!(key.prints().are_in(&format!("ECDSA key fingerprint is {}.", key.prints().0[1].sha256)));
        assert_eq!(key.fingerprint(), key.prints().0[0].sha256);
    }
}
