//! What is going to happen at a customer by itself: Microsoft's own clock, and the effects of calls whose answer was
//! lost or put off. It is applied when the customer is next looked at, in the order of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::LateCommand;

/// Something that comes due.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The subscription of this order comes to be.
    Provisioned { order: Uuid },
    /// The subscription's units become assignable, unless its standing has changed since.
    UnitsReady { subscription: Uuid, standing: u32 },
    /// The last day of the commitment is over.
    CommitmentEnd { subscription: Uuid },
    /// A suspended subscription is deleted, unless its standing has changed since.
    Deletion { subscription: Uuid, standing: u32 },
    /// An expired subscription of new commerce is disabled, a disabled one deleted, unless its standing has changed since.
    Decay { subscription: Uuid, standing: u32 },
    /// A change that was asked for earlier takes effect, if the rules still allow it.
    Late(Box<LateCommand>),
}

#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) at: Timestamp,
    pub(crate) event: Event,
}

/// The queue, ordered by time and then by the order of entry.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    queue: BTreeMap<(Timestamp, u64), Event>,
    entered: u64,
}

impl Agenda {
    pub(crate) fn enter(&mut self, at: Timestamp, event: Event) {
        self.entered += 1;
        self.queue.insert((at, self.entered), event);
    }

    /// Takes the earliest event that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Due> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let ((at, _), event) = entry.remove_entry();
        Some(Due { at, event })
    }

    /// Whether a change with this request id has not taken effect yet.
    pub(crate) fn has_late(&self, request_id: Uuid) -> bool {
        self.late(request_id).is_some()
    }

    fn late(&self, request_id: Uuid) -> Option<(Timestamp, u64)> {
        self.queue.iter().find_map(|(key, event)| match event {
            Event::Late(late) if late.request_id == Some(request_id) => Some(*key),
            _ => None,
        })
    }

    /// Takes the change with this request id that has not taken effect yet.
    pub(crate) fn take_late(&mut self, request_id: Uuid) -> Option<LateCommand> {
        match self.queue.remove(&self.late(request_id)?) {
            Some(Event::Late(late)) => Some(*late),
            _ => None,
        }
    }
}
