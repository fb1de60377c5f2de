//! The calls this client makes, as data: name, quota family, token, and whether it changes something.

use http::Method;
use uuid::Uuid;

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
pub(crate) static AGREEMENTS: Operation = read("agreements", Family::Customers, false);
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
pub(crate) static CART: Operation = read("cart", Family::Orders, false);
pub(crate) static PRODUCTS: Operation = read("products", Family::Offers, false);
pub(crate) static PRODUCT: Operation = read("product", Family::Offers, false);
pub(crate) static SKUS: Operation = read("skus", Family::Offers, false);
pub(crate) static SKU: Operation = read("sku", Family::Offers, false);
pub(crate) static AVAILABILITIES: Operation = read("availabilities", Family::Offers, false);
pub(crate) static SUBSCRIBED_SKUS: Operation = read("subscribed_skus", Family::Licenses, true);
pub(crate) static USERS: Operation = read("users", Family::Users, true);
pub(crate) static USER_LICENSES: Operation = read("user_licenses", Family::Licenses, true);

/// Of the customer's directory, not of Partner Center: not among those that are relayed.
pub(crate) static HOLDERS: Operation = read("license_holders", Family::Directory, true);

/// Which read a path is, and about whom; none where it is none of ours.
pub(crate) fn of_read(target: &str) -> Option<(&'static Operation, Option<Uuid>)> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    // Nothing that a server could take for another path.
    if !path.is_ascii() || path.contains("..") || path.contains('\\') || target.contains('#') {
        return None;
    }
    let segments: Vec<&str> = path.strip_prefix("/v1/")?.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let id = |text: &str| Uuid::try_parse(text).ok();
    match segments.as_slice() {
        ["customers"] => Some((&CUSTOMERS, None)),
        ["offers"] => Some((&OFFERS, None)),
        ["offers", _] => Some((&OFFER, None)),
        ["products", rest @ ..] => of_catalogue(rest).map(|operation| (operation, None)),
        ["customers", customer, rest @ ..] => {
            let customer = id(customer)?;
            let operation = match rest {
                [] => &CUSTOMER,
                ["qualifications"] => &QUALIFICATIONS,
                ["directSignedMicrosoftCustomerAgreementStatus"] => &AGREEMENT_SIGNED,
                ["agreements"] => &AGREEMENTS,
                ["subscriptions"] if query.starts_with("order_id=") => &SUBSCRIPTIONS_OF_ORDER,
                ["subscriptions"] => &SUBSCRIPTIONS,
                ["subscriptions", one] => id(one).map(|_| &SUBSCRIPTION)?,
                ["subscriptions", one, "addons"] => id(one).map(|_| &ADD_ONS)?,
                ["subscriptions", one, "provisioningstatus"] => id(one).map(|_| &PROVISIONING_STATUS)?,
                ["products", rest @ ..] => of_catalogue(rest)?,
                ["carts", _] => &CART,
                ["orders"] => &ORDERS,
                ["orders", _] => &ORDER,
                ["subscribedskus"] => &SUBSCRIBED_SKUS,
                ["users"] => &USERS,
                ["users", user, "licenses"] => id(user).map(|_| &USER_LICENSES)?,
                _ => return None,
            };
            Some((operation, Some(customer)))
        }
        _ => None,
    }
}

/// Which read of new commerce's catalogue it is, by what follows `products`.
fn of_catalogue(rest: &[&str]) -> Option<&'static Operation> {
    Some(match rest {
        [] => &PRODUCTS,
        [_] => &PRODUCT,
        [_, "skus"] => &SKUS,
        [_, "skus", _] => &SKU,
        [_, "skus", _, "availabilities"] => &AVAILABILITIES,
        _ => return None,
    })
}

pub(crate) static PLACE_ORDER: Operation =
    Operation { name: "place_order", family: Family::Orders, method: Method::POST, needs_user: false };
pub(crate) static CHANGE_SUBSCRIPTION: Operation = Operation {
    name: "change_subscription",
    family: Family::Subscriptions,
    method: Method::PATCH,
    needs_user: false,
};
/// The same call as [`CHANGE_SUBSCRIPTION`], under a name of its own: it cannot be taken back.
pub(crate) static CANCEL_SUBSCRIPTION: Operation = Operation {
    name: "cancel_subscription",
    family: Family::Subscriptions,
    method: Method::PATCH,
    needs_user: false,
};
/// A purchase like [`PLACE_ORDER`].
pub(crate) static BUY_ADD_ON: Operation =
    Operation { name: "buy_add_on", family: Family::Orders, method: Method::PATCH, needs_user: false };
/// Buys nothing.
pub(crate) static CREATE_CART: Operation =
    Operation { name: "create_cart", family: Family::Orders, method: Method::POST, needs_user: false };
/// A purchase.
pub(crate) static CHECKOUT: Operation =
    Operation { name: "checkout", family: Family::Orders, method: Method::POST, needs_user: false };
pub(crate) static SET_USAGE_LOCATION: Operation =
    Operation { name: "set_usage_location", family: Family::Users, method: Method::PATCH, needs_user: true };
pub(crate) static UPDATE_LICENSES: Operation =
    Operation { name: "update_licenses", family: Family::Licenses, method: Method::POST, needs_user: true };

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMER_ID: &str = "3f0a2b8e-0000-4000-8000-000000000001";

    #[test]
    fn a_path_is_the_read_that_the_client_itself_would_make_of_it() {
        let named = |target: &str| of_read(target).map(|(operation, _)| operation.name);
        assert_eq!(named("/v1/customers?size=40"), Some("customers"));
        assert_eq!(named(&format!("/v1/customers/{CUSTOMER_ID}/users?size=500")), Some("users"));
        assert_eq!(
            named(&format!("/v1/customers/{CUSTOMER_ID}/subscriptions?order_id=1")),
            Some("subscriptions_of_order")
        );
        for base in ["/v1".to_owned(), format!("/v1/customers/{CUSTOMER_ID}")] {
            assert_eq!(named(&format!("{base}/products?targetView=OnlineServices")), Some("products"));
            assert_eq!(named(&format!("{base}/products/CFQ7TTC0LH18?country=SE")), Some("product"));
            assert_eq!(named(&format!("{base}/products/CFQ7TTC0LH18/skus")), Some("skus"));
            assert_eq!(named(&format!("{base}/products/CFQ7TTC0LH18/skus/0001")), Some("sku"));
            let availabilities = format!("{base}/products/CFQ7TTC0LH18/skus/0001/availabilities");
            assert_eq!(named(&availabilities), Some("availabilities"));
        }
        assert_eq!(named(&format!("/v1/customers/{CUSTOMER_ID}/carts/b4c8fdea")), Some("cart"));
        let (_, customer) = of_read(&format!("/v1/customers/{CUSTOMER_ID}/orders")).unwrap();
        assert_eq!(customer.map(|id| id.to_string()).as_deref(), Some(CUSTOMER_ID));
    }

    #[test]
    fn what_is_not_one_of_our_reads_is_not_relayed() {
        for target in [
            "/v1/invoices",
            "/v1/customers/contoso",
            "/v1/customers//orders",
            "/v1/customers/../invoices",
            "/v1/offers/a/../../invoices",
            "/v1/products/a/skus/b/availabilities/c/inventory",
            "/v1/customers/3f0a2b8e-0000-4000-8000-000000000001/carts",
            "/v1/customers/3f0a2b8e-0000-4000-8000-000000000001/carts/b4c8fdea/checkout",
            "https://elsewhere.example/v1/customers",
            "/v1/customers/3f0a2b8e-0000-4000-8000-000000000001/users/x/licenses",
            "/v1/customers/3f0a2b8e-0000-4000-8000-000000000001/users/licenseupdates",
        ] {
            assert!(of_read(target).is_none(), "{target}");
        }
    }
}
