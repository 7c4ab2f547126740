use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::model::credential::SnmpUser;
use crate::model::snmp::{SnmpAuth, SnmpPrivacy};

fn name(text: &str) -> CredentialName {
    text.parse().expect("a name")
}

fn source(from: SecretFrom) -> CredentialSource {
    CredentialSource {
        purpose: Purpose::Read,
        user: "monitor".to_owned(),
        from,
        enable_file: None,
        ca: None,
        snmp: None,
    }
}

fn secret_file(folder: &tempfile::TempDir, file: &str, text: &[u8], mode: u32) -> PathBuf {
    let path = folder.path().join(file);
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    path
}

fn store(sources: &[(&str, CredentialSource)], allow_environment: bool) -> SecretStore {
    let sources = sources.iter().map(|(name_, source)| (name(name_), source.clone())).collect();
    SecretStore::new(sources, None, Arc::new(Rot13), allow_environment)
}

/// Stands for the root key.
struct Rot13;

impl Unseal for Rot13 {
    fn unseal(&self, sealed: &[u8]) -> Result<SecretString, String> {
        let turned = sealed.iter().map(|byte| match byte {
            b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
            b'!' => b'\n',
            other => *other,
        });
        let text = String::from_utf8(turned.collect()).map_err(|_| "it does not open".to_owned())?;
        Ok(SecretString::from(text))
    }
}

fn wait<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(what)
}

/// Reads one file as a password.
fn fetch(path: &Path) -> Result<String, SecretError> {
    let store = store(&[("acme/monitor", source(SecretFrom::File(path.to_owned())))], false);
    wait(store.fetch(&name("acme/monitor"), Purpose::Read)).map(|login| match login.secret {
        LoginSecret::Password(password) => password.expose_secret().to_owned(),
        LoginSecret::Key { .. } | LoginSecret::Agent { .. } => panic!("not a password"),
    })
}

#[test]
fn a_password_is_read_without_its_line_end() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, mode) in [(&b"p w"[..], 0o600), (b"p w\n", 0o400), (b"p w\r\n", 0o600)] {
        let path = secret_file(&folder, &format!("{mode}-{}", text.len()), text, mode);
        assert_eq!(fetch(&path), Ok("p w".to_owned()));
    }
}

#[test]
fn a_file_that_others_could_read_or_replace_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for mode in [0o640, 0o604, 0o660, 0o700, 0o644, 0o4600] {
        let path = secret_file(&folder, &format!("{mode}"), b"secret", mode);
        assert!(matches!(fetch(&path), Err(SecretError::Exposed { .. })), "{mode:o}");
    }
    let link = folder.path().join("link");
    let target = secret_file(&folder, "target", b"secret", 0o600);
    std::os::unix::fs::symlink(target, &link).expect("a link");
    assert!(matches!(fetch(&link), Err(SecretError::Unreadable { .. })));
    assert!(matches!(fetch(folder.path()), Err(SecretError::Exposed { .. })));
    assert!(matches!(fetch(&folder.path().join("none")), Err(SecretError::Unreadable { .. })));
}

#[test]
fn a_secret_that_is_more_than_a_word_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = vec![b'x'; 16 * 1024 + 1];
    let texts: [&[u8]; 6] = [b"", b"\n", b"a\nreload\n", b"a\x1bb", b"\xff\xfe", &long];
    for (at, text) in texts.into_iter().enumerate() {
        let path = secret_file(&folder, &at.to_string(), text, 0o600);
        assert!(matches!(fetch(&path), Err(SecretError::Malformed { .. })), "{at}");
    }
    let most = secret_file(&folder, "most", &long[1..], 0o600);
    assert!(fetch(&most).is_ok());
}

#[test]
fn a_credential_serves_its_purpose_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = secret_file(&folder, "a", b"secret", 0o600);
    let store = store(&[("acme/monitor", source(SecretFrom::File(path)))], false);
    let refused = wait(store.fetch(&name("acme/monitor"), Purpose::Change));
    assert!(matches!(refused, Err(SecretError::WrongPurpose { .. })), "{refused:?}");
    let refused = wait(store.fetch(&name("globex/monitor"), Purpose::Read));
    assert!(matches!(refused, Err(SecretError::Undeclared(_))), "{refused:?}");
}

#[test]
fn the_environment_is_for_the_command_line() {
    // A variable that every process here has; a test must not change the environment of its neighbours.
    let from = SecretFrom::Environment("PATH".to_owned());
    let sources =
        [("acme/monitor", source(from)), ("acme/none", source(SecretFrom::Environment("NO_SUCH".to_owned())))];
    let service = store(&sources, false);
    let refused = wait(service.fetch(&name("acme/monitor"), Purpose::Read));
    assert!(matches!(refused, Err(SecretError::EnvironmentRefused(_))), "{refused:?}");
    assert!(wait(service.fingerprints(&[7; 32])).is_empty());
    let command_line = store(&sources, true);
    assert!(wait(command_line.fetch(&name("acme/monitor"), Purpose::Read)).is_ok());
    let unset = wait(command_line.fetch(&name("acme/none"), Purpose::Read));
    assert!(matches!(unset, Err(SecretError::EnvironmentUnset(_))), "{unset:?}");
}

#[test]
fn a_key_comes_with_its_passphrase_and_an_enable_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----";
    let from = SecretFrom::Key {
        path: secret_file(&folder, "key", format!("{pem}\n").as_bytes(), 0o600),
        passphrase_file: Some(secret_file(&folder, "phrase", b"open\n", 0o400)),
    };
    let enable_file = Some(secret_file(&folder, "enable", b"up\n", 0o600));
    let store = store(&[("acme/monitor", CredentialSource { enable_file, ..source(from) })], false);
    let login = wait(store.fetch(&name("acme/monitor"), Purpose::Read)).expect("a login");
    let LoginSecret::Key { pem: read, passphrase } = &login.secret else { panic!("not a key") };
    assert_eq!(read.expose_secret(), pem);
    assert_eq!(passphrase.as_ref().map(ExposeSecret::expose_secret), Some("open"));
    assert_eq!(login.enable.as_ref().map(ExposeSecret::expose_secret), Some("up"));
    assert!(!format!("{login:?}").contains("open"));
}

#[test]
fn one_secret_under_two_names_has_one_fingerprint() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &[u8]| source(SecretFrom::File(secret_file(&folder, name, text, 0o600)));
    let sources = [
        ("acme/monitor", file("a", b"same")),
        ("globex/monitor", file("b", b"same\n")),
        ("globex/other", file("c", b"other")),
        ("globex/gone", source(SecretFrom::File(folder.path().join("gone")))),
    ];
    let prints = wait(store(&sources, false).fingerprints(&[7; 32]));
    let of = |wanted: &str| prints.iter().find(|print| print.name == name(wanted)).map(|print| print.print.clone());
    assert_eq!(prints.len(), 3);
    assert_eq!(of("acme/monitor"), of("globex/monitor"));
    assert_ne!(of("acme/monitor"), of("globex/other"));
    let others = wait(store(&sources, false).fingerprints(&[8; 32]));
    assert!(others.iter().all(|other| prints.iter().all(|print| print.print != other.print)));
}

#[test]
fn a_secret_is_kept_for_a_while() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = secret_file(&folder, "a", b"first", 0o600);
    let store = store(&[("acme/monitor", source(SecretFrom::File(path.clone())))], false);
    let fetch = || wait(store.fetch(&name("acme/monitor"), Purpose::Read)).map(|login| login.user);
    assert!(fetch().is_ok());
    std::fs::remove_file(path).expect("removed");
    assert!(fetch().is_ok());
    let cache = store.cache.lock().expect("a lock");
    let mut read = cache.get(&name("acme/monitor")).expect("kept").try_lock().expect("nobody reads");
    let kept = read.as_mut().expect("kept");
    kept.at = kept.at.checked_sub(CACHE).expect("a clock that runs for five minutes");
    drop(read);
    drop(cache);
    assert!(matches!(fetch(), Err(SecretError::Unreadable { .. })));
}

#[test]
fn a_program_and_a_sealed_file_give_a_password_or_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let shell = |script: &str| SecretFrom::Command(["/bin/sh", "-c", script].map(str::to_owned).to_vec());
    let sealed = |text: &[u8]| {
        let path = folder.path().join(format!("{}.age", hex::encode(text)));
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
        SecretFrom::Sealed(path)
    };
    let read = |from: SecretFrom| {
        let login = wait(store(&[("acme/monitor", source(from))], false).fetch(&name("acme/monitor"), Purpose::Read))?;
        let LoginSecret::Password(password) = login.secret else { panic!("not a password") };
        Ok::<_, SecretError>(password.expose_secret().to_owned())
    };
    for from in
        [shell("echo 'p w'"), shell("printf 'p w\\r\\n'"), shell("printf 'p w'"), sealed(b"c j!"), sealed(b"c j")]
    {
        assert_eq!(read(from.clone()), Ok("p w".to_owned()), "{from:?}");
    }
    for from in [shell("echo hunter2; exit 1"), shell("exec yes hunter2"), sealed(b"\xff")] {
        let refused = read(from).expect_err("no secret");
        assert!(matches!(refused, SecretError::Withheld { .. }), "{refused:?}");
        assert!(!refused.to_string().contains("hunter2"));
    }
    for from in [shell("true"), shell("printf 'a\\nreload\\n'"), sealed(b""), sealed(b"a!b")] {
        let refused = read(from).expect_err("no word");
        assert!(matches!(refused, SecretError::Malformed { .. }), "{refused:?}");
    }
}

#[test]
fn many_who_come_at_once_ask_once_and_a_refusal_is_kept_for_a_moment() {
    let folder = tempfile::tempdir().expect("a folder");
    let (calls, gate) = (folder.path().join("calls"), folder.path().join("gate"));
    let script = format!("echo x >>'{}'; sleep 0.1; [ -e '{}' ] && echo secret", calls.display(), gate.display());
    let from = SecretFrom::Command(["/bin/sh", "-c", &script].map(str::to_owned).to_vec());
    let store = store(&[("acme/monitor", source(from))], false);
    let of = name("acme/monitor");
    let ask = || futures::future::join_all((0..50).map(|_| store.fetch(&of, Purpose::Read)));
    let asked = || std::fs::read_to_string(&calls).expect("a file").lines().count();
    assert!(wait(ask()).iter().all(Result::is_err));
    std::fs::write(&gate, "").expect("a file");
    assert!(wait(ask()).iter().all(Result::is_err));
    assert_eq!(asked(), 1);
    let cache = store.cache.lock().expect("a lock");
    let mut read = cache.get(&of).expect("kept").try_lock().expect("nobody reads");
    let kept = read.as_mut().expect("kept");
    kept.at = kept.at.checked_sub(CACHE_WITHHELD).expect("a clock that runs for five seconds");
    drop(read);
    drop(cache);
    assert!(wait(ask()).iter().all(Result::is_ok));
    assert_eq!(asked(), 2);
}

#[test]
fn a_secret_of_snmp_is_for_snmp_alone_and_a_login_for_logins() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| secret_file(&folder, name, text.as_bytes(), 0o600);
    let user = |privacy: &str| SnmpUser {
        auth: SnmpAuth::Sha256,
        privacy: Some((SnmpPrivacy::Aes128, file(privacy, privacy))),
    };
    let snmp = |text: &str, snmp: Option<SnmpUser>| CredentialSource {
        purpose: Purpose::Snmp,
        snmp,
        ..source(SecretFrom::File(file(&format!("{text}-file"), text)))
    };
    let store = store(
        &[
            ("acme/community", snmp("publ1c", None)),
            ("acme/user", snmp("passphrase", Some(user("encrypting")))),
            ("acme/short", snmp("passphr", Some(user("encrypting2")))),
            ("acme/half", snmp("passphrase2", Some(user("short")))),
            ("acme/login", source(SecretFrom::File(file("login", "password")))),
        ],
        false,
    );
    let fetch = |text: &str| wait(store.fetch_snmp(&name(text)));
    assert!(matches!(fetch("acme/community"), Ok(SnmpLogin::Community(text)) if text.expose_secret() == "publ1c"));
    let Ok(SnmpLogin::User { passphrase, privacy: Some((_, privacy)), .. }) = fetch("acme/user") else {
        panic!("no user");
    };
    assert_eq!((passphrase.expose_secret(), privacy.expose_secret()), ("passphrase", "encrypting"));
    for short in ["acme/short", "acme/half"] {
        assert!(
            matches!(fetch(short), Err(SecretError::Malformed { why: "is shorter than 8 characters", .. })),
            "{short}"
        );
        assert!(wait(store.try_read(&name(short))).is_err());
    }
    assert!(matches!(fetch("acme/login"), Err(SecretError::WrongPurpose { .. })));
    assert!(matches!(wait(store.fetch(&name("acme/community"), Purpose::Read)), Err(SecretError::WrongPurpose { .. })));
    let prints = wait(store.fingerprints(&[1; 32]));
    let privacy = prints.iter().filter(|print| print.part == SecretPart::Privacy).count();
    assert_eq!(privacy, 3, "the passphrases that encrypt are held against others as well");
}
