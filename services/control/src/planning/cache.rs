//! What was read already, so that a stopped discovery goes on instead of starting over.
//!
//! Only whole answers are kept; a read that failed is tried again next time. What must never happen: an old read that is
//! taken for a new one, so each carries the moment at which it began.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One answer that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedRead {
    /// When it was read.
    pub at: Timestamp,
    /// JSON of this module's own making.
    pub body: String,
}

/// The place where reads are kept is out of reach.
#[derive(Debug, thiserror::Error)]
#[error("what was read of the partner's customers cannot be kept or found again")]
pub struct CacheError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps reads by key. Keys are short texts; bodies are up to some megabytes and hold names of customers and people.
#[async_trait]
pub trait ReadCache: Send + Sync + Debug {
    async fn get(&self, key: &str) -> Result<Option<CachedRead>, CacheError>;
    async fn put(&self, key: &str, read: CachedRead) -> Result<(), CacheError>;
}

/// Keeps reads as long as the process lives.
#[derive(Debug, Default)]
pub struct MemoryCache(Mutex<BTreeMap<String, CachedRead>>);

#[async_trait]
impl ReadCache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<CachedRead>, CacheError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }
    async fn put(&self, key: &str, read: CachedRead) -> Result<(), CacheError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), read);
        Ok(())
    }
}

/// The value under `key`, if it is no older than `reuse`. One that this version cannot read counts as not there.
pub(super) async fn recall<T: DeserializeOwned>(
    cache: &dyn ReadCache,
    key: &str,
    now: Timestamp,
    reuse: Duration,
) -> Result<Option<T>, CacheError> {
    let Some(read) = cache.get(key).await? else { return Ok(None) };
    let age = Duration::try_from(now.duration_since(read.at)).unwrap_or(Duration::ZERO);
    Ok(if age < reuse { serde_json::from_str(&read.body).ok() } else { None })
}

/// Keeps a value under `key`.
pub(super) async fn keep<T: Serialize>(
    cache: &dyn ReadCache,
    key: &str,
    at: Timestamp,
    value: &T,
) -> Result<(), CacheError> {
    let body = serde_json::to_string(value).map_err(|error| CacheError(error.into()))?;
    cache.put(key, CachedRead { at, body }).await
}
