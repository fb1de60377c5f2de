//! Named as every test that needs RabbitMQ or PostgreSQL, so that `--without-servers` leaves them out.

mod broker;
mod containers;
mod stack;

use std::fs;
use std::path::{Path, PathBuf};

use seatshift_servers::Rabbit;

use crate::files::{root, text};

/// RabbitMQ, started as the Compose file starts it, with these secrets.
fn broker(dir: &Path, secrets: &Path) -> Rabbit {
    // Who loads definitions has no default user: the administrator is the one in them.
    let admin = fs::read_to_string(secrets.join("rabbitmq-admin-password")).unwrap();
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("server.txt"), format!("password={admin}\n")).unwrap();
    let configuration =
        text("deploy/compose/rabbitmq.conf").replace("/run/secrets", secrets.to_str().unwrap());
    // The machine that tests may have less of its disk free than a server should.
    Rabbit::start_with(dir, &configuration.replace("= 2GB", "= 50MB")).unwrap()
}

/// Where the programs are that `cargo build` made with this one.
fn programs() -> PathBuf {
    let programs = Path::new(env!("CARGO_BIN_EXE_seatshift-xtask")).parent().unwrap().to_owned();
    for program in ["seatshift", "seatshift-control", "seatshift-purchase"] {
        let there = programs.join(program).is_file();
        assert!(
            there,
            "{program} is not built: run `cargo xtask test`, or `cargo build --workspace` in {}",
            root().display()
        );
    }
    programs
}

#[expect(clippy::disallowed_methods, reason = "waiting for processes of others")]
fn rest() {
    std::thread::sleep(std::time::Duration::from_millis(50));
}
