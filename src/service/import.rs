//! `hoshu appliance import`: what an inventory of another tool would become, and the files of it.

use std::path::{Path, PathBuf};

use crate::engine::clock::{Clock as _, SystemClock};
use crate::inventory::import::load::request;
use crate::inventory::import::{ImportError, import};
use crate::service::refusal::Refusal;
use crate::yaml::Severity;

pub use crate::inventory::import::load::Asked;
pub use crate::inventory::import::mapping::{Column, From};
pub use crate::inventory::import::{Doubt, Imported, NewFile, Note, built_in, schema_mapping};

impl std::convert::From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Files(problems) => Self::Files(problems),
            ImportError::Sheet { file, source } => Self::Table { file, source },
            error @ ImportError::NotServed => Self::Argument(error.to_string()),
        }
    }
}

impl std::convert::From<crate::inventory::import::load::LoadError> for Refusal {
    fn from(error: crate::inventory::import::load::LoadError) -> Self {
        Self::Folder { path: error.path, why: error.source.to_string() }
    }
}

/// What would be written. Nothing is.
pub fn look(asked: &Asked) -> Result<Imported, Refusal> {
    Ok(import(request(asked, SystemClock.now().utc().date_naive())?)?)
}

/// The paths and texts of the files to write below `dir`, none of which exists. With doubts nothing is written, unless
/// the person said to leave out what they touch; with a mistake, or nothing to write, never.
pub fn to_write<'a>(
    imported: &'a Imported,
    dir: &Path,
    leave_out: bool,
) -> Result<Vec<(PathBuf, &'a NewFile)>, Refusal> {
    if imported.problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Refusal::Files(imported.problems.clone()));
    }
    let general = imported.doubts.iter().any(|doubt| doubt.at.is_empty());
    if general || (!leave_out && !imported.doubts.is_empty()) || imported.files.is_empty() {
        let general = general || imported.files.is_empty();
        return Err(Refusal::Doubts { doubts: imported.doubts.len(), general });
    }
    let paths: Vec<_> = imported.files.iter().map(|file| (dir.join(&file.name), file)).collect();
    match paths.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        Some((path, _)) => Err(Refusal::Folder { path: path.clone(), why: "it exists already".to_owned() }),
        None => Ok(paths),
    }
}
