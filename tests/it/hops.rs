//! Ways in through proxies: real ones, ones of bad manners, and what is asked of them.

#![cfg(test)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hoshu::access::{AccessError, AccessLimits, HopFault, LabTable, Router, SshAccess};
use hoshu::engine::session::Failure;
use hoshu::model::inventory::{Algorithms, Channel, Hop, HopKind};
use hoshu::model::reading::Outcome;
use serde_json::json;

use crate::access::proxy::{self, Proxy, free_port};
use crate::access::server::{Appliance, ed25519, pin};
use crate::access::sshd::{self, LEGACY, Sshd};
use crate::access::world::{Way, alone, limits, password};
use crate::hostile::{wait_for_end, write_forever};
use crate::house::House;

fn hop(kind: HopKind, host: &str, port: u16) -> Hop {
    Hop { port: Some(port), ..Hop::new(kind, host) }
}

/// A way of the lab to a port of loopback, through proxies on ports of loopback.
fn behind(hops: &[(HopKind, u16)], port: u16, algorithms: Algorithms) -> Way {
    let mut way = Way::new(port, algorithms, Channel::Shell, limits());
    let host = |at: usize| format!("proxy{at}.example");
    let places: serde_json::Map<String, serde_json::Value> =
        hops.iter().enumerate().map(|(at, (_, port))| (format!("{}:1080", host(at)), (*port).into())).collect();
    way.gateway.hops = hops.iter().enumerate().map(|(at, (kind, _))| hop(*kind, &host(at), 1080)).collect();
    let table = json!({"v": 1, "ports": {"nx01": port}, "hops": places}).to_string();
    way.access = SshAccess::new(Router::Lab(LabTable::parse(&table).unwrap()), limits());
    way
}

/// A way of realm live to 192.0.2.1, within limits.
fn live(hops: Vec<Hop>, limits: AccessLimits) -> Way {
    let mut way = Way::shell(0);
    way.gateway.hops = hops;
    way.access = SshAccess::new(Router::Live, limits);
    way
}

/// How a way ended.
async fn ended(way: &Way) -> AccessError {
    way.open(&[pin(&ed25519(1))], &password("right")).await.err().expect("an error")
}

#[track_caller]
fn expect(error: AccessError, fault: HopFault, outcome: Outcome, words: &str) {
    assert!(matches!(error, AccessError::Hop { fault: found, .. } if found == fault), "{error:?}");
    assert_eq!(error.to_string(), words);
    assert_eq!(Failure::from(error).outcome, outcome);
}

#[tokio::test]
async fn openssh_answers_behind_real_proxies() {
    if !sshd::is_here() || !proxy::are_here() {
        return;
    }
    let sshd = Sshd::start(&["ed25519"], "");
    let (socks5, http) = (Proxy::socks5(&[]), Proxy::http(""));
    let (first, second) = ((HopKind::Socks5, socks5.port), (HopKind::HttpConnect, http.port));
    for hops in [&[first][..], &[second], &[first, second], &[second, first], &[first, second, first, second]] {
        let way = behind(hops, sshd.port, Algorithms::Modern);
        assert_eq!(way.show_key().await.unwrap().public_key, sshd.pin("ed25519"));
        let answer = way.read(&[sshd.pin("ed25519")], &sshd.login("user", None), "show big").await.unwrap();
        assert_eq!(answer.text.as_data().lines().count(), 3000, "{hops:?}");
    }
    let asked = |port: u16| http.log().matches(&format!("CONNECT 127.0.0.1:{port} ")).count();
    assert_eq!((asked(sshd.port), asked(socks5.port)), (6, 4), "{}", http.log());
}

#[tokio::test]
async fn an_old_openssh_answers_behind_real_proxies() {
    if !sshd::is_here() || !proxy::are_here() {
        return;
    }
    let sshd = Sshd::start(&["rsa"], LEGACY);
    let (socks5, http) = (Proxy::socks5(&[]), Proxy::http(""));
    let hops = [(HopKind::HttpConnect, http.port), (HopKind::Socks5, socks5.port)];
    let way = behind(&hops, sshd.port, Algorithms::Legacy);
    assert!(way.read(&[sshd.pin("rsa")], &sshd.login("user", None), "show version").await.unwrap().complete);
}

#[tokio::test]
async fn real_proxies_say_why_they_refuse() {
    if !proxy::are_here() {
        return;
    }
    let closed = free_port();
    let (socks5, http) = (Proxy::socks5(&[]), Proxy::http(""));
    let locked = Proxy::socks5(&["-u", "somebody", "-P", "something"]);
    let (strict, asking) = (Proxy::http("ConnectPort 443"), Proxy::http("BasicAuth somebody something"));
    let through = async |kind, proxy: &Proxy| ended(&behind(&[(kind, proxy.port)], closed, Algorithms::Modern)).await;
    for (error, words) in [
        (through(HopKind::Socks5, &socks5).await, "(socks5): connection refused"),
        (through(HopKind::Socks5, &locked).await, "(socks5): it wants a login"),
        (through(HopKind::HttpConnect, &http).await, "(http-connect): 500 Unable to connect"),
        (through(HopKind::HttpConnect, &strict).await, "(http-connect): 403 Access violation"),
        (through(HopKind::HttpConnect, &asking).await, "(http-connect): 407 Proxy Authentication Required"),
    ] {
        expect(error, HopFault::Refused, Outcome::Refused, &format!("refused by hop proxy0.example {words}"));
    }
    // The second proxy is not there: the first says so, of the second.
    let hops = [(HopKind::Socks5, socks5.port), (HopKind::HttpConnect, closed)];
    let words =
        "refused by hop proxy0.example (socks5): connection refused (asked for hop proxy1.example (http-connect))";
    expect(ended(&behind(&hops, 1, Algorithms::Modern)).await, HopFault::Refused, Outcome::Refused, words);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_from_an_appliance_that_is_not() {
    let closed = free_port();
    let error = ended(&behind(&[(HopKind::Socks5, closed)], 1, Algorithms::Modern)).await;
    let words = "nothing listens at hop proxy0.example (socks5): Connection refused (os error 111)";
    expect(error, HopFault::Closed, Outcome::Refused, words);
    assert!(matches!(ended(&Way::shell(closed)).await, AccessError::Refused));
    // A name that has no address, by RFC 6761.
    let error = ended(&live(vec![hop(HopKind::Socks5, "proxy.invalid", 1080)], limits())).await;
    assert!(matches!(error, AccessError::Hop { fault: HopFault::Unreached, .. }), "{error:?}");
    assert_eq!(Failure::from(error).outcome, Outcome::TimedOut);
}

#[tokio::test]
async fn nothing_secret_goes_through_a_proxy_to_another_key() {
    if !proxy::are_here() {
        return;
    }
    let (port, got) = Appliance::default().serve().await;
    let (socks5, http) = (Proxy::socks5(&[]), Proxy::http(""));
    for hop in [(HopKind::Socks5, socks5.port), (HopKind::HttpConnect, http.port)] {
        let way = behind(&[hop], port, Algorithms::Modern);
        let unknown = way.open(&[], &password("right")).await.err();
        assert!(matches!(unknown, Some(AccessError::KeyUnknown { .. })), "{unknown:?}");
        let changed = way.open(&[pin(&ed25519(2))], &password("right")).await.err();
        assert!(matches!(changed, Some(AccessError::KeyChanged { .. })), "{changed:?}");
    }
    assert_eq!((got.auth(), got.secrets()), (0, vec![]));
}

/// Serves one connection as a proxy does: takes a question for each of `replies`, then leads to a port of loopback. What
/// the appliance says first goes out with the last reply, in one packet. Gives back the port and what it was asked.
fn leading(replies: Vec<&'static [u8]>, to: u16) -> (u16, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, questions) = mpsc::channel();
    std::thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        let mut server = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let mut buffer = [0; 4096];
        for (at, reply) in replies.iter().enumerate() {
            let count = client.read(&mut buffer).unwrap();
            asked.send(buffer[..count].to_vec()).unwrap();
            let mut packet = reply.to_vec();
            if at + 1 == replies.len() {
                let count = server.read(&mut buffer).unwrap();
                assert!(buffer.starts_with(b"SSH-2.0-"));
                packet.extend(&buffer[..count]);
            }
            client.write_all(&packet).unwrap();
        }
        // Whoever looks at the questions waits for nothing else: the appliance may run on the same thread.
        drop(asked);
        let (mut up, mut down) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut up, &mut down));
        std::io::copy(&mut server, &mut client).ok();
    });
    (port, questions)
}

const SOCKS5_OPEN: &[u8] = &[5, 0];
const SOCKS5_DONE: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const HTTP_DONE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

#[tokio::test]
async fn the_appliances_own_address_is_asked_of_the_proxy_and_its_greeting_is_whole() {
    let (to, _) = Appliance::default().serve().await;
    let socks5 = |address: &'static [u8]| vec![vec![5, 1, 0], [&[5, 1, 0], address, &[0, 22]].concat()];
    let http = |place| vec![format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n").into_bytes()];
    let v6: &[u8] = &[4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    for (address, kind, replies, questions) in [
        ("192.0.2.7", HopKind::Socks5, vec![SOCKS5_OPEN, SOCKS5_DONE], socks5(&[1, 192, 0, 2, 7])),
        ("2001:db8::7", HopKind::Socks5, vec![SOCKS5_OPEN, &[5, 0, 0, 3, 2, b'a', b'b', 0, 1]], socks5(v6)),
        ("192.0.2.7", HopKind::HttpConnect, vec![HTTP_DONE], http("192.0.2.7:22")),
        ("2001:db8::7", HopKind::HttpConnect, vec![b"HTTP/1.0 299 \n\n"], http("[2001:db8::7]:22")),
    ] {
        let (port, asked) = leading(replies, to);
        let mut way = live(vec![hop(kind, "127.0.0.1", port)], limits());
        way.seat.address = Some(address.parse().unwrap());
        let answer = way.read(&[pin(&ed25519(1))], &password("right"), "show version").await.unwrap();
        assert_eq!(answer.text.as_data(), "Product name: NX\n");
        assert_eq!(asked.iter().collect::<Vec<_>>(), questions, "{kind} {address}");
    }
}

#[tokio::test]
async fn the_name_of_an_inner_proxy_is_resolved_by_the_outer_one() {
    let (to, _) = Appliance::default().serve().await;
    let inner = hop(HopKind::HttpConnect, "inner.invalid", 3128);
    for (kind, mut replies, question) in [
        (HopKind::Socks5, vec![SOCKS5_OPEN, SOCKS5_DONE], &b"\x05\x01\x00\x03\x0dinner.invalid\x0c\x38"[..]),
        (
            HopKind::HttpConnect,
            vec![HTTP_DONE],
            b"CONNECT inner.invalid:3128 HTTP/1.1\r\nHost: inner.invalid:3128\r\n\r\n",
        ),
    ] {
        replies.push(HTTP_DONE);
        let (port, asked) = leading(replies, to);
        let way = live(vec![hop(kind, "localhost", port), inner.clone()], limits());
        way.read(&[pin(&ed25519(1))], &password("right"), "show version").await.unwrap();
        let asked: Vec<_> = asked.iter().collect();
        assert_eq!(asked[asked.len() - 2], question);
        assert!(asked[asked.len() - 1].starts_with(b"CONNECT 192.0.2.1:22 "));
    }
}

/// What a connection through a TCP server of this behaviour came to. It leaves no task behind.
fn against(kind: HopKind, behaviour: impl FnOnce(TcpStream) + Send + 'static) -> AccessError {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || behaviour(listener.accept().unwrap().0));
    let begun = Instant::now();
    let short = AccessLimits { connect: Duration::from_millis(500), ..limits() };
    let error = alone(async move { ended(&live(vec![hop(kind, "127.0.0.1", port)], short)).await });
    assert!(begun.elapsed() < Duration::from_secs(5), "{error:?} after {:?}", begun.elapsed());
    server.join().unwrap();
    error
}

/// Hears one question, says something, and hears on; an empty text closes this half at once.
fn says(text: &'static [u8]) -> impl FnOnce(TcpStream) + Send + 'static {
    move |mut stream| {
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(text).unwrap();
        if text.is_empty() {
            stream.shutdown(Shutdown::Write).unwrap();
        }
        wait_for_end(stream);
    }
}

#[test]
fn a_proxy_that_ends_or_is_silent() {
    const LATE: &str = "the way in took longer than 500ms";
    const ENDED: &str = "it ended within its answer";
    for (kind, word, half) in
        [(HopKind::Socks5, "socks5", &b"\x05"[..]), (HopKind::HttpConnect, "http-connect", b"HTTP/1.1 200 OK\r\nx")]
    {
        let hop = |how: &str, said: &str| format!("{how} hop 127.0.0.1 ({word}): {said}");
        let (late, dropped) = (Outcome::TimedOut, Outcome::Dropped);
        expect(against(kind, wait_for_end), HopFault::Late, late, &hop("no answer from", LATE));
        expect(against(kind, says(half)), HopFault::Late, late, &hop("no answer from", LATE));
        expect(against(kind, says(b"")), HopFault::Dropped, dropped, &hop("closed by", ENDED));
        let half_closed = move |mut stream: TcpStream| {
            stream.write_all(half).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            wait_for_end(stream);
        };
        expect(against(kind, half_closed), HopFault::Dropped, dropped, &hop("closed by", ENDED));
    }
    // A byte at a time is no answer in time either.
    let slow = |mut stream: TcpStream| {
        for byte in b"HTTP/1.1 200 OK\r\n".iter().cycle() {
            std::thread::park_timeout(Duration::from_millis(20));
            if stream.write_all(&[*byte]).is_err() {
                break;
            }
        }
    };
    let error = against(HopKind::HttpConnect, slow);
    assert!(matches!(error, AccessError::Hop { fault: HopFault::Late, .. }), "{error:?}");
}

#[test]
fn an_http_proxy_that_talks_nonsense() {
    let protocol = |behaviour: Box<dyn FnOnce(TcpStream) + Send>, said: &str| {
        let words = format!("no sense in the answer of hop 127.0.0.1 (http-connect): {said}");
        expect(against(HopKind::HttpConnect, behaviour), HopFault::Protocol, Outcome::Protocol, &words);
    };
    let endless = |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n").unwrap();
        write_forever(stream, b"X-Filler: filler\r\n");
    };
    protocol(Box::new(endless), "it is longer than 8192 bytes");
    protocol(Box::new(|stream| write_forever(stream, b"HTTP/1.1 200 ")), "it is longer than 8192 bytes");
    for text in
        [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"\x05\x00", b"HTTP/2 200 \r\n\r\n", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"]
    {
        protocol(Box::new(says(text)), "it is not of HTTP version 1");
    }
    for (text, said) in [
        (&b"HTTP/1.1\r\n\r\n"[..], ""),
        (b"HTTP/1.1 2\r\n\r\n", "2"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "2000 OK"),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", "2x0 OK"),
        (b"HTTP/1.x 200 OK\r\n\r\n", ""),
    ] {
        let error = against(HopKind::HttpConnect, says(text));
        assert!(matches!(error, AccessError::Hop { fault: HopFault::Protocol, .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn an_http_proxy_that_refuses() {
    for (text, fault, outcome, said) in [
        (
            &b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.9/\r\n\r\n"[..],
            HopFault::Refused,
            Outcome::Refused,
            "302 Found",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", HopFault::Refused, Outcome::Refused, "100 Continue"),
        (b"HTTP/1.0 403\r\n\r\n", HopFault::Refused, Outcome::Refused, "403"),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", HopFault::NoWay, Outcome::TimedOut, "504 Gateway Timeout"),
        (b"HTTP/1.1 502 \x1b]0;owned\x07\r\n\r\n", HopFault::Refused, Outcome::Refused, "502 \\u{1b}]0;owned\\u{7}"),
    ] {
        let words = format!("{fault} hop 127.0.0.1 (http-connect): {said}");
        expect(against(HopKind::HttpConnect, says(text)), fault, outcome, &words);
    }
}

#[test]
fn a_socks5_proxy_that_refuses_or_talks_nonsense() {
    const VERSION: &str = "it is not of SOCKS version 5";
    const NONE: &str = "it is none that SOCKS version 5 has";
    let (refused, no_way, protocol) = (
        (HopFault::Refused, Outcome::Refused),
        (HopFault::NoWay, Outcome::TimedOut),
        (HopFault::Protocol, Outcome::Protocol),
    );
    for (text, (fault, outcome), said) in [
        (&b"\x05\xff"[..], refused, "it wants a login"),
        (b"\x05\x02", protocol, NONE),
        (b"\x05\x01", protocol, NONE),
        (b"\x04\x5a", protocol, VERSION),
        (b"SSH-2.0-OpenSSH_9.2\r\n", protocol, VERSION),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", protocol, VERSION),
        (b"\x05\x00\x05\x01\x00\x01", refused, "general failure"),
        (b"\x05\x00\x05\x02\x00\x01", refused, "connection not allowed by ruleset"),
        (b"\x05\x00\x05\x03\x00\x01", no_way, "network unreachable"),
        (b"\x05\x00\x05\x04\x00\x01", no_way, "host unreachable"),
        (b"\x05\x00\x05\x05\x00\x01", refused, "connection refused"),
        (b"\x05\x00\x05\x06\x00\x01", no_way, "time to live expired"),
        (b"\x05\x00\x05\x07\x00\x01", refused, "command not supported"),
        (b"\x05\x00\x05\x08\x00\x01", refused, "address type not supported"),
        (b"\x05\x00\x05\x09\x00\x01", protocol, NONE),
        (b"\x05\x00\x04\x00\x00\x01", protocol, VERSION),
        (b"\x05\x00\x05\x00\x00\x02", protocol, NONE),
        (b"\x05\x00\x05\x00\x00\x03\x02\xff\xff\x00\x00", protocol, NONE),
    ] {
        let words = format!("{fault} hop 127.0.0.1 (socks5): {said}");
        expect(against(HopKind::Socks5, says(text)), fault, outcome, &words);
    }
}

#[test]
fn an_appliance_that_closes_behind_a_proxy_is_the_one_that_closed() {
    let error = against(HopKind::HttpConnect, |mut stream| {
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        stream.write_all(HTTP_DONE).unwrap();
    });
    assert!(matches!(error, AccessError::ClosedEarly), "{error:?}");
}

#[test]
fn a_seat_behind_a_proxy_is_polled_and_a_proxy_that_is_gone_brakes_nothing() {
    if !proxy::are_here() {
        return;
    }
    let house = House::example();
    house.edit("inventory/customers/acme.yaml", "- kind: vpn ", "- kind: socks5\n        port: 1080 ");
    house.edit("inventory/customers/acme.yaml", "vpn-acme", "office-proxy");
    let checked = house.hoshu(&["check"]).expect(0);
    assert!(!checked.out.contains("socks5"), "{}", checked.out);
    house.hoshu(&["key", "init"]).expect(0);
    let poll = || {
        let polled = house.hoshu(&["poll", "--on", "acme-nx01", "--json"]);
        let seat = House::seat(&polled.json(), "acme-nx01").clone();
        (seat["outcome"].as_str().unwrap().to_owned(), seat["reason"].as_str().unwrap_or_default().to_owned())
    };
    // The lab has no such proxy.
    let scanned = house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]);
    assert!(scanned.out.contains("hop office-proxy (socks5) is not in the lab"), "{}{}", scanned.out, scanned.err);
    let lab_has = |port: u16| {
        let file = house.path("lab/ports.json");
        let mut table: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        table["hops"] = json!({"office-proxy:1080": port});
        std::fs::write(&file, table.to_string()).unwrap();
    };
    let socks5 = Proxy::socks5(&[]);
    lab_has(socks5.port);
    house.hoshu(&["hostkey", "scan", "--on", "acme-nx01"]).expect(0);
    house.hoshu(&["hostkey", "accept", "acme-nx01", "--route", "console"]).expect(0);
    assert_eq!(poll(), ("answered".to_owned(), String::new()));
    drop(socks5);
    for _ in 0..5 {
        let (outcome, reason) = poll();
        assert_eq!(outcome, "refused");
        assert_eq!(reason, "nothing listens at hop office-proxy (socks5): Connection refused (os error 111)");
    }
    let socks5 = Proxy::socks5(&[]);
    lab_has(socks5.port);
    assert_eq!(poll().0, "answered");

    house.edit("inventory/customers/acme.yaml", "office-proxy", "office-proxy\n        credential: acme/proxy");
    let checked = house.hoshu(&["check"]).expect(0);
    assert!(checked.out.contains("way in socks5 with a credential"), "{}", checked.out);
    let (outcome, reason) = poll();
    assert_eq!(outcome, "not-yet-served");
    assert!(reason.contains("a hop of kind socks5 with a credential"), "{reason}");
}

#[tokio::test]
async fn all_hops_together_have_one_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        // Each answer alone would be in time. The client is gone before the last.
        while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
            std::thread::park_timeout(Duration::from_millis(400));
            stream.write_all(HTTP_DONE).ok();
        }
    });
    let hops = ["127.0.0.1", "second.invalid", "third.invalid"].map(|host| hop(HopKind::HttpConnect, host, port));
    let short = AccessLimits { connect: Duration::from_secs(1), handshake: Duration::from_secs(1), ..limits() };
    let words = "no answer from hop third.invalid (http-connect): the way in took longer than 1s";
    expect(ended(&live(hops.to_vec(), short)).await, HopFault::Late, Outcome::TimedOut, words);
    server.join().unwrap();
}

fn lab_ports(house: &House) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(house.path("lab/ports.json")).unwrap()).unwrap()
}

#[test]
fn the_lab_serves_the_proxies_that_its_inventory_declares() {
    let house = House::example_with(|house| {
        let two = "- {kind: http-connect, host: outer.kitahama.example, port: 3128}\n      - {kind: socks5,";
        house.edit("inventory/customers/kitahama.yaml", "- {kind: socks5,", two);
        let api = "kind: socks5, host: proxy.momiji.example, port: 1080";
        house.edit("inventory/customers/momiji.yaml", "kind: vpn, host: vpn-momiji", api);
    });
    house.onboard();
    // Two in a row, one that carries old algorithms, and one with the HTTPS API of a unit.
    let words = ["poll", "--on", "customer=kitahama", "--on", "furumachi-nx02", "--on", "momiji-ex01", "--json"];
    let polled = house.hoshu(&words).json();
    assert_eq!(polled["answered"], 4, "{polled}");
    let unit = house.unit("momiji-ex01");
    assert!(unit["log"].as_array().unwrap().iter().any(|record| record["received"] == "api"), "{unit}");
    // A proxy has no key and no account.
    let consoles = std::fs::read_to_string(house.path("lab/consoles.txt")).unwrap();
    assert!(!consoles.contains("proxy.") && !consoles.contains(":3128"), "{consoles}");
    assert!(lab_ports(&house)["hops"]["furumachi/head-vpn/10.88.1.2:3128"].is_number());
}

/// What a port of loopback answers to bytes, until it closes.
fn told(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // Whoever is not listened to any more cannot say the rest.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    answer
}

#[test]
fn a_proxy_of_the_lab_leads_behind_its_own_gateway_alone_and_reads_no_more_than_a_head() {
    let house = House::example();
    let ports = lab_ports(&house);
    let port = |table: &str, name: &str| u16::try_from(ports[table][name].as_u64().unwrap()).unwrap();
    let socks5 = port("hops", "kitahama/hall-vpn/proxy.kitahama.example:1080");
    let http = port("hops", "furumachi/head-vpn/10.88.1.2:3128");
    let asked = |command: u8, to: u16| [&[5, 1, 0, 5, command, 0, 1, 127, 0, 0, 1][..], &to.to_be_bytes()].concat();
    let reply = |code: u8| vec![5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    assert_eq!(told(socks5, &asked(1, port("ports", "acme-nx01"))), reply(2));
    assert_eq!(told(socks5, &asked(2, port("ports", "kitahama-nx01"))), reply(7));
    assert_eq!(told(socks5, &[5, 1, 2]), [5, 0xff], "it has no login");
    assert_eq!(told(socks5, &[4, 1, 0]), [5, 0xff]);
    let connect = |head: &str| String::from_utf8(told(http, format!("{head}\r\n\r\n").as_bytes())).unwrap();
    let other = connect(&format!("CONNECT 127.0.0.1:{} HTTP/1.1", port("ports", "acme-nx01")));
    assert!(other.starts_with("HTTP/1.1 403 "), "{other}");
    assert!(connect("GET http://10.88.1.10/ HTTP/1.1").starts_with("HTTP/1.1 405 "));
    assert!(connect("CONNECT nowhere").starts_with("HTTP/1.1 400 "));
    let begun = Instant::now();
    assert_eq!(told(http, &vec![b'x'; 1 << 20]), b"");
    assert!(begun.elapsed() < Duration::from_secs(5), "it waited for the end of a head that is too long");
    // What was read ahead goes on: the unit's greeting comes whole behind the answer.
    let mut stream = TcpStream::connect(("127.0.0.1", socks5)).unwrap();
    stream.write_all(&asked(1, port("ports", "kitahama-nx01"))).unwrap();
    let mut answer = [0; 16];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!((&answer[..12], &answer[12..]), (&reply(0)[..], &b"SSH-"[..]));
}
