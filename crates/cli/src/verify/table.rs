//! `verify.csv`.

use jiff::Timestamp;

seatshift_control::sheet! {
    /// One row, as it was found.
    pub struct VerifyRow {
        "row_id" row_id: String,
        "migration" migration: String,
        "verdict" verdict: String,
        /// `yes`, `no`, `unreadable`.
        "still_true" still_true: String,
        "differences" differences: String,
        "old_status" old_status: String,
        "new_status" new_status: String,
        "users_checked" users_checked: u32,
        "users_wrong" users_wrong: u32,
        "seats_used" seats_used: Option<u32>,
        "seats_spare" seats_spare: Option<i64>,
        "read_at" read_at: Option<Timestamp>,
    }
}
