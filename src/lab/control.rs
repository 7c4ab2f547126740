//! The socket by which a person breaks, mends and looks at the units of a running lab.
//!
//! One request is one line of JSON, and so is its reply. Bad input is answered with a refusal and never ends the lab.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore};

use super::error::LabError;
use super::fault::Fault;
use super::folder::SOCKET_FILE;
use super::rack::{Place, Rack, Shown};
use crate::model::door::WayName;
use crate::model::name::SeatName;

/// What a lab can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Breaks a unit; with `remaining`, for so many times only.
    Break {
        /// The unit.
        unit: SeatName,
        /// What breaks.
        fault: Fault,
        /// How often it takes effect; for ever when absent.
        #[serde(default)]
        remaining: Option<NonZeroU32>,
    },
    /// Mends one fault of a unit, or all.
    Mend {
        /// The unit.
        unit: SeatName,
        /// Which fault; all when absent.
        #[serde(default)]
        fault: Option<Fault>,
    },
    /// Shows a unit: what it is, its faults, and everything that it received.
    Show {
        /// The unit.
        unit: SeatName,
    },
    /// Keeps the answers to a command until they are released.
    Hold {
        /// The unit.
        unit: SeatName,
        /// The command as it will be sent.
        command: String,
    },
    /// Lets all held answers of a unit go, and holds no further ones.
    Release {
        /// The unit.
        unit: SeatName,
    },
    /// Gives a unit a configuration command as its administrator.
    Change {
        /// The unit.
        unit: SeatName,
        /// The command, as in configuration mode.
        line: String,
    },
    /// Presses the token with which a person opens an attended way.
    Token {
        /// The gateway.
        way: WayName,
    },
    /// Ends the lab.
    Stop {},
}

/// What a lab replies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done,
    /// The unit.
    Shown(Box<Shown>),
    /// What the token shows.
    Pressed {
        /// The one-time password.
        code: String,
    },
    /// It is not done.
    Refused {
        /// Why.
        why: String,
    },
}

/// Bytes of one request.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Bytes of one reply: a unit with its whole log.
const REPLY_BYTES_MAX: u64 = 4 << 20;
/// How long one side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests at once; a lab is driven by a person or a test.
const REQUESTS_MAX: usize = 32;

/// Sends one request to the lab of a folder and waits for its reply, at most ten seconds.
pub fn request(dir: &Path, request: &Request) -> Result<Reply, LabError> {
    let path = dir.join(SOCKET_FILE);
    let no_lab = |found: String| LabError::NoLab { path: path.clone(), found };
    let talk = || -> std::io::Result<String> {
        let mut stream = std::os::unix::net::UnixStream::connect(&path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut line = serde_json::to_vec(request).map_err(std::io::Error::other)?;
        line.push(b'\n');
        stream.write_all(&line)?;
        let mut reply = String::new();
        stream.take(REPLY_BYTES_MAX).read_to_string(&mut reply)?;
        Ok(reply)
    };
    let reply = talk().map_err(|error| no_lab(error.to_string()))?;
    match serde_json::from_str(&reply).map_err(|error| no_lab(error.to_string()))? {
        Reply::Refused { why } => Err(LabError::Refused(why)),
        reply => Ok(reply),
    }
}

/// Listens on the control socket, mode 0600. A socket that a dead lab left behind is replaced, a living lab is not.
pub(super) fn listen(socket: &Path) -> Result<UnixListener, LabError> {
    if std::os::unix::net::UnixStream::connect(socket).is_ok() {
        return Err(LabError::NoLab { path: socket.to_owned(), found: "another lab that is running".to_owned() });
    }
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(LabError::file("remove", socket)(error));
        }
        _ => {}
    }
    let listener = UnixListener::bind(socket).map_err(LabError::file("make", socket))?;
    // The folder is 0700, so nobody else reaches the socket before its own mode is set.
    std::fs::set_permissions(socket, Permissions::from_mode(0o600)).map_err(LabError::file("make", socket))?;
    Ok(listener)
}

/// Answers requests for ever; a request to stop is passed on through `stop`.
pub(super) async fn obey(listener: &UnixListener, rack: &Arc<Rack>, stop: &Arc<Notify>) {
    let room = Arc::new(Semaphore::new(REQUESTS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (rack, stop) = (Arc::clone(rack), Arc::clone(stop));
                tokio::spawn(async move {
                    let answered = tokio::time::timeout(PATIENCE, answer(stream, &rack)).await;
                    drop(permit);
                    if matches!(answered, Ok(Ok(true))) {
                        stop.notify_one();
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Answers one request; `true` when the lab is to stop.
async fn answer(mut stream: UnixStream, rack: &Rack) -> std::io::Result<bool> {
    let mut line = Vec::new();
    let limit = REQUEST_BYTES_MAX as u64;
    BufReader::new((&mut stream).take(limit)).read_until(b'\n', &mut line).await?;
    let parsed = serde_json::from_slice::<Request>(&line);
    let stops = matches!(parsed, Ok(Request::Stop {}));
    let reply = match parsed {
        Ok(request) => carry_out(rack, &request),
        Err(error) => Reply::Refused { why: error.to_string() },
    };
    stream.write_all(&serde_json::to_vec(&reply)?).await?;
    stream.shutdown().await?;
    Ok(stops)
}

/// Does what was asked; a request to stop is only acknowledged.
pub fn carry_out(rack: &Rack, request: &Request) -> Reply {
    let at = |unit: &SeatName, act: &dyn Fn(&Arc<Place>) -> Reply| match rack.place(unit) {
        Some(place) => act(place),
        None => Reply::Refused { why: format!("no unit {unit} in this lab") },
    };
    let done = |unit: &SeatName, act: &dyn Fn(&Arc<Place>)| {
        at(unit, &|place| {
            act(place);
            Reply::Done
        })
    };
    match request {
        Request::Break { unit, fault, remaining } => {
            done(unit, &|place| place.break_by(*fault, remaining.map(NonZeroU32::get)))
        }
        Request::Mend { unit, fault } => done(unit, &|place| place.mend(*fault)),
        Request::Show { unit } => at(unit, &|place| Reply::Shown(Box::new(place.show()))),
        Request::Hold { unit, command } => done(unit, &|place| place.hold(command)),
        Request::Release { unit } => done(unit, &|place| place.release()),
        Request::Change { unit, line } => at(unit, &|place| match place.change(line) {
            Ok(()) => Reply::Done,
            Err(why) => Reply::Refused { why: why.trim_end().to_owned() },
        }),
        Request::Token { way } => match rack.tokens().press(way) {
            Some(code) => Reply::Pressed { code },
            None => Reply::Refused { why: format!("no bastion of {way} asks for a one-time password in this lab") },
        },
        Request::Stop {} => Reply::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_one_plain_form() {
        let text = r#"{"do":"break","unit":"nx01","fault":"disk-failed","remaining":2}"#;
        let request = serde_json::from_str::<Request>(text).expect("a request");
        assert_eq!(
            request,
            Request::Break {
                unit: "nx01".parse().expect("a name"),
                fault: Fault::DiskFailed,
                remaining: NonZeroU32::new(2)
            }
        );
        assert_eq!(serde_json::to_string(&request).expect("JSON"), text);
        for wrong in [
            r#"{"do":"break","unit":"nx01","fault":"no-such"}"#,
            r#"{"do":"break","unit":"nx01","fault":"disk-failed","remaining":0}"#,
            r#"{"do":"stop","more":1}"#,
            r#"{"do":"show","unit":"../x"}"#,
        ] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
