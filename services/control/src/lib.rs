//! Control: planning, admission, tracking, verdicts.

pub mod planning;
pub mod tables;
