//! The alarm for silence: a migration under way of which nothing is heard for longer than its step may take.
//!
//! The likeliest cause is a fact that went to nobody: a binding that somebody deleted loses events without a sound, because
//! the history stream still takes them. Control cannot know which one, so everything about that migration is said once more,
//! the same bytes with the same ids, and who has heard it drops it: what control's own log has, and then what only the
//! history has, which is what was lost on its way to control itself. A verdict never comes of silence; those come from facts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use async_trait::async_trait;
use futures::future::{BoxFuture, join_all};
use jiff::{SignedDuration, Timestamp};
use seatshift_bus::{Confirm, Outgoing, RabbitError};
use seatshift_host::later;
use seatshift_messages::{Envelope, EventId, MigrationId, Service};
use seatshift_store::StoreError;

use crate::applies;
use crate::control::Inner;

/// What a person does about silence.
pub const WHAT_TO_DO_ABOUT_SILENCE: &str = "look whether all services run and are ready, and for dead letters (`seatshift dead-letters list`); a deleted \
     binding of the broker is made anew by itself. Their events are published once more, so most go on by themselves";

/// For how long nothing may be heard of a migration under way, by the step that it is in. Longer than the step may take,
/// and than undoing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilenceLimits {
    pub purchase: SignedDuration,
    pub reassignment: SignedDuration,
    pub suspension: SignedDuration,
}

impl Default for SilenceLimits {
    fn default() -> Self {
        SilenceLimits::all(SignedDuration::from_hours(48))
    }
}

impl SilenceLimits {
    /// The same limit for each step.
    pub fn all(limit: SignedDuration) -> Self {
        SilenceLimits { purchase: limit, reassignment: limit, suspension: limit }
    }

    /// The limit while this service's word is awaited; the longest where that is not known.
    pub fn of(&self, awaits: Option<Service>) -> SignedDuration {
        match awaits {
            Some(Service::Purchase) => self.purchase,
            Some(Service::Reassignment) => self.reassignment,
            Some(Service::Suspension) => self.suspension,
            Some(Service::Control) | None => self.purchase.max(self.reassignment).max(self.suspension),
        }
    }

    fn shortest(&self) -> SignedDuration {
        self.purchase.min(self.reassignment).min(self.suspension)
    }
}

/// A migration of which nothing was heard for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentMigration {
    pub migration: MigrationId,
    /// When it was last heard of, or asked for, or when the pause ended that it stood still for.
    pub since: Timestamp,
    /// The service whose step it is in; none on the way back, where several may work.
    pub awaits: Option<Service>,
}

/// Everything that was ever published, by whomever, whether anybody got it or not.
#[async_trait]
pub trait History: Send + Sync + Debug {
    /// Events about these migrations that were published then or later, as far as they are kept; a few earlier ones may be
    /// among them.
    ///
    /// # Errors
    /// When the history cannot be read now.
    async fn about(
        &self,
        migrations: &BTreeSet<MigrationId>,
        since: Timestamp,
    ) -> Result<Vec<Outgoing>, RabbitError>;
}

/// Migrations whose events are said again at one look.
const MOST: usize = 500;
/// Events of one migration read at a time.
const PAGE: usize = 200;
/// Looks within the shortest limit.
const LOOKS: i32 = 48;
/// Between two looks while more than [`MOST`] are silent.
const SOON: SignedDuration = SignedDuration::from_mins(1);
/// What one service says can be on its way while another is heard, and their clocks differ.
const BEFORE: SignedDuration = SignedDuration::from_hours(1);

/// What was done about silence, and when.
#[derive(Debug, Default)]
struct Memory {
    /// Everything about it was said again, and cannot be lost any more.
    said: BTreeMap<MigrationId, Timestamp>,
    tried: BTreeMap<MigrationId, Timestamp>,
}

/// Until it is dropped.
pub(crate) async fn run(control: &Inner) {
    let limits = control.config.silence;
    let between = (limits.shortest() / LOOKS).max(SignedDuration::from_secs(1));
    let mut memory = Memory::default();
    let mut more = false;
    loop {
        control.clock.sleep(if more { between.min(SOON) } else { between }).await;
        control.right_time().await;
        let now = control.clock.now();
        more = match look(control, now, &limits, &mut memory).await {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not look for silence; trying again"
                );
                false
            }
        };
        applies::forget_old(control, now).await;
    }
}

/// Says whether some are left for the next look.
async fn look(
    control: &Inner,
    now: Timestamp,
    limits: &SilenceLimits,
    memory: &mut Memory,
) -> Result<bool, StoreError> {
    let silent = control.board.silent(now, limits);
    let still: BTreeSet<MigrationId> = silent.iter().map(|one| one.migration).collect();
    memory.said.retain(|migration, _| still.contains(migration));
    memory.tried.retain(|migration, _| still.contains(migration));
    let is_due = |one: &&SilentMigration| {
        memory.said.get(&one.migration).is_none_or(|at| later(*at, limits.of(one.awaits)) <= now)
    };
    let mut due: Vec<SilentMigration> = silent.iter().filter(is_due).copied().collect();
    // What could not be said must not stand before the others for ever.
    due.sort_by_key(|one| (memory.tried.get(&one.migration).copied(), one.since, one.migration));
    let more = due.len() > MOST;
    due.truncate(MOST);
    if due.is_empty() {
        return Ok(false);
    }
    tracing::warn!(
        migrations = silent.len(),
        "nothing was heard of some migrations for too long: {WHAT_TO_DO_ABOUT_SILENCE}"
    );
    memory.tried.extend(due.iter().map(|one| (one.migration, now)));
    let mut again = SaidAgain::default();
    let mut safe = Vec::new();
    for SilentMigration { migration, since, awaits } in &due {
        let awaits = awaits.map(Service::name);
        tracing::warn!(%migration, %since, awaits, "silent");
        again.what_the_log_has(control, *migration).await?;
        // Not all at once: a confirmation is waited for some seconds only, and an event can be a megabyte.
        if again.confirmed(control).await {
            safe.push(*migration);
        }
    }
    if again.what_was_lost(control, &due).await && again.confirmed(control).await {
        memory.said.extend(safe.into_iter().map(|migration| (migration, now)));
    }
    Ok(more)
}

/// What is said again at one look. What is not confirmed, or could not be read, is said again at the next.
#[derive(Default)]
struct SaidAgain {
    events: BTreeSet<EventId>,
    confirms: Vec<BoxFuture<'static, Confirm>>,
}

impl SaidAgain {
    /// What our own log has of a migration, in order.
    async fn what_the_log_has(&mut self, control: &Inner, migration: MigrationId) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = control.store.events(after, PAGE, Some(migration.0)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.position;
            let readable = page.iter().filter_map(|row| {
                let envelope = Envelope::from_bytes(&row.bytes).ok()?;
                Some(Outgoing { id: envelope.id, bytes: row.bytes.clone() })
            });
            for event in readable {
                self.say(control, event);
            }
        }
    }

    /// What the history has of these migrations and our log has not: we have not heard it, and others may not have. False
    /// where the history cannot be read.
    async fn what_was_lost(&mut self, control: &Inner, due: &[SilentMigration]) -> bool {
        let Some(history) = &control.history else { return true };
        let Some(since) = due.iter().map(|one| one.since).min() else { return true };
        let since = since.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
        let migrations = due.iter().map(|one| one.migration).collect();
        match history.about(&migrations, since).await {
            Ok(events) => {
                let lost: Vec<Outgoing> =
                    events.into_iter().filter(|event| !self.events.contains(&event.id)).collect();
                if !lost.is_empty() {
                    tracing::warn!(events = lost.len(), "the history has facts that never came here");
                }
                lost.into_iter().for_each(|event| self.say(control, event));
                true
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the history cannot be read; what was lost on its way here is said again when it can"
                );
                false
            }
        }
    }

    fn say(&mut self, control: &Inner, event: Outgoing) {
        self.events.insert(event.id);
        self.confirms.push(control.bus.publish(event));
    }

    /// Whether none of it can be lost any more.
    async fn confirmed(&mut self, control: &Inner) -> bool {
        let confirms = std::mem::take(&mut self.confirms);
        // Alone, the bus confirms at the reader's acknowledgment: waiting for it would be waiting for control itself.
        !control.shared || join_all(confirms).await.iter().all(|confirm| *confirm == Confirm::Safe)
    }
}
