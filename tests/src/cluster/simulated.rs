//! The simulated Partner Center as a process of its own, with a world in a file.

use std::path::Path;

use serde_json::Value;

use super::process::{self, Process, until};
use super::{Options, PATIENCE, http};

/// A simulator that serves `world.json` of a folder; `seatshift.toml` there leads to it.
#[derive(Debug)]
pub struct Simulated {
    pub process: Process,
    address: String,
}

impl Simulated {
    /// Makes the world, and serves it.
    pub fn serve(folder: &Path, options: &Options) -> Simulated {
        match &options.world {
            Some(world) => seatshift_simulator::world::write(world, &folder.join("world.json"))
                .expect("the world is written"),
            None => make_world(folder, options),
        }
        let mut serve = process::command("seatshift", folder);
        serve.args([
            "simulator",
            "--output",
            "json",
            "--listen",
            "127.0.0.1:0",
            "--write-config",
            "seatshift.toml",
        ]);
        serve.args(["--world", "world.json", "--scale", &options.scale.to_string()]);
        let process = Process::start("simulator", serve, folder).expect("the simulator starts");
        let address = until(
            PATIENCE,
            || format!("the simulator to listen\n{}", process.log()),
            || {
                let said = process.log();
                let mut documents =
                    serde_json::Deserializer::from_str(said.get(said.find('{')?..)?).into_iter::<Value>();
                let startup = documents.next()?.ok()?;
                Some(startup["base_url"].as_str()?.trim_start_matches("http://").to_owned())
            },
        );
        Simulated { process, address }
    }

    /// Where a call of its control goes.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/_simulator/{path}", self.address)
    }

    /// A call of its control.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = http(&self.address, method, &format!("/_simulator/{path}"), &[], &body)
            .expect("the simulator answers");
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    /// Calls so far that have changed something at Microsoft, or tried to.
    pub fn changing_calls(&self) -> u64 {
        let calls = self.ask("GET", "calls", &Value::Null);
        let of = |operation: &&str| calls["by_operation"][*operation].as_u64();
        ["place_order", "change_subscription", "update_licenses"].iter().filter_map(of).sum()
    }
}

fn make_world(folder: &Path, options: &Options) {
    let mut make = process::command("seatshift", folder);
    make.args(["simulator", "--write-world", "world.json", "--faults", &options.faults]);
    make.args(["--seed", &options.seed.to_string(), "--customers", &options.customers.to_string()]);
    let made = make.output().expect("the simulator runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
