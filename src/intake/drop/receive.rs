//! What both protocols share: the file that is written, the limits on it, and what becomes of its ticket.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::ticket::Claim;
use super::{Arrived, DropFault, Protocol, Refusal, Sink, SinkError};
use crate::model::name::SeatName;
use crate::model::outside::Outside;

/// Bytes that go into a sink at once.
const PART: usize = 256 << 10;
/// Characters of a name that are told.
const NAME_CHARS: usize = 120;

/// Tells of what was refused. What nobody takes in time is lost: an audit is no way to fill a memory.
#[derive(Clone)]
pub(super) struct Refusals {
    pub(super) sender: mpsc::Sender<Refusal>,
    pub(super) source: IpAddr,
}

impl Refusals {
    pub(super) fn tell(&self, seat: Option<&SeatName>, what: impl Into<Outside>) {
        let refusal = Refusal { source: self.source, seat: seat.cloned(), what: what.into() };
        drop(self.sender.try_send(refusal));
    }
}

/// A text of the client, short enough to be told.
pub(super) fn told(bytes: &[u8]) -> Outside {
    Outside::new(String::from_utf8_lossy(bytes).chars().take(NAME_CHARS).collect::<String>())
}

/// One ticket at work.
pub(super) struct Job {
    claim: Option<Claim>,
    pub(super) seat: SeatName,
    pub(super) name: String,
    pub(super) refusals: Refusals,
    pub(super) idle: Duration,
    bytes_max: u64,
    buffer: Vec<u8>,
    bytes: u64,
}

impl Job {
    pub(super) fn new(claim: Claim, refusals: Refusals, idle: Duration) -> Self {
        Self {
            seat: claim.seat.clone(),
            name: claim.name.clone(),
            bytes_max: claim.bytes_max,
            claim: Some(claim),
            refusals,
            idle,
            buffer: Vec::new(),
            bytes: 0,
        }
    }

    /// Tells that something was refused.
    pub(super) fn refuse(&self, what: impl Into<Outside>) {
        self.refusals.tell(Some(&self.seat), what);
    }

    /// Whether a path is that of the ticket. It is compared and used for nothing.
    pub(super) fn check_path(&self, path: &[u8]) -> Result<(), DropFault> {
        let plain = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")).unwrap_or(path);
        if plain == self.name.as_bytes() {
            return Ok(());
        }
        let found = told(path);
        self.refuse(format!("the path {}", found.for_terminal()));
        Err(DropFault::OtherName { expected: self.name.clone(), found })
    }

    /// Refuses more than is expected, before it is sent where that is announced.
    pub(super) fn check_size(&self, bytes: u64) -> Result<(), DropFault> {
        if bytes <= self.bytes_max {
            return Ok(());
        }
        self.refuse(format!("a file of {bytes} bytes"));
        Err(DropFault::TooLong(self.bytes_max))
    }

    /// How many bytes came so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the file is whole, or failed: nothing more is taken.
    pub(super) const fn is_over(&self) -> bool {
        self.claim.is_none()
    }

    /// Takes some more of the file.
    pub(super) async fn put(&mut self, part: &[u8]) -> Result<(), DropFault> {
        self.bytes = self.bytes.saturating_add(part.len() as u64);
        self.check_size(self.bytes)?;
        self.buffer.extend_from_slice(part);
        if self.buffer.len() >= PART { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), DropFault> {
        let lost = || DropFault::NotKept("its sink is gone".to_owned());
        let Some(mut claim) = self.claim.take() else { return Err(lost()) };
        let part = std::mem::take(&mut self.buffer);
        let (claim, part, written) = tokio::task::spawn_blocking(move || {
            let written = claim.sink.write(&part);
            (claim, part, written)
        })
        .await
        .map_err(|_| lost())?;
        (self.claim, self.buffer) = (Some(claim), part);
        self.buffer.clear();
        written.map_err(|error| DropFault::NotKept(error.to_string()))
    }

    /// The file is whole: it is kept, and the ticket has its outcome, before this returns.
    pub(super) async fn finish(&mut self, protocol: Protocol, called: Outside) -> Result<(), DropFault> {
        self.flush().await?;
        let Some(claim) = self.claim.take() else { return Err(DropFault::NotKept("its sink is gone".to_owned())) };
        let Claim { sink, done, place, .. } = claim;
        let kept = tokio::task::spawn_blocking(move || Sink::finish(sink)).await;
        let kept = kept.unwrap_or_else(|_| Err(SinkError("the task that keeps it broke".to_owned())));
        let kept = kept.map_err(|error| DropFault::NotKept(error.to_string()));
        let arrived = Arrived { bytes: self.bytes, protocol, called, source: self.refusals.source };
        drop(place);
        drop(done.send(kept.clone().map(|()| arrived)));
        kept
    }

    /// It failed: what came so far is dropped, and the ticket has its outcome.
    pub(super) fn fail(&mut self, fault: DropFault) {
        if let Some(claim) = self.claim.take() {
            let Claim { sink, done, place, .. } = claim;
            drop(sink);
            drop(place);
            drop(done.send(Err(fault)));
        }
    }
}

/// Reads some bytes within the limit of silence; none is the end.
pub(super) async fn some(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    idle: Duration,
) -> Result<usize, DropFault> {
    match timeout(idle, stream.read(buffer)).await {
        Err(_) => Err(DropFault::Stalled(idle)),
        Ok(Err(_)) => Ok(0),
        Ok(Ok(read)) => Ok(read),
    }
}

/// Fills a buffer; `false` when the end came before its first byte.
pub(super) async fn all(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    idle: Duration,
    so_far: u64,
) -> Result<bool, DropFault> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match some(stream, rest, idle).await? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(DropFault::Cut(so_far)),
            read => filled += read,
        }
    }
    Ok(true)
}
