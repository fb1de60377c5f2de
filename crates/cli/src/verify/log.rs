//! What the event log says: what was asked for, what was bought, which verdict stands, and whether a number is missing.

use std::collections::{BTreeMap, BTreeSet};

use seatshift_messages::{
    Envelope, Event, Instruction, MigrationId, Purchase, RunId, Service, VerdictReached,
};
use seatshift_store::{Store, StoreError};
use uuid::Uuid;

/// The whole log, read once.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) events: u64,
    /// Missing sequence numbers, and verdicts that know of events that are not there.
    pub(crate) holes: u64,
    /// Events that cannot be read.
    pub(crate) unreadable: u64,
    pub(crate) migrations: BTreeMap<MigrationId, Story>,
}

/// What was said about one migration.
#[derive(Debug, Default, Clone)]
pub(crate) struct Story {
    pub(crate) instruction: Option<Instruction>,
    pub(crate) purchase: Option<Purchase>,
    /// The last one said: its name and its data.
    pub(crate) verdict: Option<(&'static str, VerdictReached)>,
}

impl Log {
    pub(crate) async fn read(store: &dyn Store) -> Result<Log, StoreError> {
        let mut log = Log::default();
        let mut numbers: BTreeMap<(Service, Uuid), BTreeSet<u64>> = BTreeMap::new();
        let mut known_of: BTreeMap<(Service, Uuid), u64> = BTreeMap::new();
        let mut after = 0;
        loop {
            let page = store.events(after, 1000, None).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for row in &page {
                log.events += 1;
                let Ok(envelope) = Envelope::from_bytes(&row.bytes) else {
                    log.unreadable += 1;
                    continue;
                };
                numbers.entry((envelope.source, envelope.subject)).or_default().insert(envelope.sequence);
                match Event::read(&envelope) {
                    Ok(event) => log.take(envelope.subject, event, &mut known_of),
                    Err(_) => log.unreadable += 1,
                }
            }
        }
        log.holes = holes(&numbers, &known_of);
        Ok(log)
    }

    fn take(&mut self, subject: Uuid, event: Event, known_of: &mut BTreeMap<(Service, Uuid), u64>) {
        let verdict = match event {
            Event::MigrationRequested(said) => {
                self.migrations.entry(MigrationId(subject)).or_default().instruction = Some(said.instruction);
                return;
            }
            Event::SubscriptionPurchased(said) => {
                self.migrations.entry(MigrationId(subject)).or_default().purchase = Some(said.purchase);
                return;
            }
            Event::MigrationCompleted(said) => ("completed", said),
            Event::MigrationRefused(said) => ("refused", said),
            Event::MigrationSkipped(said) => ("skipped", said),
            Event::MigrationRolledBack(said) => ("rolled_back", said),
            Event::MigrationAccepted(said) => ("accepted", said),
            Event::MigrationParked(said) => ("parked", said),
            _ => return,
        };
        for upto in &verdict.1.upto {
            let known = known_of.entry((upto.source, subject)).or_default();
            *known = (*known).max(upto.sequence);
        }
        let story = self.migrations.entry(MigrationId(subject)).or_default();
        let newer = story.verdict.as_ref().is_none_or(|(_, before)| verdict.1.revision >= before.revision);
        if newer {
            story.verdict = Some((verdict.0, *verdict.1));
        }
    }

    /// The verdict that stands for a row: of all its migrations the one with the highest revision.
    pub(crate) fn of_row(&self, run: RunId, row: &str) -> Option<(MigrationId, &Story)> {
        let of_row = self.migrations.iter().filter(|(_, story)| match (&story.verdict, &story.instruction) {
            (Some((_, verdict)), _) => verdict.run == run && verdict.row == row,
            (None, Some(instruction)) => instruction.run == run && instruction.row == row,
            (None, None) => false,
        });
        let latest =
            of_row.max_by_key(|(_, story)| story.verdict.as_ref().map_or(0, |(_, said)| said.revision));
        latest.map(|(migration, story)| (*migration, story))
    }
}

fn holes(
    numbers: &BTreeMap<(Service, Uuid), BTreeSet<u64>>,
    known_of: &BTreeMap<(Service, Uuid), u64>,
) -> u64 {
    let missing = |(key, seen): (&(Service, Uuid), &BTreeSet<u64>)| {
        let last = seen.last().copied().unwrap_or(0).max(known_of.get(key).copied().unwrap_or(0));
        last - seen.range(1..=last).count() as u64
    };
    let unseen: u64 =
        known_of.iter().filter(|(key, _)| !numbers.contains_key(*key)).map(|(_, last)| *last).sum();
    numbers.iter().map(missing).sum::<u64>() + unseen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_number_is_a_hole_also_at_the_end() {
        let key = (Service::Purchase, Uuid::nil());
        let seen =
            |numbers: &[u64]| BTreeMap::from([(key, numbers.iter().copied().collect::<BTreeSet<_>>())]);
        assert_eq!(holes(&seen(&[1, 2, 3]), &BTreeMap::new()), 0);
        assert_eq!(holes(&seen(&[1, 3]), &BTreeMap::new()), 1);
        assert_eq!(holes(&seen(&[2, 3]), &BTreeMap::new()), 1);
        assert_eq!(holes(&seen(&[1, 2]), &BTreeMap::from([(key, 3)])), 1);
        assert_eq!(holes(&BTreeMap::new(), &BTreeMap::from([(key, 2)])), 2);
    }
}
