//! The catalogue: which offers are retired, what replaces them, which service plan stands for which.
//!
//! Data files under `data/` with a typed view. The data holds only what public sources prove; the rest is the partner's to
//! say in an `offers.toml` ([`PartnerOffers`]). Why so: a wrong target is a purchase that nobody wanted, and an offer
//! recognised by a guess is a customer suspended by a guess.
//!
//! What must never happen here: a target that is made up, a retired offer matched by a name that only resembles it, a
//! call to the outside. Offer ids are lower-case text, SKUs and service plans are GUIDs.

mod names;
mod offers;
mod partner;
mod replacements;
mod skus;

pub use names::{normalise, similarity};
pub use offers::{
    Family, Match, RetiredOffer, Segment, StayingOffer, recognise, retired_offers, staying_offer,
};
pub use partner::{FileProblem, PartnerOffers, PartnerRule, RetiredId};
pub use replacements::{Replacement, alternatives, replacement};
pub use skus::{Carried, PlanRole, ServicePlan, Sku, carry_exclusions, plan, plan_name, sku, sku_name};
