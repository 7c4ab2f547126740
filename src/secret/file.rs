//! Reads one secret from one file, if nobody else could have read or replaced it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::SecretError;
use crate::model::limits::SECRET_BYTES_MAX;
use crate::outbound::{OwnError, open_own};

/// Reads a password or passphrase: one word that a terminal could take, so that no line can hide behind it.
pub(super) fn read_word(path: &Path) -> Result<SecretString, SecretError> {
    word(read_text(path)?, path)
}

/// Refuses a password with a control character: sent to a command line it would be more than a password.
pub(super) fn word(secret: SecretString, place: &Path) -> Result<SecretString, SecretError> {
    let malformed = |why| SecretError::Malformed { place: place.to_owned(), why };
    match secret.expose_secret() {
        "" => Err(malformed("is empty")),
        text if text.chars().any(char::is_control) => Err(malformed("has a control character in it")),
        text if text.len() as u64 > SECRET_BYTES_MAX => Err(malformed("is longer than 16 KiB")),
        _ => Ok(secret),
    }
}

/// Cuts the line end after a text.
pub(super) fn line(text: SecretString) -> SecretString {
    let whole = text.expose_secret();
    match whole.strip_suffix('\n') {
        Some(line) => SecretString::from(line.strip_suffix('\r').unwrap_or(line)),
        None => text,
    }
}

/// Reads a text of at most 16 KiB and cuts the line end after it.
pub(super) fn read_text(path: &Path) -> Result<SecretString, SecretError> {
    let malformed = |why| SecretError::Malformed { place: path.to_owned(), why };
    let bytes = read_bytes(path)?;
    let text = str::from_utf8(&bytes).map_err(|_| malformed("is not UTF-8"))?;
    let text = line(SecretString::from(text));
    if text.expose_secret().is_empty() { Err(malformed("is empty")) } else { Ok(text) }
}

/// Reads at most 16 KiB.
pub(super) fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let unreadable = |why: std::io::Error| SecretError::Unreadable { path: path.to_owned(), why: why.to_string() };
    let file = open(path)?;
    // The buffer has its final size from the start, so that no smaller copy of it is left behind in memory.
    let most = SECRET_BYTES_MAX + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(most).unwrap_or(0)));
    file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(SecretError::Malformed { place: path.to_owned(), why: "is longer than 16 KiB" });
    }
    Ok(bytes)
}

fn open(path: &Path) -> Result<File, SecretError> {
    open_own(path).map_err(|error| match error {
        OwnError::Io(why) => SecretError::Unreadable { path: path.to_owned(), why: why.to_string() },
        OwnError::Exposed(found) => SecretError::Exposed { path: path.to_owned(), found },
    })
}
