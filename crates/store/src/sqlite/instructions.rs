//! Instructions that were read or written lately, so that a quarter of a megabyte is not parsed with every ledger read.
//!
//! Rows of `instruction` never change, so what is in here is always right, whoever writes to the file beside us.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use seatshift_messages::Instruction;

/// Bytes of JSON that the cached instructions stand for, together.
const ROOM: usize = 64 << 20;

#[derive(Debug, Default)]
pub(super) struct Instructions {
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    by_id: BTreeMap<i64, Cached>,
    /// Ids by last use, the oldest first.
    by_use: BTreeMap<u64, i64>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Cached {
    instruction: Arc<Instruction>,
    bytes: usize,
    used: u64,
}

impl Instructions {
    pub(super) fn get(&self, id: i64) -> Option<Arc<Instruction>> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.uses += 1;
        let now = shelf.uses;
        let cached = shelf.by_id.get_mut(&id)?;
        let before = std::mem::replace(&mut cached.used, now);
        let instruction = Arc::clone(&cached.instruction);
        shelf.by_use.remove(&before);
        shelf.by_use.insert(now, id);
        Some(instruction)
    }

    /// Only for rows that are committed: an id that was rolled back is given to another row.
    pub(super) fn put(&self, id: i64, instruction: Arc<Instruction>, bytes: usize) {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.forget(id);
        shelf.uses += 1;
        let used = shelf.uses;
        shelf.by_use.insert(used, id);
        shelf.by_id.insert(id, Cached { instruction, bytes, used });
        shelf.bytes += bytes;
        while shelf.bytes > ROOM
            && let Some((_, oldest)) = shelf.by_use.first_key_value()
        {
            let oldest = *oldest;
            shelf.forget(oldest);
        }
    }
}

impl Shelf {
    fn forget(&mut self, id: i64) {
        if let Some(cached) = self.by_id.remove(&id) {
            self.by_use.remove(&cached.used);
            self.bytes -= cached.bytes;
        }
    }
}
