//! What the list of subscriptions alone says against a move. Where it says anything, nothing more is read.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::days_between;
use crate::planning::options::PlanOptions;
use crate::planning::reasons::{Finding, Reason};
use crate::planning::seen::SeenSubscription;

pub(crate) fn cheap_findings(old: &SeenSubscription, options: &PlanOptions, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |reason, words: String| findings.push(Finding::new(reason, words));
    if !old.is_active() {
        find(Reason::NotActive, format!("The old subscription is not active but `{}`", old.status));
    }
    if old.new_commerce {
        find(Reason::NewCommerceLater, "The old subscription belongs to new commerce".to_owned());
    }
    match old.commitment_end.map(|end| end.to_zoned(TimeZone::UTC).date()) {
        None => find(Reason::EndUnknown, "Microsoft does not say when the old subscription ends".to_owned()),
        Some(end) => {
            let left = days_between(now.to_zoned(TimeZone::UTC).date(), end);
            if left < 0 {
                find(Reason::Ended, format!("The old subscription ended on {end}"));
            } else if left <= options.min_days_left {
                let least = options.min_days_left;
                find(
                    Reason::EndsTooSoon,
                    format!("It ends on {end}, in {left} days; more than {least} are needed"),
                );
            }
        }
    }
    findings
}
