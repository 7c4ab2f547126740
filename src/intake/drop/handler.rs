//! One connection to the drop: who logs in, and what is asked for then. It says no to everything but one push.

use std::sync::{Arc, Mutex, PoisonError};

use russh::server::{Auth, ChannelOpenHandle, Handle, Handler, Msg, Session};
use russh::{Channel, ChannelId, MethodKind, MethodSet, Pty};
use tokio::sync::watch;

use super::gate::Waiting;
use super::receive::{Job, Refusals, told};
use super::ticket::{Claim, Tickets};
use super::{DropFault, scp, sftp};
use crate::model::name::SeatName;
use crate::model::outside::Outside;

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// Nobody has logged in.
    Waiting,
    /// Somebody has.
    LoggedIn,
    /// A file comes.
    Moving,
    /// There is nothing more to do.
    Over,
}

/// A claim that nobody works on yet. A connection that ends with it fails the ticket.
#[derive(Default)]
struct Unused(Mutex<Option<Claim>>);

impl Unused {
    fn take(&self) -> Option<Claim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) struct Connection {
    tickets: Arc<Tickets>,
    refusals: Refusals,
    /// Counts the connection until somebody logs in.
    waiting: Option<Waiting>,
    stage: Arc<watch::Sender<Stage>>,
    claim: Unused,
    seat: Option<SeatName>,
    channel: Option<Channel<Msg>>,
    opened: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            drop(claim.done.send(Err(DropFault::Cut(0))));
        }
        self.stage.send_modify(|stage| {
            if *stage != Stage::Moving {
                *stage = Stage::Over;
            }
        });
    }
}

enum Asked {
    Scp(Vec<u8>),
    Sftp,
}

impl Connection {
    pub(super) fn new(
        tickets: Arc<Tickets>,
        refusals: Refusals,
        waiting: Option<Waiting>,
        stage: Arc<watch::Sender<Stage>>,
    ) -> Self {
        let claim = Unused::default();
        Self { tickets, refusals, waiting, stage, claim, seat: None, channel: None, opened: false }
    }

    /// Refuses what was asked for. The ticket is used up: it takes one file, and this was none.
    fn refuse(&self, what: impl Into<Outside>) {
        let what = what.into();
        self.refusals.tell(self.seat.as_ref(), what.clone());
        if let Some(claim) = self.claim.take() {
            drop(claim.done.send(Err(DropFault::Refused(what))));
        }
    }

    fn start(&mut self, id: ChannelId, asked: Asked, session: &Session) -> bool {
        let Some(claim) = self.claim.take() else { return false };
        let Some(channel) = self.channel.take().filter(|channel| channel.id() == id) else {
            drop(claim.done.send(Err(DropFault::Protocol("no channel was open"))));
            return false;
        };
        let job = Job::new(claim, self.refusals.clone(), self.tickets.limits.idle);
        self.stage.send_replace(Stage::Moving);
        tokio::spawn(work(channel, job, asked, session.handle(), Arc::clone(&self.stage)));
        true
    }
}

/// Takes the file, and says goodbye.
async fn work(channel: Channel<Msg>, mut job: Job, asked: Asked, handle: Handle, stage: Arc<watch::Sender<Stage>>) {
    let id = channel.id();
    let mut stream = channel.into_stream();
    let kept = match asked {
        Asked::Scp(path) => scp::take(&mut stream, &mut job, &path).await,
        Asked::Sftp => sftp::take(&mut stream, &mut job).await,
    };
    handle.exit_status_request(id, u32::from(!kept)).await.ok();
    handle.eof(id).await.ok();
    handle.close(id).await.ok();
    stage.send_replace(Stage::Over);
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        match self.tickets.log_in(user, password, self.refusals.source) {
            Ok(claim) => {
                self.seat = Some(claim.seat.clone());
                self.claim = Unused(Mutex::new(Some(claim)));
                self.waiting = None;
                self.stage.send_replace(Stage::LoggedIn);
                Ok(Auth::Accept)
            }
            Err(seat) => {
                self.refusals.tell(seat.as_ref(), "a login");
                let methods = Some(MethodSet::from(&[MethodKind::Password][..]));
                Ok(Auth::Reject { proceed_with_methods: methods, partial_success: false })
            }
        }
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if std::mem::replace(&mut self.opened, true) {
            self.refusals.tell(self.seat.as_ref(), "a second channel");
            return Ok(());
        }
        reply.accept().await;
        self.channel = Some(channel);
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        self.refuse(format!("a connection to {}:{port}", told(host.as_bytes()).for_terminal()));
        Ok(())
    }

    async fn tcpip_forward(&mut self, _: &str, _: &mut u32, _: &mut Session) -> Result<bool, Self::Error> {
        self.refuse("a port to listen on");
        Ok(false)
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
        self.refusals.tell(self.seat.as_ref(), "a terminal");
        session.channel_failure(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.refusals.tell(self.seat.as_ref(), "X11");
        session.channel_failure(channel)
    }

    async fn agent_request(&mut self, _: ChannelId, _: &mut Session) -> Result<bool, Self::Error> {
        self.refusals.tell(self.seat.as_ref(), "an agent");
        Ok(false)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.refuse("a shell");
        session.channel_failure(channel)?;
        self.stage.send_replace(Stage::Over);
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(path) = scp::sink_path(command)
            && self.start(channel, Asked::Scp(path.to_vec()), session)
        {
            return session.channel_success(channel);
        }
        self.refuse(format!("the command {}", told(command).for_terminal()));
        session.channel_failure(channel)?;
        self.stage.send_replace(Stage::Over);
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if name == "sftp" && self.start(channel, Asked::Sftp, session) {
            return session.channel_success(channel);
        }
        self.refuse(format!("the subsystem {}", told(name.as_bytes()).for_terminal()));
        session.channel_failure(channel)?;
        self.stage.send_replace(Stage::Over);
        Ok(())
    }
}
