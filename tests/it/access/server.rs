//! An SSH server of the tests' own: a small command line with every kind of bad manners, which counts what it gets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Response, Session};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// What goes wrong, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// The connection ends after the login.
    CloseAfterAuth,
    /// Every session channel is refused.
    NoChannel,
    /// Every session channel is opened a second late.
    LateChannel,
    /// The shell or command is refused.
    NoShell,
    /// The shell serves, and every single command is refused.
    NoExec,
    /// The channel is closed where the prompt should be.
    CloseBeforePrompt,
    /// The shell says nothing.
    SilentShell,
    /// The shell greets, and no prompt comes.
    NoPrompt,
    /// `enable` is echoed, and no prompt comes.
    NoEnable,
    /// The shell greets without end.
    EndlessGreeting,
    /// The enable password is echoed, and no prompt comes.
    EchoesSecret,
    /// A command is echoed and not answered.
    SilentAnswer,
    /// The answer has no end.
    EndlessAnswer,
    /// The answer has a line without end.
    EndlessLine,
    /// The connection ends within an answer.
    DropInAnswer,
    /// Text comes between a prompt and the echo of a command, unasked.
    Unasked,
    /// Paging stays on, two lines to a page.
    Pager,
    /// The right password alone is not enough.
    SecondFactor,
    /// The server opens channels of its own.
    OpensChannels,
}

/// What a bastion makes of a request to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forward {
    /// It connects nowhere.
    Never,
    /// It connects to this port of loopback, whatever it was asked for.
    To(u16),
    /// It gives no answer.
    NoAnswer,
    /// It says that it is connected, and never a word after that.
    Silent,
    /// As `To`, and its own connection ends once so many bytes came back.
    Cut(u16, usize),
}

/// What the server is like.
#[derive(Clone)]
pub(crate) struct Appliance {
    pub(crate) keys: Vec<PrivateKey>,
    pub(crate) password: &'static str,
    pub(crate) methods: Vec<MethodKind>,
    /// Rounds of questions before keyboard-interactive succeeds.
    pub(crate) rounds: Vec<Vec<(&'static str, bool)>>,
    pub(crate) banner: Option<String>,
    pub(crate) greeting: &'static str,
    pub(crate) prompt: &'static str,
    pub(crate) enable_password: Option<&'static str>,
    pub(crate) answers: BTreeMap<&'static str, String>,
    /// Bytes of a message; 0 sends each text whole.
    pub(crate) chunk: usize,
    pub(crate) trouble: Trouble,
    pub(crate) forward: Forward,
}

impl Default for Appliance {
    fn default() -> Self {
        Self {
            keys: vec![ed25519(1)],
            password: "right",
            methods: vec![MethodKind::Password],
            rounds: Vec::new(),
            banner: None,
            greeting: "\r\nLast login: yesterday\r\n\r\n",
            prompt: "nx01",
            enable_password: None,
            answers: BTreeMap::from([("show version", "Product name: NX\r\n".to_owned())]),
            chunk: 0,
            trouble: Trouble::None,
            forward: Forward::Never,
        }
    }
}

/// What the server got.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) connections: AtomicUsize,
    /// Messages of authentication that reached it.
    pub(crate) auth: AtomicUsize,
    /// Passwords and answers.
    pub(crate) secrets: Mutex<Vec<String>>,
    /// Places that it was asked to connect to.
    pub(crate) places: Mutex<Vec<String>>,
    /// Lines and programs.
    pub(crate) lines: Mutex<Vec<String>>,
    /// Channels that the client closed.
    pub(crate) closed: AtomicUsize,
    /// Channels that it opened and the client accepted, and refused.
    pub(crate) accepted: AtomicUsize,
    pub(crate) refused: AtomicUsize,
}

impl Got {
    pub(crate) fn auth(&self) -> usize {
        self.auth.load(Ordering::SeqCst)
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

pub(crate) fn ed25519(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub(crate) fn ecdsa() -> PrivateKey {
    let curve = russh::keys::EcdsaCurve::NistP256;
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ecdsa { curve }).unwrap()
}

pub(crate) fn pin(key: &PrivateKey) -> String {
    key.public_key().to_openssh().unwrap()
}

impl Appliance {
    /// Serves on loopback until the runtime ends.
    pub(crate) async fn serve(self) -> (u16, Arc<Got>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Got::default());
        let config = Arc::new(Config {
            keys: self.keys.clone(),
            methods: MethodSet::from(&self.methods[..]),
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..Config::default()
        });
        let (appliance, gets) = (Arc::new(self), Arc::clone(&got));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                gets.connections.fetch_add(1, Ordering::SeqCst);
                let line = Line::new(Arc::clone(&appliance), Arc::clone(&gets));
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    if let Ok(running) = russh::server::run_stream(config, stream, line).await {
                        running.await.ok();
                    }
                });
            }
        });
        (port, got)
    }
}

/// One connection and its command line.
struct Line {
    appliance: Arc<Appliance>,
    got: Arc<Got>,
    round: usize,
    mode: &'static str,
    typed: String,
    asks: bool,
    paging: bool,
    pages: Vec<String>,
    /// Channels to elsewhere, whose bytes are nothing to a command line.
    forwarded: Vec<ChannelId>,
}

impl Line {
    fn new(appliance: Arc<Appliance>, got: Arc<Got>) -> Self {
        let typed = String::new();
        Self {
            appliance,
            got,
            round: 0,
            mode: " > ",
            typed,
            asks: false,
            paging: true,
            pages: Vec::new(),
            forwarded: Vec::new(),
        }
    }

    fn auth(&self) {
        self.got.auth.fetch_add(1, Ordering::SeqCst);
    }

    fn secret(&self, secret: &str) {
        self.got.secrets.lock().unwrap().push(secret.to_owned());
    }

    fn prompt(&self) -> String {
        format!("{}{}", self.appliance.prompt, self.mode)
    }

    fn say(&self, channel: ChannelId, text: &str, session: &mut Session) {
        let size = if self.appliance.chunk == 0 { text.len().max(1) } else { self.appliance.chunk };
        for chunk in text.as_bytes().chunks(size) {
            session.data(channel, chunk.to_vec()).unwrap();
        }
    }

    fn forever(channel: ChannelId, text: &[u8], session: &Session) {
        let (handle, text) = (session.handle(), text.repeat(20_000 / text.len()));
        tokio::spawn(async move { while handle.data(channel, text.clone()).await.is_ok() {} });
    }

    fn page(&mut self) -> String {
        let rest = self.pages.split_off(self.pages.len().min(2));
        let page: String = std::mem::replace(&mut self.pages, rest).concat();
        if self.pages.is_empty() { page + &self.prompt() } else { page + "lines 1-2" }
    }

    /// The answer to a line, echo included.
    fn answer(&mut self, line: &str) -> String {
        self.got.lines.lock().unwrap().push(line.to_owned());
        if std::mem::take(&mut self.asks) {
            self.secret(line);
            if self.appliance.trouble == Trouble::EchoesSecret {
                return format!("{line}\r\n");
            }
            if self.appliance.enable_password == Some(line) {
                self.mode = " # ";
                return format!("\r\n{}", self.prompt());
            }
            return format!("\r\n% Bad password\r\n{}", self.prompt());
        }
        let text = match line {
            "enable" if self.appliance.enable_password.is_some() => {
                self.asks = true;
                return "enable\r\nPassword: ".to_owned();
            }
            "enable" => {
                self.mode = " # ";
                String::new()
            }
            "no cli session paging enable" => {
                self.paging = self.appliance.trouble == Trouble::Pager;
                String::new()
            }
            command => self.appliance.answers.get(command).cloned().unwrap_or_else(|| {
                format!(
                    "% Unrecognized command \"{}\".\r\nType \"?\" for help.\r\n",
                    command.split(' ').next().unwrap()
                )
            }),
        };
        if self.paging && text.lines().count() > 2 {
            self.pages = text.split_inclusive('\n').map(str::to_owned).collect();
            return format!("{line}\r\n{}", self.page());
        }
        format!("{line}\r\n{text}{}", self.prompt())
    }

    fn troubled(&self, channel: ChannelId, line: &str, session: &mut Session) -> Result<bool, russh::Error> {
        if line == "enable" && self.appliance.trouble == Trouble::NoEnable {
            self.say(channel, "enable\r\n", session);
            return Ok(true);
        }
        if !line.starts_with("show ") {
            return Ok(false);
        }
        match self.appliance.trouble {
            Trouble::SilentAnswer => self.say(channel, &format!("{line}\r\n"), session),
            Trouble::EndlessAnswer => {
                self.say(channel, &format!("{line}\r\n"), session);
                Self::forever(channel, b"one more line of the answer\r\n", session);
            }
            Trouble::EndlessLine => {
                self.say(channel, &format!("{line}\r\n"), session);
                Self::forever(channel, &[b'x'; 1000], session);
            }
            Trouble::DropInAnswer => return Err(russh::Error::Disconnect),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Handler for Line {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        self.auth();
        Ok(Auth::reject())
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
        self.auth();
        self.secret(password);
        let taken = self.appliance.methods.contains(&MethodKind::Password) && password == self.appliance.password;
        if taken && self.appliance.trouble == Trouble::SecondFactor {
            let more = MethodSet::from(&[MethodKind::KeyboardInteractive][..]);
            return Ok(Auth::Reject { proceed_with_methods: Some(more), partial_success: true });
        }
        Ok(if taken { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey_offered(&mut self, _: &str, _: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        self.auth();
        Ok(Auth::reject())
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        self.auth();
        let answers: Vec<String> = response.into_iter().flatten().map(|b| String::from_utf8_lossy(&b).into()).collect();
        for answer in &answers {
            self.secret(answer);
        }
        let taken = self.appliance.methods.contains(&MethodKind::KeyboardInteractive);
        if !taken || answers.iter().any(|answer| answer != self.appliance.password) {
            return Ok(Auth::reject());
        }
        let Some(round) = self.appliance.rounds.get(self.round) else { return Ok(Auth::Accept) };
        self.round += 1;
        let prompts: Vec<(Cow<'static, str>, bool)> =
            round.iter().map(|(text, echo)| ((*text).into(), *echo)).collect();
        Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts: prompts.into() })
    }

    async fn authentication_banner(&mut self) -> Result<Option<String>, russh::Error> {
        Ok(self.appliance.banner.clone())
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Result<(), russh::Error> {
        match self.appliance.trouble {
            Trouble::CloseAfterAuth => return Err(russh::Error::Disconnect),
            Trouble::OpensChannels => {
                let (handle, got) = (session.handle(), Arc::clone(&self.got));
                tokio::spawn(async move {
                    let opened = [
                        handle.channel_open_session().await.is_ok(),
                        handle.channel_open_agent().await.is_ok(),
                        handle.channel_open_forwarded_tcpip("127.0.0.1", 80, "127.0.0.1", 1).await.is_ok(),
                        handle.channel_open_x11("127.0.0.1", 1).await.is_ok(),
                    ];
                    let accepted = opened.iter().filter(|opened| **opened).count();
                    got.accepted.fetch_add(accepted, Ordering::SeqCst);
                    got.refused.fetch_add(opened.len() - accepted, Ordering::SeqCst);
                });
            }
            _ => {}
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.appliance.trouble {
            Trouble::NoChannel => {}
            Trouble::LateChannel => drop(tokio::spawn(async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                reply.accept().await;
            })),
            _ => reply.accept().await,
        }
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.got.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.got.places.lock().unwrap().push(format!("{host}:{port}"));
        self.forwarded.push(channel.id());
        let (to, limit) = match self.appliance.forward {
            Forward::Never => return Ok(()),
            Forward::NoAnswer => {
                tokio::spawn(async move {
                    std::future::pending::<()>().await;
                    drop(reply);
                });
                return Ok(());
            }
            Forward::Silent => {
                reply.accept().await;
                tokio::spawn(async move {
                    let mut channel = channel;
                    while channel.wait().await.is_some() {}
                });
                return Ok(());
            }
            Forward::To(port) => (port, u64::MAX),
            Forward::Cut(port, bytes) => (port, bytes as u64),
        };
        let Ok(stream) = tokio::net::TcpStream::connect(("127.0.0.1", to)).await else {
            reply.reject(russh::ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        };
        reply.accept().await;
        let handle = session.handle();
        tokio::spawn(async move {
            let (from, mut into) = stream.into_split();
            let (mut up, mut down) = tokio::io::split(channel.into_stream());
            let there = tokio::spawn(async move { tokio::io::copy(&mut up, &mut into).await });
            tokio::io::copy(&mut from.take(limit), &mut down).await.ok();
            if limit < u64::MAX {
                handle.disconnect(russh::Disconnect::ByApplication, String::new(), String::new()).await.ok();
            }
            there.abort();
        });
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        match self.appliance.trouble {
            Trouble::NoShell => return session.channel_failure(channel),
            Trouble::CloseBeforePrompt => return session.close(channel),
            Trouble::EndlessGreeting => Self::forever(channel, b"welcome\r\n", session),
            Trouble::SilentShell => {}
            Trouble::NoPrompt => self.say(channel, "Set-up wizard\r\n\r\n", session),
            _ => self.say(channel, &format!("{}{}", self.appliance.greeting, self.prompt()), session),
        }
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        if matches!(self.appliance.trouble, Trouble::NoShell | Trouble::NoExec) {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        self.got.lines.lock().unwrap().push(command.clone());
        if self.troubled(channel, &command, session)? {
            return Ok(());
        }
        let text = self.appliance.answers.get(command.as_str()).cloned();
        self.say(channel, text.as_deref().unwrap_or("% Unrecognized command\r\n"), session);
        session.exit_status_request(channel, u32::from(text.is_none()))?;
        session.eof(channel)?;
        session.close(channel)
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Result<(), russh::Error> {
        if self.forwarded.contains(&channel) {
            return Ok(());
        }
        for byte in data {
            if !self.pages.is_empty() {
                let page = if *byte == b' ' { self.page() } else { self.prompt() };
                self.say(channel, &format!("\r\x1b[K{page}"), session);
            } else if *byte == b'\n' {
                let line = std::mem::take(&mut self.typed);
                if line == "exit" {
                    self.got.lines.lock().unwrap().push(line);
                    return session.close(channel);
                }
                if self.troubled(channel, &line, session)? {
                    self.got.lines.lock().unwrap().push(line);
                } else {
                    if self.appliance.trouble == Trouble::Unasked && line.starts_with("show ") {
                        self.say(channel, "\r\nWARNING: going down\r\nnx01 # ", session);
                    }
                    let answer = self.answer(&line);
                    self.say(channel, &answer, session);
                }
            } else {
                self.typed.push(char::from(*byte));
            }
        }
        Ok(())
    }
}
