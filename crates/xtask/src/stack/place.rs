//! Where a stack keeps what.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::from_root;

/// A stack's folder.
#[derive(Debug)]
pub(crate) struct Stack {
    dir: PathBuf,
}

impl Stack {
    pub(crate) fn at(dir: PathBuf) -> Stack {
        Stack { dir }
    }

    /// The folder itself. RabbitMQ and PostgreSQL are in `rabbitmq` and `postgresql` under it.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Pid files, logs and starting lines of our processes.
    pub(crate) fn processes(&self) -> PathBuf {
        self.dir.join("processes")
    }

    /// Passwords and tokens, for their owner only.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.dir.join("secrets")
    }

    /// How to reach Partner Center, as the simulator wrote it: what every service reads.
    pub(crate) fn partner_center(&self) -> PathBuf {
        self.dir.join("config").join("seatshift.toml")
    }

    /// The world that the simulator began with.
    pub(crate) fn world(&self) -> PathBuf {
        self.dir.join("config").join("world.json")
    }

    /// What the person's commands read.
    pub(crate) fn for_commands(&self) -> PathBuf {
        self.dir.join("seatshift.toml")
    }

    /// Whether its Partner Center is simulated or the real one.
    pub(crate) fn kind(&self) -> PathBuf {
        self.dir.join("partner-center")
    }

    /// `cargo xtask stack VERB` for this stack, to be typed.
    pub(crate) fn command(&self, verb: &str) -> String {
        let usual = from_root(Path::new(super::DIR))
            .and_then(|dir| Ok(dir.canonicalize()?))
            .is_ok_and(|usual| usual == self.dir);
        let dir = if usual { String::new() } else { format!(" --dir {}", self.dir.display()) };
        format!("cargo xtask stack {verb}{dir}")
    }

    /// Makes the folders, with an absolute path from here on.
    pub(crate) fn made(self: &Stack) -> Result<Stack> {
        for folder in [self.processes(), self.dir.join("config")] {
            fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let dir = self.dir.canonicalize().with_context(|| self.dir.display().to_string())?;
        Ok(Stack { dir })
    }
}
