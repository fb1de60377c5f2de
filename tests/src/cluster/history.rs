//! What the stream holds, and what can be wrong with it: numbers that are missing, and words that were said too often.
//!
//! The second is what a service does that decides twice on one event: its own word once more, under a new id and number, to
//! whoever listens. The rules are those of the design (section 4), not the services': each word of a migration is said once,
//! a verdict follows from one word, and a participant parks once more only after somebody has answered its parking.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_messages::{Envelope, Service};
use uuid::Uuid;

/// What a migration says at most once.
const ONCE: [&str; 11] = [
    "migration.requested",
    "subscription.purchased",
    "purchase.refused",
    "licenses.reassigned",
    "reassignment.refused",
    "subscription.suspended",
    "suspension.refused",
    "licenses.restored",
    "purchase.reverted",
    "subscription.reactivated",
    "rollback.requested",
];

/// Verdicts, each with the word that it follows from.
const FOLLOWS: [(&str, &str); 3] = [
    ("migration.completed", "subscription.suspended"),
    ("migration.refused", "purchase.refused"),
    ("migration.rolled_back", "purchase.reverted"),
];

const PARKED: [&str; 3] = ["purchase.parked", "reassignment.parked", "suspension.parked"];
/// What ends a parking.
const ANSWERS: [&str; 2] = ["retry.requested", "rollback.requested"];

/// What the stream holds.
#[derive(Debug, Default, Clone)]
pub struct History {
    /// By source and subject: the numbers seen.
    pub sequences: BTreeMap<(Service, Uuid), BTreeSet<u64>>,
    /// By subject: which kinds of events were said, and which ids they have.
    pub kinds: BTreeMap<Uuid, BTreeMap<String, BTreeSet<Uuid>>>,
    pub messages: usize,
    pub distinct: BTreeSet<Uuid>,
}

impl History {
    pub fn take(&mut self, bytes: &[u8]) {
        let envelope = Envelope::from_bytes(bytes).expect("the history holds events");
        self.messages += 1;
        self.distinct.insert(envelope.id.0);
        self.sequences.entry((envelope.source, envelope.subject)).or_default().insert(envelope.sequence);
        let kinds = self.kinds.entry(envelope.subject).or_default();
        kinds.entry(envelope.kind).or_default().insert(envelope.id.0);
    }

    /// Numbers that are missing, in words.
    pub fn holes(&self) -> Vec<String> {
        let hole = |((source, subject), seen): (&(Service, Uuid), &BTreeSet<u64>)| {
            let last = seen.last().copied().unwrap_or(0);
            let missing: Vec<u64> = (1..=last).filter(|number| !seen.contains(number)).collect();
            (!missing.is_empty())
                .then(|| format!("{source} {subject}: events {missing:?} of {last} are not in the history"))
        };
        self.sequences.iter().filter_map(hole).collect()
    }

    /// What services have written down and the history does not have, in words. `written`: by source and subject, the number of
    /// the last event. A hole at the end shows nowhere else.
    pub fn ends_short(&self, written: &[(Service, Uuid, u64)]) -> Vec<String> {
        let short = |(source, subject, last): &(Service, Uuid, u64)| {
            let seen = self.sequences.get(&(*source, *subject)).and_then(|seen| seen.last()).copied();
            let seen = seen.unwrap_or(0);
            (seen < *last).then(|| {
                format!("{source} {subject}: {last} events were written down, the history ends with {seen}")
            })
        };
        written.iter().filter_map(short).collect()
    }

    /// What was said more often than there was reason to, each time as a new event, in words.
    pub fn said_too_often(&self) -> Vec<String> {
        self.kinds.iter().flat_map(|(subject, kinds)| too_often(*subject, kinds)).collect()
    }
}

fn too_often(subject: Uuid, kinds: &BTreeMap<String, BTreeSet<Uuid>>) -> Vec<String> {
    let times = |word: &str| kinds.get(&format!("seatshift.{word}.v1")).map_or(0, BTreeSet::len);
    let answers: usize = ANSWERS.iter().map(|answer| times(answer)).sum();
    let most = ONCE
        .iter()
        .map(|word| (*word, 1))
        .chain(FOLLOWS.iter().map(|(verdict, word)| (*verdict, times(word))))
        .chain(PARKED.iter().map(|parked| (*parked, 1 + answers)));
    let more = most.filter(|(word, most)| times(word) > *most);
    more.map(|(word, most)| {
        format!("{subject}: {word} was said {} times, and {most} at most is right", times(word))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> Vec<String> {
        let mut kinds: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for (number, word) in words.iter().enumerate() {
            let id = Uuid::from_u128(number as u128);
            kinds.entry(format!("seatshift.{word}.v1")).or_default().insert(id);
        }
        too_often(Uuid::nil(), &kinds)
    }

    #[test]
    fn a_last_event_that_is_missing_is_found_and_so_is_a_history_without_any() {
        let subject = Uuid::from_u128(7);
        let mut history = History::default();
        history.sequences.insert((Service::Control, subject), BTreeSet::from([1, 2]));
        assert!(history.ends_short(&[(Service::Control, subject, 2)]).is_empty());
        assert_eq!(history.ends_short(&[(Service::Control, subject, 3)]).len(), 1);
        assert_eq!(history.ends_short(&[(Service::Purchase, subject, 1)]).len(), 1);
    }

    #[test]
    fn the_words_of_a_migration_that_goes_well_or_is_parked_and_answered_are_no_complaint() {
        let well = ["migration.requested", "subscription.purchased", "licenses.reassigned"];
        assert!(said(&well).is_empty());
        let parked = [
            "purchase.parked",
            "retry.requested",
            "purchase.parked",
            "rollback.requested",
            "purchase.parked",
        ];
        assert!(said(&parked).is_empty());
        assert!(said(&["subscription.suspended", "migration.completed"]).is_empty());
        assert!(said(&["migration.progressed", "migration.progressed"]).is_empty());
    }

    #[test]
    fn a_word_said_twice_a_verdict_without_a_word_of_its_own_and_an_unasked_parking_are_found() {
        for words in [
            &["subscription.purchased", "subscription.purchased"][..],
            &["subscription.suspended", "migration.completed", "migration.completed"],
            &["migration.rolled_back"],
            &["suspension.parked", "suspension.parked"],
        ] {
            assert_eq!(said(words).len(), 1, "{words:?}");
        }
    }
}
