//! What planning has read, kept in the store: a discovery that was stopped goes on, and `apply` knows what is sold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use seatshift_control::planning::{CacheError, CachedRead, ReadCache};
use seatshift_messages::Service;
use seatshift_store::{RecordWrite, Store, StoreError, Unit};
use serde::{Deserialize, Serialize};

/// Kind of the records that hold reads.
const READ: &str = "plan_read";
/// Kind and key of the record that holds what is sold.
const SOLD: (&str, &str) = ("plan_sold", "latest");

/// Offer ids that are sold, by country.
pub(crate) type Sold = BTreeMap<String, BTreeSet<String>>;

/// Reads, kept in the store.
#[derive(Debug, Clone)]
pub(crate) struct StoredReads(pub(crate) Arc<dyn Store>);

#[derive(Serialize, Deserialize)]
struct Kept {
    at: jiff::Timestamp,
    body: String,
}

#[async_trait]
impl ReadCache for StoredReads {
    async fn get(&self, key: &str) -> Result<Option<CachedRead>, CacheError> {
        let record = self.0.record(READ, key).await.map_err(|error| CacheError(error.into()))?;
        // What another version wrote is read again.
        let kept = record.and_then(|record| serde_json::from_str::<Kept>(&record.body).ok());
        Ok(kept.map(|kept| CachedRead { at: kept.at, body: kept.body }))
    }

    async fn put(&self, key: &str, read: CachedRead) -> Result<(), CacheError> {
        let kept = Kept { at: read.at, body: read.body };
        write(&*self.0, READ, key, &kept).await.map_err(|error| CacheError(error.into()))
    }
}

/// Forgets all reads, so that the next discovery begins afresh.
pub(crate) async fn forget(store: &dyn Store) -> Result<(), StoreError> {
    loop {
        let page = store.records(READ, None, 500).await?;
        if page.is_empty() {
            return Ok(());
        }
        let mut unit = Unit::new(Service::Control);
        unit.records = page
            .into_iter()
            .map(|record| RecordWrite { kind: record.kind, key: record.key, expected: None, body: None })
            .collect();
        store.commit(vec![unit]).await?;
    }
}

/// Keeps what is sold, for reading plans later.
pub(crate) async fn keep_sold(store: &dyn Store, sold: &Sold) -> Result<(), StoreError> {
    write(store, SOLD.0, SOLD.1, sold).await
}

/// What was sold at the last discovery.
pub(crate) async fn sold(store: &dyn Store) -> Result<Option<Sold>, StoreError> {
    let record = store.record(SOLD.0, SOLD.1).await?;
    Ok(record.and_then(|record| serde_json::from_str(&record.body).ok()))
}

async fn write<T: Serialize>(store: &dyn Store, kind: &str, key: &str, value: &T) -> Result<(), StoreError> {
    let body = serde_json::to_string(value)
        .map_err(|source| StoreError::Damaged { what: "record", source: Box::new(source) })?;
    let mut unit = Unit::new(Service::Control);
    unit.records.push(RecordWrite {
        kind: kind.to_owned(),
        key: key.to_owned(),
        expected: None,
        body: Some(body),
    });
    store.commit(vec![unit]).await?;
    Ok(())
}
