//! Watching service: who had it when the engine came, and whether a step of the engine takes it away.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::step::Step;
use super::tenant::Tenant;
use super::{Facts, Figure, Finding, Findings};
use crate::books::IntendedRow;

/// One old SKU of the customer's rows, with the SKUs that those rows move to: any of them is service.
#[derive(Debug)]
struct Post {
    skus: BTreeSet<Uuid>,
    /// Who had service when the engine first touched the customer. Nobody else is counted.
    protected: BTreeSet<Uuid>,
    /// Of those, who has it now.
    served: BTreeSet<Uuid>,
}

#[derive(Debug)]
pub(super) struct Watch {
    posts: Vec<Post>,
    in_gap: BTreeSet<Uuid>,
}

impl Watch {
    /// To be begun just before the engine's first change of the customer.
    pub(super) fn begin(facts: &Facts, tenant: &Tenant, rows: &[&IntendedRow]) -> Self {
        let mut by_old: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
        for row in rows {
            let Some(old) = tenant.subscriptions.get(&row.old_subscription) else { continue };
            let skus = by_old.entry(old.sku).or_insert_with(|| BTreeSet::from([old.sku]));
            skus.extend(row.target_offer.and_then(|offer| facts.skus.get(&offer)));
        }
        let posts = by_old
            .into_values()
            .map(|skus| {
                let served: BTreeSet<Uuid> =
                    tenant.licenses.keys().copied().filter(|user| tenant.serves(*user, &skus)).collect();
                Post { skus, protected: served.clone(), served }
            })
            .collect();
        Self { posts, in_gap: BTreeSet::new() }
    }

    /// To be called when a step is over. What an administrator or Microsoft's clock takes away is noted and not counted.
    pub(super) fn step(&mut self, customer: Uuid, tenant: &Tenant, step: &Step<'_>, findings: &mut Findings) {
        let affected = step.affected(tenant);
        for post in &mut self.posts {
            for user in affected.intersection(&post.protected) {
                if tenant.serves(*user, &post.skus) {
                    post.served.insert(*user);
                } else if post.served.remove(user) && step.by_engine && self.in_gap.insert(*user) {
                    let why = "the user had service and this left them without".to_owned();
                    let entry = step.last_entry;
                    findings.found(
                        Figure::UsersInGap,
                        Finding { customer, subject: *user, row: None, entry, why },
                    );
                }
            }
        }
    }

    pub(super) fn protected(&self) -> impl Iterator<Item = Uuid> {
        self.posts.iter().flat_map(|post| post.protected.iter().copied())
    }
}
