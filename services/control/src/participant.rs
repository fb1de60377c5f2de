//! Control as its host sees it: the tracker's decisions, the events they hear and say.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use seatshift_host::{About, Clock, Decision, Desk, Heard, Job, Participant, Performed};
use seatshift_messages::{
    Envelope, Event, Instruction, MigrationId, MigrationRequested, RetryRequested, RollbackRequested, Service,
};
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::tracker::{self, Fact, Ledger, News, Report, Said, VerdictKind};

/// The participant.
#[derive(Debug)]
pub struct Controlling {
    clock: Arc<dyn Clock>,
    board: Arc<Board>,
}

/// Control queues no work rows: what it does beside deciding is to read a row's facts again, and a stage remembers that.
#[derive(Debug, Serialize, Deserialize)]
pub enum Work {}

impl Controlling {
    pub(crate) fn new(clock: Arc<dyn Clock>, board: Arc<Board>) -> Self {
        Controlling { clock, board }
    }
}

#[async_trait]
impl Participant for Controlling {
    const SERVICE: Service = Service::Control;
    // Control says it once, with the fact that brings it; rows it knows by their plan.
    const READS_INSTRUCTIONS: bool = false;
    type Stage = Ledger;
    type Fact = News;
    type Work = Work;
    type Said = Said;

    fn decide(stage: Ledger, fact: News) -> Decision<Self> {
        tracker::decide(stage, fact)
    }

    fn hear(&self, _event: Event) -> Option<Heard<News>> {
        None // control needs the envelope, see `receive`
    }

    fn receive(&self, envelope: &Envelope, event: Event) -> Option<Heard<News>> {
        let event = report(event)?;
        let (source, sequence, said_at) = (envelope.source, envelope.sequence, envelope.time);
        let fact = Fact::Heard { source, sequence, said_at, event };
        Some(Heard { fact: News::new(self.clock.now(), fact), instruction: None })
    }

    fn instruction_in(news: &News) -> Option<Arc<Instruction>> {
        match &news.fact {
            Fact::StillTrue { instruction } => Some(instruction.clone()),
            _ => None,
        }
    }

    fn committed(&self, migration: MigrationId, version: u64, ledger: &Ledger) {
        self.board.note(migration, version, ledger);
    }

    fn say(&self, said: Said, about: &About) -> Event {
        match said {
            Said::Requested => {
                let instruction = about.instruction.as_deref().cloned();
                let instruction = instruction.expect("it is said on the fact that brings the instruction");
                Event::MigrationRequested(Box::new(MigrationRequested { instruction }))
            }
            Said::RollbackRequested { asked } => {
                Event::RollbackRequested(Box::new(RollbackRequested { asked }))
            }
            Said::RetryRequested { participant, parking, asked } => {
                Event::RetryRequested(Box::new(RetryRequested { participant, parking, asked }))
            }
            Said::Verdict { kind, verdict } => match kind {
                VerdictKind::Completed => Event::MigrationCompleted(verdict),
                VerdictKind::Refused => Event::MigrationRefused(verdict),
                VerdictKind::Skipped => Event::MigrationSkipped(verdict),
                VerdictKind::RolledBack => Event::MigrationRolledBack(verdict),
                VerdictKind::Accepted => Event::MigrationAccepted(verdict),
                VerdictKind::Parked => Event::MigrationParked(verdict),
            },
        }
    }

    async fn perform(&self, job: Job<Work>, _desk: &Desk<Self>) -> Performed<Self> {
        match job.work {}
    }
}

/// What a participant's event reports; none for control's own.
fn report(event: Event) -> Option<Report> {
    Some(match event {
        Event::SubscriptionPurchased(said) => Report::Purchased { purchase: said.purchase },
        Event::PurchaseRefused(said) => Report::PurchaseRefused { cause: said.cause, stands: said.stands },
        Event::PurchaseReverted(said) => Report::PurchaseReverted { cause: said.cause, stands: said.stands },
        Event::MigrationProgressed(said) => Report::Progressed { moved: said.moved },
        Event::LicensesReassigned(said) => {
            Report::Reassigned { moved: said.moved, already: said.already_there }
        }
        Event::ReassignmentRefused(said) => Report::MovedBack { restored: said.restored, left: said.left },
        Event::LicensesRestored(said) => Report::MovedBack { restored: said.restored, left: said.left },
        Event::SubscriptionSuspended(said) => Report::Suspended {
            at: said.suspended_at,
            undo_until: said.undo_until,
            undo_reason: said.undo_reason,
            stands: said.stands,
        },
        Event::SuspensionRefused(said) => Report::SuspensionRefused { stands: said.stands },
        Event::SubscriptionReactivated(said) => Report::Reactivated { stands: said.stands },
        Event::PurchaseParked(said) | Event::ReassignmentParked(said) | Event::SuspensionParked(said) => {
            Report::Parked(said)
        }
        Event::MigrationRequested(_)
        | Event::RollbackRequested(_)
        | Event::RetryRequested(_)
        | Event::RunPaused(_)
        | Event::RunResumed(_)
        | Event::MigrationCompleted(_)
        | Event::MigrationRefused(_)
        | Event::MigrationSkipped(_)
        | Event::MigrationRolledBack(_)
        | Event::MigrationParked(_)
        | Event::MigrationAccepted(_) => return None,
    })
}

/// A wait of the clock's own time that is long for a computer and short for a person.
pub(crate) const A_MOMENT: SignedDuration = SignedDuration::from_secs(1);
