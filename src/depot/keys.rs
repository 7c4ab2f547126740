//! The root key, and the keys of customers that are sealed to it.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::model::limits::SECRET_BYTES_MAX;
use crate::model::name::CustomerName;
use crate::model::object::CustomerKey;
use crate::model::realm::Realm;
use crate::model::time::Time;

/// Why a key cannot be used. No message holds a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The root key is not there or cannot be read. Work stops; nobody makes a new one in its place.
    #[error("read the root key {}", path.display())]
    Root {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner may use the root key.
    #[error("read the root key {}: mode {mode:04o}; only its owner may read it", path.display())]
    RootOpenToOthers {
        /// Its file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is no root key.
    #[error("read the root key {}: expected {expected}", path.display())]
    RootShape {
        /// Its file.
        path: PathBuf,
        /// What stands in a root key.
        expected: &'static str,
    },
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
    /// The system gave no random bytes, or memory.
    #[error("seal: {0}")]
    Sealing(String),
}

/// What stands before a sealed key, so that no row can take another row's key.
#[derive(Serialize, Deserialize)]
struct KeyHeader {
    v: u32,
    realm: Realm,
    customer: CustomerName,
    part: KeyPart,
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

/// The first line of a root key.
const ROOT_LINE: &str = "# hoshu root key, realm: ";

/// Makes a root key in a file that must not exist, readable by its owner alone, and returns its public half.
pub fn root_create(path: &Path, realm: Realm) -> Result<String, KeyError> {
    let failed = |source| KeyError::Root { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let identity = Identity::generate();
    let public = identity.to_public().to_string();
    let secret = identity.to_string();
    let text = Zeroizing::new(format!("{ROOT_LINE}{realm}\n# public key: {public}\n{}\n", secret.expose_secret()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o400)).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(public)
}

/// The root key, and what was opened with it.
pub struct Keyring {
    root: Identity,
    pub(super) realm: Realm,
    customers: RwLock<HashMap<CustomerName, Arc<Loaded>>>,
}

/// What sealing for a customer needs, parsed once.
pub(super) struct Loaded {
    pub(super) recipient: Recipient,
    content: Hmac<Sha256>,
}

impl Keyring {
    /// Reads the root key of this realm.
    pub fn open(path: &Path, realm: Realm) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Root { path: path.to_owned(), source };
        let shape = |expected| KeyError::RootShape { path: path.to_owned(), expected };
        let file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::RootOpenToOthers { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        let found = text.lines().find_map(|line| line.strip_prefix(ROOT_LINE)).map(str::parse);
        let found: Realm = found.and_then(Result::ok).ok_or_else(|| shape("a line that names its realm"))?;
        if found != realm {
            return Err(KeyError::OtherRealm { what: "the root key", expected: realm, found });
        }
        let key =
            text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).ok_or_else(|| shape("an age identity"))?;
        let root = Identity::from_str(key.trim()).map_err(|_| shape("an age identity"))?;
        Ok(Self { root, realm, customers: RwLock::default() })
    }

    /// Makes the key of a customer. It is in use once it was stored and loaded.
    pub fn customer_create(&self, customer: CustomerName, made_at: Time) -> Result<CustomerKey, KeyError> {
        let identity = Identity::generate();
        let mut content = Zeroizing::new([0; 32]);
        getrandom::fill(content.as_mut_slice()).map_err(|error| KeyError::Sealing(error.to_string()))?;
        let content = Zeroizing::new(hex::encode(content.as_slice()));
        Ok(CustomerKey {
            public: identity.to_public().to_string(),
            private_sealed: self.wrap(&customer, KeyPart::Private, identity.to_string().expose_secret())?,
            content_sealed: self.wrap(&customer, KeyPart::Content, &content)?,
            customer,
            made_at,
        })
    }

    /// Opens what sealing for a customer needs, and keeps it. The halves of the pair must belong together.
    pub fn customer_load(&self, key: &CustomerKey) -> Result<(), KeyError> {
        let recipient = self.private(key)?.to_public();
        let content = self.unwrap(key, KeyPart::Content, &key.content_sealed)?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(content.trim(), bytes.as_mut_slice()).map_err(|_| unopenable("the content key"))?;
        let content = Hmac::new_from_slice(bytes.as_slice()).map_err(|_| unopenable("the content key"))?;
        let loaded = Arc::new(Loaded { recipient, content });
        self.customers.write().unwrap_or_else(PoisonError::into_inner).insert(key.customer.clone(), loaded);
        Ok(())
    }

    /// Whether objects of a customer can be sealed.
    pub fn is_loaded(&self, customer: &CustomerName) -> bool {
        self.loaded(customer).is_ok()
    }

    /// The keyed digest of a content in pieces, in hex: equal content has equal ids within one customer and nowhere else.
    pub fn content_id(&self, customer: &CustomerName, pieces: &[&str]) -> Result<String, KeyError> {
        let mut mac = self.loaded(customer)?.content.clone();
        for piece in pieces {
            mac.update(piece.as_bytes());
        }
        Ok(hex::encode(mac.finalize().into_bytes()))
    }

    pub(super) fn loaded(&self, customer: &CustomerName) -> Result<Arc<Loaded>, KeyError> {
        let customers = self.customers.read().unwrap_or_else(PoisonError::into_inner);
        customers.get(customer).cloned().ok_or_else(|| KeyError::NotLoaded(customer.clone()))
    }

    /// The identity that opens a customer's objects.
    pub(super) fn private(&self, key: &CustomerKey) -> Result<Identity, KeyError> {
        let text = self.unwrap(key, KeyPart::Private, &key.private_sealed)?;
        let identity = Identity::from_str(text.trim()).map_err(|_| unopenable("the private key of a customer"))?;
        let public = identity.to_public().to_string();
        if public == key.public {
            Ok(identity)
        } else {
            Err(KeyError::Foreign { what: "the key of a customer", expected: key.public.clone(), found: public })
        }
    }

    fn wrap(&self, customer: &CustomerName, part: KeyPart, secret: &str) -> Result<Vec<u8>, KeyError> {
        let header = KeyHeader { v: 1, realm: self.realm, customer: customer.clone(), part };
        let header = serde_json::to_string(&header).map_err(|error| KeyError::Sealing(error.to_string()))?;
        let text = Zeroizing::new(format!("{header}\n{secret}\n"));
        age::encrypt(&self.root.to_public(), text.as_bytes()).map_err(|error| KeyError::Sealing(error.to_string()))
    }

    fn unwrap(&self, key: &CustomerKey, part: KeyPart, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        let what = "the key of a customer";
        if sealed.len() as u64 > SECRET_BYTES_MAX {
            return Err(unopenable(what));
        }
        let plain = age::decrypt(&self.root, sealed).map(Zeroizing::new).map_err(|_| unopenable(what))?;
        let text = std::str::from_utf8(&plain).map_err(|_| unopenable(what))?;
        let (header, secret) = text.split_once('\n').ok_or_else(|| unopenable(what))?;
        let header: KeyHeader = serde_json::from_str(header).map_err(|_| unopenable(what))?;
        if header.realm != self.realm {
            return Err(KeyError::OtherRealm { what, expected: self.realm, found: header.realm });
        }
        if header.customer != key.customer || header.part != part {
            let expected = format!("{} {part}", key.customer);
            return Err(KeyError::Foreign { what, expected, found: format!("{} {}", header.customer, header.part) });
        }
        Ok(Zeroizing::new(secret.to_owned()))
    }
}

pub(super) fn unopenable(what: &'static str) -> KeyError {
    KeyError::Unopenable { what }
}

/// Whether a file is there, for those who ask before they offer to make one.
pub fn root_exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> (tempfile::TempDir, Keyring) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/root");
        root_create(&path, Realm::Lab).unwrap();
        let keyring = Keyring::open(&path, Realm::Lab).unwrap();
        (folder, keyring)
    }

    fn name(text: &str) -> CustomerName {
        text.parse().unwrap()
    }

    #[test]
    fn a_root_key_is_made_once_and_for_its_owner() {
        let (folder, _) = keyring();
        let path = folder.path().join("keys/root");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        let before = fs::read(&path).unwrap();
        assert!(matches!(root_create(&path, Realm::Lab), Err(KeyError::Root { .. })));
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_missing_root_key_stops_work_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        assert!(matches!(Keyring::open(&path, Realm::Lab), Err(KeyError::Root { .. })));
        assert!(!root_exists(&path));
    }

    #[test]
    fn a_root_key_that_others_can_read_or_of_the_other_realm_is_refused() {
        let (folder, _) = keyring();
        let path = folder.path().join("keys/root");
        assert!(matches!(Keyring::open(&path, Realm::Live), Err(KeyError::OtherRealm { .. })));
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        assert!(matches!(Keyring::open(&path, Realm::Lab), Err(KeyError::RootOpenToOthers { mode: 0o440, .. })));
    }

    #[test]
    fn a_key_in_another_customers_row_is_refused() {
        let (_folder, keyring) = keyring();
        let acme = keyring.customer_create(name("acme"), Time::from_ms(1)).unwrap();
        let twin = keyring.customer_create(name("twin"), Time::from_ms(1)).unwrap();
        let swaps = [
            CustomerKey { private_sealed: twin.private_sealed.clone(), ..acme.clone() },
            CustomerKey { content_sealed: twin.content_sealed.clone(), ..acme.clone() },
            CustomerKey { content_sealed: acme.private_sealed.clone(), ..acme.clone() },
            CustomerKey { public: twin.public.clone(), ..acme.clone() },
            CustomerKey { customer: name("acme"), ..twin },
        ];
        for swapped in swaps {
            assert!(matches!(keyring.customer_load(&swapped), Err(KeyError::Foreign { .. })));
            assert!(!keyring.is_loaded(&name("acme")));
        }
        keyring.customer_load(&acme).unwrap();
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
    }
}
