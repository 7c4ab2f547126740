//! The bare exchange: russh and nothing else, the same commands in the same order, as a child process of its own.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::stream::{FuturesUnordered, StreamExt as _};
use russh::client::{Config, Handler, Msg};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, Disconnect, Preferred, cipher, compression, kex, mac};

/// The first argument of a child that exchanges.
pub(super) const FLAG: &str = "--raw-exchange";
/// Exchanges at once, as in the settings of the other side.
pub(super) const AT_ONCE: usize = 256;
/// The longest wait for a prompt.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the child is told on its command line.
pub(super) struct Args {
    /// A line `port password` for each appliance.
    pub(super) list: PathBuf,
    /// How often the configuration is fetched.
    pub(super) fetches: usize,
    /// Where each configuration is written as a plain file; nowhere when absent.
    pub(super) keep: Option<PathBuf>,
}

/// Takes whatever host key there is.
struct Accept;

impl Handler for Accept {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

/// The algorithms that the other side negotiates with a current appliance.
fn config() -> Config {
    Config {
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519,
                kex::EXTENSION_SUPPORT_AS_CLIENT,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            cipher: Cow::Borrowed(&[cipher::AES_256_GCM]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM]),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::DEFAULT
        },
        nodelay: true,
        ..Config::default()
    }
}

/// Exchanges with every appliance of the list.
pub(super) fn run(args: &Args) -> Result<()> {
    let list = std::fs::read_to_string(&args.list)?;
    let appliances = list.lines().map(appliance).collect::<Result<Vec<_>>>()?;
    let config = Arc::new(config());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut running = FuturesUnordered::new();
        let mut waiting = appliances.into_iter();
        loop {
            while running.len() < AT_ONCE
                && let Some((address, password)) = waiting.next()
            {
                let keep = args.keep.as_ref().map(|folder| folder.join(address.port().to_string()));
                running.push(tokio::spawn(exchange(Arc::clone(&config), address, password, args.fetches, keep)));
            }
            match running.next().await {
                Some(done) => done??,
                None => return Ok(()),
            }
        }
    })
}

fn appliance(line: &str) -> Result<(SocketAddr, String)> {
    let (port, password) = line.split_once(' ').context("a line without a password")?;
    Ok((SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse()?)), password.to_owned()))
}

async fn exchange(
    config: Arc<Config>,
    address: SocketAddr,
    password: String,
    fetches: usize,
    keep: Option<PathBuf>,
) -> Result<()> {
    let mut handle = russh::client::connect(config, address, Accept).await?;
    ensure!(handle.authenticate_password("monitor", password).await?.success(), "{address} refuses the login");
    let mut shell = Shell { channel: handle.channel_open_session().await?, host: Vec::new() };
    shell.channel.request_pty(false, "vt100", 200, 24, 0, 0, &[]).await?;
    shell.channel.request_shell(true).await?;
    shell.prompt().await?;
    for command in ["enable", "no cli session paging enable", "show version"] {
        shell.ask(command).await?;
    }
    let mut configuration = Vec::new();
    for _ in 0..fetches {
        configuration = shell.ask("show running-config").await?;
        ensure!(configuration.len() > 1_000, "{address} has no configuration");
    }
    if let Some(path) = keep {
        std::fs::write(path, &configuration)?;
    }
    shell.channel.data_bytes(b"exit\n".to_vec()).await?;
    // Whoever says goodbye second finds the connection closed.
    if handle.disconnect(Disconnect::ByApplication, "", "").await.is_ok() {
        drop(handle.await);
    }
    Ok(())
}

struct Shell {
    channel: Channel<Msg>,
    /// The host name of the first prompt.
    host: Vec<u8>,
}

impl Shell {
    async fn ask(&mut self, command: &str) -> Result<Vec<u8>> {
        self.channel.data_bytes(format!("{command}\n").into_bytes()).await?;
        self.prompt().await
    }

    /// Everything up to the next prompt.
    async fn prompt(&mut self) -> Result<Vec<u8>> {
        tokio::time::timeout(PATIENCE, self.text()).await?
    }

    async fn text(&mut self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        while let Some(message) = self.channel.wait().await {
            let ChannelMsg::Data { data } = message else { continue };
            text.extend_from_slice(&data);
            let Some(before) = text.strip_suffix(b" > ").or_else(|| text.strip_suffix(b" # ")) else { continue };
            if self.host.is_empty() {
                self.host = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().to_vec();
            }
            if before.ends_with(&self.host) {
                return Ok(text);
            }
        }
        bail!("the channel ended before a prompt")
    }
}
