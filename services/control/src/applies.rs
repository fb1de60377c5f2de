//! Plans on their way into a run: uploaded page by page, then asked for, carried out by whoever acts, answered.
//!
//! A plan is too big for one request and for one replica's memory, and the replica that is asked need not be the one whose
//! picture is right. So pages are records, and an `apply` is a record like an operator's command: it survives a crash of
//! whoever carries it out, and carrying it out again does nothing twice.

use jiff::{SignedDuration, Timestamp};
use seatshift_store::{RecordWrite, Store, StoreError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::apply::{Plan, Rows, apply};
use crate::control::Inner;
use crate::participant::A_MOMENT;
use crate::records;
use crate::run::{Applied, PlannedRow, ReviewedPlan, RunOptions};

/// An uploaded plan that is to be applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApplyAsked {
    /// Under which its pages are.
    pub upload: String,
    /// SHA-256 of the file: the same bytes are the same run.
    pub sha256: String,
    #[serde(default)]
    pub extra_columns: Vec<String>,
    /// How many rows were uploaded: a plan of which a page is missing is not applied.
    pub rows: usize,
    pub options: RunOptions,
}

/// What became of an `apply`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyAnswered {
    Applied(Applied),
    /// Pages are missing; nothing was done.
    Incomplete {
        text: String,
    },
}

/// Rows of an uploaded page where this process makes the pages.
const PAGE: usize = 200;
/// Pages that were never asked for are kept so long.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Pages forgotten in one transaction. A page can have some megabytes, and is read to be removed.
const FORGOTTEN: usize = 2;

/// In the process that is alone on its store: at once, from memory.
pub(crate) async fn apply_here(
    control: &Inner,
    plan: &ReviewedPlan,
    options: RunOptions,
) -> Result<Applied, StoreError> {
    let _one_at_a_time = control.applying.lock().await;
    let taken = Plan {
        sha256: &plan.sha256,
        extra_columns: &plan.extra_columns,
        count: plan.rows.len(),
        rows: Rows::Here(&plan.rows),
    };
    apply(control, &taken, options).await
}

/// Uploads a plan that is in memory.
pub(crate) async fn upload(
    control: &Inner,
    plan: &ReviewedPlan,
    options: RunOptions,
) -> Result<ApplyAsked, StoreError> {
    let upload = control.ids.event(control.clock.now()).to_string();
    for (page, rows) in (0..).zip(plan.rows.chunks(PAGE)) {
        put_page(control, &upload, page, rows).await?;
    }
    Ok(ApplyAsked {
        upload,
        sha256: plan.sha256.clone(),
        extra_columns: plan.extra_columns.clone(),
        rows: plan.rows.len(),
        options,
    })
}

pub(crate) async fn put_page(
    control: &Inner,
    upload: &str,
    page: u32,
    rows: &[PlannedRow],
) -> Result<(), StoreError> {
    let key = records::page_key(upload, page);
    control.write(|unit| unit.records.push(records::put(records::UPLOAD, key, &rows))).await;
    Ok(())
}

pub(crate) async fn ask(control: &Inner, asked: ApplyAsked) -> Result<String, StoreError> {
    let id = control.ids.event(control.clock.now()).to_string();
    control.write(|unit| unit.records.push(records::put(records::APPLY, id.clone(), &asked))).await;
    control.apply_bell.notify_one();
    Ok(id)
}

pub(crate) async fn answered(store: &dyn Store, id: &str) -> Result<Option<ApplyAnswered>, StoreError> {
    records::get(store, records::APPLIED, id).await
}

/// Takes up what is asked for, one plan after the other, until it is dropped.
pub(crate) async fn run(control: &Inner) {
    loop {
        if let Err(error) = take_up(control).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "could not apply a plan that was asked for; trying again"
            );
            control.clock.sleep(A_MOMENT).await;
        }
        tokio::select! {
            biased;
            () = control.apply_bell.notified() => {}
            () = control.next_look() => {}
        }
    }
}

async fn take_up(control: &Inner) -> Result<(), StoreError> {
    for (id, asked) in records::all::<ApplyAsked>(&*control.store, records::APPLY, "").await? {
        // A run begins at a time from which its ends are counted.
        control.right_time().await;
        let answered = carry_out(control, &asked).await?;
        tracing::info!(by = %asked.options.approved_by, rows = asked.rows, "a plan was applied");
        control
            .write(|unit| {
                unit.records.push(records::remove(records::APPLY, &id));
                unit.records.push(records::put(records::APPLIED, id.clone(), &answered));
            })
            .await;
        control.answered.notify_waiters();
        forget(control, &asked.upload).await?;
    }
    Ok(())
}

async fn carry_out(control: &Inner, asked: &ApplyAsked) -> Result<ApplyAnswered, StoreError> {
    let _one_at_a_time = control.applying.lock().await;
    let rows = Rows::Uploaded { store: &*control.store, upload: &asked.upload };
    let (mut page, mut found) = (0, 0);
    while let Some(rows) = rows.page(page).await? {
        found += rows.len();
        page += 1;
    }
    if found != asked.rows {
        let text = format!(
            "the plan was announced with {} rows and {found} of them have come; upload it again",
            asked.rows
        );
        return Ok(ApplyAnswered::Incomplete { text });
    }
    let plan = Plan { sha256: &asked.sha256, extra_columns: &asked.extra_columns, count: asked.rows, rows };
    apply(control, &plan, asked.options.clone()).await.map(ApplyAnswered::Applied)
}

/// Forgets the pages of an upload.
async fn forget(control: &Inner, upload: &str) -> Result<(), StoreError> {
    // A slash sorts before every digit, and the digit after it behind all pages of this upload.
    forget_until(control, &format!("{upload}/"), &format!("{upload}0")).await
}

/// Forgets pages of plans that nobody has asked to apply within a day. Ids of uploads sort by time.
pub(crate) async fn forget_old(control: &Inner, now: Timestamp) {
    let Ok(before) = now.checked_sub(KEPT) else { return };
    let until = control.ids.event(before).to_string();
    if let Err(error) = forget_until(control, "", &until).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "old uploads could not be forgotten");
    }
}

async fn forget_until(control: &Inner, from: &str, until: &str) -> Result<(), StoreError> {
    loop {
        let after = (!from.is_empty()).then_some(from);
        let page = control.store.records(records::UPLOAD, after, FORGOTTEN).await?;
        let gone: Vec<RecordWrite> = page
            .iter()
            .filter(|row| row.key.as_str() < until)
            .map(|row| records::remove(records::UPLOAD, &row.key))
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        drop(page);
        control.write(|unit| unit.records.extend(gone)).await;
    }
}
