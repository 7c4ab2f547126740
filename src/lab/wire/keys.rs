//! Host keys of the lab and the algorithms that its units offer.

use std::borrow::Cow;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Algorithm, HashAlg, PrivateKey};
use russh::{Preferred, cipher, compression, kex, mac};

use crate::lab::error::LabError;
use crate::lab::seed;
use crate::model::door::HopName;
use crate::model::inventory::Algorithms;
use crate::model::name::SeatName;

/// The RSA key of every unit that speaks only old algorithms. It is public: a key that everybody has protects nothing,
/// and making one for each unit would take seconds.
const LEGACY_HOST_KEY: &str = include_str!("legacy_host_key");

/// The host key of a unit; `changed` gives the one that it shows when somebody replaced it.
pub fn host_key(seat: &SeatName, algorithms: Algorithms, changed: bool) -> Result<PrivateKey, LabError> {
    match algorithms {
        Algorithms::Legacy if !changed => PrivateKey::from_openssh(LEGACY_HOST_KEY).map_err(LabError::HostKey),
        // A changed key of an old unit is of another type, which careless clients take for an unknown one.
        _ => {
            let purpose = if changed { "changed host key" } else { "host key" };
            Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed::bytes(purpose, seat.as_str()))))
        }
    }
}

/// The public host key in OpenSSH's one-line form, without comment.
pub fn public_host_key(seat: &SeatName, algorithms: Algorithms, changed: bool) -> Result<String, LabError> {
    let mut key = host_key(seat, algorithms, changed)?.public_key().clone();
    key.set_comment("");
    key.to_openssh().map_err(LabError::HostKey)
}

/// The fingerprint of the host key as it stands on the console, `SHA256:…`.
pub fn fingerprint(seat: &SeatName, algorithms: Algorithms) -> Result<String, LabError> {
    Ok(host_key(seat, algorithms, false)?.public_key().fingerprint(HashAlg::Sha256).to_string())
}

/// The host key of a unit as OpenSSH's client shows it: the kind (`ED25519`), and the fingerprint.
pub(super) fn shown(
    seat: &SeatName,
    algorithms: Algorithms,
    changed: bool,
) -> Result<(&'static str, String), LabError> {
    let key = host_key(seat, algorithms, changed)?;
    let kind = if key.algorithm().is_rsa() { "RSA" } else { "ED25519" };
    Ok((kind, key.public_key().fingerprint(HashAlg::Sha256).to_string()))
}

/// The host key of a bastion.
pub(super) fn hop_host_key(hop: &HopName) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&seed::bytes("hop host key", &hop.to_string())))
}

/// The fingerprint of a bastion as its administrator would read it out, `SHA256:…`.
pub fn hop_fingerprint(hop: &HopName) -> String {
    hop_host_key(hop).public_key().fingerprint(HashAlg::Sha256).to_string()
}

/// What a unit offers: the sets of OpenSSH of its time.
pub(super) fn preferred(algorithms: Algorithms, host_key: &PrivateKey) -> Preferred {
    let none = Cow::Borrowed(&[compression::NONE][..]);
    match algorithms {
        Algorithms::Modern => Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::DH_G16_SHA512,
                kex::DH_G14_SHA256,
                kex::EXTENSION_SUPPORT_AS_SERVER,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            cipher: Cow::Borrowed(&[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA256]),
            compression: none,
            ..Preferred::DEFAULT
        },
        Algorithms::Legacy => Preferred {
            kex: Cow::Borrowed(&[kex::DH_G14_SHA1, kex::DH_G1_SHA1]),
            key: Cow::Owned(vec![host_key.algorithm()]),
            cipher: Cow::Borrowed(&[cipher::AES_128_CBC, cipher::AES_256_CBC]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA1]),
            compression: none,
            ..Preferred::DEFAULT
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seat: &str, algorithms: Algorithms, changed: bool) -> String {
        public_host_key(&seat.parse().expect("a name"), algorithms, changed).expect("a key")
    }

    #[test]
    fn keys_are_the_same_each_time_and_differ_by_seat_and_change() {
        let modern = key("nx01", Algorithms::Modern, false);
        assert!(modern.starts_with("ssh-ed25519 "), "{modern}");
        assert_eq!(modern, key("nx01", Algorithms::Modern, false));
        assert_ne!(modern, key("nx02", Algorithms::Modern, false));
        assert_ne!(modern, key("nx01", Algorithms::Modern, true));
        assert!(key("nx01", Algorithms::Legacy, false).starts_with("ssh-rsa "));
    }
}
