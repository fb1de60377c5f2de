//! Calls to Microsoft as figures.

use std::sync::Arc;

use seatshift_host::Meters;
use seatshift_partner_center::{CallRecord, Family, Observer, Remedy, explain};

/// Counts each call, then passes it on.
#[derive(Debug)]
pub struct Metered {
    meters: Meters,
    /// Seconds of the clock in a real one: what is measured on the clock is shown in real time.
    scale: f64,
    next: Arc<dyn Observer>,
}

impl Metered {
    pub fn new(meters: Meters, scale: u32, next: Arc<dyn Observer>) -> Self {
        Metered { meters, scale: f64::from(scale.max(1)), next }
    }
}

impl Observer for Metered {
    fn observed(&self, call: CallRecord) {
        let seconds = call.microseconds as f64 / 1e6 / self.scale;
        self.meters.call(call.family.as_str(), outcome(&call), seconds);
        if call.family != Family::Login {
            self.meters.remedy(remedy(&call));
        }
        self.next.observed(call);
    }
}

/// What came back.
fn outcome(call: &CallRecord) -> &'static str {
    match call.status {
        None => "no_answer",
        Some(200..=299) => "fine",
        Some(429) => "throttled",
        Some(500..) => "failed",
        Some(_) => "refused",
    }
}

/// What is to be done about it, in the client's words; `done` where nothing is. A text inside the answer may move a refusal
/// to another word later; figures go by what is known here, status and code.
fn remedy(call: &CallRecord) -> &'static str {
    let remedy = match call.status {
        Some(200..=299) => return "done",
        Some(429) => Remedy::Throttled { after: None },
        None | Some(408 | 500..) if call.changing => Remedy::UnknownOutcome,
        None | Some(401 | 408 | 500..) => Remedy::Retry,
        Some(412 | 417) => Remedy::Conflict,
        Some(status) => match call.code.and_then(|code| explain(code, Some(status))) {
            Some(row) => row.remedy,
            None if status == 409 && call.code.is_none() => Remedy::Conflict,
            None => Remedy::Person,
        },
    };
    remedy.as_str()
}

#[cfg(test)]
mod tests {
    use seatshift_messages::CustomerId;
    use seatshift_partner_center::{Purpose, Unobserved};

    use super::*;

    fn call(status: Option<u16>, changing: bool) -> CallRecord {
        let id = CustomerId(uuid::Uuid::nil()).0;
        CallRecord {
            at: jiff::Timestamp::UNIX_EPOCH,
            family: Family::Licenses,
            operation: "update_licenses",
            customer: Some(id),
            changing,
            purpose: Purpose::Forward,
            status,
            code: None,
            request_id: id,
            correlation_id: id,
            microseconds: 6_000_000,
            attempt: 1,
        }
    }

    #[test]
    fn a_change_that_was_not_answered_counts_as_unknown_and_a_read_as_to_be_repeated() {
        assert_eq!(remedy(&call(None, true)), "unknown outcome");
        assert_eq!(remedy(&call(None, false)), "retry");
        assert_eq!(remedy(&call(Some(204), true)), "done");
        assert_eq!(remedy(&call(Some(412), true)), "conflict");
    }

    #[test]
    fn figures_are_in_real_time() {
        let meters = Meters::new();
        let metered = Metered::new(meters.clone(), 600, Arc::new(Unobserved));
        metered.observed(call(Some(200), true));
        let text = meters.text();
        assert!(text.contains("seatshift_call_seconds_sum{family=\"licenses\"} 0.01"), "{text}");
        assert!(text.contains("seatshift_calls_total{family=\"licenses\",outcome=\"fine\"} 1"), "{text}");
    }
}
