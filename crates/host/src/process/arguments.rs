//! The arguments that every service takes.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command};
use seatshift_messages::Service;

use super::Program;

/// What the process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Run,
    CheckConfiguration,
    PrepareDatabase,
}

#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) config: Option<PathBuf>,
    pub(super) wish: Wish,
}

/// `seatshift-purchase`.
pub(super) fn name(program: Program) -> &'static str {
    match program.service {
        Service::Control => "seatshift-control",
        Service::Purchase => "seatshift-purchase",
        Service::Reassignment => "seatshift-reassignment",
        Service::Suspension => "seatshift-suspension",
    }
}

impl Arguments {
    /// Of this process. Ends it where they are wrong, or where help was asked for.
    pub(super) fn parse(program: Program) -> Self {
        Self::of(program, std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn of(
        program: Program,
        arguments: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        let matches = command(program).try_get_matches_from(arguments)?;
        // Not an argument of the other services at all.
        let prepares = program.service == Service::Control && matches.get_flag("prepare-database");
        let wish = match (matches.get_flag("check-config"), prepares) {
            (true, _) => Wish::CheckConfiguration,
            (false, true) => Wish::PrepareDatabase,
            (false, false) => Wish::Run,
        };
        Ok(Arguments { config: matches.get_one::<PathBuf>("config").cloned(), wish })
    }
}

fn command(program: Program) -> Command {
    let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let command = Command::new(name(program)).about(program.about).version(program.version).args([
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("Configuration file; every key can also be set as SEATSHIFT__SECTION__KEY"),
        flag("check-config").help("Say whether the configuration can be used, and end"),
    ]);
    if program.service != Service::Control {
        return command;
    }
    command.arg(flag("prepare-database").conflicts_with("check-config").help(
        "Make schemas, roles and tables where they are missing, and end; wants SEATSHIFT__DATABASE__ADMIN_URL \
         and SEATSHIFT__DATABASE__<SERVICE>_PASSWORD or ..._PASSWORD_FILE",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(service: Service) -> Program {
        Program { service, about: "", version: "1", check: |_| Ok(()) }
    }

    #[test]
    fn only_control_prepares_the_database() {
        let control = Arguments::of(program(Service::Control), ["x", "--prepare-database"]).unwrap();
        assert_eq!(control.wish, Wish::PrepareDatabase);
        Arguments::of(program(Service::Purchase), ["x", "--prepare-database"]).unwrap_err();
        let run = Arguments::of(program(Service::Purchase), ["x", "--config", "a.toml"]).unwrap();
        assert_eq!((run.wish, run.config), (Wish::Run, Some("a.toml".into())));
        let check = Arguments::of(program(Service::Purchase), ["x", "--check-config"]).unwrap();
        assert_eq!(check.wish, Wish::CheckConfiguration);
    }
}
