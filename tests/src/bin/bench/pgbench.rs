//! What the database alone costs, by PostgreSQL's own `pgbench`: what a message needs at the least, one by one and 64 in one
//! transaction.

use std::path::Path;
use std::process::Command;

use seatshift_servers::Postgres;
use serde_json::Value;

use super::floors::Stopwatch;

const DATABASE: &str = "floors";
const TABLES: &str = "
create table inbox (event uuid primary key, at bigint not null);
create table ledger (id bigint primary key, version bigint not null, stage text not null);
create table outbox (position bigserial primary key, bytes bytea not null);
insert into ledger select id, 0, repeat('x', 300) from generate_series(1, 10000) as id;";

/// A message: seen, decided, said.
const ONE: &str = r"\set id random(1, 10000)
begin;
insert into inbox values (gen_random_uuid(), 1);
update ledger set version = version + 1, stage = repeat('y', 300) where id = :id;
insert into outbox (bytes) values (convert_to(repeat('z', 600), 'UTF8'));
commit;
";

/// The same for 64 messages.
const MANY: &str = r"\set id random(1, 9900)
begin;
insert into inbox select gen_random_uuid(), 1 from generate_series(1, 64);
update ledger set version = version + 1, stage = repeat('y', 300) where id between :id and :id + 63;
insert into outbox (bytes) select convert_to(repeat('z', 600), 'UTF8') from generate_series(1, 64);
commit;
";

/// The floors of the database.
pub(crate) fn measured(postgres: &Postgres, folder: &Path) -> Vec<Value> {
    postgres.create_database(DATABASE).expect("a database");
    postgres.query(DATABASE, TABLES).unwrap_or_else(|error| panic!("{error}"));
    let forms = [("one message", ONE, 1, 1), ("one message", ONE, 1, 8), ("64 messages", MANY, 64, 1)];
    let of = |(what, script, messages, clients): (&str, &str, u64, u32)| {
        let file = folder.join("floor.sql");
        std::fs::write(&file, script).expect("a script");
        let watch = Stopwatch::start(postgres.pid());
        let transactions = run(postgres, &file, clients);
        let name = format!("database: a transaction of 3 statements for {what}, {clients} connections");
        watch.stop(&name, transactions * messages)
    };
    forms.map(of).to_vec()
}

/// Two seconds of it; how many transactions there were.
fn run(postgres: &Postgres, script: &Path, clients: u32) -> u64 {
    let mut tool = Command::new(postgres.bin("pgbench"));
    tool.args(["--no-vacuum", "--protocol=prepared", "--time=2", &format!("--client={clients}")]);
    tool.arg("-f").arg(script).arg(postgres.admin_url(DATABASE));
    let told = tool.output().expect("pgbench runs");
    let text = String::from_utf8_lossy(&told.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("number of transactions actually processed: "));
    let number = line.and_then(|number| number.split('/').next()?.trim().parse().ok());
    number.unwrap_or_else(|| panic!("pgbench: {text}{}", String::from_utf8_lossy(&told.stderr)))
}
