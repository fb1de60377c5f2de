//! `todo.csv`: what waits for a person, and the person's answers.

use seatshift_messages::{AskedBy, Choice, MigrationId, Stands};

use super::Remedies;
use crate::commands::{Command, Target, Verb};
use crate::standing::RowStanding;
use crate::tables::{Bad, Cell, Reading, SheetFile, read_sheet};
use crate::tracker::{Stage, VerdictKind};

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Retry,
    Rollback,
    Accept,
    /// Nothing yet.
    Wait,
}

const WORDS: &[(&str, Action)] = &[
    ("retry", Action::Retry),
    ("rollback", Action::Rollback),
    ("accept", Action::Accept),
    ("wait", Action::Wait),
];

impl Cell for Action {
    fn write(&self) -> String {
        let word = WORDS.iter().find(|(_, action)| action == self);
        word.map(|(word, _)| (*word).to_owned()).unwrap_or_default()
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        crate::tables::word(text, WORDS)
    }
}

crate::sheet! {
    /// One parked migration.
    pub struct TodoRow {
        "row_id" row_id: String,
        "migration" migration: Option<MigrationId>,
        "customer_name" customer_name: String,
        "cause" cause: String,
        "what_stands" what_stands: String,
        "what_to_do" what_to_do: String,
        /// Empty = nothing yet.
        "action" action: Option<Action>,
        "reason" reason: String,
    }
}

/// Reads answers back.
pub fn read_todo(bytes: &[u8]) -> SheetFile<TodoRow> {
    read_sheet(bytes, &["row_id", "migration", "action"], &[])
}

impl TodoRow {
    /// What the person wants done; none where nothing was answered.
    pub fn command(&self, by: &str) -> Option<Command> {
        let target = Target::One(self.migration?.to_string());
        let verb = match self.action? {
            Action::Retry => Verb::Retry { target },
            Action::Rollback => Verb::Rollback { target },
            Action::Accept => Verb::Accept { target },
            Action::Wait => return None,
        };
        let reason = Some(self.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        Some(Command { verb, asked: AskedBy { by: by.to_owned(), reason } })
    }
}

/// A line for a migration that a participant has parked. What waits behind it goes on by itself.
pub(super) fn row(standing: &RowStanding, remedies: Remedies<'_>) -> Option<TodoRow> {
    let verdict = standing.ledger.standing().filter(|verdict| verdict.kind == VerdictKind::Parked)?;
    let Stage::Parked { at } = &standing.ledger.stage else { return None };
    let choices: Vec<&str> = at.choices.iter().map(|choice| choice_word(*choice)).collect();
    let what_to_do = remedies(&verdict.cause);
    let what_to_do = match choices.as_slice() {
        [] => what_to_do,
        choices => format!("{what_to_do} ({})", choices.join(", ")).trim_start().to_owned(),
    };
    Some(TodoRow {
        row_id: standing.row.row_id.clone(),
        migration: Some(standing.migration),
        customer_name: standing.row.customer_name.clone(),
        cause: format!("{}: {}", verdict.cause.code, verdict.cause.text),
        what_stands: what_stands(&verdict.what_stands),
        what_to_do,
        action: None,
        reason: String::new(),
    })
}

fn choice_word(choice: Choice) -> &'static str {
    match choice {
        Choice::Retry => "retry",
        Choice::Rollback => "rollback",
        Choice::Accept => "accept",
    }
}

/// What stands at Microsoft, in words.
fn what_stands(stands: &Stands) -> String {
    let mut words = Vec::new();
    words.extend(stands.old_status.as_ref().map(|status| format!("old subscription {status}")));
    match (&stands.new_subscription, &stands.new_status, &stands.order) {
        (Some(id), Some(status), _) => words.push(format!("new subscription {id} {status}")),
        (Some(id), None, _) => words.push(format!("new subscription {id}")),
        (None, _, Some(order)) => words.push(format!("order {order}")),
        (None, _, None) => {}
    }
    words.extend(stands.users_moved.map(|users| format!("{users} users on the new plan")));
    if !stands.users.is_empty() {
        words.push(format!("{} users to look at", stands.users.len()));
    }
    if words.is_empty() { "nothing of ours".to_owned() } else { words.join("; ") }
}
