//! Faults put in by hand, and the line that every fault leaves in the books.

use super::Try;
use crate::books::Change;
use crate::state::Scene;
use crate::world::{Fault, Injection};

/// The fault that somebody put in for this try, if any.
pub(crate) fn find(injections: &[Injection], attempt: &Try<'_>) -> Option<Fault> {
    injections
        .iter()
        .find(|injection| {
            injection.operation == attempt.operation.name()
                && injection.customer.is_none_or(|customer| Some(customer) == attempt.customer)
                && injection
                    .resource
                    .as_ref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(attempt.resource))
                && hits(injection, attempt.n)
        })
        .map(|injection| injection.fault.clone())
}

fn hits(injection: &Injection, n: u32) -> bool {
    let from = injection.from_try.max(1);
    let for_good = injection.times == 0 || matches!(injection.fault, Fault::Refused { .. });
    n >= from && (for_good || n - from < injection.times)
}

/// The fault's name, as in world files.
pub(crate) fn kind(fault: &Fault) -> &'static str {
    match fault {
        Fault::ServerError { .. } => "server_error",
        Fault::GatewayPage { .. } => "gateway_page",
        Fault::Slow { .. } => "slow",
        Fault::Throttled { .. } => "throttled",
        Fault::StaleEtag => "stale_etag",
        Fault::Accepted { .. } => "accepted",
        Fault::LostBefore => "lost_before",
        Fault::LostAfter => "lost_after",
        Fault::LostLate { .. } => "lost_late",
        Fault::Refused { .. } => "refused",
        Fault::ProvisioningFails => "provisioning_fails",
        Fault::LineError => "line_error",
        Fault::CartExpired => "cart_expired",
        Fault::CatalogueChanged => "catalogue_changed",
    }
}

/// Writes a fault to the books.
pub(crate) fn log(scene: &Scene<'_>, attempt: &Try<'_>, fault: &Fault, after_the_change: bool) {
    scene.log(Change::FaultInjected {
        customer: attempt.customer,
        operation: attempt.operation.name().into(),
        resource: attempt.resource.into(),
        attempt: attempt.n,
        kind: kind(fault).into(),
        refusal: matches!(fault, Fault::Refused { .. } | Fault::ProvisioningFails),
        after_the_change,
    });
}
