//! The bastions of a lab: one that forwards, and one that gives a shell or a menu, whose client is simulated with it.
//!
//! Invariant: a bastion leads to the units and hops behind its own gateway and nowhere else: the same address behind
//! another gateway is another unit.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty, SshId};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::client::Desk;
use super::keys;
use super::listener::Wire;
use crate::lab::error::LabError;
use crate::lab::hops::HopSpec;
use crate::lab::rack::{Place, Rack};
use crate::model::door::HopName;
use crate::model::inventory::{Algorithms, HopKind};
use crate::model::name::SeatName;

/// How long a bastion waits before it says that a login is refused.
const REJECTION: Duration = Duration::from_millis(20);
/// How long a connection may do nothing.
const IDLE: Duration = Duration::from_hours(1);
/// How long to wait before an accept that failed is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// Where everything of a lab listens, once it does.
#[derive(Debug, Default)]
pub(in crate::lab) struct Ports {
    pub(in crate::lab) units: BTreeMap<SeatName, u16>,
    pub(in crate::lab) hops: BTreeMap<HopName, u16>,
}

/// One bastion.
pub(in crate::lab) struct Bastion {
    pub(super) spec: HopSpec,
    rack: Arc<Rack>,
    ports: Arc<OnceLock<Ports>>,
    pub(super) wire: Wire,
}

/// A unit as the bastion's own network has it.
pub(super) struct Unit<'a> {
    pub(super) place: &'a Arc<Place>,
    pub(super) port: u16,
}

impl Unit<'_> {
    /// Whether a person means it by this host and port: its address behind the gateway, or where it listens in the lab.
    fn is_at(&self, host: &str, port: u32) -> bool {
        match host.parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => port == u32::from(self.port),
            Ok(address) => port == 22 && self.place.spec().address == Some(address),
            Err(_) => port == 22 && self.place.spec().hostname == host,
        }
    }
}

impl Bastion {
    pub(in crate::lab) fn new(spec: HopSpec, rack: Arc<Rack>, ports: Arc<OnceLock<Ports>>, wire: Wire) -> Self {
        Self { spec, rack, ports, wire }
    }

    /// The units behind it.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit<'_>> {
        self.spec
            .seats
            .iter()
            .filter_map(|seat| Some(Unit { place: self.rack.place(seat)?, port: *self.ports.get()?.units.get(seat)? }))
    }

    /// The unit behind it that stands at an address.
    pub(super) fn unit_at(&self, host: &str, port: u32) -> Option<Unit<'_>> {
        self.units().find(|unit| unit.is_at(host, port))
    }

    /// The port of the lab that a forward leads to.
    fn forward_to(&self, host: &str, port: u32) -> Option<u16> {
        if let Some(unit) = self.unit_at(host, port) {
            return Some(unit.port);
        }
        let hops = &self.ports.get()?.hops;
        let next = self.spec.next.iter().filter_map(|name| Some((name, *hops.get(name)?)));
        let loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let means =
            |name: &HopName, own: u16| (loopback && port == u32::from(own)) || name.place() == format!("{host}:{port}");
        next.filter(|(name, own)| means(name, *own)).map(|(_, own)| own).next()
    }

    fn is_account(&self, user: &str, password: &str) -> bool {
        user == self.spec.account.user && password == self.spec.account.password()
    }
}

/// Accepts connections to a bastion for ever.
pub(in crate::lab) async fn serve_bastion(bastion: Arc<Bastion>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(talk(Arc::clone(&bastion), stream))),
            // Out of descriptors, most likely: others close theirs meanwhile.
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

async fn talk(bastion: Arc<Bastion>, stream: TcpStream) {
    let name = bastion.spec.name.clone();
    let key = keys::hop_host_key(&name);
    let visitor = Visitor { bastion, knows_password: false };
    let served = async {
        stream.set_nodelay(true)?;
        russh::server::run_stream(Arc::new(config(key)), stream, visitor).await?.await
    };
    if let Err(error) = served.await {
        tracing::debug!(hop = %name, %error, "connection ended");
    }
}

fn config(key: PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard("SSH-2.0-OpenSSH_9.6".into()),
        methods: MethodSet::from(&[MethodKind::Password, MethodKind::KeyboardInteractive][..]),
        auth_rejection_time: REJECTION,
        auth_rejection_time_initial: Some(Duration::ZERO),
        max_auth_attempts: 6,
        preferred: keys::preferred(Algorithms::Modern, &key),
        keys: vec![key],
        inactivity_timeout: Some(IDLE),
        nodelay: true,
        ..Config::default()
    }
}

/// Binds the port of a bastion.
pub(in crate::lab) async fn bind_bastion(name: &HopName, address: SocketAddr) -> Result<TcpListener, LabError> {
    TcpListener::bind(address).await.map_err(|source| LabError::Listen { seat: name.to_string(), address, source })
}

/// One connection to a bastion.
struct Visitor {
    bastion: Arc<Bastion>,
    /// The password was right, and the one-time password is asked for.
    knows_password: bool,
}

impl Visitor {
    /// As OpenSSH does, the same methods are offered again.
    fn refuse(&self) -> Auth {
        let method = if self.bastion.spec.one_time { MethodKind::KeyboardInteractive } else { MethodKind::Password };
        Auth::Reject { proceed_with_methods: Some(MethodSet::from(&[method][..])), partial_success: false }
    }

    fn accepted(&self, yes: bool) -> Auth {
        if yes { Auth::Accept } else { self.refuse() }
    }
}

fn one_question(question: &'static str) -> Auth {
    Auth::Partial { name: "".into(), instructions: "".into(), prompts: vec![(question.into(), false)].into() }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let spec = &self.bastion.spec;
        Ok(self.accepted(!spec.one_time && self.bastion.is_account(user, password)))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        if !self.bastion.spec.one_time {
            return Ok(self.refuse());
        }
        let Some(mut answers) = response else {
            self.knows_password = false;
            return Ok(one_question("Password: "));
        };
        let answer = answers.next().map(|answer| String::from_utf8_lossy(&answer).into_owned()).unwrap_or_default();
        if !std::mem::take(&mut self.knows_password) {
            self.knows_password = self.bastion.is_account(user, &answer);
            return Ok(if self.knows_password { one_question("One-time password: ") } else { self.refuse() });
        }
        let spec = &self.bastion.spec;
        Ok(self.accepted(self.bastion.rack.tokens().take(&spec.way, &answer)))
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let to = self.bastion.forward_to(host, port).filter(|_| self.bastion.spec.kind == HopKind::SshForward);
        let Some(to) = to else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        tokio::spawn(async move {
            let Ok(mut there) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
                reply.reject(ChannelOpenFailure::ConnectFailed).await;
                return;
            };
            drop(there.set_nodelay(true));
            reply.accept().await;
            // Whichever end breaks, the other hears of it by the end of this task.
            drop(copy_bidirectional(&mut channel.into_stream(), &mut there).await);
        });
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.bastion.spec.kind != HopKind::SshNested {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        }
        reply.accept().await;
        tokio::spawn(Desk::new(Arc::clone(&self.bastion), channel).run());
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
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn exec_request(&mut self, channel: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        if self.bastion.spec.menu {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)
    }
}
