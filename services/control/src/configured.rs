//! From the configuration to what control is told: the same for the process of its own and for the embedded engine.

use std::time::Duration;

use jiff::SignedDuration;
use seatshift_catalog::PartnerOffers;
use seatshift_host::settings::Settings;

use crate::control::Config;
use crate::planning::PlanOptions;
use crate::silence::SilenceLimits;
use crate::stop::StopRule;

/// However many are wanted in flight: rows that are looked at at the same time, each with its reads in memory.
const MOST_CHECKS_AT_ONCE: usize = 128;

fn small(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// What is set about runs.
pub fn config(settings: &Settings) -> Config {
    let run = settings.run;
    Config {
        allow_changes: settings.allow_changes,
        max_in_flight: small(run.max_in_flight),
        // The last look before a migration must keep up with what is wanted in flight.
        checks_at_once: small(run.max_in_flight / 4)
            .clamp(Config::default().checks_at_once, MOST_CHECKS_AT_ONCE),
        stop: StopRule {
            enabled: run.stop_after_first > 0 || run.stop_percent > 0,
            first_bad: if run.stop_after_first == 0 { usize::MAX } else { small(run.stop_after_first) },
            later_percent: if run.stop_percent == 0 { usize::MAX } else { small(run.stop_percent) },
            ..StopRule::default()
        },
        silence: SilenceLimits {
            purchase: hours(settings.silence.purchase_hours),
            reassignment: hours(settings.silence.reassignment_hours),
            suspension: hours(settings.silence.suspension_hours),
        },
        ..Config::default()
    }
}

fn hours(number: u64) -> SignedDuration {
    SignedDuration::from_hours(i64::try_from(number.min(HOURS_OF_A_YEAR)).unwrap_or(1))
}

const HOURS_OF_A_YEAR: u64 = 8760;

/// What is set about planning, with what the partner knows of offers.
pub fn planning(settings: &Settings, offers: PartnerOffers) -> PlanOptions {
    let planning = &settings.planning;
    PlanOptions {
        min_days_left: i64::try_from(planning.min_days_left).unwrap_or(i64::MAX),
        spare_seats: u32::try_from(planning.spare_seats).unwrap_or(u32::MAX),
        indirect_provider: settings.partner_center.indirect_provider,
        customers_at_once: small(planning.customers_at_once),
        reuse_reads: Duration::from_secs(planning.reuse_reads_hours.saturating_mul(3600)),
        offers,
        ..PlanOptions::default()
    }
}

/// The partner's offers file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: the offers file cannot be read ({source}); correct planning.offers_file or take it out",
    file.display()
)]
pub struct OffersUnreadable {
    file: std::path::PathBuf,
    source: std::io::Error,
}

/// What the partner knows of offers, and what is wrong in the file: those entries do not count.
///
/// # Errors
/// When a file is named and cannot be read.
pub fn offers(settings: &Settings) -> Result<(PartnerOffers, Vec<String>), OffersUnreadable> {
    let Some(file) = &settings.planning.offers_file else {
        return Ok((PartnerOffers::default(), Vec::new()));
    };
    let text =
        std::fs::read_to_string(file).map_err(|source| OffersUnreadable { file: file.clone(), source })?;
    let (offers, problems) = PartnerOffers::parse(&text);
    let said = |problem| format!("{}, {problem} (this entry does not count)", file.display());
    Ok((offers, problems.iter().map(said).collect()))
}
