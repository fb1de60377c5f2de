//! Golden files: every event of every released version is read and written exactly as it was on the day it was released.
//!
//! Files are added, never edited. A file that is missing is an event nobody can promise to read for ever.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use seatshift_messages::{CATALOG, Envelope, Event, Unreadable};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}

fn golden(kind: &str) -> String {
    let path = folder().join(format!("{kind}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(kind: &str) -> (Envelope, Event) {
    let envelope =
        Envelope::from_bytes(golden(kind).as_bytes()).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
    let event = Event::read(&envelope).unwrap_or_else(|error| panic!("{kind}: {error:?}"));
    (envelope, event)
}

#[test]
fn every_event_has_a_golden_file_and_every_file_an_event() {
    let names: BTreeSet<String> = CATALOG.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, files);
}

#[test]
fn every_event_is_read_and_written_as_on_the_day_it_was_released() {
    for (kind, owner, _) in CATALOG {
        let (envelope, event) = read(kind);
        assert_eq!(event.kind(), *kind);
        assert_eq!(event.owner(), *owner);
        assert_eq!(envelope.source, *owner, "{kind}");
        let text: serde_json::Value = serde_json::from_str(&golden(kind)).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&envelope.to_bytes()).unwrap();
        assert_eq!(written, text, "{kind}: the envelope");
        let sealed = event.seal(seatshift_messages::Heading {
            id: envelope.id,
            source: envelope.source,
            subject: envelope.subject,
            time: envelope.time,
            sequence: envelope.sequence,
            causation: envelope.causationid,
            customer: envelope.partitionkey,
        });
        let sealed: serde_json::Value = serde_json::from_slice(&sealed.to_bytes()).unwrap();
        assert_eq!(sealed["data"], text["data"], "{kind}: the data");
    }
}

#[test]
fn unknown_fields_are_tolerated_and_kept_on_the_way() {
    for (kind, _, _) in CATALOG {
        let mut text: serde_json::Value = serde_json::from_str(&golden(kind)).unwrap();
        text["data"]["a_field_of_a_later_version"] = serde_json::json!({ "any": ["thing"] });
        text["anextension"] = serde_json::json!("of somebody else");
        let envelope = Envelope::from_bytes(text.to_string().as_bytes()).unwrap();
        let (_, event) = read(kind);
        assert_eq!(Event::read(&envelope).unwrap(), event, "{kind}");
        let passed_on: serde_json::Value = serde_json::from_slice(&envelope.to_bytes()).unwrap();
        assert_eq!(passed_on["data"], text["data"], "{kind}");
    }
}

#[test]
fn an_unknown_type_says_so_instead_of_vanishing() {
    let mut text: serde_json::Value =
        serde_json::from_str(&golden("seatshift.migration.requested.v1")).unwrap();
    text["type"] = "seatshift.migration.postponed.v1".into();
    let envelope = Envelope::from_bytes(text.to_string().as_bytes()).unwrap();
    let error = Event::read(&envelope).unwrap_err();
    assert!(matches!(error, Unreadable::UnknownType { .. }));
    assert!(error.to_string().contains("seatshift.migration.postponed.v1"), "{error}");
}

#[test]
fn data_of_another_shape_says_which_event_it_should_have_been() {
    let mut text: serde_json::Value = serde_json::from_str(&golden("seatshift.purchase.refused.v1")).unwrap();
    text["data"] = serde_json::json!({ "cause": 7 });
    let envelope = Envelope::from_bytes(text.to_string().as_bytes()).unwrap();
    let error = Event::read(&envelope).unwrap_err();
    assert!(error.to_string().contains("seatshift.purchase.refused.v1"), "{error}");
    assert!(matches!(Envelope::from_bytes(b"<html>").unwrap_err(), Unreadable::NotAnEnvelope { .. }));
}

#[test]
fn ids_in_upper_case_are_read_as_the_same_ids() {
    let (envelope, event) = read("seatshift.migration.requested.v1");
    let subject = envelope.subject.to_string();
    let shouted = golden("seatshift.migration.requested.v1").replace(&subject, &subject.to_uppercase());
    let again = Envelope::from_bytes(shouted.as_bytes()).unwrap();
    assert_eq!(again.subject, envelope.subject);
    assert_eq!(Event::read(&again).unwrap(), event);
}

#[test]
fn nobody_hears_what_they_said_themselves_and_everything_said_backwards_has_a_reader() {
    for (kind, owner, _) in CATALOG {
        let (_, event) = read(kind);
        assert!(!event.heard_by().contains(owner), "{kind} would be heard by its own owner");
    }
}
