//! The calls this client makes, as data: name, quota family, token, and whether it changes something.

use http::Method;

use crate::config::TokenUse;
use crate::gate::Family;

/// One kind of call.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) family: Family,
    pub(crate) method: Method,
    /// Microsoft demands a person's token (App+User); an application alone gets 403 / 900329.
    pub(crate) needs_user: bool,
}

impl Operation {
    /// Whether the call can change something at Microsoft.
    pub(crate) fn changing(&self) -> bool {
        self.method != Method::GET
    }

    /// Which token goes with it.
    pub(crate) fn token(&self, token_use: TokenUse) -> TokenKind {
        if self.needs_user || token_use == TokenUse::AppUserForAll {
            TokenKind::AppUser
        } else {
            TokenKind::AppOnly
        }
    }
}

/// The two kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    AppOnly,
    AppUser,
}

const fn read(name: &'static str, family: Family, needs_user: bool) -> Operation {
    Operation { name, family, method: Method::GET, needs_user }
}

pub(crate) static CUSTOMERS: Operation = read("customers", Family::Customers, false);
pub(crate) static CUSTOMER: Operation = read("customer", Family::Customers, false);
pub(crate) static QUALIFICATIONS: Operation = read("qualifications", Family::Customers, false);
pub(crate) static AGREEMENT_SIGNED: Operation = read("agreement_signed", Family::Customers, false);
pub(crate) static SUBSCRIPTIONS: Operation = read("subscriptions", Family::Subscriptions, false);
pub(crate) static SUBSCRIPTIONS_OF_ORDER: Operation =
    read("subscriptions_of_order", Family::Subscriptions, false);
pub(crate) static SUBSCRIPTION: Operation = read("subscription", Family::Subscriptions, false);
pub(crate) static ADD_ONS: Operation = read("add_ons", Family::Subscriptions, false);
pub(crate) static PROVISIONING_STATUS: Operation = read("provisioning_status", Family::Subscriptions, true);
pub(crate) static OFFERS: Operation = read("offers", Family::Offers, false);
pub(crate) static OFFER: Operation = read("offer", Family::Offers, false);
pub(crate) static ORDERS: Operation = read("orders", Family::Orders, false);
pub(crate) static ORDER: Operation = read("order", Family::Orders, false);
pub(crate) static SUBSCRIBED_SKUS: Operation = read("subscribed_skus", Family::Licenses, true);
pub(crate) static USERS: Operation = read("users", Family::Users, true);
pub(crate) static USER_LICENSES: Operation = read("user_licenses", Family::Licenses, true);

pub(crate) static PLACE_ORDER: Operation =
    Operation { name: "place_order", family: Family::Orders, method: Method::POST, needs_user: false };
pub(crate) static CHANGE_SUBSCRIPTION: Operation = Operation {
    name: "change_subscription",
    family: Family::Subscriptions,
    method: Method::PATCH,
    needs_user: false,
};
pub(crate) static UPDATE_LICENSES: Operation =
    Operation { name: "update_licenses", family: Family::Licenses, method: Method::POST, needs_user: true };
