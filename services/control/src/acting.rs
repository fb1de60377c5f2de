//! Acting for all replicas: whoever holds the lock admits, looks, carries out commands and applies plans; the others wait
//! for it. One whose clock is wrong lets the others try first: while it acts nothing begins.

use std::future::Future;
use std::time::Duration;

use seatshift_store::StoreError;

use crate::control::Inner;
use crate::shared::{ACTS, Holding, Shared, pause};
use crate::{admission, agree, applies, checks, commands, follow, restart, silence};

/// Between two tries to become the one who acts.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How much longer than the others one waits whose clock is wrong, and how long it then acts at a time.
const AFTER_THE_OTHERS: Duration = Duration::from_secs(5);
const AT_A_TIME: Duration = Duration::from_mins(1);

/// Everything that one process does for all. Until it is dropped.
pub(crate) async fn act(control: &Inner) {
    restart::finish(control).await;
    futures::join!(
        admission::run(control),
        checks::run(control),
        commands::run(control),
        applies::run(control),
        silence::run(control),
    );
}

/// The same while this replica holds the lock. Until it is dropped.
pub(crate) async fn run(control: &Inner, shared: &dyn Shared) {
    loop {
        match shared.lock(ACTS).await {
            Ok(Some(held)) => Box::pin(while_held(control, shared, &*held)).await,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not ask who acts; trying again"
                );
            }
        }
        pause(TRY_AGAIN).await;
        if !control.clock.is_right() {
            // Somebody must act all the same where nobody's clock is right: a pause is carried out at any time.
            pause(AFTER_THE_OTHERS).await;
        }
    }
}

async fn while_held(control: &Inner, shared: &dyn Shared, held: &dyn Holding) {
    let acting = async {
        if let Err(error) = begin(control, shared).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not begin to act; the lock is given back"
            );
            return;
        }
        tracing::info!("this replica admits and carries out commands");
        futures::join!(Box::pin(act(control)), agree::run(control));
    };
    // Dropped at once when the lock is gone: what was committed stands, and whoever has it now goes on from there.
    let to_others = async {
        tokio::select! {
            biased;
            () = held.lost() => {}
            () = wrong(control) => tracing::warn!("this replica's clock is wrong: another may act"),
        }
    };
    unless(to_others, acting).await;
    tracing::info!("this replica no longer admits and carries out commands");
}

/// Until the clock is found wrong; where it was wrong at once, a while later.
async fn wrong(control: &Inner) {
    if !control.clock.is_right() {
        pause(AT_A_TIME).await;
    }
    while control.clock.is_right() {
        pause(TRY_AGAIN).await;
    }
}

async fn unless(lost: impl Future<Output = ()>, acting: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = lost => {}
        () = acting => {}
    }
}

/// The picture is made whole, and the gate stands as the pause that is written down says.
async fn begin(control: &Inner, shared: &dyn Shared) -> Result<(), StoreError> {
    follow::once(control, shared).await?;
    let _not_now = control.pausing.lock().await;
    if let Some(should) = agree::should(control).await? {
        agree::turn(&*control.valve, should).await;
    }
    Ok(())
}
