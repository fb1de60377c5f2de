//! The rows of `plan.csv` and `plan-users.csv`. Columns are fixed by the reference of files; names are stable.

use jiff::Timestamp;
use jiff::civil::Date;
use seatshift_messages::{CustomerId, OfferId, OnRefusal, SkuId, SubscriptionId, UserId};

use super::reasons::Readiness;
use crate::tables::{Bad, Cell, Reading};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$word_doc])* $variant,)* }

        impl $name {
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }
        impl Cell for $name {
            fn write(&self) -> String {
                self.name().to_owned()
            }
            fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
                crate::tables::word(text, &[$(($word, $name::$variant)),*])
            }
        }
    };
}

words! {
    /// What a person decided about a row.
    Decision {
        Move = "move",
        Skip = "skip",
    }
}
words! {
    /// How a row is carried out.
    PlanPath {
        /// An order of legacy commerce; users are reassigned.
        Legacy = "legacy",
        /// A cart of new commerce: comes later.
        NewCommerce = "new_commerce",
        /// An order of legacy commerce for the SKU that users hold already: nobody is reassigned.
        SameSku = "same_sku",
    }
}
words! {
    /// How a user came to a license. Partner Center does not show it.
    AssignedBy {
        Direct = "direct",
        Group = "group",
        Unknown = "unknown",
    }
}

crate::sheet! {
    /// One subscription that was found, and what is to become of it.
    pub struct PlanRow {
        /// Stays the same for the same subscription, plan after plan.
        "row_id" row_id: String,
        /// None only where not even that could be read.
        "customer_id" customer_id: Option<CustomerId>,
        "customer_name" customer_name: String,
        "customer_domain" customer_domain: String,
        "country" country: String,
        "segment" segment: String,
        "reseller_mpn_id" reseller_mpn_id: String,
        "account_manager" account_manager: String,
        /// None for a customer whose subscriptions cannot be read.
        "old_subscription_id" old_subscription_id: Option<SubscriptionId>,
        "old_offer_id" old_offer_id: Option<OfferId>,
        "old_offer_name" old_offer_name: String,
        "old_nickname" old_nickname: String,
        /// `id`, `name`, `near_miss`.
        "match" matched: String,
        "old_status" old_status: String,
        "auto_renew" auto_renew: Option<bool>,
        /// Inclusive.
        "commitment_end_date" commitment_end_date: Option<Date>,
        "days_left" days_left: Option<i64>,
        "billing_cycle" billing_cycle: String,
        "old_seats" old_seats: Option<u32>,
        "sku" sku: Option<SkuId>,
        "pool_seats" pool_seats: Option<i64>,
        "pool_assigned" pool_assigned: Option<i64>,
        /// Subscription ids, separated by blanks.
        "shares_sku_with" shares_sku_with: String,
        /// Ids of active add-ons, separated by blanks.
        "add_ons" add_ons: String,
        "users_to_move" users_to_move: Option<u32>,
        /// Empty: not visible through Partner Center.
        "users_by_group" users_by_group: Option<u32>,
        "users_blocked" users_blocked: Option<u32>,
        "readiness" readiness: Readiness,
        "reason_code" reason_code: String,
        "reason" reason: String,
        "what_to_do" what_to_do: String,
        "decision" decision: Option<Decision>,
        "target_offer_id" target_offer_id: Option<OfferId>,
        "target_offer_name" target_offer_name: String,
        "target_reason" target_reason: String,
        /// Offer ids, separated by blanks.
        "target_alternatives" target_alternatives: String,
        "path" path: Option<PlanPath>,
        "buy_seats" buy_seats: Option<u32>,
        "new_billing_cycle" new_billing_cycle: String,
        "users_losing_services" users_losing_services: Option<u32>,
        "services_lost" services_lost: String,
        "services_gained" services_gained: String,
        "old_price_month" old_price_month: String,
        "new_price_month" new_price_month: String,
        "currency" currency: String,
        "wave" wave: String,
        "not_before" not_before: Option<Date>,
        "on_suspension_refused" on_suspension_refused: Option<OnRefusal>,
        "undo_until_if_done_today" undo_until_if_done_today: Option<Date>,
        "decided_by" decided_by: String,
        "note" note: String,
        "seen_at" seen_at: Option<Timestamp>,
        "fingerprint" fingerprint: String,
    }
}

crate::sheet! {
    /// One user who holds the old SKU of a row.
    pub struct PlanUser {
        "row_id" row_id: String,
        "customer_name" customer_name: String,
        "user_id" user_id: Option<UserId>,
        "user_principal_name" user_principal_name: String,
        "display_name" display_name: String,
        "usage_location" usage_location: String,
        "old_sku" old_sku: Option<SkuId>,
        "assigned_by" assigned_by: Option<AssignedBy>,
        "group_id" group_id: String,
        /// Service plan ids that are off now, separated by blanks.
        "disabled_now" disabled_now: String,
        /// Service plan ids of the new SKU that will be off.
        "disabled_then" disabled_then: String,
        /// Service plan names.
        "gains" gains: String,
        "loses" loses: String,
        "conflict" conflict: String,
        "blocked_reason" blocked_reason: String,
        /// Empty = not decided.
        "move" moves: Option<bool>,
        "note" note: String,
    }
}

/// Columns that the report adds to those of the plan. A report is a valid plan, and these are left out on reading.
pub const REPORT_COLUMNS: &[&str] = &[
    "verdict",
    "verdict_at",
    "revision",
    "reason_code",
    "reason",
    "what_to_do",
    "microsoft_code",
    "correlation_id",
    "order_id",
    "new_subscription_id",
    "new_offer_id",
    "seats_bought",
    "users_planned",
    "users_moved",
    "users_left",
    "users_restored",
    "purchased_at",
    "users_done_at",
    "suspended_at",
    "overlap_hours",
    "old_status_now",
    "new_status_now",
    "verified_at",
    "undo_until",
    "undo_how",
    "attempts",
    "calls",
    "run_id",
    "plan_sha256",
    "approved_by",
];
