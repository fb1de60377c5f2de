//! The call log on the page: all of it where it is small; else what matters most to a support case.

use std::collections::BTreeMap;

use seatshift_messages::MigrationId;
use seatshift_store::{CallRow, Store};
use serde_json::{Value, json};

/// Calls on one page, so that it opens on a phone.
const MOST: usize = 6000;

/// Calls for the page.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// One array a call: seconds since 1970, migration's place (-1: none), operation, status (0: no answer), code,
    /// milliseconds, changing, request id, correlation id.
    pub(super) rows: Vec<Value>,
    /// Calls that the store has and the page does not.
    pub(super) left_out: u64,
}

pub(super) async fn read(store: &dyn Store, known: &BTreeMap<MigrationId, usize>) -> anyhow::Result<Calls> {
    let (mut weighty, mut others) = (Vec::new(), Vec::new());
    let (mut total, mut after) = (0, 0);
    loop {
        let page = store.calls(after, 5000, None).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        total += page.len() as u64;
        for logged in page {
            let of_row = logged.call.migration.is_some_and(|migration| known.contains_key(&migration));
            let matters = logged.call.changing || logged.call.status.is_none_or(|status| status >= 400);
            let list = if matters && of_row { &mut weighty } else { &mut others };
            if list.len() < MOST {
                list.push((logged.position, logged.call));
            }
        }
    }
    let mut shown = weighty;
    shown.truncate(MOST);
    let room = MOST - shown.len();
    shown.extend(others.into_iter().take(room));
    shown.sort_unstable_by_key(|(position, _)| *position);
    let left_out = total - shown.len() as u64;
    Ok(Calls { rows: shown.into_iter().map(|(_, call)| row(&call, known)).collect(), left_out })
}

fn row(call: &CallRow, known: &BTreeMap<MigrationId, usize>) -> Value {
    let migration = call.migration.and_then(|id| known.get(&id)).map_or(-1, |at| *at as i64);
    json!([
        call.at.as_second(),
        migration,
        call.operation,
        call.status.unwrap_or(0),
        call.code,
        call.microseconds / 1000,
        u8::from(call.changing),
        call.request_id,
        call.correlation_id,
    ])
}
