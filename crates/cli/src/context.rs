//! What every command is given.

use std::path::PathBuf;

use crate::output::Format;
use crate::settings::{Settings, SettingsError};

/// The options that stand before and behind every command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Context {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(crate) config: Option<PathBuf>,
    /// How the result is printed; progress goes to standard error either way
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Everywhere"
    )]
    pub(crate) output: Format,
}

impl Context {
    /// The configuration.
    pub(crate) fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::read(self.config.as_deref(), std::env::vars())
    }
}
