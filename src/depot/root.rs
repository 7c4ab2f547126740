//! The root key and other identities that open customers' keys: where they are read from, and how a root key is made.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::iter;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use age::Decryptor;
use age::armor::ArmoredReader;
use age::secrecy::{ExposeSecret, SecretString};
use age::x25519::Identity;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use zeroize::Zeroizing;

use crate::model::limits::SECRET_BYTES_MAX;
use crate::model::realm::Realm;
use crate::model::settings::{RootSource, Vault};
use crate::outbound::vault::{VaultError, VaultServer};
use crate::outbound::{OwnError, Program, open_own, read_bounded};

use super::keys::KeyError;

/// The first line of a root key.
const ROOT_LINE: &str = "# hoshu root key, realm: ";
/// How what the transit engine sealed begins.
const TRANSIT_MARK: &str = "vault:";
/// How long a program may take to print the root key.
const PROGRAM_WAIT: Duration = Duration::from_secs(20);

/// An identity that opens customers' keys: the root key, an earlier one, or a recovery identity.
pub struct Opener(pub(super) Identity);

impl Opener {
    /// The root key of this realm, from where the settings say.
    pub fn root(source: &RootSource, realm: Realm) -> Result<Self, KeyError> {
        let failed = |source_error| KeyError::Root { root: source.clone(), source: source_error };
        let text = match source {
            RootSource::File(path) => read_own(path, failed)?,
            RootSource::Systemd(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from).filter(|f| f.is_absolute());
                let unset = || io::Error::new(io::ErrorKind::NotFound, "CREDENTIALS_DIRECTORY is not set");
                let folder = folder.ok_or_else(unset).map_err(failed)?;
                File::open(folder.join(name)).and_then(bounded).map_err(failed)?
            }
            RootSource::Command(words) => {
                let program = Program { output_bytes_max: SECRET_BYTES_MAX, ..Program::new(words, PROGRAM_WAIT) };
                program.run().map_err(|why| KeyError::RootProgram { root: source.clone(), why: why.to_string() })?
            }
            RootSource::Transit { vault, key, file } => {
                let sealed = read_own(file, failed)?;
                by_vault(source, vault, async |server| server.transit_open(key, sealed.trim()).await)?
            }
        };
        of_realm(&text, &source.to_string(), realm)
    }

    /// A root key of this realm that was one before: in a file, which the present source opens when it is sealed by it.
    pub fn old_root(path: &Path, source: &RootSource, realm: Realm) -> Result<Self, KeyError> {
        let text = read_own(path, unreadable(path))?;
        match source {
            RootSource::Transit { vault, key, .. } if text.starts_with(TRANSIT_MARK) => {
                let file = path.to_owned();
                Self::root(&RootSource::Transit { vault: vault.clone(), key: key.clone(), file }, realm)
            }
            _ => of_realm(&text, &path.display().to_string(), realm),
        }
    }

    /// A recovery identity, the first one of a file as `age-keygen` writes it, of its owner alone.
    pub fn recovery(path: &Path) -> Result<Self, KeyError> {
        identity(&read_own(path, unreadable(path))?, &path.display().to_string())
    }

    /// The text of an age file, in Base64 or not, that somebody sealed to its public half.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<String>, KeyError> {
        let broken = || KeyError::Unopenable { what: "a sealed file" };
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(|_| broken())?;
        let plain = decryptor.decrypt(iter::once(&self.0 as _)).map_err(|_| broken())?;
        bounded(plain).map_err(|_| broken())
    }

    /// Its public half.
    pub fn public(&self) -> String {
        self.0.to_public().to_string()
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::Identity { path: path.to_owned(), source }
}

fn of_realm(text: &str, place: &str, realm: Realm) -> Result<Opener, KeyError> {
    let shape = || KeyError::RootShape { place: place.to_owned(), expected: "a line that names its realm" };
    let found = text.lines().find_map(|line| line.strip_prefix(ROOT_LINE)).map(str::parse);
    let found: Realm = found.and_then(Result::ok).ok_or_else(shape)?;
    if found != realm {
        return Err(KeyError::OtherRealm { what: "the root key", expected: realm, found });
    }
    identity(text, place)
}

/// Asks the server of secrets. Blocks the thread.
fn by_vault<T: Send>(
    source: &RootSource,
    vault: &Vault,
    ask: impl AsyncFnOnce(&VaultServer) -> Result<T, VaultError> + Send,
) -> Result<T, KeyError> {
    let token = read_own(&vault.token_file, unreadable(&vault.token_file))?;
    let server = VaultServer::new(vault, SecretString::from(token.trim()));
    let answer = server.and_then(|server| server.wait_for(ask));
    answer.map_err(|error| KeyError::RootVault { root: source.clone(), source: Box::new(error) })
}

fn identity(text: &str, place: &str) -> Result<Opener, KeyError> {
    let shape = || KeyError::RootShape { place: place.to_owned(), expected: "an age identity" };
    let key = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).ok_or_else(shape)?;
    Identity::from_str(key.trim()).map(Opener).map_err(|_| shape())
}

/// The line by which a root key says its realm, for those who put one into another place than a file.
pub fn root_line(realm: Realm) -> String {
    format!("{ROOT_LINE}{realm}")
}

/// Makes a root key where its source is a file, sealed or not, that must not exist, readable by its owner alone, and
/// returns its public half. The file is whole and on the disk before it has its name.
pub fn root_create(source: &RootSource, realm: Realm) -> Result<String, KeyError> {
    let failed = |error| KeyError::Root { root: source.clone(), source: error };
    let unmade = || failed(io::Error::new(io::ErrorKind::Unsupported, "it is made elsewhere"));
    let path = source.file().ok_or_else(unmade)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let identity = Identity::generate();
    let public = identity.to_public().to_string();
    let secret = identity.to_string();
    let line = root_line(realm);
    let mut text = Zeroizing::new(format!("{line}\n# public key: {public}\n{}\n", secret.expose_secret()));
    if let RootSource::Transit { vault, key, .. } = source {
        text = by_vault(source, vault, async |server| server.transit_seal(key, &text).await)?.into();
    }
    let mut unnamed = path.as_os_str().to_owned();
    unnamed.push(".new");
    // What a killed process left under this name has sealed nothing.
    match fs::remove_file(&unnamed) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&unnamed).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o400)).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    renameat_with(CWD, &unnamed, CWD, path, RenameFlags::NOREPLACE).map_err(|error| failed(error.into()))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(public)
}

/// Whether a file is there, for those who ask before they make one.
pub fn root_exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Reads a file that only its owner may read.
fn read_own(path: &Path, failed: impl Fn(io::Error) -> KeyError) -> Result<Zeroizing<String>, KeyError> {
    match open_own(path) {
        Ok(file) => bounded(file).map_err(failed),
        Err(OwnError::Io(error)) => Err(failed(error)),
        Err(OwnError::Exposed(found)) => Err(KeyError::RootOpenToOthers { path: path.to_owned(), found }),
    }
}

fn bounded(from: impl Read) -> io::Result<Zeroizing<String>> {
    read_bounded(from, SECRET_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(source: &RootSource) -> Result<String, KeyError> {
        Opener::root(source, Realm::Lab).map(|root| root.public())
    }

    fn command(words: &[&str]) -> RootSource {
        RootSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn a_root_key_is_made_once_and_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/root");
        let source = RootSource::File(path.clone());
        // What a killed process left does not stop the next one, and is not taken for a key.
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join("keys/root.new"), "half a k").unwrap();
        let made = root_create(&RootSource::File(path.clone()), Realm::Lab).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("keys")).unwrap().count(), 1);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert_eq!(public(&source).unwrap(), made);
        assert!(matches!(root_create(&RootSource::File(path.clone()), Realm::Lab), Err(KeyError::Root { .. })));
        assert_eq!(public(&source).unwrap(), made);
    }

    #[test]
    fn a_missing_root_key_stops_work_and_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        assert!(matches!(public(&RootSource::File(path.clone())), Err(KeyError::Root { .. })));
        assert!(!root_exists(&path));
    }

    #[test]
    fn a_root_key_that_others_can_read_or_of_the_other_realm_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        root_create(&RootSource::File(path.clone()), Realm::Lab).unwrap();
        let source = RootSource::File(path.clone());
        assert!(matches!(Opener::root(&source, Realm::Live), Err(KeyError::OtherRealm { .. })));
        fs::set_permissions(&path, Permissions::from_mode(0o440)).unwrap();
        for refused in [public(&source).err(), Opener::recovery(&path).err()] {
            let told = refused.unwrap().to_string();
            assert!(told.contains("found mode 0440"), "{told}");
        }
    }

    #[test]
    fn a_root_key_behind_a_link_or_in_a_pipe_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        root_create(&RootSource::File(at("root")), Realm::Lab).unwrap();
        std::os::unix::fs::symlink(at("root"), at("link")).unwrap();
        assert!(matches!(public(&RootSource::File(at("link"))), Err(KeyError::Root { .. })));
        // A pipe that nobody writes into would be waited for.
        rustix::fs::mkfifoat(CWD, at("pipe"), rustix::fs::Mode::from_raw_mode(0o400)).unwrap();
        let error = Opener::recovery(&at("pipe")).err().unwrap();
        assert!(error.to_string().contains("something else than a plain file"), "{error}");
    }

    #[test]
    fn a_program_prints_the_root_key_and_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root");
        let made = root_create(&RootSource::File(path.clone()), Realm::Lab).unwrap();
        let file = path.to_str().unwrap();
        assert_eq!(public(&command(&["/bin/cat", file])).unwrap(), made);
        // A shell that is asked for by name gets no environment and no input to read.
        let script = format!("[ \"$(env | grep -v -e ^PWD= -e ^_= -e ^SHLVL=)\" = '' ] && cat - {file}");
        assert_eq!(public(&command(&["/bin/sh", "-c", &script])).unwrap(), made);
        for (words, told) in [
            (&["/bin/cat", "/nonexistent"][..], "ended with"),
            (&["/nonexistent"], "No such file"),
            (&["/bin/sh", "-c", "cat \"$0\"; exit 3", file], "ended with exit status: 3"),
            (&["/usr/bin/yes"], "longer than 16 KiB"),
            (&["/bin/echo", "hunter2"], "a line that names its realm"),
        ] {
            let error = public(&command(words)).unwrap_err();
            let told_all = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(told_all.contains(told), "{told_all}");
            assert!(!told_all.contains("hunter2"));
        }
    }
}
