//! What a backup and a poll cost in processor time. Run by hand, in release: the figures mean nothing in debug.

use hoshu::depot::{Depot, Keyring, NewObject, root_create};
use hoshu::model::actor::Act;
use hoshu::model::backup::Grade;
use hoshu::model::object::ObjectKind;
use hoshu::model::realm::Realm;
use hoshu::model::settings::RootSource;

use super::place::{NOW, Place};
use super::world::{audit, backup, customer, kept, seat};

const BACKUPS: i64 = 5_000;
const AT_ONCE: i64 = 256;

/// Processor time of this process in microseconds, to a hundredth of a second.
fn spent() -> i64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<i64>().unwrap()).sum::<i64>() * 10_000
}

/// A configuration of about 20 KB whose lines differ.
fn configuration(number: i64) -> String {
    let line = |line: i64| {
        let mixed = (line * 7_919 + number * 104_729) % 65_521;
        format!("interface ether{} ip address 10.{}.{}.{} /24\n", line % 9, mixed % 251, mixed / 257, line % 250)
    };
    (0..450).map(line).collect()
}

async fn measure(place: Place) {
    let store = place.open();
    let root = place.folder().join("root");
    root_create(&RootSource::File(root.clone()), Realm::Lab).unwrap();
    let keyring = Keyring::open(&RootSource::File(root), &[], Realm::Lab).unwrap();
    let depot = Depot::open(&place.folder().join("depot")).unwrap();
    let key = keyring.customer_create(customer("acme"), NOW).unwrap();
    keyring.customer_load(&key).unwrap();
    let asset = store.asset_register(customer("acme"), seat("nx01"), None, NOW).await.unwrap();
    let texts: Vec<_> = (0..BACKUPS).map(configuration).collect();

    let start = spent();
    let mut ids = Vec::new();
    for text in &texts {
        ids.push(keyring.content_id(&customer("acme"), &[text.as_str()]).unwrap());
    }
    let named = spent();
    let mut objects = Vec::new();
    for text in &texts {
        let new = NewObject {
            customer: customer("acme"),
            seat: seat("nx01"),
            serial: Some("FZ2211QA001".into()),
            kind: ObjectKind::Configuration,
            taken_at: NOW,
        };
        let (facts, sealed) = keyring.seal(new, text.as_bytes()).unwrap();
        objects.push(depot.put(facts, sealed).unwrap());
    }
    let sealed = spent();
    let bytes = objects.iter().map(|object| object.facts.bytes).sum::<u64>() / objects.len() as u64;
    let mut waiting = tokio::task::JoinSet::new();
    let mut objects = objects.into_iter().zip(ids);
    for number in 0..BACKUPS {
        if number >= AT_ONCE {
            waiting.join_next().await.unwrap().unwrap();
        }
        let (store, (object, content)) = (store.clone(), objects.next().unwrap());
        waiting.spawn(async move {
            let mut new = backup("acme", "nx01", asset, Grade::Taken);
            new.content = content;
            store.backup_add(new, kept(object), audit(Act::BackupTaken, "nx01")).await.unwrap();
        });
    }
    while let Some(done) = waiting.join_next().await {
        done.unwrap();
    }
    let stored = spent();
    println!(
        "{} KB, sealed {bytes} bytes: content id {} us, sealing {} us, storing {} us each",
        texts[0].len() / 1_024,
        (named - start) / BACKUPS,
        (sealed - named) / BACKUPS,
        (stored - sealed) / BACKUPS
    );
}

#[test]
#[ignore = "a measurement"]
fn sqlite() {
    run(Place::sqlite());
}

#[test]
#[ignore = "a measurement"]
fn postgres() {
    run(Place::postgres().unwrap());
}

fn run(place: Place) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(place));
}
