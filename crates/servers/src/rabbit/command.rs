//! The files and the environment that make a RabbitMQ node private. Each line is here because without it something leaked:
//! the Erlang distribution listening on all interfaces, an epmd shared with the machine's own, a cookie in the user's home.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{ADMIN, DISK_FREE};
use crate::Error;
use crate::install;
use crate::notes::{Notes, create_dir, write_private};

const NODE: &str = "seatshift@localhost";
/// Erlang's own ports on loopback only.
const LOOPBACK: &str = "-kernel inet_dist_use_interface {127,0,0,1}";

/// `rabbitmq.conf`, the plugins, and the cookie by which tools and node know each other.
pub(super) fn write_files(dir: &Path, notes: &Notes, more: &str) -> Result<(), Error> {
    for inner in ["etc", "home", "log", "mnesia"] {
        create_dir(&dir.join(inner))?;
    }
    let conf = format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n\
         prometheus.tcp.ip = 127.0.0.1\nprometheus.tcp.port = {prometheus}\n\
         default_user = {ADMIN}\ndefault_pass = {password}\n\
         vm_memory_high_watermark.absolute = 2GB\ndisk_free_limit.absolute = {DISK_FREE}\n\
         log.console = false\nlog.file = rabbit.log\nlog.file.level = info\n{more}\n",
        amqp = notes.port("amqp")?,
        management = notes.port("management")?,
        prometheus = notes.port("prometheus")?,
        password = notes.text("password")?,
    );
    write_private(&dir.join("etc/rabbitmq.conf"), &conf)?;
    write_private(&dir.join("etc/enabled_plugins"), "[rabbitmq_management,rabbitmq_prometheus].\n")?;
    let cookie = dir.join("home/.erlang.cookie");
    if !cookie.exists() {
        write_private(&cookie, &crate::free::random_hex::<16>()?)?;
        let private = fs::Permissions::from_mode(0o400);
        fs::set_permissions(&cookie, private).map_err(|cause| Error::while_doing(cookie.display(), cause))?;
    }
    Ok(())
}

/// The server itself: with "input allowed" its script becomes the Erlang VM by `exec`, so that the pid is the node's;
/// `-noinput` then says that there is none.
pub(super) fn server(dir: &Path, notes: &Notes) -> Result<Command, Error> {
    let mut command = tool("rabbitmq-server", dir, notes)?;
    command.env("RABBITMQ_ALLOW_INPUT", "1").arg("-noinput").current_dir(dir);
    Ok(command)
}

/// One of its programs, speaking to this node.
pub(super) fn tool(program: &str, dir: &Path, notes: &Notes) -> Result<Command, Error> {
    let mut command = Command::new(install::rabbitmq()?.join(program));
    // Settings of a RabbitMQ or Erlang of the machine must not reach this one.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("RABBITMQ_") || name.starts_with("ERL_") {
            command.env_remove(name);
        }
    }
    let under = |path: &str| dir.join(path);
    command
        .env("HOME", under("home"))
        .env("RABBITMQ_BASE", dir)
        .env("RABBITMQ_NODENAME", NODE)
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", notes.text("amqp")?)
        .env("RABBITMQ_DIST_PORT", notes.text("distribution")?)
        .env("ERL_EPMD_PORT", notes.text("epmd")?)
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_CRASH_DUMP_SECONDS", "0")
        .env("RABBITMQ_MNESIA_BASE", under("mnesia"))
        .env("RABBITMQ_LOG_BASE", under("log"))
        .env("RABBITMQ_PID_FILE", under("mnesia/node.pid"))
        .env("RABBITMQ_CONFIG_FILE", under("etc/rabbitmq"))
        .env("RABBITMQ_ADVANCED_CONFIG_FILE", under("etc/advanced"))
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", under("etc/enabled_plugins"))
        .env("RABBITMQ_GENERATED_CONFIG_DIR", under("etc/generated"))
        .env("RABBITMQ_FEATURE_FLAGS_FILE", under("mnesia/feature_flags"))
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", LOOPBACK)
        .env("RABBITMQ_CTL_ERL_ARGS", LOOPBACK)
        // The tools' own distribution port: any free one, so that many can run at once.
        .env("RABBITMQ_CTL_DIST_PORT_MIN", "0")
        .env("RABBITMQ_CTL_DIST_PORT_MAX", "0");
    Ok(command)
}
