//! The configuration: one TOML file, overridden by `SEATSHIFT__SECTION__KEY`.
//!
//! A slip of the hand must not go unnoticed in a program that buys things: an unknown key is an error that names file, line,
//! key, the nearest known key and what to do. Secrets come from files of their own or the environment, never from the
//! configuration file, and are never printed.

mod address;
mod distributed;
mod keys;
mod nearest;
mod secret;
mod template;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::SecretString;
use url::Url;

pub use distributed::{Broker, Control, Database, LogFormat, Process, Telemetry};
pub use nearest::nearest;
pub use secret::{Secret, SecretUnreadable};
pub use template::template;
use values::Values;
pub use values::{PREFIX, Problem};

/// The name that is looked for when none is given.
pub const FILE_NAME: &str = "seatshift.toml";

/// Everything that can be set, with defaults in place.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Nothing is changed at Microsoft while this is false.
    pub allow_changes: bool,
    /// Where everything is remembered.
    pub state_dir: PathBuf,
    /// Who gives orders.
    pub operator: String,
    pub partner_center: PartnerCenter,
    pub planning: Planning,
    pub run: Run,
    pub silence: Silence,
    pub quota: Quota,
    pub files: Files,
    pub control: Control,
    pub database: Database,
    pub broker: Broker,
    /// The process of a service.
    pub service: Process,
    pub telemetry: Telemetry,
    /// None = the system's clock.
    pub clock: Option<ClockSettings>,
    /// A simulated partner that is started together with the command.
    pub simulator: Option<SimulatorSettings>,
    /// The file it came from, where there was one.
    pub file: Option<PathBuf>,
}

/// Where to call and as whom.
#[derive(Debug, Clone)]
pub struct PartnerCenter {
    pub tenant: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<Secret>,
    pub user_client_id: Option<String>,
    pub user_client_secret: Option<Secret>,
    pub refresh_token_file: PathBuf,
    /// The first refresh token, for those who have it from elsewhere.
    pub refresh_token: Option<SecretString>,
    pub cloud: String,
    pub token_use: String,
    pub app_only_resource: String,
    pub indirect_provider: bool,
    /// The longest that one exchange may take, in real time; none = what the client thinks right.
    pub call_seconds: Option<u64>,
    /// In place of the cloud's own addresses.
    pub api: Option<Url>,
    pub authority: Option<Url>,
}

#[derive(Debug, Clone)]
pub struct Planning {
    pub offers_file: Option<PathBuf>,
    pub min_days_left: u64,
    pub spare_seats: u64,
    pub reuse_reads_hours: u64,
    pub customers_at_once: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct Run {
    pub max_in_flight: u64,
    pub stop_after_first: u64,
    pub stop_percent: u64,
    pub chunk_users: u64,
}

/// Hours for which nothing may be heard of a migration under way, by the step that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    pub purchase_hours: u64,
    pub reassignment_hours: u64,
    pub suspension_hours: u64,
}

/// Calls a minute, by family; none = what the client knows or learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub customers: Option<u64>,
    pub subscriptions: Option<u64>,
    pub orders: Option<u64>,
    pub offers: Option<u64>,
    pub users: Option<u64>,
    pub licenses: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub struct Files {
    pub delimiter: u8,
}

/// Compressed time: shows `start` at the real moment `epoch`, and runs `scale` times as fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSettings {
    pub start: Timestamp,
    pub epoch: Timestamp,
    pub scale: u32,
}

/// The world of a simulated partner.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    pub world: PathBuf,
    pub scale: u32,
}

/// All faults of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl Settings {
    /// Reads `file`, or `seatshift.toml` in the working folder where none is named and it is there; then the environment.
    ///
    /// # Errors
    /// Every fault, with its place, its cause and what to do.
    pub fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Settings, SettingsError> {
        let mut problems = Vec::new();
        let path = file.map_or_else(|| PathBuf::from(FILE_NAME), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                problems.push(Problem {
                    place: path.display().to_string(),
                    cause: format!("the configuration file cannot be read ({error})"),
                    remedy: "check its name and rights; `seatshift init` writes a new one".to_owned(),
                });
                None
            }
        };
        let name = path.display().to_string();
        let named = text.as_deref().map(|text| (name.as_str(), text));
        let values = Values::read(named, environment, &mut problems);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let file = text.as_ref().map(|_| path.clone());
        let settings = Settings::of(&values, &folder, file, &mut problems);
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
    }

    fn of(values: &Values, folder: &Path, file: Option<PathBuf>, problems: &mut Vec<Problem>) -> Settings {
        let count = |path, default| values.count(path).unwrap_or(default);
        let place = |path| values.text(path).map(|name| folder.join(name));
        let state_dir = place("state_dir").unwrap_or_else(|| folder.join("seatshift-state"));
        let user = |name| std::env::var(name).ok().filter(|name| !name.is_empty());
        Settings {
            allow_changes: values.flag("allow_changes").unwrap_or(false),
            operator: values
                .text("operator")
                .or_else(|| user("USER"))
                .or_else(|| user("LOGNAME"))
                .unwrap_or_else(|| "operator".to_owned()),
            partner_center: partner_center(values, folder, &state_dir),
            planning: Planning {
                offers_file: place("planning.offers_file"),
                min_days_left: count("planning.min_days_left", 2),
                spare_seats: count("planning.spare_seats", 0),
                reuse_reads_hours: count("planning.reuse_reads_hours", 12),
                customers_at_once: count("planning.customers_at_once", 16).max(1),
            },
            run: Run {
                max_in_flight: count("run.max_in_flight", 64).max(1),
                stop_after_first: count("run.stop_after_first", 3),
                stop_percent: count("run.stop_percent", 5),
                chunk_users: count("run.chunk_users", 25).max(1),
            },
            silence: Silence {
                purchase_hours: count("silence.purchase_hours", 48),
                reassignment_hours: count("silence.reassignment_hours", 48),
                suspension_hours: count("silence.suspension_hours", 48),
            },
            quota: Quota {
                customers: values.count("quota.customers_per_minute"),
                subscriptions: values.count("quota.subscriptions_per_minute"),
                orders: values.count("quota.orders_per_minute"),
                offers: values.count("quota.offers_per_minute"),
                users: values.count("quota.users_per_minute"),
                licenses: values.count("quota.licenses_per_minute"),
            },
            files: Files {
                delimiter: match values.text("files.delimiter").as_deref() {
                    Some(";") => b';',
                    Some("tab") => b'\t',
                    _ => b',',
                },
            },
            control: Control::of(values, folder),
            database: Database::of(values, folder),
            broker: Broker::of(values, folder),
            service: Process::of(values),
            telemetry: Telemetry::of(values),
            clock: clock(values, problems),
            simulator: place("simulator.world").map(|world| SimulatorSettings {
                world,
                scale: u32::try_from(count("simulator.scale", 600)).unwrap_or(600).max(1),
            }),
            state_dir,
            file,
        }
    }
}

fn partner_center(values: &Values, folder: &Path, state_dir: &Path) -> PartnerCenter {
    let secret = |path: &str| Secret::of(values, path, folder);
    let text = |path, default: &str| values.text(path).unwrap_or_else(|| default.to_owned());
    PartnerCenter {
        tenant: values.text("partner_center.tenant"),
        client_id: values.text("partner_center.client_id"),
        client_secret: secret("partner_center.client_secret"),
        user_client_id: values.text("partner_center.user_client_id"),
        user_client_secret: secret("partner_center.user_client_secret"),
        refresh_token_file: values
            .text("partner_center.refresh_token_file")
            .map_or_else(|| state_dir.join("refresh-token"), |name| folder.join(name)),
        refresh_token: values.secret("partner_center.refresh_token"),
        cloud: text("partner_center.cloud", "public"),
        token_use: text("partner_center.token_use", "by_call"),
        app_only_resource: text("partner_center.app_only_resource", "https://graph.windows.net"),
        indirect_provider: values.flag("partner_center.indirect_provider").unwrap_or(false),
        call_seconds: values.count("partner_center.call_seconds").map(|seconds| seconds.max(1)),
        api: values.url("partner_center.api"),
        authority: values.url("partner_center.authority"),
    }
}

fn clock(values: &Values, problems: &mut Vec<Problem>) -> Option<ClockSettings> {
    let scale = values.count("clock.scale");
    match (values.time("clock.start"), values.time("clock.epoch")) {
        (Some(start), Some(epoch)) => {
            let scale = u32::try_from(scale.unwrap_or(1)).unwrap_or(1).max(1);
            Some(ClockSettings { start, epoch, scale })
        }
        (None, None) if scale.is_none() => None,
        _ => {
            problems.push(Problem {
                place: "section clock".to_owned(),
                cause: "a simulated clock needs start and epoch".to_owned(),
                remedy: "give both, or leave the section out for real time".to_owned(),
            });
            None
        }
    }
}

#[cfg(test)]
mod tests;
