//! New ids, from a seeded source: a run with the same seed and the same order of events makes the same ids.

use std::sync::Mutex;

use jiff::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use seatshift_messages::{EventId, MigrationId, RunId};
use uuid::Uuid;

/// Makes UUIDs. Event, run and migration ids are UUIDv7 (they sort by time); request ids are random.
#[derive(Debug)]
pub struct Ids {
    source: Mutex<ChaCha12Rng>,
}

impl Ids {
    /// From a seed, for runs that must be repeatable.
    pub fn seeded(seed: u64) -> Self {
        Ids { source: Mutex::new(ChaCha12Rng::seed_from_u64(seed)) }
    }

    /// From the system's entropy.
    pub fn random() -> Self {
        Ids { source: Mutex::new(rand::make_rng()) }
    }

    pub fn event(&self, now: Timestamp) -> EventId {
        EventId(self.v7(now))
    }
    pub fn run(&self, now: Timestamp) -> RunId {
        RunId(self.v7(now))
    }
    pub fn migration(&self, now: Timestamp) -> MigrationId {
        MigrationId(self.v7(now))
    }

    /// `MS-RequestId` of one attempt.
    pub fn request(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A number in `0.0..1.0`, for jitter.
    pub fn fraction(&self) -> f64 {
        f64::from(u32::from_le_bytes(first_four(self.bytes()))) / (f64::from(u32::MAX) + 1.0)
    }

    fn v7(&self, now: Timestamp) -> Uuid {
        let bytes: [u8; 16] = self.bytes();
        let mut tail = [0; 10];
        tail.copy_from_slice(&bytes[..10]);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }

    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let mut source = self.source.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        source.fill_bytes(&mut bytes);
        bytes
    }
}

fn first_four(bytes: [u8; 16]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}
