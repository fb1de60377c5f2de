//! Whole discoveries, plan files and re-checks against a scripted partner.

mod discovering;
mod files;
mod judging;
mod rechecking;
pub(crate) mod tenant;
