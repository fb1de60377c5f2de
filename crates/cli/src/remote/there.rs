//! Plans and orders for control: handed over, asked after until they are carried out, watched until nothing more happens.
//!
//! Whoever presses Ctrl-C stops the watching. The run goes on, since it does not run here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use seatshift_control::api::wire::{Accepted, Apply, Outcome, Uploaded};
use seatshift_control::commands::{Answered, Command};
use seatshift_control::{Applied, ApplyAnswered, PlannedRow, ReviewedPlan, RunOptions};
use seatshift_store::Store;

use super::Remote;
use super::client::{Api, ApiError, Ask};
use crate::connection::Base;
use crate::engine::{self, Ended};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::signals::Wishes;

/// How long an order may wait for being taken up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds that one question waits for its answer.
const WAIT: u64 = 5;
/// Between two looks at the progress.
const LOOK: Duration = Duration::from_millis(250);
/// A page of a plan: so many rows, or so many bytes, whatever comes first.
const PAGE_ROWS: usize = 200;
const PAGE_BYTES: usize = 4 << 20;

/// Control as the one that carries out what a command asks for.
#[derive(Debug)]
pub(crate) struct There {
    control: Remote,
    store: Arc<dyn Store>,
    wishes: Wishes,
    /// The change of control's memory from which on progress shows what we asked for.
    from: Option<u64>,
}

impl There {
    pub(crate) async fn find(settings: &Settings) -> anyhow::Result<There> {
        let wishes = Wishes::listen().context("signals of this process cannot be listened to")?;
        let Base { store, control, .. } = Base::open(settings).await?;
        let control = control.context("control.url is not set")?;
        Ok(There { control, store, wishes, from: None })
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Uploads a plan and has it applied.
    pub(crate) async fn apply(
        &mut self,
        plan: &ReviewedPlan,
        options: RunOptions,
    ) -> anyhow::Result<Applied> {
        let api = self.control.api.clone();
        let outcome = tokio::select! {
            biased;
            asked = self.wishes.next() => {
                asked?;
                bail!("stopped while the plan was on its way to control; `seatshift status` says whether it arrived")
            }
            outcome = apply(&api, plan, options) => outcome?,
        };
        self.from = Some(outcome.1);
        Ok(outcome.0)
    }

    pub(crate) async fn command(&mut self, command: &Command) -> anyhow::Result<Answered> {
        command_and_position(&self.control.api, command).await.map(|(answered, position)| {
            self.from = Some(position);
            answered
        })
    }

    pub(crate) async fn until_settled(&mut self, title: &str) -> anyhow::Result<Ended> {
        let progress = Progress::new(title);
        let mut seen = None;
        let ended = loop {
            let now = tokio::select! {
                biased;
                asked = self.wishes.next() => {
                    asked?;
                    break Ended::Unwatched;
                }
                now = self.control.progress(seen.as_deref(), self.from, WAIT) => now?,
            };
            engine::show(&progress, &now.progress, None);
            if let Some(settled) = now.settled {
                break Ended::Settled(settled);
            }
            seen = Some(now.version);
            tokio::select! {
                biased;
                asked = self.wishes.next() => {
                    asked?;
                    break Ended::Unwatched;
                }
                () = tokio::time::sleep(LOOK) => {}
            }
        };
        progress.finish();
        Ok(ended)
    }
}

/// Gives an order and waits until it is carried out.
pub(super) async fn command(api: &Api, command: &Command) -> anyhow::Result<Answered> {
    Ok(command_and_position(api, command).await?.0)
}

async fn command_and_position(api: &Api, command: &Command) -> anyhow::Result<(Answered, u64)> {
    let Accepted { id } = match api.ask(Ask::post(&["v1", "commands"], command)?).await {
        Ok(accepted) => accepted,
        Err(error) if error.is_open() => {
            let open = "it is not known whether control has heard the order; look with `seatshift status` or `show` before \
                        giving it again";
            return Err(error.told().context(open));
        }
        Err(error) => return Err(error.told()),
    };
    let asked = Instant::now();
    let path = ["v1", "commands", &id];
    while asked.elapsed() < PATIENCE {
        let outcome: Outcome<Answered> = api.answer(Ask::get(&path).query("wait", Some(WAIT))).await?;
        if let Some(answered) = outcome.answer {
            return Ok((answered, outcome.position));
        }
    }
    api.tell(Ask::delete(&path)).await.map_err(ApiError::told)?;
    bail!(
        "control at {} has not carried it out within {} s and the command was taken back; look at control's log, then try \
         again",
        api.address(),
        PATIENCE.as_secs()
    )
}

/// What became of it, and from which change on progress shows it.
async fn apply(api: &Api, plan: &ReviewedPlan, options: RunOptions) -> anyhow::Result<(Applied, u64)> {
    let Accepted { id: upload } = api.answer(Ask::post(&["v1", "uploads"], &())?.again()).await?;
    for (number, page) in pages(&plan.rows).enumerate() {
        let number = number.to_string();
        let ask = Ask::put_json(&["v1", "uploads", &upload, "pages", &number], page?);
        api.tell(ask).await.map_err(ApiError::told)?;
    }
    let apply = Apply {
        sha256: plan.sha256.clone(),
        extra_columns: plan.extra_columns.clone(),
        options,
        rows: Vec::new(),
        uploaded: Some(Uploaded { upload, rows: plan.rows.len() }),
    };
    // The same plan twice is one run.
    let ask = Ask::post(&["v1", "runs"], &apply)?.again();
    let Accepted { id } = api.answer(ask).await?;
    loop {
        let outcome: Outcome<ApplyAnswered> =
            api.answer(Ask::get(&["v1", "applies", &id]).query("wait", Some(WAIT))).await?;
        match outcome.answer {
            Some(ApplyAnswered::Applied(applied)) => return Ok((applied, outcome.position)),
            Some(ApplyAnswered::Incomplete { text }) => {
                bail!("the plan did not arrive whole: {text}; apply it again")
            }
            None => tracing::info!(apply = id, "nobody has carried it out yet"),
        }
    }
}

/// The rows as JSON arrays of a sensible size.
fn pages(rows: &[PlannedRow]) -> impl Iterator<Item = serde_json::Result<Bytes>> {
    let mut rows = rows.iter().peekable();
    std::iter::from_fn(move || {
        rows.peek()?;
        let mut page = vec![b'['];
        for count in 0..PAGE_ROWS {
            let Some(row) = (if page.len() < PAGE_BYTES { rows.next() } else { None }) else { break };
            if count > 0 {
                page.push(b',');
            }
            if let Err(error) = serde_json::to_writer(&mut page, row) {
                return Some(Err(error));
            }
        }
        page.push(b']');
        Some(Ok(Bytes::from(page)))
    })
}

#[cfg(test)]
mod tests {
    use seatshift_control::Decided;

    use super::*;

    #[test]
    fn a_plan_goes_over_in_pages_that_hold_every_row_once() {
        let row = |number: usize, weight: usize| PlannedRow {
            row_id: number.to_string(),
            customer: uuid::Uuid::nil().into(),
            customer_name: String::new(),
            customer_domain: String::new(),
            old_subscription: None,
            commitment_end: None,
            users: 0,
            wave: String::new(),
            not_before: None,
            decision: Decided::Move,
            plan: serde_json::Value::String("x".repeat(weight)),
        };
        // Many small ones, and some that fill a page by themselves.
        let rows: Vec<PlannedRow> = (0..450)
            .map(|number| row(number, 1))
            .chain((450..455).map(|number| row(number, 3 << 20)))
            .collect();
        let pages: Vec<Vec<PlannedRow>> =
            pages(&rows).map(|page| serde_json::from_slice(&page.unwrap()).unwrap()).collect();
        assert_eq!(pages.concat(), rows);
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [200, 200, 52, 2, 1]);
    }
}
