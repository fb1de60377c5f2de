//! One customer's migrations, of which one at a time is under way; and what it would begin next.

use seatshift_messages::MigrationId;

use super::member::Moment;

/// Mostly one id; sorted.
#[derive(Debug, Clone)]
pub(super) enum Few {
    One(MigrationId),
    Many(Vec<MigrationId>),
}

impl Few {
    pub(super) fn insert(&mut self, id: MigrationId) {
        match self {
            Few::One(one) if *one == id => {}
            Few::One(one) => *self = Few::Many(vec![id.min(*one), id.max(*one)]),
            Few::Many(many) => {
                if let Err(place) = many.binary_search(&id) {
                    many.insert(place, id);
                }
            }
        }
    }

    pub(super) fn as_slice(&self) -> &[MigrationId] {
        match self {
            Few::One(one) => std::slice::from_ref(one),
            Few::Many(many) => many,
        }
    }
}

/// What a lane has to offer. It follows from its members alone, so it is not kept: before one of them changes it is worked
/// out and taken back, and afterwards worked out anew.
#[derive(Debug, Default)]
pub(super) struct Offers {
    /// What it would begin, and not before when.
    pub(super) begins: Option<(Option<Moment>, Candidate)>,
    /// Who in it is to be told that it waits, each with whom it waits for.
    pub(super) told: Vec<(MigrationId, MigrationId)>,
}

/// A migration that could begin: wishes of operators first, then the nearest end date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) kind: Begins,
    pub(super) end: Moment,
    pub(super) index: u32,
    pub(super) migration: MigrationId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Begins {
    /// A rollback or retry of a closed migration.
    Wish,
    /// A row of the plan.
    Row,
}
