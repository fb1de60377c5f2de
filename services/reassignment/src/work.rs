//! The pieces of work that reassignment queues: chunks of users, and the check of a shared pool.
//!
//! A chunk is a row, not a count: a repeated result changes nothing. It stays after it has settled, because it is the only
//! memory of whom *we* moved and of the service plans they had.

use jiff::{SignedDuration, Timestamp};
use seatshift_host::{Sent, later};
use seatshift_messages::{Cause, MoveGroup, ServicePlanId, UserId};
use serde::{Deserialize, Serialize};

/// Users in one chunk: big enough to share reads and commits, small enough to be undone and retried alone.
pub(crate) const CHUNK: usize = 25;

/// One row of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Chunk(Chunk),
    /// Same SKU: nobody is reassigned, the seats that will be left decide.
    Pool {
        looks: u32,
    },
}

/// Some users of one migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Index among the migration's chunks.
    pub index: usize,
    pub users: Vec<UserRow>,
    /// Looks in a row that could not be made.
    #[serde(default)]
    pub outages: u32,
}

/// One user: what we know, what we began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserRow {
    pub user: UserId,
    /// Service plans of the target that are to be off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<ServicePlanId>,
    #[serde(default)]
    pub standing: Standing,
    /// How the user stood before our first call, for the way back. Written before that call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// The intent that has not been answered: a repeat carries its request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// When we last gave up waiting for an answer. That call may land until its horizon has passed, even after a repeat
    /// of it was answered: nothing opposite is begun before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Timestamp>,
    /// A call of the undo has been begun.
    #[serde(default)]
    pub undoing: bool,
    /// A definite refusal; it counts once nothing unanswered is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// Calls made in this direction.
    #[serde(default)]
    pub tries: u32,
}

/// A refusal of one user's change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    pub cause: Cause,
    /// It may pass once a person has done something (rights, usage location), as opposed to never.
    pub person: bool,
    /// Had planning been able to see it, the row would have asked a person first: see [`Stuck::unasked`].
    ///
    /// [`Stuck::unasked`]: crate::decide::Stuck::unasked
    #[serde(default)]
    pub unasked: bool,
}

/// How a user stood before we came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Service plans of the old SKU that were off.
    #[serde(default)]
    pub disabled: Vec<ServicePlanId>,
    /// Held the target SKU already, beside the old one.
    #[serde(default)]
    pub had_target: bool,
    /// With these of its service plans off.
    #[serde(default)]
    pub target_disabled: Vec<ServicePlanId>,
}

/// Where one user stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing of ours was done.
    #[default]
    Untouched,
    /// We have begun, and not seen the end.
    Begun,
    /// On the target because of us, read back.
    Moved,
    /// On the target before we came.
    AlreadyThere,
    /// Holds neither, and not because of us.
    NotHolding,
    /// Back as before, read back.
    Restored,
    /// No longer as we left them: somebody else has changed something since. Not touched.
    Left,
}

impl Standing {
    /// Nothing more is to be done going forward.
    pub fn is_settled_forward(self) -> bool {
        match self {
            Standing::Moved | Standing::AlreadyThere | Standing::NotHolding | Standing::Left => true,
            Standing::Untouched | Standing::Begun | Standing::Restored => false,
        }
    }
}

/// Cuts the instruction's users into chunks.
pub(crate) fn chunks(groups: &[MoveGroup]) -> Vec<Chunk> {
    let rows: Vec<UserRow> = groups
        .iter()
        .flat_map(|group| group.users.iter().map(|user| UserRow::new(*user, group.exclude.clone())))
        .collect();
    rows.chunks(CHUNK)
        .enumerate()
        .map(|(index, users)| Chunk { index, users: users.to_vec(), outages: 0 })
        .collect()
}

impl UserRow {
    /// When the last lost call can no longer land, if that is still to come.
    pub fn settles(&self, now: Timestamp, horizon: SignedDuration) -> Option<Timestamp> {
        self.lost_at.map(|at| later(at, horizon)).filter(|settles| *settles > now)
    }

    /// A call got no answer, or the process that made it died: its horizon begins now.
    pub fn lost(&mut self, now: Timestamp) {
        self.lost_at = self.lost_at.max(Some(now));
    }

    pub fn new(user: UserId, exclude: Vec<ServicePlanId>) -> Self {
        UserRow {
            user,
            exclude,
            standing: Standing::Untouched,
            before: None,
            sent: None,
            lost_at: None,
            undoing: false,
            refused: None,
            tries: 0,
        }
    }
}

/// Name of a chunk's row.
pub(crate) fn chunk_part(index: usize) -> String {
    format!("chunk-{index:05}")
}

/// Name of the pool check's row.
pub(crate) const POOL: &str = "pool";
