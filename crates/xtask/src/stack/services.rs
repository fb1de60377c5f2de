//! The services of a stack: as many of each as wanted, each told where the servers are.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use seatshift_servers::{Ports, Shared, is_free};

use super::place::Stack;
use super::prepare;
use super::process::Line;
use super::up::{port, stop};
use super::wanted::Wanted;
use crate::secrets::{SERVICES, Secrets};

/// Where control's API listens.
pub(crate) const API: &str = "SEATSHIFT__CONTROL__LISTEN";

/// What all services of a stack are told.
pub(crate) struct Common<'a> {
    pub(crate) binaries: &'a Path,
    pub(crate) servers: &'a Shared,
    pub(crate) secrets: &'a Secrets,
    /// The configuration that leads to Partner Center.
    pub(crate) config: &'a Path,
    pub(crate) simulated: bool,
}

/// The services, started. What runs as it should stays; what was started in another way (other addresses, another
/// configuration, an older program) or is one too many is let finish, and started again where it is wanted.
pub(crate) fn up(stack: &Stack, wanted: &Wanted, common: &Common<'_>) -> Result<Vec<Line>> {
    let known = Line::all(stack)?;
    let mut lines = Vec::new();
    let mut to_start = Vec::new();
    for service in SERVICES {
        for at in 1..=wanted.of(service, &known) {
            let name = format!("{service}-{at}");
            let known = known.iter().find(|line| line.name == name);
            let runs = known.is_some_and(|line| line.process(stack).pid().is_some());
            let ([port, api], held) = ports(known, runs)?;
            let line = common.line(name, service, [port, api]);
            if !(runs && known.is_some_and(|known| known.is_as(&line))) {
                if runs {
                    println!(
                        "{}: what it was started with is not what holds now; starting it again",
                        line.name
                    );
                }
                to_start.push((line.name.clone(), held));
            }
            lines.push(line);
        }
    }
    let stays = |name: &str| {
        lines.iter().any(|line| line.name == name) && to_start.iter().all(|(other, _)| other != name)
    };
    stop(stack, |line| line.name != "simulator" && !stays(&line.name))?;
    for (name, held) in to_start {
        drop(held);
        for line in lines.iter().filter(|line| line.name == name) {
            line.start(stack)?;
        }
    }
    Ok(lines)
}

/// Those that it had, while it has them or nobody else does; so that a person's bookmarks and scrapers go on working.
fn ports(known: Option<&Line>, runs: bool) -> Result<([u16; 2], Vec<Ports>)> {
    if let Some(known) = known {
        let api = known.environment.get(API).and_then(|listen| listen.rsplit_once(':')?.1.parse().ok());
        let ports = [known.port, api.unwrap_or_default()];
        if runs || ports.into_iter().all(is_free) {
            return Ok((ports, Vec::new()));
        }
    }
    let ((held, port), (api_held, api)) = (port()?, port()?);
    Ok(([port, api], vec![held, api_held]))
}

impl Common<'_> {
    fn line(&self, name: String, service: &str, ports: [u16; 2]) -> Line {
        Line {
            name,
            program: self.binaries.join(format!("seatshift-{service}")),
            arguments: vec!["--config".to_owned(), self.config.display().to_string()],
            environment: self.environment(service, ports),
            port: ports[0],
            health: "/readyz".to_owned(),
            made_of: String::new(),
        }
    }

    /// What a service is told beside the common configuration.
    fn environment(&self, service: &str, [port, api]: [u16; 2]) -> BTreeMap<String, String> {
        let name = prepare::NAME;
        let (database, broker) = (self.servers.postgres.port(), self.servers.rabbit.port());
        let secret = |what: &str| self.secrets.file(what).display().to_string();
        let mut told = vec![
            ("DATABASE__URL", format!("postgres://seatshift_{service}@127.0.0.1:{database}/{name}")),
            ("DATABASE__PASSWORD_FILE", secret(&format!("{service}-database-password"))),
            ("BROKER__URL", format!("amqp://seatshift_{service}@127.0.0.1:{broker}/{name}")),
            ("BROKER__PASSWORD_FILE", secret(&format!("{service}-broker-password"))),
            ("SERVICE__LISTEN", format!("127.0.0.1:{port}")),
        ];
        if self.simulated {
            // It answers at once. The lease of work in hand follows the longest call: what a killed process had is taken up
            // again after two minutes, and not after nine.
            told.push(("PARTNER_CENTER__CALL_SECONDS", "10".to_owned()));
        }
        let mut told: BTreeMap<String, String> =
            told.into_iter().map(|(key, value)| (format!("SEATSHIFT__{key}"), value)).collect();
        if service == "control" {
            told.insert(API.to_owned(), format!("127.0.0.1:{api}"));
            told.insert("SEATSHIFT__CONTROL__TOKEN_FILE".to_owned(), secret("control-token"));
        }
        told
    }
}
