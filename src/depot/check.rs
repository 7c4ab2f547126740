//! Looking at the depot's folder: what lies there, how old it is, and what it is. No link is followed.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::files::{Depot, DepotError, OWNER, failed, is_hex, is_object_path};
use crate::model::object::{ObjectBody, SealedObject};
use crate::model::outside::Outside;
use crate::model::time::Time;

/// What a file of the depot's folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Named as the file of an object.
    Object,
    /// Named as an object that is being written.
    Unfinished,
    /// Anything else: the depot makes nothing like it.
    Foreign,
}

/// A file of the depot's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepotFile {
    /// Its path inside the depot; of a foreign one only for people.
    pub path: Outside,
    /// What it is.
    pub kind: FileKind,
    /// When it was last written to.
    pub modified: Time,
}

/// Sealed bytes as they lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// How many there are.
    pub bytes: u64,
    /// Their SHA-256.
    pub digest: [u8; 32],
}

impl Depot {
    /// The folders of objects by their two letters, and what else lies beside them.
    pub fn folders(&self) -> Result<(Vec<String>, Vec<DepotFile>), DepotError> {
        let (mut folders, mut others) = (Vec::new(), Vec::new());
        for (name, facts) in entries(self.folder())? {
            if facts.is_dir() && name.len() == 2 && is_hex(&name) {
                folders.push(name);
            } else if !(facts.is_file() && name == OWNER) {
                others.push(DepotFile { path: name.into(), kind: FileKind::Foreign, modified: modified(&facts) });
            }
        }
        folders.sort();
        Ok((folders, others))
    }

    /// The files of one folder of objects.
    pub fn files_of(&self, folder: &str) -> Result<Vec<DepotFile>, DepotError> {
        let file = |(name, facts): (String, Metadata)| {
            let path = format!("{folder}/{name}");
            let kind = match (facts.is_file(), is_object_path(&path), is_unfinished_path(&path)) {
                (true, true, _) => FileKind::Object,
                (true, _, true) => FileKind::Unfinished,
                _ => FileKind::Foreign,
            };
            DepotFile { path: path.into(), kind, modified: modified(&facts) }
        };
        Ok(entries(&self.folder().join(folder))?.into_iter().map(file).collect())
    }

    /// How many sealed bytes of an object there are and what they are; `None` when its file is not there. Blocks the
    /// thread for a large one.
    pub fn measure(&self, object: &SealedObject) -> Result<Option<Measured>, DepotError> {
        let path = match &object.body {
            ObjectBody::Row(sealed) => {
                return Ok(Some(Measured { bytes: sealed.len() as u64, digest: Sha256::digest(sealed).into() }));
            }
            ObjectBody::File(path) => self.object_path(path)?,
        };
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => digest(file).map(Some).map_err(|source| failed(&path, source)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Whether a file lies there that the depot made and that nobody wrote to since `before`.
    pub fn is_old(&self, relative: &str, before: Time) -> bool {
        let made = is_object_path(relative) || is_unfinished_path(relative);
        let path = self.folder().join(relative);
        let in_folder =
            path.parent().and_then(|folder| fs::symlink_metadata(folder).ok()).is_some_and(|facts| facts.is_dir());
        let facts = fs::symlink_metadata(&path).ok().filter(Metadata::is_file);
        made && in_folder && facts.is_some_and(|facts| modified(&facts) < before)
    }

    /// Removes a file that the depot made and that nobody wrote to since `before`; says whether it did.
    pub fn sweep(&self, relative: &str, before: Time) -> Result<bool, DepotError> {
        if !self.is_old(relative, before) {
            return Ok(false);
        }
        let path = self.folder().join(relative);
        fs::remove_file(&path).map_err(|source| failed(&path, source))?;
        Ok(true)
    }
}

/// The name of an object, a point, and the nonce of its sealing.
fn is_unfinished_path(path: &str) -> bool {
    path.split_once('.').is_some_and(|(object, nonce)| is_object_path(object) && nonce.len() == 32 && is_hex(nonce))
}

fn digest(mut file: File) -> std::io::Result<Measured> {
    let (mut sha, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        sha.update(part);
        bytes += part.len() as u64;
    }
    Ok(Measured { bytes, digest: sha.finalize().into() })
}

/// What lies in a folder, without following links; what went away in between is not there.
fn entries(folder: &Path) -> Result<Vec<(String, Metadata)>, DepotError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(|source| failed(folder, source))? {
        let entry = entry.map_err(|source| failed(folder, source))?;
        match entry.metadata() {
            Ok(facts) => all.push((entry.file_name().to_string_lossy().into_owned(), facts)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(failed(&entry.path(), source)),
        }
    }
    Ok(all)
}

/// A time that no file system knows counts as the far past.
fn modified(facts: &Metadata) -> Time {
    let since = facts.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Time::from_ms(since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}
