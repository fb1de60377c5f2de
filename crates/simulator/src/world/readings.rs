//! What nobody could verify about the real service: one switch for each reading, so that an engine can be shown to be
//! right under all of them.

use serde::{Deserialize, Serialize};

use super::commerce_readings::CommerceReadings;

/// One switch for each reading of each fact marked `[U]` in the wire contract. The defaults are the likeliest reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Readings {
    pub repeated_request_id: RepeatedRequestId,
    pub swap: Swap,
    pub disabled_plans: DisabledPlans,
    /// Reactivating a base also reactivates its add-ons.
    pub reactivation_restores_add_ons: bool,
    /// A PATCH whose body and header both lack an etag is accepted.
    pub patch_without_etag: bool,
    /// Status of a stale etag: 400 with code 2055, or 412.
    pub stale_etag_is_412: bool,
    /// Error codes travel as numbers (all samples) or as strings (the schema).
    pub codes_as_strings: bool,
    /// App-only tokens are still given for the historic audience `https://graph.windows.net`.
    pub graph_audience_accepted: bool,
    /// Bodies begin with a byte order mark, as some documented samples do.
    pub byte_order_mark: bool,
    /// Largest page of users; 0 = whatever was asked for.
    pub users_page_cap: u32,
    /// Collections omit `links` when there is no next page.
    pub links_omitted: bool,
    /// A user's group-inherited license refuses direct removal (text only, no documented code).
    pub group_removal_refused: bool,
    /// The first `licenses` of a call that removes a SKU the user does not hold: refused (Graph), or ignored.
    pub removing_missing_sku_refused: bool,
    /// An excluded plan id that is not in the SKU: refused (Graph), or ignored.
    pub unknown_excluded_plan_refused: bool,
    /// Those of new commerce.
    pub new_commerce: CommerceReadings,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            repeated_request_id: RepeatedRequestId::Replay,
            swap: Swap::Atomic,
            disabled_plans: DisabledPlans::Missing,
            reactivation_restores_add_ons: false,
            patch_without_etag: true,
            stale_etag_is_412: false,
            codes_as_strings: false,
            graph_audience_accepted: true,
            byte_order_mark: false,
            users_page_cap: 0,
            links_omitted: false,
            group_removal_refused: true,
            removing_missing_sku_refused: true,
            unknown_excluded_plan_refused: true,
            new_commerce: CommerceReadings::default(),
        }
    }
}

/// What a second request with an `MS-RequestId` seen before is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedRequestId {
    /// The stored first answer; nothing is done.
    Replay,
    /// The header means nothing: it is done again.
    Ignore,
    /// 409 with code 800060.
    Conflict,
}

/// What `licenseupdates` with both lists does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Swap {
    Atomic,
    /// Answers 201, yet at drawn tries only the removal was applied.
    SometimesRemoveOnly,
    /// Answers 201, yet at drawn tries only the assignment was applied.
    SometimesAssignOnly,
}

/// How a plan that the administrator switched off appears among a user's licenses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledPlans {
    Missing,
    /// Listed with a `capabilityStatus` other than `Assigned`.
    ListedAsDeleted,
}
