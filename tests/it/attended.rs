//! Attended ways: opened by a person at a terminal, borrowed by other commands of the same user, and by nobody else.

#![cfg(test)]

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hoshu::access::{Access, AccessError, Asked, HopFault, Person};
use hoshu::model::inventory::{Algorithms, HopKind};
use russh::MethodKind;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::access::server::{Appliance, Forward, ed25519, pin};
use crate::access::sshd::{self, Sshd};
use crate::access::world::{limits, password};
use crate::bastions::{behind, expect, house_behind, poll};
use crate::house::{House, files};

const WAY: &str = "ginga/center-otp";
/// What is waited for at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the program is here that gives a command a terminal.
fn has_terminals() -> bool {
    Path::new("/usr/bin/script").exists()
}

/// A person at a terminal in which one command runs.
struct Terminal {
    child: Child,
    shown: Arc<Mutex<String>>,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended in a test that went well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Terminal {
    fn start(house: &House, words: &[&str]) -> Self {
        let program = house.command(&[]).get_program().to_string_lossy().into_owned();
        let line = [&["exec", program.as_str()], words].concat().join(" ");
        let mut command = Command::new("/usr/bin/script");
        command.args(["-qec", &line, "/dev/null"]).current_dir(house.dir.path()).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("USER", "tester").env("SHELL", "/bin/sh");
        command.env("HOSHU_SETTINGS", "hoshu.yaml").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let (mut out, screen) = (child.stdout.take().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                screen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, shown }
    }

    /// A command that opens the way of the example, at the moment when it asks for the one-time password.
    fn open(house: &House, more: &[&str]) -> Self {
        let terminal = Self::start(house, &[&["session", "open", WAY], more].concat());
        terminal.waits_for("asks: One-time password: ");
        terminal
    }

    /// As [`Self::open`], until the way is open.
    fn opened(house: &House, more: &[&str]) -> Self {
        let mut terminal = Self::open(house, more);
        terminal.types(&format!("{}\n", token(house)));
        terminal.waits_for("is open until");
        wait(|| list(house)[0]["open"].is_object());
        terminal
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    #[track_caller]
    fn waits_for(&self, text: &str) {
        let begun = Instant::now();
        while !self.shown().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "no {text:?} in {}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Its exit code, with all that it showed.
    fn ended(&mut self) -> (i32, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The last words are read when the pipe is at its end.
                std::thread::sleep(Duration::from_millis(50));
                return (status.code().unwrap(), self.shown());
            }
            assert!(begun.elapsed() < PATIENCE, "still there: {}", self.shown());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ctrl-C.
    #[track_caller]
    fn interrupted(&mut self) {
        self.types("\u{3}");
        let (code, shown) = self.ended();
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("is closed: as asked"), "{shown}");
    }
}

#[track_caller]
fn wait(mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "it does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn token(house: &House) -> String {
    house.hoshu(&["lab", "token", WAY]).expect(0).out.trim().to_owned()
}

fn list(house: &House) -> Value {
    house.hoshu(&["session", "ways", "--json"]).expect(0).json()["gateways"].clone()
}

fn accept(house: &House) {
    house.hoshu(&["hostkey", "accept", "--from", "lab/consoles.txt", "--route", "consoles"]);
}

const FILE: &str = "inventory/customers/ginga.yaml";

/// The bastion of the example, which shows a menu, as one that gives a shell.
fn with_shell(house: &House) {
    house.edit(FILE, "        menu: {ask: 'Select> ', choose: ' *([0-9]+)[)] {hostname} {address}'}\n", "");
}

/// The bastion of the example as one that forwards.
fn with_forward(house: &House) {
    with_shell(house);
    house.edit(FILE, "kind: ssh-nested", "kind: ssh-forward");
}

/// The example with keys, and with the bastion's host key accepted.
fn house() -> House {
    house_with(|_| {})
}

/// As [`house`], with another bastion.
fn house_with(edit: impl FnOnce(&House)) -> House {
    let house = House::example_with(edit);
    house.hoshu(&["key", "init"]).expect(0);
    house.hoshu(&["hostkey", "scan", "--on", "customer=ginga"]);
    accept(&house);
    house
}

/// As [`house`], with the host keys of the appliances, which somebody saw through the way.
fn met_with(edit: impl FnOnce(&House)) -> (House, Terminal) {
    let house = house_with(edit);
    let terminal = Terminal::opened(&house, &[]);
    house.hoshu(&["hostkey", "scan", "--on", "customer=ginga"]).expect(0);
    accept(&house);
    (house, terminal)
}

fn sockets(house: &House) -> Vec<PathBuf> {
    let Ok(folder) = std::fs::read_dir(house.path("data/ways")) else { return Vec::new() };
    folder.map(|entry| entry.unwrap().path()).collect()
}

fn acts(house: &House) -> Vec<(String, String)> {
    let audit = house.hoshu(&["audit", "list", "--json"]).expect(0).json();
    let word = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
    let ways = audit["records"].as_array().unwrap().iter().filter(|one| word(one, "act").starts_with("way-"));
    ways.rev().map(|one| (word(one, "act"), word(one, "detail"))).collect()
}

fn brake(house: &House) -> Value {
    let all = house.hoshu(&["credential", "list", "--json"]).expect(0).json();
    let list = all["credentials"].as_array().unwrap();
    list.iter().find(|one| one["name"] == "ginga/bastion").unwrap()["stops"].clone()
}

#[test]
fn a_person_opens_the_way_and_other_commands_borrow_it() {
    if !has_terminals() {
        return;
    }
    let house = house();
    let due = house.hoshu(&["poll", "--on", "customer=ginga", "--json"]).expect(0).json();
    assert_eq!((&due["due_attended"], &due["not_yet_served"]), (&2.into(), &0.into()));
    assert_eq!(due["seats"][0]["outcome"], "due-attended");
    let reason = "due for an attended slot: hoshu session open ginga/center-otp";
    assert_eq!(due["seats"][0]["reason"], reason);
    let due = house.hoshu(&["backup", "take", "--on", "customer=ginga", "--json"]).expect(0).json();
    assert_eq!((&due["due_attended"], &due["failed"]), (&2.into(), &0.into()));
    let coverage = house.hoshu(&["backup", "coverage", "--on", "customer=ginga", "--json"]).json();
    assert_eq!(coverage["seats"][0]["missing"], "due-attended");
    assert_eq!(house.unit("ginga-nx01")["sessions_ever"], 0);

    let mut terminal = Terminal::open(&house, &["--for", "10m"]);
    let code = token(&house);
    terminal.types(&format!("{code}\n"));
    terminal.waits_for("behind it: ginga-cm01, ginga-nx01");
    let open = list(&house);
    assert_eq!((&open[0]["way"], &open[0]["open"]["by"]), (&WAY.into(), &"tester".into()));
    let ms = |field: &str| open[0]["open"][field].as_i64().unwrap();
    assert!((599_000..=600_000).contains(&(ms("until") - ms("since"))), "{open}");

    // The borrower checks the appliance's host key end to end, as ever.
    let unknown = house.hoshu(&["backup", "take", "--on", "ginga-nx01", "--json"]).expect(4).json();
    assert_eq!(unknown["seats"][0]["outcome"], "key-unknown");
    house.hoshu(&["hostkey", "scan", "--on", "customer=ginga"]).expect(0);
    accept(&house);
    assert_eq!(house.hoshu(&["poll", "--on", "customer=ginga", "--json"]).json()["answered"], 2);
    let taken = house.hoshu(&["backup", "take", "--on", "customer=ginga", "--json"]).expect(0).json();
    assert_eq!((&taken["taken"], &taken["seats"][0]["one_channel"]), (&2.into(), &true.into()));
    house.hoshu(&["backup", "coverage", "--on", "customer=ginga"]).expect(0);
    let again = house.hoshu(&["session", "open", WAY]).expect(2).err;
    assert!(again.contains("is open already: by tester until"), "{again}");

    terminal.interrupted();
    assert_eq!(sockets(&house), Vec::<PathBuf>::new());
    assert_eq!(list(&house)[0]["open"], Value::Null);
    assert_eq!(poll(&house, "ginga-nx01")[0], ("due-attended".to_owned(), reason.to_owned()));
    assert_eq!(house.hoshu(&["finding", "list", "--json"]).expect(0).json()["findings"], json!([]));
    let acts = acts(&house);
    let words: Vec<&str> = acts.iter().map(|(act, _)| act.as_str()).collect();
    assert_eq!(words, ["way-opening", "way-opened", "way-closed"]);
    assert!(acts[2].1.contains("asked"), "{acts:?}");

    // What was typed is in no file and on no screen.
    assert!(!terminal.shown().contains(&code), "{}", terminal.shown());
    for (path, bytes) in files(house.dir.path()) {
        assert!(!bytes.windows(code.len()).any(|found| found == code.as_bytes()), "{}", path.display());
    }
}

#[test]
fn a_shell_and_a_stream_are_borrowed_as_the_menu_of_the_example() {
    if !has_terminals() {
        return;
    }
    for (bastion, one_channel) in [(with_shell as fn(&House), true), (with_forward, false)] {
        let (house, mut terminal) = met_with(bastion);
        let polled = house.hoshu(&["poll", "--on", "customer=ginga", "--json"]).json();
        assert_eq!(polled["answered"], 2, "{polled}");
        let taken = house.hoshu(&["backup", "take", "--on", "customer=ginga", "--json"]).expect(0).json();
        assert_eq!((&taken["taken"], &taken["seats"][0]["one_channel"]), (&2.into(), &one_channel.into()));
        terminal.interrupted();
        assert_eq!(poll(&house, "ginga-nx01")[0].0, "due-attended");
        assert_eq!(house.unit("ginga-nx01")["sessions_open"], 0);
    }
}

#[test]
fn a_wrong_one_time_password_is_tried_once_and_no_right_one_twice() {
    if !has_terminals() {
        return;
    }
    let house = house();
    let mut terminal = Terminal::open(&house, &[]);
    terminal.types("000000\n");
    let (code, shown) = terminal.ended();
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("login refused by hop otp.ginga.example (ssh-nested)"), "{shown}");
    assert_eq!(brake(&house).as_array().unwrap().len(), 1);
    assert_eq!(brake(&house)[0]["state"], "refused");
    // The right one frees the credential, and opens once.
    let mut terminal = Terminal::open(&house, &[]);
    let right = token(&house);
    terminal.types(&format!("{right}\n"));
    terminal.waits_for("is open until");
    terminal.interrupted();
    assert_eq!(brake(&house), json!([]));
    let mut terminal = Terminal::open(&house, &[]);
    terminal.types(&format!("{right}\n"));
    assert_eq!(terminal.ended().0, 4, "a one-time password was taken twice");
    // The second refusal in a row stops the credential: nobody is asked any more.
    let mut terminal = Terminal::open(&house, &[]);
    terminal.types("111111\n");
    assert_eq!(terminal.ended().0, 4);
    let (code, shown) = Terminal::start(&house, &["session", "open", WAY]).ended();
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("credential-stopped") && !shown.contains("asks:"), "{shown}");
    let whys: Vec<String> =
        acts(&house).into_iter().filter(|(act, _)| act == "way-closed").map(|(_, why)| why).collect();
    let refused = whys.iter().filter(|why| why.contains("login-refused")).count();
    assert_eq!((whys.len(), refused), (4, 3), "{whys:?}");
}

#[test]
fn nobody_at_a_terminal_opens_nothing_and_blames_no_credential() {
    let house = house();
    let mut command = Command::new("/usr/bin/setsid");
    command.arg("--wait").arg(house.command(&[]).get_program()).args(["session", "open", WAY]);
    command.current_dir(house.dir.path()).env_clear().env("HOSHU_SETTINGS", "hoshu.yaml").stdin(Stdio::null());
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(4), "{said}");
    assert!(said.contains("question not answered of hop otp.ginga.example"), "{said}");
    assert_eq!(brake(&house), json!([]));
    for (words, code, text) in [
        (&["session", "open", "nowhere"][..], 2, "there is no gateway"),
        (&["session", "open", "office-vpn"], 2, "only an attended gateway is opened by a person"),
        (&["session", "open", WAY, "--for", "13h"], 2, "12 hours at most"),
    ] {
        let refused = house.hoshu(words).expect(code).err;
        assert!(refused.contains(text), "{refused}");
    }
}

#[test]
fn a_way_that_closes_in_the_middle_is_no_failure_of_the_appliance() {
    if !has_terminals() {
        return;
    }
    let (house, mut terminal) = met_with(with_forward);
    house.hoshu(&["lab", "hold", "ginga-nx01", "show version"]).expect(0);
    let polling = house.command(&["poll", "--on", "ginga-nx01", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    wait(|| house.unit("ginga-nx01")["waiting"] == 1);
    // The poll works in the store: what is closed meanwhile waits for it to be written down.
    terminal.types("\u{3}");
    let polled = polling.wait_with_output().unwrap();
    assert_eq!(polled.status.code(), Some(0));
    let polled: Value = serde_json::from_slice(&polled.stdout).unwrap();
    assert_eq!(polled["seats"][0]["outcome"], "due-attended", "{polled}");
    let reason = polled["seats"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("it was closed meanwhile: hoshu session open ginga/center-otp"), "{reason}");
    let (code, shown) = terminal.ended();
    assert_eq!(code, 0, "{shown}");
    assert_eq!(house.hoshu(&["finding", "list", "--json"]).expect(0).json()["findings"], json!([]));
}

#[test]
fn a_way_ends_with_its_time_and_with_its_bastion() {
    if !has_terminals() {
        return;
    }
    let house = house();
    let (code, shown) = Terminal::opened(&house, &["--for", "2s"]).ended();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("is closed: its time is over"), "{shown}");
    assert_eq!(sockets(&house), Vec::<PathBuf>::new());
    let mut terminal = Terminal::opened(&house, &[]);
    house.hoshu(&["lab", "stop"]).expect(0);
    let (code, shown) = terminal.ended();
    assert_eq!(code, 4, "{shown}");
    assert!(shown.contains("is closed: the bastion ended it"), "{shown}");
    let acts = acts(&house);
    let whys: Vec<&String> = acts.iter().filter(|(act, _)| act == "way-closed").map(|(_, why)| why).collect();
    assert!(whys[0].contains("time-over") && whys[1].contains("by-bastion"), "{whys:?}");
}

/// Sends one line to a socket; what came back.
fn ask(socket: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whoever refuses to listen to the rest may have closed already.
    drop(stream.write_all(format!("{line}\n").as_bytes()));
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    answer
}

#[test]
fn only_the_same_user_and_realm_borrows_and_only_what_lies_behind() {
    if !has_terminals() {
        return;
    }
    let (house, mut terminal) = met_with(with_forward);
    let folder = house.path("data/ways");
    let socket = sockets(&house).remove(0);
    let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&socket)), (0o700, 0o600));
    assert!(std::fs::symlink_metadata(&socket).unwrap().file_type().is_socket());

    let ports: Value = serde_json::from_slice(&std::fs::read(house.path("lab/ports.json")).unwrap()).unwrap();
    let (own, other) = (&ports["ports"]["ginga-nx01"], &ports["ports"]["acme-nx01"]);
    let stream = |realm: &str, way: &str, host: &str, port: &Value| {
        json!({"v": 1, "realm": realm, "way": way, "want": "stream", "host": host, "port": port}).to_string()
    };
    let start = json!({"v": 1, "realm": "lab", "way": WAY, "want": "terminal", "user": "operator", "host": "127.0.0.1",
                       "port": own, "legacy": false});
    for (line, why) in [
        (stream("live", WAY, "127.0.0.1", own), "asked for was version 1, realm live"),
        (stream("lab", "umi/yard-bastion", "127.0.0.1", own), "asked for was version 1, realm lab, umi/yard-bastion"),
        (stream("lab", WAY, "127.0.0.1", other), "is no seat behind ginga/center-otp as it was opened"),
        (stream("lab", WAY, "10.77.0.10", &22.into()), "is no seat behind ginga/center-otp as it was opened"),
        (start.to_string(), "gives nothing of that kind"),
        ("{}".to_owned(), "the request is not understood"),
        (json!({"v": 2, "realm": "lab", "way": WAY, "want": "show"}).to_string(), "asked for was version 2"),
    ] {
        let answer = ask(&socket, &line);
        assert!(answer.contains(r#""reply":"refused""#) && answer.contains(why), "{line}: {answer}");
    }
    assert_eq!(ask(&socket, &"x".repeat(5000)), "", "a line that is too long gets no answer");
    assert_eq!(house.hoshu(&["poll", "--on", "ginga-nx01", "--json"]).expect(0).json()["answered"], 1);

    // A folder that others may use is not borrowed from.
    std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(poll(&house, "ginga-nx01")[0].0, "due-attended");
    // Somebody else who reaches the socket all the same is not listened to.
    let perl = Path::new("/usr/bin/perl");
    if rustix::process::geteuid().is_root() && perl.exists() {
        std::fs::set_permissions(house.dir.path(), Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(house.path("data"), Permissions::from_mode(0o755)).unwrap();
        std::fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
        let show = json!({"v": 1, "realm": "lab", "way": WAY, "want": "show"}).to_string();
        let program = "use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die 'none'; \
                       print $s \"$ARGV[1]\\n\"; $s->flush; print 'heard ', scalar <$s>;";
        let asked = |uid: u32| {
            let ran = Command::new(perl).args(["-e", program]).arg(&socket).arg(&show).uid(uid).output().unwrap();
            String::from_utf8_lossy(&ran.stdout).into_owned()
        };
        assert!(asked(0).starts_with("heard {\"reply\":\"shown\""), "{}", asked(0));
        assert!(!asked(65534).contains("reply"), "somebody else got an answer");
    }
    std::fs::set_permissions(house.path("data"), Permissions::from_mode(0o700)).unwrap();
    terminal.interrupted();
}

#[test]
fn a_real_bastion_is_lent_with_and_without_terminals() {
    if !sshd::is_here() || !has_terminals() {
        return;
    }
    let closed = "AllowTcpForwarding no\nPermitTunnel no\nAllowAgentForwarding no\n";
    for (kind, config) in [(HopKind::SshForward, "MaxSessions 0\n"), (HopKind::SshNested, closed)] {
        let sshd = Sshd::start_with(&["ed25519"], config, "");
        let house = house_behind(&sshd, kind);
        house.edit("inventory/customers/acme.yaml", "access: unattended", "access: attended");
        house.hoshu(&["key", "init"]).expect(0);
        assert_eq!(poll(&house, "acme-nx01")[0].0, "due-attended");
        // The key is shown and not logged in with.
        let mut first = Terminal::start(&house, &["session", "open", "acme/tokyo-vpn"]);
        let (code, shown) = first.ended();
        assert!(code == 4 && shown.contains("host key not accepted of hop"), "{shown}");
        let hop = "acme/tokyo-vpn/192.0.2.9:22";
        house.hoshu(&["hostkey", "accept", hop, "--route", "consoles"]).expect(0);
        let mut terminal = Terminal::start(&house, &["session", "open", "acme/tokyo-vpn"]);
        terminal.waits_for("is open until");
        wait(|| list(&house)[0]["open"].is_object());
        house.hoshu(&["hostkey", "scan", "--on", "customer=acme"]).expect(0);
        accept(&house);
        let polled = house.hoshu(&["poll", "--on", "acme-nx01+acme-ex01", "--json"]).json();
        assert_eq!(polled["answered"], 2, "{kind}: {polled}");
        assert_eq!(sshd.log().matches("Accepted publickey").count(), 1, "{kind}");
        terminal.interrupted();
    }
}

/// Answers every question with the same words, or none; notes what was asked.
struct Somebody {
    answer: Option<&'static str>,
    asked: Mutex<Vec<Asked>>,
}

impl Person for Somebody {
    fn answer(&self, asked: Asked) -> BoxFuture<'_, Option<SecretString>> {
        self.asked.lock().unwrap().push(asked);
        Box::pin(async { self.answer.map(SecretString::from) })
    }
}

fn somebody(answer: Option<&'static str>) -> Somebody {
    Somebody { answer, asked: Mutex::default() }
}

/// A bastion of the tests' own that asks in rounds.
fn asking(rounds: &[&[(&'static str, bool)]]) -> Appliance {
    Appliance {
        keys: vec![ed25519(7)],
        methods: vec![MethodKind::KeyboardInteractive],
        rounds: rounds.iter().map(|round| round.to_vec()).collect(),
        forward: Forward::Never,
        ..Appliance::default()
    }
}

#[tokio::test]
async fn a_person_is_asked_what_the_credential_does_not_answer() {
    let enter = async |port: u16, person: &Somebody| {
        let way = behind(&[(HopKind::SshForward, port)], 1, Algorithms::Modern, limits());
        way.access.enter_with(way.hop(0), &[pin(&ed25519(7))], &password("right"), person).await
    };
    let rounds: &[&[(&'static str, bool)]] = &[&[("Password: ", false)], &[("Passcode: ", false), ("Office? ", true)]];
    let (port, got) = asking(rounds).serve().await;
    let person = somebody(Some("right"));
    enter(port, &person).await.unwrap();
    let asked: Vec<(String, bool)> =
        person.asked.lock().unwrap().iter().map(|one| (one.question.as_data().to_owned(), one.echo)).collect();
    assert_eq!(asked, [("Passcode: ".to_owned(), false), ("Office? ".to_owned(), true)]);
    assert_eq!(person.asked.lock().unwrap()[0].by, "hop0.example (ssh-forward)");
    assert_eq!(got.secrets(), ["right", "right", "right"]);

    // Nobody answers: the password was said, and nothing is refused.
    let (port, got) = asking(rounds).serve().await;
    let error = enter(port, &somebody(None)).await.unwrap_err();
    let words = "question not answered of hop hop0.example (ssh-forward): \"Passcode: \"";
    expect(error, HopFault::Unanswered, hoshu::model::reading::Outcome::NoPrompt, words);
    assert_eq!(got.secrets(), ["right"]);

    // What a person got wrong is not tried again, and is quoted nowhere.
    let (port, got) = asking(rounds).serve().await;
    let error = enter(port, &somebody(Some("canary-7Kq"))).await.unwrap_err();
    assert!(matches!(error, AccessError::Hop { fault: HopFault::LoginRefused, .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    assert_eq!(got.secrets(), ["right", "canary-7Kq", "canary-7Kq"]);

    // The password is asked for again: a person is not asked for it.
    let twice: &[&[(&'static str, bool)]] = &[&[("Password: ", false)], &[("Password: ", false)]];
    let (port, got) = asking(twice).serve().await;
    let person = somebody(Some("right"));
    let error = enter(port, &person).await.unwrap_err();
    assert!(matches!(error, AccessError::Hop { fault: HopFault::LoginRefused, .. }), "{error:?}");
    assert_eq!((got.secrets(), person.asked.lock().unwrap().len()), (vec!["right".to_owned()], 0));

    // One that asks nothing takes the password.
    let plain = Appliance { methods: vec![MethodKind::Password], ..asking(&[]) };
    let (port, got) = plain.serve().await;
    enter(port, &somebody(None)).await.unwrap();
    assert_eq!(got.secrets(), ["right"]);
}

/// Two customers whose bastions have one address, and an appliance with one address and one host name behind each.
#[test]
fn the_same_address_behind_another_gateway_is_another_unit() {
    let menu = "menu: {ask: 'Select> ', choose: ' *([0-9]+)[)] {hostname} {address}'}";
    let house = House::example_with(|house| {
        let hop = |customer: &str| format!("kind: ssh-nested, host: 192.0.2.9, credential: {customer}/bastion, {menu}");
        let acme = "- kind: vpn              # this host already has the VPN, so Hoshu connects as if directly\n        \
                    host: vpn-acme\n";
        house.edit("inventory/customers/acme.yaml", acme, &format!("- {{{}}}\n", hop("acme")));
        house.edit("inventory/customers/momiji.yaml", "kind: vpn, host: vpn-momiji", &hop("momiji"));
        let source = |name: &str| {
            format!("  {name}/bastion: {{purpose: hop, user: bastion, file: lab/secrets/{name}-bastion}}\n")
        };
        let sources = format!("credentials:\n{}{}", source("acme"), source("momiji"));
        house.edit("hoshu.yaml", "credentials:\n", &sources);
    });
    house.onboard();
    let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--on", "momiji-nx01", "--json"]).json();
    assert_eq!(polled["answered"], 2, "{polled}");
    for (seat, hop) in [("acme-nx01", "acme/tokyo-vpn/192.0.2.9:22"), ("momiji-nx01", "momiji/main/192.0.2.9:22")] {
        assert_eq!(house.unit(seat)["sessions_ever"], 2, "{seat}: a look at the key, and a poll");
        let ports: Value = serde_json::from_slice(&std::fs::read(house.path("lab/ports.json")).unwrap()).unwrap();
        assert!(ports["hops"][hop].is_number(), "{ports}");
    }
    // The bastions have keys of their own.
    let keys = house.hoshu(&["hostkey", "list", "--json"]).expect(0).out;
    assert_eq!(keys.matches("/192.0.2.9:22").count(), 2, "{keys}");
}
