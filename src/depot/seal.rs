//! Sealing and opening of objects.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::iter;

use age::stream::StreamReader;
use age::{Decryptor, Encryptor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::limits::{OBJECT_BYTES_MAX, PUSH_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};
use crate::model::name::{CustomerName, SeatName};
use crate::model::object::{CustomerKey, ObjectFacts, ObjectKind, OpenPurpose};
use crate::model::outside::Outside;
use crate::model::realm::Realm;
use crate::model::time::Time;

use super::keys::{KeyError, Keyring, OBJECT, unopenable};

/// How hard zstd tries: configurations shrink to a fourth at its fastest, and more effort costs more than the seal.
pub(super) const ZSTD_LEVEL: i32 = 1;
/// Bytes of the header line.
pub(super) const HEADER_BYTES_MAX: u64 = 4096;

/// What an object is, before it is sealed.
#[derive(Debug, Clone)]
pub struct NewObject {
    /// Whose it is.
    pub customer: CustomerName,
    /// The seat that it came from.
    pub seat: SeatName,
    /// The serial of the hardware that it came from.
    pub serial: Option<Outside>,
    /// What it is.
    pub kind: ObjectKind,
    /// When it was taken.
    pub taken_at: Time,
}

/// What the sealed object says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedHeader {
    /// The version of the layout.
    pub v: u32,
    /// The realm in which it was sealed.
    pub realm: Realm,
    /// Whose it is.
    pub customer: CustomerName,
    /// The seat that it came from.
    pub seat: SeatName,
    /// The serial of the hardware that it came from.
    pub serial: Option<Outside>,
    /// What it is.
    pub kind: ObjectKind,
    /// When it was taken.
    pub taken_at: Time,
    /// A random number, the same as in the row.
    pub nonce: String,
    /// SHA-256 of the content, in hex; absent where the content was sealed while it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Bytes of the content; absent likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

thread_local! {
    /// Making a compressor costs more than compressing a configuration.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

fn compress(content: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        compressor.compress(content)
    })
}

impl SealedHeader {
    /// What a new object says of itself, with a number of its own; `content` is there where it is known beforehand.
    pub(super) fn new(realm: Realm, new: NewObject, content: Option<&[u8]>) -> Result<Self, KeyError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| KeyError::Sealing(error.to_string()))?;
        Ok(Self {
            v: 1,
            realm,
            customer: new.customer,
            seat: new.seat,
            serial: new.serial,
            kind: new.kind,
            taken_at: new.taken_at,
            nonce: hex::encode(nonce),
            sha256: content.map(|content| hex::encode(Sha256::digest(content))),
            bytes: content.map(|content| content.len() as u64),
        })
    }

    /// What its row says, once it is sealed: the generation of the key, the digest and the length of the sealed bytes.
    pub(super) fn into_facts(self, generation: u32, digest: [u8; 32], bytes: u64) -> ObjectFacts {
        let Self { customer, seat, kind, taken_at, nonce, .. } = self;
        ObjectFacts { customer, seat, generation, kind, taken_at, nonce, digest, bytes }
    }

    /// The line at the head of an object: none that is longer than what opening reads.
    pub(super) fn line(&self) -> Result<Vec<u8>, KeyError> {
        let mut line = serde_json::to_vec(self).map_err(|error| KeyError::Sealing(error.to_string()))?;
        line.push(b'\n');
        if line.len() as u64 > HEADER_BYTES_MAX {
            let why = format!("what it says of itself is longer than {HEADER_BYTES_MAX} bytes");
            return Err(KeyError::Sealing(why));
        }
        Ok(line)
    }
}

impl Keyring {
    /// Seals a content to its customer's key. Returns what the row has to say of it, and the sealed bytes.
    pub fn seal(&self, new: NewObject, content: &[u8]) -> Result<(ObjectFacts, Vec<u8>), KeyError> {
        let sealing = |error: &dyn std::fmt::Display| KeyError::Sealing(error.to_string());
        let loaded = self.loaded(&new.customer)?;
        let header = SealedHeader::new(self.realm, new, Some(content))?;
        let line = header.line()?;
        let packed = compress(content).map_err(|error| sealing(&error))?;
        let recipient = &loaded.recipient;
        let encryptor = Encryptor::with_recipients(iter::once(recipient as _)).map_err(|error| sealing(&error))?;
        let mut sealed = Vec::with_capacity(line.len() + packed.len() + 512);
        let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| sealing(&error))?;
        let written = writer.write_all(&line).and_then(|()| writer.write_all(&packed));
        written.and_then(|()| writer.finish()).map_err(|error| sealing(&error))?;
        let (digest, bytes) = (Sha256::digest(&sealed).into(), sealed.len() as u64);
        let facts = header.into_facts(loaded.generation, digest, bytes);
        Ok((facts, sealed))
    }

    /// Opens a sealed object for a purpose, and refuses one that is not what its row says.
    pub fn open_object(
        &self,
        key: &CustomerKey,
        facts: &ObjectFacts,
        sealed: &[u8],
        purpose: OpenPurpose,
    ) -> Result<(SealedHeader, Vec<u8>), KeyError> {
        same("the customer of the key", &facts.customer, &key.customer)?;
        same("the generation of the key", &facts.generation, &key.generation)?;
        same("the digest of an object", &hex::encode(facts.digest), &hex::encode(Sha256::digest(sealed)))?;
        let (header, plain) = self.header_of(key, facts, sealed)?;
        let content = unpack(plain)?;
        // What was sealed while it arrived has no digest inside, and is not opened here: it may be of any size.
        let digest = header.sha256.as_deref().unwrap_or_default();
        same("the digest of a content", digest, &hex::encode(Sha256::digest(&content)))?;
        tracing::info!(customer = %facts.customer, seat = %facts.seat, %purpose, "a sealed object was opened");
        Ok((header, content))
    }

    /// Opens an object of any size for a purpose, and writes what is in it. Whether it is what its row says is known at
    /// its end only: what was written before an error is to be thrown away. Returns its bytes and its content id.
    pub fn open_into(
        &self,
        key: &CustomerKey,
        facts: &ObjectFacts,
        sealed: impl Read,
        purpose: OpenPurpose,
        into: &mut dyn Write,
    ) -> Result<(u64, String), KeyError> {
        same("the customer of the key", &facts.customer, &key.customer)?;
        same("the generation of the key", &facts.generation, &key.generation)?;
        let broken = || unopenable(OBJECT);
        let mut sealed = Hashed { from: sealed, sha: Sha256::new() };
        let mut content = self.content_hasher(&facts.customer)?;
        let mut bytes = 0_u64;
        {
            let (_, plain) = self.header_of(key, facts, BufReader::new(&mut sealed))?;
            let mut decoder = zstd::Decoder::with_buffer(plain).map_err(|_| broken())?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| broken())?;
            let mut decoder = decoder.take(PUSH_BYTES_MAX + 1);
            let mut part = vec![0; 256 << 10];
            loop {
                let read = decoder.read(&mut part).map_err(|_| broken())?;
                let Some(part) = part.get(..read).filter(|part| !part.is_empty()) else { break };
                content.update(part);
                bytes += part.len() as u64;
                into.write_all(part).map_err(|error| KeyError::Writing(error.to_string()))?;
            }
        }
        if bytes > PUSH_BYTES_MAX {
            return Err(KeyError::OverLimit(usize::try_from(PUSH_BYTES_MAX).unwrap_or(usize::MAX)));
        }
        std::io::copy(&mut sealed, &mut std::io::sink()).map_err(|_| broken())?;
        same("the digest of an object", &hex::encode(facts.digest), &hex::encode(sealed.sha.finalize()))?;
        tracing::info!(customer = %facts.customer, seat = %facts.seat, %purpose, "a sealed object was opened");
        Ok((bytes, content.finalize().to_hex().to_string()))
    }

    /// The line at the head of an object, held against its row, and what follows.
    fn header_of<R: BufRead>(
        &self,
        key: &CustomerKey,
        facts: &ObjectFacts,
        sealed: R,
    ) -> Result<(SealedHeader, BufReader<StreamReader<R>>), KeyError> {
        let identity = self.private(key)?;
        let broken = || unopenable(OBJECT);
        let decryptor = Decryptor::new_buffered(sealed).map_err(|_| broken())?;
        let plain = decryptor.decrypt(iter::once(&identity as _)).map_err(|_| broken())?;
        let mut plain = BufReader::new(plain);
        let mut line = Vec::new();
        plain.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut line).map_err(|_| broken())?;
        let header: SealedHeader = serde_json::from_slice(&line).map_err(|_| broken())?;
        if header.realm != self.realm {
            return Err(KeyError::OtherRealm { what: OBJECT, expected: self.realm, found: header.realm });
        }
        same("the customer of an object", &facts.customer, &header.customer)?;
        same("the seat of an object", &facts.seat, &header.seat)?;
        same("the kind of an object", &facts.kind, &header.kind)?;
        same("the time of an object", &facts.taken_at, &header.taken_at)?;
        same("the number of an object", &facts.nonce, &header.nonce)?;
        Ok((header, plain))
    }
}

/// Hashes what is read.
struct Hashed<R> {
    from: R,
    sha: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.sha.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Unpacks within limits on window and size.
fn unpack(packed: impl BufRead) -> Result<Vec<u8>, KeyError> {
    let broken = |_| unopenable(OBJECT);
    let mut decoder = zstd::Decoder::with_buffer(packed).map_err(broken)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
    let mut content = Vec::new();
    let limit = OBJECT_BYTES_MAX as u64 + 1;
    decoder.take(limit).read_to_end(&mut content).map_err(broken)?;
    if content.len() > OBJECT_BYTES_MAX { Err(KeyError::OverLimit(OBJECT_BYTES_MAX)) } else { Ok(content) }
}

fn same<T: PartialEq + ToString + ?Sized>(what: &'static str, expected: &T, found: &T) -> Result<(), KeyError> {
    if expected == found {
        Ok(())
    } else {
        Err(KeyError::Foreign { what, expected: expected.to_string(), found: found.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::RootSource;

    struct Ring {
        _folder: tempfile::TempDir,
        keyring: Keyring,
        acme: CustomerKey,
        twin: CustomerKey,
    }

    fn ring() -> Ring {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        super::super::root_create(&RootSource::File(path.clone()), Realm::Lab).unwrap();
        let keyring = Keyring::open(&RootSource::File(path), &[], Realm::Lab).unwrap();
        let make = |name: &str| {
            let key = keyring.customer_create(name.parse().unwrap(), Time::from_ms(1)).unwrap();
            keyring.customer_load(&key).unwrap();
            key
        };
        let (acme, twin) = (make("acme"), make("twin"));
        Ring { _folder: folder, keyring, acme, twin }
    }

    fn object(customer: &str, seat: &str) -> NewObject {
        NewObject {
            customer: customer.parse().unwrap(),
            seat: seat.parse().unwrap(),
            serial: Some("AB1234".into()),
            kind: ObjectKind::Configuration,
            taken_at: Time::from_ms(1_000),
        }
    }

    #[test]
    fn what_is_sealed_opens_and_says_whose_it_is() {
        let ring = ring();
        let content = "hostname \"nx01\"\n".repeat(2_000);
        let (facts, sealed) = ring.keyring.seal(object("acme", "nx01"), content.as_bytes()).unwrap();
        assert!(sealed.len() < content.len() / 10);
        assert!(!String::from_utf8_lossy(&sealed).contains("nx01"));
        let (header, opened) = ring.keyring.open_object(&ring.acme, &facts, &sealed, OpenPurpose::Verify).unwrap();
        assert_eq!(opened, content.as_bytes());
        assert_eq!((header.customer.as_str(), header.seat.as_str()), ("acme", "nx01"));
    }

    #[test]
    fn what_would_not_open_is_not_sealed() {
        let ring = ring();
        let of = |chars: usize| NewObject { serial: Some("A".repeat(chars).into()), ..object("acme", "nx01") };
        let (facts, sealed) = ring.keyring.seal(of(3500), b"a").unwrap();
        assert!(ring.keyring.open_object(&ring.acme, &facts, &sealed, OpenPurpose::Verify).is_ok());
        for chars in [4096, 1 << 20] {
            let error = ring.keyring.seal(of(chars), b"a").err().unwrap();
            assert!(matches!(error, KeyError::Sealing(_)), "{error}");
        }
    }

    #[test]
    fn a_swapped_blob_is_refused() {
        let ring = ring();
        let seal = |customer, seat, content: &[u8]| ring.keyring.seal(object(customer, seat), content).unwrap();
        let (facts, sealed) = seal("acme", "nx01", b"a");
        let (other_seat, other_sealed) = seal("acme", "nx02", b"b");
        let (twin, twin_sealed) = seal("twin", "nx01", b"c");
        let open = |key, facts: &ObjectFacts, sealed: &[u8]| {
            ring.keyring.open_object(key, facts, sealed, OpenPurpose::Export).map(|(_, content)| content)
        };
        assert_eq!(open(&ring.acme, &facts, &sealed).unwrap(), b"a");
        // The blob alone, then the blob together with its digest, then everything but the owner.
        assert!(open(&ring.acme, &facts, &other_sealed).is_err());
        let with = |facts: &ObjectFacts, of: &ObjectFacts| ObjectFacts { digest: of.digest, ..facts.clone() };
        assert!(open(&ring.acme, &with(&facts, &other_seat), &other_sealed).is_err());
        let all_but = ObjectFacts { seat: facts.seat.clone(), ..other_seat };
        assert!(open(&ring.acme, &all_but, &other_sealed).is_err());
        assert!(open(&ring.acme, &with(&facts, &twin), &twin_sealed).is_err());
        let all_but = ObjectFacts { customer: facts.customer.clone(), ..twin.clone() };
        assert!(open(&ring.acme, &all_but, &twin_sealed).is_err());
        assert!(open(&ring.acme, &twin, &twin_sealed).is_err());
        assert!(open(&ring.twin, &all_but, &twin_sealed).is_err());
    }

    #[test]
    fn an_object_opens_with_the_generation_that_sealed_it() {
        let ring = ring();
        let (old, old_sealed) = ring.keyring.seal(object("acme", "nx01"), b"old").unwrap();
        let next = ring.keyring.customer_rotate(&ring.acme, 2, Time::from_ms(2)).unwrap();
        ring.keyring.customer_load(&next).unwrap();
        let (new, new_sealed) = ring.keyring.seal(object("acme", "nx01"), b"new").unwrap();
        assert_eq!((old.generation, new.generation), (1, 2));
        let open = |key, facts, sealed: &[u8]| ring.keyring.open_object(key, facts, sealed, OpenPurpose::Verify);
        assert_eq!(open(&ring.acme, &old, &old_sealed).unwrap().1, b"old");
        assert_eq!(open(&next, &new, &new_sealed).unwrap().1, b"new");
        assert!(open(&next, &old, &old_sealed).is_err() && open(&ring.acme, &new, &new_sealed).is_err());
        let renamed = ObjectFacts { generation: 2, ..old.clone() };
        assert!(matches!(open(&next, &renamed, &old_sealed), Err(KeyError::Unopenable { .. })));
    }

    #[test]
    fn each_changed_byte_is_found() {
        let ring = ring();
        let (facts, sealed) = ring.keyring.seal(object("acme", "nx01"), b"a configuration").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            // The digest of the row is set to the changed bytes, so that age itself has to find them.
            let facts = ObjectFacts { digest: Sha256::digest(&changed).into(), ..facts.clone() };
            assert!(ring.keyring.open_object(&ring.acme, &facts, &changed, OpenPurpose::Verify).is_err(), "{place}");
        }
    }

    #[test]
    fn a_bomb_does_not_unpack() {
        let bomb = zstd::bulk::compress(&vec![0; OBJECT_BYTES_MAX + 1], 1).unwrap();
        assert!(matches!(unpack(bomb.as_slice()), Err(KeyError::OverLimit(_))));
        let mut wide = zstd::Encoder::new(Vec::new(), 1).unwrap();
        wide.window_log(ZSTD_WINDOW_LOG_MAX + 1).unwrap();
        wide.include_contentsize(false).unwrap();
        wide.write_all(&vec![0; 32 << 20]).unwrap();
        assert!(matches!(unpack(wide.finish().unwrap().as_slice()), Err(KeyError::Unopenable { .. })));
    }
}
