//! `plan`: what is there, what can be moved, and what stands against it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use seatshift_control::planning::{
    self, Desk, Phase, Plan, PlanRow, Progress as Hears, Readiness, approve_ready, discover,
};
use seatshift_edge::ClockTimer;
use seatshift_partner_center::Purpose;
use seatshift_store::Store;
use serde::Serialize;

use crate::connection::{Calls, Connection, alone};
use crate::context::Context;
use crate::ending::{Ending, Usage};
use crate::output::{count, table};
use crate::plans::{options, style, users_file};
use crate::progress::Progress;
use crate::reads::{StoredReads, forget, keep_sold};
use crate::signals::asked_to_stop;

/// Find every retired subscription, check what can be checked before buying, write plan.csv
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  seatshift plan
  seatshift plan --out eu/plan.csv --approve-ready

It only reads. Every subscription found has a row; a row that cannot be moved says why and what to do. Nothing is moved \
whose column `decision` does not say `move`: fill it in, with a spreadsheet if you like. Users stand in plan-users.csv \
beside it. Stopped half way, it goes on where it was.")]
pub(crate) struct Args {
    /// Where to write the plan
    #[arg(long, default_value = "plan.csv", value_name = "FILE")]
    out: PathBuf,
    /// Decide `move` for every row that is ready
    #[arg(long)]
    approve_ready: bool,
    /// Write over a plan in which somebody has decided already
    #[arg(long)]
    replace: bool,
    /// Read everything again, also what was read a short while ago
    #[arg(long)]
    fresh: bool,
}

/// Without an answer for so long, a person is told.
const REMINDER: std::time::Duration = std::time::Duration::from_secs(15);

/// What is printed.
#[derive(Debug, Serialize)]
struct Summary {
    plan: String,
    users_file: String,
    rows: usize,
    by_readiness: BTreeMap<&'static str, usize>,
    by_reason: BTreeMap<String, usize>,
    approved: usize,
    users_to_move: u64,
    first_end: Option<String>,
    calls: u64,
    unlisted: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let options = options(&settings)?;
    protect_decisions(&args)?;
    let _lock = alone(&settings, "plan")?;
    let connection = Connection::open(&settings).await?;
    connection.sign_in().await?;
    let store: Arc<dyn Store> = connection.base.store.clone();
    if args.fresh {
        forget(&*store).await?;
    }
    let found = {
        let reader = connection.reader.for_purpose(Purpose::Plan);
        let timer = ClockTimer(connection.base.clock.clone());
        let shown = Shown::new(connection.calls.clone());
        let cache = StoredReads::open(store.clone()).await?;
        let desk =
            Desk { reader: &reader, cache: &cache, timer: &timer, progress: &shown, options: &options };
        let found = tokio::select! {
            biased;
            asked = asked_to_stop() => {
                asked?;
                None
            }
            found = discover(&desk) => Some(found),
            never = shown.remind() => match never {},
        };
        shown.progress.finish();
        // Whatever became of it: what was read is kept.
        cache.flush().await?;
        found.transpose()?
    };
    let calls = connection.calls.made();
    let Some(mut plan) = found else {
        connection.close().await?;
        anyhow::bail!("stopped; what was read is kept: run `seatshift plan` again to go on");
    };
    keep_sold(&*store, &plan.sold).await?;
    // Kept for going on after a stop, not for the next plan, which must show what is then.
    forget(&*store).await?;
    drop(store);
    let approved =
        if args.approve_ready { approve_ready(plan.rows.iter_mut(), &settings.operator) } else { 0 };
    write(&plan, &args.out, style(&settings))?;
    connection.close().await?;
    let summary = summary(&plan, &args.out, approved, calls);
    context.output.show(&summary, || text(&summary))?;
    Ok(Ending::Fine)
}

/// A plan in which a person has decided something is not written over unasked.
fn protect_decisions(args: &Args) -> anyhow::Result<()> {
    if args.replace || !args.out.is_file() {
        return Ok(());
    }
    let old = planning::read_plan(&args.out, &planning::KnownOffers::default())
        .with_context(|| args.out.display().to_string())?;
    let decided = old.rows().filter(|row| row.decision.is_some()).count();
    if decided == 0 && old.problems.is_empty() {
        return Ok(());
    }
    let place = args.out.display();
    Err(Usage::new(format!(
        "{place}: this plan is there already and somebody has decided {decided} of its rows; give another name with \
         --out, or --replace to write over it"
    ))
    .into())
}

fn write(plan: &Plan, out: &Path, style: seatshift_control::tables::Style) -> anyhow::Result<()> {
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let users = users_file(out);
    plan.write_users(&users, style)
        .with_context(|| format!("{}: cannot be written; is it open in a spreadsheet?", users.display()))?;
    plan.write(out, style)
        .with_context(|| format!("{}: cannot be written; is it open in a spreadsheet?", out.display()))
}

fn summary(plan: &Plan, out: &Path, approved: usize, calls: u64) -> Summary {
    let mut by_readiness = BTreeMap::new();
    let mut by_reason = BTreeMap::new();
    for row in &plan.rows {
        *by_readiness.entry(row.readiness.name()).or_default() += 1;
        if row.readiness != Readiness::Ready {
            *by_reason.entry(row.reason_code.clone()).or_default() += 1;
        }
    }
    let ready = || plan.rows.iter().filter(|row| row.readiness == Readiness::Ready);
    Summary {
        plan: out.display().to_string(),
        users_file: users_file(out).display().to_string(),
        rows: plan.rows.len(),
        by_readiness,
        by_reason,
        approved,
        users_to_move: ready().filter_map(|row| row.users_to_move).map(u64::from).sum(),
        first_end: ready()
            .filter_map(|row: &PlanRow| row.commitment_end_date)
            .min()
            .map(|day| day.to_string()),
        calls,
        unlisted: plan.unlisted.clone(),
    }
}

fn text(summary: &Summary) -> String {
    let of = |readiness| summary.by_readiness.get(readiness).copied().unwrap_or(0);
    let mut text = format!(
        "{} in {}: {} ready ({} to move), {} ask for a decision, {} blocked.\n",
        count(summary.rows as u64, "subscription", "subscriptions"),
        summary.plan,
        of("ready"),
        count(summary.users_to_move, "user", "users"),
        of("ask"),
        of("blocked"),
    );
    if let Some(day) = &summary.first_end {
        text.push_str(&format!("The first that can be moved ends on {day}.\n"));
    }
    if !summary.by_reason.is_empty() {
        let mut reasons: Vec<_> = summary.by_reason.iter().collect();
        reasons.sort_by_key(|(code, rows)| (std::cmp::Reverse(**rows), (*code).clone()));
        let rows: Vec<Vec<String>> =
            reasons.into_iter().map(|(code, rows)| vec![rows.to_string(), code.clone()]).collect();
        text.push('\n');
        text.push_str(&table(&["ROWS", "REASON (seatshift explain REASON says more)"], &rows));
    }
    for entry in &summary.unlisted {
        text.push_str(&format!("\nNot readable in the customer list: {entry}\n"));
    }
    let next = if summary.approved > 0 {
        format!("{} approved. Next: seatshift apply {} --dry-run\n", summary.approved, summary.plan)
    } else {
        format!(
            "Nothing is approved yet: fill in `decision` (move or skip) in {}, then: seatshift apply {} --dry-run\n",
            summary.plan, summary.plan
        )
    };
    text.push('\n');
    text.push_str(&next);
    text
}

/// Shows how far the discovery is.
#[derive(Debug)]
struct Shown {
    progress: Progress,
    calls: Calls,
    /// Expected and done, of subscriptions, details and users.
    counts: [[AtomicU64; 2]; 3],
    customers: AtomicU64,
}

impl Shown {
    fn new(calls: Calls) -> Self {
        Shown {
            progress: Progress::new("plan"),
            calls,
            counts: Default::default(),
            customers: AtomicU64::new(0),
        }
    }

    /// Planning waits for outages to pass; whoever has typed a wrong address should not wait with it unknowing.
    async fn remind(&self) -> std::convert::Infallible {
        tokio::time::sleep(REMINDER).await;
        if self.customers.load(Ordering::Relaxed) == 0 {
            self.progress.say(
                "plan: nothing could be read yet, and it is tried again and again; `seatshift doctor` says what is wrong \
                 (Ctrl-C stops)",
            );
        }
        std::future::pending().await
    }

    fn show(&self) {
        let number = |phase: usize, at: usize| self.counts[phase][at].load(Ordering::Relaxed);
        let (expected, done) = (0..3)
            .fold((0, 0), |(expected, done), phase| (expected + number(phase, 0), done + number(phase, 1)));
        let about = format!(
            "{} of {} customers looked at closely, {} users, {} calls",
            number(1, 1),
            number(1, 0).max(self.customers.load(Ordering::Relaxed) * u64::from(expected == 0)),
            number(2, 1),
            self.calls.made()
        );
        self.progress.show(done, expected, &about);
    }

    fn add(&self, phase: Phase, at: usize, items: u64) {
        match phase {
            Phase::Customers => drop(self.customers.fetch_add(items, Ordering::Relaxed)),
            Phase::Subscriptions => drop(self.counts[0][at].fetch_add(items, Ordering::Relaxed)),
            Phase::Details => drop(self.counts[1][at].fetch_add(items, Ordering::Relaxed)),
            Phase::Users => drop(self.counts[2][at].fetch_add(items, Ordering::Relaxed)),
        }
        self.show();
    }
}

impl Hears for Shown {
    fn expect(&self, phase: Phase, more: u64) {
        self.add(phase, 0, more);
    }
    fn done(&self, phase: Phase, items: u64) {
        self.add(phase, 1, items);
    }
}
