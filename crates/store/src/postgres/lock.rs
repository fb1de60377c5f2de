//! Locks that one process holds at a time: who acts for all replicas, who redeems the refresh token.
//!
//! A lock belongs to a connection of its own and ends with it: with `release`, with the process, with the server. The holder
//! looks every second whether its connection lives, and **must stop at once** when [`Held::lost`] ends. One that was frozen
//! does not look, and would keep all others waiting for as long: the server ends a connection that is silent for
//! [`super::PgOptions::frozen_timeout`]. Then, and after a restart of the server, another may hold the lock before the late
//! holder has looked, so the lock alone protects nothing that is written: what fences it are the versions of ledgers and
//! records, which make its writes stale.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::PgStore;
use super::connections::Connections;
use super::errors::{failed, silent};
use crate::StoreError;

/// How often the holder looks, and how long it waits for the answer.
const BEAT: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_secs(2);

/// "SEAT": our part of the database's advisory locks. The turn of control's writers is (SEAT, 1) in the statements.
const SPACE: i32 = 0x5345_4154;

const TAKE: &str = "
select pg_try_advisory_lock($1, hashtext($2)), set_config('idle_session_timeout', $3, false)";

/// A lock that is held until this is dropped, or lost.
#[derive(Debug)]
pub struct Held {
    lives: watch::Receiver<bool>,
    /// Dropping it ends the connection.
    _release: oneshot::Sender<()>,
}

impl Held {
    /// Ends when the lock is lost. Whoever holds it stops at once.
    pub async fn lost(&self) {
        let mut lives = self.lives.clone();
        // An error means that the one who looked is gone, and the connection with it.
        lives.wait_for(|lives| !lives).await.ok();
    }

    /// Whether it is lost already.
    pub fn is_lost(&self) -> bool {
        !*self.lives.borrow() || self.lives.has_changed().is_err()
    }
}

impl PgStore {
    /// Takes the lock of this name, on a connection of its own. None: somebody else has it.
    pub async fn lock(&self, name: &str) -> Result<Option<Held>, StoreError> {
        take(&self.connections, name).await
    }
}

pub(crate) async fn take(connections: &Connections, name: &str) -> Result<Option<Held>, StoreError> {
    let doing = "taking a lock";
    let mut connection = connections.open(doing).await?;
    let frozen = format!("{}ms", connections.frozen_timeout().as_millis());
    let query = sqlx::query_as(TAKE).bind(SPACE).bind(name).bind(frozen);
    // The server answers at once, whoever has the lock: where no answer comes, it is on no way any more.
    let patience = connections.connect_timeout();
    let answer = timeout(patience, query.fetch_one(&mut connection)).await;
    let (taken, _): (bool, String) = answer.map_err(|_| silent(doing, patience))?.map_err(failed(doing))?;
    if !taken {
        return Ok(None);
    }
    let (_release, released) = oneshot::channel();
    let (alive, lives) = watch::channel(true);
    tokio::spawn(keep(connection, alive, released));
    Ok(Some(Held { lives, _release }))
}

/// Holds the connection until it is released or lost.
async fn keep(mut connection: PgConnection, alive: watch::Sender<bool>, mut released: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            biased;
            _ = &mut released => {
                // Closing gives the lock back; where it fails, the server finds out by itself.
                connection.close().await.ok();
                return;
            }
            () = sleep(BEAT) => {}
        }
        let beat = timeout(ANSWER, sqlx::query("select 1").execute(&mut connection)).await;
        if !matches!(beat, Ok(Ok(_))) {
            alive.send_replace(false);
            return;
        }
    }
}
