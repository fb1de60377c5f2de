//! Instructions that were read or written lately, so that a quarter of a megabyte is not parsed with every ledger read.
//!
//! Stored instructions never change, so what is in here is always right, whoever writes beside us.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use seatshift_messages::Instruction;

/// What a cached instruction takes however short it is, beside the bytes of its JSON: a short one takes more room than they
/// say, a long one less.
const EACH: usize = 1 << 10;

/// By the engine's own key.
#[derive(Debug)]
pub(crate) struct Instructions<K> {
    shelf: Mutex<Shelf<K>>,
    /// Bytes that the cached instructions may count together: those of their JSON, and [`EACH`].
    room: usize,
}

#[derive(Debug)]
struct Shelf<K> {
    by_id: BTreeMap<K, Cached>,
    /// Ids by last use, the oldest first.
    by_use: BTreeMap<u64, K>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Cached {
    instruction: Arc<Instruction>,
    bytes: usize,
    used: u64,
}

impl<K: Ord + Copy> Instructions<K> {
    pub(crate) fn new(room: usize) -> Self {
        let shelf = Shelf { by_id: BTreeMap::new(), by_use: BTreeMap::new(), uses: 0, bytes: 0 };
        Instructions { shelf: Mutex::new(shelf), room }
    }

    pub(crate) fn get(&self, id: K) -> Option<Arc<Instruction>> {
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
    pub(crate) fn put(&self, id: K, instruction: Arc<Instruction>, bytes: usize) {
        let bytes = bytes + EACH;
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.forget(id);
        shelf.uses += 1;
        let used = shelf.uses;
        shelf.by_use.insert(used, id);
        shelf.by_id.insert(id, Cached { instruction, bytes, used });
        shelf.bytes += bytes;
        while shelf.bytes > self.room
            && let Some((_, oldest)) = shelf.by_use.first_key_value()
        {
            let oldest = *oldest;
            shelf.forget(oldest);
        }
    }
}

impl<K: Ord + Copy> Shelf<K> {
    fn forget(&mut self, id: K) {
        if let Some(cached) = self.by_id.remove(&id) {
            self.by_use.remove(&cached.used);
            self.bytes -= cached.bytes;
        }
    }
}
