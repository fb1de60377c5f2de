//! What grows without end and may be forgotten. Ledgers, instructions and the event log never are.

use jiff::Timestamp;

use super::{PgStore, sql};
use crate::StoreError;
use crate::columns::nanoseconds;

impl PgStore {
    /// Forgets up to `most` events for each service that were consumed before this moment, and says how many it was. Call
    /// it again until that is 0. The moment must lie further back than any redelivery (replays of dead letters included);
    /// of a later one the ledger's stage still knows that it was acted on.
    pub async fn clean(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let mut loan = self.connections.take("cleaning the inbox").await?;
        let mut cleaned = 0;
        for room in &self.rooms {
            let query =
                sqlx::query(room.sql.clean_inbox.clone()).bind(nanoseconds(before)).bind(i64::from(most));
            cleaned += loan.execute(query).await.map_err(loan.failed())?;
            // What writers of ended processes left.
            loan.execute(sqlx::query(room.sql.clean_marks.clone())).await.map_err(loan.failed())?;
        }
        Ok(cleaned)
    }

    /// The same for the call log; control's right alone. The counts stay.
    pub async fn clean_calls(&self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        let mut loan = self.connections.take("cleaning the call log").await?;
        let query = sqlx::query(sql::CLEAN_CALLS).bind(nanoseconds(before)).bind(i64::from(most));
        loan.execute(query).await.map_err(loan.failed())
    }
}
