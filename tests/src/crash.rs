//! A crash at a drawn await.
//!
//! What an engine does in between is drawn, not timed: it lives until Microsoft has been called so many times more, and is
//! then dropped with everything it had in hand. Calls on their way go on without it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use seatshift_partner_center::{Transport, TransportError};
use tokio::sync::Notify;

/// Counts the calls that go through it, and says when the drawn one comes.
#[derive(Debug)]
pub struct Fuse<T> {
    inner: T,
    calls: AtomicU64,
    blows_at: AtomicU64,
    blown: Arc<Notify>,
    /// The fuse blows when the drawn call is sent, or when it is answered.
    after_answer: std::sync::atomic::AtomicBool,
}

impl<T: Transport> Fuse<T> {
    pub fn new(inner: T) -> Self {
        Fuse {
            inner,
            calls: AtomicU64::new(0),
            blows_at: AtomicU64::new(u64::MAX),
            blown: Arc::new(Notify::new()),
            after_answer: std::sync::atomic::AtomicBool::new(false),
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Blows at so many calls from now: when that call is sent, or when its answer has come.
    pub fn set(&self, calls_from_now: u64, after_answer: bool) {
        self.after_answer.store(after_answer, Ordering::Relaxed);
        self.blows_at.store(self.calls().saturating_add(calls_from_now.max(1)), Ordering::Relaxed);
    }

    /// Never blows.
    pub fn mend(&self) {
        self.blows_at.store(u64::MAX, Ordering::Relaxed);
    }

    /// Resolves when it blows.
    pub async fn blown(&self) {
        self.blown.notified().await;
    }
}

impl<T: Transport> Transport for Fuse<T> {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let blows = number == self.blows_at.load(Ordering::Relaxed);
        let answer = self.inner.send(request);
        if !blows {
            return answer;
        }
        let blown = self.blown.clone();
        if !self.after_answer.load(Ordering::Relaxed) {
            blown.notify_one();
            return answer;
        }
        Box::pin(async move {
            let answer = answer.await;
            blown.notify_one();
            answer
        })
    }
}
