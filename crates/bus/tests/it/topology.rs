//! The topology's table against the events, and the committed definitions against the table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seatshift_bus::topology::{EVENTS, readers, table, work_queue};
use seatshift_messages::{CATALOG, Envelope, Event, Service};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One event of each type, as `messages` keeps them.
fn golden() -> Vec<Event> {
    let folder = root().join("crates/messages/tests/it/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|file| Event::read(&Envelope::from_bytes(&std::fs::read(file).unwrap()).unwrap()).unwrap())
        .collect()
}

#[test]
fn every_event_reaches_those_who_act_on_it() {
    let events = golden();
    let kinds: BTreeSet<_> = events.iter().map(Event::kind).collect();
    assert_eq!(kinds, CATALOG.iter().map(|(kind, _, _)| *kind).collect(), "one of each");
    for event in events {
        let (bound, acting) = (readers(event.kind()), event.heard_by());
        if matches!(event, Event::RetryRequested(_)) {
            assert_eq!(bound.len(), 3, "the broker does not see for whom it is");
            assert!(acting.iter().all(|service| bound.contains(service)));
        } else {
            assert_eq!(bound, acting, "{}", event.kind());
        }
    }
}

#[test]
fn every_reader_has_a_binding() {
    let bindings = table().bindings;
    for (kind, _, _) in CATALOG {
        let bound: BTreeSet<_> = bindings
            .iter()
            .filter(|binding| binding.exchange == EVENTS && binding.key == *kind)
            .map(|binding| binding.queue.clone())
            .collect();
        assert_eq!(bound, readers(kind).iter().map(|service| work_queue(*service)).collect(), "{kind}");
    }
}

#[test]
fn bindings_name_only_what_is_declared() {
    let table = table();
    for binding in &table.bindings {
        assert!(table.exchanges.iter().any(|exchange| exchange.name == binding.exchange), "{binding:?}");
        assert!(table.queues.iter().any(|queue| queue.name == binding.queue), "{binding:?}");
    }
    for service in Service::ALL {
        assert!(table.queues.iter().any(|queue| queue.name == work_queue(service)));
    }
}

/// Run with `UPDATE=1` to write it anew.
#[test]
fn the_committed_definitions_are_those_of_the_table() {
    let file = root().join("deploy/rabbitmq/definitions.json");
    let made = format!("{:#}\n", seatshift_bus::definitions());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == made,
        "definitions.json is stale: run this test with UPDATE=1 and look at the difference"
    );
}
