//! The tracker: what control remembers of each migration, and the verdict that follows from what it hears.
//!
//! Control is a participant like the others: a pure `decide` and a thin edge. It asks for a migration, listens, and says
//! what stands; it never reads Microsoft to judge a participant's word, because the final read-backs are in the facts.

mod decide;
mod facts;
mod ledger;
mod turn;

pub use facts::{Answer, Ask, Fact, News, Outcome, Report, Said, Slot};
pub use ledger::{Known, Ledger, RowRef, Stage, Verdict, VerdictKind, Wish};

pub(crate) use decide::decide;
pub use decide::{BEYOND_LIMIT, NOT_IN_WAVE, OPERATOR, WAITS_FOR};

#[cfg(test)]
mod conversations;
#[cfg(test)]
mod walks;
