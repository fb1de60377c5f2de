//! Whole discoveries against a scripted tenant.
