//! The register of all events: the only place that knows which name stands for which struct and who may say it.
//!
//! A name is for ever. Adding an event means: a struct in `facts`, a line in the table below, a golden file.

use serde::Deserialize;
use serde_json::Value;

use crate::envelope::{Envelope, Heading, Service, Unreadable};
use crate::facts::*;

macro_rules! events {
    ($( $name:literal, $by:ident, $variant:ident($data:ty), $means:literal; )*) => {
        /// Any event of version 1, for code that tells them apart. On the wire each has a name and a struct of its own.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $( #[doc = $means] $variant(Box<$data>), )*
        }

        impl Event {
            /// The wire name.
            pub fn kind(&self) -> &'static str {
                match self { $( Event::$variant(_) => concat!("seatshift.", $name, ".v1"), )* }
            }

            /// The one service that may say it.
            pub fn owner(&self) -> Service {
                match self { $( Event::$variant(_) => Service::$by, )* }
            }

            fn data(&self) -> Value {
                match self { $( Event::$variant(data) => serde_json::to_value(data), )* }
                    .expect("event data holds only JSON values and text keys")
            }

            /// Reads the event inside an envelope. Unknown fields are tolerated; an error says why the event must go to
            /// the dead letters.
            pub fn read(envelope: &Envelope) -> Result<Event, Unreadable> {
                match envelope.kind.as_str() {
                    $( concat!("seatshift.", $name, ".v1") => <$data>::deserialize(&envelope.data)
                        .map(|data| Event::$variant(Box::new(data)))
                        .map_err(|source| Unreadable::WrongData { kind: envelope.kind.clone(), source }), )*
                    unknown => Err(Unreadable::UnknownType { kind: unknown.to_owned() }),
                }
            }
        }

        /// Every event: full wire name, who says it, what it means.
        pub const CATALOG: &[(&str, Service, &str)] =
            &[ $( (concat!("seatshift.", $name, ".v1"), Service::$by, $means), )* ];
    };
}

events! {
    "migration.requested", Control, MigrationRequested(MigrationRequested),
        "admitted; carries the whole instruction";
    "subscription.purchased", Purchase, SubscriptionPurchased(SubscriptionPurchased),
        "new subscription active and its seats assignable";
    "purchase.refused", Purchase, PurchaseRefused(PurchaseRefused),
        "nothing of ours stands";
    "licenses.reassigned", Reassignment, LicensesReassigned(LicensesReassigned),
        "every user of the row is on the new SKU, read back";
    "reassignment.refused", Reassignment, ReassignmentRefused(ReassignmentRefused),
        "could not; everyone we moved is back";
    "subscription.suspended", Suspension, SubscriptionSuspended(SubscriptionSuspended),
        "old one suspended; with the undo deadline";
    "suspension.refused", Suspension, SuspensionRefused(SuspensionRefused),
        "old one still active and will stay so";
    "licenses.restored", Reassignment, LicensesRestored(LicensesRestored),
        "everyone we moved is back, with the service plans they had";
    "purchase.reverted", Purchase, PurchaseReverted(PurchaseReverted),
        "new subscription suspended or deleted";
    "subscription.reactivated", Suspension, SubscriptionReactivated(SubscriptionReactivated),
        "old one active again, its seats assignable";
    "purchase.parked", Purchase, PurchaseParked(Parked),
        "purchase cannot go on without a person";
    "reassignment.parked", Reassignment, ReassignmentParked(Parked),
        "reassignment cannot go on without a person";
    "suspension.parked", Suspension, SuspensionParked(Parked),
        "suspension cannot go on without a person";
    "rollback.requested", Control, RollbackRequested(RollbackRequested),
        "undo this migration; at most once for each, never withdrawn";
    "retry.requested", Control, RetryRequested(RetryRequested),
        "a person says: try again; names participant and parking";
    "migration.progressed", Reassignment, MigrationProgressed(MigrationProgressed),
        "users moved so far";
    "run.paused", Control, RunPaused(RunPaused),
        "an operator paused the run";
    "run.resumed", Control, RunResumed(RunResumed),
        "an operator resumed the run";
    "migration.completed", Control, MigrationCompleted(VerdictReached),
        "verdict: bought, reassigned, suspended";
    "migration.refused", Control, MigrationRefused(VerdictReached),
        "verdict: nothing of ours stands";
    "migration.skipped", Control, MigrationSkipped(VerdictReached),
        "verdict: nothing was begun, with the reason";
    "migration.rolled_back", Control, MigrationRolledBack(VerdictReached),
        "verdict: everything of ours is undone";
    "migration.parked", Control, MigrationParked(VerdictReached),
        "verdict: waits for a person";
    "migration.accepted", Control, MigrationAccepted(VerdictReached),
        "verdict: a named person closed it as it stands";
}

impl Event {
    /// Puts the event into its envelope.
    pub fn seal(&self, heading: Heading) -> Envelope {
        debug_assert_eq!(heading.source, self.owner(), "{} is not said by {}", self.kind(), heading.source);
        Envelope::new(heading, self.kind(), self.data())
    }

    /// The participants that act on it. Control hears everything that a participant says, and nothing of its own.
    pub fn heard_by(&self) -> &'static [Service] {
        use Service::{Control, Purchase, Reassignment, Suspension};
        match self {
            Event::MigrationRequested(_) => &[Purchase],
            Event::SubscriptionPurchased(_) => &[Control, Reassignment],
            Event::LicensesReassigned(_) => &[Control, Suspension],
            Event::ReassignmentRefused(_) | Event::LicensesRestored(_) => &[Control, Purchase],
            Event::SuspensionRefused(_) | Event::SubscriptionReactivated(_) => &[Control, Reassignment],
            Event::PurchaseRefused(_)
            | Event::PurchaseReverted(_)
            | Event::SubscriptionSuspended(_)
            | Event::PurchaseParked(_)
            | Event::ReassignmentParked(_)
            | Event::SuspensionParked(_)
            | Event::MigrationProgressed(_) => &[Control],
            Event::RollbackRequested(_) => &[Purchase, Reassignment, Suspension],
            Event::RetryRequested(retry) => match retry.participant {
                Purchase => &[Purchase],
                Reassignment => &[Reassignment],
                Suspension => &[Suspension],
                Control => &[],
            },
            Event::RunPaused(_)
            | Event::RunResumed(_)
            | Event::MigrationCompleted(_)
            | Event::MigrationRefused(_)
            | Event::MigrationSkipped(_)
            | Event::MigrationRolledBack(_)
            | Event::MigrationParked(_)
            | Event::MigrationAccepted(_) => &[],
        }
    }
}
