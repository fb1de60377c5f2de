//! Planning: which subscriptions are to be moved, to what, and what stands against it.
//!
//! ```text
//! discover ── cheap pass: customers, subscriptions ──▶ deep pass: read ──▶ assess ──▶ Plan ──▶ plan.csv, plan-users.csv
//!                                                                                        a person reads, edits, decides
//! apply ──▶ file (what was decided, and what of it cannot be done) ──▶ recheck (read afresh, assess again) ──▶ Instruction
//! ```
//!
//! Reading and judging are apart: `read` asks Microsoft and writes down facts, `assess` is a plain function from facts to
//! a row. What must never happen here: a changing call (the client's read-only type has none), a row that is *ready* with
//! a doubt left, a subscription that was found and has no row.

mod assess;
mod cache;
mod discover;
mod file;
mod fingerprint;
mod options;
mod plan;
mod progress;
mod read;
mod reasons;
mod recheck;
mod row;
mod seen;

#[cfg(test)]
pub(crate) mod tests;

pub use assess::{Admission, friendly_name, mark};
pub use cache::{CacheError, CachedRead, MemoryCache, ReadCache};
pub use discover::{PlanError, discover};
pub use file::{
    KnownOffers, PlanFile, UsersFile, day_of, parse_plan, parse_users, plan_sha256, read_plan, read_users,
};
pub use fingerprint::{Facet, Fingerprint, NoFingerprint};
pub use options::{PlanOptions, UNDO_DAYS};
pub use plan::{Plan, approve_ready};
pub use progress::{Phase, Progress, Quiet};
pub use read::Desk;
pub use reasons::{Answer, Finding, Readiness, Reason};
pub use recheck::{Recheck, Rechecker};
pub use row::{AssignedBy, Decision, PlanPath, PlanRow, PlanUser, REPORT_COLUMNS};
