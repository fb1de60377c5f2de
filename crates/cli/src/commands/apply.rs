//! `apply`: carries out what a person has decided in a plan.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use seatshift_control::planned::reviewed;
use seatshift_control::planning::{Decision, PlanRow};
use seatshift_control::{Applied, RunOptions, Settled, standing};
use seatshift_store::Store;
use serde::Serialize;

use super::status::{Status, read_status};
use crate::connection::Base;
use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::engine::{Ended, Engine, not_allowed};
use crate::output::count;
use crate::plans::{self, Plans};
use crate::signals::asked_to_stop;
use crate::verdicts;

/// Carry out the rows of a plan whose decision is `move`; safe to stop and to start again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift apply plan.csv --dry-run
  seatshift apply plan.csv --limit 5          the five that end first; then without the limit
  seatshift apply plan.csv --wave pilot

Each row's facts are read again before anything is bought; a row that is not as planned is skipped and says what changed. \
Ctrl-C stops in good order, and the same command goes on (where control.url is set, the run goes on without it). Applying twice does nothing twice. When 3 of the first 20 rows \
(later 5 % of the last 100) end refused or parked, the run pauses itself: look with `status --by cause`, then `resume`.")]
pub(crate) struct Args {
    /// The plan, or a report, which is one too
    #[arg(default_value = "plan.csv", value_name = "PLAN")]
    plan: PathBuf,
    /// Only rows of these waves
    #[arg(long, value_name = "WAVE")]
    wave: Vec<String>,
    /// Begin at most so many rows of this plan, the nearest end date first
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Do not ask whether to begin
    #[arg(long, short)]
    yes: bool,
}

/// What would be, or was, taken up.
#[derive(Debug, Serialize)]
struct Outlook {
    plan: String,
    rows: usize,
    to_move: usize,
    users: u64,
    seats: u64,
    first_end: Option<String>,
    left_out: usize,
    /// Rows whose subscription has a migration already.
    already: usize,
    /// Rows of the file with a problem, told on standard error.
    unusable: usize,
}

/// What is printed at the end.
#[derive(Debug, Serialize)]
struct Done<'a> {
    run: String,
    new: bool,
    queued: usize,
    as_before: usize,
    already: usize,
    status: &'a Status,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    // Whether control may change anything is control's own to say.
    if !args.dry_run && settings.control.url.is_none() && !settings.allow_changes {
        return Err(Usage::new(not_allowed(&settings)).into());
    }
    let (plans, outlook) = {
        let base = Base::open(&settings).await?;
        let plans = plans::read(&args.plan, &settings, &*base.store).await?;
        let outlook = outlook(&args, &plans, &*base.store).await?;
        (plans, outlook)
    };
    if args.dry_run {
        context.output.show(&outlook, || would(&outlook))?;
        return Ok(Ending::Fine);
    }
    if !args.yes {
        confirm(&outlook)?;
    }
    let mut engine = Engine::start(&settings, "apply").await?;
    let options =
        RunOptions { waves: args.wave.clone(), limit: args.limit, approved_by: settings.operator.clone() };
    let applied = engine.apply(&reviewed(&plans.plan, &plans.users), options).await?;
    let ended = engine.until_settled("apply").await?;
    let store = engine.store();
    let look = async {
        let rows = standing::rows(&*store, applied.run).await?;
        anyhow::Ok((rows, read_status(&*store).await?))
    };
    let (rows, status) = if matches!(ended, Ended::Unwatched) { last_look(look).await? } else { look.await? };
    drop(store);
    engine.stop().await?;
    finish(&applied, &ended, &status, context)?;
    let whole = matches!(ended, Ended::Settled(Settled::AllDone)) && outlook.unusable == 0;
    Ok(if whole { verdicts::ending(&rows) } else { Ending::Partly })
}

/// Whoever no longer wants to watch is not kept waiting for a control that does not answer.
async fn last_look<T>(look: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    const PATIENCE: Duration = Duration::from_secs(5);
    tokio::select! {
        biased;
        _ = asked_to_stop() => bail!(UNWATCHED),
        looked = tokio::time::timeout(PATIENCE, look) => match looked {
            Ok(looked) => looked.context(UNWATCHED),
            Err(_) => bail!(UNWATCHED),
        },
    }
}

/// Where it stands cannot be told, and everything is as it should be all the same.
const UNWATCHED: &str = "not watched any more, and control does not say where it stands; the run goes on. Stop it: seatshift \
                         pause. Watch it: seatshift watch";

async fn outlook(args: &Args, plans: &Plans, store: &dyn Store) -> anyhow::Result<Outlook> {
    let standing = standing::all(store).await?;
    let closed_or_open = |row: &PlanRow| {
        standing.iter().any(|one| {
            let same =
                row.old_subscription_id.is_some() && one.row.old_subscription == row.old_subscription_id;
            // What a person wanted back stays back until `retry`.
            let by_person = one.ledger.rollback;
            same && (by_person
                || !["skipped", "refused", "rolled_back"].iter().any(|ended| one.state().starts_with(ended)))
        })
    };
    let wave = |row: &&PlanRow| {
        args.wave.is_empty() || args.wave.iter().any(|wave| row.wave.eq_ignore_ascii_case(wave))
    };
    let mut moves: Vec<&PlanRow> =
        plans.plan.rows().filter(|row| row.decision == Some(Decision::Move)).filter(wave).collect();
    let already = moves.iter().filter(|row| closed_or_open(row)).count();
    moves.retain(|row| !closed_or_open(row));
    moves.sort_by_key(|row| row.commitment_end_date);
    moves.truncate(args.limit.unwrap_or(usize::MAX));
    let rows = plans.plan.lines.len();
    Ok(Outlook {
        plan: args.plan.display().to_string(),
        rows,
        to_move: moves.len(),
        users: moves.iter().filter_map(|row| row.users_to_move).map(u64::from).sum(),
        seats: moves.iter().filter_map(|row| row.buy_seats.or(row.users_to_move)).map(u64::from).sum(),
        first_end: moves.iter().find_map(|row| row.commitment_end_date).map(|day| day.to_string()),
        left_out: rows - moves.len() - already,
        already,
        unusable: plans.plan.problems.len() + plans.users.problems.len(),
    })
}

fn would(outlook: &Outlook) -> String {
    let end = outlook.first_end.as_ref().map(|day| format!("; the first ends on {day}")).unwrap_or_default();
    let mut text = format!(
        "{} of {}: {} to move, {} to buy{end}.\n{} left out (not decided, to be skipped, or not in this part).\n",
        count(outlook.to_move as u64, "migration", "migrations"),
        outlook.plan,
        count(outlook.users, "user", "users"),
        count(outlook.seats, "seat", "seats"),
        count(outlook.left_out as u64, "row is", "rows are"),
    );
    if outlook.already > 0 {
        text.push_str(&format!(
            "{} already been taken care of.\n",
            count(outlook.already as u64, "row has", "rows have")
        ));
    }
    if outlook.unusable > 0 {
        let problems = count(outlook.unusable as u64, "problem", "problems");
        text.push_str(&format!("{problems} in the file, told above: those rows are left out.\n"));
    }
    text
}

fn confirm(outlook: &Outlook) -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Usage::new(
            "nobody can be asked whether to begin: look at it with --dry-run, then give --yes",
        )
        .into());
    }
    let mut ask = std::io::stderr().lock();
    write!(ask, "{}\nBegin? Type yes: ", would(outlook))
        .and_then(|()| ask.flush())
        .context("the terminal")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the terminal")?;
    match answer.trim().to_lowercase().as_str() {
        "yes" | "y" => Ok(()),
        _ => Err(Usage::new("nothing was begun").into()),
    }
}

fn finish(applied: &Applied, ended: &Ended, status: &Status, context: &Context) -> anyhow::Result<()> {
    let done = Done {
        run: applied.run.to_string(),
        new: applied.new,
        queued: applied.queued,
        as_before: applied.as_before,
        already: applied.already.len(),
        status,
    };
    context.output.show(&done, || {
        let how = match ended {
            Ended::Settled(Settled::AllDone) => String::new(),
            Ended::Settled(Settled::Halted(pause)) => format!(
                "\nPaused: {}\nLook: seatshift status --by cause. Go on: seatshift resume.\n",
                pause.cause.text
            ),
            Ended::Asked => "\nStopped. Nothing is lost: the same command goes on where it was.\n".to_owned(),
            Ended::Unwatched => "\nNot watched any more; the run goes on. Stop it: seatshift pause. Watch it: seatshift watch.\n"
                .to_owned(),
        };
        format!("{}{how}", status.text())
    })
}
