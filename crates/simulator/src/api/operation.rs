//! The operations of the API, and which of them a method and a path mean.

use http::Method;
use uuid::Uuid;

use crate::state::budgets::Family;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    ListCustomers,
    GetCustomer,
    GetQualifications,
    GetAgreementStatus,
    ListAgreements,
    ListSubscriptions,
    GetSubscription,
    ListAddOns,
    ChangeSubscription,
    GetProvisioningStatus,
    ListOffers,
    GetOffer,
    ListOfferAddOns,
    ListOfferCategories,
    ListCustomerOffers,
    ListOrders,
    GetOrder,
    PlaceOrder,
    ListSkus,
    ListUsers,
    GetUser,
    ListUserLicenses,
    UpdateLicenses,
    ListProducts,
    GetProduct,
    ListProductSkus,
    GetProductSku,
    ListAvailabilities,
    GetAvailability,
    CreateCart,
    GetCart,
    ChangeCart,
    CheckOutCart,
}

impl Operation {
    /// The name used by injections, the books and the call counts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ListCustomers => "list_customers",
            Self::GetCustomer => "get_customer",
            Self::GetQualifications => "get_qualifications",
            Self::GetAgreementStatus => "get_agreement_status",
            Self::ListAgreements => "list_agreements",
            Self::ListSubscriptions => "list_subscriptions",
            Self::GetSubscription => "get_subscription",
            Self::ListAddOns => "list_add_ons",
            Self::ChangeSubscription => "change_subscription",
            Self::GetProvisioningStatus => "get_provisioning_status",
            Self::ListOffers => "list_offers",
            Self::GetOffer => "get_offer",
            Self::ListOfferAddOns => "list_offer_add_ons",
            Self::ListOfferCategories => "list_offer_categories",
            Self::ListCustomerOffers => "list_customer_offers",
            Self::ListOrders => "list_orders",
            Self::GetOrder => "get_order",
            Self::PlaceOrder => "place_order",
            Self::ListSkus => "list_skus",
            Self::ListUsers => "list_users",
            Self::GetUser => "get_user",
            Self::ListUserLicenses => "list_user_licenses",
            Self::UpdateLicenses => "update_licenses",
            Self::ListProducts => "list_products",
            Self::GetProduct => "get_product",
            Self::ListProductSkus => "list_product_skus",
            Self::GetProductSku => "get_product_sku",
            Self::ListAvailabilities => "list_availabilities",
            Self::GetAvailability => "get_availability",
            Self::CreateCart => "create_cart",
            Self::GetCart => "get_cart",
            Self::ChangeCart => "change_cart",
            Self::CheckOutCart => "check_out_cart",
        }
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::ListCustomers
            | Self::GetCustomer
            | Self::GetQualifications
            | Self::GetAgreementStatus
            | Self::ListAgreements => Family::Customers,
            Self::ListSubscriptions
            | Self::GetSubscription
            | Self::ListAddOns
            | Self::ChangeSubscription
            | Self::GetProvisioningStatus => Family::Subscriptions,
            Self::ListOffers
            | Self::GetOffer
            | Self::ListOfferAddOns
            | Self::ListOfferCategories
            | Self::ListCustomerOffers
            | Self::ListProducts
            | Self::GetProduct
            | Self::ListProductSkus
            | Self::GetProductSku
            | Self::ListAvailabilities
            | Self::GetAvailability => Family::Offers,
            Self::ListOrders
            | Self::GetOrder
            | Self::PlaceOrder
            | Self::CreateCart
            | Self::GetCart
            | Self::ChangeCart
            | Self::CheckOutCart => Family::Orders,
            Self::ListSkus => Family::Skus,
            Self::ListUsers | Self::GetUser => Family::Users,
            Self::ListUserLicenses | Self::UpdateLicenses => Family::Licenses,
        }
    }

    /// Changes something, so that a repeat of it and the loss of its answer matter.
    pub(crate) fn changes(self) -> bool {
        matches!(
            self,
            Self::PlaceOrder
                | Self::ChangeSubscription
                | Self::UpdateLicenses
                | Self::CreateCart
                | Self::ChangeCart
                | Self::CheckOutCart
        )
    }

    /// Reads the catalogue of new commerce.
    pub(crate) fn is_of_products(self) -> bool {
        matches!(
            self,
            Self::ListProducts
                | Self::GetProduct
                | Self::ListProductSkus
                | Self::GetProductSku
                | Self::ListAvailabilities
                | Self::GetAvailability
        )
    }

    /// Needs a user beside the application, and that user's rights in the customer's tenant (contract, section 1.5).
    pub(crate) fn needs_user(self) -> bool {
        matches!(
            self,
            Self::ListSkus
                | Self::ListUsers
                | Self::GetUser
                | Self::ListUserLicenses
                | Self::UpdateLicenses
                | Self::GetProvisioningStatus
        )
    }
}

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    Call(Call<'a>),
    /// There is such a resource, but not with this method.
    WrongMethod,
    /// Documented, and not part of this simulator: migrations, upgrades, and so on.
    NotHere,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
    /// The customer's id as it stands in the path.
    pub(crate) customer: Option<&'a str>,
    /// The subscription, order, offer, user, cart or product, as it stands in the path.
    pub(crate) item: &'a str,
    /// Of a product: the SKU and the availability, each empty where the path has none.
    pub(crate) within: [&'a str; 2],
}

impl Call<'_> {
    /// The item's id; none where it is no GUID.
    pub(crate) fn item_id(&self) -> Option<Uuid> {
        Uuid::parse_str(self.item).ok()
    }
}

/// `path` is what follows `/v1`.
pub(crate) fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let parts: [&str; 9] = std::array::from_fn(|_| segments.next().unwrap_or_default());
    match parts {
        ["customers", customer, rest @ ..] if !customer.is_empty() => of_customer(method, customer, rest),
        ["customers", ..] => only(method, &Method::GET, Operation::ListCustomers, None, ""),
        ["offers", "", ..] => only(method, &Method::GET, Operation::ListOffers, None, ""),
        ["offers", offer, "", ..] => only(method, &Method::GET, Operation::GetOffer, None, offer),
        ["offers", offer, "addons", ..] => {
            only(method, &Method::GET, Operation::ListOfferAddOns, None, offer)
        }
        ["offercategories", "", ..] => only(method, &Method::GET, Operation::ListOfferCategories, None, ""),
        ["products", rest @ ..] => {
            products(method, None, [rest[0], rest[1], rest[2], rest[3], rest[4], rest[5]])
        }
        ["agreements" | "auditrecords" | "migrations" | "subscriptions", ..] => Route::NotHere,
        _ => Route::Unknown,
    }
}

fn of_customer<'a>(method: &Method, customer: &'a str, rest: [&'a str; 7]) -> Route<'a> {
    let get = |operation, item| only(method, &Method::GET, operation, Some(customer), item);
    match rest {
        ["", ..] => get(Operation::GetCustomer, ""),
        ["qualifications", "", ..] => get(Operation::GetQualifications, ""),
        ["directSignedMicrosoftCustomerAgreementStatus", "", ..] => get(Operation::GetAgreementStatus, ""),
        ["agreements", "", ..] => get(Operation::ListAgreements, ""),
        ["offers", "", ..] => get(Operation::ListCustomerOffers, ""),
        ["subscribedskus", "", ..] => get(Operation::ListSkus, ""),
        ["subscriptions", "", ..] => get(Operation::ListSubscriptions, ""),
        ["subscriptions", id, "", ..] if *method == Method::PATCH => {
            only(method, &Method::PATCH, Operation::ChangeSubscription, Some(customer), id)
        }
        ["subscriptions", id, "", ..] => get(Operation::GetSubscription, id),
        ["subscriptions", id, "addons", "", ..] => get(Operation::ListAddOns, id),
        ["subscriptions", id, "provisioningstatus", "", ..] => get(Operation::GetProvisioningStatus, id),
        ["subscriptions", _, "upgrades" | "conversions" | "transitions" | "transitionEligibilities", ..] => {
            Route::NotHere
        }
        ["orders", "", ..] if *method == Method::POST => {
            only(method, &Method::POST, Operation::PlaceOrder, Some(customer), "")
        }
        ["orders", "", ..] => get(Operation::ListOrders, ""),
        ["orders", _, "", ..] if *method == Method::PATCH => Route::NotHere,
        ["orders", _, "provisioningstatus", ..] => Route::NotHere,
        ["orders", id, "", ..] => get(Operation::GetOrder, id),
        ["users", "", ..] => get(Operation::ListUsers, ""),
        ["users", id, "", ..] => get(Operation::GetUser, id),
        ["users", id, "licenses", "", ..] => get(Operation::ListUserLicenses, id),
        ["users", id, "licenseupdates", "", ..] => {
            only(method, &Method::POST, Operation::UpdateLicenses, Some(customer), id)
        }
        ["products", rest @ ..] => products(method, Some(customer), rest),
        ["carts", "", ..] => only(method, &Method::POST, Operation::CreateCart, Some(customer), ""),
        ["carts", id, "", ..] if *method == Method::PUT => {
            only(method, &Method::PUT, Operation::ChangeCart, Some(customer), id)
        }
        ["carts", id, "", ..] => get(Operation::GetCart, id),
        ["carts", id, "checkout", "", ..] => {
            only(method, &Method::POST, Operation::CheckOutCart, Some(customer), id)
        }
        ["migrations" | "offercategories" | "profiles", ..] => Route::NotHere,
        _ => Route::Unknown,
    }
}

/// `products[/{id}[/skus[/{id}[/availabilities[/{id}]]]]]`, below a customer or not.
fn products<'a>(method: &Method, customer: Option<&'a str>, rest: [&'a str; 6]) -> Route<'a> {
    let (operation, product, within) = match rest {
        ["", ..] => (Operation::ListProducts, "", [""; 2]),
        [product, "", ..] => (Operation::GetProduct, product, [""; 2]),
        [product, "skus", "", ..] => (Operation::ListProductSkus, product, [""; 2]),
        [product, "skus", sku, "", ..] => (Operation::GetProductSku, product, [sku, ""]),
        [product, "skus", sku, "availabilities", "", _] => {
            (Operation::ListAvailabilities, product, [sku, ""])
        }
        [product, "skus", sku, "availabilities", id, ""] => (Operation::GetAvailability, product, [sku, id]),
        _ => return Route::Unknown,
    };
    match only(method, &Method::GET, operation, customer, product) {
        Route::Call(call) => Route::Call(Call { within, ..call }),
        other => other,
    }
}

fn only<'a>(
    method: &Method,
    wanted: &Method,
    operation: Operation,
    customer: Option<&'a str>,
    item: &'a str,
) -> Route<'a> {
    let call = Call { operation, customer, item, within: [""; 2] };
    if method == wanted { Route::Call(call) } else { Route::WrongMethod }
}
