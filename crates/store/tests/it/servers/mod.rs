//! What needs a PostgreSQL: the conformance suite on it, and what a store promises in company.

mod company;
mod database;
mod outage;
mod quota;
mod rights;

use database::Database;

/// All services, as one process would have them; the tests of the suite speak for [`crate::given::HERE`].
mod on_postgres {
    use std::sync::Arc;

    use seatshift_store::Store;

    async fn open() -> (Arc<dyn Store>, super::Database) {
        let database = super::Database::borrowed().await;
        (Arc::new(database.open().await), database)
    }
    crate::conformance!(open);
}
