//! Real proxies on loopback: microsocks and tinyproxy.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

const SOCKS5: &str = "/usr/bin/microsocks";
const HTTP: &str = "/usr/bin/tinyproxy";

/// Whether both are there to test with. Where tests must not be left out, their absence is a failure.
pub(crate) fn are_here() -> bool {
    let here = Path::new(SOCKS5).exists() && Path::new(HTTP).exists();
    assert!(here || std::env::var("CI").is_err(), "a proxy is missing: apt-get install microsocks tinyproxy-bin");
    if !here {
        println!("skipped: {SOCKS5} or {HTTP} is missing");
    }
    here
}

/// A port of loopback on which nobody listens. Each is given once, and below those that the system gives to whoever
/// connects (`ip_local_port_range`): it stays free until it is used.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() % 16_384).unwrap();
    let mut ports = std::iter::repeat_with(|| 12_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 18_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

pub(crate) struct Proxy {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Proxy {
    /// A SOCKS5 proxy with more arguments.
    pub(crate) fn socks5(more: &[&str]) -> Self {
        let port = free_port();
        let mut command = Command::new(SOCKS5);
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(more);
        Self::start(command, tempfile::tempdir().unwrap(), port)
    }

    /// An HTTP proxy with more lines of configuration.
    pub(crate) fn http(more: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let config = folder.path().join("config");
        let text = format!("Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Connect\n{more}\n");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(HTTP);
        command.arg("-d").arg("-c").arg(&config);
        Self::start(command, folder, port)
    }

    fn start(mut command: Command, folder: tempfile::TempDir, port: u16) -> Self {
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut proxy = Self { child: command.spawn().unwrap(), folder, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(proxy.child.try_wait().unwrap().is_none(), "{command:?} ended: {}", proxy.log());
            assert!(begun.elapsed() < Duration::from_secs(10), "{command:?} does not listen: {}", proxy.log());
            std::thread::park_timeout(Duration::from_millis(1));
        }
        proxy
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A line to a port of loopback that can be cut without a word: from then on its bytes go nowhere, and it stays open.
pub(crate) fn cuttable(to: u16) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cut = Arc::new(AtomicBool::new(false));
    let is_cut = Arc::clone(&cut);
    std::thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let ways = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
        for (from, into) in ways {
            let (mut from, mut into, is_cut) = (from.unwrap(), into.unwrap(), Arc::clone(&is_cut));
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count) = from.read(&mut buffer) {
                    if count == 0 {
                        break;
                    }
                    if !is_cut.load(Ordering::SeqCst) && into.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                into.shutdown(std::net::Shutdown::Both).ok();
            });
        }
    });
    (port, cut)
}
