//! What an appliance is told to push, and the one command that tells it.

use std::fmt;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::backup::BackupKind;
use super::name::SeatName;
use super::outside::Outside;
use super::series::Series;

crate::words! {
    /// What goes into a backup that an appliance writes itself (CLI reference, `backup profile`).
    pub enum Profile {
        /// The configuration database.
        Config = "config",
        /// The database of alerts.
        Fedb = "fedb",
        /// Both.
        ConfigFedb = "config+fedb",
        /// Both, and what was detected: malware, reports, videos.
        Full = "full",
    }
}

impl Profile {
    /// The kind of the backup that comes of it.
    pub const fn kind(self) -> BackupKind {
        match self {
            Self::Config => BackupKind::ProfileConfig,
            Self::Fedb => BackupKind::ProfileFedb,
            Self::ConfigFedb => BackupKind::ProfileConfigFedb,
            Self::Full => BackupKind::ProfileFull,
        }
    }

    /// Whether a series writes such backups: a CM writes its configuration only (CLI reference, `backup profile`).
    pub const fn is_of(self, series: Series) -> bool {
        matches!((series, self), (_, Self::Config)) || !matches!(series, Series::Cm)
    }
}

/// What an appliance is told to write and push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A backup.
    Backup(Profile),
    /// A log bundle.
    Bundle,
}

impl Wanted {
    /// The kind of what comes of it.
    pub const fn kind(self) -> BackupKind {
        match self {
            Self::Backup(profile) => profile.kind(),
            Self::Bundle => BackupKind::LogBundle,
        }
    }

    /// The name of the file of a seat.
    pub fn file_name(self, seat: &SeatName) -> String {
        match self {
            Self::Backup(profile) => format!("{seat}-{}.febkp", profile.as_str().replace('+', "-")),
            Self::Bundle => format!("{seat}-logs.tgz"),
        }
    }
}

/// Characters of a name or of half of a login in a command: nothing that a command line reads as anything else.
const WORD_CHARS_MAX: usize = 100;

fn is_word(text: &str) -> bool {
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '-' | '_' | '.');
    (1..=WORD_CHARS_MAX).contains(&text.len()) && text.chars().all(plain) && !text.starts_with(['-', '.'])
}

/// Where an appliance pushes to, with a login that serves once.
#[derive(Clone)]
pub struct PushTarget {
    user: SecretString,
    password: SecretString,
    address: IpAddr,
    port: u16,
    name: String,
}

/// A part of a target that no command may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of a place to push to is no plain word")]
pub struct PushTargetError(&'static str);

impl PushTarget {
    /// A place of small letters, digits, `-`, `_` and `.` alone.
    pub fn new(
        user: SecretString,
        password: SecretString,
        (address, port): (IpAddr, u16),
        name: &str,
    ) -> Result<Self, PushTargetError> {
        for (what, text) in [("user", user.expose_secret()), ("password", password.expose_secret()), ("name", name)] {
            if !is_word(text) {
                return Err(PushTargetError(what));
            }
        }
        Ok(Self { user, password, address, port, name: name.to_owned() })
    }

    /// The place with the login, as a command has it.
    fn url(&self) -> String {
        let Self { user, password, address, port, name } = self;
        let host = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        format!("scp://{}:{}@{host}:{port}/{name}", user.expose_secret(), password.expose_secret())
    }
}

impl fmt::Debug for PushTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushTarget({}:{}/{})", self.address, self.port, self.name)
    }
}

/// A command that writes a file, or pushes one to one place: it changes no configuration, and is no [`ReadCommand`].
/// Its words come from a closed list; nothing of it stems from a file or from outside.
///
/// [`ReadCommand`]: super::command::ReadCommand
#[derive(Debug, Clone)]
pub struct PushCommand {
    words: Words,
    target: Option<PushTarget>,
}

#[derive(Debug, Clone, Copy)]
enum Words {
    Backup(Profile),
    GenerateDump,
    UploadDump,
}

impl PushCommand {
    /// The command that writes a backup and pushes it; `None` when the series writes no such backup.
    pub fn new(series: Series, profile: Profile, target: PushTarget) -> Option<Self> {
        profile.is_of(series).then_some(Self { words: Words::Backup(profile), target: Some(target) })
    }

    /// The command that writes a dump of logs and state (CLI reference, `debug generate dump`). It pushes nothing.
    pub const fn generate_dump() -> Self {
        Self { words: Words::GenerateDump, target: None }
    }

    /// The command that pushes the latest dump. Modelled after MLNX-OS, which has the same command line: `file debug-dump
    /// upload`; no page of the CLI reference shows it.
    pub const fn upload_dump(target: PushTarget) -> Self {
        Self { words: Words::UploadDump, target: Some(target) }
    }

    /// The command as it is sent, without a line end. It holds the password.
    pub fn line(&self) -> SecretString {
        let place = self.target.as_ref().map_or_else(String::new, PushTarget::url);
        SecretString::from(match self.words {
            Words::Backup(profile) => format!("backup profile {profile} to {place}"),
            Words::GenerateDump => "debug generate dump".to_owned(),
            Words::UploadDump => format!("file debug-dump upload latest {place}"),
        })
    }

    /// A text of the appliance without the login; a text that holds a piece of it is withheld whole, since a terminal
    /// may have broken it anywhere.
    pub fn scrub(&self, text: &str) -> Outside {
        const PIECE: usize = 6;
        let Some(target) = &self.target else { return Outside::new(text) };
        let (mut clean, mut packed) = (text.to_owned(), String::new());
        for secret in [&target.user, &target.password] {
            clean = clean.replace(secret.expose_secret(), "…");
        }
        packed.extend(clean.chars().filter(|letter| !letter.is_whitespace()).map(|letter| letter.to_ascii_lowercase()));
        let holds = |secret: &SecretString| {
            let secret = secret.expose_secret().as_bytes();
            secret.windows(PIECE).any(|piece| packed.as_bytes().windows(PIECE).any(|seen| seen == piece))
        };
        if holds(&target.user) || holds(&target.password) {
            return Outside::from("(not quoted: it repeats the one-time login)");
        }
        Outside::new(clean)
    }
}

/// The fingerprints of one host key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPrint {
    /// `SHA256:…`.
    pub sha256: String,
    /// As clients before OpenSSH 6.8 print it: sixteen pairs of hexadecimal digits.
    pub md5: String,
}

/// The fingerprints of the host keys that an appliance may be told yes for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPrints(pub Vec<KeyPrint>);

impl KeyPrints {
    /// Whether a question about an unknown host key names one of these keys, and no other. Blanks and line ends are nothing.
    pub fn are_in(&self, question: &str) -> bool {
        let packed: String = question.split_whitespace().collect();
        let (shown, lower) = (packed.matches("SHA256:").count(), packed.to_ascii_lowercase());
        self.0.iter().any(|print| match shown {
            0 => lower.contains(&print.md5),
            shown => shown == 1 && packed.contains(&print.sha256),
        })
    }
}

/// What an appliance says that a backup would need (`show backup estimate profile`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Whether it can write one to be pushed.
    pub can: Option<bool>,
    /// Room that it needs, in MB.
    pub needed_mb: Option<u64>,
}

/// What an appliance says of the backup that it wrote last (`show backup status`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushStatus {
    /// One is being written now.
    pub running: bool,
    /// Its profile.
    pub profile: Option<String>,
    /// When it ended, as the appliance writes times.
    pub ended: Option<String>,
    /// How it ended.
    pub success: Option<bool>,
}

/// A size as an appliance prints it, with what its rounding may hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintedSize {
    /// In bytes.
    pub bytes: u64,
    /// One of its last digit, in bytes; nothing where bytes were printed.
    pub rounded: u64,
}

/// A file that an appliance says that it holds (`show backup available`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldCopy {
    /// Its profile.
    pub profile: Option<String>,
    /// When it was made, as the appliance writes times.
    pub created: Option<String>,
    /// Its sizes, packed and not: which of them is that of the file, no document says.
    pub sizes: Vec<PrintedSize>,
}

/// All that an appliance says of its backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushReport {
    /// The last one.
    pub status: PushStatus,
    /// The files that it holds.
    pub copies: Vec<HeldCopy>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(user: &str, password: &str, name: &str) -> Result<PushTarget, PushTargetError> {
        PushTarget::new(user.into(), password.into(), ("192.0.2.7".parse().unwrap(), 10022), name)
    }

    #[test]
    fn the_command_is_one_of_a_closed_list() {
        let place = target("u4k7q", "abcdefghij", "nx01-full.febkp").unwrap();
        let command = PushCommand::new(Series::Nx, Profile::Full, place.clone()).unwrap();
        let expected = "backup profile full to scp://u4k7q:abcdefghij@192.0.2.7:10022/nx01-full.febkp";
        assert_eq!(command.line().expose_secret(), expected);
        let upload = PushCommand::upload_dump(place.clone());
        let expected = "file debug-dump upload latest scp://u4k7q:abcdefghij@192.0.2.7:10022/nx01-full.febkp";
        assert_eq!(upload.line().expose_secret(), expected);
        assert_eq!(PushCommand::generate_dump().line().expose_secret(), "debug generate dump");
        assert!(PushCommand::new(Series::Cm, Profile::Full, place.clone()).is_none());
        assert!(PushCommand::new(Series::Cm, Profile::Config, place).is_some());
        for (user, password, name) in [
            ("a b", "c", "d"),
            ("a", "b\nreload", "d"),
            ("a", "b", "d;reload"),
            ("a", "b", "../d"),
            ("a@", "b", "d"),
            ("", "b", "d"),
            ("a", "b", "d|x"),
            ("a", "B", "-d"),
        ] {
            assert!(target(user, password, name).is_err(), "{user:?} {password:?} {name:?}");
        }
    }

    #[test]
    fn nothing_shows_the_login() {
        let place = target("u4k7qxyz", "abcdefghijklmnop", "n").unwrap();
        let command = PushCommand::new(Series::Nx, Profile::Full, place).unwrap();
        assert!(!format!("{command:?}").contains("abcdef"));
        let whole = command.scrub("% Cannot reach scp://u4k7qxyz:abcdefghijklmnop@192.0.2.7\n");
        assert_eq!(whole.as_data(), "% Cannot reach scp://…:…@192.0.2.7\n");
        for text in ["x abcdefgh", "x abc\r\ndefgh", "x KLMNOP", "u4k7qx"] {
            assert!(command.scrub(text).as_data().starts_with("(not quoted"), "{text}");
        }
        assert_eq!(command.scrub("% disk full").as_data(), "% disk full");
    }

    #[test]
    fn only_our_fingerprint_is_told_yes() {
        let print = |sha256: &str, md5: &str| KeyPrint { sha256: sha256.to_owned(), md5: md5.to_owned() };
        let prints = KeyPrints(vec![print("SHA256:abc", "01:02:aa"), print("SHA256:def", "03:04:bb")]);
        assert!(prints.are_in("ECDSA key fingerprint is SHA256:def.\nAre you sure (yes/no)? "));
        assert!(prints.are_in("ECDSA key fingerprint is 03:04:bb.\nAre you sure (yes/no)? "));
        assert!(!prints.are_in("fingerprint is SHA256:def, not SHA256:abc. (yes/no)? "));
        assert!(prints.are_in("ED25519 key fingerprint is SHA256:abc.\nAre you sure (yes/no)? "));
        assert!(prints.are_in("RSA key fingerprint is 01:02:AA.\nAre you sure (yes/no)? "));
        assert!(!prints.are_in("ED25519 key fingerprint is SHA256:xyz.\nAre you sure (yes/no)? "));
        assert!(!prints.are_in("fingerprint is SHA256:xyz, not SHA256:abc. (yes/no)? "));
        assert!(!prints.are_in("fingerprint is SHA256:xyz, comment 01:02:aa (yes/no)? "));
        assert!(!prints.are_in("Are you sure (yes/no)? "));
    }
}
