//! The same world and the same plan, embedded and distributed: the same facts, the same verdicts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seatshift_store::{SqliteStore, Store};
use seatshift_tests::cluster::{Alone, Cluster, History, Operator as _, Options};
use uuid::Uuid;

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) verdict: String,
    pub(crate) cause: String,
    /// Kinds of the events about it.
    pub(crate) facts: BTreeSet<String>,
}

/// Rows of a report by their old subscription, with the events about them.
fn rows(report: &Path, history: &History) -> BTreeMap<String, Row> {
    let mut reader = csv::Reader::from_path(report).expect("report.csv");
    let heads = reader.headers().expect("a head").clone();
    let place = |name: &str| {
        heads
            .iter()
            .position(|head| head.trim_start_matches('\u{feff}') == name)
            .unwrap_or_else(|| panic!("no column {name}"))
    };
    let (row_id, verdict, cause, migration) =
        (place("row_id"), place("verdict"), place("reason_code"), place("correlation_id"));
    let read = |row: csv::StringRecord| {
        let kinds = row[migration].parse::<Uuid>().ok().and_then(|migration| history.kinds.get(&migration));
        // How often progress is told depends on how chunks happen to end.
        let facts = kinds
            .into_iter()
            .flat_map(|kinds| kinds.keys())
            .filter(|kind| !kind.contains("migration.progressed"))
            .cloned()
            .collect();
        (
            row[row_id].to_owned(),
            Row { verdict: row[verdict].to_owned(), cause: row[cause].to_owned(), facts },
        )
    };
    reader.records().map(|row| read(row.expect("a row"))).collect()
}

/// The rows as both modes leave them.
pub(crate) fn both(options: Options) -> (BTreeMap<String, Row>, BTreeMap<String, Row>) {
    let alone = Alone::start(&options);
    alone.plan(1);
    alone.run(&["apply", "plan.csv", "--yes"]).ends(&[0, 3]);
    alone.run(&["report"]).ends(&[0, 3]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let history = runtime.block_on(async {
        let store =
            SqliteStore::open(alone.path("state/seatshift.sqlite")).await.expect("the embedded store");
        let mut history = History::default();
        let mut after = 0;
        loop {
            let page = store.events(after, 1_000, None).await.expect("the event log");
            let Some(last) = page.last() else { return history };
            after = last.position;
            page.iter().for_each(|event| history.take(&event.bytes));
        }
    });
    let complaints = alone.judge_reality();
    assert!(complaints.is_empty(), "embedded: {complaints:#?}");
    let embedded = rows(&alone.path("report.csv"), &history);

    let mut cluster = Cluster::start(options);
    cluster.plan(1);
    cluster.run(&["apply", "plan.csv", "--yes"]).ends(&[0, 3]);
    cluster.run(&["report"]).ends(&[0, 3]);
    let judged = cluster.judge();
    assert!(judged.complaints.is_empty(), "distributed: {:#?}", judged.complaints);
    let distributed = rows(&cluster.path("report.csv"), &cluster.history());
    (embedded, distributed)
}

#[test]
fn without_faults_both_modes_say_the_same_of_every_row() {
    let (embedded, distributed) = both(Options::new(51, 120, "none"));
    assert!(embedded.values().filter(|row| row.verdict == "completed").count() > 10, "{embedded:?}");
    assert!(embedded.values().any(|row| row.facts.len() > 4), "events are found");
    for (id, row) in &embedded {
        assert_eq!(Some(row), distributed.get(id), "row {id}");
    }
    assert_eq!(embedded.len(), distributed.len());
}
