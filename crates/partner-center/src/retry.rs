//! Repeating in place: at most a few tries and a few seconds, for reads and for tokens, never for changes.
//!
//! The only module that names `backoff`. The crate is the project owner's choice and is no longer maintained; what is
//! used of it is its `Retry` future, with our own waiting and our own policy, so that replacing it touches this file
//! alone. Longer waits are not made here: they are rows that come due, and hold nothing while they wait.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::future::{Retry, Sleeper};
use futures::future::BoxFuture;

use crate::config::{Jitter, RetryLimits};
use crate::error::Remedy;
use crate::timer::Timer;

/// Repeats `operation` while its error says [`Remedy::Retry`], with full jitter, or [`Remedy::Throttled`], after the
/// time Microsoft named; until it succeeds, another remedy comes, or the limits are reached. Then the last error is
/// the answer: a `Retry-After` beyond the budget comes back at once, as `Throttled`.
///
/// What is limited is the number of tries and the time spent *waiting* between them. How long a try takes is the
/// transport's business and real time, while waiting may run on a compressed clock.
pub(crate) async fn in_place<T, E, F, Fut>(
    timer: &Arc<dyn Timer>,
    jitter: &Jitter,
    limits: RetryLimits,
    remedy: fn(&E) -> Remedy,
    operation: F,
) -> Result<T, E>
where
    F: Fn(u32) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let budget = Budget(Arc::new(Mutex::new(Spent::default())), limits);
    let policy = FullJitter { budget: budget.clone(), jitter: Arc::clone(jitter) };
    let attempt = || {
        let budget = budget.clone();
        let result = operation(budget.next_try());
        async move { result.await.map_err(|error| budget.classify(remedy(&error), error)) }
    };
    Retry::new(OnTimer(Arc::clone(timer)), policy, |_, _| {}, attempt).await
}

/// What has been spent of the limits.
#[derive(Default)]
struct Spent {
    tries: u32,
    waited: Duration,
}

#[derive(Clone)]
struct Budget(Arc<Mutex<Spent>>, RetryLimits);

impl Budget {
    /// Counts a try; the first is 1.
    fn next_try(&self) -> u32 {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spent.tries += 1;
        spent.tries
    }

    /// Takes `wait` from the budget, if there is a try left and the time for it.
    fn afford(&self, wait: impl FnOnce(u32) -> Duration) -> Option<Duration> {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.tries >= self.1.tries {
            return None;
        }
        let wait = wait(spent.tries);
        let waited = spent.waited + wait;
        if waited > self.1.waiting {
            return None;
        }
        spent.waited = waited;
        Some(wait)
    }

    fn classify<E>(&self, remedy: Remedy, error: E) -> backoff::Error<E> {
        match remedy {
            Remedy::Retry | Remedy::Throttled { after: None } => backoff::Error::transient(error),
            Remedy::Throttled { after: Some(after) } => match self.afford(|_| after) {
                Some(wait) => backoff::Error::retry_after(error, wait),
                None => backoff::Error::permanent(error),
            },
            _ => backoff::Error::permanent(error),
        }
    }
}

/// Full jitter: each wait is drawn from zero to a ceiling that doubles. Spreads callers that failed together better
/// than jitter around a mean, which is what `backoff` has of its own.
struct FullJitter {
    budget: Budget,
    jitter: Jitter,
}

impl Backoff for FullJitter {
    fn next_backoff(&mut self) -> Option<Duration> {
        let first = self.budget.1.first;
        self.budget.afford(|tries| {
            let ceiling = first.saturating_mul(1 << tries.saturating_sub(1).min(16));
            ceiling.mul_f64((self.jitter)().clamp(0.0, 1.0))
        })
    }
}

/// Waits on our own clock.
struct OnTimer(Arc<dyn Timer>);

impl Sleeper for OnTimer {
    type Sleep = BoxFuture<'static, ()>;

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }
}
