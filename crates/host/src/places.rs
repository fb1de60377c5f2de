//! Who makes calls: as many pieces of work at a time as there are places, and a few more that are ready for one.
//!
//! A piece has its place only while it calls. Before that it is read, between two rounds of calls it may be written down
//! ([`Place::aside`]), at the end it is saved; another calls meanwhile, so that no call waits for the store.
//!
//! What must never happen here: more calling than there are places, or somebody who waits for a place for longer than its
//! lease lets it send.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;

/// The places of one host.
#[derive(Debug)]
pub(crate) struct Places {
    parallel: usize,
    /// So many more are taken up than there are places.
    ahead: usize,
    calling: Arc<Semaphore>,
    /// Taken up, and not done calling.
    begun: AtomicUsize,
    /// One that was begun is done calling.
    pub(crate) free: Notify,
}

impl Places {
    pub(crate) fn of(limits: &Limits) -> Self {
        let parallel = limits.parallel.max(1);
        // Of a piece's time a fifth or so is not calls, where an answer takes tens of milliseconds.
        let ahead = if limits.replicated() { limits.batch.min(parallel.div_ceil(2)) } else { 0 };
        let calling = Arc::new(Semaphore::new(parallel));
        Places { parallel, ahead, calling, begun: AtomicUsize::new(0), free: Notify::new() }
    }

    /// How many more may be taken up, with so many under way. What is being saved is bounded too: a store that is slow is not
    /// to be given more and more.
    pub(crate) fn room(&self, running: usize) -> usize {
        let begun = self.begun.load(Ordering::Relaxed);
        let most = self.parallel + self.ahead;
        most.saturating_sub(begun).min((most + self.parallel).saturating_sub(running))
    }

    /// For fewer the store is not asked: there are still some ready.
    pub(crate) fn worth_asking(&self) -> usize {
        (self.ahead / 2).max(1)
    }

    pub(crate) fn begin(self: &Arc<Self>) -> Begun {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Begun(self.clone())
    }

    async fn one(&self) -> OwnedSemaphorePermit {
        match self.calling.clone().acquire_owned().await {
            Ok(place) => place,
            // It is never closed.
            Err(_) => std::future::pending().await,
        }
    }
}

/// One that was taken up and is not done calling.
#[derive(Debug)]
pub(crate) struct Begun(Arc<Places>);

impl Begun {
    /// Waits for a place.
    pub(crate) async fn place(&self) -> Place {
        Place { places: self.0.clone(), held: Mutex::new(Some(self.0.one().await)) }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begun.fetch_sub(1, Ordering::Relaxed);
        self.0.free.notify_one();
    }
}

/// Somebody's place.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Place {
    /// Does something that is no call, and leaves the place to others meanwhile. Answers when it has one again, or when
    /// `too_late` has come to pass: then there is no time left to call, and no place either.
    pub(crate) async fn aside<T>(
        &self,
        other: impl Future<Output = T>,
        too_late: impl Future<Output = ()>,
    ) -> T {
        let mut held = self.held.lock().await;
        held.take();
        let done = other.await;
        tokio::select! {
            biased;
            place = self.places.one() => *held = Some(place),
            () = too_late => {}
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt;
    use jiff::SignedDuration;

    use super::*;

    fn one_place() -> Arc<Places> {
        let look_again = Some(SignedDuration::from_secs(1));
        Arc::new(Places::of(&Limits { parallel: 1, look_again, ..Limits::default() }))
    }

    #[tokio::test]
    async fn another_calls_while_one_is_being_saved() {
        let places = one_place();
        let (one, other) = (places.begin(), places.begin());
        let place = one.place().await;
        assert!(other.place().now_or_never().is_none(), "both call");
        let seen = place.aside(async { other.place().now_or_never().is_some() }, pending()).await;
        assert!(seen, "nobody calls while one is saved");
    }

    #[tokio::test]
    async fn who_was_saved_waits_until_the_other_is_done_calling() {
        let places = one_place();
        let (one, other) = (places.begin(), places.begin());
        let place = one.place().await;
        let saving = async { other.place().now_or_never().expect("it is free") };
        let mut back = Box::pin(async {
            let others = Mutex::new(None);
            place.aside(async { *others.lock().await = Some(saving.await) }, pending()).await;
        });
        assert!(back.as_mut().now_or_never().is_none(), "both call");
    }

    #[tokio::test]
    async fn who_has_no_time_left_does_not_wait_for_a_place() {
        let places = one_place();
        let (one, other) = (places.begin(), places.begin());
        let place = one.place().await;
        let others = place.aside(async { other.place().await }, ready(())).await;
        drop(place);
        let third = places.begin();
        assert!(third.place().now_or_never().is_none(), "a place was given back that it did not have");
        drop(others);
        assert!(third.place().now_or_never().is_some());
    }

    #[test]
    fn what_is_being_saved_leaves_room_but_not_without_end() {
        let places = one_place();
        // One calls, one is ready.
        let in_hand = [places.begin(), places.begin()];
        assert_eq!(places.room(2), 0);
        drop(in_hand);
        assert_eq!([places.room(2), places.room(3), places.room(9)], [1, 0, 0]);
    }
}
