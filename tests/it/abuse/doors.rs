//! The drop as a door: what a client may ask for besides one file, and what lies on the disk when the end comes in the
//! middle.

use std::collections::BTreeSet;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hoshu::intake::drop::DropFault;

use crate::drop::rules::{NAME, QUICK, outcome, place, ran, refused};
use crate::drop::with_drop;
use crate::house::files;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_neither_changed_nor_gone_on_with_and_no_agent_is_taken() {
    let mut place = place(QUICK()).await;
    let file = place.file("file", b"abc");
    let file = file.display();
    for (script, told) in [
        (format!("-chmod 600 /{NAME}"), "setstat of SFTP"),
        (format!("-rm /{NAME}"), "remove of SFTP"),
        (format!("-reput {file} /{NAME}"), ""),
        (format!("-put -a {file} /{NAME}"), ""),
        ("-ln -s /a /b".to_owned(), "symlink of SFTP"),
    ] {
        let (mut issued, sink) = place.ticket("nx01", 100);
        let batch = place.file("batch", script.as_bytes());
        let output = ran(place.client("sftp", &issued, &["-b", batch.to_str().unwrap(), "127.0.0.1"])).await;
        let found = outcome(&mut issued).await;
        assert!(matches!(found, Err(DropFault::Cut(0) | DropFault::Refused(_))), "{script}: {found:?} {output:?}");
        assert!(sink.bytes().is_empty(), "{script}");
        let all = refused(&mut place);
        assert!(told.is_empty() || all.iter().any(|what| what == told), "{script}: {all:?}");
    }
    let socket = place.file("agent", b"");
    std::fs::remove_file(&socket).unwrap();
    let agent = UnixListener::bind(&socket).unwrap();
    // It is there, and hangs up on the client that asks it for keys.
    std::thread::spawn(move || agent.incoming().for_each(drop));
    let (mut issued, _) = place.ticket("nx01", 100);
    let mut command = place.client("ssh", &issued, &["-A", "127.0.0.1", "id"]);
    command.env("SSH_AUTH_SOCK", &socket);
    assert!(!ran(command).await.status.success());
    assert!(matches!(outcome(&mut issued).await, Err(DropFault::Refused(_))));
    let all = refused(&mut place);
    assert!(all.iter().any(|what| what == "an agent"), "{all:?}");
}

#[test]
fn a_kill_in_the_middle_of_a_push_leaves_nothing_readable() {
    let (house, _) = with_drop();
    let depot = house.path("data/depot");
    std::fs::create_dir_all(&depot).unwrap();
    let mut met = 0;
    for _ in 0..8 {
        let paths = || files(&depot).into_iter().map(|(path, _)| path).collect::<BTreeSet<_>>();
        let before = paths();
        let mut command = house.command(&["backup", "take", "--profile", "full", "--on", "acme-nx01"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        // A file of this push is there, whole or not.
        while paths().is_subset(&before)
            && child.try_wait().unwrap().is_none()
            && begun.elapsed() < Duration::from_secs(20)
        {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        met += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        for (path, bytes) in files(&house.path("data")) {
            let clear = bytes.windows(20).any(|part| part == b" line 000000000012 .");
            assert!(!clear, "{} holds what was pushed", path.display());
        }
    }
    assert!(met > 0, "no kill met a push at work");
    let listed = house.hoshu(&["backup", "list", "--json"]).expect(0).json();
    let whole = listed["backups"].as_array().map_or(0, Vec::len);
    assert!(whole <= 8 - met, "{whole} count, {met} were killed: {listed}");
    house.hoshu(&["store", "check"]).expect(0);
}
