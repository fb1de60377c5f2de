//! Licenses: what a user holds, what the tenant's pools hold, and the change of a user's licenses.
//!
//! A license hangs on a **SKU in the tenant**, never on a subscription. Subscriptions of one SKU share a pool.

use uuid::Uuid;

open_enum! {
    /// State of a service plan within a user's license. Only `Assigned` is documented to mean that the user has it.
    pub enum PlanStatus {
        /// The user has it.
        Assigned = "Assigned",
        /// In force for the SKU.
        Enabled = "Enabled",
        /// Running out.
        Warning = "Warning",
        /// Suspended.
        Suspended = "Suspended",
        /// Switched off.
        Disabled = "Disabled",
        /// Gone.
        Deleted = "Deleted",
        /// Locked.
        LockedOut = "LockedOut",
    }
}

open_enum! {
    /// State of a SKU in the tenant.
    pub enum SkuStatus {
        /// In force.
        Enabled = "Enabled",
        /// Running out.
        Warning = "Warning",
        /// No active units.
        Suspended = "Suspended",
        /// Gone.
        Deleted = "Deleted",
        /// Locked.
        LockedOut = "LockedOut",
    }
}

open_enum! {
    /// Whom a service plan is for. Only plans for users can be assigned or excluded.
    pub enum TargetType {
        /// For single users.
        User = "User",
        /// For the tenant as a whole.
        Tenant = "Tenant",
    }
}

/// One license of a user, as the answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLicense {
    /// The SKU it hangs on.
    pub sku: Uuid,
    /// Microsoft's short name of the SKU; empty where it was left out.
    pub part_number: String,
    /// Its service plans as listed. How an excluded one is shown is undocumented: missing, or with another status.
    pub plans: Vec<UserPlan>,
}

impl UserLicense {
    /// The plans the user really has.
    pub fn assigned_plans(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.plans.iter().filter(|plan| plan.status == PlanStatus::Assigned).map(|plan| plan.id)
    }
}

/// A service plan within a user's license. Names are left out: [`SubscribedSku`] has them once for all users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPlan {
    /// Which plan.
    pub id: Uuid,
    /// Whether the user has it.
    pub status: PlanStatus,
    /// Whom it is for; `User` where the answer does not say.
    pub target: TargetType,
}

/// The pool of one SKU in a tenant, over all subscriptions and sellers.
///
/// Microsoft's arithmetic: `total = active + warning`, `available = total - consumed`. Available can be negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribedSku {
    /// The SKU.
    pub sku: Uuid,
    /// Its name; empty where it was left out.
    pub name: String,
    /// Microsoft's short name; empty where it was left out.
    pub part_number: String,
    /// Units of active subscriptions.
    pub active: i64,
    /// Units of subscriptions that are running out.
    pub warning: i64,
    /// Units of suspended subscriptions: nobody can use them.
    pub suspended: i64,
    /// Units that users hold, directly or through a group.
    pub consumed: i64,
    /// Units that can still be assigned.
    pub available: i64,
    /// State of the SKU.
    pub status: Option<SkuStatus>,
    /// All its service plans.
    pub plans: Vec<ServicePlan>,
}

impl SubscribedSku {
    /// The plans that are excluded for a user who holds `license`: the plans for users, less those shown as assigned.
    ///
    /// Worked out this way because the answer may show an excluded plan with another status or not at all.
    pub fn excluded_from(&self, license: &UserLicense) -> Vec<Uuid> {
        self.plans
            .iter()
            .filter(|plan| plan.target == TargetType::User)
            .map(|plan| plan.id)
            .filter(|id| !license.assigned_plans().any(|assigned| assigned == *id))
            .collect()
    }
}

/// A service plan of a SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePlan {
    /// Which plan.
    pub id: Uuid,
    /// Its technical name, such as `SHAREPOINTENTERPRISE`; empty where it was left out.
    pub service: String,
    /// Its name for people; empty where it was left out.
    pub name: String,
    /// Its state for the tenant.
    pub status: Option<PlanStatus>,
    /// Whom it is for; `User` where the answer does not say.
    pub target: TargetType,
}

/// A change of one user's licenses: everything in one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenseUpdate {
    /// SKUs to give. One the user has already gets the excluded plans **replaced**.
    pub assign: Vec<LicenseAssignment>,
    /// SKUs to take.
    pub remove: Vec<Uuid>,
}

/// One SKU to give to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseAssignment {
    /// The SKU.
    pub sku: Uuid,
    /// Service plans of it that the user shall not have; empty = all are on. A plan the SKU does not have is refused.
    pub excluded_plans: Vec<Uuid>,
}

/// A remark of Microsoft on a change that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseWarning {
    /// Its code, as it came; empty where there was none.
    pub code: String,
    /// The service plans it is about, by name.
    pub plans: Vec<String>,
}
