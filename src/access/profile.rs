//! The algorithms that are offered, as one shared configuration for each profile and order of host keys.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{Config, GexParams};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression, kex, mac};

use super::{AccessLimits, KeyKind, Negotiated};
use crate::model::inventory::Algorithms;

/// Keepalives without an answer after which a connection is given up.
pub(super) const KEEPALIVES_MAX: usize = 3;

/// Cheapest first: curve25519 takes half of the time of the hybrid and a quarter of that of P-384.
const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
];
/// Over finite fields, for old releases; group 14 is an order of magnitude cheaper than what an exchange may choose.
const KEX_LEGACY: &[kex::Name] = &[kex::DH_G14_SHA256, kex::DH_G14_SHA1, kex::DH_GEX_SHA256, kex::DH_GEX_SHA1];
const KEX_EXTENSIONS: &[kex::Name] = &[kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];
const CIPHERS: &[cipher::Name] = &[
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];
const CIPHERS_LEGACY: &[cipher::Name] = &[cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC];
const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];
const MACS_LEGACY: &[mac::Name] = &[mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];

/// Which types of host key are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// Any.
    Any,
    /// Any, but this one first: the type that is pinned.
    First(KeyKind),
    /// This one and no other.
    Only(KeyKind),
}

/// The configurations of one set of limits, made when they are first needed.
#[derive(Debug)]
pub(super) struct Profiles {
    limits: AccessLimits,
    made: Mutex<HashMap<(Algorithms, Ask), Arc<Config>>>,
}

impl Profiles {
    pub(super) fn new(limits: AccessLimits) -> Self {
        Self { limits, made: Mutex::default() }
    }

    /// What is offered to a seat.
    pub(super) fn config(&self, algorithms: Algorithms, ask: Ask) -> Result<Arc<Config>, russh::Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = made.get(&(algorithms, ask)) {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(Config {
            preferred: preferred(algorithms, ask),
            // The least that russh takes; what old releases offer is not more.
            gex: GexParams::new(2048, 2048, 8192)?,
            keepalive_interval: Some(self.limits.keepalive),
            keepalive_max: KEEPALIVES_MAX,
            nodelay: true,
            ..Config::default()
        });
        made.insert((algorithms, ask), Arc::clone(&config));
        Ok(config)
    }
}

fn preferred(algorithms: Algorithms, ask: Ask) -> Preferred {
    let legacy = algorithms == Algorithms::Legacy;
    let with = |extra: &'static [kex::Name]| if legacy { extra } else { &[] };
    Preferred {
        kex: Cow::Owned([KEX, with(KEX_LEGACY), KEX_EXTENSIONS].concat()),
        key: Cow::Owned(host_keys(legacy, ask)),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: if legacy { Cow::Owned([CIPHERS, CIPHERS_LEGACY].concat()) } else { Cow::Borrowed(CIPHERS) },
        mac: if legacy { Cow::Owned([MACS, MACS_LEGACY].concat()) } else { Cow::Borrowed(MACS) },
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}

fn host_keys(legacy: bool, ask: Ask) -> Vec<Algorithm> {
    let kinds: Vec<KeyKind> = match ask {
        Ask::Any => KeyKind::ALL.to_vec(),
        Ask::Only(kind) => vec![kind],
        Ask::First(first) => {
            std::iter::once(first).chain(KeyKind::ALL.iter().copied().filter(|kind| *kind != first)).collect()
        }
    };
    kinds.into_iter().flat_map(|kind| signatures(kind, legacy)).collect()
}

/// The signature algorithms of a type of host key.
fn signatures(kind: KeyKind, legacy: bool) -> Vec<Algorithm> {
    match kind {
        KeyKind::Ed25519 => vec![Algorithm::Ed25519],
        KeyKind::EcdsaP256 => vec![Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 }],
        KeyKind::EcdsaP384 => vec![Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 }],
        KeyKind::EcdsaP521 => vec![Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 }],
        KeyKind::Rsa => [Some(HashAlg::Sha512), Some(HashAlg::Sha256)]
            .into_iter()
            .chain(legacy.then_some(None))
            .map(|hash| Algorithm::Rsa { hash })
            .collect(),
    }
}

/// What russh negotiated, in words.
pub(super) fn negotiated(names: &russh::Names) -> Negotiated {
    let with_own_mac = [cipher::AES_256_GCM, cipher::AES_128_GCM, cipher::CHACHA20_POLY1305].contains(&names.cipher);
    Negotiated {
        kex: names.kex.as_ref().to_owned(),
        host_key: names.key.to_string(),
        cipher: names.cipher.as_ref().to_owned(),
        mac: if with_own_mac { "implicit" } else { names.client_mac.as_ref() }.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(algorithms: Algorithms) -> Vec<String> {
        let offered = preferred(algorithms, Ask::Any);
        let keys = offered.key.iter().map(ToString::to_string);
        let kex = offered.kex.iter().map(|name| name.as_ref().to_owned());
        let ciphers = offered.cipher.iter().map(|name| name.as_ref().to_owned());
        keys.chain(kex).chain(ciphers).chain(offered.mac.iter().map(|name| name.as_ref().to_owned())).collect()
    }

    #[test]
    fn modern_offers_nothing_weak() {
        for name in names(Algorithms::Modern) {
            let weak = name.contains("sha1") || name.contains("cbc") || name.contains("group") || name == "ssh-rsa";
            assert!(!weak && name != "none", "{name}");
        }
    }

    #[test]
    fn legacy_adds_what_old_releases_speak_and_puts_it_last() {
        let offered = preferred(Algorithms::Legacy, Ask::Any);
        assert_eq!(offered.kex.first(), Some(&kex::CURVE25519));
        assert!(offered.kex.contains(&kex::DH_G14_SHA1) && offered.cipher.contains(&cipher::AES_128_CBC));
        assert_eq!(offered.key.last(), Some(&Algorithm::Rsa { hash: None }));
        assert!(!offered.kex.contains(&kex::DH_G1_SHA1));
    }

    #[test]
    fn the_pinned_type_is_asked_for_first_and_a_scan_asks_for_one_alone() {
        let first = host_keys(false, Ask::First(KeyKind::Rsa));
        assert_eq!(first.first(), Some(&Algorithm::Rsa { hash: Some(HashAlg::Sha512) }));
        assert_eq!(first.len(), host_keys(false, Ask::Any).len());
        assert_eq!(host_keys(true, Ask::Only(KeyKind::Ed25519)), [Algorithm::Ed25519]);
    }

    #[test]
    fn a_configuration_is_made_once() {
        let profiles = Profiles::new(AccessLimits::default());
        let config = |ask| profiles.config(Algorithms::Modern, ask).expect("a valid configuration");
        assert!(Arc::ptr_eq(&config(Ask::Any), &config(Ask::Any)));
        assert!(!Arc::ptr_eq(&config(Ask::Any), &config(Ask::Only(KeyKind::Rsa))));
    }
}
