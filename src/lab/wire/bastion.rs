//! The bastions of a lab: one that forwards, and one that gives a shell or a menu, whose client is simulated with it.

use std::sync::Arc;
use std::time::Duration;

use russh::keys::PrivateKey;
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty, SshId};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use super::client::Desk;
use super::hop::{Hop, connect};
use super::keys;
use crate::model::inventory::{Algorithms, HopKind};

/// How long a bastion waits before it says that a login is refused.
const REJECTION: Duration = Duration::from_millis(20);
/// How long a connection may do nothing.
const IDLE: Duration = Duration::from_hours(1);
/// Talks SSH with whoever connected.
pub(super) async fn talk(bastion: Arc<Hop>, stream: TcpStream) {
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

/// One connection to a bastion.
struct Visitor {
    bastion: Arc<Hop>,
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
            let Ok(mut there) = connect(to).await else {
                reply.reject(ChannelOpenFailure::ConnectFailed).await;
                return;
            };
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
