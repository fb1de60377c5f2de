//! Service plans: what each user whom the engine touched had, and has at the end.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::intended::Rows;
use super::tenant::{Licenses, Tenant, plans};
use super::{Facts, Figure, Finding, Findings};

/// A user whose licenses the engine changed.
#[derive(Debug)]
pub(super) struct Touched {
    /// What the user would hold had the engine not come: the licenses before its first change, with everything that others
    /// did since.
    pub(super) otherwise: Licenses,
    /// SKUs whose latest change is the engine's own.
    pub(super) last_by_engine: BTreeSet<Uuid>,
    /// SKUs that the engine has taken away at some time.
    pub(super) removed_by_engine: BTreeSet<Uuid>,
    pub(super) last_entry: u64,
}

/// Judges every touched user at the end of the books.
pub(super) fn judge(
    customer: Uuid,
    facts: &Facts,
    tenant: &Tenant,
    rows: &Rows<'_>,
    touched: &BTreeMap<Uuid, Touched>,
    findings: &mut Findings,
) {
    findings.looked(Figure::ServicesLost, touched.len() as u64);
    for (user, touched) in touched {
        let now = tenant.licenses.get(user).cloned().unwrap_or_default();
        if let Some((row, why)) = complaint(facts, tenant, rows, *user, touched, &now) {
            let finding = Finding { customer, subject: *user, row, entry: touched.last_entry, why };
            findings.found(Figure::ServicesLost, finding);
        }
    }
}

/// The first thing wrong with a user's plans, with the row it belongs to.
fn complaint(
    facts: &Facts,
    tenant: &Tenant,
    rows: &Rows<'_>,
    user: Uuid,
    touched: &Touched,
    now: &Licenses,
) -> Option<(Option<String>, String)> {
    let of_user = rows.of_user(user);
    let named: BTreeSet<Uuid> =
        of_user.iter().flat_map(|(_, user)| user.named_changes.iter().copied()).collect();
    let row = of_user.first().map(|(row, _)| row.row_id.clone());
    let (before, after) = (plans(facts, &touched.otherwise), plans(facts, now));
    if let Some(plan) = before.difference(&after).find(|plan| !named.contains(plan)) {
        return Some((row, format!("the user lost the service plan {plan}, which no row names")));
    }
    if let Some(plan) = after.difference(&before).find(|plan| !named.contains(plan)) {
        return Some((row, format!("the user gained the service plan {plan}, which no row names")));
    }
    // Another license may hide what is wrong with this one, so each that the engine set is also looked at by itself.
    for (sku, off) in now.iter().filter(|(sku, _)| touched.last_by_engine.contains(sku)) {
        let instructed = of_user.iter().find(|(row, _)| {
            let old = tenant.subscriptions.get(&row.old_subscription).map(|old| old.sku);
            old != Some(*sku) && row.target_offer.and_then(|offer| facts.skus.get(&offer)) == Some(sku)
        });
        let wanted = match instructed {
            Some((_, user)) => Some(&user.disabled),
            None => touched.otherwise.get(sku),
        };
        let own = |plans: &[Uuid]| -> BTreeSet<Uuid> {
            let all = facts.plans.get(sku).map(Vec::as_slice).unwrap_or_default();
            plans.iter().filter(|plan| all.contains(plan)).copied().collect()
        };
        if let Some(plan) =
            wanted.and_then(|wanted| own(off).symmetric_difference(&own(wanted)).next().copied())
        {
            let state = if off.contains(&plan) { "off" } else { "on" };
            let why =
                format!("the service plan {plan} of the license {sku} is {state}, against the instruction");
            return Some((row, why));
        }
    }
    None
}
