//! The shapes on the wire, as the contract has them. Nothing is decided here: a state goes in, bytes come out.
//!
//! Legacy ids of subscriptions and offers are written in upper case, everything else in lower case, as recorded; new commerce
//! names what is sold in its own capital letters and digits.

mod cart;
mod common;
mod customer;
mod modern;
mod offer;
mod order;
mod product;
mod subscription;
mod user;

pub(crate) use cart::{OrderError, cart, checkout};
pub(crate) use common::{Link, Links, collection};
pub(crate) use customer::{agreements, customer, customer_summary, is_signed, qualifications};
pub(crate) use offer::{categories, offer};
pub(crate) use order::order;
pub(crate) use product::{availability, product, product_sku};
pub(crate) use subscription::{provisioning_status, subscription, subscription_uri};
pub(crate) use user::{license, license_update, sku, user};
