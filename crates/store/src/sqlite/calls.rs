//! Appending to the call log, with its counts.

use std::collections::BTreeMap;

use sqlx::Connection;

use super::columns::failed;
use super::connections::{Durability, Writer};
use super::rows::CallColumns;
use super::sql;
use crate::{CallRow, StoreError};

/// No decision reads the call log, so a power cut may take its last moments.
pub(super) async fn append(writer: &Writer, calls: Vec<CallRow>) -> Result<(), StoreError> {
    if calls.is_empty() {
        return Ok(());
    }
    let failed = failed("logging calls");
    let counts = count(&calls);
    let mut held = writer.take(Durability::Process).await?;
    let mut transaction = held.connection.begin_with(sql::BEGIN).await.map_err(&failed)?;
    for call in calls {
        let row = CallColumns::of(call);
        sqlx::query(sql::APPEND_CALL)
            .bind(row.at)
            .bind(row.migration)
            .bind(row.customer)
            .bind(row.family)
            .bind(row.operation)
            .bind(row.changing)
            .bind(row.status)
            .bind(row.code)
            .bind(row.request_id)
            .bind(row.correlation_id)
            .bind(row.microseconds)
            .bind(row.attempt)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
    }
    for (family, [calls, throttled, failures]) in counts {
        sqlx::query(sql::ADD_COUNT)
            .bind(family)
            .bind(calls)
            .bind(throttled)
            .bind(failures)
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
    }
    transaction.commit().await.map_err(&failed)
}

/// By family: calls, throttled, failed.
fn count(calls: &[CallRow]) -> BTreeMap<String, [i64; 3]> {
    let mut counts: BTreeMap<String, [i64; 3]> = BTreeMap::new();
    for call in calls {
        let [all, throttled, failed] = counts.entry(call.family.clone()).or_default();
        *all += 1;
        *throttled += i64::from(call.throttled());
        *failed += i64::from(call.failed());
    }
    counts
}
