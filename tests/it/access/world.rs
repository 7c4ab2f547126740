//! A seat, the way to it on loopback, and limits that a test can wait for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hoshu::access::{
    Access, AccessError, AccessLimits, Answer, Bastion, HopAt, Peer, Router, Session, ShownKey, SshAccess,
};
use hoshu::model::command::ReadCommand;
use hoshu::model::credential::{Login, LoginSecret};
use hoshu::model::inventory::{
    Algorithms, ApiPolicy, Channel, DataPath, Gateway, GatewayAccess, ProbeState, Probes, Seat, SeatCredentials,
    SnmpPolicy, SshPolicy, Supplier,
};
use hoshu::model::series::Series;

pub(crate) fn gateway() -> Gateway {
    let open = ProbeState::Yes;
    Gateway {
        name: "direct".parse().unwrap(),
        access: GatewayAccess::Unattended,
        hops: Vec::new(),
        probes: Probes { icmp: open, ssh: open, https: open, snmp: open, oob: open, switch: open, cm: open },
        sessions: 8,
    }
}

pub(crate) fn seat(algorithms: Algorithms, channel: Channel) -> Seat {
    Seat {
        name: "nx01".parse().unwrap(),
        customer: "acme".parse().unwrap(),
        site: "tokyo".parse().unwrap(),
        gateway: "direct".parse().unwrap(),
        series: Series::Nx,
        model: "NX2500".to_owned(),
        hostname: "nx01".to_owned(),
        address: Some("192.0.2.1".parse().unwrap()),
        serial: None,
        data_path: DataPath::Tap,
        peer: None,
        managed_by: None,
        virtual_machine: false,
        supplier: Supplier::Us,
        contract: None,
        window: None,
        credentials: SeatCredentials::default(),
        ssh: SshPolicy {
            port: 22,
            algorithms,
            legacy_until: None,
            channel,
            sessions: 1,
            hold_s: 0,
            questions: Vec::new(),
        },
        snmp: SnmpPolicy::default(),
        api: ApiPolicy::default(),
        notes: Vec::new(),
        declared_at: ("acme.yaml".to_owned(), 1),
    }
}

pub(crate) fn limits() -> AccessLimits {
    let seconds = Duration::from_secs;
    AccessLimits {
        connect: seconds(5),
        handshake: seconds(20),
        login: seconds(20),
        command: seconds(20),
        idle: seconds(10),
        keepalive: seconds(5),
        snmp: Duration::from_secs(5),
    }
}

/// A way to one seat.
pub(crate) struct Way {
    pub(crate) access: SshAccess,
    pub(crate) seat: Seat,
    pub(crate) gateway: Gateway,
    pub(crate) behind: Option<Bastion>,
}

impl Way {
    pub(crate) fn new(port: u16, algorithms: Algorithms, channel: Channel, limits: AccessLimits) -> Self {
        let seat = seat(algorithms, channel);
        let router = Router::Lab([(seat.name.clone(), port)].into_iter().collect());
        Self { access: SshAccess::new(router, limits), seat, gateway: gateway(), behind: None }
    }

    pub(crate) fn shell(port: u16) -> Self {
        Self::new(port, Algorithms::Modern, Channel::Shell, limits())
    }

    pub(crate) fn peer(&self) -> Peer<'_> {
        Peer { seat: &self.seat, gateway: &self.gateway, behind: self.behind.as_ref() }
    }

    /// A hop of the gateway, behind the last one that was entered.
    pub(crate) fn hop(&self, at: usize) -> HopAt<'_> {
        HopAt { customer: &self.seat.customer, gateway: &self.gateway, at, behind: self.behind.as_ref() }
    }

    /// Enters a hop: what is asked from here on is behind it.
    pub(crate) async fn enter(&mut self, at: usize, pins: &[String], login: &Login) -> Result<(), AccessError> {
        self.behind = Some(self.access.enter(self.hop(at), pins, login).await?);
        Ok(())
    }

    pub(crate) async fn show_key(&self) -> Result<ShownKey, AccessError> {
        self.access.show_key(self.peer()).await
    }

    pub(crate) async fn open(&self, pins: &[String], login: &Login) -> Result<Box<dyn Session>, AccessError> {
        self.access.open(self.peer(), pins, login).await
    }

    /// Opens a session, reads one command and closes it.
    pub(crate) async fn read(&self, pins: &[String], login: &Login, command: &str) -> Result<Answer, AccessError> {
        let mut session = self.open(pins, login).await?;
        let answer = session.read(&show(command), 1 << 20).await;
        session.close().await;
        answer
    }
}

pub(crate) fn show(command: &str) -> ReadCommand {
    ReadCommand::new(command).unwrap()
}

pub(crate) fn password(password: &str) -> Login {
    Login { user: "monitor".to_owned(), secret: LoginSecret::Password(password.into()), enable: None }
}

/// Runs a client on a runtime of its own and checks that it leaves no task behind there.
pub(crate) fn alone<T: Send + 'static>(client: impl Future<Output = T> + Send + 'static) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let result = runtime.block_on(client);
    let waited = Instant::now();
    while runtime.metrics().num_alive_tasks() > 0 {
        assert!(waited.elapsed() < Duration::from_secs(5), "a task was left behind");
        std::thread::park_timeout(Duration::from_millis(1));
    }
    result
}

/// Runs servers.
pub(crate) fn stage() -> Arc<tokio::runtime::Runtime> {
    Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}
