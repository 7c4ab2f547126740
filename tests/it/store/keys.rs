//! Customers' keys over generations, and what the audit has to say of keys and objects.

use hoshu::model::actor::{Act, Actor, NewAudit, Scope};
use hoshu::model::backup::Grade;
use hoshu::model::name::CustomerName;
use hoshu::model::object::{CustomerKey, KeyHalves, ObjectFacts, SealedTo};
use hoshu::store::{Store, StoreError};

use super::place::{NOW, Place, on_both};
use super::world::{audit, backup, customer, house, kept, sealed, seat};

fn halves(word: &str) -> KeyHalves {
    let to = SealedTo { root: format!("root of {word}"), recovery: vec![] };
    KeyHalves::Sealed { private: format!("private {word}").into(), content: format!("content {word}").into(), to }
}

fn key(owner: &str, generation: u32) -> CustomerKey {
    let public = format!("age1{owner}{generation}");
    CustomerKey { customer: customer(owner), generation, public, halves: halves(owner), made_at: NOW }
}

fn with_detail(act: Act, subject: &str, detail: &serde_json::Value) -> NewAudit {
    Actor::itself().did(NOW, act, subject, detail)
}

async fn acts(store: &Store, act: Act) -> usize {
    let all = house(store).audit_list(None, 1_000).await.unwrap();
    all.iter().filter(|record| record.act == act).count()
}

async fn keys_have_generations_and_an_end(place: Place) {
    let store = place.open();
    let add = |key: CustomerKey| store.customer_key_add(key, audit(Act::CustomerKeyMade, "acme"));
    let first = add(key("acme", 1)).await.unwrap();
    let other = CustomerKey { public: "age1other".to_owned(), ..key("acme", 1) };
    assert_eq!(add(other.clone()).await.unwrap(), first, "the one that was there stands");
    assert_eq!(acts(&store, Act::CustomerKeyMade).await, 1);
    let second = add(key("acme", 2)).await.unwrap();
    let twin = add(key("twin", 1)).await.unwrap();
    let get = async |generation| house(&store).customer_key_get(&customer("acme"), generation).await.unwrap();
    assert_eq!(get(None).await.as_ref(), Some(&second));
    assert_eq!(get(Some(1)).await.as_ref(), Some(&first));
    assert_eq!(get(Some(3)).await, None);
    assert_eq!(house(&store).customer_key_list().await.unwrap(), [first.clone(), second.clone(), twin.clone()]);

    // Sealed anew all together, or not at all.
    let anew = |key: &CustomerKey| CustomerKey { halves: halves("anew"), ..key.clone() };
    let reseal = |keys: Vec<CustomerKey>| store.customer_key_reseal(keys, audit(Act::CustomerKeyRewrapped, "acme"));
    for wrong in
        [anew(&other), anew(&key("acme", 3)), anew(&CustomerKey { customer: customer("twin"), ..second.clone() })]
    {
        let refused = reseal(vec![anew(&first), wrong]).await;
        assert!(matches!(refused, Err(StoreError::Contradiction { .. })), "{refused:?}");
        assert_eq!(get(Some(1)).await.as_ref(), Some(&first));
    }
    assert_eq!(acts(&store, Act::CustomerKeyRewrapped).await, 0);
    reseal(vec![anew(&first), anew(&second)]).await.unwrap();
    let now = house(&store).customer_key_list().await.unwrap();
    assert_eq!(now, [anew(&first), anew(&second), twin.clone()]);

    let destroy = |at| {
        let audit = audit(Act::CustomerKeyDestroyed, "acme");
        store.customer_key_destroy(customer("acme"), at, "ended".to_owned(), audit)
    };
    assert_eq!(destroy(NOW).await.unwrap(), 2);
    assert_eq!(destroy(NOW.plus_ms(1)).await.unwrap(), 0, "the first time stays");
    let tombstone = |key: &CustomerKey| CustomerKey {
        halves: KeyHalves::Destroyed { at: NOW, reason: "ended".to_owned() },
        ..key.clone()
    };
    let now = house(&store).customer_key_list().await.unwrap();
    assert_eq!(now, [tombstone(&first), tombstone(&second), twin]);
    assert!(reseal(vec![anew(&first)]).await.is_err(), "what is destroyed is not sealed anew");
    assert!(add(tombstone(&key("other", 1))).await.is_err(), "nobody is born dead");
    for half in ["private_sealed", "content_sealed", "sealed_to"] {
        assert!(place.raw(&format!("UPDATE customer_key SET {half} = 'x' WHERE customer = 'acme'")).is_err(), "{half}");
        assert!(
            place.raw(&format!("UPDATE customer_key SET {half} = NULL WHERE customer = 'twin'")).is_err(),
            "{half}"
        );
    }
}

async fn the_audit_knows_what_was_made(place: Place) {
    let store = place.open();
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let object = sealed("acme", "nx01", b"sealed");
    let facts = object.facts.clone();
    let detail = serde_json::json!({"v": 1, "sealed_sha256": hex::encode(facts.digest)});
    let taken = with_detail(Act::BackupTaken, "nx01", &detail);
    let new = backup("acme", "nx01", asset, Grade::Taken);
    store.backup_add(new, kept(object), taken).await.unwrap();
    let recorded = async |facts: &ObjectFacts| house(&store).object_is_recorded(facts).await.unwrap();
    assert!(recorded(&facts).await);
    for other in [
        ObjectFacts { digest: [8; 32], ..facts.clone() },
        ObjectFacts { seat: seat("nx02"), ..facts.clone() },
        ObjectFacts { taken_at: NOW.plus_ms(1), ..facts.clone() },
    ] {
        assert!(!recorded(&other).await, "{other:?}");
    }
    let twin = store.scoped(Scope::Customers(vec![customer("twin")]));
    assert!(!twin.object_is_recorded(&facts).await.unwrap());

    for (owner, act, public) in [
        ("acme", Act::CustomerKeyMade, "age1acme1"),
        ("acme", Act::CustomerKeyRotated, "age1acme2"),
        ("acme", Act::CustomerKeyExported, "age1acme3"),
    ] {
        let detail = serde_json::json!({"v": 1, "public": public});
        store.audit_add(with_detail(act, owner, &detail)).await.unwrap();
    }
    let recorded = async |key: &CustomerKey| house(&store).customer_key_is_recorded(key).await.unwrap();
    assert!(recorded(&key("acme", 1)).await && recorded(&key("acme", 2)).await);
    assert!(!recorded(&key("acme", 3)).await, "only what makes a key counts");
    let foreign: CustomerName = customer("twin");
    assert!(!recorded(&CustomerKey { customer: foreign, ..key("acme", 1) }).await);
    assert!(!twin.customer_key_is_recorded(&key("acme", 1)).await.unwrap());
}

on_both! {
    keys_have_generations_and_an_end
    the_audit_knows_what_was_made
}
