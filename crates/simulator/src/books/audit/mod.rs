//! The audit: seven figures that say what the engine did to customers, each zero when it did them no harm.
//!
//! It reads the books entry by entry and the statement of intent, and nothing else: no state of the simulator, no word of
//! the engine. Each customer is replayed by itself, with its pools, holders and subscriptions kept up to date, so that an
//! entry costs what it touches; only a pool that changes from enough seats to too few makes all its holders be looked at.
//!
//! | figure | counts |
//! | --- | --- |
//! | `double_purchases` | orders of an offer above what the approved rows of the customer (and explicit retries) name; an order wholly undone before the next is gone (of new commerce: deleted, for suspended it is billed on) |
//! | `users_in_gap` | users served when the engine first touched their customer whom a step of the engine left with neither the row's old SKU nor its target's from a pool with `activeUnits >= holders` |
//! | `early_suspensions` | suspensions, deletions and reductions by the engine after which the pool's `activeUnits` are below its holders |
//! | `services_lost` | add-ons suspended that no row names, and users whose service plans differ at the end from what the row says |
//! | `bystanders_touched` | users and subscriptions in no row that the engine changed (an add-on dragged along by its base counts as a lost service instead) |
//! | `moved_wrongly` | rows whose truth is `leave`, or `ask` without the decision asked for, that stand moved |
//! | `left_wrongly` | rows whose truth is `move`, approved, not completed, without a final refusal or a person to account for it |
//!
//! What one call did is one step: the lines of an atomic swap are judged together, by the call's request id.

mod intended;
mod ledger;
mod purchases;
mod rows;
mod seats;
mod services;
mod step;
mod tenant;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::ledger::Ledger;
pub use self::seats::Seats;
use super::{Actor, Change, Entry, Intent};

/// What the books say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audit {
    pub figures: Figures,
    pub examined: Examined,
    /// What became of the seats that the engine bought.
    #[serde(default)]
    pub seats: Seats,
    /// By figure: how much was looked at for it, and what was found.
    pub details: BTreeMap<String, Detail>,
    /// What whoever reads this should know: above all, that nothing was examined.
    pub notes: Vec<String>,
}

/// The figures; every one is zero when no harm was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Figures {
    pub double_purchases: u64,
    pub users_in_gap: u64,
    pub early_suspensions: u64,
    pub services_lost: u64,
    pub bystanders_touched: u64,
    pub moved_wrongly: u64,
    pub left_wrongly: u64,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Examined {
    /// Rows of which the engine changed something.
    pub migrations: u64,
    /// Users whose service was watched, or whose licenses the engine changed.
    pub users: u64,
    /// Entries that the engine caused, injected faults not counted.
    pub changes: u64,
    /// All entries read.
    pub entries: u64,
}

/// One figure's work.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Detail {
    /// What the numbers count: `orders`, `users`, ...
    pub of: String,
    pub examined: u64,
    pub found: u64,
    /// The first [`FINDINGS`] of them.
    pub findings: Vec<Finding>,
}

/// One thing that should not have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub customer: Uuid,
    /// User, subscription or order.
    pub subject: Uuid,
    /// The row it belongs to, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// Number of the entry that shows it.
    pub entry: u64,
    pub why: String,
}

/// So many findings of a figure are kept; all are counted.
pub const FINDINGS: usize = 100;

/// Which figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    DoublePurchases,
    UsersInGap,
    EarlySuspensions,
    ServicesLost,
    BystandersTouched,
    MovedWrongly,
    LeftWrongly,
}

impl Figure {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::DoublePurchases, "double_purchases", "orders"),
        (Self::UsersInGap, "users_in_gap", "users"),
        (Self::EarlySuspensions, "early_suspensions", "suspensions"),
        (Self::ServicesLost, "services_lost", "users and add-ons"),
        (Self::BystandersTouched, "bystanders_touched", "users and subscriptions"),
        (Self::MovedWrongly, "moved_wrongly", "rows"),
        (Self::LeftWrongly, "left_wrongly", "rows"),
    ];
}

impl Audit {
    /// True when the engine did nothing, so that seven zeros mean nothing.
    #[must_use]
    pub fn examined_nothing(&self) -> bool {
        self.examined.changes == 0
    }

    /// True when every figure is zero, no seat is astray, and something was examined.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.figures == Figures::default() && self.seats.astray == 0 && !self.examined_nothing()
    }
}

/// Judges what the books say was done, against what was wanted.
#[must_use]
pub fn audit(entries: &[Entry], intent: &Intent) -> Audit {
    let mut reading = Reading::new(intent);
    for entry in entries {
        reading.entry(entry);
    }
    reading.finish(entries.len() as u64)
}

/// Facts of the world that concern no single customer.
#[derive(Debug, Default)]
struct Facts {
    /// User-assignable service plans by SKU.
    plans: BTreeMap<Uuid, Vec<Uuid>>,
    /// SKU by offer.
    skus: BTreeMap<Uuid, Uuid>,
    /// Offers that are items of new commerce.
    new_commerce: BTreeSet<Uuid>,
}

struct Reading<'a> {
    engine: Uuid,
    facts: Facts,
    ledgers: BTreeMap<Uuid, Ledger<'a>>,
    unknown_rows: BTreeMap<Uuid, Vec<&'a super::IntendedRow>>,
    findings: Findings,
}

impl<'a> Reading<'a> {
    fn new(intent: &'a Intent) -> Self {
        let mut rows: BTreeMap<Uuid, Vec<&super::IntendedRow>> = BTreeMap::new();
        for row in &intent.rows {
            rows.entry(row.customer).or_default().push(row);
        }
        Self {
            engine: intent.engine,
            facts: Facts::default(),
            ledgers: BTreeMap::new(),
            unknown_rows: rows,
            findings: Findings::default(),
        }
    }

    fn entry(&mut self, entry: &'a Entry) {
        let customer = match &entry.change {
            Change::Sku { sku, plans } => {
                self.facts.plans.insert(*sku, plans.clone());
                return;
            }
            Change::Offer { offer, sku, new_commerce, .. } => {
                self.facts.skus.insert(*offer, *sku);
                if *new_commerce {
                    self.facts.new_commerce.insert(*offer);
                }
                return;
            }
            Change::FaultInjected { customer: None, .. } => return,
            Change::FaultInjected { customer: Some(customer), .. }
            | Change::Customer { customer }
            | Change::User { customer, .. }
            | Change::SubscriptionAdded { customer, .. }
            | Change::OrderPlaced { customer, .. }
            | Change::SubscriptionChanged { customer, .. }
            | Change::UnitsChanged { customer, .. }
            | Change::LicenseSet { customer, .. }
            | Change::LicenseRemoved { customer, .. } => *customer,
        };
        let rows = &mut self.unknown_rows;
        let ledger = self
            .ledgers
            .entry(customer)
            .or_insert_with(|| Ledger::new(customer, rows.remove(&customer).unwrap_or_default()));
        let by_engine = entry.actor == Actor::Application { client_id: self.engine };
        ledger.entry(&self.facts, entry, by_engine, &mut self.findings);
    }

    fn finish(mut self, entries: u64) -> Audit {
        let mut examined = Examined { entries, ..Examined::default() };
        let mut seats = Seats::default();
        for ledger in self.ledgers.values_mut() {
            ledger.finish(&self.facts, &mut self.findings);
            seats.add(&ledger.tenant, &ledger.orders);
            examined.changes += ledger.changes;
            examined.users += ledger.users_examined() as u64;
            examined.migrations += ledger.rows_touched() as u64;
        }
        let mut notes = Vec::new();
        if examined.changes == 0 {
            notes.push(format!(
                "nothing in the books was done by the engine ({}): nothing was examined",
                self.engine
            ));
        }
        for ledger in self.ledgers.values() {
            let known =
                |row: &&&super::IntendedRow| ledger.tenant.subscriptions.contains_key(&row.old_subscription);
            for row in ledger.rows.all.iter().filter(|row| !known(row)) {
                notes.push(format!(
                    "row {}: the books know no subscription {}",
                    row.row_id, row.old_subscription
                ));
            }
        }
        for row in self.unknown_rows.values().flatten() {
            notes.push(format!("row {}: the books know no customer {}", row.row_id, row.customer));
        }
        let (figures, details) = self.findings.sum_up();
        Audit { figures, examined, seats, details, notes }
    }
}

/// What was found and how much was looked at, by figure.
#[derive(Debug, Default)]
struct Findings(BTreeMap<Figure, Detail>);

impl Findings {
    fn looked(&mut self, figure: Figure, at: u64) {
        self.0.entry(figure).or_default().examined += at;
    }

    fn found(&mut self, figure: Figure, finding: Finding) {
        let detail = self.0.entry(figure).or_default();
        detail.found += 1;
        if detail.findings.len() < FINDINGS {
            detail.findings.push(finding);
        }
    }

    fn sum_up(mut self) -> (Figures, BTreeMap<String, Detail>) {
        let mut details = BTreeMap::new();
        for (figure, name, of) in Figure::ALL {
            let detail = self.0.remove(&figure).unwrap_or_default();
            details.insert(name.to_owned(), Detail { of: of.to_owned(), ..detail });
        }
        let found = |name: &str| details.get(name).map_or(0, |detail| detail.found);
        let figures = Figures {
            double_purchases: found("double_purchases"),
            users_in_gap: found("users_in_gap"),
            early_suspensions: found("early_suspensions"),
            services_lost: found("services_lost"),
            bystanders_touched: found("bystanders_touched"),
            moved_wrongly: found("moved_wrongly"),
            left_wrongly: found("left_wrongly"),
        };
        (figures, details)
    }
}
