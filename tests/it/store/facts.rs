//! What is written comes back, and what contradicts is refused.

use hoshu::depot::{Depot, KeyError, Keyring, NewObject, root_create};
use hoshu::model::actor::{Act, Scope};
use hoshu::model::asset::{KeyHolder, KeyState};
use hoshu::model::backup::Grade;
use hoshu::model::backup_event::{BackupEvent, Learned};
use hoshu::model::finding::FindingState;
use hoshu::model::identity::Seen;
use hoshu::model::object::{ObjectKind, ObjectPlace, OpenPurpose};
use hoshu::model::outside::Outside;
use hoshu::model::reading::{Component, ComponentKind, Condition, Outcome, Tier, Unit};
use hoshu::model::realm::Realm;
use hoshu::model::record::{Brake, BrakeState, SpanChange};
use hoshu::model::settings::RootSource;
use hoshu::store::{BackupFilter, BackupObject, FindingFilter, StoreError};

use super::place::{NOW, Place, on_both};
use super::world::{
    audit, backup, celsius, customer, disk, finding, house, kept, new_object, opened, poll, sealed, seat,
};

async fn a_revoked_key_is_never_accepted_again(place: Place) {
    let store = place.open();
    let first = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let second = store.asset_register(customer("twin"), seat("nx02"), None, NOW).await.unwrap();
    let show = |asset: hoshu::model::id::AssetId, key: &'static str| {
        let record = audit(Act::HostKeySeen, key);
        store.host_key_seen(KeyHolder::Asset(asset), "ssh-ed25519".into(), format!("SHA256:{key}"), key.into(), record)
    };
    let accept = |id| store.host_key_accept(id, "console".into(), audit(Act::HostKeyAccepted, "key"));
    let key = show(first, "AAAA").await.unwrap();
    assert_eq!(show(first, "AAAA").await.unwrap(), key, "a key is noted once");
    assert!(house(&store).host_key_pins(&[seat("nx01")]).await.unwrap().is_empty(), "seen is not accepted");
    accept(key).await.unwrap();
    accept(key).await.unwrap();
    assert_eq!(house(&store).host_key_pins(&[seat("nx01")]).await.unwrap()[&seat("nx01")], ["AAAA"]);
    let changed = show(first, "BBBB").await.unwrap();
    assert!(matches!(accept(changed).await, Err(StoreError::Contradiction { .. })), "the old key stands");

    store.host_key_revoke(key, audit(Act::HostKeyRevoked, "key")).await.unwrap();
    assert!(house(&store).host_key_pins(&[seat("nx01")]).await.unwrap().is_empty());
    assert!(matches!(accept(key).await, Err(StoreError::Contradiction { .. })));
    let elsewhere = show(second, "AAAA").await.unwrap();
    assert!(matches!(accept(elsewhere).await, Err(StoreError::Contradiction { .. })), "in another seat");
    accept(changed).await.unwrap();

    let keys = house(&store).host_key_list(None).await.unwrap();
    let states: Vec<(String, &str, KeyState)> =
        keys.iter().map(|key| (key.door.to_string(), key.public_key.as_str(), key.state)).collect();
    let expected = [
        ("nx01".to_owned(), "AAAA", KeyState::Revoked),
        ("nx01".to_owned(), "BBBB", KeyState::Accepted),
        ("nx02".to_owned(), "AAAA", KeyState::Seen),
    ];
    assert_eq!(states, expected);
    assert_eq!(keys[1].route.as_deref(), Some("console"));
    assert_eq!(keys[1].decided, Some(("mika".to_owned(), NOW)));
    let acts: Vec<_> =
        house(&store).audit_list(None, 100).await.unwrap().iter().rev().map(|record| record.act).collect();
    let (seen, accepted, revoked) = (Act::HostKeySeen, Act::HostKeyAccepted, Act::HostKeyRevoked);
    assert_eq!(acts, [Act::StoreMade, seen, accepted, seen, revoked, seen, accepted]);
}

async fn a_hop_has_keys_of_its_own(place: Place) {
    let store = place.open();
    let hop = |name: &str| KeyHolder::Hop(name.parse().unwrap());
    let show = |holder, key: &'static str| {
        let record = audit(Act::HostKeySeen, key);
        store.host_key_seen(holder, "ssh-ed25519".into(), format!("SHA256:{key}"), key.into(), record)
    };
    let accept = |id| store.host_key_accept(id, "console".into(), audit(Act::HostKeyAccepted, "key"));
    let pins = async |name: &str| house(&store).hop_pins(&name.parse().unwrap()).await.unwrap();
    let (here, there) = ("acme/office/10.0.0.1:22", "acme/yard/10.0.0.1:22");
    let key = show(hop(here), "AAAA").await.unwrap();
    assert_eq!(show(hop(here), "AAAA").await.unwrap(), key, "a key is noted once");
    assert_ne!(show(hop(there), "AAAA").await.unwrap(), key, "behind another gateway it is another machine");
    assert!(pins(here).await.is_empty(), "seen is not accepted");
    accept(key).await.unwrap();
    assert_eq!((pins(here).await, pins(there).await), (vec!["AAAA".to_owned()], vec![]));
    let changed = show(hop(here), "BBBB").await.unwrap();
    assert!(matches!(accept(changed).await, Err(StoreError::Contradiction { .. })), "the old key stands");
    store.host_key_revoke(key, audit(Act::HostKeyRevoked, "key")).await.unwrap();
    assert!(pins(here).await.is_empty());
    accept(changed).await.unwrap();
    // Revoked at a hop is revoked for an appliance too.
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let elsewhere = show(KeyHolder::Asset(asset), "AAAA").await.unwrap();
    assert!(matches!(accept(elsewhere).await, Err(StoreError::Contradiction { .. })));
    let doors: Vec<_> =
        house(&store).host_key_list(None).await.unwrap().iter().map(|key| key.door.to_string()).collect();
    assert_eq!(doors, ["nx01", here, here, there]);
    assert_eq!(house(&store).host_key_list(Some(&there.parse().unwrap())).await.unwrap().len(), 1);
    let twin = Scope::Customers(vec![customer("twin")]);
    assert!(store.scoped(twin).host_key_list(None).await.unwrap().is_empty(), "another customer's");
}

async fn an_asset_keeps_what_it_once_said(place: Place) {
    let store = place.open();
    let asset = store.asset_register(customer("acme"), seat("nx01"), Some("S1".into()), NOW).await.unwrap();
    assert_eq!(store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap(), asset);
    assert!(store.asset_register(customer("twin"), seat("nx01"), None, NOW).await.is_err());
    let seen = |serial: &str, release: &str| Seen {
        serial: Some(serial.into()),
        product: Some("Web MPS".into()),
        model: Some("FireEyeNX2500".into()),
        appliance_id: None,
        release: Some(release.into()),
    };
    let identify = |asset, seen| store.asset_identify(asset, seen, audit(Act::AssetIdentified, "nx01"));
    identify(asset, seen("S1", "9.1.0")).await.unwrap();
    identify(asset, seen("S1", "9.1.1")).await.unwrap();
    assert!(matches!(identify(asset, seen("S2", "9.1.2")).await, Err(StoreError::Contradiction { .. })));
    let known = house(&store).asset_of_seat(&seat("nx01")).await.unwrap().unwrap();
    assert_eq!(known.serial, Some("S1".into()));
    assert_eq!(known.release, Some(("9.1.1".into(), NOW)));
    let twin = store.asset_register(customer("acme"), seat("nx02"), None, NOW).await.unwrap();
    let refused = identify(twin, seen("S1", "9.1.0")).await;
    assert!(matches!(refused, Err(StoreError::Contradiction { .. })), "the same hardware twice: {refused:?}");
}

async fn equal_readings_grow_into_one_span(place: Place) {
    let store = place.open();
    let at = |minute: i64| NOW.plus_ms(minute * 60_000);
    let extend = |component: Component, at| SpanChange::Extend { component, last_at: at };
    let nul = "Onl\0ine";
    for minute in 0..10 {
        let mut record = poll("acme", "nx01", at(minute));
        record.spans = match minute {
            0 => vec![opened(disk(0), Condition::Good, nul, at(0)), opened(disk(1), Condition::Good, "ok", at(0))],
            5 => vec![opened(disk(0), Condition::Bad, "Failed", at(5)), extend(disk(1), at(5))],
            _ => vec![extend(disk(0), at(minute)), extend(disk(1), at(minute)), extend(disk(9), at(minute))],
        };
        record.samples = vec![celsius(20 + minute)];
        store.observe(record).await.unwrap();
        if minute == 3 {
            store.flush().await.unwrap();
        }
    }
    store.flush().await.unwrap();
    let history = house(&store).span_history(&seat("nx01"), at(0), at(99)).await.unwrap();
    let shown: Vec<_> = history
        .iter()
        .map(|span| (span.component.name.as_data(), span.condition, span.first_at, span.last_at, span.polls))
        .collect();
    let expected = [
        ("0", Condition::Good, at(0), at(4), 5),
        ("1", Condition::Good, at(0), at(9), 10),
        ("0", Condition::Bad, at(5), at(9), 5),
    ];
    assert_eq!(shown, expected);
    assert_eq!(house(&store).span_history(&seat("nx01"), at(6), at(6)).await.unwrap().len(), 2);
    let open = house(&store).span_open(&[seat("nx01"), seat("nx99")]).await.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(open[&seat("nx01")].len(), 2);

    let temperature = Component::only(ComponentKind::Temperature);
    let series = house(&store).series(&seat("nx01"), temperature, Unit::Celsius, at(1), at(8)).await.unwrap();
    let degrees: Vec<_> = series.iter().map(|point| point.mean.milli / 1000).collect();
    assert_eq!(degrees, (21..=28).collect::<Vec<_>>());
}

async fn polls_are_remembered(place: Place) {
    let store = place.open();
    let at = |minute: i64| NOW.plus_ms(minute * 60_000);
    let mut first = poll("acme", "nx01", at(0));
    first.tiers = Tier::ALL.to_vec();
    let mut last = poll("acme", "nx01", at(70));
    (last.tiers, last.outcome, last.reason) = (vec![], Outcome::TimedOut, "connect".into());
    for record in [first, poll("acme", "nx01", at(1)), last] {
        store.observe(record).await.unwrap();
        store.flush().await.unwrap();
    }
    let known = house(&store).poll_last(&[seat("nx01")]).await.unwrap().remove(&seat("nx01")).unwrap();
    assert_eq!((known.at, known.outcome, known.reason), (at(70), Outcome::TimedOut, Outside::from("connect")));
    assert_eq!((known.pulse_at, known.detail_at, known.slow_at), (Some(at(1)), Some(at(0)), Some(at(0))));
    let history = house(&store).poll_history(&seat("nx01"), at(0), at(100)).await.unwrap();
    let shown: Vec<_> = history.iter().map(|point| (point.at, point.outcome, point.tiers.len())).collect();
    let answered = Outcome::Answered;
    assert_eq!(shown, [(at(0), answered, 3), (at(1), answered, 1), (at(70), Outcome::TimedOut, 0)]);
    assert!(history.iter().all(|point| (400..=440).contains(&point.took_ms)), "{history:?}");
}

async fn a_component_has_one_open_finding(place: Place) {
    let store = place.open();
    let hand_in = async |finding| {
        let mut record = poll("acme", "nx01", NOW);
        record.findings = vec![finding];
        store.observe(record).await.unwrap();
    };
    hand_in(finding("acme", "nx01", "once")).await;
    hand_in(finding("acme", "nx01", "twice")).await;
    store.flush().await.unwrap();
    let mut known = house(&store).finding_open(&[seat("nx01")]).await.unwrap().remove(&seat("nx01")).unwrap();
    assert_eq!(known.len(), 1);
    let mut ended = known.remove(0);
    assert_eq!(ended.said, "twice".into());
    (ended.state, ended.ended_at, ended.good_count) = (FindingState::Ended, Some(NOW), 2);
    hand_in(ended.clone()).await;
    hand_in(finding("acme", "nx01", "again")).await;
    store.flush().await.unwrap();
    let open_only = FindingFilter { open_only: true, seats: None };
    assert_eq!(house(&store).finding_list(open_only).await.unwrap().len(), 1);
    let all = house(&store).finding_list(FindingFilter::default()).await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.contains(&ended));

    // A finding of another customer's id changes nothing, and the caller hears of it.
    let foreign = hoshu::model::finding::Finding { customer: customer("twin"), ..ended.clone() };
    hand_in(foreign).await;
    assert!(matches!(store.flush().await, Err(StoreError::Unknown(_))));
    assert!(store.flush().await.is_ok(), "it is said once");
}

async fn a_backup_comes_with_its_object_and_its_audit(place: Place) {
    let store = place.open();
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let record = || audit(Act::BackupTaken, "nx01");
    let good = backup("acme", "nx01", asset, Grade::Taken);
    let first = store.backup_add(good.clone(), new_object("acme", "nx01", b"one"), record()).await.unwrap();
    let known = house(&store).backup_get(first).await.unwrap().unwrap();
    assert_eq!(known, hoshu::model::backup::Backup { id: Some(first), object: known.object, ..good.clone() });
    assert_eq!(house(&store).object_get(known.object).await.unwrap(), Some(sealed("acme", "nx01", b"one")));

    let again = store.backup_add(good.clone(), BackupObject::Same(known.object), record()).await.unwrap();
    let suspect = backup("acme", "nx01", asset, Grade::Suspect);
    store.backup_add(suspect, new_object("acme", "nx01", b"cut"), record()).await.unwrap();
    let last = house(&store).backup_last_good(&[seat("nx01"), seat("nx02")]).await.unwrap();
    assert_eq!(last.len(), 1);
    assert_eq!(last[&seat("nx01")].id, Some(again), "a suspect one does not count");
    assert_eq!(house(&store).backup_list(BackupFilter::default()).await.unwrap().len(), 3);

    store.backup_seen(again, NOW.plus_ms(1_000)).await.unwrap();
    store.flush().await.unwrap();
    let seen = house(&store).backup_get(again).await.unwrap().unwrap();
    assert_eq!((seen.taken_at, seen.seen_at), (NOW, NOW.plus_ms(1_000)), "it stands until then");
    assert_eq!(house(&store).backup_get(first).await.unwrap().unwrap().seen_at, NOW);

    let before = house(&store).audit_list(None, 100).await.unwrap().len();
    // One that is not there was pruned meanwhile, and takes nothing with it.
    store.backup_seen(hoshu::model::id::BackupId(99), NOW).await.unwrap();
    store.backup_seen(first, NOW.plus_ms(2_000)).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(house(&store).backup_get(first).await.unwrap().unwrap().seen_at, NOW.plus_ms(2_000));
    let place = house(&store).object_places(&[known.object]).await.unwrap().remove(&known.object);
    let bytes = sealed("acme", "nx01", b"one").facts.bytes;
    assert_eq!(place, Some(ObjectPlace { bytes, path: None, held: bytes }));
    assert_eq!(house(&store).backups_of_object(known.object).await.unwrap(), [first, again]);
    for object in [new_object("twin", "nx01", b"x"), new_object("acme", "nx02", b"x")] {
        assert!(matches!(
            store.backup_add(good.clone(), object, record()).await,
            Err(StoreError::Contradiction { .. })
        ));
    }
    let other = store.asset_register(customer("twin"), seat("nx02"), None, NOW).await.unwrap();
    let foreign = backup("twin", "nx02", other, Grade::Taken);
    let refused = store.backup_add(foreign, BackupObject::Same(known.object), record()).await;
    assert!(matches!(refused, Err(StoreError::Contradiction { .. })));
    assert_eq!(house(&store).audit_list(None, 100).await.unwrap().len(), before, "what failed left no record");
}

async fn what_is_learned_of_backups_decides_which_one_counts(place: Place) {
    let store = place.open();
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let mut ids = Vec::new();
    for (grade, body) in [(Grade::Taken, b"one"), (Grade::Taken, b"two"), (Grade::Suspect, b"cut")] {
        let new = backup("acme", "nx01", asset, grade);
        let object = new_object("acme", "nx01", body);
        ids.push(store.backup_add(new, object, audit(Act::BackupTaken, "nx01")).await.unwrap());
    }
    let learn = async |at: usize, event| {
        let new = BackupEvent { at: NOW, event, detail: event.as_str().into() };
        store.backup_event_add(ids[at], new, audit(Act::BackupJudged, "nx01")).await.unwrap();
        let last = house(&store).backup_last_good(&[seat("nx01")]).await.unwrap();
        last.get(&seat("nx01")).map(|one| (one.id.unwrap(), one.standing().to_string()))
    };
    let counts = |at: usize, standing: &str| Some((ids[at], standing.to_owned()));
    assert_eq!(learn(2, Learned::Verified).await, counts(1, "taken"), "no fetch makes a suspect one count");
    assert_eq!(learn(1, Learned::Verified).await, counts(1, "verified"));
    assert_eq!(learn(2, Learned::Proved).await, counts(1, "verified"), "nor does a simulated unit");
    assert_eq!(learn(1, Learned::Proved).await, counts(1, "proved"));
    assert_eq!(learn(1, Learned::NotProved).await, counts(1, "verified"), "a model is no doubt");
    assert_eq!(learn(1, Learned::Doubted).await, counts(0, "taken"));
    assert_eq!(learn(2, Learned::Accepted).await, counts(2, "proved (accepted)"));
    assert_eq!(learn(2, Learned::Doubted).await, counts(0, "taken"));
    assert_eq!(learn(1, Learned::Accepted).await, counts(1, "taken (accepted)"));
    assert_eq!(learn(1, Learned::Damaged).await, counts(0, "taken"));
    assert_eq!(learn(0, Learned::Doubted).await, None);
    let events = house(&store).backup_get(ids[1]).await.unwrap().unwrap().events;
    assert_eq!(
        events.iter().map(|one| one.event).collect::<Vec<_>>(),
        [Learned::Verified, Learned::Proved, Learned::NotProved, Learned::Doubted, Learned::Accepted, Learned::Damaged]
    );
    assert_eq!(events[0].detail.as_data(), "verified");
    let listed = house(&store).backup_list(BackupFilter::default()).await.unwrap();
    assert!(listed.iter().all(|one| !one.events.is_empty()), "{listed:?}");
    let new = BackupEvent { at: NOW, event: Learned::Verified, detail: "x".into() };
    let unknown = hoshu::model::id::BackupId(99);
    let refused = store.backup_event_add(unknown, new, audit(Act::BackupJudged, "x")).await;
    assert!(matches!(refused, Err(StoreError::Unknown(_))));
}

async fn what_cannot_be_noted_as_seen_takes_nothing_else_with_it(place: Place) {
    let store = place.open();
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let mut ids = Vec::new();
    for body in [b"one", b"two"] {
        let new = backup("acme", "nx01", asset, Grade::Taken);
        let object = new_object("acme", "nx01", body);
        ids.push(store.backup_add(new, object, audit(Act::BackupTaken, "nx01")).await.unwrap());
    }
    if place.is_sqlite() {
        place.raw("CREATE TRIGGER odd BEFORE UPDATE ON backup_seen WHEN OLD.backup_id = 1 BEGIN SELECT RAISE(ABORT, 'odd'); END").unwrap();
    } else {
        place
            .raw("CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''odd''; END'")
            .unwrap();
        place.raw("CREATE TRIGGER odd BEFORE UPDATE ON backup_seen FOR EACH ROW WHEN (OLD.backup_id = 1) EXECUTE FUNCTION odd()").unwrap();
    }
    let later = NOW.plus_ms(1_000);
    store.observe(poll("acme", "nx01", later)).await.unwrap();
    for id in &ids {
        store.backup_seen(*id, later).await.unwrap();
    }
    assert!(matches!(store.flush().await, Err(StoreError::Query(_))));
    let seen = async |id| house(&store).backup_get(id).await.unwrap().unwrap().seen_at;
    assert_eq!((seen(ids[0]).await, seen(ids[1]).await), (NOW, later));
    let polls = house(&store).poll_history(&seat("nx01"), NOW, later.plus_ms(1_000)).await.unwrap();
    assert_eq!(polls.len(), 1, "the poll of the same batch");
}

async fn one_failing_intent_fails_alone(place: Place) {
    let store = place.open();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..200_i64 {
        let store = store.clone();
        waiting.spawn(async move {
            if number % 10 == 0 {
                let unknown = hoshu::model::id::HostKeyId(number + 1_000);
                let refused = store.host_key_revoke(unknown, audit(Act::HostKeyRevoked, "x")).await;
                return refused.is_err();
            }
            if number % 10 == 1 {
                // A row that the database itself refuses: the asset does not exist.
                let absent = hoshu::model::id::AssetId(9_999);
                let record = audit(Act::HostKeySeen, "x");
                let refused = store
                    .host_key_seen(KeyHolder::Asset(absent), "a".into(), "f".into(), number.to_string(), record)
                    .await;
                return refused.is_err();
            }
            if number % 10 == 2 {
                // The object of this backup is written before the row that the database refuses.
                let absent = backup("acme", "nx01", hoshu::model::id::AssetId(9_999), Grade::Taken);
                let object = new_object("acme", "nx01", number.to_string().as_bytes());
                return store.backup_add(absent, object, audit(Act::BackupTaken, "x")).await.is_err();
            }
            store.audit_add(audit(Act::ObjectOpened, &number.to_string())).await.is_ok()
        });
    }
    while let Some(as_expected) = waiting.join_next().await {
        assert!(as_expected.unwrap());
    }
    assert_eq!(house(&store).audit_list(None, 1_000).await.unwrap().len(), 1 + 140);
    for number in 1..=300 {
        let left = house(&store).object_get(hoshu::model::id::ObjectId(number)).await.unwrap();
        assert!(left.is_none(), "a refused backup left its object behind");
    }
}

async fn brakes_and_generations(place: Place) {
    let store = place.open();
    let brake = |seat: Option<&str>, state| Brake {
        credential: "acme/monitor".parse().unwrap(),
        door: seat.map(|seat| seat.parse().unwrap()),
        state,
        at: NOW,
        reason: Outside::default(),
    };
    for (seat, state) in [
        (Some("nx01"), BrakeState::Accepted),
        (Some("nx02"), BrakeState::Refused),
        (Some("nx02"), BrakeState::Stopped),
        (None, BrakeState::Stopped),
    ] {
        store.brake_set(brake(seat, state), None).await.unwrap();
    }
    let list = house(&store).brake_list().await.unwrap();
    let stopped = BrakeState::Stopped;
    let expected = [brake(None, stopped), brake(Some("nx01"), BrakeState::Accepted), brake(Some("nx02"), stopped)];
    assert_eq!(list, expected);
    let clear =
        || store.brake_clear("acme/monitor".parse().unwrap(), None, audit(Act::CredentialCleared, "acme/monitor"));
    assert_eq!(clear().await.unwrap(), 2);
    assert_eq!(clear().await.unwrap(), 0);
    assert_eq!(house(&store).brake_list().await.unwrap(), [brake(Some("nx01"), BrakeState::Accepted)]);

    let accept = |digest: &str| {
        store.generation_add(digest.into(), format!("files of {digest}"), audit(Act::InventoryAccepted, digest))
    };
    let first = accept("a").await.unwrap();
    assert_eq!(accept("a").await.unwrap(), first, "nothing changed");
    let second = accept("b").await.unwrap();
    let latest = house(&store).generation_latest().await.unwrap().unwrap();
    assert_eq!((latest.number, latest.digest.as_str(), latest.by.as_str()), (second, "b", "mika"));
    assert_eq!(house(&store).generation_files(first).await.unwrap().as_deref(), Some("files of a"));
}

async fn minutes_become_hours_once(place: Place) {
    let store = place.open();
    let day = 86_400_000;
    let start = NOW.as_ms().div_euclid(day) * day;
    let at = |minute: i64| hoshu::model::time::Time::from_ms(start + minute * 60_000);
    for minute in 0..120 {
        let mut record = poll("acme", "nx01", at(minute));
        record.samples = vec![celsius(if minute < 60 { 20 } else { 20 + minute % 2 * 10 })];
        store.observe(record).await.unwrap();
    }
    store.flush().await.unwrap();
    let read = async || {
        let temperature = Component::only(ComponentKind::Temperature);
        house(&store).series(&seat("nx01"), temperature, Unit::Celsius, at(0), at(1_440)).await.unwrap()
    };
    let week = store.housekeeping(at(0).plus_ms(7 * day)).await.unwrap();
    assert_eq!((week.rolled_up, read().await.len()), (0, 120));
    let later = store.housekeeping(at(0).plus_ms(15 * day)).await.unwrap();
    assert_eq!((later.rolled_up, later.removed, later.more), (2, 0, false));
    assert_eq!(store.housekeeping(at(0).plus_ms(16 * day)).await.unwrap().rolled_up, 0);
    let hours: Vec<_> =
        read().await.iter().map(|hour| [hour.lowest, hour.mean, hour.highest].map(|m| m.milli)).collect();
    assert_eq!(hours, [[20_000; 3], [20_000, 25_000, 30_000]]);
    let year = store.housekeeping(at(0).plus_ms(402 * day)).await.unwrap();
    assert_eq!((year.removed, read().await.len()), (2, 0));
    assert!(house(&store).poll_history(&seat("nx01"), at(0), at(1_440)).await.unwrap().is_empty());
}

async fn an_object_in_another_customers_row_is_refused(place: Place) {
    let store = place.open();
    let root = place.folder().join("root");
    root_create(&RootSource::File(root.clone()), Realm::Lab).unwrap();
    let keyring = Keyring::open(&RootSource::File(root), &[], Realm::Lab).unwrap();
    let depot = Depot::open(&place.folder().join("depot")).unwrap();
    let mut objects = Vec::new();
    for (owner, content) in [("acme", "a small one".to_owned()), ("twin", noise(200_000))] {
        let key = keyring.customer_create(customer(owner), NOW).unwrap();
        let key = store.customer_key_add(key, audit(Act::CustomerKeyMade, owner)).await.unwrap();
        keyring.customer_load(&key).unwrap();
        let name = format!("{owner}-nx01");
        let new = NewObject {
            customer: customer(owner),
            seat: seat(&name),
            serial: None,
            kind: ObjectKind::Configuration,
            taken_at: NOW,
        };
        let (facts, bytes) = keyring.seal(new, content.as_bytes()).unwrap();
        let object = depot.put(facts, bytes).unwrap();
        let asset = store.asset_register(customer(owner), seat(&name), None, NOW).await.unwrap();
        let new = backup(owner, &name, asset, Grade::Taken);
        let id = store.backup_add(new, kept(object), audit(Act::BackupTaken, &name)).await.unwrap();
        objects.push((house(&store).backup_get(id).await.unwrap().unwrap().object, content));
    }
    let open = async |owner: &str, id| {
        let key = house(&store).customer_key_get(&customer(owner), None).await.unwrap().unwrap();
        let object = house(&store).object_get(id).await.unwrap().unwrap();
        let facts = object.facts.clone();
        keyring.open_object(&key, &facts, &depot.get(object).unwrap(), OpenPurpose::Verify).map(|(_, content)| content)
    };
    for (owner, (id, content)) in ["acme", "twin"].into_iter().zip(&objects) {
        assert_eq!(open(owner, *id).await.unwrap(), content.as_bytes());
    }
    // Somebody who owns the database takes the refusals away and gives twin's object to acme.
    let disarm =
        if place.is_sqlite() { "DROP TRIGGER object_no_update" } else { "DROP TRIGGER object_append_only ON object" };
    place.raw(disarm).unwrap();
    place
        .raw(
            "UPDATE object SET customer = 'acme', seat = 'acme-nx01', \
             digest = (SELECT digest FROM object WHERE id = 2), nonce = (SELECT nonce FROM object WHERE id = 2), \
             bytes = (SELECT bytes FROM object WHERE id = 2), path = (SELECT path FROM object WHERE id = 2), \
             body = NULL WHERE id = 1",
        )
        .unwrap();
    let refused = open("acme", objects[0].0).await.unwrap_err();
    assert!(matches!(refused, KeyError::Unopenable { .. }), "acme's key does not open it: {refused:?}");
    place.raw("UPDATE customer_key SET public = (SELECT public FROM customer_key WHERE customer = 'twin'), \
               private_sealed = (SELECT private_sealed FROM customer_key WHERE customer = 'twin') WHERE customer = 'acme'").unwrap();
    let refused = open("acme", objects[0].0).await.unwrap_err();
    assert!(matches!(refused, KeyError::Foreign { .. }), "nor does twin's key in acme's row: {refused:?}");
}

/// A text that does not compress, so that its object is a large one.
fn noise(length: usize) -> String {
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..length).map(|_| letter()).collect()
}

on_both! {
    a_revoked_key_is_never_accepted_again
    a_hop_has_keys_of_its_own
    an_asset_keeps_what_it_once_said
    equal_readings_grow_into_one_span
    polls_are_remembered
    a_component_has_one_open_finding
    a_backup_comes_with_its_object_and_its_audit
    what_is_learned_of_backups_decides_which_one_counts
    what_cannot_be_noted_as_seen_takes_nothing_else_with_it
    one_failing_intent_fails_alone
    brakes_and_generations
    minutes_become_hours_once
    an_object_in_another_customers_row_is_refused
}
