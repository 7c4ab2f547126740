//! Reads what an import needs from the disk: the file, the mapping, the files beside it and the inventory that is there.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::Request;
use super::mapping::From;
use crate::inventory::load::{read_bounded, read_folder};
use crate::model::limits::IMPORT_BYTES_MAX;
use crate::model::name::CustomerName;
use crate::yaml::Problem;

/// What a person asks for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The file.
    pub file: PathBuf,
    /// What it is.
    pub from: From,
    /// A mapping of the user's own.
    pub mapping: Option<PathBuf>,
    /// The customer of rows that name none.
    pub customer: Option<CustomerName>,
    /// The folder of the inventory into which it is written, when it is.
    pub into: Option<PathBuf>,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read: {source}", path.display())]
pub struct LoadError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// The bytes of a plain file within the limit of an import.
pub(super) fn read_table(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |source: io::Error| LoadError { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file")));
    }
    let mut bytes = Vec::new();
    // One byte more than the limit: the reader of tables then says that it is too long.
    let file = fs::File::open(path).map_err(failed)?;
    file.take(IMPORT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The mapping of the user's own: its name and text.
pub(super) fn read_mapping(path: Option<&Path>) -> Result<Option<(String, String)>, LoadError> {
    let Some(path) = path else { return Ok(None) };
    let text = read_bounded(path).map_err(|source| LoadError { path: path.to_owned(), source })?;
    Ok(Some((path.display().to_string(), text)))
}

/// The last part of a path, for addresses.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// Reads everything that an import needs. A folder of an inventory that is not there yet is an empty one.
pub fn request(asked: &Asked, today: NaiveDate) -> Result<Request, LoadError> {
    let bytes = if asked.from == From::Cm { Vec::new() } else { read_table(&asked.file)? };
    let mut beside = Vec::new();
    if asked.from == From::Nornir {
        for name in ["groups.yaml", "defaults.yaml"] {
            let path = asked.file.with_file_name(name);
            let text = match read_bounded(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                Err(source) => return Err(LoadError { path, source }),
            };
            beside.push((name.to_owned(), text));
        }
    }
    let mut problems: Vec<Problem> = Vec::new();
    let existing = match asked.into.as_deref().filter(|dir| dir.join("customers").is_dir()) {
        Some(dir) => read_folder(dir, &mut problems),
        None => Vec::new(),
    };
    if let (Some(problem), Some(dir)) = (problems.first(), &asked.into) {
        let source = io::Error::other(format!("{}: {}", problem.file, problem.message));
        return Err(LoadError { path: dir.clone(), source });
    }
    Ok(Request {
        from: asked.from,
        name: file_name(&asked.file),
        bytes,
        beside,
        mapping: read_mapping(asked.mapping.as_deref())?,
        customer: asked.customer.clone(),
        existing: existing.into_iter().map(|source| (source.name().to_owned(), source.text().to_owned())).collect(),
        cm: None,
        today,
    })
}
