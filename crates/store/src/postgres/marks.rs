//! Learning what became of a commit whose answer was lost.
//!
//! Each transaction notes its number under the name of its writer (this process and a slot of it). When the connection goes
//! while `commit` is under way, the note tells: it is there, then all is there; it is not, then nothing is. The question waits
//! for a transaction of that writer that the server is still busy with, so its answer is final. (The server's own
//! `pg_xact_status` will not do: after a crash a transaction number that never reached the disk is given out again.)

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use seatshift_messages::Service;
use uuid::Uuid;

use super::PgStore;
use crate::StoreError;

/// How often the question is asked, and how long is waited in between: half a minute, in which a server restarts.
const TRIES: u32 = 60;
const BETWEEN: Duration = Duration::from_millis(500);

/// The number of one transaction of one writer.
#[derive(Debug)]
pub(super) struct Mark {
    /// In whose schema it is noted.
    service: Service,
    pub(super) slot: i32,
    pub(super) count: i64,
}

/// Writers that have no transaction under way.
#[derive(Debug)]
pub(super) struct Marks {
    pub(super) process: Uuid,
    free: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    free: Vec<(Service, i32, i64)>,
    opened: i32,
}

impl Marks {
    /// `process` is a name that no other process has.
    pub(super) fn new(process: Uuid) -> Self {
        Marks { process, free: Mutex::default() }
    }

    /// For one transaction. It is given back only when that has ended for certain.
    pub(super) fn take(&self, service: Service) -> Mark {
        let mut slots = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.free.iter().position(|(of, ..)| *of == service);
        let (slot, count) = match known.map(|index| slots.free.swap_remove(index)) {
            Some((_, slot, count)) => (slot, count + 1),
            None => {
                slots.opened += 1;
                (slots.opened, 1)
            }
        };
        Mark { service, slot, count }
    }

    pub(super) fn give_back(&self, mark: Mark) {
        let mut slots = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        slots.free.push((mark.service, mark.slot, mark.count));
    }
}

impl PgStore {
    /// Asks until there is an answer; after half a minute it is not known.
    pub(super) async fn was_committed(&self, mark: &Mark, lost: sqlx::Error) -> Result<bool, StoreError> {
        let sql = &self.room(mark.service)?.sql;
        for _ in 0..TRIES {
            let query = sqlx::query_as(sql.last_mark.clone()).bind(self.marks.process).bind(mark.slot);
            if let Ok(mut loan) = self.connections.take("asking what became of a commit").await
                && let Ok((count,)) = loan.one::<(i64,)>(query).await
            {
                return Ok(count == mark.count);
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Err(StoreError::Unknown { source: lost.into() })
    }
}
