//! Twin customers: what one of them asks for shows no byte of the other.

use std::fmt::Debug;

use hoshu::model::actor::{Act, Scope};
use hoshu::model::asset::KeyHolder;
use hoshu::model::backup::Grade;
use hoshu::model::door::Door;
use hoshu::model::id::{BackupId, ObjectId};
use hoshu::model::identity::Seen;
use hoshu::model::object::{CustomerKey, KeyHalves, SealedTo};
use hoshu::model::outside::Outside;
use hoshu::model::reading::{Component, ComponentKind, Condition, Unit};
use hoshu::model::record::{Brake, BrakeState};
use hoshu::store::{BackupFilter, Counts, Doomed, FindingFilter, Scoped, Store};

use super::place::{NOW, Place, on_both};
use super::world::{audit, backup, celsius, customer, disk, finding, house, new_object, opened, poll, seat};

/// Fills every table for a customer; the customer's word stands in each row.
async fn fill(store: &Store, word: &str) {
    let (owner, nx) = (customer(&format!("{word}-co")), seat(&format!("{word}-nx01")));
    let asset = store.asset_register(owner.clone(), nx.clone(), Some(word.into()), NOW).await.unwrap();
    let seen = Seen {
        serial: Some(word.into()),
        product: Some("Web MPS".into()),
        model: Some(word.into()),
        appliance_id: Some(word.into()),
        release: Some(word.into()),
    };
    store.asset_identify(asset, seen, audit(Act::AssetIdentified, word)).await.unwrap();
    let key = |part: &str| format!("{part}-{word}");
    let seen = store
        .host_key_seen(
            KeyHolder::Asset(asset),
            "ssh-ed25519".into(),
            key("SHA256"),
            key("ssh-ed25519"),
            audit(Act::HostKeySeen, word),
        )
        .await
        .unwrap();
    store.host_key_accept(seen, word.into(), audit(Act::HostKeyAccepted, word)).await.unwrap();

    let mut record = poll(owner.as_str(), nx.as_str(), NOW);
    record.reason = Outside::from(word);
    record.spans = vec![opened(disk(0), Condition::Bad, word, NOW)];
    record.findings = vec![finding(owner.as_str(), nx.as_str(), word)];
    record.samples = vec![celsius(31)];
    store.observe(record).await.unwrap();
    store.flush().await.unwrap();

    let mut new = backup(owner.as_str(), nx.as_str(), asset, Grade::Taken);
    new.release = Some(word.into());
    let object = new_object(owner.as_str(), nx.as_str(), word.as_bytes());
    store.backup_add(new, object, audit(Act::BackupTaken, word)).await.unwrap();
    let spoilt = backup(owner.as_str(), nx.as_str(), asset, Grade::Suspect);
    let object = new_object(owner.as_str(), nx.as_str(), word.as_bytes());
    let id = store.backup_add(spoilt, object, audit(Act::BackupTaken, word)).await.unwrap();
    let doomed = vec![Doomed { id, reason: word.into() }];
    store.backup_prune((owner.clone(), nx.clone()), doomed, audit(Act::BackupPruned, word)).await.unwrap();
    let sealed = word.as_bytes().to_vec();
    let to = SealedTo { root: word.into(), recovery: vec![word.into()] };
    let key = CustomerKey {
        customer: owner.clone(),
        generation: 1,
        public: word.into(),
        halves: KeyHalves::Sealed { private: sealed.clone(), content: sealed, to },
        made_at: NOW,
    };
    store.customer_key_add(key, audit(Act::CustomerKeyMade, word)).await.unwrap();
    let brake = Brake {
        credential: format!("{owner}/monitor").parse().unwrap(),
        door: Some(Door::Seat(nx)),
        state: BrakeState::Stopped,
        at: NOW,
        reason: word.into(),
    };
    store.brake_set(brake, Some(audit(Act::CredentialStopped, word))).await.unwrap();
    store.generation_add(word.into(), word.into(), audit(Act::InventoryAccepted, word)).await.unwrap();
}

/// Everything that can be asked, about both customers' seats and ids, as text; and how many answers were empty.
async fn ask_everything(scoped: &Scoped) -> String {
    fn show(answers: &mut Vec<String>, answer: impl Debug) {
        answers.push(format!("{answer:?}"));
    }
    let mut all = Vec::new();
    let seats = [seat("mikan-nx01"), seat("ringo-nx01")];
    let (from, to) = (NOW.plus_ms(-86_400_000), NOW.plus_ms(86_400_000));
    for seat in &seats {
        show(&mut all, scoped.asset_of_seat(seat).await.unwrap());
        show(&mut all, scoped.host_key_list(Some(&seat.into())).await.unwrap());
        show(&mut all, scoped.span_history(seat, from, to).await.unwrap());
        show(&mut all, scoped.poll_history(seat, from, to).await.unwrap());
        let temperature = Component::only(ComponentKind::Temperature);
        show(&mut all, scoped.series(seat, temperature, Unit::Celsius, from, to).await.unwrap());
    }
    show(&mut all, scoped.asset_list().await.unwrap());
    show(&mut all, scoped.host_key_list(None).await.unwrap());
    show(&mut all, scoped.host_key_pins(&seats).await.unwrap());
    show(&mut all, scoped.span_open(&seats).await.unwrap());
    show(&mut all, scoped.finding_open(&seats).await.unwrap());
    show(&mut all, scoped.finding_list(FindingFilter::default()).await.unwrap());
    show(&mut all, scoped.finding_list(FindingFilter { open_only: true, seats: Some(seats.to_vec()) }).await.unwrap());
    show(&mut all, scoped.poll_last(&seats).await.unwrap());
    show(&mut all, scoped.backup_list(BackupFilter::default()).await.unwrap());
    show(&mut all, scoped.backup_last_good(&seats).await.unwrap());
    show(&mut all, scoped.backup_ages(&seats, hoshu::model::backup::BackupKind::BACKUPS).await.unwrap());
    for id in [2, 4] {
        show(&mut all, scoped.backup_tombstone(BackupId(id)).await.unwrap());
    }
    for id in [1, 3] {
        show(&mut all, scoped.backup_get(BackupId(id)).await.unwrap());
        let object = scoped.object_get(ObjectId(id)).await.unwrap();
        show(&mut all, object.map(|object| (object.facts, body(&object.body))));
    }
    show(&mut all, scoped.check_backups(BackupId(0)).await.unwrap().problems);
    let objects = scoped.check_objects(ObjectId(0)).await.unwrap();
    show(&mut all, objects.into_iter().map(|(_, object)| body(&object.unwrap().body)).collect::<Vec<_>>());
    for name in ["mikan-co", "ringo-co"] {
        let key = scoped.customer_key_get(&customer(name), None).await.unwrap();
        show(&mut all, key.map(readable));
    }
    show(&mut all, scoped.customer_key_list().await.unwrap().into_iter().map(readable).collect::<Vec<_>>());
    show(&mut all, scoped.brake_list().await.unwrap());
    show(&mut all, scoped.audit_list(None, 100).await.unwrap());
    show(&mut all, scoped.audit_of(Act::BackupTaken, "mikan", NOW).await.unwrap());
    show(&mut all, scoped.generation_list(100).await.unwrap());
    show(&mut all, scoped.generation_files(hoshu::model::id::GenerationId(1)).await.unwrap());
    all.join("\n")
}

fn readable(key: CustomerKey) -> impl Debug {
    let KeyHalves::Sealed { private, to, .. } = key.halves else { panic!("destroyed") };
    (key.customer, key.public, String::from_utf8(private), to)
}

fn body(body: &hoshu::model::object::ObjectBody) -> String {
    match body {
        hoshu::model::object::ObjectBody::Row(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        hoshu::model::object::ObjectBody::File(path) => path.clone(),
    }
}

async fn one_customer_sees_nothing_of_the_other(place: Place) {
    let store = place.open();
    fill(&store, "mikan").await;
    fill(&store, "ringo").await;

    let everything = ask_everything(&house(&store)).await;
    // No answer of the house is empty, so that the emptiness of others means something.
    assert!(!everything.lines().any(|line| matches!(line, "[]" | "{}" | "None")), "{everything}");
    assert!(everything.contains("ringo"));

    let mikan = store.scoped(Scope::Customers(vec![customer("mikan-co")]));
    let seen = ask_everything(&mikan).await;
    assert!(seen.contains("mikan") && !seen.contains("ringo"), "{seen}");
    let one = Counts {
        assets: 1,
        seats_polled: 1,
        findings_soft: 1,
        backups_taken: 1,
        credentials_stopped: 1,
        ..Counts::default()
    };
    assert_eq!(mikan.counts().await.unwrap(), one);
    assert_eq!(house(&store).counts().await.unwrap().assets, 2);

    let nobody = store.scoped(Scope::Customers(vec![]));
    let nothing = ask_everything(&nobody).await;
    assert!(nothing.lines().all(|line| matches!(line, "[]" | "{}" | "None")), "{nothing}");
    assert_eq!(nobody.counts().await.unwrap(), Counts::default());
}

on_both! { one_customer_sees_nothing_of_the_other }
