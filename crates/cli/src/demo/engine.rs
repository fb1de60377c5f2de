//! The run itself: the engine as a child process, killed where it was drawn, started again until it ends by itself.

use std::time::Duration;

use anyhow::bail;
use seatshift_control::standing;
use serde_json::Value;
use tower::ServiceExt as _;

use super::child::{Children, ended};
use super::kills::Kills;
use super::usage;
use crate::connection::Base;
use crate::settings::Settings;
use crate::simulated::Simulated;
use crate::verdicts::in_flight;

/// Between two looks at the simulator's call counter.
const LOOK: Duration = Duration::from_millis(4);

/// Operations that change something, as the simulator calls them.
const CHANGING: [&str; 3] = ["place_order", "change_subscription", "update_licenses"];

/// How the run went.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit_code: Option<i32>,
    pub(crate) cpu_seconds: Option<f64>,
    pub(crate) peak_rss_bytes: Option<u64>,
}

/// Runs `apply` to its end, with kills.
pub(crate) async fn run(
    children: &Children,
    plan: &str,
    simulated: &Simulated,
    settings: &Settings,
    kills: &mut Kills,
) -> anyhow::Result<Ran> {
    let before = usage::children_cpu_seconds();
    let mut peak = None;
    loop {
        let mut child = children.start(&["apply", plan, "--yes"])?;
        let killed = watch(&mut child, simulated, kills, &mut peak).await?;
        let end = ended(child).await?;
        match killed {
            Some(calls) => {
                let met = open_migrations(settings).await?;
                kills.happened(calls, met);
                crate::output::tell!(
                    "demo: killed after {calls} changing calls with {met} migrations in flight; starting again"
                );
            }
            None if end.code.is_none() => bail!("the engine was killed by somebody else"),
            None => {
                let cpu_seconds =
                    before.zip(usage::children_cpu_seconds()).map(|(before, after)| after - before);
                return Ok(Ran { exit_code: end.code, cpu_seconds, peak_rss_bytes: peak });
            }
        }
    }
}

/// Watches the child until it ends, or kills it where it was drawn: then with how many calls it had made.
async fn watch(
    child: &mut tokio::process::Child,
    simulated: &Simulated,
    kills: &Kills,
    peak: &mut Option<u64>,
) -> anyhow::Result<Option<u64>> {
    let process = child.id();
    let mut looks: u32 = 0;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(None);
        }
        looks = looks.wrapping_add(1);
        if looks % 16 == 1 {
            *peak = (*peak).max(process.and_then(usage::peak_rss_bytes));
        }
        let calls = changing_calls(simulated).await?;
        if kills.due(calls) {
            *peak = (*peak).max(process.and_then(usage::peak_rss_bytes));
            child.start_kill()?;
            return Ok(Some(calls));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Asks the simulator itself.
pub(crate) async fn ask(simulated: &Simulated, path: &str) -> anyhow::Result<Value> {
    let request = http::Request::get(format!("/_simulator/{path}")).body(axum::body::Body::empty())?;
    let answer = match simulated.simulator.router().oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    let body = http_body_util::BodyExt::collect(answer.into_body()).await?.to_bytes();
    Ok(serde_json::from_slice(&body)?)
}

async fn changing_calls(simulated: &Simulated) -> anyhow::Result<u64> {
    let calls = ask(simulated, "calls").await?;
    let of = |operation: &&str| calls.pointer(&format!("/by_operation/{operation}")).and_then(Value::as_u64);
    Ok(CHANGING.iter().filter_map(of).sum())
}

/// Migrations that were in flight when the engine died, as its store has them.
async fn open_migrations(settings: &Settings) -> anyhow::Result<u64> {
    let base = Base::open(settings).await?;
    let rows = standing::all(&*base.store).await?;
    Ok(in_flight(&rows))
}
