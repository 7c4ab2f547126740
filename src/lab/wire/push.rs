//! How a simulated unit pushes a file: as an old scp client does, to loopback alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{Config, Handle, Handler};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect};
use tokio::time::timeout;

use crate::lab::unit::Push;

/// How long a unit waits for each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are sent at once.
const PART: usize = 32 << 10;

/// Notes the host key, and goes on only with the one that is known.
struct Eyes {
    shown: Arc<Mutex<Option<String>>>,
    known: Option<String>,
}

impl Handler for Eyes {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let print = key.fingerprint(HashAlg::Sha256).to_string();
        let known = self.known.as_ref() == Some(&print);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(print);
        Ok(known)
    }
}

async fn connect(push: &Push, known: Option<String>) -> (Option<Handle<Eyes>>, Option<String>) {
    let shown = Arc::new(Mutex::new(None));
    let eyes = Eyes { shown: Arc::clone(&shown), known };
    let config = Arc::new(Config { nodelay: true, ..Config::default() });
    let connected = timeout(PATIENCE, russh::client::connect(config, push.address, eyes)).await;
    let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (connected.ok().and_then(Result::ok), shown)
}

/// The fingerprint of the host key there; `None` when nobody answers.
pub(super) async fn look(push: &Push) -> Option<String> {
    connect(push, None).await.1
}

/// Pushes the file to a host whose key is known; with `cut` half of it. `None` is that it was taken; else the reason.
pub(super) async fn push(push: &Push, known: String, cut: bool) -> Option<String> {
    let (Some(mut handle), _) = connect(push, Some(known)).await else { return Some("lost connection".to_owned()) };
    let sent = timeout(Duration::from_mins(10), send(&mut handle, push, cut)).await;
    timeout(PATIENCE, handle.disconnect(Disconnect::ByApplication, "", "")).await.ok();
    match sent {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some("timed out".to_owned()),
    }
}

async fn send(handle: &mut Handle<Eyes>, push: &Push, cut: bool) -> Result<(), String> {
    let lost = |_| "lost connection".to_owned();
    let login = handle.authenticate_password(push.user.clone(), push.password.clone()).await.map_err(lost)?;
    if !login.success() {
        return Err("Permission denied, please try again.".to_owned());
    }
    let mut channel = handle.channel_open_session().await.map_err(lost)?;
    channel.exec(true, format!("scp -t {}", push.path)).await.map_err(lost)?;
    taken(&mut channel).await?;
    let line = format!("C0600 {} {}\n", push.bytes, push.name);
    channel.data(line.as_bytes()).await.map_err(lost)?;
    taken(&mut channel).await?;
    let end = if cut { push.bytes / 2 } else { push.bytes };
    let mut at = 0;
    while at < end {
        let count = usize::try_from(end - at).unwrap_or(PART).min(PART);
        channel.data(push.part(at, count).as_slice()).await.map_err(lost)?;
        at += count as u64;
    }
    if cut {
        return Err("lost connection".to_owned());
    }
    channel.data(&b"\0"[..]).await.map_err(lost)?;
    taken(&mut channel).await?;
    channel.eof().await.map_err(lost)
}

/// Waits for the zero that says yes.
async fn taken(channel: &mut russh::Channel<russh::client::Msg>) -> Result<(), String> {
    loop {
        match timeout(PATIENCE, channel.wait()).await {
            Ok(Some(ChannelMsg::Data { data })) => {
                return match data.first() {
                    Some(0) => Ok(()),
                    _ => Err(String::from_utf8_lossy(data.get(1..).unwrap_or_default()).trim().to_owned()),
                };
            }
            Ok(Some(ChannelMsg::Failure) | None) | Err(_) => return Err("lost connection".to_owned()),
            Ok(Some(_)) => {}
        }
    }
}
