//! A user's own definitions, from `inventory/readouts/*.yaml`.

use std::fs::{File, read_dir};
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::definition::{DefinitionError, Definitions};
use crate::model::limits::YAML_BYTES_MAX;

/// The embedded definitions with those of a folder over them, by name and in the order of the file names. A folder
/// that does not exist adds nothing.
pub fn load(folder: &Path) -> Result<Definitions, DefinitionError> {
    let mut all = Definitions::embedded()?;
    let unreadable = |source| DefinitionError::Unreadable { path: folder.to_owned(), source };
    let entries = match read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(all),
        entries => entries.map_err(unreadable)?,
    };
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    for path in paths {
        let text = text_of(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        all.add(&name, &text)?;
    }
    Ok(all)
}

fn text_of(path: &Path) -> Result<String, DefinitionError> {
    let unreadable = |source| DefinitionError::Unreadable { path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(YAML_BYTES_MAX + 1).read_to_string(&mut text).map_err(unreadable)?;
    if read as u64 > YAML_BYTES_MAX {
        return Err(DefinitionError::TooLarge { path: path.to_owned(), limit: YAML_BYTES_MAX });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_folder_lies_over_the_embedded_definitions() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(load(&folder.path().join("absent")).is_ok());
        let own =
            "mark: seen\nlayouts:\n- {name: memory, command: show memory, series: [nx], tiers: [detail]}\nreads: {}\n";
        std::fs::write(folder.path().join("memory.yaml"), own).expect("written");
        std::fs::write(folder.path().join("notes.txt"), "no definition").expect("written");
        let all = load(folder.path()).expect("right");
        assert_eq!(all.by_name("memory").map(|layout| layout.command.as_str()), Some("show memory"));
        std::fs::write(folder.path().join("wrong.yaml"), "layouts: 1").expect("written");
        assert!(matches!(load(folder.path()), Err(DefinitionError::Syntax { file, .. }) if file == "wrong.yaml"));
        std::fs::write(folder.path().join("a.yaml"), " ".repeat(1 + (1 << 20))).expect("written");
        assert!(matches!(load(folder.path()), Err(DefinitionError::TooLarge { .. })));
    }
}
