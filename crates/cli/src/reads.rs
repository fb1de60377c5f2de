//! What planning has read, kept in the store: a discovery that was stopped goes on, and `apply` knows what is sold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// So many reads are written at a time, or so many bytes of them.
const GATHERED: usize = 100;
const GATHERED_BYTES: usize = 256 * 1024;

/// Reads, kept in the store. They are written some at a time: there are several for each customer, and who is killed reads the
/// last few again. What is still gathered at the end must be [`flush`](StoredReads::flush)ed.
#[derive(Debug)]
pub(crate) struct StoredReads {
    store: Arc<dyn Store>,
    /// There are some from before; where there are none, none are asked for.
    found: bool,
    gathered: Mutex<Gathered>,
    /// One writes at a time: two would write the same.
    writer: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Gathered {
    bodies: BTreeMap<String, String>,
    bytes: usize,
    /// On their way into the store. Whoever is dropped while writing leaves them here for the next.
    writing: BTreeMap<String, String>,
}

impl StoredReads {
    pub(crate) async fn open(store: Arc<dyn Store>) -> Result<Self, StoreError> {
        let found = !store.records(READ, None, 1).await?.is_empty();
        Ok(StoredReads { store, found, gathered: Mutex::default(), writer: tokio::sync::Mutex::default() })
    }

    /// Writes what is gathered.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        let _turn = self.writer.lock().await;
        let bodies = self.gathered().begin_writing();
        if bodies.is_empty() {
            return Ok(());
        }
        let mut unit = Unit::new(Service::Control);
        unit.records = bodies.iter().map(|(key, body)| change(READ, key, body.clone())).collect();
        self.store.commit(vec![unit]).await?;
        self.gathered().writing.clear();
        Ok(())
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when it is time to write them.
    fn gather(&self, key: &str, body: String) -> bool {
        let mut gathered = self.gathered();
        gathered.bytes += body.len();
        gathered.bodies.insert(key.to_owned(), body);
        gathered.bodies.len() >= GATHERED || gathered.bytes >= GATHERED_BYTES
    }
}

impl Gathered {
    fn begin_writing(&mut self) -> BTreeMap<String, String> {
        self.bytes = 0;
        self.writing.append(&mut self.bodies);
        self.writing.clone()
    }

    fn get(&self, key: &str) -> Option<String> {
        self.bodies.get(key).or_else(|| self.writing.get(key)).cloned()
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    at: jiff::Timestamp,
    body: String,
}

#[async_trait]
impl ReadCache for StoredReads {
    async fn get(&self, key: &str) -> Result<Option<CachedRead>, CacheError> {
        let mut body = self.gathered().get(key);
        if body.is_none() && self.found {
            let record = self.store.record(READ, key).await.map_err(|error| CacheError(error.into()))?;
            body = record.map(|record| record.body);
        }
        // What another version wrote is read again.
        let kept = body.and_then(|body| serde_json::from_str::<Kept>(&body).ok());
        Ok(kept.map(|kept| CachedRead { at: kept.at, body: kept.body }))
    }

    async fn put(&self, key: &str, read: CachedRead) -> Result<(), CacheError> {
        let kept = Kept { at: read.at, body: read.body };
        let body = serde_json::to_string(&kept).map_err(|error| CacheError(error.into()))?;
        if self.gather(key, body) {
            self.flush().await.map_err(|error| CacheError(error.into()))?;
        }
        Ok(())
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
    unit.records.push(change(kind, key, body));
    store.commit(vec![unit]).await?;
    Ok(())
}

fn change(kind: &str, key: &str, body: String) -> RecordWrite {
    RecordWrite { kind: kind.to_owned(), key: key.to_owned(), expected: None, body: Some(body) }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use seatshift_store::MemoryStore;

    use super::*;

    fn read(body: &str) -> CachedRead {
        CachedRead { at: Timestamp::UNIX_EPOCH, body: body.to_owned() }
    }

    #[tokio::test]
    async fn reads_are_written_some_at_a_time_and_found_at_every_moment() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let reads = StoredReads::open(store.clone()).await.unwrap();
        for number in 0..=GATHERED {
            reads.put(&format!("key/{number}"), read("body")).await.unwrap();
        }
        assert_eq!(store.records(READ, None, 1000).await.unwrap().len(), GATHERED);
        let last = format!("key/{GATHERED}");
        assert_eq!(reads.get(&last).await.unwrap(), Some(read("body")));

        reads.flush().await.unwrap();
        let again = StoredReads::open(store.clone()).await.unwrap();
        assert_eq!(again.get(&last).await.unwrap(), Some(read("body")));
        assert_eq!(again.get("key/0").await.unwrap(), Some(read("body")));
    }

    #[tokio::test]
    async fn what_somebody_was_writing_when_he_was_stopped_is_written_by_the_next() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let reads = StoredReads::open(store.clone()).await.unwrap();
        reads.put("key", read("body")).await.unwrap();
        // As far as a flush comes that is dropped before its commit.
        drop(reads.gathered().begin_writing());
        assert_eq!(reads.get("key").await.unwrap(), Some(read("body")));
        reads.flush().await.unwrap();
        assert_eq!(store.records(READ, None, 10).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_large_read_is_written_at_once() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let reads = StoredReads::open(store.clone()).await.unwrap();
        reads.put("large", read(&"x".repeat(GATHERED_BYTES))).await.unwrap();
        assert_eq!(store.records(READ, None, 10).await.unwrap().len(), 1);
    }
}
