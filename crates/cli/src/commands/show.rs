//! `show`: one migration, with everything that happened and every call that was made for it.

use std::fmt::Write as _;

use jiff::Timestamp;
use seatshift_control::standing::{self, RowStanding};
use seatshift_messages::{Envelope, MigrationId};
use seatshift_store::{LoggedCall, Store};
use serde::Serialize;
use serde_json::Value;

use crate::connection::Base;
use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::output::table;

/// Show one migration: where it stands, its timeline, its calls with Microsoft's correlation ids
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  seatshift show \"Fabrikam Inc\"\n  seatshift show contoso.example --calls"
)]
pub(crate) struct Args {
    /// The customer's name or domain, a row id, or any of its ids
    #[arg(value_name = "WHO")]
    who: String,
    /// Also every call that was made for it
    #[arg(long)]
    calls: bool,
}

/// One migration.
#[derive(Debug, Serialize)]
struct Shown {
    row: String,
    customer: String,
    domain: String,
    migration: String,
    earlier: Vec<String>,
    state: String,
    cause: Option<String>,
    old_subscription: Option<String>,
    new_subscription: Option<String>,
    order: Option<String>,
    users: u32,
    users_moved: u32,
    undo_until: Option<Timestamp>,
    undo_reason: String,
    timeline: Vec<Happened>,
    calls: Vec<Called>,
}

/// One event.
#[derive(Debug, Serialize)]
struct Happened {
    at: Timestamp,
    source: String,
    event: String,
    about: String,
}

/// One call.
#[derive(Debug, Serialize)]
struct Called {
    at: Timestamp,
    operation: String,
    changing: bool,
    status: Option<u16>,
    code: Option<u32>,
    milliseconds: u64,
    request_id: String,
    correlation_id: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let base = Base::existing(&settings).await?;
    let store: &dyn Store = &*base.store;
    let rows = standing::all(store).await?;
    let row = find(&rows, &args.who)?;
    let shown = read(store, row).await?;
    context.output.show(&shown, || text(&shown, args.calls))?;
    Ok(Ending::Fine)
}

/// The one row that is meant; of one migration that stands in several runs, the latest.
fn find<'a>(rows: &'a [RowStanding], who: &str) -> anyhow::Result<&'a RowStanding> {
    let mut fitting: Vec<&RowStanding> = rows.iter().rev().filter(|row| row.is_called(who.trim())).collect();
    let mut seen = std::collections::BTreeSet::new();
    fitting.retain(|row| seen.insert(row.migration));
    match fitting.as_slice() {
        [] => Err(Usage::new(format!(
            "nothing here is called `{who}`; name a customer, a domain, a row or an id as it stands in the plan"
        ))
        .into()),
        [one] => Ok(one),
        // One subscription that several runs have taken up: the latest is meant; the others have ids of their own.
        [latest, rest @ ..]
            if latest.row.old_subscription.is_some()
                && rest.iter().all(|row| row.row.old_subscription == latest.row.old_subscription) =>
        {
            Ok(latest)
        }
        several => {
            let list: Vec<Vec<String>> = several
                .iter()
                .map(|row| {
                    let id = row.migration.to_string();
                    vec![row.row.row_id.clone(), row.row.customer_name.clone(), row.state(), id]
                })
                .collect();
            Err(Usage::new(format!(
                "`{who}` fits several; name one by its row:\n{}",
                table(&["ROW", "CUSTOMER", "STATE"], &list)
            ))
            .into())
        }
    }
}

async fn read(store: &dyn Store, row: &RowStanding) -> anyhow::Result<Shown> {
    let (mut timeline, mut calls) = (Vec::new(), Vec::new());
    for migration in row.earlier.iter().chain([&row.migration]) {
        timeline.extend(events(store, *migration).await?);
        calls.extend(all_calls(store, *migration).await?);
    }
    let ledger = &row.ledger;
    let stands = &ledger.known.stands;
    Ok(Shown {
        row: row.row.row_id.clone(),
        customer: row.row.customer_name.clone(),
        domain: row.row.customer_domain.clone(),
        migration: row.migration.to_string(),
        earlier: row.earlier.iter().map(MigrationId::to_string).collect(),
        state: row.state(),
        cause: ledger.standing().map(|verdict| verdict.cause.text.clone()),
        old_subscription: row.row.old_subscription.map(|id| id.to_string()),
        new_subscription: stands.new_subscription.map(|id| id.to_string()),
        order: stands.order.as_ref().map(ToString::to_string),
        users: row.row.users,
        users_moved: ledger.known.moved.saturating_sub(ledger.known.restored + ledger.known.left),
        undo_until: ledger.known.undo_until,
        undo_reason: ledger.known.undo_reason.clone(),
        timeline,
        calls,
    })
}

async fn events(store: &dyn Store, migration: MigrationId) -> anyhow::Result<Vec<Happened>> {
    let mut happened = Vec::new();
    let mut after = 0;
    loop {
        let page = store.events(after, 500, Some(migration.0)).await?;
        let Some(last) = page.last() else { return Ok(happened) };
        after = last.position;
        for row in &page {
            let envelope = Envelope::from_bytes(&row.bytes)?;
            let name = envelope.kind.trim_start_matches("seatshift.").trim_end_matches(".v1").to_owned();
            happened.push(Happened {
                at: envelope.time,
                source: envelope.source.name().to_owned(),
                event: name,
                about: about(&envelope.data),
            });
        }
    }
}

/// The few words of an event's data that people want to see.
fn about(data: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(text) = data.pointer("/cause/text").and_then(Value::as_str) {
        parts.push(text.to_owned());
    }
    if let (Some(moved), Some(of)) =
        (data.get("moved").and_then(Value::as_u64), data.get("of").and_then(Value::as_u64))
    {
        parts.push(format!("{moved} of {of} users"));
    } else if let Some(moved) = data.get("moved").and_then(Value::as_u64) {
        parts.push(format!("{moved} users"));
    }
    if let Some(restored) = data.get("restored").and_then(Value::as_u64) {
        parts.push(format!("{restored} users back"));
    }
    if let Some(quantity) =
        data.pointer("/purchase/quantity").and_then(Value::as_u64).filter(|_| parts.is_empty())
    {
        parts.push(format!("{quantity} seats"));
    }
    if let Some(by) = data.get("by").and_then(Value::as_str) {
        let reason = data.get("reason").and_then(Value::as_str).unwrap_or("no reason given");
        parts.push(format!("{by}: {reason}"));
    }
    parts.join("; ")
}

async fn all_calls(store: &dyn Store, migration: MigrationId) -> anyhow::Result<Vec<Called>> {
    let mut calls = Vec::new();
    let mut after = 0;
    loop {
        let page: Vec<LoggedCall> = store.calls(after, 500, Some(migration)).await?;
        let Some(last) = page.last() else { return Ok(calls) };
        after = last.position;
        calls.extend(page.into_iter().map(|LoggedCall { call, .. }| Called {
            at: call.at,
            operation: call.operation,
            changing: call.changing,
            status: call.status,
            code: call.code,
            milliseconds: call.microseconds / 1000,
            request_id: call.request_id.to_string(),
            correlation_id: call.correlation_id.to_string(),
        }));
    }
}

fn text(shown: &Shown, calls: bool) -> String {
    let mut text = format!("{} ({}), row {}\n", shown.customer, shown.domain, shown.row);
    let _ = writeln!(text, "{}", shown.state);
    if let Some(cause) = &shown.cause {
        let _ = writeln!(text, "{cause}");
    }
    let mut facts = vec![vec!["migration".to_owned(), shown.migration.clone()]];
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| vec![name.to_owned(), value]));
    };
    fact("old subscription", shown.old_subscription.clone());
    fact("new subscription", shown.new_subscription.clone());
    fact("order", shown.order.clone());
    fact("users moved", Some(format!("{} of {}", shown.users_moved, shown.users)));
    fact("undo until", shown.undo_until.map(|at| format!("{} ({})", second(at), shown.undo_reason)));
    let _ = write!(text, "\n{}", table(&["", ""], &facts));
    let rows: Vec<Vec<String>> = shown
        .timeline
        .iter()
        .map(|one| vec![second(one.at), one.source.clone(), one.event.clone(), one.about.clone()])
        .collect();
    let _ = write!(text, "\n{}", table(&["WHEN", "WHO", "WHAT", ""], &rows));
    if calls {
        let rows: Vec<Vec<String>> = shown
            .calls
            .iter()
            .map(|call| {
                vec![
                    second(call.at),
                    call.operation.clone(),
                    call.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
                    call.code.map(|code| code.to_string()).unwrap_or_default(),
                    format!("{} ms", call.milliseconds),
                    call.request_id.clone(),
                ]
            })
            .collect();
        let header = ["WHEN", "CALL", "STATUS", "CODE", "TOOK", "REQUEST ID"];
        let _ = write!(text, "\n{}", table(&header, &rows));
    } else {
        let _ = writeln!(text, "\n{} calls to Microsoft; --calls shows them.", shown.calls.len());
    }
    text
}

/// To the second.
fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
