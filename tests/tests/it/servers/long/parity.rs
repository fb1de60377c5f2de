//! The same world with faults, embedded and distributed: the same verdicts.

use std::collections::BTreeMap;

use seatshift_tests::cluster::Options;

use crate::servers::parity::{Row, both};

#[test]
fn with_faults_both_modes_come_to_the_same_verdicts() {
    let (embedded, distributed) = both(Options::new(52, 120, "hostile"));
    let verdicts = |rows: &BTreeMap<String, Row>| -> BTreeMap<String, (String, String)> {
        rows.iter().map(|(id, row)| (id.clone(), (row.verdict.clone(), row.cause.clone()))).collect()
    };
    let (embedded, distributed) = (verdicts(&embedded), verdicts(&distributed));
    assert!(embedded.values().any(|(verdict, _)| verdict == "completed"));
    // A time limit that was hit in one mode and not in the other is no difference of the saga.
    let limited = |(_, cause): &(String, String)| cause.contains("not_yet") || cause.contains("unclear");
    let different: Vec<_> = embedded
        .iter()
        .filter(|(id, verdict)| distributed.get(*id) != Some(verdict))
        .filter(|(id, verdict)| !limited(verdict) && !distributed.get(*id).is_some_and(limited))
        .collect();
    assert!(different.is_empty(), "{different:#?} against {distributed:#?}");
}
