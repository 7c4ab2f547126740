//! The files of an SQLite store: 0600 in a folder 0700, whatever the umask says.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Makes what is missing when `create` says so, checks the rest, and returns the absolute path.
///
/// SQLite gives `-wal` and `-shm` the mode of the main file, which is why that file is made before SQLite sees it.
pub(super) fn prepare(path: &Path, create: bool) -> Result<PathBuf, StoreError> {
    let path = std::path::absolute(path).map_err(|source| file(path, source))?;
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    if create {
        make_folder(&folder)?;
        make_file(&path)?;
    }
    owner_only(&folder)?;
    owner_only(&path)?;
    for end in ["-wal", "-shm"] {
        let mut beside = path.clone().into_os_string();
        beside.push(end);
        match owner_only(Path::new(&beside)) {
            Err(StoreError::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(path)
}

/// Makes a folder for its owner alone, and the folders above it likewise.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|source| file(folder, source))?;
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(|source| file(folder, source))
}

fn make_file(path: &Path) -> Result<(), StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(made) => made.set_permissions(Permissions::from_mode(0o600)).map_err(|source| file(path, source)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(file(path, source)),
    }
}

fn owner_only(path: &Path) -> Result<(), StoreError> {
    let mode = fs::metadata(path).map_err(|source| file(path, source))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(StoreError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

/// An error about a file of the store.
pub(super) fn file(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), source }
}
