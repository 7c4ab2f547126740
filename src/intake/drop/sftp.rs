//! As much of SFTP (version 3, draft-ietf-secsh-filexfer-02) as the writing of one file takes.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::receive::{Job, all, told};
use super::{DropFault, Protocol};
use crate::model::outside::Outside;

/// Bytes of a packet: OpenSSH writes 32 KiB at once, and 256 KiB when told to.
const PACKET_BYTES_MAX: u32 = 260 << 10;
/// What a client may be refused before it is not listened to any more.
const REFUSED_MAX: u32 = 20;

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const REALPATH: u8 = 16;
const STAT: u8 = 17;
const EXTENDED: u8 = 200;

const OK: u32 = 0;
const NO_SUCH_FILE: u32 = 2;
const PERMISSION_DENIED: u32 = 3;
const FAILURE: u32 = 4;
const UNSUPPORTED: u32 = 8;

/// Flags of an open: to be written, made and cut are what a push needs.
const FLAG_WRITE: u32 = 0x02;
const FLAGS_TAKEN: u32 = FLAG_WRITE | 0x08 | 0x10 | 0x20;
/// The one handle that there is.
const HANDLE: &[u8] = b"0";

/// The parts of a packet, one after the other.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn long(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.number()?).ok()?;
        self.take(count)
    }
}

/// A packet of this type.
fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    bytes.push(kind);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

fn status(id: u32, code: u32) -> Vec<u8> {
    let words: &[u8] = match code {
        OK => b"ok",
        NO_SUCH_FILE => b"no such file",
        _ => b"refused",
    };
    packet(101, &[&id.to_be_bytes(), &code.to_be_bytes(), &text(words), &text(b"en")])
}

/// Takes the file; says whether it is kept.
pub(super) async fn take(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), job: &mut Job) -> bool {
    let ended = talk(stream, job).await;
    let kept = job.is_over();
    let bytes = job.bytes();
    job.fail(ended.err().unwrap_or(DropFault::Cut(bytes)));
    kept
}

/// What is being written, and how it was called.
struct Open(Outside);

async fn talk(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), job: &mut Job) -> Result<(), DropFault> {
    let malformed = || DropFault::Protocol("a packet of SFTP is damaged");
    let mut open: Option<Open> = None;
    let (mut greeted, mut refused) = (false, 0);
    let mut body = Vec::new();
    loop {
        let mut head = [0; 4];
        if !all(stream, &mut head, job.idle, job.bytes()).await? {
            return Ok(());
        }
        let length = u32::from_be_bytes(head);
        if !(1..=PACKET_BYTES_MAX).contains(&length) {
            return Err(malformed());
        }
        body.resize(length as usize, 0);
        if !all(stream, &mut body, job.idle, job.bytes()).await? {
            return Err(DropFault::Cut(job.bytes()));
        }
        let mut parts = Parts(&body);
        let kind = parts.take(1).and_then(<[u8]>::first).copied().ok_or_else(malformed)?;
        if !greeted {
            if kind != 1 || parts.number().is_none_or(|version| version < 3) {
                return Err(DropFault::Protocol("SFTP of version 3 was expected"));
            }
            greeted = true;
            say(stream, &packet(2, &[&3_u32.to_be_bytes()]), job.bytes()).await?;
            continue;
        }
        let id = parts.number().ok_or_else(malformed)?;
        let answer = match kind {
            OPEN => {
                let (path, flags) = (parts.text().ok_or_else(malformed)?, parts.number().ok_or_else(malformed)?);
                if job.is_over() || open.is_some() {
                    job.refuse(format!("a second file, {}", told(path).for_terminal()));
                    refused += 1;
                    status(id, PERMISSION_DENIED)
                } else if flags & FLAG_WRITE == 0 || flags & !FLAGS_TAKEN != 0 {
                    job.refuse(format!("to open {} with flags {flags:#x}", told(path).for_terminal()));
                    refused += 1;
                    status(id, PERMISSION_DENIED)
                } else if let Err(fault) = job.check_path(path) {
                    say(stream, &status(id, PERMISSION_DENIED), job.bytes()).await?;
                    return Err(fault);
                } else {
                    open = Some(Open(told(path)));
                    packet(102, &[&id.to_be_bytes(), &text(HANDLE)])
                }
            }
            WRITE => {
                let handle = parts.text().ok_or_else(malformed)?;
                let (at, part) = (parts.long().ok_or_else(malformed)?, parts.text().ok_or_else(malformed)?);
                if handle != HANDLE || open.is_none() {
                    return Err(malformed());
                }
                // A file is written from its beginning to its end: what is sealed cannot be gone back to.
                let written = if at == job.bytes() {
                    job.put(part).await
                } else {
                    Err(DropFault::Protocol("a write that does not go on where the last one ended"))
                };
                if let Err(fault) = written {
                    say(stream, &status(id, FAILURE), job.bytes()).await?;
                    return Err(fault);
                }
                status(id, OK)
            }
            CLOSE => match open.take() {
                Some(Open(called)) => match job.finish(Protocol::Sftp, called).await {
                    Ok(()) => status(id, OK),
                    Err(fault) => {
                        say(stream, &status(id, FAILURE), job.bytes()).await?;
                        return Err(fault);
                    }
                },
                None => return Err(malformed()),
            },
            // There is nothing here, whatever is asked for.
            STAT | LSTAT => status(id, NO_SUCH_FILE),
            // OpenSSH asks where it is; a path leads nowhere, so that it stays what it was.
            REALPATH => {
                let path = parts.text().ok_or_else(malformed)?;
                let path = if matches!(path, b"." | b"") { b"/" } else { path };
                let name = text(path.get(..path.len().min(1024)).unwrap_or_default());
                packet(104, &[&id.to_be_bytes(), &1_u32.to_be_bytes(), &name, &name, &0_u32.to_be_bytes()])
            }
            EXTENDED => {
                job.refuse(format!("{} of SFTP", parts.text().map(told).unwrap_or_default().for_terminal()));
                refused += 1;
                status(id, UNSUPPORTED)
            }
            other => {
                job.refuse(format!("{} of SFTP", request(other)));
                refused += 1;
                status(id, PERMISSION_DENIED)
            }
        };
        say(stream, &answer, job.bytes()).await?;
        if refused > REFUSED_MAX {
            return Err(DropFault::Refused("one thing after the other".into()));
        }
    }
}

/// The name of a request, for the audit.
const fn request(kind: u8) -> &'static str {
    match kind {
        5 => "read",
        8 => "fstat",
        9 => "setstat",
        10 => "fsetstat",
        11 | 12 => "list",
        13 => "remove",
        14 => "mkdir",
        15 => "rmdir",
        18 => "rename",
        19 => "readlink",
        20 => "symlink",
        _ => "an unknown request",
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], so_far: u64) -> Result<(), DropFault> {
    let said = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    said.await.map_err(|_| DropFault::Cut(so_far))
}
