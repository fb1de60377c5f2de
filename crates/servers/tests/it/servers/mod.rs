//! Named as every test that needs RabbitMQ or PostgreSQL, so that `--without-servers` leaves them out.

mod on_the_shared_pair;
mod postgresql;
mod rabbitmq;

use std::path::PathBuf;

/// A directory of its own, gone at the end.
struct Dir(PathBuf);

impl Dir {
    fn of(test: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("seatshift-servers-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn is_gone(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z")
}
