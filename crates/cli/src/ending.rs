//! How a command ends, and the exit code of it: 0, 1, 2 or 3, the same for all.

use std::process::ExitCode;

use crate::lock::LockError;
use crate::output::Format;

/// How a command that could do its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All is as wanted: completed, rolled back on request, accepted, or skipped by a person.
    Fine,
    /// Some figure that must be zero is not, or nothing was examined.
    Wrong,
    /// Some row is refused, parked or otherwise skipped.
    Partly,
}

impl Ending {
    fn code(self) -> u8 {
        match self {
            Ending::Fine => 0,
            Ending::Wrong => 1,
            Ending::Partly => 3,
        }
    }
}

/// The person asked for something that cannot be asked for: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

impl Usage {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Usage(text.into())
    }
}

/// A lock that another engine holds is a wrong call; one that cannot be made is not.
pub(crate) fn locked(error: LockError) -> anyhow::Error {
    match error {
        LockError::Taken { .. } => Usage::new(error.to_string()).into(),
        LockError::Unusable { .. } => error.into(),
    }
}

/// Says what went wrong on standard error (and, where JSON was asked for, as the one document on standard output), and gives
/// the exit code.
pub(crate) fn code(ended: anyhow::Result<Ending>, format: Format) -> ExitCode {
    match ended {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(error) => {
            crate::output::tell!("seatshift: {error:#}");
            let usage = error.is::<Usage>() || error.is::<crate::settings::SettingsError>();
            let code = if usage { 2 } else { 1 };
            if format == Format::Json {
                println!("{}", serde_json::json!({ "error": format!("{error:#}"), "exit_code": code }));
            }
            ExitCode::from(code)
        }
    }
}
