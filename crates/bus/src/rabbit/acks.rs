//! Which deliveries of one channel may be acknowledged, with the fewest words.
//!
//! The broker numbers the deliveries of a channel 1, 2, 3, ... `ack(multiple)` up to a tag takes everything below it too,
//! so it is said only for a prefix in which everything is settled; what is settled behind an open one is acknowledged
//! singly, so that one slow delivery does not hold up the others' acknowledgments.
//!
//! What must never happen: an acknowledgment that covers a delivery nobody has settled, or one for a tag that the broker
//! has forgotten, which closes the channel.

use std::collections::VecDeque;

/// An acknowledgment to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ack {
    pub(crate) tag: u64,
    /// With everything below it.
    pub(crate) multiple: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    /// With a reader, or waiting for one, or given back and not told to the broker yet.
    Open,
    /// Settled; the broker is to be told.
    Done,
    /// The broker has been told.
    Gone,
}

/// The deliveries of one channel, from the lowest that the broker still waits for.
#[derive(Debug)]
pub(crate) struct AckTracker {
    /// Tag of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    /// Tags that became done since the last look.
    fresh: Vec<u64>,
}

impl Default for AckTracker {
    fn default() -> Self {
        AckTracker { first: 1, slots: VecDeque::new(), fresh: Vec::new() }
    }
}

impl AckTracker {
    /// The broker has delivered this tag. Tags come without holes.
    pub(crate) fn delivered(&mut self, tag: u64) {
        debug_assert_eq!(tag, self.first + self.slots.len() as u64, "the broker counts deliveries by one");
        self.slots.push_back(Slot::Open);
    }

    /// It may be acknowledged.
    pub(crate) fn done(&mut self, tag: u64) {
        if let Some(slot) = self.slot(tag)
            && *slot == Slot::Open
        {
            *slot = Slot::Done;
            self.fresh.push(tag);
        }
    }

    /// The broker has it back.
    pub(crate) fn returned(&mut self, tag: u64) {
        if let Some(slot) = self.slot(tag) {
            *slot = Slot::Gone;
        }
        self.forget();
    }

    /// What to tell the broker now, in this order. Told once.
    pub(crate) fn take(&mut self) -> Vec<Ack> {
        let mut acks = Vec::new();
        let settled = self.slots.iter().take_while(|slot| **slot != Slot::Open).count();
        let prefix = || (self.first..).zip(self.slots.iter().take(settled));
        let waiting = prefix().filter(|(_, slot)| **slot == Slot::Done).count();
        // The highest that the broker still knows; tags above it in the prefix are gone already.
        if let Some((tag, _)) = prefix().filter(|(_, slot)| **slot == Slot::Done).last() {
            acks.push(Ack { tag, multiple: waiting > 1 });
        }
        let behind = self.first + settled as u64;
        acks.extend(
            self.fresh.iter().filter(|tag| **tag >= behind).map(|tag| Ack { tag: *tag, multiple: false }),
        );
        for tag in std::mem::take(&mut self.fresh) {
            if let Some(slot) = self.slot(tag) {
                *slot = Slot::Gone;
            }
        }
        self.forget();
        acks
    }

    fn slot(&mut self, tag: u64) -> Option<&mut Slot> {
        let place = usize::try_from(tag.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(place)
    }

    fn forget(&mut self) {
        while self.slots.front() == Some(&Slot::Gone) {
            self.slots.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn tracker(delivered: u64) -> AckTracker {
        let mut tracker = AckTracker::default();
        (1..=delivered).for_each(|tag| tracker.delivered(tag));
        tracker
    }

    fn ack(tag: u64, multiple: bool) -> Ack {
        Ack { tag, multiple }
    }

    #[test]
    fn a_settled_prefix_is_one_acknowledgment() {
        let mut tracker = tracker(5);
        [3, 1, 2].into_iter().for_each(|tag| tracker.done(tag));
        assert_eq!(tracker.take(), [ack(3, true)]);
        assert_eq!(tracker.take(), []);
        tracker.done(4);
        assert_eq!(tracker.take(), [ack(4, false)]);
    }

    #[test]
    fn what_is_settled_behind_an_open_one_is_acknowledged_singly_and_once() {
        let mut tracker = tracker(5);
        [2, 4].into_iter().for_each(|tag| tracker.done(tag));
        assert_eq!(tracker.take(), [ack(2, false), ack(4, false)]);
        tracker.done(1);
        assert_eq!(tracker.take(), [ack(1, false)], "2 is gone: the broker would not know it");
        [3, 5].into_iter().for_each(|tag| tracker.done(tag));
        assert_eq!(tracker.take(), [ack(5, true)]);
    }

    #[test]
    fn what_the_broker_has_back_is_not_acknowledged() {
        let mut tracker = tracker(3);
        [1, 3].into_iter().for_each(|tag| tracker.done(tag));
        tracker.returned(2);
        tracker.done(2);
        assert_eq!(tracker.take(), [ack(3, true)], "2 is gone, so nothing below 3 waits but 1");
    }

    /// A broker that counts as RabbitMQ does: what it still waits for, and what it takes amiss.
    #[derive(Default)]
    struct Broker {
        delivered: u64,
        waiting: BTreeSet<u64>,
    }

    impl Broker {
        fn acknowledged(&mut self, ack: Ack) -> BTreeSet<u64> {
            assert!(self.waiting.contains(&ack.tag), "{ack:?}: an unknown tag closes the channel");
            let taken: BTreeSet<u64> = match ack.multiple {
                true => self.waiting.range(..=ack.tag).copied().collect(),
                false => BTreeSet::from([ack.tag]),
            };
            self.waiting.retain(|tag| !taken.contains(tag));
            taken
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Deliver,
        Settle(prop::sample::Index),
        Return(prop::sample::Index),
        Tell,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Deliver),
            4 => any::<prop::sample::Index>().prop_map(Step::Settle),
            1 => any::<prop::sample::Index>().prop_map(Step::Return),
            2 => Just(Step::Tell),
        ];
        prop::collection::vec(step, 1..120)
    }

    proptest! {
        #[test]
        fn exactly_what_is_settled_is_acknowledged_whatever_the_order(steps in steps()) {
            let (mut tracker, mut broker) = (AckTracker::default(), Broker::default());
            let (mut open, mut settled) = (BTreeSet::new(), BTreeSet::new());
            for step in steps.into_iter().chain([Step::Tell]) {
                match step {
                    Step::Deliver => {
                        broker.delivered += 1;
                        broker.waiting.insert(broker.delivered);
                        open.insert(broker.delivered);
                        tracker.delivered(broker.delivered);
                    }
                    Step::Settle(index) if !open.is_empty() => {
                        let tag = *index.get(&open.iter().copied().collect::<Vec<_>>());
                        open.remove(&tag);
                        settled.insert(tag);
                        tracker.done(tag);
                    }
                    Step::Return(index) if !open.is_empty() => {
                        let tag = *index.get(&open.iter().copied().collect::<Vec<_>>());
                        open.remove(&tag);
                        broker.waiting.remove(&tag);
                        tracker.returned(tag);
                    }
                    Step::Settle(_) | Step::Return(_) => {}
                    Step::Tell => {
                        for ack in tracker.take() {
                            for tag in broker.acknowledged(ack) {
                                prop_assert!(settled.remove(&tag), "{tag} was acknowledged and nobody settled it");
                            }
                        }
                        prop_assert!(settled.is_empty(), "settled and not acknowledged: {settled:?}");
                    }
                }
            }
        }
    }
}
