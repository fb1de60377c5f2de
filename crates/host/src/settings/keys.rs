//! Every key of the configuration file, once: what it is called, what it may hold, and what to tell the person who fills
//! it in. Reading, the environment, the file that `init` writes and the error texts are all made from this table.

use super::address;

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// Never in the file, only in the environment.
    Secret,
    Flag,
    /// A whole number within these, both included.
    Count(u64, u64),
    /// From one hour to a year.
    Hours,
    Url,
    /// A moment, such as `2019-03-01T08:00:00Z`.
    Time,
    /// A file or folder; taken from the folder in which the configuration file lies.
    Path,
    Word(&'static [&'static str]),
    /// Where to listen: `127.0.0.1:9100`; port 0 = any free one.
    Address,
    /// Servers, as addresses with one of these schemes, without a password inside; several stand with commas between.
    Servers(&'static [&'static str]),
    /// One PostgreSQL, as an address without a password inside.
    Database,
}

impl Kind {
    /// What to write, for error texts.
    pub(super) fn remedy(self) -> String {
        match self {
            Kind::Text | Kind::Secret => "write a text in quotation marks".to_owned(),
            Kind::Flag => "write true or false".to_owned(),
            Kind::Count(least, most) => {
                format!("write a whole number from {least} to {most}, without quotation marks")
            }
            Kind::Hours => "write whole hours from 1 to 8760, without quotation marks".to_owned(),
            Kind::Url => "write an address such as \"https://api.example.net\", without a user or a password"
                .to_owned(),
            Kind::Time => "write a moment such as \"2019-03-01T08:00:00Z\"".to_owned(),
            Kind::Path => "write the name of a file or folder in quotation marks".to_owned(),
            Kind::Address => "write an address and a port such as \"127.0.0.1:9100\"".to_owned(),
            Kind::Servers(schemes) => format!(
                "write an address such as \"{}://purchase@broker.example.net/seatshift\", and the password into a file",
                schemes.first().copied().unwrap_or_default()
            ),
            Kind::Database => format!(
                "write one address such as \"postgres://seatshift_purchase@db.example.net/seatshift?sslmode=verify-full\", sslmode \
                 being one of {}, and the password into a file",
                address::SSL_MODES.join(", ")
            ),
            Kind::Word(words) => format!("write one of: {}", words.join(", ")),
        }
    }
}

/// Where `init` shows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// To be filled in.
    Open,
    /// With its default, commented out.
    Commented,
    /// For simulators and tests: not in the file that `init` writes.
    Hidden,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// `section.key`.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) shown: Shown,
    /// As it stands in the file that `init` writes, in TOML.
    pub(super) value: &'static str,
    pub(super) about: &'static str,
}

const fn key(path: &'static str, kind: Kind, shown: Shown, value: &'static str, about: &'static str) -> Key {
    Key { path, kind, shown, value, about }
}

use Kind::{Address, Count, Database, Flag, Hours, Path, Secret, Servers, Text, Time, Url, Word};
use Shown::{Commented, Hidden, Open};

const AMQP: &[&str] = &["amqp", "amqps"];

/// Calls a minute of one family.
const PER_MINUTE: Kind = Count(1, 1_000_000_000);
/// How many times as fast as real time a clock of tests runs.
const SCALE: Kind = Count(1, u32::MAX as u64);

/// All keys, in the order in which `init` writes them.
#[rustfmt::skip]
pub(super) static KEYS: &[Key] = &[
    key("allow_changes", Flag, Open, "false",
        "While this is false nothing is ever changed at Microsoft: plan, verify and report work, apply refuses.\nSet it to true once you have read the plan."),
    key("state_dir", Path, Open, "\"seatshift-state\"",
        "Where everything is remembered (one SQLite file, a lock, the refresh token). Keep it; back it up."),
    key("operator", Text, Commented, "\"\"",
        "Who gives orders, for the record. Default: the login name."),

    key("partner_center.tenant", Text, Open, "\"\"",
        "The partner's own tenant: its GUID or its domain."),
    key("partner_center.client_id", Text, Open, "\"\"",
        "Application (client) id of the app registration that is enabled for Partner Center."),
    key("partner_center.client_secret_file", Path, Open, "\"client-secret\"",
        "File that holds its secret and nothing else. Or set SEATSHIFT__PARTNER_CENTER__CLIENT_SECRET."),
    key("partner_center.client_secret", Secret, Hidden, "", ""),
    key("partner_center.user_client_id", Text, Commented, "\"\"",
        "The application for App+User calls (users, licenses), where it is another one. Same rules."),
    key("partner_center.user_client_secret_file", Path, Commented, "\"user-client-secret\"", ""),
    key("partner_center.user_client_secret", Secret, Hidden, "", ""),
    key("partner_center.refresh_token_file", Path, Commented, "\"seatshift-state/refresh-token\"",
        "Where `seatshift login` keeps the refresh token (mode 0600; it changes with every use)."),
    key("partner_center.refresh_token", Secret, Hidden, "", ""),
    key("partner_center.cloud", Word(&["public", "us_government", "china"]), Commented, "\"public\"",
        "public, us_government or china (in China licenses of users cannot be read or changed)."),
    key("partner_center.token_use", Word(&["by_call", "app_user_for_all"]), Commented, "\"by_call\"",
        "by_call: App+User only where Microsoft demands it. app_user_for_all: everywhere."),
    key("partner_center.app_only_resource", Text, Commented, "\"https://graph.windows.net\"",
        "Audience of app-only tokens; only change it when login is refused because of it."),
    key("partner_center.indirect_provider", Flag, Commented, "false",
        "You are an indirect provider: orders name the reseller of record."),
    key("partner_center.call_seconds", Count(1, 600), Commented, "60",
        "The longest that one call may take. Shorter makes more calls whose outcome nobody knows."),
    key("partner_center.api", Url, Hidden, "", ""),
    key("partner_center.authority", Url, Hidden, "", ""),

    key("planning.offers_file", Path, Commented, "\"offers.toml\"",
        "What you know of offers: ids of retired ones, ids that stay, rules for targets."),
    key("planning.min_days_left", Count(0, 3650), Commented, "2",
        "A subscription that ends within this many days is left alone, and said so."),
    key("planning.spare_seats", Count(0, 100_000), Commented, "0",
        "Seats to buy beyond the users who move."),
    key("planning.reuse_reads_hours", Count(0, 8760), Commented, "12",
        "What was read is kept this long, so that a stopped plan goes on where it was."),
    key("planning.customers_at_once", Count(1, 1000), Commented, "16", ""),

    key("run.max_in_flight", Count(1, 100_000_000), Commented, "64",
        "Customers worked on at the same time."),
    key("run.stop_after_first", Count(0, 20), Commented, "3",
        "Stop rule: pause when so many of the first 20 rows end refused or parked ..."),
    key("run.stop_percent", Count(0, 100), Commented, "5",
        "... and later, when so many percent of the last 100 do."),
    key("run.chunk_users", Count(1, 10_000), Commented, "25",
        "Big customers are cut into chunks of so many users."),

    key("silence.purchase_hours", Hours, Commented, "48",
        "A migration under way of which nothing is heard for longer than its step may take is told of in `status`, and its\nevents are published once more. Above 24, which a step may spend waiting for Microsoft."),
    key("silence.reassignment_hours", Hours, Commented, "48", ""),
    key("silence.suspension_hours", Hours, Commented, "48", ""),

    key("quota.customers_per_minute", PER_MINUTE, Commented, "500",
        "Calls a minute that Microsoft grants, by family. The first three are documented."),
    key("quota.subscriptions_per_minute", PER_MINUTE, Commented, "500", ""),
    key("quota.orders_per_minute", PER_MINUTE, Commented, "500", ""),
    key("quota.offers_per_minute", PER_MINUTE, Commented, "500",
        "For these nothing is published: left out, they are learned from what Microsoft lets through."),
    key("quota.users_per_minute", PER_MINUTE, Commented, "500", ""),
    key("quota.licenses_per_minute", PER_MINUTE, Commented, "500", ""),

    key("files.delimiter", Word(&[",", ";", "tab"]), Commented, "\",\"",
        "Delimiter of the CSV files that are written: \",\", \";\" or \"tab\". Reading accepts all three."),

    key("control.url", Url, Commented, "\"http://127.0.0.1:9180\"",
        "Where control of the distributed mode listens: with this set the commands speak to it and keep nothing here."),
    key("control.token_file", Path, Commented, "\"control-token\"",
        "File that holds the bearer token of control and nothing else. Or set SEATSHIFT__CONTROL__TOKEN."),
    key("control.token", Secret, Hidden, "", ""),
    key("control.listen", Address, Commented, "\"127.0.0.1:9180\"",
        "Where control itself listens (from here on: the services of the distributed mode alone)."),

    key("database.url", Database, Commented, "\"postgres://seatshift_purchase@127.0.0.1:5432/seatshift\"",
        "PostgreSQL, with the service's own role and without a password."),
    key("database.password_file", Path, Commented, "\"database-password\"",
        "File that holds that role's password and nothing else. Or set SEATSHIFT__DATABASE__PASSWORD."),
    key("database.password", Secret, Hidden, "", ""),
    key("database.connections", Count(1, 1000), Commented, "6",
        "Connections that one process may have."),
    key("database.admin_url", Secret, Hidden, "", ""),
    key("database.admin_url_file", Path, Hidden, "", ""),
    key("database.control_password", Secret, Hidden, "", ""),
    key("database.control_password_file", Path, Hidden, "", ""),
    key("database.purchase_password", Secret, Hidden, "", ""),
    key("database.purchase_password_file", Path, Hidden, "", ""),
    key("database.reassignment_password", Secret, Hidden, "", ""),
    key("database.reassignment_password_file", Path, Hidden, "", ""),
    key("database.suspension_password", Secret, Hidden, "", ""),
    key("database.suspension_password_file", Path, Hidden, "", ""),

    key("broker.url", Servers(AMQP), Commented, "\"amqp://purchase@127.0.0.1:5672/seatshift\"",
        "RabbitMQ, with the service's own user and without a password; several brokers with commas between."),
    key("broker.password_file", Path, Commented, "\"broker-password\"",
        "File that holds that user's password and nothing else. Or set SEATSHIFT__BROKER__PASSWORD."),
    key("broker.password", Secret, Hidden, "", ""),
    key("broker.ca_file", Path, Commented, "\"broker-ca.pem\"",
        "For amqps: the authority that signed the broker's certificate, where this machine does not know it ..."),
    key("broker.client_cert_file", Path, Commented, "\"broker-client.pem\"",
        "... and our own certificate with its key, where the broker asks for one."),
    key("broker.client_key_file", Path, Commented, "\"broker-client.key\"", ""),
    key("broker.declare", Word(&["active", "passive"]), Commented, "\"active\"",
        "active: exchanges, queues and bindings are made where they are missing. passive: they are only looked for."),
    key("broker.prefetch", Count(1, u16::MAX as u64), Commented, "128",
        "Messages that one process may have in hand."),

    key("service.listen", Address, Commented, "\"127.0.0.1:0\"",
        "Where /livez, /readyz and /metrics are served; port 0 is any free one, and the log says which."),
    key("service.drain_seconds", Count(0, 3600), Commented, "20",
        "How long a service that is told to stop may finish what it has in hand."),
    key("service.parallel", Count(1, 100_000), Commented, "128",
        "Pieces of work that make calls at a time, in one process; half as many more are held ready."),
    key("service.batch", Count(1, 10_000), Commented, "64",
        "Messages, rows and events taken at a time."),
    key("service.lease_seconds", Count(1, u32::MAX as u64), Hidden, "", ""),
    // Not in what is released: takes a protection away, so that tests can show that they would notice.
    #[cfg(debug_assertions)]
    key("service.sabotage", Word(&["inbox-off", "ack-before-commit"]), Hidden, "", ""),

    key("telemetry.format", Word(&["json", "text"]), Commented, "\"json\"",
        "How a service writes its log: json for machines, text for people."),
    key("telemetry.filter", Text, Commented, "\"info\"",
        "Which lines: error, warn, info, debug, or by module as in RUST_LOG."),

    key("clock.start", Time, Hidden, "", ""),
    key("clock.epoch", Time, Hidden, "", ""),
    key("clock.scale", SCALE, Hidden, "", ""),
    key("simulator.world", Path, Hidden, "", ""),
    key("simulator.scale", SCALE, Hidden, "", ""),
];

/// The key of that path.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether the path names a section.
pub(super) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == path))
}
