//! Sealing what arrives while it arrives: plaintext is on no disk, and never whole in memory.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::iter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use age::Encryptor;
use age::stream::StreamWriter;
use sha2::{Digest, Sha256};

use crate::model::object::{ObjectBody, ObjectFacts, SealedObject};

use super::files::{Depot, DepotError, failed, make_folder};
use super::keys::{KeyError, Keyring};
use super::seal::{NewObject, SealedHeader, ZSTD_LEVEL};

/// A file of sealed bytes, which are counted and hashed while they are written.
struct Sealed {
    file: BufWriter<File>,
    sha: Sha256,
    bytes: u64,
}

impl Write for Sealed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sha.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// The file of an object that is not whole yet; it goes with its owner, unless it was given its name.
struct Unfinished {
    path: PathBuf,
    kept: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "an unfinished object was not removed");
        }
    }
}

/// An object that arrives. Dropped before its end, it leaves nothing behind.
pub struct Arriving {
    depot: Depot,
    unfinished: Unfinished,
    facts: ObjectFacts,
    packer: zstd::Encoder<'static, StreamWriter<Sealed>>,
    content: Box<blake3::Hasher>,
    bytes: u64,
}

/// An object that arrived whole. Its file lies in the depot, name and all.
#[derive(Debug)]
pub struct Kept {
    /// The sealed object, for its row.
    pub object: SealedObject,
    /// The keyed digest of the content, in hex.
    pub content: String,
    /// Bytes of the content.
    pub bytes: u64,
}

impl Arriving {
    /// Begins an object of a customer whose key is loaded. Blocks the thread, as everything here.
    pub fn begin(depot: &Depot, ring: &Keyring, new: NewObject) -> Result<Self, BeginError> {
        let sealing = |error: &dyn std::fmt::Display| KeyError::Sealing(error.to_string());
        let loaded = ring.loaded(&new.customer)?;
        let header = SealedHeader::new(ring.realm, new, None)?;
        let line = header.line()?;
        // Named as any object that is being written, so that what a killed process leaves is found and swept.
        let stand_in = hex::encode(Sha256::digest(&header.nonce));
        let (first, rest) = stand_in.split_at(2);
        let folder = depot.folder().join(first);
        make_folder(&folder)?;
        let path = folder.join(format!("{rest}.{}", header.nonce));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = BufWriter::new(file.map_err(|source| failed(&path, source))?);
        let unfinished = Unfinished { path, kept: false };
        let recipient = &loaded.recipient;
        let encryptor = Encryptor::with_recipients(iter::once(recipient as _)).map_err(|error| sealing(&error))?;
        let sealed = Sealed { file, sha: Sha256::new(), bytes: 0 };
        let lost = |source| failed(&unfinished.path, source);
        let mut writer = encryptor.wrap_output(sealed).map_err(lost)?;
        writer.write_all(&line).map_err(lost)?;
        let packer = zstd::Encoder::new(writer, ZSTD_LEVEL).map_err(lost)?;
        let facts = header.into_facts(loaded.generation, [0; 32], 0);
        let content = Box::new(ring.content_hasher(&facts.customer)?);
        Ok(Self { depot: depot.clone(), unfinished, facts, packer, content, bytes: 0 })
    }

    /// Seals some more.
    pub fn write(&mut self, part: &[u8]) -> Result<(), DepotError> {
        self.content.update(part);
        self.bytes += part.len() as u64;
        self.packer.write_all(part).map_err(|source| failed(&self.unfinished.path, source))
    }

    /// Ends the object: its file is on the disk and has its name when this returns.
    pub fn finish(self) -> Result<Kept, DepotError> {
        let Self { depot, mut unfinished, mut facts, packer, content, bytes } = self;
        let lost = |source| failed(&unfinished.path, source);
        let sealed = packer.finish().and_then(StreamWriter::finish).map_err(lost)?;
        let file = sealed.file.into_inner().map_err(|error| lost(error.into_error()))?;
        file.sync_all().map_err(lost)?;
        (facts.digest, facts.bytes) = (sealed.sha.finalize().into(), sealed.bytes);
        let name = hex::encode(facts.digest);
        let (first, rest) = name.split_at(2);
        let folder = depot.folder().join(first);
        make_folder(&folder)?;
        fs::rename(&unfinished.path, folder.join(rest)).map_err(lost)?;
        unfinished.kept = true;
        for folder in [folder.as_path(), depot.folder()] {
            File::open(folder).and_then(|file| file.sync_all()).map_err(|source| failed(folder, source))?;
        }
        let object = SealedObject { facts, body: ObjectBody::File(format!("{first}/{rest}")) };
        Ok(Kept { object, content: content.finalize().to_hex().to_string(), bytes })
    }
}

/// Why an object cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// There is no key for it.
    #[error("seal what arrives")]
    Key(#[from] KeyError),
    /// There is no place for it.
    #[error("keep what arrives")]
    Depot(#[from] DepotError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::{CustomerKey, ObjectKind, OpenPurpose};
    use crate::model::realm::Realm;
    use crate::model::settings::RootSource;
    use crate::model::time::Time;

    fn world() -> (tempfile::TempDir, Depot, Keyring, CustomerKey) {
        let folder = tempfile::tempdir().unwrap();
        let root = RootSource::File(folder.path().join("root"));
        super::super::root_create(&root, Realm::Lab).unwrap();
        let ring = Keyring::open(&root, &[], Realm::Lab).unwrap();
        let key = ring.customer_create("acme".parse().unwrap(), Time::from_ms(1)).unwrap();
        ring.customer_load(&key).unwrap();
        let depot = Depot::open(&folder.path().join("depot")).unwrap();
        (folder, depot, ring, key)
    }

    fn new() -> NewObject {
        let (customer, seat) = ("acme".parse().unwrap(), "nx01".parse().unwrap());
        NewObject { customer, seat, serial: None, kind: ObjectKind::Pushed, taken_at: Time::from_ms(9) }
    }

    fn files(depot: &Depot) -> Vec<String> {
        let (folders, _) = depot.folders().unwrap();
        let files = folders.iter().flat_map(|folder| depot.files_of(folder).unwrap());
        files.map(|file| format!("{:?} {}", file.kind, file.path.as_data().len())).collect()
    }

    #[test]
    fn what_arrives_in_parts_opens_whole_and_a_changed_byte_is_found() {
        let (_folder, depot, ring, key) = world();
        let mut arriving = Arriving::begin(&depot, &ring, new()).unwrap();
        let line = b"a line of a backup that an appliance wrote\n";
        for _ in 0..10_000 {
            arriving.write(line).unwrap();
        }
        assert_eq!(files(&depot), ["Unfinished 98"]);
        let kept = arriving.finish().unwrap();
        assert_eq!(files(&depot), ["Object 65"]);
        assert_eq!(kept.bytes, 10_000 * line.len() as u64);
        let facts = &kept.object.facts;
        let open = |sealed: &[u8]| {
            let mut opened = Vec::new();
            let found = ring.open_into(&key, facts, sealed, OpenPurpose::Verify, &mut opened)?;
            Ok::<_, KeyError>((found, opened))
        };
        let mut sealed = Vec::new();
        std::io::Read::read_to_end(&mut depot.reader(kept.object.clone()).unwrap(), &mut sealed).unwrap();
        let (found, opened) = open(&sealed).unwrap();
        assert_eq!(found, (kept.bytes, kept.content.clone()));
        assert_eq!(opened, line.repeat(10_000));
        assert_eq!(depot.measure(&kept.object).unwrap().unwrap().digest, facts.digest);
        for place in [0, sealed.len() / 2, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(open(&changed).is_err(), "{place}");
        }
        assert!(open(&sealed[..sealed.len() - 1]).is_err(), "cut");
        assert!(open(&[&sealed[..], b"x"].concat()).is_err(), "longer");
        // Anybody can seal to a public key: what the row says of the sealed bytes decides.
        let forged = ObjectFacts { digest: [0; 32], ..facts.clone() };
        assert!(ring.open_into(&key, &forged, &sealed[..], OpenPurpose::Verify, &mut std::io::sink()).is_err());
        let other = ObjectFacts { seat: "nx02".parse().unwrap(), ..facts.clone() };
        assert!(ring.open_into(&key, &other, &sealed[..], OpenPurpose::Verify, &mut std::io::sink()).is_err());
    }

    #[test]
    fn what_does_not_arrive_whole_leaves_nothing() {
        let (_folder, depot, ring, _) = world();
        let mut arriving = Arriving::begin(&depot, &ring, new()).unwrap();
        arriving.write(&vec![7; 1 << 20]).unwrap();
        assert_eq!(files(&depot).len(), 1);
        drop(arriving);
        assert_eq!(files(&depot), Vec::<String>::new());
    }
}
