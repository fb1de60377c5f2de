//! The deterministic campaign: many seeds, each a world of its own, with faults and crashes; every figure must be zero.

use std::process::ExitCode;

use clap::Parser;
use seatshift_simulator::world::FaultLevel;
use seatshift_tests::trial::{Rollback, Trial};

/// Runs seeds one after another and says what is wrong with each. Exit 0: all clean.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Customers in each world.
    #[arg(long, default_value_t = 12)]
    customers: usize,
    /// Crashes in each trial.
    #[arg(long, default_value_t = 3)]
    crashes: u32,
    /// Faults: none, light, hostile.
    #[arg(long, default_value = "hostile")]
    faults: String,
    /// When everything is rolled back: never, end, middle.
    #[arg(long, default_value = "never")]
    rollback: String,
    /// Draw readings of the unverified facts, policies, a shaky bus and refusals for good.
    #[arg(long)]
    varied: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let faults = match arguments.faults.as_str() {
        "none" => FaultLevel::None,
        "light" => FaultLevel::Light,
        "hostile" => FaultLevel::Hostile,
        other => {
            eprintln!("--faults {other}: there is no such level; use none, light or hostile");
            return ExitCode::from(2);
        }
    };
    let rollback = match arguments.rollback.as_str() {
        "never" => Rollback::Never,
        "end" => Rollback::AtTheEnd,
        "middle" => Rollback::InTheMiddle,
        other => {
            eprintln!("--rollback {other}: use never, end or middle");
            return ExitCode::from(2);
        }
    };
    let mut dirty = 0;
    for seed in arguments.from..arguments.from + arguments.seeds {
        let plain = Trial::plain(seed, arguments.customers, faults, arguments.crashes);
        let ended = Trial { rollback, varied: arguments.varied, ..plain }.run();
        let complaints = &ended.complaints;
        println!(
            "seed {seed}: {} rows {:?}, {} calls, {} crashes, {} events, examined {:?}{}",
            ended.rows.len(),
            ended.verdicts,
            ended.calls,
            ended.crashes,
            ended.events.len(),
            ended.audit.examined,
            if complaints.is_empty() { "" } else { "  << NOT CLEAN" }
        );
        for complaint in complaints {
            println!("    {complaint}");
        }
        dirty += u64::from(!complaints.is_empty());
    }
    println!("{} seeds, {dirty} not clean", arguments.seeds);
    if dirty == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
