//! Sessions as they begin and end, whose rows stay as they were written and leave whole.

use hoshu::model::actor::{Act, Scope};
use hoshu::model::id::TranscriptId;
use hoshu::model::object::{ObjectBody, ObjectKind, SealedObject};
use hoshu::model::transcript::{SessionBegun, SessionEnd, SessionEnded, TranscriptKind};
use hoshu::store::{Store, StoreError, TranscriptFilter};

use super::place::{NOW, Place, on_both};
use super::world::{audit, customer, house, sealed, seat};

fn begun(owner: &str, name: &str) -> SessionBegun {
    SessionBegun {
        customer: customer(owner),
        seat: seat(name),
        kind: TranscriptKind::Login,
        who: "sato".to_owned(),
        at: NOW,
        process: "host/1/2".to_owned(),
    }
}

fn ended() -> SessionEnded {
    SessionEnded {
        at: NOW.plus_ms(5_000),
        outcome: SessionEnd::Broke,
        detail: "a\0b".to_owned(),
        bytes: 10,
        commands: 3,
        denied: 1,
        cut: true,
    }
}

fn object(owner: &str, name: &str) -> SealedObject {
    let mut object = sealed(owner, name, b"sealed");
    object.facts.kind = ObjectKind::Transcript;
    object.body = ObjectBody::File(format!("cd/{}", "1".repeat(62)));
    object
}

async fn begin(store: &Store, owner: &str, name: &str) -> TranscriptId {
    store.session_begin(begun(owner, name), audit(Act::SessionBegan, name)).await.unwrap()
}

async fn sessions_begin_end_and_leave_whole(place: Place) {
    let store = place.open();
    let (first, second) = (begin(&store, "acme", "nx01").await, begin(&store, "twin", "nx02").await);
    let end = |id, object| store.session_end(id, ended(), object, audit(Act::SessionEnded, "nx01"));
    let foreign = end(first, object("twin", "nx02")).await;
    assert!(matches!(foreign, Err(StoreError::Contradiction { .. })), "{foreign:?}");
    assert!(matches!(end(TranscriptId(99), object("acme", "nx01")).await, Err(StoreError::Unknown(_))));
    end(first, object("acme", "nx01")).await.unwrap();
    assert!(end(first, object("acme", "nx01")).await.is_err(), "a session ends once");
    let found = house(&store).transcript_get(first).await.unwrap().unwrap();
    let (told, kept) = found.ended.unwrap();
    assert_eq!(found.begun, begun("acme", "nx01"));
    assert_eq!(told, SessionEnded { detail: "a\u{fffd}b".to_owned(), ..ended() });
    assert_eq!(house(&store).object_get(kept).await.unwrap().unwrap().facts.kind, ObjectKind::Transcript);
    assert!(house(&store).transcript_get(second).await.unwrap().unwrap().ended.is_none());

    let twin = store.scoped(Scope::Customers(vec![customer("twin")]));
    assert!(twin.transcript_get(first).await.unwrap().is_none());
    let all = twin.transcript_list(TranscriptFilter::default()).await.unwrap();
    assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [second]);
    let nobody = store.scoped(Scope::Customers(vec![]));
    assert!(nobody.transcript_list(TranscriptFilter::default()).await.unwrap().is_empty());
    let count = async |filter| house(&store).transcript_list(filter).await.unwrap().len();
    let default = TranscriptFilter::default;
    assert_eq!(count(TranscriptFilter { since: Some(NOW), ..default() }).await, 2);
    assert_eq!(count(TranscriptFilter { since: Some(NOW.plus_ms(1)), ..default() }).await, 0);
    assert_eq!(count(TranscriptFilter { before: Some(NOW), ..default() }).await, 0);
    assert_eq!(count(TranscriptFilter { seats: Some(vec![seat("nx02")]), ..default() }).await, 1);

    for table in ["transcript", "transcript_end"] {
        let column = if table == "transcript" { "who" } else { "detail" };
        for statement in [format!("UPDATE {table} SET {column} = 'x'"), format!("DELETE FROM {table}")] {
            let error = place.raw(&statement).unwrap_err();
            assert!(error.to_string().contains("append-only"), "{statement}: {error}");
        }
    }
    let files = store.transcript_prune(vec![first, second], audit(Act::TranscriptPruned, "transcripts")).await.unwrap();
    assert_eq!(files, [format!("cd/{}", "1".repeat(62))]);
    assert_eq!(count(default()).await, 0);
    assert!(house(&store).object_get(kept).await.unwrap().is_none());
    assert_eq!(house(&store).transcript_pruned_at(second).await.unwrap(), Some(NOW));
    assert!(twin.transcript_pruned_at(first).await.unwrap().is_none());
    for statement in ["UPDATE transcript_pruned SET who = 'x'", "DELETE FROM transcript_pruned"] {
        assert!(place.raw(statement).unwrap_err().to_string().contains("append-only"), "{statement}");
    }
}

on_both! {
    sessions_begin_end_and_leave_whole
}
