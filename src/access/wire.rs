//! The stream under an SSH connection, which its owner can stop at any time: whatever russh's task waits for
//! then, it ends, so that no task outlives the connection's owner.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};

/// The start of an SSH greeting (RFC 4253, 4.2).
const GREETING: &[u8] = b"SSH-";
/// Bytes that are read ahead. russh reads each packet in two parts, most of them a few bytes long; what is longer than
/// this goes past the buffer.
const READ_AHEAD: usize = 4096;

#[derive(Debug, Default)]
struct State {
    stopped: AtomicBool,
    greeted: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// What bytes go through: a TCP connection of this host, or one that a bastion made.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream with the buffer that its wire goes on with.
pub type Pipe = BufReader<Box<dyn Stream>>;

pub(super) fn read_ahead(stream: impl Stream + 'static) -> Pipe {
    BufReader::with_capacity(READ_AHEAD, Box::new(stream))
}

/// Stops its wire when it is dropped.
#[derive(Debug)]
pub(super) struct Stop(Arc<State>);

impl Stop {
    /// Whether the peer began an SSH greeting.
    pub(super) fn greeted(&self) -> bool {
        self.0.greeted.load(Ordering::Acquire)
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Release);
        self.0.reader.wake();
        self.0.writer.wake();
    }
}

/// A stream that can be stopped.
pub(super) struct Wire {
    pipe: Pipe,
    state: Arc<State>,
    /// How many bytes of the greeting's start the current line has, until it was seen; none if the line is another.
    matched: Option<usize>,
}

impl Wire {
    pub(super) fn new(pipe: Pipe) -> (Self, Stop) {
        let state = Arc::new(State::default());
        (Self { pipe, state: Arc::clone(&state), matched: Some(0) }, Stop(state))
    }

    fn look_for_greeting(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.matched = match self.matched {
                _ if *byte == b'\n' => Some(0),
                Some(count) if GREETING.get(count) == Some(byte) => Some(count + 1),
                _ => None,
            };
            if self.matched == Some(GREETING.len()) {
                self.state.greeted.store(true, Ordering::Release);
                return;
            }
        }
    }

    fn stopped(&self) -> bool {
        self.state.stopped.load(Ordering::Acquire)
    }

    /// Makes a wait for the stream one for the wish to stop as well.
    fn unless_stopped<T>(
        &self,
        result: Poll<io::Result<T>>,
        waker: &AtomicWaker,
        cx: &Context<'_>,
    ) -> Poll<io::Result<T>> {
        if result.is_pending() {
            // Registered before the flag is read: a stop between the two wakes the task.
            waker.register(cx.waker());
            if self.stopped() {
                return stopped_error();
            }
        }
        result
    }
}

fn stopped_error<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.stopped() {
            return stopped_error();
        }
        let before = buf.filled().len();
        let result = Pin::new(&mut self.pipe).poll_read(cx, buf);
        if self.matched != Some(GREETING.len()) {
            self.look_for_greeting(buf.filled().get(before..).unwrap_or_default());
        }
        self.unless_stopped(result, &self.state.reader, cx)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.stopped() {
            return stopped_error();
        }
        let result = Pin::new(&mut self.pipe).poll_write(cx, bytes);
        self.unless_stopped(result, &self.state.writer, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.pipe).poll_shutdown(cx)
    }
}
