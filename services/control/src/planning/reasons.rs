//! Why a row is not simply ready: one code each, in words that a licensing person understands.

use crate::tables::{Bad, Cell, Reading};

/// Whether a row can be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Readiness {
    /// Everything that can be checked before buying is as it must be.
    #[default]
    Ready,
    /// A person must decide something first.
    Ask,
    /// It cannot be moved as things stand.
    Blocked,
}

impl Readiness {
    pub fn name(self) -> &'static str {
        match self {
            Readiness::Ready => "ready",
            Readiness::Ask => "ask",
            Readiness::Blocked => "blocked",
        }
    }
}

impl Cell for Readiness {
    fn write(&self) -> String {
        self.name().to_owned()
    }
    fn read(text: &str, _: &Reading) -> Result<Self, Bad> {
        let known = [Readiness::Ready, Readiness::Ask, Readiness::Blocked];
        let found = known.into_iter().find(|one| one.name() == text.trim().to_lowercase());
        found.ok_or_else(|| {
            Bad::new(format!("`{text}` is not a readiness"), "Leave this column as it was written")
        })
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $code:literal $readiness:ident $answer:ident $remedy:literal,)*) => {
        /// Every reason that planning gives.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them, the gravest first.
            pub const ALL: &'static [Reason] = &[$(Reason::$name),*];

            /// The word of the plan's `reason_code`.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }
            pub fn readiness(self) -> Readiness {
                match self { $(Reason::$name => Readiness::$readiness,)* }
            }
            /// What a person can do about it.
            pub fn what_to_do(self) -> &'static str {
                match self { $(Reason::$name => $remedy,)* }
            }
            /// Where in the files a person answers, so that the row can be moved.
            pub fn answer(self) -> Answer {
                match self { $(Reason::$name => Answer::$answer,)* }
            }
        }
    };
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Not in a file: something must change first, or it is not possible yet.
    Nowhere,
    /// By `target_offer_id`.
    Target,
    /// By `buy_seats`.
    Seats,
    /// By `new_billing_cycle`.
    BillingCycle,
    /// By `move` in `plan-users.csv`, for every user listed.
    Users,
}

reasons! {
    CustomerUnreadable "customer_unreadable" Blocked Nowhere
        "Run plan again later; what was read is kept. If it stays so, open the customer in Partner Center.",
    RelationMissing "relation_missing" Blocked Nowhere
        "Ask the customer to accept a reseller relationship request, then plan again.",
    RightsMissing "rights_missing" Blocked Nowhere
        "Ask the customer for granular admin rights with the roles License Administrator and Directory Reader, then plan again.",
    NotActive "not_active" Blocked Nowhere
        "Nothing to do while it is so. If the customer still needs it, activate it in Partner Center and plan again.",
    Ended "ended" Blocked Nowhere
        "Buy a new subscription for the customer by hand; the old one has ended.",
    EndUnknown "end_unknown" Blocked Nowhere
        "Look the end date up in Partner Center and move this customer by hand.",
    EndsTooSoon "ends_too_soon" Blocked Nowhere
        "Move this customer by hand today; there is no time left for an automatic move and its undo.",
    NewCommerceLater "new_commerce_later" Blocked Nowhere
        "Purchases in new commerce come later. Move this customer by hand, or name an offer of legacy commerce.",
    CountryUnknown "country_unknown" Blocked Nowhere
        "Fill in the country in the customer's billing profile, then plan again.",
    AgreementMissing "agreement_missing" Blocked Nowhere
        "Have the customer accept the Microsoft Customer Agreement, or confirm it in Partner Center, then plan again.",
    SkuUnknown "sku_unknown" Blocked Nowhere
        "Wait a quarter of an hour and plan again; if it stays so, ask Microsoft's support for the product of this subscription.",
    UsageLocationMissing "usage_location_missing" Blocked Nowhere
        "Set the usage location of the users marked in plan-users.csv, then plan again.",
    TooLarge "too_large" Blocked Nowhere
        "This many users cannot be moved as one row. Split the subscription or move it by hand.",
    NearMiss "near_miss" Ask Target
        "Say which offer it is: name its id as retired or staying in your offers file and plan again, or fill in target_offer_id if it is to be moved.",
    NoTarget "no_target" Ask Target
        "Choose the new offer: fill in target_offer_id, or write a rule in your offers file and plan again.",
    TargetNotSold "target_not_sold" Ask Target
        "Fill in target_offer_id with an offer that is sold in this country.",
    SegmentMismatch "segment_mismatch" Ask Target
        "Fill in target_offer_id with an offer for this customer's segment, or have the customer qualified first.",
    TargetUnsuitable "target_unsuitable" Ask Target
        "Fill in target_offer_id with an offer that is sold by the seat and on its own.",
    ActiveAddOns "active_add_ons" Ask Nowhere
        "Add-ons end with their base, and moving them is not possible yet. Move or cancel them by hand, then plan again.",
    TrialInPool "trial_in_pool" Ask Nowhere
        "Let the trial end or cancel it, then plan again.",
    SharedWithStaying "shared_with_staying" Ask Users
        "Say who uses the old plan: fill in move (yes or no) for each user of this row in plan-users.csv.",
    SeveralRetired "several_retired" Ask Users
        "Say who belongs to which subscription: fill in move (yes or no) for each user of this row in plan-users.csv.",
    SeatsFromElsewhere "seats_from_elsewhere" Ask Users
        "Find out who else sells these licenses, then fill in move (yes or no) for each user of this row in plan-users.csv.",
    HiddenHolders "hidden_holders" Ask Nowhere
        "Look in the customer's admin center for accounts that hold this license and are not listed, then plan again.",
    PoolOverused "pool_overused" Ask Seats
        "Fill in buy_seats so that the seats cover everyone who holds the license.",
    UserHasTarget "user_has_target" Ask Nowhere
        "Take one of the two licenses from the users marked in plan-users.csv, then plan again.",
    PlansUnmapped "plans_unmapped" Ask Target
        "Decide with the customer what the services that are switched off shall be on the new plan; change them by hand and plan again, or choose another offer.",
    PlansUnknown "plans_unknown" Ask Target
        "The services of the new plan are not known before it is bought. Choose another offer, or move these users by hand.",
    BillingCycle "billing_cycle" Ask BillingCycle
        "Fill in new_billing_cycle with monthly or annual.",
    QuantityLimit "quantity_limit" Ask Seats
        "Fill in buy_seats within the limits of the offer, or choose another offer.",
    PurchaseLimit "purchase_limit" Ask Target
        "The customer has as many of this offer as are allowed. Choose another offer.",
    /// A remark on a row that is ready.
    AutoRenewOn "auto_renew_on" Ready Nowhere
        "",
}

impl Reason {
    /// The reason of a `reason_code`.
    pub fn of_code(code: &str) -> Option<Reason> {
        Reason::ALL.iter().copied().find(|reason| reason.code() == code)
    }
}

/// One reason with its particulars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub reason: Reason,
    /// A sentence about this row.
    pub words: String,
}

impl Finding {
    pub fn new(reason: Reason, words: impl Into<String>) -> Self {
        Finding { reason, words: words.into() }
    }
}
