//! The two runs.

use std::time::{Duration, Instant};

use seatshift_messages::Service;
use seatshift_tests::cluster::process::rest;
use seatshift_tests::cluster::{Cluster, Meter, Operator as _, Options, uniform};
use serde_json::json;

use super::Arguments;
use super::judged::Judged;

/// Between two looks at how far it is, which cost the database a walk over control's ledgers.
const LOOK: Duration = Duration::from_secs(10);
/// Nothing at all happens for so long: it is stuck.
const STUCK: Duration = Duration::from_secs(180);
const PURCHASE_QUEUE: &str = "seatshift.purchase.v1";
const FAMILIES: [&str; 6] = ["CUSTOMERS", "SUBSCRIPTIONS", "ORDERS", "OFFERS", "USERS", "LICENSES"];

/// As it is shipped, to the end.
pub(crate) fn capped(arguments: &Arguments) -> Judged {
    let mut judged = Judged::default();
    let mut cluster = Cluster::start(options(arguments));
    planned(&cluster, arguments, &mut judged);
    let meter = Meter::start(&cluster);
    let begun = Instant::now();
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    let done = watched(&cluster, arguments, "completed", || completed(&cluster), arguments.rows as u64, None);
    let seconds = begun.elapsed().as_secs_f64();
    judged.memory("working", &meter.stop(), arguments.limit, true);
    if done < arguments.rows as u64 {
        judged.complain(format!("{done} of {} rows were completed", arguments.rows));
    }
    apply.kill().ok();
    apply.wait().ok();
    judged.figure("seconds", json!(seconds));
    judged.figure("completed_per_second", json!(done as f64 / seconds));
    servers(&mut cluster, &mut judged);
    judged
}

/// Everything lies in the queue before the first is worked on.
pub(crate) fn queue(arguments: &Arguments) -> Judged {
    let mut judged = Judged::default();
    let mut cluster = Cluster::start(options(arguments).with("RUN__MAX_IN_FLIGHT", "100000000"));
    planned(&cluster, arguments, &mut judged);
    cluster.replica(Service::Purchase, 0).kill();
    let rows = arguments.rows as u64;

    let meter = Meter::start(&cluster);
    let begun = Instant::now();
    let mut apply = cluster.begin(&["apply", "plan.csv", "--yes", "--output", "json"]);
    let waiting = || cluster.queues().get(PURCHASE_QUEUE).copied().unwrap_or(0);
    let lie = watched(&cluster, arguments, "in the queue", waiting, rows, None);
    let seconds = begun.elapsed().as_secs_f64();
    // Control's own picture grows with the rows it takes in: small is asked of it here, and flat from then on.
    judged.memory("filling", &meter.stop(), arguments.limit, false);
    judged.figure("in_the_queue", json!(lie));
    judged.figure("requested_per_second", json!(lie as f64 / seconds));
    if lie < rows {
        judged.complain(format!("{lie} of {rows} requests lie in the queue"));
    }

    cluster.start_replica(Service::Purchase, 0);
    cluster.until_replica_ready(Service::Purchase, 0);
    let meter = Meter::start(&cluster);
    let begun = Instant::now();
    let most = (arguments.work_for > 0).then(|| Duration::from_secs(arguments.work_for));
    let done = watched(&cluster, arguments, "completed", || completed(&cluster), rows, most);
    let seconds = begun.elapsed().as_secs_f64();
    judged.memory("working", &meter.stop(), arguments.limit, true);
    judged.figure("completed", json!(done));
    judged.figure("completed_per_second", json!(done as f64 / seconds));
    if done == 0 || (most.is_none() && done < rows) {
        judged.complain(format!("{done} of {rows} rows were completed"));
    }
    apply.kill().ok();
    apply.wait().ok();
    servers(&mut cluster, &mut judged);
    judged
}

fn options(arguments: &Arguments) -> Options {
    let mut options = Options::new(1, arguments.rows, "none");
    options.world = Some(uniform(arguments.rows, arguments.users, 0));
    options.scale = 1;
    options.replicas = 1;
    for family in FAMILIES {
        options = options.with(&format!("QUOTA__{family}_PER_MINUTE"), "100000000");
    }
    for setting in &arguments.set {
        let (key, value) =
            setting.split_once('=').unwrap_or_else(|| panic!("--set KEY=VALUE, not {setting}"));
        options = options.with(key, value);
    }
    options
}

/// Plans, and approves everything. Control does the reading, so its memory counts here too.
fn planned(cluster: &Cluster, arguments: &Arguments, judged: &mut Judged) {
    let meter = Meter::start(cluster);
    let begun = Instant::now();
    cluster.run(&["plan", "--approve-ready"]).ends(&[0]);
    println!("planned in {:.0} s", begun.elapsed().as_secs_f64());
    judged.memory("planning", &meter.stop(), arguments.limit, false);
}

fn completed(cluster: &Cluster) -> u64 {
    cluster.count("select count(*) from control.ledger where stage like '%\"completed\"%'")
}

/// Looks from time to time until there are so many, nothing moves any more, or it has taken long enough.
fn watched(
    cluster: &Cluster,
    arguments: &Arguments,
    what: &str,
    count: impl Fn() -> u64,
    wanted: u64,
    most: Option<Duration>,
) -> u64 {
    let begun = Instant::now();
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let now = count();
        if now != last {
            (last, moved) = (now, Instant::now());
        }
        println!("    {:>6.0} s: {now} of {} {what}", begun.elapsed().as_secs_f64(), arguments.rows);
        let over = most.is_some_and(|most| begun.elapsed() >= most);
        if now >= wanted || over || moved.elapsed() >= STUCK {
            return now;
        }
        if let Some(ended) = cluster.ended() {
            println!("    {ended} has ended");
            return now;
        }
        rest(LOOK.min(most.map_or(LOOK, |most| most.saturating_sub(begun.elapsed()))));
    }
}

/// What the servers hold at the end.
fn servers(cluster: &mut Cluster, judged: &mut Judged) {
    let database = cluster.count("select pg_database_size(current_database())") / (1 << 20);
    let queues = cluster.queues();
    println!("database: {database} MiB on disk; messages by queue: {queues:?}");
    judged.figure("database_mib", json!(database));
    judged.figure("messages_by_queue", json!(queues));
}
