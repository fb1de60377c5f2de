//! `plan.csv` and `plan-users.csv` as people give them back: what they decided, and what of it cannot be done.
//!
//! A bad row is a problem with its place, and the good rows go on. A decision that would do harm, or cannot be carried
//! out, is a problem too: nobody is left to wonder why a row that says `move` did not.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use jiff::tz::TimeZone;
use seatshift_catalog::{PartnerOffers, staying_offer};
use seatshift_messages::{SubscriptionId, UserId};
use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::reasons::{Answer, Readiness, Reason};
use super::row::{Decision, PlanRow, PlanUser, REPORT_COLUMNS};
use crate::tables::{Line, Problem, read_sheet};

/// Columns without which a plan is no plan.
const REQUIRED: &[&str] =
    &["row_id", "customer_id", "old_subscription_id", "readiness", "decision", "fingerprint"];
const USERS_REQUIRED: &[&str] = &["row_id", "user_id", "move"];

/// A plan that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanFile {
    /// The good rows, in the order of the file.
    pub lines: Vec<Line<PlanRow>>,
    /// Columns that people added: kept, and given back in the report.
    pub extra_columns: Vec<String>,
    pub problems: Vec<Problem>,
    /// Rows with a problem, as far as they could be read: each still gets a verdict.
    pub rejected: Vec<Line<PlanRow>>,
    /// Of the file's bytes.
    pub sha256: String,
}

impl PlanFile {
    pub fn rows(&self) -> impl Iterator<Item = &PlanRow> {
        self.lines.iter().map(|line| &line.row)
    }
}

/// Users that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsersFile {
    /// By row id.
    pub rows: BTreeMap<String, Vec<PlanUser>>,
    pub problems: Vec<Problem>,
}

/// What is known of offers when a plan is read. The default knows what is shipped.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownOffers<'a> {
    pub partner: Option<&'a PartnerOffers>,
    /// What is sold, by country, from the last discovery.
    pub sold: Option<&'a BTreeMap<String, BTreeSet<String>>>,
}

/// The SHA-256 of a plan's bytes, in hexadecimal.
pub fn plan_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes), 64)
}

/// Reads a plan, or a report, which is one too.
pub fn read_plan(path: &Path, known: &KnownOffers<'_>) -> io::Result<PlanFile> {
    Ok(parse_plan(&std::fs::read(path)?, known))
}

/// [`read_plan`] of bytes.
pub fn parse_plan(bytes: &[u8], known: &KnownOffers<'_>) -> PlanFile {
    let sheet = read_sheet::<PlanRow>(bytes, REQUIRED, REPORT_COLUMNS);
    let mut file = PlanFile {
        lines: Vec::new(),
        extra_columns: sheet.extra_columns,
        problems: sheet.problems,
        rejected: sheet.rejected,
        sha256: plan_sha256(bytes),
    };
    let twice = Twice::of(sheet.lines.iter().map(|line| &line.row));
    for line in sheet.lines {
        let mut problems = check(line.line, &line.row, known);
        problems.extend(twice.problem(line.line, &line.row));
        if problems.is_empty() {
            file.lines.push(line);
        } else {
            file.problems.extend(problems);
            file.rejected.push(line);
        }
    }
    file.rejected.sort_by_key(|line| line.line);
    file.problems.sort_by_key(|problem| problem.line);
    file
}

/// What comes twice. Nobody can say which of the two is meant, so neither counts.
struct Twice {
    rows: BTreeMap<String, usize>,
    subscriptions: BTreeMap<SubscriptionId, usize>,
}

impl Twice {
    fn of<'a>(rows: impl Iterator<Item = &'a PlanRow>) -> Self {
        let mut twice = Twice { rows: BTreeMap::new(), subscriptions: BTreeMap::new() };
        for row in rows {
            *twice.rows.entry(row.row_id.clone()).or_default() += 1;
            if let Some(id) = row.old_subscription_id {
                *twice.subscriptions.entry(id).or_default() += 1;
            }
        }
        twice
    }

    fn problem(&self, line: u64, row: &PlanRow) -> Option<Problem> {
        if self.rows.get(&row.row_id).is_some_and(|times| *times > 1) {
            let cause = format!("row {} comes more than once, so none of them counts", row.row_id);
            return Some(problem(line, "row_id", cause, "Keep one of them"));
        }
        let id = row.old_subscription_id?;
        self.subscriptions.get(&id).filter(|times| **times > 1)?;
        let cause = "this subscription comes more than once, so no row of it counts".to_owned();
        Some(problem(line, "old_subscription_id", cause, "Keep one of the rows"))
    }
}

fn problem(line: u64, column: &str, cause: String, remedy: &str) -> Problem {
    Problem { line, column: Some(column.to_owned()), cause, remedy: remedy.to_owned() }
}

/// What stands against a row as it was filled in.
fn check(line: u64, row: &PlanRow, known: &KnownOffers<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut note =
        |column: &str, cause: String, remedy: &str| problems.push(problem(line, column, cause, remedy));
    if row.row_id.trim().is_empty() {
        note("row_id", "it is empty".to_owned(), "Copy it from the plan as it was written");
    }
    if row.decision != Some(Decision::Move) {
        return problems;
    }
    if row.customer_id.is_none() || row.old_subscription_id.is_none() {
        let cause = "the row names no subscription, and says move".to_owned();
        note("decision", cause, "Leave the decision empty, or write skip");
    }
    if row.readiness == Readiness::Blocked {
        let cause = format!("the row is blocked ({}), and says move", row.reason_code);
        note("decision", cause, "Write skip, or do what what_to_do says and plan again");
    }
    if row.readiness == Readiness::Ask {
        check_answer(row, &mut note);
    }
    if let Some(target) = &row.target_offer_id
        && !is_known(target.as_str(), row, known)
    {
        let cause = format!("the offer {target} is not known in {}", row.country);
        note(
            "target_offer_id",
            cause,
            "Copy an id from target_alternatives, or add a rule to your offers file",
        );
    }
    match (row.buy_seats, row.users_to_move) {
        (Some(0), _) => note("buy_seats", "no seats cannot be bought".to_owned(), "Write 1 or more"),
        (Some(seats), Some(users)) if seats < users => {
            let cause = format!("{seats} seats are fewer than the {users} users to move");
            note("buy_seats", cause, "Write at least as many seats as users");
        }
        (Some(seats), users) if seats > most_seats(row.old_seats, users) => {
            let cause =
                format!("{seats} seats are more than ten times what is in use now: that looks like a slip");
            note(
                "buy_seats",
                cause,
                "Write fewer; what is really wanted beyond can be added in Partner Center",
            );
        }
        _ => {}
    }
    if let (Some(not_before), Some(end)) = (row.not_before, row.commitment_end_date)
        && not_before > end
    {
        let cause = format!("{not_before} is after the end date {end}");
        note("not_before", cause, "Write a date before the old subscription ends");
    }
    if !matches!(row.new_billing_cycle.trim(), "" | "monthly" | "annual") {
        let cause = format!("`{}` is not a billing cycle", row.new_billing_cycle);
        note("new_billing_cycle", cause, "Write monthly or annual");
    }
    problems
}

/// Seats beyond this are taken for a slip of the hand: money would be spent on them.
fn most_seats(old_seats: Option<u32>, users: Option<u32>) -> u32 {
    old_seats.unwrap_or(0).max(users.unwrap_or(0)).max(10).saturating_mul(10)
}

/// A row that asks is moved only with the answer that it asks for.
fn check_answer(row: &PlanRow, note: &mut impl FnMut(&str, String, &str)) {
    let Some(reason) = Reason::of_code(&row.reason_code) else {
        let cause = format!("the row asks ({}), and nothing here can answer", row.reason_code);
        return note("decision", cause, "Write skip");
    };
    let asks = |what: &str| format!("the row asks ({}), and {what} is empty", row.reason_code);
    match reason.answer() {
        Answer::Nowhere => {
            let cause = format!("the row cannot be moved as it stands ({}), and says move", row.reason_code);
            note("decision", cause, "Write skip, or do what what_to_do says and plan again");
        }
        Answer::Target if row.target_offer_id.is_none() => {
            note("target_offer_id", asks("target_offer_id"), "Fill it in");
        }
        Answer::Seats if row.buy_seats.is_none() => note("buy_seats", asks("buy_seats"), "Fill it in"),
        Answer::BillingCycle if row.new_billing_cycle.trim().is_empty() => {
            note("new_billing_cycle", asks("new_billing_cycle"), "Write monthly or annual");
        }
        // Users stand in the other file; the re-check has both.
        Answer::Target | Answer::Seats | Answer::BillingCycle | Answer::Users => {}
    }
}

fn is_known(target: &str, row: &PlanRow, known: &KnownOffers<'_>) -> bool {
    if let Some(sold) = known.sold.and_then(|sold| sold.get(&row.country)) {
        return sold.contains(target);
    }
    let named = row.target_alternatives.split_whitespace().any(|one| one == target);
    let ruled = known.partner.is_some_and(|partner| partner.targets().any(|one| one == target));
    named || ruled || staying_offer(target).is_some()
}

/// Reads the users of a plan.
pub fn read_users(path: &Path) -> io::Result<UsersFile> {
    Ok(parse_users(&std::fs::read(path)?))
}

/// [`read_users`] of bytes.
pub fn parse_users(bytes: &[u8]) -> UsersFile {
    let sheet = read_sheet::<PlanUser>(bytes, USERS_REQUIRED, &[]);
    let mut file = UsersFile { rows: BTreeMap::new(), problems: sheet.problems };
    let mut seen: BTreeSet<(String, UserId)> = BTreeSet::new();
    for Line { line, row, .. } in sheet.lines {
        match row.user_id {
            None => {
                file.problems.push(problem(
                    line,
                    "user_id",
                    "it is empty".to_owned(),
                    "Copy it from the file as it was written",
                ));
            }
            Some(user) if !seen.insert((row.row_id.clone(), user)) => {
                let cause = format!("the user comes twice in row {}", row.row_id);
                file.problems.push(problem(line, "user_id", cause, "Keep one of the two"));
            }
            Some(_) => file.rows.entry(row.row_id.clone()).or_default().push(row),
        }
    }
    file
}

/// The day in UTC on which this moment lies: what `not_before` is compared with.
pub fn day_of(moment: jiff::Timestamp) -> jiff::civil::Date {
    moment.to_zoned(TimeZone::UTC).date()
}
