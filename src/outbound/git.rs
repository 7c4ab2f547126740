//! Files into a git repository, by the git program.
//!
//! Neither hooks nor settings of the machine or of a person take part. Those of the repository do: a filter that its owner
//! set up runs, so that the repository has to be one's own.

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::child::{ChildError, Program};

/// Where the program may be.
const PROGRAMS: &[&str] = &["/usr/bin/git", "/usr/local/bin/git", "/bin/git"];
/// How long one step may take.
const WAIT: Duration = Duration::from_mins(2);
/// What stands before each command.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "commit.gpgSign=false",
    "gc.auto=0",
    "user.name=hoshu",
    "user.email=hoshu@localhost",
];
const ENVIRONMENT: &[(&str, &str)] = &[
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("HOME", "/nonexistent"),
    ("LC_ALL", "C"),
];

/// Why nothing was committed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git.
    #[error("find git: it is neither of {}", PROGRAMS.join(", "))]
    Absent,
    /// A folder that holds something else.
    #[error("use {}: expected a git repository, or an empty folder", .0.display())]
    Occupied(PathBuf),
    /// A file cannot be written.
    #[error("write {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program failed.
    #[error("git {step}")]
    Program {
        /// What it was asked to do.
        step: String,
        /// What became of it.
        #[source]
        source: ChildError,
    },
}

/// A repository with a work tree.
#[derive(Debug, Clone)]
pub struct Repository {
    program: &'static str,
    folder: PathBuf,
}

impl Repository {
    /// Opens the repository of a folder, and makes one where there is none. Blocks the thread.
    pub fn open(folder: &Path) -> Result<Self, GitError> {
        let program = PROGRAMS.iter().find(|path| Path::new(path).is_file()).ok_or(GitError::Absent)?;
        let failed = |source| GitError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let repository = Self { program, folder };
        if !repository.folder.join(".git").exists() {
            if fs::read_dir(&repository.folder).map_err(failed)?.next().is_some() {
                return Err(GitError::Occupied(repository.folder));
            }
            repository.git(&["init", "--quiet", "--initial-branch=main", "--template="], "")?;
        }
        Ok(repository)
    }

    /// Commits files by their paths inside the repository. Returns how many are others than before; without any, there is
    /// no commit. Blocks the thread.
    pub fn commit(&self, files: &[(PathBuf, String)], message: &str) -> Result<usize, GitError> {
        for (path, text) in files {
            let path = self.folder.join(path);
            write(&path, text).map_err(|source| GitError::File { path, source })?;
        }
        let paths: Vec<_> = files.iter().map(|(path, _)| path.to_string_lossy()).collect();
        let paths = paths.join("\n");
        self.git(&["add", "--force", "--pathspec-from-file=-"], &paths)?;
        // What somebody else has staged stays staged.
        let ours: HashSet<&str> = paths.lines().collect();
        let changed = self.git(&["-c", "core.quotePath=false", "diff", "--cached", "--name-only"], "")?;
        let changed: Vec<&str> = changed.lines().filter(|path| ours.contains(path)).collect();
        if !changed.is_empty() {
            let only = ["commit", "--quiet", "--no-verify", "--message", message, "--pathspec-from-file=-"];
            self.git(&only, &changed.join("\n"))?;
        }
        Ok(changed.len())
    }

    fn git(&self, words: &[&str], input: &str) -> Result<String, GitError> {
        let settings = SETTINGS.iter().flat_map(|setting| ["-c", setting]);
        let all = [self.program].into_iter().chain(settings).chain(words.iter().copied());
        let all: Vec<String> = all.map(str::to_owned).collect();
        let program = Program {
            folder: &self.folder,
            environment: ENVIRONMENT,
            input,
            output_bytes_max: 16 << 20,
            ..Program::new(&all, WAIT)
        };
        let step = words.first().copied().unwrap_or_default().to_owned();
        program.run().map(|output| output.to_string()).map_err(|source| GitError::Program { step, source })
    }
}

/// Writes a file whole: it gets its name when it is finished.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> (PathBuf, String) {
        (path.into(), text.to_owned())
    }

    #[test]
    fn files_are_committed_once_and_no_hook_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let repository = match Repository::open(&path) {
            Err(GitError::Absent) if std::env::var("CI").as_deref() != Ok("true") => return,
            opened => opened.unwrap(),
        };
        let hooks = path.join(".git/hooks");
        fs::create_dir_all(&hooks).unwrap();
        for hook in ["pre-commit", "post-commit", "commit-msg"] {
            let hook = hooks.join(hook);
            fs::write(&hook, format!("#!/bin/sh\ntouch {}/ran\nexit 1\n", folder.path().display())).unwrap();
            fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        fs::write(path.join(".gitignore"), "*\n").unwrap();
        fs::write(path.join("not-ours"), "x").unwrap();
        fs::write(path.join("staged"), "x").unwrap();
        repository.git(&["add", "--force", "staged"], "").unwrap();
        let both = [file("acme/nx01.cfg", "a\n"), file("acme/nx02.cfg", "b\n")];
        assert_eq!(repository.commit(&both, "first").unwrap(), 2);
        assert_eq!(repository.commit(&both, "again").unwrap(), 0);
        assert_eq!(Repository::open(&path).unwrap().commit(&[file("acme/nx01.cfg", "c\n")], "second").unwrap(), 1);
        assert_eq!(repository.git(&["log", "--format=%s %an"], "").unwrap(), "second hoshu\nfirst hoshu\n");
        let committed = repository.git(&["ls-tree", "-r", "--name-only", "HEAD"], "").unwrap();
        assert_eq!(committed, "acme/nx01.cfg\nacme/nx02.cfg\n");
        assert_eq!(repository.git(&["diff", "--cached", "--name-only"], "").unwrap(), "staged\n");
        assert!(!folder.path().join("ran").exists());
    }

    #[test]
    fn a_folder_with_something_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("letter"), "dear").unwrap();
        assert!(matches!(Repository::open(folder.path()), Err(GitError::Occupied(_) | GitError::Absent)));
    }
}
