//! How far the whole is, for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::member::{Member, Phase};
use crate::pause::Pause;
use crate::tracker::VerdictKind;

/// How far the whole is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Rows in runs; a row that is tried again counts once.
    pub rows: usize,
    pub waiting: usize,
    pub checking: usize,
    pub running: usize,
    /// Standing verdicts.
    pub verdicts: BTreeMap<VerdictKind, usize>,
    /// Users of the rows that are not skipped.
    pub users: u64,
    pub users_moved: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_requested: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_verdict: Option<Timestamp>,
    pub paused: Option<Pause>,
}

/// Nothing more happens by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// Every row has a standing verdict.
    AllDone,
    /// Paused, and nothing is under way any more; rows still wait.
    Halted(Pause),
}

impl Progress {
    pub(super) fn count(&mut self, member: &Member) {
        self.rows += 1;
        match member.phase {
            Phase::Waiting => self.waiting += 1,
            Phase::Checking => self.checking += 1,
            Phase::Running => self.running += 1,
            Phase::Parked | Phase::Closed => {}
        }
        if let Some(kind) = member.standing {
            *self.verdicts.entry(kind).or_default() += 1;
        }
        if member.standing != Some(VerdictKind::Skipped) {
            self.users += u64::from(member.users);
            self.users_moved += u64::from(member.moved);
        }
        self.first_requested = self.first_requested.into_iter().chain(member.requested_at.get()).min();
        self.last_verdict = self.last_verdict.max(member.verdict_at.get());
    }
}
