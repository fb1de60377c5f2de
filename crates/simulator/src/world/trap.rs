//! The kinds of trap that a retired subscription can carry, by the stable names that stand in world files and figures.

/// A property of a customer or subscription on which a naive migration comes to grief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trap {
    /// Another retired subscription gives the same SKU.
    SharedPoolRetired,
    /// A subscription that stays gives the same SKU.
    SharedPoolStaying,
    /// The new plan has the old one's SKU: nobody is reassigned.
    SameSku,
    /// Some licenses are inherited from a group.
    GroupAssigned,
    /// A user has no usage location.
    MissingUsageLocation,
    /// Users have service plans switched off.
    ExcludedPlans,
    /// Add-ons hang on it and are suspended with it.
    AddOns,
    /// A trial of the same SKU inflates the pool.
    TrialInPool,
    /// The customer has not accepted the agreement.
    MissingAgreement,
    /// The partner may not see or change the tenant's users, or has no reseller relation.
    MissingRights,
    SuspendedAlready,
    ExpiredAlready,
    /// It ends before a migration could be called safe.
    EndingTomorrow,
    /// Faculty, students, government: nobody knows the replacement.
    NoTargetInSegment,
    /// Far more seats than users, or fewer.
    QuantityFarFromUse,
    /// Its name is nearly that of a retired offer.
    NearMissName,
    /// Somebody switched its renewal on again.
    AutoRenewOn,
}

impl Trap {
    pub const ALL: [Self; 17] = [
        Self::SharedPoolRetired,
        Self::SharedPoolStaying,
        Self::SameSku,
        Self::GroupAssigned,
        Self::MissingUsageLocation,
        Self::ExcludedPlans,
        Self::AddOns,
        Self::TrialInPool,
        Self::MissingAgreement,
        Self::MissingRights,
        Self::SuspendedAlready,
        Self::ExpiredAlready,
        Self::EndingTomorrow,
        Self::NoTargetInSegment,
        Self::QuantityFarFromUse,
        Self::NearMissName,
        Self::AutoRenewOn,
    ];

    /// The name in `Subscription.traps`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SharedPoolRetired => "shared_pool_retired",
            Self::SharedPoolStaying => "shared_pool_staying",
            Self::SameSku => "same_sku",
            Self::GroupAssigned => "group_assigned",
            Self::MissingUsageLocation => "missing_usage_location",
            Self::ExcludedPlans => "excluded_plans",
            Self::AddOns => "add_ons",
            Self::TrialInPool => "trial_in_pool",
            Self::MissingAgreement => "missing_agreement",
            Self::MissingRights => "missing_rights",
            Self::SuspendedAlready => "suspended_already",
            Self::ExpiredAlready => "expired_already",
            Self::EndingTomorrow => "ending_tomorrow",
            Self::NoTargetInSegment => "no_target_in_segment",
            Self::QuantityFarFromUse => "quantity_far_from_use",
            Self::NearMissName => "near_miss_name",
            Self::AutoRenewOn => "auto_renew_on",
        }
    }
}
