//! A way through a bastion that forwards nothing: its own client logs in to the appliance, and what it prints is read.
//!
//! Invariant: the bastion's client is told to trust nothing by itself, so that it asks about the appliance's host key each
//! time. The question is answered with a fingerprint that was accepted for this asset, and only when it is the one that
//! is shown; the password is said once, to a question of that client, after the key.
//!
//! What cannot be proved: the bastion sees the password and the session in clear, and what it prints is its own word.

use std::borrow::Cow;
use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::bastion::Bastion;
use super::connection::{Connection, Nested, quote};
use super::guard::{Pins, Shared};
use super::hop::HopFault;
use super::prompt::{Prompt, QUESTION_BYTES_MAX};
use super::screen::Screen;
use super::session::SshSession;
use super::wire::Pipe;
use super::{AccessError, AccessLimits, Negotiated, Peer, ShownKey};
use crate::model::credential::{Login, LoginSecret};
use crate::model::inventory::{Algorithms, Hop, Menu};
use crate::model::limits::GREETING_BYTES_MAX;
use crate::model::outside::Outside;
use crate::model::question::is_for_password;

/// Characters of an account.
const ACCOUNT_CHARS_MAX: usize = 64;
/// Bytes that are read at a time.
const READ_BYTES: usize = 16 * 1024;
/// Characters of the last words that an error quotes.
const TAIL_CHARS: usize = 300;

/// An account that may stand in a command of the bastion: nothing of it is read as anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct AccountName(String);

impl TryFrom<String> for AccountName {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        let fits = (1..=ACCOUNT_CHARS_MAX).contains(&text.len()) && !text.starts_with('-') && text.chars().all(plain);
        if fits { Ok(Self(text)) } else { Err("no account that a bastion could be told") }
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

/// What is started in a terminal of a bastion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    /// The account at the appliance; a menu has its own.
    pub(super) user: Option<AccountName>,
    /// Where the appliance stands.
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether its algorithms are old.
    pub(super) legacy: bool,
}

impl Start {
    /// The command; `None` for the bastion's menu.
    pub(super) fn command(&self) -> Option<String> {
        let algorithms = if self.legacy { Algorithms::Legacy } else { Algorithms::Modern };
        self.user.as_ref().map(|user| command(&user.0, &(self.host.clone(), self.port), algorithms))
    }
}

/// Where one speaks with the bastion's client.
struct Talk {
    terminal: Pipe,
    heard: Heard,
    /// The password was typed: what is heard may hold its echo, and is quoted nowhere.
    is_secret: bool,
    ended: bool,
    until: Instant,
    limits: AccessLimits,
}

/// What the bastion's client shows of the appliance's key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyQuestion {
    algorithm: String,
    fingerprint: String,
    /// The client compares a fingerprint that is typed; an old one takes yes or no.
    compares: bool,
}

/// What the end of a text asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ask {
    /// Nothing yet.
    More,
    /// Whether this is the right host key.
    Key(KeyQuestion),
    /// A question about the key in words that are not known.
    OddKey,
    /// The password.
    Password,
    /// The client gave up, in these words.
    Failed(Failed),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Failed {
    /// The appliance refused the login.
    Denied,
    /// The client found another key than the one that the bastion remembers.
    Changed,
    /// The appliance is not reached.
    Unreached(String),
}

/// Shows the host key that the bastion's client sees, and leaves before any login there.
pub(super) async fn show_key(
    bastion: &Bastion,
    hop: &Hop,
    peer: Peer<'_>,
    place: (String, u16),
    limits: AccessLimits,
) -> Result<ShownKey, AccessError> {
    let mut talk = Talk::begin(bastion, hop, peer, "nobody", &place, limits).await?;
    let asked = talk.key_question(bastion, hop, peer).await;
    drop(talk);
    let key = asked?;
    let negotiated = Negotiated { host_key: key.algorithm.clone(), ..Negotiated::default() };
    Ok(ShownKey {
        public_key: key.fingerprint.clone(),
        algorithm: key.algorithm,
        fingerprint: key.fingerprint,
        negotiated,
    })
}

/// Opens a session to an appliance.
pub(super) async fn open(
    bastion: &Bastion,
    hop: &Hop,
    peer: Peer<'_>,
    place: (String, u16),
    pins: &[String],
    login: &Login,
    limits: AccessLimits,
) -> Result<SshSession, AccessError> {
    let LoginSecret::Password(password) = &login.secret else {
        return Err(AccessError::UnusableKey(
            "behind a bastion that forwards nothing only a password can be said".into(),
        ));
    };
    let pins = Pins::parse(pins);
    let mut talk = Talk::begin(bastion, hop, peer, &login.user, &place, limits).await?;
    let key = talk.key_question(bastion, hop, peer).await?;
    pins.check_print(&key.algorithm, &key.fingerprint)?;
    // Where the client compares, it proceeds with this key and no other, whatever it has shown.
    let answer = if key.compares { key.fingerprint.as_str() } else { "yes" };
    let said = async {
        talk.say(answer.as_bytes()).await?;
        talk.password_question(hop, peer, &login.user, &place.0).await?;
        talk.is_secret = true;
        talk.say(password.expose_secret().as_bytes()).await?;
        talk.prompt(hop, &login.user).await
    };
    if let Err(error) = said.await {
        // What nobody reads any more would keep the bastion's sign of life waiting.
        drop(talk);
        return Err(bastion.blame(error).await);
    }
    let (connection, nested) = talk.hand_over(bastion);
    connection.shared.lock().negotiated.host_key = key.algorithm;
    SshSession::begin_nested(connection, nested, login.enable.as_ref(), limits).await
}

/// The command for the bastion. Its own list of known keys and its configuration have no say, so that the question about
/// the host key comes each time; nothing is forwarded, and no key or agent of the bastion is used.
fn command(user: &str, (host, port): &(String, u16), algorithms: Algorithms) -> String {
    const OLD: &str = "-o KexAlgorithms=+diffie-hellman-group14-sha1 -o HostKeyAlgorithms=+ssh-rsa \
                       -o Ciphers=+aes128-cbc,aes256-cbc ";
    let old = if algorithms == Algorithms::Legacy { OLD } else { "" };
    format!(
        "LC_ALL=C exec ssh -tt -a -x -e none -F /dev/null -o StrictHostKeyChecking=ask \
         -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o CheckHostIP=no \
         -o FingerprintHash=sha256 -o PubkeyAuthentication=no -o ClearAllForwardings=yes \
         -o PreferredAuthentications=password,keyboard-interactive -o NumberOfPasswordPrompts=1 \
         -o ControlPath=none -o LogLevel=INFO {old}-l {user} -p {port} -- {host}"
    )
}

impl Talk {
    /// Starts the bastion's client, or waits for its menu and chooses the appliance there.
    async fn begin(
        bastion: &Bastion,
        hop: &Hop,
        peer: Peer<'_>,
        user: &str,
        place: &(String, u16),
        limits: AccessLimits,
    ) -> Result<Self, AccessError> {
        let until = Instant::now() + limits.connect + limits.handshake + limits.login;
        let (host, port) = place.clone();
        let account = AccountName::try_from(user.to_owned());
        let account = account.map_err(|why| bastion.fault(HopFault::NoCredential, format!("{user:?} is {why}")));
        let user = if hop.menu.is_some() { None } else { Some(account?) };
        let start = Start { user, host, port, legacy: peer.seat.ssh.algorithms == Algorithms::Legacy };
        let terminal = bastion.terminal(start, until).await?;
        let mut talk = Self { terminal, heard: Heard::new(), is_secret: false, ended: false, until, limits };
        if let Some(menu) = &hop.menu {
            let choice = talk.choice(bastion, menu, peer).await?;
            talk.say(choice.as_bytes()).await?;
        }
        Ok(talk)
    }

    /// Waits for the menu, and finds the one entry of the appliance.
    async fn choice(&mut self, bastion: &Bastion, menu: &Menu, peer: Peer<'_>) -> Result<String, AccessError> {
        loop {
            if menu.asks(&self.heard.line()) {
                let address = peer.seat.address.map(|address| address.to_string()).unwrap_or_default();
                let found = menu.choices(&self.heard.text(), peer.seat.name.as_str(), &peer.seat.hostname, &address);
                return match found.as_slice() {
                    [one] => Ok(one.clone()),
                    none_or_many => {
                        let said = format!("its menu has {} entries for {}", none_or_many.len(), peer.seat.name);
                        Err(bastion.fault(HopFault::Refused, said))
                    }
                };
            }
            if self.ended {
                return Err(bastion.fault(HopFault::Dropped, format!("before its menu: {:?}", self.tail())));
            }
            if !self.hear().await? {
                return Err(bastion.fault(HopFault::Asked, format!("no menu as declared: {:?}", self.tail())));
            }
        }
    }

    /// Waits until the client asks about the appliance's host key.
    async fn key_question(&mut self, bastion: &Bastion, hop: &Hop, peer: Peer<'_>) -> Result<KeyQuestion, AccessError> {
        loop {
            let hidden = || {
                let said = format!("it does not show the host key of {}", peer.seat.name);
                bastion.fault(HopFault::HidesKey, said)
            };
            match self.heard.ask() {
                Ask::Key(key) => return Ok(key),
                // A password would go to whoever answers behind the bastion.
                Ask::OddKey | Ask::Password | Ask::Failed(Failed::Denied) => return Err(hidden()),
                Ask::Failed(Failed::Unreached(said)) => {
                    return Err(bastion.fault(HopFault::NoWay, quote(&said)));
                }
                Ask::Failed(Failed::Changed) => {
                    let said = "the key of the appliance is not the one that the bastion remembers".to_owned();
                    return Err(bastion.fault(HopFault::HidesKey, said));
                }
                Ask::More if self.ended => {
                    let said = format!("its client ended: {:?}", self.tail());
                    return Err(bastion.blame(bastion.fault(HopFault::Refused, said)).await);
                }
                Ask::More => {}
            }
            if !self.hear().await? {
                let what = if hop.menu.is_some() { "its menu" } else { "its client" };
                let said = format!("{what} asks nothing about the host key: {:?}", self.tail());
                return Err(bastion.blame(bastion.fault(HopFault::Late, said)).await);
            }
        }
    }

    /// Waits until the client asks for the password of this account. What the appliance says before it (a banner) may
    /// look like anything; the question is the last line, and of the client's form.
    async fn password_question(
        &mut self,
        hop: &Hop,
        peer: Peer<'_>,
        user: &str,
        host: &str,
    ) -> Result<(), AccessError> {
        loop {
            let line = self.heard.line();
            let own =
                [format!("{user}@{host}'s password:"), format!("({user}@{host}) Password:"), "Password:".to_owned()];
            let declared = peer.seat.ssh.questions.iter().any(|question| question.is(&line));
            if declared || own.iter().any(|own| own.eq_ignore_ascii_case(line.trim_end())) {
                return Ok(());
            }
            // Only of a client that has ended: before, its last words may be those of a banner.
            let over = self.ended || hop.menu.as_ref().is_some_and(|menu| menu.asks(&line));
            match self.heard.ask() {
                Ask::Failed(Failed::Unreached(said)) if over => return Err(AccessError::Network(quote(&said))),
                _ if over => return Err(AccessError::Dropped("the login")),
                _ => {}
            }
            if !self.hear().await? {
                return Err(AccessError::UnknownPrompt(self.tail()));
            }
        }
    }

    /// Waits for the appliance's prompt after the password.
    async fn prompt(&mut self, hop: &Hop, user: &str) -> Result<(), AccessError> {
        loop {
            let line = self.heard.line();
            let refused = || AccessError::LoginRefused { user: user.to_owned(), offered: Outside::default() };
            match self.heard.ask() {
                Ask::Failed(Failed::Denied) | Ask::Password => return Err(refused()),
                // The menu again: its client has ended. Its prompt may look like that of an appliance.
                _ if hop.menu.as_ref().is_some_and(|menu| menu.asks(&line)) => {
                    return Err(AccessError::Dropped("the login"));
                }
                _ if Prompt::learn(line.as_bytes()).is_some() => return Ok(()),
                _ if self.ended => return Err(AccessError::Dropped("the login")),
                _ => {}
            }
            if !self.hear().await? {
                // Whether the password was taken is not known: it is no acceptance.
                return Err(AccessError::UnknownPrompt(self.tail()));
            }
        }
    }

    /// Types a line; what is heard from here on is what follows it.
    async fn say(&mut self, line: &[u8]) -> Result<(), AccessError> {
        self.heard = Heard::new();
        let sent = timeout_at(self.until, self.terminal.write_all(&[line, b"\n"].concat())).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(AccessError::Dropped("the login")),
            Err(_) => Err(AccessError::TimedOut { what: "the login", limit: self.limits.login }),
        }
    }

    /// Hears more; `false` when the time has passed.
    async fn hear(&mut self) -> Result<bool, AccessError> {
        let mut bytes = [0; 4096];
        match timeout_at(self.until, self.terminal.read(&mut bytes)).await {
            Err(_) => return Ok(false),
            Ok(Ok(count @ 1..)) => self.heard.feed(bytes.get(..count).unwrap_or_default()),
            Ok(_) => self.ended = true,
        }
        if self.heard.bytes > GREETING_BYTES_MAX {
            return Err(AccessError::OverLimit { what: "the greeting", limit: GREETING_BYTES_MAX });
        }
        Ok(true)
    }

    fn tail(&self) -> Outside {
        if self.is_secret {
            return Outside::from("not quoted, since it may hold the password");
        }
        let text = self.heard.text();
        let skip = text.chars().count().saturating_sub(TAIL_CHARS);
        Outside::new(text.chars().skip(skip).collect::<String>())
    }

    /// The terminal as a connection whose reader has heard what came after the password.
    fn hand_over(self, bastion: &Bastion) -> (Connection, Arc<Nested>) {
        let (mut reader, writer) = tokio::io::split(self.terminal);
        let shared = Arc::new(Shared::new());
        // The prompt alone: an echo of the password may stand on the lines before it.
        shared.lock().reader.feed(self.heard.screen.line());
        let (stop, mut stopped) = oneshot::channel::<()>();
        let to = Arc::clone(&shared);
        tokio::spawn(async move {
            let mut bytes = vec![0; READ_BYTES];
            loop {
                tokio::select! {
                    _ = &mut stopped => return,
                    read = reader.read(&mut bytes) => match read {
                        Ok(count @ 1..) => to.heard(bytes.get(..count).unwrap_or_default()),
                        _ => return to.terminal_ended(),
                    },
                }
            }
        });
        let nested = Arc::new(Nested { writer: tokio::sync::Mutex::new(writer), _stop: stop });
        (Connection::nested(Arc::clone(&nested), shared, bastion.clone(), self.limits), nested)
    }
}

/// What a client or a menu said since a line was typed, as a terminal would show it. A byte is looked at once, and again
/// only in a last line that is short enough for a question: whoever says much in small pieces costs no more than that.
struct Heard {
    screen: Screen,
    /// How many bytes came.
    bytes: usize,
    /// Where the lines begin that were not looked at.
    looked: usize,
    /// What the first line said that tells of a failure.
    failed: Option<Failed>,
    /// The first two keys that were shown, each by algorithm and fingerprint.
    shown: Vec<(String, String)>,
}

impl Heard {
    const fn new() -> Self {
        Self { screen: Screen::new(true), bytes: 0, looked: 0, failed: None, shown: Vec::new() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.screen.feed(bytes);
        let lines = self.screen.text().get(self.looked..).unwrap_or_default();
        let Some(end) = memchr::memrchr(b'\n', lines) else { return };
        for line in String::from_utf8_lossy(lines.get(..end).unwrap_or_default()).lines() {
            if self.failed.is_none() {
                self.failed = failed(line);
            }
            // `ED25519 key fingerprint is SHA256:….` on a line of its own, and once.
            if self.shown.len() < 2 {
                self.shown.extend(shown_key(line));
            }
        }
        self.looked += end + 1;
    }

    /// The last line; nothing when it is too long for a question, a prompt or the last words of a client.
    fn line(&self) -> Cow<'_, str> {
        let line = self.screen.line();
        String::from_utf8_lossy(if line.len() > QUESTION_BYTES_MAX { b"" } else { line })
    }

    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.screen.text())
    }

    /// What the end of a text of OpenSSH's client asks for.
    fn ask(&self) -> Ask {
        let last = self.line();
        if let Some(failed) = self.failed.clone().or_else(|| failed(&last)) {
            return Ask::Failed(failed);
        }
        let line = last.trim_end();
        if line.ends_with("(yes/no/[fingerprint])?") || line.ends_with("(yes/no)?") {
            return match self.shown.as_slice() {
                [(algorithm, fingerprint)] => Ask::Key(KeyQuestion {
                    algorithm: algorithm.clone(),
                    fingerprint: fingerprint.clone(),
                    compares: line.ends_with("[fingerprint])?"),
                }),
                _ => Ask::OddKey,
            };
        }
        if is_for_password(&last) { Ask::Password } else { Ask::More }
    }
}

fn shown_key(line: &str) -> Option<(String, String)> {
    let (kind, print) = line.trim_end().split_once(" key fingerprint is ")?;
    let print = print.trim_end_matches('.');
    let digest = print.strip_prefix("SHA256:")?;
    let is_digest = digest.len() == 43 && digest.chars().all(|c| c.is_ascii_alphanumeric() || "+/".contains(c));
    let algorithm = match kind {
        "ED25519" => "ssh-ed25519",
        "RSA" => "ssh-rsa",
        // The client does not say of which curve.
        "ECDSA" => "ecdsa",
        _ => return None,
    };
    is_digest.then(|| (algorithm.to_owned(), print.to_owned()))
}

/// What a line of OpenSSH's client says of its end.
fn failed(line: &str) -> Option<Failed> {
    const UNREACHED: [&str; 6] = [
        "ssh: connect to host ",
        "ssh: Could not resolve hostname ",
        "Unable to negotiate with ",
        "kex_exchange_identification: ",
        "Connection closed by ",
        "Connection reset by ",
    ];
    if line.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        return Some(Failed::Changed);
    }
    let denied = line.starts_with("Permission denied, please try again")
        || line.split_once(": ").is_some_and(|(_, said)| said.starts_with("Permission denied ("));
    if denied {
        return Some(Failed::Denied);
    }
    UNREACHED.iter().any(|start| line.starts_with(start)).then(|| Failed::Unreached(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "SHA256:vkSAyqLyK5hDXKONhAyMsoiqsgl/3YaIHLTYcUsJnUE";

    fn heard(bytes: &[u8]) -> Heard {
        let mut heard = Heard::new();
        heard.feed(bytes);
        heard
    }

    fn question(end: &str) -> String {
        format!(
            "The authenticity of host '[127.0.0.1]:40022 ([127.0.0.1]:40022)' can't be established.\r\n\
             ED25519 key fingerprint is {PRINT}.\r\nThis key is not known by any other names.\r\n\
             Are you sure you want to continue connecting {end} "
        )
    }

    #[test]
    fn the_question_about_the_key_is_read_as_openssh_asks_it() {
        for (end, compares) in [("(yes/no/[fingerprint])?", true), ("(yes/no)?", false)] {
            let key = KeyQuestion { algorithm: "ssh-ed25519".into(), fingerprint: PRINT.into(), compares };
            assert_eq!(heard(question(end).as_bytes()).ask(), Ask::Key(key));
        }
    }

    #[test]
    fn a_question_with_no_key_or_with_two_is_none_that_is_answered() {
        let whole = question("(yes/no)?");
        let none = whole.replace(PRINT, "SHA256:short");
        let two = format!("ED25519 key fingerprint is {}.\n{whole}", PRINT.replace('v', "w"));
        let md5 = whole.replace(PRINT, "MD5:aa:bb");
        for text in [none, two, md5] {
            assert_eq!(heard(text.as_bytes()).ask(), Ask::OddKey, "{text}");
        }
    }

    #[test]
    fn the_words_of_a_client_that_gives_up_are_known() {
        for (text, expected) in [
            ("monitor@10.0.0.1: Permission denied (publickey,password).\n", Failed::Denied),
            ("Permission denied, please try again.\n", Failed::Denied),
            ("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n", Failed::Changed),
        ] {
            assert_eq!(heard(text.as_bytes()).ask(), Ask::Failed(expected), "{text}");
        }
        let refused = "ssh: connect to host 10.0.0.1 port 22: Connection refused";
        assert_eq!(heard(refused.as_bytes()).ask(), Ask::Failed(Failed::Unreached(refused.into())));
    }

    #[test]
    fn colours_and_movements_are_no_text() {
        let text = heard(b"\x1b[1;31mSelect\x1b[0m> \x08\x08? \r\n\x07x");
        assert_eq!((&*text.text(), &*text.line()), ("Select? \nx", "x"));
    }

    #[test]
    fn many_words_in_small_pieces_are_looked_at_once() {
        let endless_line = "Password:".repeat(GREETING_BYTES_MAX / 9);
        let many_lines = "Password: \r\nssh: \r\n".repeat(GREETING_BYTES_MAX / 19);
        for text in [endless_line, many_lines] {
            let (mut heard, mut work) = (Heard::new(), 0);
            for byte in text.as_bytes() {
                let before = heard.looked;
                heard.feed(&[*byte]);
                work += heard.looked - before + heard.line().len();
                assert!(!matches!(heard.ask(), Ask::Failed(_)));
            }
            assert!(work <= 16 * text.len(), "{work} bytes for {}", text.len());
        }
    }

    #[test]
    fn pieces_change_nothing() {
        let said = question("(yes/no/[fingerprint])?");
        for size in 1..9 {
            let mut heard = Heard::new();
            for piece in said.as_bytes().chunks(size) {
                heard.feed(piece);
            }
            assert!(matches!(heard.ask(), Ask::Key(_)), "pieces of {size}");
        }
    }

    #[test]
    fn nothing_of_the_bastions_own_is_trusted_by_the_command() {
        let command = command("monitor", &("10.0.0.1".to_owned(), 22), Algorithms::Modern);
        for word in ["StrictHostKeyChecking=ask", "UserKnownHostsFile=/dev/null", "PubkeyAuthentication=no", " -a -x "]
        {
            assert!(command.contains(word), "{word}");
        }
        assert!(command.ends_with("-l monitor -p 22 -- 10.0.0.1"), "{command}");
    }
}
