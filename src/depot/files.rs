//! Where sealed bytes lie: small ones go back to be put into the row, larger ones into a file.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::room::mib;

use crate::model::limits::{OBJECT_BYTES_MAX, SMALL_OBJECT_BYTES};
use crate::model::object::{ObjectBody, ObjectFacts, ObjectPlace, SealedObject};

/// The file that says whose objects lie in the folder.
pub(super) const OWNER: &str = "store-id";
/// Bytes of it that are read: an id is shorter.
const OWNER_BYTES_MAX: u64 = 200;

/// Why sealed bytes cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum DepotError {
    /// A file or folder cannot be made, written or read.
    #[error("use {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner may use the folder.
    #[error("open the depot: {} has mode {mode:04o}; only its owner may have rights", path.display())]
    OpenToOthers {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A row names a file as the depot never does.
    #[error("find an object: {0:?} is no path of the depot")]
    Path(String),
    /// There is not enough room for what would come.
    #[error("reserve room in {}: expected {} free, found {}", path.display(), mib(*expected), mib(*found))]
    Full {
        /// The folder.
        path: PathBuf,
        /// So many bytes are wanted, those that stay free and those that others have reserved among them.
        expected: u64,
        /// So many are free.
        found: u64,
    },
    /// A file is larger or smaller than its row says.
    #[error("read {}: expected {expected} bytes, found {found}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// As the row says.
        expected: u64,
        /// As it is.
        found: u64,
    },
}

impl DepotError {
    /// Whether it speaks against the object itself: what else stops a reading may be gone the next time.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == ErrorKind::NotFound,
            Self::Path(_) | Self::Size { .. } => true,
            Self::OpenToOthers { .. } | Self::Full { .. } => false,
        }
    }
}

/// The folder of large sealed objects.
#[derive(Debug, Clone)]
pub struct Depot {
    folder: PathBuf,
    reserved: Arc<AtomicU64>,
}

impl Depot {
    /// Opens the depot, and makes its folder when there is none.
    pub fn open(folder: &Path) -> Result<Self, DepotError> {
        make_folder(folder)?;
        let mode = fs::metadata(folder).map_err(|source| failed(folder, source))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(DepotError::OpenToOthers { path: folder.to_owned(), mode });
        }
        Ok(Self { folder: folder.to_owned(), reserved: Arc::default() })
    }

    /// The id of the store that the folder belongs to; `None` when nobody claimed it.
    pub fn owner(&self) -> Result<Option<String>, DepotError> {
        let path = self.folder.join(OWNER);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(OWNER_BYTES_MAX).read_to_end(&mut bytes)) {
            Ok(_) => Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Writes down that the folder belongs to a store. It stays whose it is: a second claim is an error.
    pub fn claim(&self, store: &str) -> Result<(), DepotError> {
        let (path, unfinished) = (self.folder.join(OWNER), self.folder.join(format!("{OWNER}.new")));
        let claim = || {
            if path.exists() {
                return Err(ErrorKind::AlreadyExists.into());
            }
            // What a killed process left claims nothing.
            match fs::remove_file(&unfinished) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            write_synced(&unfinished, format!("{store}\n").as_bytes())?;
            fs::rename(&unfinished, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        claim().map_err(|source| failed(&path, source))
    }

    /// Keeps sealed bytes. A large object is on the disk, name and all, when this returns: the row comes after it.
    /// Blocks the thread for a large object.
    pub fn put(&self, facts: ObjectFacts, sealed: Vec<u8>) -> Result<SealedObject, DepotError> {
        if sealed.len() < SMALL_OBJECT_BYTES {
            return Ok(SealedObject { facts, body: ObjectBody::Row(sealed) });
        }
        let name = hex::encode(facts.digest);
        let (first, rest) = name.split_at(2);
        let folder = self.folder.join(first);
        make_folder(&folder)?;
        let path = folder.join(rest);
        let unfinished = folder.join(format!("{rest}.{}", facts.nonce));
        let written = write_synced(&unfinished, &sealed).and_then(|()| fs::rename(&unfinished, &path));
        if let Err(source) = written {
            // What is left of it is no object: its name is none.
            drop(fs::remove_file(&unfinished));
            return Err(failed(&path, source));
        }
        for folder in [&folder, &self.folder] {
            File::open(folder).and_then(|file| file.sync_all()).map_err(|source| failed(folder, source))?;
        }
        Ok(SealedObject { facts, body: ObjectBody::File(format!("{first}/{rest}")) })
    }

    /// Removes the file of an object that no row names any more.
    pub fn remove(&self, relative: &str) -> Result<(), DepotError> {
        let path = self.object_path(relative)?;
        fs::remove_file(&path).map_err(|source| failed(&path, source))
    }

    /// Whether an object lies where it should, with its size: no byte of it is read.
    pub fn has(&self, place: &ObjectPlace) -> bool {
        let Some(path) = &place.path else { return place.held == place.bytes };
        let facts = self.object_path(path).ok().and_then(|path| fs::metadata(path).ok());
        facts.is_some_and(|facts| facts.is_file() && facts.len() == place.bytes)
    }

    /// Where everything lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Bytes for which room is reserved.
    pub(super) fn reserved(&self) -> &Arc<AtomicU64> {
        &self.reserved
    }

    /// Where the file of an object lies, by what its row says; a row leads nowhere else.
    pub(super) fn object_path(&self, relative: &str) -> Result<PathBuf, DepotError> {
        if is_object_path(relative) {
            Ok(self.folder.join(relative))
        } else {
            Err(DepotError::Path(relative.chars().take(80).collect()))
        }
    }

    /// Reads the sealed bytes of an object of any size, wherever they are.
    pub fn reader(&self, object: SealedObject) -> Result<Box<dyn Read + Send>, DepotError> {
        let relative = match object.body {
            ObjectBody::Row(sealed) => return Ok(Box::new(std::io::Cursor::new(sealed))),
            ObjectBody::File(path) => path,
        };
        let path = self.object_path(&relative)?;
        let file = File::open(&path).map_err(|source| failed(&path, source))?;
        Ok(Box::new(file.take(object.facts.bytes)))
    }

    /// The sealed bytes of an object. Blocks the thread for a large one.
    pub fn get(&self, object: SealedObject) -> Result<Vec<u8>, DepotError> {
        let relative = match object.body {
            ObjectBody::Row(sealed) => return Ok(sealed),
            ObjectBody::File(path) => path,
        };
        let path = self.object_path(&relative)?;
        let file = File::open(&path).map_err(|source| failed(&path, source))?;
        let expected = object.facts.bytes;
        let found = file.metadata().map_err(|source| failed(&path, source))?.len();
        if found != expected || found > OBJECT_BYTES_MAX as u64 * 2 {
            return Err(DepotError::Size { path, expected, found });
        }
        let mut sealed = Vec::new();
        file.take(expected).read_to_end(&mut sealed).map_err(|source| failed(&path, source))?;
        Ok(sealed)
    }
}

/// `ab/` and 62 more hexadecimal digits.
pub(super) fn is_object_path(path: &str) -> bool {
    matches!(path.split_once('/'), Some((first, rest)) if first.len() == 2 && rest.len() == 62 && is_hex(first) && is_hex(rest))
}

/// Small hexadecimal digits alone.
pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(super) fn make_folder(folder: &Path) -> Result<(), DepotError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o700)))
        .map_err(|source| failed(folder, source))
}

pub(super) fn failed(path: &Path, source: std::io::Error) -> DepotError {
    DepotError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::ObjectKind;
    use crate::model::time::Time;

    fn facts(bytes: usize, digest: u8) -> ObjectFacts {
        ObjectFacts {
            customer: "acme".parse().unwrap(),
            seat: "nx01".parse().unwrap(),
            generation: 1,
            kind: ObjectKind::Configuration,
            taken_at: Time::from_ms(1),
            nonce: "00".repeat(16),
            digest: [digest; 32],
            bytes: bytes as u64,
        }
    }

    #[test]
    fn small_goes_into_the_row_and_large_into_a_file_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(&folder.path().join("depot")).unwrap();
        let small = depot.put(facts(10, 1), vec![7; 10]).unwrap();
        assert_eq!(small.body, ObjectBody::Row(vec![7; 10]));
        let sealed = vec![8; SMALL_OBJECT_BYTES];
        let large = depot.put(facts(sealed.len(), 0xab), sealed.clone()).unwrap();
        let ObjectBody::File(path) = &large.body else { panic!("a file") };
        let path = folder.path().join("depot").join(path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(depot.get(large).unwrap(), sealed);
    }

    #[test]
    fn a_folder_is_claimed_once() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(&folder.path().join("depot")).unwrap();
        assert_eq!(depot.owner().unwrap(), None);
        fs::write(folder.path().join("depot/store-id.new"), "o").unwrap();
        depot.claim("one").unwrap();
        assert!(!folder.path().join("depot/store-id.new").exists());
        assert!(depot.claim("other").is_err());
        assert_eq!(depot.owner().unwrap().as_deref(), Some("one"));
        let file = fs::metadata(folder.path().join("depot").join(OWNER)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_row_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(&folder.path().join("depot")).unwrap();
        for path in ["/etc/passwd", "../x", "ab/../../x", "ab/cd", "", "ab/ÀÀ"] {
            let object = SealedObject { facts: facts(1, 1), body: ObjectBody::File(path.to_owned()) };
            assert!(matches!(depot.get(object), Err(DepotError::Path(_))), "{path}");
        }
    }

    #[test]
    fn it_is_seen_without_reading_whether_an_object_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(&folder.path().join("depot")).unwrap();
        let object = depot.put(facts(SMALL_OBJECT_BYTES, 3), vec![8; SMALL_OBJECT_BYTES]).unwrap();
        let ObjectBody::File(path) = object.body else { panic!("a file") };
        let bytes = SMALL_OBJECT_BYTES as u64;
        let has = |path: Option<&str>, held| depot.has(&ObjectPlace { bytes, path: path.map(str::to_owned), held });
        assert!(has(Some(&path), 0) && has(None, bytes));
        assert!(!has(None, bytes - 1) && !has(Some("ab"), 0));
        let file = folder.path().join("depot").join(&path);
        OpenOptions::new().write(true).open(&file).unwrap().set_len(10).unwrap();
        assert!(!has(Some(&path), 0));
        fs::remove_file(&file).unwrap();
        assert!(!has(Some(&path), 0));
        fs::create_dir(&file).unwrap();
        assert!(!has(Some(&path), 0));
    }

    #[test]
    fn a_cut_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let depot = Depot::open(folder.path().join("depot").as_path()).unwrap();
        let large = depot.put(facts(SMALL_OBJECT_BYTES, 2), vec![8; SMALL_OBJECT_BYTES]).unwrap();
        let ObjectBody::File(path) = &large.body else { panic!("a file") };
        let file = OpenOptions::new().write(true).open(folder.path().join("depot").join(path)).unwrap();
        file.set_len(10).unwrap();
        assert!(matches!(depot.get(large), Err(DepotError::Size { .. })));
    }
}
