//! Plan files: where they are, how they are read, and what is said about what is wrong in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use seatshift_catalog::PartnerOffers;
use seatshift_control::planned;
use seatshift_control::planning::{
    Decision, KnownOffers, PlanFile, PlanOptions, UsersFile, read_plan, read_users,
};
use seatshift_control::tables::{Problem, Style};
use seatshift_store::Store;

use crate::ending::Usage;
use crate::reads;
use crate::settings::Settings;

/// A plan with its users, as people gave it back.
#[derive(Debug)]
pub struct Plans {
    pub plan: PlanFile,
    pub users: UsersFile,
}

/// The users of `plan.csv` stand in `plan-users.csv`.
pub(crate) fn users_file(plan: &Path) -> PathBuf {
    let stem = plan.file_stem().unwrap_or_default().to_string_lossy();
    plan.with_file_name(format!("{stem}-users.csv"))
}

/// How files are written.
pub(crate) fn style(settings: &Settings) -> Style {
    Style { delimiter: settings.files.delimiter }
}

/// What the partner knows of offers; what is wrong in the file is said, the rest counts.
pub(crate) fn offers(settings: &Settings) -> anyhow::Result<PartnerOffers> {
    let Some(path) = &settings.planning.offers_file else { return Ok(PartnerOffers::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Usage::new(format!(
            "{}: the offers file cannot be read ({error}); correct planning.offers_file or take it out",
            path.display()
        ))
    })?;
    let (offers, problems) = PartnerOffers::parse(&text);
    for problem in problems {
        crate::output::tell!("{}, {problem} (this entry does not count)", path.display());
    }
    Ok(offers)
}

/// What is set for planning.
pub(crate) fn options(settings: &Settings) -> anyhow::Result<PlanOptions> {
    let planning = &settings.planning;
    let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(PlanOptions {
        min_days_left: i64::try_from(planning.min_days_left).unwrap_or(i64::MAX),
        spare_seats: u32::try_from(planning.spare_seats).unwrap_or(u32::MAX),
        indirect_provider: settings.partner_center.indirect_provider,
        customers_at_once: small(planning.customers_at_once),
        reuse_reads: Duration::from_secs(planning.reuse_reads_hours.saturating_mul(3600)),
        offers: offers(settings)?,
        ..PlanOptions::default()
    })
}

/// Reads a plan and the users beside it. Rows with a problem are said and left out; the good rest goes on.
pub(crate) async fn read(path: &Path, settings: &Settings, store: &dyn Store) -> anyhow::Result<Plans> {
    let sold = reads::sold(store).await?;
    let partner = offers(settings)?;
    let known = KnownOffers { partner: Some(&partner), sold: sold.as_ref() };
    let plan = read_plan(path, &known).map_err(|error| {
        Usage::new(format!(
            "{}: the plan cannot be read ({error}); `seatshift plan` writes one",
            path.display()
        ))
    })?;
    tell(path, &plan.problems);
    let users = users_beside(path, &plan)?;
    if plan.lines.is_empty() {
        let what = if plan.problems.is_empty() { "it holds no rows" } else { "no row of it can be used" };
        return Err(
            Usage::new(format!("{}: {what}; start from the file as it was written", path.display())).into()
        );
    }
    Ok(Plans { plan, users })
}

/// The users of a plan: the file of its own name, or `plan-users.csv` beside it, where the plan was renamed or is a report.
///
/// # Errors
/// When rows that move users have no such file: who moves is decided there, and must not be guessed.
fn users_beside(path: &Path, plan: &PlanFile) -> anyhow::Result<UsersFile> {
    let own = users_file(path);
    let usual = path.with_file_name("plan-users.csv");
    for file in [&own, &usual] {
        if !file.is_file() {
            continue;
        }
        let users = read_users(file).with_context(|| file.display().to_string())?;
        // Without its columns it is another kind of file (report-users.csv, for one).
        if users.rows.is_empty() && users.problems.iter().any(|problem| problem.line <= 1) {
            continue;
        }
        tell(file, &users.problems);
        return Ok(users);
    }
    let moving = plan.rows().find(|row| row.decision == Some(Decision::Move) && planned::needs_users(row));
    match moving {
        Some(row) => Err(Usage::new(format!(
            "{}: row {} moves users, and who they are stands in {}, which is not there; put it beside the plan, under that name \
             or as plan-users.csv",
            path.display(),
            row.row_id,
            own.display()
        ))
        .into()),
        None => Ok(UsersFile::default()),
    }
}

fn tell(path: &Path, problems: &[Problem]) {
    const MOST: usize = 50;
    for problem in problems.iter().take(MOST) {
        crate::output::tell!("{}, {problem}", path.display());
    }
    if problems.len() > MOST {
        crate::output::tell!("{}: {} more like these", path.display(), problems.len() - MOST);
    }
}
