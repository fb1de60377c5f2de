//! What a shared gate asks: the quota that all replicas share.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use seatshift_store::StoreError;
use seatshift_store::quota::{Ask, Leased, Mode, ModeRow, PgQuota, Rule};

/// The shared quota, as the gate needs it. The seam for tests.
#[async_trait]
pub trait Quota: Send + Sync + Debug {
    /// Tokens, and the mode as it stands after the question was sent. Without asks, the mode alone.
    async fn lease(&self, asks: &[Ask]) -> Result<Leased, StoreError>;
    /// A 429. Answers how long the bucket is blocked, in the process's own time.
    async fn throttled(
        &self,
        key: &str,
        rule: &Rule,
        after: Option<Duration>,
    ) -> Result<Duration, StoreError>;
    /// Sets the mode for all. When this ends well it is committed.
    async fn set_mode(&self, mode: Mode) -> Result<ModeRow, StoreError>;
    /// Tokens that were granted and not used.
    async fn give_back(&self, unused: &[(String, u32, Rule)]) -> Result<(), StoreError>;
}

#[async_trait]
impl Quota for PgQuota {
    async fn lease(&self, asks: &[Ask]) -> Result<Leased, StoreError> {
        PgQuota::lease(self, asks).await
    }

    async fn throttled(
        &self,
        key: &str,
        rule: &Rule,
        after: Option<Duration>,
    ) -> Result<Duration, StoreError> {
        PgQuota::throttled(self, key, rule, after).await
    }

    async fn set_mode(&self, mode: Mode) -> Result<ModeRow, StoreError> {
        PgQuota::set_mode(self, mode).await
    }

    async fn give_back(&self, unused: &[(String, u32, Rule)]) -> Result<(), StoreError> {
        PgQuota::give_back(self, unused).await
    }
}
