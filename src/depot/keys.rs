//! The keys of customers, sealed to the root key and to the recovery recipients.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use age::Encryptor;
use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::limits::{RECOVERY_RECIPIENTS_MAX, SECRET_BYTES_MAX};
use crate::model::name::CustomerName;
use crate::model::object::{CustomerKey, HouseKey, KeyHalves, SealedTo};
use crate::model::realm::Realm;
use crate::model::settings::RootSource;
use crate::model::time::Time;

use super::root::Opener;
use crate::outbound::vault::VaultError;

/// What makes the key of content ids of a content key.
const CONTENT_CONTEXT: &str = "hoshu content id v1";
/// What makes the key of fingerprints of a content key.
const FINGERPRINT_LABEL: &[u8] = b"\xffhoshu fingerprint v1";
/// In realm live one lost recovery identity must not be the last.
const LIVE_RECIPIENTS_MIN: usize = 2;

/// What does not open, as messages name it.
pub(super) const OBJECT: &str = "an object";
const CUSTOMER_KEY: &str = "the key of a customer";

/// Why a key cannot be used. No message holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The root key is not there or cannot be read. Work stops; nobody makes a new one in its place.
    #[error("read the root key {root}")]
    Root {
        /// Where it should be.
        root: RootSource,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An earlier root key or a recovery identity cannot be read.
    #[error("read the identity {}", path.display())]
    Identity {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner could read or replace the key.
    #[error("read the key {}: expected a plain file of this user with mode 0600 or 0400, found {found}", path.display())]
    RootOpenToOthers {
        /// Its file.
        path: PathBuf,
        /// The kind, owner or mode that was found.
        found: String,
    },
    /// What was read is no root key.
    #[error("read the key {place}: expected {expected}")]
    RootShape {
        /// Where it was read.
        place: String,
        /// What stands in such a key.
        expected: &'static str,
    },
    /// The program that prints the root key did not.
    #[error("read the root key {root}: {why}")]
    RootProgram {
        /// The program.
        root: RootSource,
        /// What became of it.
        why: String,
    },
    /// The server that opens or seals the root key did not.
    #[error("read the root key {root}")]
    RootVault {
        /// Its file.
        root: RootSource,
        /// What the server said, or why it was not reached.
        #[source]
        source: Box<VaultError>,
    },
    /// A recovery recipient of the settings cannot be one.
    #[error("seal to the recovery recipient {recipient}: {why}")]
    Recipient {
        /// As the settings say.
        recipient: String,
        /// Why not.
        why: &'static str,
    },
    /// In realm live nothing new is sealed without two ways back.
    #[error("seal keys in realm live: expected {LIVE_RECIPIENTS_MIN} recovery recipients at least, found {0}")]
    TooFewRecipients(usize),
    /// The key was destroyed.
    #[error("use the key of {customer}: it was destroyed ({reason})")]
    Destroyed {
        /// Whose it was.
        customer: CustomerName,
        /// Why, in a person's words.
        reason: String,
    },
    /// The object is none that a backup brought: its digest is not the one that was written down when it was taken.
    #[error("open an object of {0}: the audit of its backup has another digest, so that it was put there later")]
    ObjectNotRecorded(String),
    /// The pair is none that Hoshu made: its public half was not written down when it was made.
    #[error("use the key of {0}: the audit has not seen it made, so that it was put there by somebody else")]
    KeyNotRecorded(CustomerName),
    /// The host key of the drop is none that Hoshu made.
    #[error("use the host key of the drop: the audit has not seen it made, so that it was put there by somebody else")]
    DropKeyNotRecorded,
    /// A key or an object of the other realm.
    #[error("use {what}: expected realm {expected}, found {found}")]
    OtherRealm {
        /// The key or object.
        what: &'static str,
        /// The realm of this process.
        expected: Realm,
        /// Its realm.
        found: Realm,
    },
    /// The customer's key was not loaded.
    #[error("seal for {0}: its key is not loaded")]
    NotLoaded(CustomerName),
    /// A sealed text does not open with this key, or is damaged.
    #[error("open {what}: it is not sealed to this key, or damaged")]
    Unopenable {
        /// The key or object.
        what: &'static str,
    },
    /// What is sealed says that it is another one's.
    #[error("open {what}: expected {expected}, found {found}")]
    Foreign {
        /// The field that differs.
        what: &'static str,
        /// As the store says.
        expected: String,
        /// As is sealed.
        found: String,
    },
    /// What is sealed is larger than anything that was sealed.
    #[error("open an object: it is longer than {0} bytes")]
    OverLimit(usize),
    /// What was opened could not be written.
    #[error("write what was opened: {0}")]
    Writing(String),
    /// The system gave no random bytes, or memory.
    #[error("seal: {0}")]
    Sealing(String),
}

impl KeyError {
    /// Whether it speaks against the sealed object itself, and not against a key or what reads one.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::ObjectNotRecorded(_) | Self::OverLimit(_) => true,
            Self::Unopenable { what } | Self::OtherRealm { what, .. } => *what == OBJECT,
            Self::Foreign { what, .. } => *what != CUSTOMER_KEY,
            _ => false,
        }
    }
}

/// What stands before a sealed key, so that no row can take another row's key.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct KeyHeader {
    v: u32,
    realm: Realm,
    customer: CustomerName,
    part: KeyPart,
    generation: Option<u32>,
}

/// What stands before a key of the house.
fn house_header(realm: Realm, name: &str) -> serde_json::Value {
    serde_json::json!({"v": 1, "realm": realm, "house": name})
}

impl KeyHeader {
    /// As messages name it.
    fn name(&self) -> String {
        let generation = self.generation.map_or_else(String::new, |number| format!(" {number}"));
        format!("{} {}{generation}", self.customer, self.part)
    }
}

crate::words! {
    /// Which half of a customer's key is sealed.
    pub enum KeyPart {
        /// The identity that opens objects.
        Private = "private",
        /// The key of content ids.
        Content = "content",
    }
}

/// Reads the recovery recipients: age X25519 recipients, each once.
pub fn recipients(texts: &[String]) -> Result<Vec<Recipient>, KeyError> {
    let wrong = |text: &String, why| KeyError::Recipient { recipient: text.clone(), why };
    let mut seen = BTreeSet::new();
    let read = |text: &String| {
        let recipient = Recipient::from_str(text).map_err(|_| wrong(text, "it is no age recipient (age1…)"))?;
        if seen.len() == RECOVERY_RECIPIENTS_MAX {
            return Err(wrong(text, "there are more than 16"));
        }
        if seen.insert(recipient.to_string()) { Ok(recipient) } else { Err(wrong(text, "it stands there twice")) }
    };
    texts.iter().map(read).collect()
}

/// Refuses to seal keys in realm live where the loss of two things would be the loss of every backup.
pub const fn enough_recipients(realm: Realm, found: usize) -> Result<(), KeyError> {
    match realm {
        Realm::Live if found < LIVE_RECIPIENTS_MIN => Err(KeyError::TooFewRecipients(found)),
        Realm::Live | Realm::Lab => Ok(()),
    }
}

/// The root key, to whom keys are sealed, and what was opened.
pub struct Keyring {
    root: Opener,
    recovery: Vec<Recipient>,
    pub(super) realm: Realm,
    customers: RwLock<HashMap<CustomerName, Arc<Loaded>>>,
}

/// What sealing for a customer needs, parsed once.
pub(super) struct Loaded {
    pub(super) recipient: Recipient,
    pub(super) generation: u32,
    /// The key of content ids, derived from the content key.
    content: Zeroizing<[u8; 32]>,
    fingerprint: Hmac<Sha256>,
}

/// The key of a customer's fingerprints. It opens nothing.
#[derive(Clone)]
pub struct Fingerprints(Hmac<Sha256>);

impl Fingerprints {
    /// The keyed digest of a value at a path, in hex.
    pub fn of(&self, path: &str, value: &str) -> String {
        let mut mac = self.0.clone();
        // The length in front of the path keeps two pairs of one text apart.
        mac.update(&(path.len() as u64).to_le_bytes());
        mac.update(path.as_bytes());
        mac.update(value.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl Keyring {
    /// Reads the root key of this realm, and the recovery recipients, none of which may be the root's own.
    pub fn open(source: &RootSource, recovery: &[String], realm: Realm) -> Result<Self, KeyError> {
        let root = Opener::root(source, realm)?;
        let recovery = recipients(recovery)?;
        if let Some(own) = recovery.iter().find(|one| one.to_string() == root.public()) {
            let why = "it is the root key itself, which is no way back when the root key is lost";
            return Err(KeyError::Recipient { recipient: own.to_string(), why });
        }
        Ok(Self { root, recovery, realm, customers: RwLock::default() })
    }

    /// To whom customers' keys are sealed at present.
    pub fn sealed_to(&self) -> SealedTo {
        SealedTo { root: self.root.public(), recovery: self.recovery.iter().map(ToString::to_string).collect() }
    }

    /// The root key, as something that opens.
    pub const fn root(&self) -> &Opener {
        &self.root
    }

    /// Makes the first key of a customer. It is in use once it was stored and loaded.
    pub fn customer_create(&self, customer: CustomerName, made_at: Time) -> Result<CustomerKey, KeyError> {
        let mut content = Zeroizing::new([0; 32]);
        getrandom::fill(content.as_mut_slice()).map_err(|error| KeyError::Sealing(error.to_string()))?;
        let content = Zeroizing::new(hex::encode(content.as_slice()));
        self.pair(customer, 1, &Identity::generate(), &content, made_at)
    }

    /// Makes a further pair of a customer. The content key of `key` stays, so that unchanged content is still recognised.
    pub fn customer_rotate(&self, key: &CustomerKey, generation: u32, made_at: Time) -> Result<CustomerKey, KeyError> {
        let (_, content) = self.root.open(self.realm, key)?;
        self.pair(key.customer.clone(), generation, &Identity::generate(), &content, made_at)
    }

    /// Seals what another identity opens to the present root key and recovery recipients; the pair stays the same.
    pub fn customer_reseal(&self, key: &CustomerKey, by: &Opener) -> Result<CustomerKey, KeyError> {
        let (identity, content) = by.open(self.realm, key)?;
        self.pair(key.customer.clone(), key.generation, &identity, &content, key.made_at)
    }

    fn pair(
        &self,
        customer: CustomerName,
        generation: u32,
        identity: &Identity,
        content: &str,
        made_at: Time,
    ) -> Result<CustomerKey, KeyError> {
        enough_recipients(self.realm, self.recovery.len())?;
        let wrap = |part, generation, secret: &str| {
            let header = KeyHeader { v: 1, realm: self.realm, customer: customer.clone(), part, generation };
            self.wrap(&header, secret)
        };
        let private = wrap(KeyPart::Private, Some(generation), identity.to_string().expose_secret())?;
        let content = wrap(KeyPart::Content, None, content)?;
        let halves = KeyHalves::Sealed { private, content, to: self.sealed_to() };
        Ok(CustomerKey { customer, generation, public: identity.to_public().to_string(), halves, made_at })
    }

    /// Opens what sealing for a customer needs, and keeps it. The halves of the pair must belong together.
    pub fn customer_load(&self, key: &CustomerKey) -> Result<(), KeyError> {
        let (identity, content) = self.root.open(self.realm, key)?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(content.trim(), bytes.as_mut_slice()).map_err(|_| unopenable("the content key"))?;
        let keyed = |key: &[u8]| Hmac::<Sha256>::new_from_slice(key).map_err(|_| unopenable("the content key"));
        let content = Zeroizing::new(blake3::derive_key(CONTENT_CONTEXT, bytes.as_slice()));
        let mut derived = keyed(bytes.as_slice())?;
        derived.update(FINGERPRINT_LABEL);
        let fingerprint = keyed(Zeroizing::new(derived.finalize().into_bytes()).as_slice())?;
        let recipient = identity.to_public();
        let loaded = Arc::new(Loaded { recipient, generation: key.generation, content, fingerprint });
        self.customers.write().unwrap_or_else(PoisonError::into_inner).insert(key.customer.clone(), loaded);
        Ok(())
    }

    /// Whether objects of a customer can be sealed.
    pub fn is_loaded(&self, customer: &CustomerName) -> bool {
        self.loaded(customer).is_ok()
    }

    /// The keyed digest of a content in pieces, in hex: equal content has equal ids within one customer and nowhere else.
    pub fn content_id(&self, customer: &CustomerName, pieces: &[&str]) -> Result<String, KeyError> {
        // In one piece: a hash of many blocks at a time needs them whole, and each fetched configuration comes by here.
        let content = pieces.concat();
        Ok(blake3::keyed_hash(&self.loaded(customer)?.content, content.as_bytes()).to_hex().to_string())
    }

    /// As [`Self::content_id`], of a content that comes in parts.
    pub(super) fn content_hasher(&self, customer: &CustomerName) -> Result<blake3::Hasher, KeyError> {
        Ok(blake3::Hasher::new_keyed(&self.loaded(customer)?.content))
    }

    /// The key of a customer's fingerprints.
    pub fn fingerprints(&self, customer: &CustomerName) -> Result<Fingerprints, KeyError> {
        Ok(Fingerprints(self.loaded(customer)?.fingerprint.clone()))
    }

    pub(super) fn loaded(&self, customer: &CustomerName) -> Result<Arc<Loaded>, KeyError> {
        let customers = self.customers.read().unwrap_or_else(PoisonError::into_inner);
        customers.get(customer).cloned().ok_or_else(|| KeyError::NotLoaded(customer.clone()))
    }

    /// The identity that opens a customer's objects.
    pub(super) fn private(&self, key: &CustomerKey) -> Result<Identity, KeyError> {
        self.root.open(self.realm, key).map(|(identity, _)| identity)
    }

    /// Seals a key of the house to the root key and the recovery recipients.
    pub fn house_seal(&self, name: &str, public: &str, secret: &str, made_at: Time) -> Result<HouseKey, KeyError> {
        enough_recipients(self.realm, self.recovery.len())?;
        let sealed = self.wrap(&house_header(self.realm, name), secret)?;
        Ok(HouseKey { name: name.to_owned(), public: public.to_owned(), sealed, to: self.sealed_to(), made_at })
    }

    /// The header is a comment to the `age` tool, so that what it opens is an identity file as it is.
    fn wrap(&self, header: &impl Serialize, secret: &str) -> Result<Vec<u8>, KeyError> {
        let sealing = |error: &dyn std::fmt::Display| KeyError::Sealing(error.to_string());
        let header = serde_json::to_string(header).map_err(|error| sealing(&error))?;
        let text = Zeroizing::new(format!("# {header}\n{secret}\n"));
        let root = self.root.0.to_public();
        // The root key stands first, where it is found first.
        let recipients = [&root].into_iter().chain(&self.recovery).map(|one| one as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(|error| sealing(&error))?;
        let mut sealed = Vec::new();
        let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| sealing(&error))?;
        let written = writer.write_all(text.as_bytes());
        written.and_then(|()| writer.finish()).map_err(|error| sealing(&error))?;
        Ok(sealed)
    }
}

impl Opener {
    /// Whether it opens a customer's key, and the key is what its row says.
    pub fn opens(&self, realm: Realm, key: &CustomerKey) -> Result<(), KeyError> {
        self.open(realm, key).map(drop)
    }

    /// The identity and the content key of a customer, which must be what their row says.
    fn open(&self, realm: Realm, key: &CustomerKey) -> Result<(Identity, Zeroizing<String>), KeyError> {
        let (private, content) = match &key.halves {
            KeyHalves::Sealed { private, content, .. } => (private, content),
            KeyHalves::Destroyed { reason, .. } => {
                return Err(KeyError::Destroyed { customer: key.customer.clone(), reason: reason.clone() });
            }
        };
        let text = self.unwrap(realm, key, KeyPart::Private, private)?;
        let identity = Identity::from_str(text.trim()).map_err(|_| unopenable("the private key of a customer"))?;
        let public = identity.to_public().to_string();
        if public != key.public {
            return Err(KeyError::Foreign { what: CUSTOMER_KEY, expected: key.public.clone(), found: public });
        }
        Ok((identity, self.unwrap(realm, key, KeyPart::Content, content)?))
    }

    /// Opens a key of the house, which must be what its row says.
    pub fn house_open(&self, realm: Realm, key: &HouseKey) -> Result<Zeroizing<String>, KeyError> {
        let what = "a key of the house";
        if key.sealed.len() as u64 > SECRET_BYTES_MAX {
            return Err(unopenable(what));
        }
        let plain = age::decrypt(&self.0, &key.sealed).map(Zeroizing::new).map_err(|_| unopenable(what))?;
        let text = std::str::from_utf8(&plain).map_err(|_| unopenable(what))?;
        let (header, secret) = text.split_once('\n').ok_or_else(|| unopenable(what))?;
        let expected = house_header(realm, &key.name);
        let found: Option<serde_json::Value> =
            header.strip_prefix("# ").and_then(|text| serde_json::from_str(text).ok());
        if found.as_ref() != Some(&expected) {
            let found = found.map_or_else(String::new, |found| found.to_string());
            return Err(KeyError::Foreign { what, expected: expected.to_string(), found });
        }
        Ok(Zeroizing::new(secret.trim().to_owned()))
    }

    fn unwrap(
        &self,
        realm: Realm,
        key: &CustomerKey,
        part: KeyPart,
        sealed: &[u8],
    ) -> Result<Zeroizing<String>, KeyError> {
        let what = CUSTOMER_KEY;
        if sealed.len() as u64 > SECRET_BYTES_MAX {
            return Err(unopenable(what));
        }
        let plain = age::decrypt(&self.0, sealed).map(Zeroizing::new).map_err(|_| unopenable(what))?;
        let text = std::str::from_utf8(&plain).map_err(|_| unopenable(what))?;
        let (header, secret) = text.split_once('\n').ok_or_else(|| unopenable(what))?;
        let header = header.strip_prefix("# ").ok_or_else(|| unopenable(what))?;
        let header: KeyHeader = serde_json::from_str(header).map_err(|_| unopenable(what))?;
        if header.realm != realm {
            return Err(KeyError::OtherRealm { what, expected: realm, found: header.realm });
        }
        // The content key has no generation: it is the same in all of them.
        let generation = (part == KeyPart::Private).then_some(key.generation);
        let expected = KeyHeader { v: 1, realm, customer: key.customer.clone(), part, generation };
        if header != expected {
            return Err(KeyError::Foreign { what, expected: expected.name(), found: header.name() });
        }
        Ok(Zeroizing::new(secret.to_owned()))
    }
}

pub(super) fn unopenable(what: &'static str) -> KeyError {
    KeyError::Unopenable { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depot::root::{root_create, root_exists};

    fn keyring_with(folder: &tempfile::TempDir, realm: Realm, recovery: &[&str]) -> Result<Keyring, KeyError> {
        let path = folder.path().join(format!("{realm}"));
        if !root_exists(&path) {
            root_create(&RootSource::File(path.clone()), realm).unwrap();
        }
        let recovery: Vec<String> = recovery.iter().map(|one| (*one).to_owned()).collect();
        Keyring::open(&RootSource::File(path), &recovery, realm)
    }

    fn keyring() -> (tempfile::TempDir, Keyring) {
        let folder = tempfile::tempdir().unwrap();
        let keyring = keyring_with(&folder, Realm::Lab, &[]).unwrap();
        (folder, keyring)
    }

    fn name(text: &str) -> CustomerName {
        text.parse().unwrap()
    }

    fn halves(key: &CustomerKey) -> (Vec<u8>, Vec<u8>) {
        match &key.halves {
            KeyHalves::Sealed { private, content, .. } => (private.clone(), content.clone()),
            KeyHalves::Destroyed { .. } => unreachable!(),
        }
    }

    fn with(key: &CustomerKey, private: Vec<u8>, content: Vec<u8>) -> CustomerKey {
        let to = SealedTo { root: String::new(), recovery: vec![] };
        CustomerKey { halves: KeyHalves::Sealed { private, content, to }, ..key.clone() }
    }

    #[test]
    fn fingerprints_are_a_customers_own_and_stay_when_its_pair_changes() {
        let (_folder, keyring) = keyring();
        let [acme, _] = ["acme", "twin"].map(|customer| {
            let key = keyring.customer_create(name(customer), Time::from_ms(1)).unwrap();
            keyring.customer_load(&key).unwrap();
            key
        });
        let of =
            |customer: &str, path: &str, value: &str| keyring.fingerprints(&name(customer)).unwrap().of(path, value);
        let before = of("acme", "password ", "tiger");
        assert_ne!(before, of("twin", "password ", "tiger"));
        assert_ne!(before, of("acme", "password t", "iger"));
        let content_id = keyring.content_id(&acme.customer, &["\u{9}\0\0\0\0\0\0\0", "password ", "tiger"]);
        assert_ne!(before, content_id.unwrap(), "one key for both would make one of the other");
        keyring.customer_load(&keyring.customer_rotate(&acme, 2, Time::from_ms(2)).unwrap()).unwrap();
        assert_eq!(before, of("acme", "password ", "tiger"));
        assert!(matches!(keyring.fingerprints(&name("sora")), Err(KeyError::NotLoaded(_))));
    }

    #[test]
    fn a_key_in_another_row_is_refused() {
        let (_folder, keyring) = keyring();
        let acme = keyring.customer_create(name("acme"), Time::from_ms(1)).unwrap();
        let twin = keyring.customer_create(name("twin"), Time::from_ms(1)).unwrap();
        let next = keyring.customer_rotate(&acme, 2, Time::from_ms(2)).unwrap();
        let ((private, content), (twin_private, twin_content)) = (halves(&acme), halves(&twin));
        let swaps = [
            with(&acme, twin_private, content.clone()),
            with(&acme, private.clone(), twin_content),
            with(&acme, private.clone(), private),
            with(&acme, halves(&next).0, content),
            CustomerKey { public: twin.public.clone(), ..acme.clone() },
            CustomerKey { customer: name("acme"), ..twin },
            CustomerKey { generation: 2, ..acme.clone() },
            CustomerKey { generation: 1, ..next },
        ];
        for swapped in swaps {
            assert!(matches!(keyring.customer_load(&swapped), Err(KeyError::Foreign { .. })));
            assert!(!keyring.is_loaded(&name("acme")));
        }
        keyring.customer_load(&acme).unwrap();
    }

    #[test]
    fn recovery_recipients_open_what_was_sealed_to_them_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let recovery = [Opener(Identity::generate()), Opener(Identity::generate())];
        let texts = recovery.each_ref().map(Opener::public);
        let before = keyring_with(&folder, Realm::Lab, &[&texts[0]]).unwrap();
        let old = before.customer_create(name("acme"), Time::from_ms(1)).unwrap();
        recovery[0].opens(Realm::Lab, &old).unwrap();
        assert!(matches!(recovery[1].opens(Realm::Lab, &old), Err(KeyError::Unopenable { .. })));
        assert!(matches!(recovery[0].opens(Realm::Live, &old), Err(KeyError::OtherRealm { .. })));

        // Another root and other recipients: the pair stays, and who opened it before does so no more.
        let other = tempfile::tempdir().unwrap();
        let after = keyring_with(&other, Realm::Lab, &[&texts[1]]).unwrap();
        let new = after.customer_reseal(&old, &recovery[0]).unwrap();
        assert_eq!((&new.public, new.generation, new.made_at), (&old.public, 1, old.made_at));
        recovery[1].opens(Realm::Lab, &new).unwrap();
        after.root().opens(Realm::Lab, &new).unwrap();
        assert!(recovery[0].opens(Realm::Lab, &new).is_err() && before.root().opens(Realm::Lab, &new).is_err());
        assert!(after.customer_reseal(&old, &recovery[1]).is_err());
        assert!(matches!(&new.halves, KeyHalves::Sealed { to, .. } if *to == after.sealed_to()));
        assert_eq!(after.sealed_to().recovery, [texts[1].clone()]);
    }

    #[test]
    fn recipients_that_are_no_way_back_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let one = Opener(Identity::generate()).public();
        let two = Opener(Identity::generate()).public();
        let root = keyring_with(&folder, Realm::Lab, &[]).unwrap().root().public();
        for wrong in [
            &[one.as_str(), &one][..],
            &[&one.to_uppercase(), &one],
            &[&root],
            &["age1"],
            &[&one[..61]],
            &["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0"],
            &[&one.replace("age1", "age1yubikey1")],
            &["AGE-SECRET-KEY-1QQQQ"],
        ] {
            let refused = keyring_with(&folder, Realm::Lab, wrong).err();
            assert!(matches!(refused, Some(KeyError::Recipient { .. })), "{wrong:?} {refused:?}");
        }
        let many: Vec<String> = (0..17).map(|_| Opener(Identity::generate()).public()).collect();
        assert_eq!(recipients(&many[..16]).unwrap().len(), 16);
        assert!(matches!(recipients(&many), Err(KeyError::Recipient { .. })));
        for (recovery, good) in [(&[one.as_str()][..], false), (&[&one, &two], true)] {
            let made =
                keyring_with(&folder, Realm::Live, recovery).unwrap().customer_create(name("acme"), Time::from_ms(1));
            assert_eq!(made.is_ok(), good);
            assert!(good || matches!(made, Err(KeyError::TooFewRecipients(1))));
        }
    }

    #[test]
    fn a_destroyed_key_opens_nothing() {
        let (_folder, keyring) = keyring();
        let acme = keyring.customer_create(name("acme"), Time::from_ms(1)).unwrap();
        let halves = KeyHalves::Destroyed { at: Time::from_ms(2), reason: "contract ended".to_owned() };
        let gone = CustomerKey { halves, ..acme };
        assert!(matches!(keyring.customer_load(&gone), Err(KeyError::Destroyed { .. })));
        assert!(matches!(keyring.customer_rotate(&gone, 2, Time::from_ms(3)), Err(KeyError::Destroyed { .. })));
    }

    #[test]
    fn equal_content_is_equal_within_a_customer_only() {
        let (_folder, keyring) = keyring();
        for customer in ["acme", "twin"] {
            keyring.customer_load(&keyring.customer_create(name(customer), Time::from_ms(1)).unwrap()).unwrap();
        }
        let id = |customer: &str, pieces: &[&str]| keyring.content_id(&name(customer), pieces).unwrap();
        assert_eq!(id("acme", &["xy"]), id("acme", &["x", "y"]));
        assert_ne!(id("acme", &["x"]), id("acme", &["y"]));
        assert_ne!(id("acme", &["x"]), id("twin", &["x"]));
        assert!(keyring.content_id(&name("other"), &["x"]).is_err());
        let before = id("acme", &["x"]);
        let old = keyring.customer_create(name("acme"), Time::from_ms(1)).unwrap();
        keyring.customer_load(&old).unwrap();
        let old_id = id("acme", &["x"]);
        assert_ne!(old_id, before, "another content key");
        let new = keyring.customer_rotate(&old, 2, Time::from_ms(2)).unwrap();
        keyring.customer_load(&new).unwrap();
        assert_eq!(id("acme", &["x"]), old_id, "the content key stays when the pair changes");
        assert_ne!(new.public, old.public);
    }
}
