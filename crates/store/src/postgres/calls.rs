//! The call log: one for all services, for they share one quota. Each may write, control may read.

use seatshift_messages::MigrationId;

use super::rows::{CallColumns, CountColumns};
use super::{PgStore, sql};
use crate::columns::{limit as rows_at_most, signed};
use crate::{CallCount, CallRow, LoggedCall, StoreError};

/// Unzips rows into the arrays that a statement wants.
macro_rules! column {
    ($rows:ident . $field:ident) => {
        $rows.iter().map(|row| row.$field.clone()).collect::<Vec<_>>()
    };
}

impl PgStore {
    pub(super) async fn log_calls(&self, calls: Vec<CallRow>) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        let rows: Vec<CallColumns> = calls.into_iter().map(CallColumns::of).collect();
        let query = sqlx::query(sql::APPEND_CALLS)
            .bind(column!(rows.at))
            .bind(column!(rows.migration))
            .bind(column!(rows.customer))
            .bind(column!(rows.family))
            .bind(column!(rows.operation))
            .bind(column!(rows.changing))
            .bind(column!(rows.status))
            .bind(column!(rows.code))
            .bind(column!(rows.request_id))
            .bind(column!(rows.correlation_id))
            .bind(column!(rows.microseconds))
            .bind(column!(rows.attempt));
        let mut loan = self.connections.take("logging calls").await?;
        loan.execute(query).await.map(drop).map_err(loan.failed())
    }

    /// Who reads page after page while calls are being logged may miss some: positions are given before they are committed.
    pub(super) async fn logged_calls(
        &self,
        after: u64,
        limit: usize,
        migration: Option<MigrationId>,
    ) -> Result<Vec<LoggedCall>, StoreError> {
        let statement = if migration.is_some() { sql::CALLS_OF } else { sql::CALLS };
        let mut query = sqlx::query_as(statement).bind(signed(after)).bind(rows_at_most(limit));
        if let Some(migration) = migration {
            query = query.bind(migration.0);
        }
        let mut loan = self.connections.take("reading calls").await?;
        let rows: Vec<CallColumns> = loan.all(query).await.map_err(loan.failed())?;
        rows.into_iter().map(CallColumns::row).collect()
    }

    pub(super) async fn counted_calls(&self) -> Result<Vec<CallCount>, StoreError> {
        let mut loan = self.connections.take("reading counts").await?;
        let rows: Vec<CountColumns> =
            loan.all(sqlx::query_as(sql::CALL_COUNTS)).await.map_err(loan.failed())?;
        rows.into_iter().map(CountColumns::row).collect()
    }
}
