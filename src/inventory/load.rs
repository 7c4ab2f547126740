//! Reads the folder of the inventory and the settings: the one file here that touches the file system.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::assemble::assemble;
use super::settings::read_settings;
use crate::model::inventory::Inventory;
use crate::model::limits::{INVENTORY_FILES_MAX, PROBLEMS_MAX, YAML_BYTES_MAX};
use crate::model::realm::Realm;
use crate::model::settings::Settings;
use crate::yaml::{Problem, Severity, Source};

/// An inventory without an error.
#[derive(Debug)]
pub struct Loaded {
    /// The inventory.
    pub inventory: Inventory,
    /// What a person should look at.
    pub warnings: Vec<Problem>,
    /// Every file that was read: its name relative to the folder, and its text.
    pub files: Vec<(String, String)>,
}

/// Settings without an error.
#[derive(Debug)]
pub struct LoadedSettings {
    /// The settings.
    pub settings: Settings,
    /// What a person should look at.
    pub warnings: Vec<Problem>,
}

/// The files are refused; every mistake of all files is here, warnings among them, in the order of files and lines.
#[derive(Debug, thiserror::Error)]
#[error("the files have {} mistakes", problems.iter().filter(|problem| problem.severity == Severity::Error).count())]
pub struct Refused {
    /// Every mistake.
    pub problems: Vec<Problem>,
}

/// Files at the top of the folder that are read when they are there.
const TOP_FILES: [&str; 4] = ["eol.yaml", "freezes.yaml", "releases.yaml", "works.yaml"];

/// Reads `customers/*.yaml`, `releases.yaml`, `works.yaml`, `freezes.yaml` and `eol.yaml` below `dir`; `today` is the day against
/// which contracts and announced works are held.
pub fn load(dir: &Path, today: NaiveDate) -> Result<Loaded, Refused> {
    let mut problems = Vec::new();
    let sources = read_folder(dir, &mut problems);
    let digest = digest(&sources);
    let inventory = assemble(&sources, today, digest, &mut problems);
    let warnings = accept(problems)?;
    let files = sources.into_iter().map(|source| (source.name().to_owned(), source.text().to_owned())).collect();
    Ok(Loaded { inventory, warnings, files })
}

/// Reads the settings; relative paths in them are taken from the folder of the file.
pub fn load_settings(path: &Path) -> Result<LoadedSettings, Refused> {
    let mut problems = Vec::new();
    let name = path.display().to_string();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let settings = match read_bounded(path) {
        Ok(text) => read_settings(&Source::new(name.as_str(), text), folder, &mut problems),
        Err(error) => {
            let hint = (error.kind() == io::ErrorKind::NotFound).then(|| "hoshu init writes one".to_owned());
            problems.push(Problem::of_file(name.as_str(), format!("could not be read: {error}")).with_hint(hint));
            None
        }
    };
    if let Some(Realm::Live) = settings.as_ref().map(|settings| settings.realm)
        && fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o022 != 0)
    {
        let message = "others than its owner may write this file, which names credentials";
        problems.push(Problem::of_file(name, message).with_hint("chmod go-w".to_owned()));
    }
    if settings.is_none() && problems.is_empty() {
        problems.push(Problem::of_file(path.display().to_string(), "the settings are incomplete"));
    }
    let warnings = accept(problems.clone())?;
    settings.map(|settings| LoadedSettings { settings, warnings }).ok_or(Refused { problems })
}

/// The warnings, when there is no error among the problems.
fn accept(mut problems: Vec<Problem>) -> Result<Vec<Problem>, Refused> {
    problems.sort_by(|one, other| one.sort_key().cmp(&other.sort_key()));
    // What stands in an anchor is met once for each place that takes it over.
    problems.dedup();
    let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
    if problems.len() > PROBLEMS_MAX {
        // Errors go before warnings, so that no error is among what is left out as long as there is room.
        problems.sort_by_key(|problem| problem.severity);
        problems.truncate(PROBLEMS_MAX);
        let mut more = Problem::of_file("", "there are more problems than these");
        more.severity = if refused { Severity::Error } else { Severity::Warning };
        problems.push(more);
    }
    if refused { Err(Refused { problems }) } else { Ok(problems) }
}

/// SHA-256 over the names and texts in their order, each with its length before it.
fn digest(sources: &[Source]) -> String {
    let mut hash = Sha256::new();
    for part in sources.iter().flat_map(|source| [source.name(), source.text()]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Every file of the inventory in the order of its names.
pub(super) fn read_folder(dir: &Path, problems: &mut Vec<Problem>) -> Vec<Source> {
    let root = match fs::canonicalize(dir) {
        Ok(root) => root,
        Err(error) => {
            problems.push(Problem::of_file(dir.display().to_string(), format!("could not be read: {error}")));
            return Vec::new();
        }
    };
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for name in TOP_FILES {
        let path = root.join(name);
        if path.symlink_metadata().is_ok() {
            found.insert(name.to_owned(), path);
        }
    }
    stray_files(&root, problems);
    customer_files(&root, &mut found, problems);
    let mut sources = Vec::new();
    for (name, path) in found {
        match read_inside(&root, &path) {
            Ok(text) => sources.push(Source::new(name, text)),
            Err(error) => problems.push(Problem::of_file(name, format!("could not be read: {error}"))),
        }
    }
    sources
}

/// A YAML file that nobody reads would be ignored in silence.
fn stray_files(root: &Path, problems: &mut Vec<Problem>) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten().take(INVENTORY_FILES_MAX) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_yaml(&name) && !TOP_FILES.contains(&name.as_str()) {
            let hint = format!("known: customers/*.yaml, {}", TOP_FILES.join(", "));
            problems.push(Problem::of_file(name, "no such file is read here").with_hint(hint));
        }
    }
}

fn is_yaml(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or("");
    !name.starts_with('.') && (extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml"))
}

fn customer_files(root: &Path, found: &mut BTreeMap<String, PathBuf>, problems: &mut Vec<Problem>) {
    let entries = match fs::read_dir(root.join("customers")) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(Problem::of_file("customers", format!("could not be read: {error}")));
            return;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                problems.push(Problem::of_file("customers", format!("could not be read: {error}")));
                return;
            }
        };
        let file_name = entry.file_name();
        let name = format!("customers/{}", file_name.to_string_lossy());
        if file_name.to_string_lossy().starts_with('.') {
            continue;
        }
        if Path::new(&file_name).extension() != Some("yaml".as_ref()) {
            let hint = "a customer is one file, customers/<name>.yaml".to_owned();
            problems.push(Problem::of_file(name, "is not read").with_hint(hint));
            continue;
        }
        if found.len() >= INVENTORY_FILES_MAX {
            let message = format!("an inventory has {INVENTORY_FILES_MAX} files at most");
            problems.push(Problem::of_file("customers", message));
            return;
        }
        found.insert(name, entry.path());
    }
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("it is a link that leaves the folder of the inventory")]
    Outside,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The text of a file that lies below `root` once every link is followed.
fn read_inside(root: &Path, path: &Path) -> Result<String, FileError> {
    let real = fs::canonicalize(path)?;
    if !real.starts_with(root) {
        return Err(FileError::Outside);
    }
    Ok(read_bounded(&real)?)
}

/// The text of a plain file, one byte more than the limit at most: the reader of YAML then says that it is too long.
pub(super) fn read_bounded(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(YAML_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > YAML_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {YAML_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}
