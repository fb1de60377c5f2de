//! Every key of the configuration file, once: what it is called, what it may hold, and what to tell the person who fills
//! it in. Reading, the environment, the file that `init` writes and the error texts are all made from this table.

/// What a key may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Never in the file, only in the environment.
    Secret,
    Flag,
    Count,
    Url,
    /// A moment, such as `2019-03-01T08:00:00Z`.
    Time,
    /// A file or folder; taken from the folder in which the configuration file lies.
    Path,
    Word(&'static [&'static str]),
}

impl Kind {
    /// What to write, for error texts.
    pub(crate) fn remedy(self) -> String {
        match self {
            Kind::Text | Kind::Secret => "write a text in quotation marks".to_owned(),
            Kind::Flag => "write true or false".to_owned(),
            Kind::Count => "write a whole number without quotation marks".to_owned(),
            Kind::Url => "write an address such as \"https://api.example.net\"".to_owned(),
            Kind::Time => "write a moment such as \"2019-03-01T08:00:00Z\"".to_owned(),
            Kind::Path => "write the name of a file or folder in quotation marks".to_owned(),
            Kind::Word(words) => format!("write one of: {}", words.join(", ")),
        }
    }
}

/// Where `init` shows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// To be filled in.
    Open,
    /// With its default, commented out.
    Commented,
    /// For simulators and tests: not in the file that `init` writes.
    Hidden,
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`.
    pub(crate) path: &'static str,
    pub(crate) kind: Kind,
    pub(crate) shown: Shown,
    /// As it stands in the file that `init` writes, in TOML.
    pub(crate) value: &'static str,
    pub(crate) about: &'static str,
}

const fn key(path: &'static str, kind: Kind, shown: Shown, value: &'static str, about: &'static str) -> Key {
    Key { path, kind, shown, value, about }
}

use Kind::{Count, Flag, Path, Secret, Text, Time, Url, Word};
use Shown::{Commented, Hidden, Open};

/// All keys, in the order in which `init` writes them.
#[rustfmt::skip]
pub(crate) static KEYS: &[Key] = &[
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
    key("partner_center.api", Url, Hidden, "", ""),
    key("partner_center.authority", Url, Hidden, "", ""),

    key("planning.offers_file", Path, Commented, "\"offers.toml\"",
        "What you know of offers: ids of retired ones, ids that stay, rules for targets."),
    key("planning.min_days_left", Count, Commented, "2",
        "A subscription that ends within this many days is left alone, and said so."),
    key("planning.spare_seats", Count, Commented, "0",
        "Seats to buy beyond the users who move."),
    key("planning.reuse_reads_hours", Count, Commented, "12",
        "What was read is kept this long, so that a stopped plan goes on where it was."),
    key("planning.customers_at_once", Count, Commented, "16", ""),

    key("run.max_in_flight", Count, Commented, "64",
        "Customers worked on at the same time."),
    key("run.stop_after_first", Count, Commented, "3",
        "Stop rule: pause when so many of the first 20 rows end refused or parked ..."),
    key("run.stop_percent", Count, Commented, "5",
        "... and later, when so many percent of the last 100 do."),
    key("run.chunk_users", Count, Commented, "25",
        "Big customers are cut into chunks of so many users."),

    key("quota.customers_per_minute", Count, Commented, "500",
        "Calls a minute that Microsoft grants, by family. The first three are documented."),
    key("quota.subscriptions_per_minute", Count, Commented, "500", ""),
    key("quota.orders_per_minute", Count, Commented, "500", ""),
    key("quota.offers_per_minute", Count, Commented, "500",
        "For these nothing is published: left out, they are learned from what Microsoft lets through."),
    key("quota.users_per_minute", Count, Commented, "500", ""),
    key("quota.licenses_per_minute", Count, Commented, "500", ""),

    key("files.delimiter", Word(&[",", ";", "tab"]), Commented, "\",\"",
        "Delimiter of the CSV files that are written: \",\", \";\" or \"tab\". Reading accepts all three."),

    key("clock.start", Time, Hidden, "", ""),
    key("clock.epoch", Time, Hidden, "", ""),
    key("clock.scale", Count, Hidden, "", ""),
    key("simulator.world", Path, Hidden, "", ""),
    key("simulator.scale", Count, Hidden, "", ""),
];

/// The key of that path.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether the path names a section.
pub(crate) fn is_section(path: &str) -> bool {
    KEYS.iter().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == path))
}
