//! Opening a file that nobody else could have read or replaced.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

/// Why a file is not opened, or not believed.
#[derive(Debug)]
pub enum OwnError {
    /// It cannot be opened.
    Io(io::Error),
    /// Somebody else could read or replace it: the kind, owner or mode that was found.
    Exposed(String),
}

/// Opens a plain file of this user with mode 0600 or 0400. A link is not followed, and a named pipe not waited for.
pub fn open_own(path: &Path) -> Result<File, OwnError> {
    let failed = |error: rustix::io::Errno| OwnError::Io(error.into());
    // NONBLOCK: a named pipe in the place of a file must not hold the process.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
    let stat = rustix::fs::fstat(&file).map_err(failed)?;
    let mode = stat.st_mode & 0o7777;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        Err(OwnError::Exposed("something else than a plain file".to_owned()))
    } else if stat.st_uid != rustix::process::geteuid().as_raw() {
        Err(OwnError::Exposed(format!("owner {}", stat.st_uid)))
    } else if mode != 0o600 && mode != 0o400 {
        Err(OwnError::Exposed(format!("mode {mode:04o}")))
    } else {
        Ok(File::from(file))
    }
}
