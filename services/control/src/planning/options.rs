//! What a partner sets for planning.

use std::time::Duration;

use seatshift_catalog::PartnerOffers;

/// Days after suspension until which Microsoft surely keeps a subscription: its pages say 90 and 120.
pub const UNDO_DAYS: i64 = 90;

/// Settings of planning and re-checking.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// A subscription that ends within this many days is left alone: there is no time to do it well.
    pub min_days_left: i64,
    /// Seats to buy beyond the users who move.
    pub spare_seats: u32,
    /// The partner is an indirect provider: the reseller of record goes into the order. Nobody else may name one.
    pub indirect_provider: bool,
    /// Customers read at the same time.
    pub customers_at_once: usize,
    /// Users of one customer read at the same time.
    pub users_at_once: usize,
    /// Reads younger than this are not repeated: a stopped discovery goes on from them.
    pub reuse_reads: Duration,
    /// The partner's `offers.toml`.
    pub offers: PartnerOffers,
}

impl Default for PlanOptions {
    fn default() -> Self {
        PlanOptions {
            min_days_left: 2,
            spare_seats: 0,
            indirect_provider: false,
            customers_at_once: 16,
            users_at_once: 8,
            reuse_reads: Duration::from_secs(12 * 3600),
            offers: PartnerOffers::default(),
        }
    }
}
