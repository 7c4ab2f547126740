//! The sink of the old protocol of scp: one line `C`, one file, and nothing else.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::receive::{Job, all, some, told};
use super::{DropFault, Protocol};
use crate::model::outside::Outside;

/// Bytes of a line of the protocol.
const LINE_BYTES_MAX: usize = 1024;

/// The path of `scp -t PATH`, with the flags that change nothing; `None` for every other command.
pub(super) fn sink_path(command: &[u8]) -> Option<&[u8]> {
    let mut words = command.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    if words.next() != Some(b"scp") {
        return None;
    }
    let mut sink = false;
    let path = loop {
        match words.next()? {
            b"-t" => sink = true,
            b"-v" | b"-q" => {}
            b"--" => break words.next()?,
            word if word.starts_with(b"-") => return None,
            word => break word,
        }
    };
    (sink && words.next().is_none()).then_some(path)
}

/// A line `Cmmmm size name`, without its end.
fn file_line(line: &[u8]) -> Option<(u64, Outside)> {
    let rest = line.strip_prefix(b"C")?;
    let mut words = rest.splitn(3, |byte| *byte == b' ');
    let (mode, size, name) = (words.next()?, words.next()?, words.next()?);
    let octal = mode.len() == 4 && mode.iter().all(|digit| matches!(digit, b'0'..=b'7'));
    let digits = (1..=18).contains(&size.len()) && size.iter().all(u8::is_ascii_digit);
    let plain = !name.is_empty() && name.len() <= 255 && !name.contains(&b'/') && name != b"." && name != b"..";
    let size = str::from_utf8(size).ok()?.parse().ok()?;
    (octal && digits && plain).then(|| (size, told(name)))
}

/// Takes the file. What failed is told to the client, in words that say nothing of this host.
pub(super) async fn take(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), job: &mut Job, path: &[u8]) -> bool {
    let taken = talk(stream, job, path).await;
    if let Err(fault) = taken {
        drop(stream.write_all(b"\x02scp: refused\n").await);
        drop(stream.flush().await);
        job.fail(fault);
        return false;
    }
    true
}

async fn talk(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), job: &mut Job, path: &[u8]) -> Result<(), DropFault> {
    job.check_path(path)?;
    say(stream, b"\0", job.bytes()).await?;
    let line = read_line(stream, job.idle, job.bytes()).await?.ok_or(DropFault::Cut(0))?;
    let Some((size, called)) = file_line(&line) else {
        job.refuse(format!("the line {} of scp", told(&line).for_terminal()));
        return Err(DropFault::Refused(told(&line)));
    };
    job.check_size(size)?;
    say(stream, b"\0", job.bytes()).await?;
    let mut buffer = vec![0; 64 << 10];
    while job.bytes() < size {
        let left = usize::try_from(size - job.bytes()).unwrap_or(usize::MAX).min(buffer.len());
        let part = buffer.get_mut(..left).unwrap_or_default();
        match some(stream, part, job.idle).await? {
            0 => return Err(DropFault::Cut(job.bytes())),
            read => job.put(buffer.get(..read).unwrap_or_default()).await?,
        }
    }
    // A zero says that the client read its file to the end; anything else is its error, or more than was announced.
    let mut end = [0];
    if !all(stream, &mut end, job.idle, job.bytes()).await? {
        return Err(DropFault::Cut(job.bytes()));
    }
    match end {
        [0] => {}
        [1 | 2] => return Err(DropFault::Protocol("the client could not read its file to the end")),
        _ => {
            job.refuse(format!("a file longer than its {size} bytes"));
            return Err(DropFault::TooLong(size));
        }
    }
    job.finish(Protocol::Scp, called).await?;
    say(stream, b"\0", job.bytes()).await?;
    // The file is kept. Whatever comes now is refused, and takes nothing from it.
    if let Ok(Some(line)) = read_line(stream, job.idle, job.bytes()).await {
        job.refuse(format!("the line {} after its file", told(&line).for_terminal()));
        drop(stream.write_all(b"\x02scp: refused\n").await);
    }
    Ok(())
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], so_far: u64) -> Result<(), DropFault> {
    let said = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    said.await.map_err(|_| DropFault::Cut(so_far))
}

/// A line without its end; `None` when the client has no more.
async fn read_line(
    stream: &mut (impl AsyncRead + Unpin),
    idle: Duration,
    so_far: u64,
) -> Result<Option<Vec<u8>>, DropFault> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    loop {
        if !all(stream, &mut byte, idle, so_far).await? {
            return Ok(None);
        }
        match byte {
            [b'\n'] => return Ok(Some(line)),
            [byte] if line.len() < LINE_BYTES_MAX => line.push(byte),
            _ => return Err(DropFault::Protocol("a line of scp has no end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sink_is_a_command() {
        assert_eq!(sink_path(b"scp -t /nx.febkp"), Some(&b"/nx.febkp"[..]));
        assert_eq!(sink_path(b"scp -v -t -- nx.febkp"), Some(&b"nx.febkp"[..]));
        for command in [
            "scp -f /nx.febkp",
            "scp /nx.febkp",
            "scp -t",
            "scp -r -t /x",
            "scp -t -d /x",
            "scp -p -t /x",
            "scp -t a b",
            "id",
            "sh -c scp -t /x",
            "/usr/bin/scp -t /x",
            "",
        ] {
            assert_eq!(sink_path(command.as_bytes()), None, "{command}");
        }
    }

    #[test]
    fn only_one_file_is_a_line() {
        assert_eq!(file_line(b"C0644 12 a b.febkp"), Some((12, "a b.febkp".into())));
        for line in [
            "D0755 0 x",
            "T1 0 1 0",
            "E",
            "C0644 12",
            "C0644 -1 x",
            "C0644 1e3 x",
            "C644 1 x",
            "C0999 1 x",
            "C0644 1 ../x",
            "C0644 1 ..",
            "C0644 1 a/b",
            "C0644  x",
            "C0644 99999999999999999999 x",
            "\u{1}error",
            "",
        ] {
            assert_eq!(file_line(line.as_bytes()), None, "{line}");
        }
    }
}
