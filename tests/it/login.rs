//! A person at an appliance, by a terminal of their own: what is sent, what is shown, and what is kept of it.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hoshu::access::{TerminalKey, Waits};
use hoshu::model::inventory::{Algorithms, Channel};
use hoshu::model::outside::is_hostile;
use hoshu::model::series::Series;
use hoshu::model::typed::{TypedLine, Verbs};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;

use crate::access::server::Appliance;
use crate::access::sshd::{self, Sshd};
use crate::access::world::{Way, limits};
use crate::house::{House, files};

/// What a terminal would obey of a text, besides what hoshu itself draws: the start of a line, its rest wiped, and
/// colours.
pub(crate) fn obeyed(text: &str) -> Vec<char> {
    let ours = ["\u{1b}[K", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[0m", "\u{1b}[38;5;", "\u{1b}[39m"];
    let rest = ours.iter().fold(text.to_owned(), |rest, sequence| rest.replace(sequence, ""));
    rest.chars().filter(|letter| is_hostile(*letter) && !matches!(letter, '\n' | '\r' | '\t')).collect()
}

/// A terminal with a program in it.
pub(crate) struct Pty {
    master: File,
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    /// Bytes of what was said that were looked at.
    seen: usize,
}

impl Pty {
    pub(crate) fn start(house: &House, words: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        let inner = house.command(words);
        let mut command = Command::new("/usr/bin/setsid");
        command.args(["--ctty", "--wait"]).arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).current_dir(house.dir.path());
        let (input, output) = (slave.try_clone().unwrap(), slave.try_clone().unwrap());
        let child = command.stdin(input).stdout(output).stderr(slave).spawn().unwrap();
        drop(command);
        let master = File::from(master);
        let (mut reader, said) = (master.try_clone().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal of a program that ended gives an error.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                heard.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { master, child, said, seen: 0 }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// Waits for a text behind all that was waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let said = self.said.lock().unwrap().clone();
            let found = said[self.seen..].windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(at) = found {
                self.seen += at + text.len();
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no {text:?} in {}", String::from_utf8_lossy(&said));
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    pub(crate) fn keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn code(mut self) -> (i32, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end: {}", self.text());
            std::thread::park_timeout(Duration::from_millis(5));
        };
        let begun = Instant::now();
        // What it said last is still on its way.
        while Arc::strong_count(&self.said) > 1 && begun.elapsed() < Duration::from_secs(5) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)), self.text())
    }
}

fn sessions(house: &House) -> Vec<Value> {
    let listed = house.hoshu(&["session", "list", "--json"]).expect(0).json();
    listed["sessions"].as_array().unwrap().clone()
}

/// The lines that a unit of the lab got, beginning with the first one behind `from`.
fn received(house: &House, seat: &str) -> Vec<String> {
    let unit = house.unit(seat);
    let log = unit["log"].as_array().unwrap().clone();
    log.iter().map(|one| one["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_person_looks_and_what_would_change_something_stays_here() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["lab", "change", "acme-nx01", "snmp-server community canary-Jw7rTq2m ro"]).expect(0);
    let mut pty = Pty::start(&house, &["login", "acme-nx01"]);
    pty.sees("LAB: a simulated appliance: acme-nx01");
    pty.sees("serial FZ");
    pty.sees("# ");
    // Whoever sits there keeps no poll from its work.
    house.hoshu(&["poll", "--on", "acme-nx01", "--tier", "pulse", "--wait", "1s"]).expect(0);
    assert_eq!(sessions(&house)[0]["standing"], "under-way");
    pty.keys("sh ver\r");
    pty.sees("Product name:");
    pty.sees("# ");
    for line in ["rel", "reload", "conf t", "write memory", "no ntp enable", "hunter2-typed-into-the-wrong-window"] {
        pty.keys(&format!("{line}\r"));
        pty.sees("hoshu: not sent: ");
        pty.sees("# ");
    }
    pty.keys("show running-config\r");
    pty.sees("canary-Jw7rTq2m");
    pty.sees("# ");
    // Help leaves the line as it was typed.
    pty.keys("show cl\t");
    pty.sees("clock");
    pty.sees("# show cl");
    pty.keys("\x15~.");
    let (code, text) = pty.code();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("left; 3 lines sent, 6 not sent"), "{text}");

    let got = received(&house, "acme-nx01");
    assert!(got.iter().any(|line| line == "show ver"), "{got:?}");
    for word in ["rel", "conf", "write", "no ntp", "hunter2"] {
        assert!(!got.iter().any(|line| line.starts_with(word)), "{word}: {got:?}");
    }
    let listed = sessions(&house);
    assert_eq!((listed.len(), &listed[0]["standing"]), (1, &"kept".into()), "{listed:?}");
    let (begun, ended) = (&listed[0]["begun"], &listed[0]["ended"]);
    assert_eq!(
        (&begun["seat"], &begun["who"], &begun["kind"]),
        (&"acme-nx01".into(), &"tester".into(), &"login".into())
    );
    assert_eq!((&ended["commands"], &ended["denied"], &ended["outcome"]), (&3.into(), &6.into(), &"left".into()));

    let id = listed[0]["id"].as_str().unwrap();
    let plain = house.hoshu(&["session", "replay", id, "--plain"]).expect(0);
    assert!(plain.out.contains("Product name:") && plain.out.contains("not sent: reload"), "{}", plain.out);
    assert!(plain.out.contains("snmp-server community ‹masked"), "{}", plain.out);
    let json = house.hoshu(&["session", "replay", id, "--json"]).expect(0);
    let played = house.hoshu(&["session", "replay", id, "--speed", "1000"]).expect(0);
    house.hoshu(&["session", "replay", id, "--export", "data/out.cast"]).expect(0);
    assert_eq!(house.hoshu(&["session", "replay", id, "--export", "data/out.cast"]).code, 1, "it exists");
    let cast = std::fs::read_to_string(house.path("data/out.cast")).unwrap();
    for line in cast.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    assert!(cast.starts_with("{\"version\":2,\"width\":100,\"height\":30"), "{cast}");
    for text in [&plain.out, &json.out, &played.out, &cast] {
        assert!(text.contains("Product name:"), "{text}");
        assert!(!text.contains("canary-Jw7rTq2m") && !text.contains("hunter2"), "{text}");
    }
    for (path, bytes) in files(&house.path("data")) {
        for secret in ["canary-Jw7rTq2m", "hunter2-typed"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", path.display());
        }
    }
    let audit = house.hoshu(&["audit", "list", "--most", "1000", "--json"]).expect(0).json().to_string();
    for act in ["session-began", "session-ended", "transcript-exported", "\\\"purpose\\\":\\\"replay\\\""] {
        assert!(audit.contains(act), "no {act} in {audit}");
    }
    house.hoshu(&["store", "check"]).expect(0);
}

#[test]
fn a_session_that_is_killed_says_so() {
    let house = House::example();
    house.onboard();
    let mut pty = Pty::start(&house, &["login", "acme-nx01"]);
    pty.sees("~. leaves");
    pty.sees("# ");
    pty.keys("show clock\r");
    pty.sees("# ");
    let process = sessions(&house)[0]["begun"]["process"].as_str().unwrap().to_owned();
    let number: i32 = process.split('/').nth(1).unwrap().parse().unwrap();
    kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
    pty.code();
    let listed = sessions(&house);
    assert_eq!((&listed[0]["standing"], &listed[0]["ended"]), (&"cut".into(), &Value::Null));
    let id = listed[0]["id"].as_str().unwrap();
    let refused = house.hoshu(&["session", "replay", id]).expect(2).err;
    assert!(refused.contains("has no transcript to show: it is cut"), "{refused}");
    house.hoshu(&["store", "check"]).expect(0);
    // A terminal that goes away is no kill: the transcript is kept.
    let mut pty = Pty::start(&house, &["login", "acme-nx01"]);
    pty.sees("~. leaves");
    pty.sees("# ");
    let process = sessions(&house)[0]["begun"]["process"].as_str().unwrap().to_owned();
    let number: i32 = process.split('/').nth(1).unwrap().parse().unwrap();
    kill_process(Pid::from_raw(number).unwrap(), Signal::HUP).unwrap();
    let (code, text) = pty.code();
    assert_eq!(code, 130, "{text}");
    assert_eq!(
        (&sessions(&house)[0]["standing"], &sessions(&house)[0]["ended"]["outcome"]),
        (&"kept".into(), &"stopped".into())
    );
    // Kept for a second, they are gone.
    house.edit("hoshu.yaml", "realm: lab", "realm: lab\ntranscripts: {keep: 1s}");
    crate::cli::until(|| house.hoshu(&["session", "prune", "--dry-run", "--json"]).expect(0).json()["pruned"] == 2);
    house.hoshu(&["session", "prune"]).expect(0);
    assert!(sessions(&house).is_empty());
    let refused = house.hoshu(&["session", "replay", id]).expect(2).err;
    assert!(refused.contains("it was pruned on"), "{refused}");
    house.hoshu(&["store", "check"]).expect(0);
}

#[test]
fn nobody_gets_a_prompt_of_another_appliance_or_without_a_terminal() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["poll", "--on", "acme-nx01"]).expect(0);
    let before = house.unit("acme-nx01")["sessions_ever"].clone();
    let refused = house.hoshu(&["login", "acme-nx01"]).expect(2);
    assert!(refused.err.contains("error[no-terminal]") && refused.err.contains("hoshu ask"), "{}", refused.err);
    assert_eq!(house.unit("acme-nx01")["sessions_ever"], before);
    house.break_unit("acme-nx01", "wrong-appliance");
    let (code, text) = Pty::start(&house, &["login", "acme-nx01"]).code();
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("no session: wrong-appliance") && !text.contains("LAB:"), "{text}");
    assert!(sessions(&house).is_empty());
    let console = house.hoshu(&["console", "acme-nx01"]).expect(4);
    assert!(console.out.contains("No wire to a console is served yet"), "{}", console.out);
}

const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]52;c;QUJD\u{7}\u{1b}]8;;http://x\u{1b}\\\u{9b}31m\u{202e}txt\u{2066}\u{200b}HYPERLINK";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_terminal_obeys_a_hostile_appliance() {
    let house = House::example();
    house.hoshu(&["key", "init"]).expect(0);
    let password = std::fs::read_to_string(house.path("lab/secrets/acme-operator")).unwrap().trim().to_owned();
    let version = "Product name:      Web MPS [licensed]\r\nProduct model:     FireEyeNX2500\r\nProduct release:   wMPS (wMPS) \
                   9.1.0.924861\r\nAppliance ID:      1\r\nSystem serial num: FZ1\r\n";
    let answers = BTreeMap::from([
        ("show version", version.to_owned()),
        ("show licenses", format!("{HOSTILE}\r\n{HOSTILE}\r\n")),
    ]);
    let appliance = Appliance { password: password.leak(), answers, ..Appliance::default() };
    let (port, got) = appliance.serve().await;
    let ports = house.path("lab/ports.json");
    let mut table: Value = serde_json::from_slice(&std::fs::read(&ports).unwrap()).unwrap();
    table["ports"]["acme-nx01"] = port.into();
    std::fs::write(&ports, table.to_string()).unwrap();
    house.edit("inventory/customers/acme.yaml", "serial: FZ", "# FZ");
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]).expect(0);
    let mut pty = Pty::start(&house, &["login", "acme-nx01"]);
    pty.sees("nx01 # ");
    pty.keys("show licenses\r");
    pty.sees("HYPERLINK");
    pty.sees("nx01 # ");
    pty.keys("exit\r");
    let (code, text) = pty.code();
    assert_eq!(code, 0, "{text}");
    let found = obeyed(&text);
    assert!(found.is_empty(), "{found:?} in {text:?}");
    assert!(got.lines().contains(&"exit".to_owned()), "{:?}", got.lines());

    let listed = sessions(&house);
    let (id, ended) = (listed[0]["id"].as_str().unwrap(), &listed[0]["ended"]);
    assert_eq!(ended["outcome"], "closed", "{listed:?}");
    let mut shown = 0;
    for words in [
        &["session", "replay", id, "--plain"][..],
        &["session", "replay", id, "--speed", "100"],
        &["session", "replay", id, "--json"],
        &["session", "list"],
    ] {
        let out = house.hoshu(words).expect(0).out;
        let found: Vec<char> =
            out.chars().filter(|letter| is_hostile(*letter) && !matches!(letter, '\n' | '\t')).collect();
        assert!(found.is_empty(), "{words:?}: {found:?} in {out:?}");
        shown += out.matches("HYPERLINK").count();
    }
    assert_eq!(shown, 6, "the corpus was shown otherwise: the test looks at nothing");
    house.hoshu(&["session", "replay", id, "--export", "x.cast"]).expect(0);
    for line in std::fs::read_to_string(house.path("x.cast")).unwrap().lines().skip(1) {
        let (_, _, text): (f64, String, String) = serde_json::from_str(line).unwrap();
        assert!(!text.trim_end().chars().any(is_hostile), "{text:?}");
    }
}

#[test]
fn sessions_of_hoshu_leave_transcripts_where_that_is_asked_for() {
    let house = House::example();
    house.onboard();
    house.hoshu(&["ask", "--on", "acme-nx01", "show clock"]).expect(0);
    assert!(sessions(&house).is_empty(), "of people alone, unless it is asked for");
    house.edit("hoshu.yaml", "realm: lab", "realm: lab\ntranscripts: {of: all}");
    house.hoshu(&["lab", "change", "acme-nx01", "snmp-server community canary-Pv4sLz9k ro"]).expect(0);
    house.hoshu(&["ask", "--on", "acme-nx01", "show clock"]).expect(0);
    house.hoshu(&["backup", "take", "--on", "acme-nx01"]).expect(0);
    let listed = sessions(&house);
    assert_eq!(listed.len(), 2, "{listed:?}");
    for one in &listed {
        assert_eq!((&one["standing"], &one["begun"]["kind"]), (&"kept".into(), &"automatic".into()), "{one}");
    }
    let id = listed[0]["id"].as_str().unwrap();
    let plain = house.hoshu(&["session", "replay", id, "--plain"]).expect(0).out;
    assert!(plain.contains("snmp-server community ‹masked") && !plain.contains("canary-Pv4sLz9k"), "{plain}");
    // A shell that is handed to a person leaves one transcript, not two.
    let mut pty = Pty::start(&house, &["login", "acme-nx01"]);
    pty.sees("~. leaves");
    pty.sees("# ");
    pty.keys("\x04");
    assert_eq!(pty.code().0, 0);
    let kinds: Vec<_> = sessions(&house).iter().map(|one| one["begun"]["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["login", "automatic", "automatic"]);
    house.hoshu(&["store", "check"]).expect(0);
}

/// A command line on a real terminal, which says how large its window is and can be interrupted.
const SHELL: &str = r#"#!/bin/sh
trap : INT
printf 'FireEye Command Line Interface\n\nnx01 # '
while :; do
  read -r line || { printf '\nnx01 # '; continue; }
  case "$line" in
    exit) exit 0 ;;
    "show window") stty size ;;
    "show long") head -c 3000 /dev/zero | tr '\0' x | fold -w 1000; printf '\nnx01 # '; continue ;;
    "show version") printf 'Product name: NX\n' ;;
    "show question") printf 'Are you sure? [yes] '; sleep 60 ;;
    "show pager") printf 'one\n--More--'; stty -icanon -echo; dd bs=1 count=1 2>/dev/null; stty icanon echo; printf '\r        \rtwo\n' ;;
  esac
  printf 'nx01 # '
done
"#;

async fn heard(terminal: &mut Box<dyn hoshu::access::Terminal>, waits: Waits) -> String {
    let mut text = String::new();
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(20), terminal.hear()).await;
        let heard = heard.unwrap_or_else(|_| panic!("no {waits:?} behind {text:?}")).unwrap();
        text.push_str(heard.lines.as_data());
        if heard.waits == waits && !(waits == Waits::Nothing && heard.line.is_empty()) {
            text.push_str(heard.line.as_data());
            return text;
        }
    }
}

fn typed(line: &str) -> TypedLine {
    let definitions = hoshu::readout::load(std::path::Path::new("/nonexistent")).unwrap();
    let verbs: &Verbs = definitions.verbs().unwrap();
    verbs.judge(line, Series::Nx).unwrap()
}

#[tokio::test]
async fn openssh_gives_a_person_a_terminal() {
    if !sshd::is_here() {
        return;
    }
    let sshd = Sshd::start_with(&["ed25519"], "", SHELL);
    for channel in [Channel::Shell, Channel::Exec] {
        let way = Way::new(sshd.port, Algorithms::Modern, channel, limits());
        let session = way.open(&[sshd.pin("ed25519")], &sshd.login("user", None)).await.unwrap();
        let mut terminal = session.hand_over((91, 31)).await.unwrap();
        assert_eq!(heard(&mut terminal, Waits::Command).await, "nx01 # ");
        terminal.line(&typed("show window")).await.unwrap();
        assert_eq!(heard(&mut terminal, Waits::Command).await, "31 91\nnx01 # ");
        terminal.resize(120, 40).await.unwrap();
        terminal.line(&typed("show window")).await.unwrap();
        assert_eq!(heard(&mut terminal, Waits::Command).await, "40 120\nnx01 # ");
        // A long answer and its prompt in one message: the prompt is believed after a moment of silence.
        terminal.line(&typed("show long")).await.unwrap();
        assert_eq!(heard(&mut terminal, Waits::Command).await.len(), 3_000 + 3 + "nx01 # ".len());
        terminal.line(&typed("show question")).await.unwrap();
        assert_eq!(heard(&mut terminal, Waits::Nothing).await, "Are you sure? [yes] ");
        terminal.key(TerminalKey::Interrupt).await.unwrap();
        let given_up = heard(&mut terminal, Waits::Command).await;
        assert!(given_up.starts_with("Are you sure? [yes] ^C") && given_up.ends_with("nx01 # "), "{given_up:?}");
        terminal.line(&typed("show pager")).await.unwrap();
        assert_eq!(heard(&mut terminal, Waits::Page).await, "one\n--More--");
        terminal.key(TerminalKey::Space).await.unwrap();
        let paged = heard(&mut terminal, Waits::Command).await;
        assert!(paged.contains("two\nnx01 # "), "{paged:?}");
        terminal.line(&typed("exit")).await.unwrap();
        heard(&mut terminal, Waits::Gone).await;
        terminal.close().await;
    }
}
