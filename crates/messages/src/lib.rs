//! Every event of Seatshift: types, names, versions, envelope.
//!
//! # The map: who says what to whom
//!
//! ```text
//! control ── migration.requested ──▶ purchase
//!            purchase ── subscription.purchased ──▶ reassignment
//!                        reassignment ── licenses.reassigned ──▶ suspension
//!                                        suspension ── subscription.suspended ──▶ control   (completed)
//!
//! and backwards, each undoing only what it did itself:
//!
//!                                        suspension ── suspension.refused ──────▶ reassignment
//!                                        suspension ── subscription.reactivated ▶ reassignment
//!                        reassignment ── licenses.restored ────▶ purchase
//!                        reassignment ── reassignment.refused ─▶ purchase
//!            purchase ── purchase.reverted ──▶ control   (rolled back)
//!            purchase ── purchase.refused ───▶ control   (refused)
//!
//! purchase | reassignment | suspension ── *.parked ──▶ control   (parked)
//! control ── rollback.requested ──▶ purchase, reassignment, suspension
//! control ── retry.requested ─────▶ the one that is parked
//! reassignment ── migration.progressed ──▶ dashboards
//! control ── run.paused, run.resumed, migration.{completed,refused,skipped,rolled_back,parked,accepted} ──▶ outside
//! ```
//!
//! Control also hears every fact of the participants, to keep the timeline. *Refused* means: I have left nothing behind.
//!
//! Why it is so: the saga is choreographed, so no place runs it; this page is where it is written down, and
//! [`Event::heard_by`] is the same map for machines. What must never happen here: a clock, a broker, a database, or a
//! change of a released name.

mod envelope;
mod event;
mod facts;
mod ids;
mod instruction;
#[cfg(feature = "openapi")]
mod openapi;
mod trace;

pub use envelope::{CONTENT_TYPE, Envelope, Heading, Service, Unreadable};
pub use event::{CATALOG, Event};
pub use facts::*;
pub use ids::*;
pub use instruction::*;
pub use trace::TraceContext;
