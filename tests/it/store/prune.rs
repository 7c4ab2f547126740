//! Backups leave whole, with a tombstone and an audit record; the last good one never does.

use hoshu::model::actor::Act;
use hoshu::model::backup::{Backup, BackupKind, Grade};
use hoshu::model::backup_event::{BackupEvent, Learned};
use hoshu::model::id::{AssetId, BackupId, ObjectId};
use hoshu::model::object::ObjectBody;
use hoshu::store::{BackupFilter, BackupObject, Doomed, Store, StoreError};

use super::place::{NOW, Place, on_both};
use super::world::{audit, backup, customer, house, kept, new_object, sealed, seat};

async fn register(store: &Store, owner: &str, name: &str) -> AssetId {
    store.asset_register(customer(owner), seat(name), None, NOW).await.unwrap()
}

async fn add(store: &Store, (owner, name): (&str, &str), asset: AssetId, grade: Grade) -> BackupId {
    let new = backup(owner, name, asset, grade);
    store.backup_add(new, new_object(owner, name, b"sealed"), audit(Act::BackupTaken, name)).await.unwrap()
}

async fn learn(store: &Store, id: BackupId, event: Learned) {
    let event = BackupEvent { at: NOW, event, detail: "x".into() };
    store.backup_event_add(id, event, audit(Act::BackupJudged, "x")).await.unwrap();
}

async fn prune(store: &Store, ids: &[BackupId]) -> Result<Vec<String>, StoreError> {
    let doomed = ids.iter().map(|id| Doomed { id: *id, reason: "too old".to_owned() }).collect();
    store.backup_prune((customer("acme"), seat("nx01")), doomed, audit(Act::BackupPruned, "nx01")).await
}

async fn listed(store: &Store) -> Vec<i64> {
    let all = house(store).backup_list(BackupFilter::default()).await.unwrap();
    all.into_iter().filter_map(|backup| Some(backup.id?.0)).collect()
}

async fn what_is_pruned_leaves_whole_and_its_tombstone_stays(place: Place) {
    let store = place.open();
    let asset = register(&store, "acme", "nx01").await;
    let mut file = sealed("acme", "nx01", b"large");
    file.body = ObjectBody::File(format!("ab/{}", "0".repeat(62)));
    let taken = || audit(Act::BackupTaken, "nx01");
    let new = || backup("acme", "nx01", asset, Grade::Taken);
    let first = store.backup_add(new(), kept(file), taken()).await.unwrap();
    let second = add(&store, ("acme", "nx01"), asset, Grade::Taken).await;
    let object = house(&store).backup_get(second).await.unwrap().unwrap().object;
    // The third has the object of the second.
    let third = store.backup_add(new(), BackupObject::Same(object), taken()).await.unwrap();
    learn(&store, first, Learned::Verified).await;
    assert_eq!(prune(&store, &[first, second]).await.unwrap(), [format!("ab/{}", "0".repeat(62))]);
    assert_eq!(listed(&store).await, [third.0]);
    let rows = house(&store);
    assert!(rows.object_get(ObjectId(1)).await.unwrap().is_none(), "nobody refers to it");
    assert!(rows.object_get(object).await.unwrap().is_some(), "the third refers to it");
    let left = rows.backup_tombstone(first).await.unwrap().unwrap();
    assert_eq!((left.at, left.reason.as_str()), (NOW, "too old"));
    assert!(rows.backup_tombstone(third).await.unwrap().is_none());
    let record = rows.audit_list(None, 1).await.unwrap().remove(0);
    assert_eq!((record.act, record.subject.as_str()), (Act::BackupPruned, "nx01"));
    // What is gone cannot go again, and its id comes to no other.
    assert!(matches!(prune(&store, &[first]).await, Err(StoreError::Unknown(_))));
    assert_eq!(add(&store, ("acme", "nx01"), asset, Grade::Taken).await.0, third.0 + 1);
}

async fn the_last_good_one_is_never_deleted(place: Place) {
    let store = place.open();
    let asset = register(&store, "acme", "nx01").await;
    let seat = ("acme", "nx01");
    let accepted = add(&store, seat, asset, Grade::Suspect).await;
    let doubted = add(&store, seat, asset, Grade::Taken).await;
    let suspect = add(&store, seat, asset, Grade::Suspect).await;
    learn(&store, doubted, Learned::Doubted).await;
    learn(&store, accepted, Learned::Accepted).await;
    let refused = prune(&store, &[doubted, accepted]).await.unwrap_err();
    let words = refused.to_string();
    assert!(matches!(refused, StoreError::Contradiction { .. }) && words.contains(&accepted.to_string()), "{words}");
    assert_eq!(listed(&store).await, [suspect.0, doubted.0, accepted.0], "nothing of it was done");
    assert!(house(&store).backup_tombstone(doubted).await.unwrap().is_none());
    // A newer one that counts frees it; then that one is the last.
    let newer = add(&store, seat, asset, Grade::Taken).await;
    prune(&store, &[doubted, accepted]).await.unwrap();
    assert!(prune(&store, &[newer]).await.is_err());
    prune(&store, &[suspect]).await.unwrap();
    assert_eq!(listed(&store).await, [newer.0]);
}

async fn the_last_good_one_of_each_kind_is_never_deleted(place: Place) {
    let store = place.open();
    let asset = register(&store, "acme", "nx01").await;
    let mut ids = Vec::new();
    for kind in [BackupKind::ProfileFull, BackupKind::ProfileFull, BackupKind::Configuration, BackupKind::LogBundle] {
        let new = Backup { kind, ..backup("acme", "nx01", asset, Grade::Taken) };
        let object = new_object("acme", "nx01", b"sealed");
        ids.push(store.backup_add(new, object, audit(Act::BackupTaken, "nx01")).await.unwrap());
    }
    let refused = prune(&store, &[ids[1]]).await.unwrap_err().to_string();
    assert!(refused.contains(&ids[1].to_string()), "a configuration is no full backup: {refused}");
    prune(&store, &[ids[0], ids[3]]).await.unwrap();
    assert!(prune(&store, &[ids[2]]).await.is_err());
    assert_eq!(listed(&store).await, [ids[2].0, ids[1].0]);
}

async fn another_seats_backup_is_refused(place: Place) {
    let store = place.open();
    for (owner, name) in [("acme", "nx02"), ("twin", "nx03")] {
        let asset = register(&store, owner, name).await;
        let id = add(&store, (owner, name), asset, Grade::Suspect).await;
        assert!(matches!(prune(&store, &[id]).await, Err(StoreError::Contradiction { .. })), "{owner} {name}");
    }
    assert_eq!(listed(&store).await.len(), 2);
}

async fn a_row_goes_only_when_a_tombstone_names_it(place: Place) {
    let store = place.open();
    let asset = register(&store, "acme", "nx01").await;
    let first = add(&store, ("acme", "nx01"), asset, Grade::Suspect).await;
    add(&store, ("acme", "nx01"), asset, Grade::Suspect).await;
    learn(&store, first, Learned::Verified).await;
    let tombstone = format!("INSERT INTO pruned VALUES ({}, 'acme', 'nx01', 0, 0, 'suspect', 1, 0, 'x')", first.0);
    place.raw(&tombstone).unwrap();
    for table in ["backup", "object"] {
        let error = place.raw(&format!("DELETE FROM {table} WHERE id = 2")).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{table}: {error}");
    }
    for statement in [
        "DELETE FROM backup_seen WHERE backup_id = 1",
        "DELETE FROM backup_event WHERE backup_id = 1",
        "DELETE FROM backup WHERE id = 1",
        "DELETE FROM object_text WHERE object_id = 1",
        "DELETE FROM object WHERE id = 1",
    ] {
        place.raw(statement).unwrap();
    }
    assert_eq!(listed(&store).await, [2]);
}

on_both! {
    what_is_pruned_leaves_whole_and_its_tombstone_stays
    the_last_good_one_is_never_deleted
    the_last_good_one_of_each_kind_is_never_deleted
    another_seats_backup_is_refused
    a_row_goes_only_when_a_tombstone_names_it
}
