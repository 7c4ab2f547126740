//! What depends on time, over the simulated units without sockets and with a clock that only the test moves.

#![cfg(test)]

use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hoshu::access::Peer;
use hoshu::cli::init::{Fleet, write};
use hoshu::decide::finding::Rules;
use hoshu::depot::Depot;
use hoshu::engine::brake::Gate;
use hoshu::engine::clock::Clock;
use hoshu::engine::env::Env;
use hoshu::engine::event::{Silent, Stop};
use hoshu::engine::keys::Keys;
use hoshu::engine::lane::Lanes;
use hoshu::engine::poll::{self, Wanted};
use hoshu::engine::session::Kept;
use hoshu::engine::way::Ways;
use hoshu::inventory::{load, load_settings};
use hoshu::lab::direct::{Direct, still_clock};
use hoshu::lab::rack::Rack;
use hoshu::lab::unit::SpecDefaults;
use hoshu::lab::{Fault, Twins, from_inventory, secret_file};
use hoshu::model::actor::{Act, Actor, Scope};
use hoshu::model::asset::KeyHolder;
use hoshu::model::finding::{Finding, FindingState};
use hoshu::model::name::SeatName;
use hoshu::model::reading::{ComponentKind, Condition, Tier};
use hoshu::model::time::Time;
use hoshu::readout::Definitions;
use hoshu::secret::SecretStore;
use hoshu::store::{FindingFilter, Store, StoreUrl};

pub(crate) const MINUTE: i64 = 60_000;

struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// The example fleet without sockets, of which one seat's host key is accepted.
pub(crate) struct World {
    pub(crate) env: Env,
    hand: Arc<AtomicI64>,
    pub(crate) rack: Arc<Rack>,
    seat: SeatName,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn with(seat: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        write(dir, Fleet::Example).unwrap();
        let settings = load_settings(&dir.join("hoshu.yaml")).unwrap().settings;
        let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let inventory = load(&settings.inventory, today).unwrap().inventory;
        let fleet = from_inventory(&inventory);
        std::fs::create_dir_all(dir.join("lab/secrets")).unwrap();
        for account in fleet.iter().flat_map(|spec| &spec.accounts) {
            let path = secret_file(&dir.join("lab"), &account.credential);
            let mut file =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
            std::io::Write::write_all(&mut file, account.password().as_bytes()).unwrap();
        }
        let start = Time::from_ms(1_795_453_200_000);
        let (lab_clock, hand) = still_clock(start);
        let rack = Arc::new(Rack::new(fleet, SpecDefaults { configuration_bytes: 4_000 }, &lab_clock));
        let store = Store::open(&StoreUrl::Sqlite(dir.join("data/hoshu.db")), settings.realm, start).unwrap();
        let env = Env {
            clock: Arc::new(Hand(Arc::clone(&hand))),
            depot: Arc::new(Depot::open(&settings.depot).unwrap()),
            keys: Arc::new(Keys::new(&settings)),
            access: Arc::new(Direct::new(Arc::clone(&rack))),
            twin: Arc::new(Twins::default()),
            secrets: Arc::new(SecretStore::new(
                settings.credentials.clone(),
                None,
                Arc::new(Keys::new(&settings)),
                false,
            )),
            inventory: Arc::new(inventory),
            definitions: Arc::new(Definitions::embedded().unwrap()),
            rules: Arc::new(Rules::default()),
            lanes: Arc::new(Lanes::new(&settings.limits)),
            gate: Arc::new(Gate::load(store.clone()).await.unwrap()),
            kept: Arc::new(Kept::default()),
            ways: Arc::new(Ways::default()),
            settings: Arc::new(settings),
            reporter: Arc::new(Silent),
            stop: Stop::default(),
            store,
        };
        let world = Self { env, hand, rack, seat: seat.parse().unwrap(), _folder: folder };
        world.accept_key(&world.seat).await;
        world
    }

    pub(crate) async fn accept_key(&self, seat: &SeatName) {
        let seat = &self.env.inventory.seats[seat];
        let gateway = self.env.inventory.gateway(seat).unwrap();
        let shown = self.env.access.show_key(Peer { seat, gateway, behind: None }).await.unwrap();
        let now = self.env.clock.now();
        let store = &self.env.store;
        let asset = store.asset_register(seat.customer.clone(), seat.name.clone(), None, now).await.unwrap();
        let audit = |act| Actor::itself().did(now, act, "test", &serde_json::json!({"v": 1}));
        let id = store
            .host_key_seen(
                KeyHolder::Asset(asset),
                shown.algorithm,
                shown.fingerprint,
                shown.public_key,
                audit(Act::HostKeySeen),
            )
            .await
            .unwrap();
        store.host_key_accept(id, "console".to_owned(), audit(Act::HostKeyAccepted)).await.unwrap();
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.hand.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        self.rack.place(&self.seat).unwrap().mend(None);
    }

    /// Polls with every tier and gives what was seen.
    pub(crate) async fn look(&self) -> Vec<hoshu::model::reading::Reading> {
        let wanted = Wanted::Tiers(vec![Tier::Pulse, Tier::Detail]);
        let polled = poll::run(&self.env, std::slice::from_ref(&self.seat), &wanted).await.unwrap();
        polled.into_iter().next().unwrap().poll.readings
    }

    pub(crate) fn break_by(&self, fault: Fault) {
        self.rack.place(&self.seat).unwrap().break_by(fault, None);
    }

    /// Polls what is due and says which tiers were read.
    pub(crate) async fn poll(&self) -> Vec<Tier> {
        let polled = poll::run(&self.env, std::slice::from_ref(&self.seat), &Wanted::Due).await.unwrap();
        polled.into_iter().next().map(|one| one.poll.tiers).unwrap_or_default()
    }

    pub(crate) async fn finding(&self, kind: ComponentKind) -> Option<Finding> {
        let filter = FindingFilter { seats: Some(vec![self.seat.clone()]), open_only: false };
        let all = self.env.store.scoped(Scope::House).finding_list(filter).await.unwrap();
        all.into_iter().find(|finding| finding.component.kind == kind)
    }

    fn sessions(&self) -> u64 {
        self.rack.place(&self.seat).unwrap().show().sessions_ever
    }
}

#[tokio::test]
async fn a_silent_seat_is_hard_after_three_polls_and_five_minutes_and_ends_by_answers() {
    let world = World::with("acme-nx01").await;
    world.poll().await;
    world.break_by(Fault::Silent);
    for minute in 1..=6 {
        world.pass(MINUTE);
        world.poll().await;
        let found = world.finding(ComponentKind::Reach).await.unwrap();
        let expected = if minute < 6 { FindingState::Soft } else { FindingState::Hard };
        assert_eq!((found.state, found.count), (expected, minute), "minute {minute}");
    }
    world.rack.place(&world.seat).unwrap().mend(None);
    for expected in [FindingState::Hard, FindingState::Ended] {
        world.pass(MINUTE);
        world.poll().await;
        assert_eq!(world.finding(ComponentKind::Reach).await.unwrap().state, expected);
    }
}

#[tokio::test]
async fn each_tier_is_read_when_its_time_has_come_and_missed_turns_once() {
    let world = World::with("acme-nx01").await;
    assert_eq!(world.poll().await, Tier::ALL);
    assert_eq!(world.poll().await, [], "nothing is due twice");
    world.pass(MINUTE);
    assert_eq!(world.poll().await, [Tier::Pulse]);
    world.pass(10 * MINUTE);
    assert_eq!(world.poll().await, [Tier::Pulse, Tier::Detail]);
    world.pass(3 * 24 * 60 * MINUTE);
    assert_eq!(world.poll().await, Tier::ALL, "three days of missed turns are caught up once");
    assert_eq!(world.poll().await, []);
}

#[tokio::test]
async fn a_changed_pulse_is_looked_at_at_once() {
    let world = World::with("acme-nx01").await;
    world.poll().await;
    world.break_by(Fault::PsuFailed);
    world.pass(MINUTE);
    assert_eq!(world.poll().await, [Tier::Pulse, Tier::Detail], "the pulse changed, so that detail follows");
    assert!(world.finding(ComponentKind::Psu).await.is_some(), "the part is named, not only the power as a whole");
    // A power supply is believed after two polls and ten minutes.
    for minute in 1..=10 {
        world.pass(MINUTE);
        world.poll().await;
        let power = world.finding(ComponentKind::Power).await.unwrap();
        let expected = if minute < 10 { FindingState::Soft } else { FindingState::Hard };
        assert_eq!(power.state, expected, "minute {minute}");
    }
}

#[tokio::test]
async fn a_change_that_nobody_saved_is_a_finding_until_it_is_saved() {
    let world = World::with("acme-nx01").await;
    let place = world.rack.place(&world.seat).unwrap();
    world.poll().await;
    assert!(world.finding(ComponentKind::Configuration).await.is_none());
    place.change("ntp server 192.0.2.77").unwrap();
    place.change("hostname nx01-renamed").unwrap();
    // Only the slow tier looks.
    world.pass(10 * MINUTE);
    assert_eq!(world.poll().await, [Tier::Pulse, Tier::Detail]);
    assert!(world.finding(ComponentKind::Configuration).await.is_none());
    for (state, count) in [(FindingState::Soft, 1), (FindingState::Hard, 2)] {
        world.pass(6 * 60 * MINUTE);
        world.poll().await;
        let found = world.finding(ComponentKind::Configuration).await.unwrap();
        assert_eq!((found.state, found.count, found.condition), (state, count, Condition::Warning));
        let said = "2 lines differ: Other IP configuration 1, Time/NTP configuration 1";
        assert_eq!((found.component.name.as_data(), found.said.as_data()), ("saved", said));
    }
    place.change("write memory").unwrap();
    world.pass(6 * 60 * MINUTE);
    world.poll().await;
    assert_eq!(world.finding(ComponentKind::Configuration).await.unwrap().state, FindingState::Ended);
    // A text that is cut says nothing about whether it is saved.
    place.break_by(Fault::TruncatedConfig, None);
    world.pass(6 * 60 * MINUTE);
    world.poll().await;
    let found = world.finding(ComponentKind::Configuration).await.unwrap();
    assert_eq!((found.condition, found.state), (Condition::Malformed, FindingState::Soft), "{found:?}");
}

#[tokio::test]
async fn a_kept_session_serves_until_its_time_is_over() {
    let world = World::with("acme-fx01").await;
    world.poll().await;
    let first = world.sessions();
    for _ in 0..4 {
        world.pass(MINUTE);
        world.poll().await;
    }
    assert_eq!(world.sessions(), first, "each poll keeps it for five minutes more");
    world.pass(6 * MINUTE);
    world.poll().await;
    assert_eq!(world.sessions(), first + 1);
    world.env.kept.close_all().await;
    assert_eq!(world.rack.place(&world.seat).unwrap().show().sessions_open, 0);
}

#[tokio::test]
async fn a_kept_session_gives_way_to_the_configuration_of_a_seat_that_fails() {
    let world = World::with("acme-fx01").await;
    hoshu::service::key::init(&world.env, &Actor::itself()).await.unwrap();
    world.poll().await;
    let unit = || world.rack.place(&world.seat).unwrap().show();
    assert_eq!(unit().sessions_open, 1, "kept");
    world.break_by(Fault::FanFailed);
    world.pass(MINUTE);
    let before = unit().sessions_ever;
    assert_eq!(world.poll().await, [Tier::Pulse, Tier::Detail]);
    assert_eq!((unit().sessions_open, unit().sessions_ever), (0, before + 1), "never two at a time");
    let last = world.env.rows().backup_last_good(std::slice::from_ref(&world.seat)).await.unwrap();
    assert!(last.contains_key(&world.seat), "in the poll that saw it first");
    world.pass(MINUTE);
    world.poll().await;
    assert_eq!(unit().sessions_ever, before + 2, "a poll alone");
}

#[tokio::test]
async fn a_kept_session_that_broke_is_opened_anew_and_blames_nobody() {
    let world = World::with("acme-fx01").await;
    world.poll().await;
    let first = world.sessions();
    world.rack.place(&world.seat).unwrap().break_by(Fault::DropMidCommand, Some(1));
    world.pass(MINUTE);
    assert_eq!(world.poll().await, [Tier::Pulse]);
    assert_eq!(world.sessions(), first + 1);
    assert!(world.finding(ComponentKind::Reach).await.is_none());
}
