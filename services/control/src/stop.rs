//! The stop rule: a run that goes wrong is paused before it has gone wrong for everyone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use seatshift_messages::MigrationId;
use serde::{Deserialize, Serialize};

use crate::tracker::{Ledger, OPERATOR, VerdictKind};

/// When to pause. Bad is: refused or parked, or rolled back without a person having asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StopRule {
    /// Off: nothing is ever paused by rule.
    pub enabled: bool,
    /// This many bad ones pause the run ...
    pub first_bad: usize,
    /// ... among this many first ones.
    pub first: usize,
    /// Later: this percentage ...
    pub later_percent: usize,
    /// ... of this many last ones.
    pub later: usize,
}

impl Default for StopRule {
    fn default() -> Self {
        StopRule { enabled: true, first_bad: 3, first: 20, later_percent: 5, later: 100 }
    }
}

/// So many are remembered. The rule looks at a hundred; some of them may be withdrawn, and a hundred thousand rows end.
const KEPT: usize = 2_000;

/// How the last migrations ended, in the order in which they did.
#[derive(Debug)]
pub(crate) struct Outcomes {
    rule: StopRule,
    /// The window begins here.
    from: Timestamp,
    ended: BTreeSet<(Timestamp, MigrationId)>,
    bad: BTreeMap<MigrationId, (Timestamp, bool)>,
}

impl Outcomes {
    pub(crate) fn new(rule: StopRule) -> Self {
        Outcomes { rule, from: Timestamp::MIN, ended: BTreeSet::new(), bad: BTreeMap::new() }
    }

    /// What ended before this moment no longer counts: a person has seen it and resumed.
    pub(crate) fn begin_anew(&mut self, from: Timestamp) {
        self.from = from;
    }

    pub(crate) fn note(&mut self, migration: MigrationId, ledger: &Ledger) {
        if let Some((at, _)) = self.bad.remove(&migration) {
            self.ended.remove(&(at, migration));
        }
        if let Some((at, bad)) = outcome(ledger) {
            self.put(migration, at, bad);
        }
    }

    fn put(&mut self, migration: MigrationId, at: Timestamp, bad: bool) {
        self.ended.insert((at, migration));
        self.bad.insert(migration, (at, bad));
        while self.ended.len() > KEPT {
            if let Some((_, oldest)) = self.ended.pop_first() {
                self.bad.remove(&oldest);
            }
        }
    }

    /// Why the run should be paused, where it should.
    pub(crate) fn verdict(&self) -> Option<String> {
        let StopRule { enabled, first_bad, first, later_percent, later } = self.rule;
        if !enabled {
            return None;
        }
        let last: Vec<bool> = self
            .ended
            .iter()
            .rev()
            .take_while(|(at, _)| *at > self.from)
            .take(later.max(first))
            .map(|(_, migration)| self.bad.get(migration).is_some_and(|(_, bad)| *bad))
            .collect();
        let (window, limit) = if last.len() <= first {
            (last.len(), first_bad)
        } else {
            (last.len().min(later), later.saturating_mul(later_percent).div_ceil(100))
        };
        let bad = last[..window].iter().filter(|bad| **bad).count();
        (bad >= limit.max(1))
            .then(|| format!("{bad} of the last {window} were refused, parked or turned back"))
    }
}

/// When it ended, and whether badly; none where it has not, or where nothing was begun.
fn outcome(ledger: &Ledger) -> Option<(Timestamp, bool)> {
    let verdict = ledger.standing()?;
    let asked = ledger.rollback || verdict.cause.code == OPERATOR;
    let bad = match verdict.kind {
        VerdictKind::Completed | VerdictKind::Accepted => false,
        VerdictKind::Refused | VerdictKind::RolledBack => !asked,
        VerdictKind::Parked => match &verdict.parking {
            Some(parking) if parking.participant.is_some() => true,
            // Waits behind another one.
            Some(_) | None => return None,
        },
        VerdictKind::Skipped => return None,
    };
    Some((verdict.at, bad))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_the_last_ones_are_remembered_and_the_rule_does_not_notice() {
        let mut outcomes = Outcomes::new(StopRule::default());
        let rows = 3 * KEPT as i64;
        for row in 0..rows {
            let at = Timestamp::from_second(row + 1).unwrap();
            // The last five are bad, and as many as fill the rule's window long ago.
            let bad = row >= rows - 5 || row < 100;
            outcomes.put(MigrationId(Uuid::from_u128(row as u128)), at, bad);
        }
        assert_eq!((outcomes.ended.len(), outcomes.bad.len()), (KEPT, KEPT));
        assert_eq!(outcomes.verdict().unwrap(), "5 of the last 100 were refused, parked or turned back");
    }

    #[test]
    fn without_a_limit_in_percent_the_later_rows_never_stop_a_run() {
        let rule = StopRule { later_percent: usize::MAX, first_bad: usize::MAX, ..StopRule::default() };
        let mut outcomes = Outcomes::new(rule);
        for row in 1..=200 {
            outcomes.put(
                MigrationId(Uuid::from_u128(row)),
                Timestamp::from_second(row as i64).unwrap(),
                true,
            );
        }
        assert_eq!(outcomes.verdict(), None);
    }
}
