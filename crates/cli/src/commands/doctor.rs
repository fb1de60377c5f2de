//! `doctor`: is everything in place? Each check by itself, with what to do where it fails.

use seatshift_catalog::PartnerOffers;
use seatshift_control::WHAT_TO_DO_ABOUT_SILENCE;
use seatshift_control::api::wire::Silent;
use seatshift_messages::Service;
use seatshift_partner_center::{CallError, CustomerSummary, Reader};
use serde::Serialize;

use crate::connection::Connection;
use crate::context::Context;
use crate::ending::Ending;
use crate::lock::{Lock, LockError};
use crate::output::{count, table};
use crate::remote::Remote;
use crate::settings::Settings;

/// Check configuration, credentials, rights and the state folder; changes nothing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    good: bool,
    says: String,
}

impl Check {
    fn good(what: &'static str, says: impl Into<String>) -> Check {
        Check { what, good: true, says: says.into() }
    }
    fn bad(what: &'static str, says: impl Into<String>) -> Check {
        Check { what, good: false, says: says.into() }
    }
}

pub(crate) async fn run(_: Args, context: &Context) -> anyhow::Result<Ending> {
    let settings = context.settings()?;
    let mut checks = vec![configuration(&settings), offers(&settings)];
    if settings.control.url.is_some() {
        checks.extend(through_control(&settings).await?);
    } else {
        checks.push(permission(settings.allow_changes));
        checks.push(refresh_token(&settings));
        checks.extend(connected(&settings).await?);
    }
    let rows: Vec<Vec<String>> = checks
        .iter()
        .map(|check| {
            let mark = if check.good { "ok" } else { "NO" };
            vec![mark.to_owned(), check.what.to_owned(), check.says.clone()]
        })
        .collect();
    context.output.show(&checks, || table(&["", "", ""], &rows))?;
    Ok(if checks.iter().all(|check| check.good) { Ending::Fine } else { Ending::Wrong })
}

fn configuration(settings: &Settings) -> Check {
    match &settings.file {
        Some(file) => Check::good("configuration", file.display().to_string()),
        None => Check::good(
            "configuration",
            "no file; environment and defaults only (`seatshift init` writes one)",
        ),
    }
}

fn permission(allow_changes: bool) -> Check {
    let says = if allow_changes {
        "changes are allowed (allow_changes = true)"
    } else {
        "nothing can be changed (allow_changes = false); plan, verify and report work"
    };
    Check::good("permission", says)
}

/// What needs the state folder for itself: a second login beside a running engine would disturb both.
async fn connected(settings: &Settings) -> anyhow::Result<Vec<Check>> {
    let _lock = match Lock::take(&settings.state_dir, "doctor") {
        Ok(lock) => lock,
        Err(error @ LockError::Taken { .. }) => return Ok(vec![Check::bad("engine", error.to_string())]),
        Err(error) => return Ok(vec![Check::bad("state", error.to_string())]),
    };
    let mut checks = vec![Check::good("engine", "none is running")];
    match Connection::open(settings).await {
        Ok(connection) => {
            checks.push(Check::good("state", settings.state_dir.display().to_string()));
            checks.extend(calls(&connection.reader).await);
            connection.close().await?;
        }
        Err(error) => checks.push(Check::bad("connection", format!("{error:#}"))),
    }
    Ok(checks)
}

/// The same by way of control, which has state and login.
async fn through_control(settings: &Settings) -> anyhow::Result<Vec<Check>> {
    let connection = match Connection::open(settings).await {
        Ok(connection) => connection,
        Err(error) => return Ok(vec![Check::bad("control", format!("{error:#}"))]),
    };
    let mut checks = Vec::new();
    if let Some(control) = &connection.base.control {
        let now = control.progress(None, None, 0).await?;
        checks.push(Check::good("control", control.address()));
        checks.push(permission(now.allow_changes));
        checks.extend(now.what_to_do_about_the_clock.map(|what| Check::bad("clock", what)));
        checks.extend(silent(&now.silent));
        checks.push(dead_letters(control).await);
    }
    checks.push(match connection.reader.sign_in().await {
        Ok(()) => Check::good("login", "control has tokens"),
        Err(error) => Check::bad("login", format!("{error}; run `seatshift login`")),
    });
    checks.extend(calls(&connection.reader).await);
    connection.close().await?;
    Ok(checks)
}

/// Messages that a service could not handle: somebody must look at them.
async fn dead_letters(control: &Remote) -> Check {
    const MOST: usize = 100;
    let mut found = Vec::new();
    for service in Service::ALL {
        match control.dead_letters(service, MOST).await {
            Ok(letters) if letters.is_empty() => {}
            Ok(letters) => {
                let more = if letters.len() < MOST { "" } else { " or more" };
                found.push(format!("{}{more} of {service}", letters.len()));
            }
            Err(error) => return Check::bad("dead letters", format!("{error:#}")),
        }
    }
    if found.is_empty() {
        return Check::good("dead letters", "none");
    }
    let says = format!("{}; `seatshift dead-letters list` shows them and what to do", found.join(", "));
    Check::bad("dead letters", says)
}

/// A message that got lost is heard of by nobody: a binding that somebody has deleted does that.
fn silent(migrations: &[Silent]) -> Option<Check> {
    let longest = migrations.first()?;
    Some(Check::bad(
        "migrations",
        format!(
            "{} under way of which nothing is heard, {} since {}; {WHAT_TO_DO_ABOUT_SILENCE}",
            count(migrations.len() as u64, "migration", "migrations"),
            longest.migration,
            longest.since
        ),
    ))
}

fn offers(settings: &Settings) -> Check {
    let Some(path) = &settings.planning.offers_file else {
        return Check::good(
            "offers file",
            "none; retired offers are recognised by name alone (planning.offers_file)",
        );
    };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let (_, problems) = PartnerOffers::parse(&text);
            match problems.first() {
                None => Check::good("offers file", path.display().to_string()),
                Some(first) => Check::bad("offers file", format!("{}, {first}", path.display())),
            }
        }
        Err(error) => {
            Check::bad("offers file", format!("{}: {error}; correct planning.offers_file", path.display()))
        }
    }
}

fn refresh_token(settings: &Settings) -> Check {
    let file = &settings.partner_center.refresh_token_file;
    if file.is_file() || settings.partner_center.refresh_token.is_some() || settings.simulator.is_some() {
        Check::good("login", file.display().to_string())
    } else {
        Check::bad("login", "nobody has logged in yet; run `seatshift login`")
    }
}

async fn calls(reader: &Reader) -> Vec<Check> {
    let first = match reader.customers(None).await {
        Ok(page) => page.items,
        Err(error) => return vec![failed("customers (app-only)", &error)],
    };
    let mut checks = vec![Check::good("customers (app-only)", format!("{} on the first page", first.len()))];
    let Some(customer) = first.first() else {
        checks.push(Check::bad("customers", "the partner has none; is this the right tenant?"));
        return checks;
    };
    checks.push(match reader.subscriptions(customer.id).await {
        Ok(listing) => {
            Check::good("subscriptions (app-only)", format!("{} of {}", listing.items.len(), customer.name))
        }
        Err(error) => failed("subscriptions (app-only)", &error),
    });
    checks.push(licenses(reader, &first).await);
    checks
}

/// The rights can differ from customer to customer: one that answers shows that the login is good.
async fn licenses(reader: &Reader, customers: &[CustomerSummary]) -> Check {
    let mut last = None;
    for customer in customers.iter().take(5) {
        match reader.subscribed_skus(customer.id).await {
            Ok(listing) => {
                let says = format!("{} license pools of {}", listing.items.len(), customer.name);
                return Check::good("licenses (App+User)", says);
            }
            Err(error) => last = Some(failed("licenses (App+User)", &error)),
        }
    }
    last.unwrap_or_else(|| Check::bad("licenses (App+User)", "there is no customer to ask about"))
}

fn failed(what: &'static str, error: &CallError) -> Check {
    let advice = error.code.and_then(|code| seatshift_partner_center::explain(code, error.status));
    let advice = advice.map(|one| format!(". {}", one.advice)).unwrap_or_default();
    Check::bad(what, format!("{error}{advice}"))
}
