//! A database of its own for each test, on the shared server.

use std::collections::BTreeMap;

use seatshift_messages::Service;
use seatshift_servers::Shared;
use seatshift_store::{PgOptions, PgStore};

use crate::given::HERE;

/// Removed when dropped.
pub(crate) struct Database {
    shared: Shared,
    pub(crate) name: String,
}

impl Database {
    /// Prepared for all services.
    pub(crate) async fn new() -> Self {
        let database = Database::empty();
        database.prepare().await;
        database
    }

    pub(crate) fn empty() -> Self {
        let shared = Shared::attach().unwrap();
        let name = shared.fresh_database().unwrap();
        Database { shared, name }
    }

    pub(crate) async fn prepare(&self) {
        PgStore::prepare(&self.url(), &BTreeMap::new()).await.unwrap();
    }

    /// As administrator.
    pub(crate) fn url(&self) -> String {
        self.shared.postgres.admin_url(&self.name)
    }

    pub(crate) fn options(&self, services: &[Service]) -> PgOptions {
        PgOptions::new(self.url(), services)
    }

    /// For all services, [`HERE`] first.
    pub(crate) async fn open(&self) -> PgStore {
        let others = Service::ALL.into_iter().filter(|service| *service != HERE);
        let services: Vec<_> = [HERE].into_iter().chain(others).collect();
        PgStore::connect(&self.options(&services)).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.shared.postgres.drop_database(&self.name).ok();
    }
}
