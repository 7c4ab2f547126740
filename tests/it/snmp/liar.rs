//! An agent of v2c that says what a test wants, with a coding of its own.

use std::net::UdpSocket;
use std::thread::JoinHandle;
use std::time::Duration;

/// What was asked.
pub(crate) struct Asked {
    pub(crate) id: Vec<u8>,
    community: Vec<u8>,
    /// The first object, in its coding.
    pub(crate) oid: Vec<u8>,
    /// How many times a question was heard before.
    pub(crate) turn: usize,
}

fn coded(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}

/// One piece of a coding: its tag, its content, what follows.
fn piece(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, head) = match bytes[1] {
        short @ 0..=0x7f => (usize::from(short), 2),
        0x81 => (usize::from(bytes[2]), 3),
        _ => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
    };
    (bytes[0], &bytes[head..head + length], &bytes[head + length..])
}

impl Asked {
    fn of(bytes: &[u8], turn: usize) -> Self {
        let (_, message, _) = piece(bytes);
        let (_, _, rest) = piece(message);
        let (_, community, rest) = piece(rest);
        let (_, question, _) = piece(rest);
        let (_, id, rest) = piece(question);
        let (_, _, rest) = piece(rest);
        let (_, _, rest) = piece(rest);
        let (_, list, _) = piece(rest);
        let (_, bound, _) = piece(list);
        let (_, oid, _) = piece(bound);
        Self { id: id.to_vec(), community: community.to_vec(), oid: oid.to_vec(), turn }
    }

    /// A whole answer with these objects: identifiers in their coding, and values with their tags.
    pub(crate) fn answer(&self, objects: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        Self::answer_as(&self.community, &self.id, 0, objects)
    }

    pub(crate) fn answer_as(community: &[u8], id: &[u8], status: u8, objects: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let bound = |(oid, value): &(Vec<u8>, Vec<u8>)| coded(0x30, &[coded(0x06, oid), value.clone()].concat());
        let list: Vec<u8> = objects.iter().flat_map(bound).collect();
        let answer = [coded(0x02, id), coded(0x02, &[status]), coded(0x02, &[0]), coded(0x30, &list)].concat();
        coded(0x30, &[coded(0x02, &[1]), coded(0x04, community), coded(0xa2, &answer)].concat())
    }

    /// The identifiers behind the one that was asked for: `count` more, each with a number of its own.
    pub(crate) fn next(&self, count: usize) -> Vec<Vec<u8>> {
        // 1.3.6.1.4.1.25597 and then numbers of four bytes each, which a walk goes through in their order.
        let root = [0x2b, 6, 1, 4, 1, 0x81, 0xc7, 0x7d];
        let last = self
            .oid
            .strip_prefix(&root)
            .filter(|rest| rest.len() == 4)
            .map_or(0, |rest| rest.iter().fold(0_u32, |sum, byte| sum << 7 | u32::from(byte & 0x7f)));
        let seven = |n: u32, shift: u32| u8::try_from(n >> shift & 0x7f).unwrap();
        let number = |n: u32| [seven(n, 21) | 0x80, seven(n, 14) | 0x80, seven(n, 7) | 0x80, seven(n, 0)];
        let from = last.max(1 << 21) + 1;
        (from..).take(count).map(|n| [&root[..], &number(n)].concat()).collect()
    }
}

pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    coded(0x04, bytes)
}

pub(crate) fn number(value: u8) -> Vec<u8> {
    coded(0x02, &[value])
}

/// A thread that answers until it is dropped.
pub(crate) struct Liar {
    pub(crate) port: u16,
    stop: UdpSocket,
    thread: Option<JoinHandle<()>>,
}

impl Liar {
    /// `says` gives the datagrams that follow a question; those marked false come from another port.
    pub(crate) fn start(mut says: impl FnMut(&Asked) -> Vec<(bool, Vec<u8>)> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        let stop = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (port, over) = (socket.local_addr().unwrap().port(), stop.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut buffer, mut turn) = (vec![0; 65_536], 0);
            loop {
                let (length, from) = socket.recv_from(&mut buffer).unwrap();
                if from == over {
                    return;
                }
                let asked = Asked::of(&buffer[..length], turn);
                turn += 1;
                for (own, bytes) in says(&asked) {
                    // Whoever asked may have gone.
                    let sender = if own { &socket } else { &other };
                    sender.send_to(&bytes, from).ok();
                }
            }
        });
        Self { port, stop, thread: Some(thread) }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.stop.send_to(b"over", ("127.0.0.1", self.port)).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

pub(crate) fn wait(millis: u64) {
    std::thread::park_timeout(Duration::from_millis(millis));
}
