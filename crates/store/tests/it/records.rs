//! Control's own records.

use std::sync::Arc;

use seatshift_store::{Committed, RecordWrite, Store, Unit};

use crate::given::*;

async fn write(store: &dyn Store, records: Vec<RecordWrite>) -> Committed {
    commit(store, Unit { records, ..unit() }).await
}

pub(crate) async fn records_come_in_key_order_and_in_pages(store: Arc<dyn Store>) {
    let keys = ["b", "Z", "a", "ä", "", "a/1"];
    write(&*store, keys.map(|key| record(key, None, Some("1"))).into()).await;
    write(&*store, vec![RecordWrite { kind: "rows".into(), ..record("a", None, Some("1")) }]).await;
    let all = store.records("row", None, 100).await.unwrap();
    let sorted = ["", "Z", "a", "a/1", "b", "ä"];
    assert_eq!(all.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), sorted);
    assert!(all.iter().all(|row| row.kind == "row" && row.version == 1));
    let page = store.records("row", Some("a"), 2).await.unwrap();
    assert_eq!(page.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["a/1", "b"]);
    assert_eq!(store.records("row", Some(""), 1).await.unwrap()[0].key, "Z");
    assert!(store.records("ro", None, 9).await.unwrap().is_empty());
    assert_eq!(store.record("row", "c").await.unwrap(), None);
}

pub(crate) async fn a_record_is_written_on_the_version_that_was_read(store: Arc<dyn Store>) {
    assert_eq!(write(&*store, vec![record("a", Some(1), Some("x"))]).await, Committed::Stale);
    assert_eq!(write(&*store, vec![record("a", Some(0), Some("1"))]).await, Committed::Done);
    assert_eq!(write(&*store, vec![record("a", Some(0), Some("x"))]).await, Committed::Stale);
    assert_eq!(write(&*store, vec![record("a", Some(1), Some("2"))]).await, Committed::Done);
    assert_eq!(write(&*store, vec![record("a", Some(1), None)]).await, Committed::Stale);
    let row = store.record("row", "a").await.unwrap().unwrap();
    assert_eq!((row.version, row.body.as_str()), (2, "2"));
}

pub(crate) async fn a_record_without_expectation_replaces_what_stands(store: Arc<dyn Store>) {
    for body in ["1", "2", "3"] {
        assert_eq!(write(&*store, vec![record("a", None, Some(body))]).await, Committed::Done);
    }
    let row = store.record("row", "a").await.unwrap().unwrap();
    assert_eq!((row.version, row.body.as_str()), (3, "3"));
}

pub(crate) async fn a_removed_record_is_gone_and_begins_anew(store: Arc<dyn Store>) {
    write(&*store, vec![record("a", None, Some("1")), record("b", None, Some("1"))]).await;
    assert_eq!(
        write(&*store, vec![record("a", Some(1), None), record("none", None, None)]).await,
        Committed::Done
    );
    assert_eq!(store.records("row", None, 9).await.unwrap().len(), 1);
    assert_eq!(write(&*store, vec![record("a", Some(0), Some("2"))]).await, Committed::Done);
    assert_eq!(store.record("row", "a").await.unwrap().unwrap().version, 1);
}
