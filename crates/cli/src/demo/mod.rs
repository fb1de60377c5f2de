//! The demo: a simulated partner, planned, migrated with kills, verified, audited, reported.
//!
//! This process is the world: it runs the simulator and watches. The engine is a child process of the same executable that
//! knows nothing of being watched, so that a SIGKILL is a real one. What must never happen here: a figure that is not
//! counted by the books or by a fresh read, or a success that nothing was examined for.

mod child;
mod engine;
mod folder;
mod intent;
mod kills;
mod outcome;
mod summary;
mod usage;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use seatshift_simulator::world::World;

use child::Children;
pub(crate) use intent::intent;
use kills::Kills;
use outcome::Outcome;

use crate::connection::Base;
use crate::plans;
use crate::reports;
use crate::settings::Settings;
use crate::simulated::Simulated;

/// Simulated seconds in a real one.
const SCALE: u32 = 600;

/// What is to be shown.
#[derive(Debug)]
pub(crate) struct Demo {
    pub(crate) world: World,
    pub(crate) crashes: usize,
    pub(crate) folder: PathBuf,
    pub(crate) seed: u64,
}

/// Runs it.
pub(crate) async fn run(demo: Demo) -> anyhow::Result<Outcome> {
    let folder = folder::prepare(&demo.folder)?;
    let file = |name: &str| folder.join(name);
    seatshift_simulator::world::write(&demo.world, &file("world-before.json")).context("the world")?;
    let (faults, seed) = (demo.world.faults.level, demo.seed);
    let simulated = Simulated::serve(demo.world, SCALE).await?;
    let config = file("seatshift.toml");
    let children = Children::of(&simulated, &config)?;
    let settings = Settings::read(Some(&config), std::iter::empty())?;

    crate::output::tell!("demo: planning {} customers", simulated.world.customers.len());
    let plan = file("plan.csv");
    children.must(&["plan", "--approve-ready", "--out", text(&plan)?]).await?;
    let (plans, calls_before) = {
        let base = Base::open(&settings).await?;
        let plans = plans::read(&plan, &settings, &*base.store).await?;
        (plans, outcome::Calls::read(&*base.store).await?)
    };
    let intent = intent(&simulated.world, &plans);
    simulated.simulator.set_intent(intent.clone());

    let expected = intent.rows.iter().filter(|row| row.approved).map(|row| row.users.len() as u64 + 2).sum();
    let mut kills = Kills::draw(seed, demo.crashes, expected);
    crate::output::tell!("demo: migrating, faults {faults:?}, with {} kills", demo.crashes);
    let ran = engine::run(&children, text(&plan)?, &simulated, &settings, &mut kills).await?;

    let base = Base::open(&settings).await?;
    let calls = outcome::Calls::read(&*base.store).await?.since(&calls_before);
    let report = reports::latest(&*base.store).await?;
    let table = file("report.csv");
    reports::write_tables(&*base.store, &report, &table, plans::style(&settings)).await?;
    reports::write_todo(&report, &file("todo.csv"), plans::style(&settings))?;
    let figures = report.figures(&*base.store).await?;
    drop(base);

    crate::output::tell!("demo: reading everything afresh");
    let verified = children.run(&["verify", text(&table)?, "--out", text(&file("verify.csv"))?]).await?;
    let audit = simulated.simulator.audit(&intent);
    let outcome = Outcome {
        folder: folder.clone(),
        report_json: outcome::report_json(&outcome::Evidence {
            figures: &figures,
            calls: &calls,
            world: &engine::ask(&simulated, "world").await?,
            faults: &engine::ask(&simulated, "faults").await?,
            kills: &kills,
            asked: demo.crashes,
            audit: &audit,
            verified: &verified.document,
            ran: &ran,
            scale: SCALE,
        })?,
        audit,
        verified: verified.document,
        enough_kills: kills.enough(),
        engine_exit: ran.exit_code,
        rows: report.standings,
    };
    outcome.write(&settings, &file("report.json"), &file("report.html")).await?;
    reports::write_json(&simulated.remains(), &file("world.json"))?;
    simulated.stop().await?;
    Ok(outcome)
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str()
        .with_context(|| format!("{}: this name is not UTF-8; choose another folder", path.display()))
}
