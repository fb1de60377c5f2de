//! Every error code of Partner Center that matters here: what it means, what to do, and how the client treats it.
//!
//! One table, because the same number can mean different things under different HTTP statuses (2006), and because a
//! person who looks a code up must find what the program acts on. Source: Microsoft's page of error codes (copy of
//! October 2023), for 60012 the page on assigning licenses, and for the codes of a cart's lines the `CartErrorCode` of
//! the pages on carts and of Microsoft's .NET SDK; the words are ours.
//!
//! A code that is not here is treated as [`Remedy::Person`]: parked, nothing touched.

use crate::error::Remedy::{self, Conflict, Person, Refused, Retry, Wait};
use crate::model::CartErrorCode;

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Partner Center's code.
    pub code: u32,
    /// The HTTP status it comes with; none for codes that stand inside a good answer.
    pub status: Option<u16>,
    /// How a call that ends with it is treated. A changing call answered with 5xx is an unknown outcome all the same.
    pub remedy: Remedy,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// The explanation of a code. With a status, a row for this very status is preferred; otherwise the first row of the
/// code is taken, since gateways change statuses.
pub fn explain(code: u32, status: Option<u16>) -> Option<&'static Explanation> {
    let rows = || TABLE.iter().filter(|row| row.code == code);
    rows().find(|row| status.is_some() && row.status == status).or_else(|| rows().next())
}

/// All rows, for reports and for a table in the manual.
pub fn all_codes() -> &'static [Explanation] {
    TABLE
}

/// The number of a cart line's error; none where it is not documented.
pub(crate) fn of_cart(code: &CartErrorCode) -> Option<u32> {
    if let CartErrorCode::Other(word) = code {
        return word.parse().ok();
    }
    let numbers = TABLE.iter().filter(|row| row.status.is_none()).map(|row| row.code);
    numbers.into_iter().find(|number| CartErrorCode::from(number.to_string()) == *code)
}

/// Codes whose texts may name what is sold in the offer's place.
pub(crate) fn may_name_equivalents(code: u32) -> bool {
    matches!(code, 2091 | 2085 | 2100 | 500_600)
}

const fn row(
    status: u16,
    code: u32,
    remedy: Remedy,
    meaning: &'static str,
    advice: &'static str,
) -> Explanation {
    Explanation { code, status: if status == 0 { None } else { Some(status) }, remedy, meaning, advice }
}

const LOGIN: &str = "Log in again, and check the application's id, secret and tenant.";
const RIGHTS: &str = "Give the application's user the missing role (Admin agent; in the customer's tenant License Administrator and Directory Reader), then retry.";
const PARTNER: &str = "Settle the partner's own standing in Partner Center, then retry.";
const SUPPORT: &str = "Ask Microsoft's support, with the correlation id.";
const LATER: &str = "Nothing to do: it is tried again later.";
const REREAD: &str = "Nothing to do: the state is read again and the step decided anew.";
const OTHER_OFFER: &str = "Choose another target for this row and plan it again.";
const OTHER_QUANTITY: &str = "Choose a quantity within the offer's limits and plan the row again.";
const RESELLER: &str = "Correct the reseller's MPN id in the row and plan it again.";
const CUSTOMER: &str = "Settle the customer's account in Partner Center, then retry.";
const LOOK: &str = "Look at the subscription in Partner Center; where it is as wanted, accept the row.";
const FAULT: &str = "A fault in the request: report it to the makers of Seatshift with the correlation id.";
const WINDOW: &str = "Too late to undo this way: leave it until the term ends, or ask Microsoft's support.";
const SANDBOX: &str = "Remove something from the sandbox, or use another one, then retry.";
const CART: &str = "Nothing to do: the cart and its lines are read again, or another cart is made.";
const NOT_OURS: &str = "Seatshift does not make this call; the answer belongs to another tool.";

#[rustfmt::skip]
static TABLE: &[Explanation] = &[
    // Identity and access.
    row(401, 400, Person, "Access is denied: the token is not accepted.", LOGIN),
    row(401, 800001, Person, "The call carried no partner token.", LOGIN),
    row(403, 2032, Person, "Access is denied.", RIGHTS),
    row(403, 20002, Refused, "The partner has no commerce relation with this customer.", "Have the customer accept the partner's reseller invitation, then retry."),
    row(403, 800039, Person, "The partner's reseller status is not active.", PARTNER),
    row(403, 900149, Person, "The partner's program status is not active.", PARTNER),
    row(403, 800043, Person, "The partner has no access to prices.", PARTNER),
    row(403, 900150, Person, "The caller's role lacks the right to do this.", RIGHTS),
    row(403, 900308, Person, "The caller's rights in the customer's tenant are not enough.", RIGHTS),
    row(403, 900309, Person, "A Conditional Access policy blocked the call.", "Have the customer's or the partner's Conditional Access admit the caller, then retry."),
    row(403, 900329, Person, "This call is not possible for an application alone; it needs a person's token.", "Log in (App+User) and check `token_use`."),
    row(400, 900316, Person, "A partner token is not allowed for licenses; a partner's access token is needed.", LOGIN),
    row(400, 900118, Refused, "There is no customer with this id.", "Correct the customer's id in the row and plan it again."),
    row(400, 900127, Refused, "The operation is not supported.", NOT_OURS),
    row(400, 900141, Refused, "The operation is not supported here.", NOT_OURS),
    row(400, 800042, Refused, "The operation is not supported for this resource.", NOT_OURS),
    row(404, 1000, Refused, "There is no such thing.", "Plan the row again: what it names is gone."),
    row(404, 60002, Refused, "There is no user with this id in the tenant.", "The account was deleted: take the user out of the row and plan it again."),
    row(404, 60003, Refused, "There is no such tenant.", "Correct the customer's id in the row and plan it again."),
    row(501, 0, Person, "An error that Microsoft has not defined.", SUPPORT),
    // Buying.
    row(403, 2006, Refused, "The partner may not sell this offer.", OTHER_OFFER),
    row(403, 2030, Person, "The partner is not admitted to sell in this country.", PARTNER),
    row(403, 2085, Refused, "The offer cannot be bought by this customer.", OTHER_OFFER),
    row(403, 2091, Refused, "The offer is no longer sold.", OTHER_OFFER),
    row(400, 2100, Refused, "The price list does not know this id; it is one of new commerce.", OTHER_OFFER),
    row(200, 400072, Refused, "The item is not available.", OTHER_OFFER),
    row(400, 400072, Refused, "The item is not available.", OTHER_OFFER),
    row(403, 400036, Refused, "This view of the catalogue is not allowed.", NOT_OURS),
    row(404, 400013, Refused, "There is no such product.", OTHER_OFFER),
    row(404, 400018, Refused, "There is no such SKU.", OTHER_OFFER),
    row(404, 400019, Conflict, "There is no such availability any more.", "Nothing to do: the availabilities are read again, and another cart is made."),
    row(400, 400056, Refused, "The input is not valid.", FAULT),
    row(403, 13605, Person, "The customer has not accepted the Microsoft Customer Agreement.", "Have the customer sign it, or confirm it in Partner Center, then retry."),
    row(403, 900123, Person, "The reseller has not accepted the Microsoft Partner Agreement.", "Have the reseller accept it, then retry."),
    row(403, 900124, Person, "The partner has not accepted the Microsoft Partner Agreement.", "Accept it in Partner Center, then retry."),
    row(404, 20000, Wait, "There is no order with this id, or it does not show yet (that can take 15 minutes).", LATER),
    row(400, 4018, Person, "The order cannot be carried out.", SUPPORT),
    row(400, 27006, Refused, "The offer's limit of purchases is reached.", OTHER_OFFER),
    row(400, 27007, Refused, "The promotion code is not valid.", OTHER_OFFER),
    row(400, 2071, Person, "The MPN id is not that of a valid advisor.", RESELLER),
    row(404, 2072, Person, "The provider's own MPN id cannot be the reseller of record.", RESELLER),
    row(400, 2200, Person, "The MPN id is not valid or was not migrated.", RESELLER),
    row(404, 800015, Person, "There is no such MPN id.", RESELLER),
    row(400, 800016, Person, "The MPN id is not that of a valid indirect reseller.", RESELLER),
    row(400, 800002, Refused, "The request's input is not valid.", FAULT),
    row(500, 800003, Retry, "An unexpected fault of the service.", LATER),
    row(400, 800004, Refused, "The offer's id is not valid.", OTHER_OFFER),
    row(500, 800005, Retry, "Making the order did not succeed.", LATER),
    row(404, 800007, Wait, "There is no provisioning information yet.", LATER),
    row(404, 800008, Conflict, "There is no cart with this id; an old one may have expired.", CART),
    row(400, 800009, Conflict, "Something in the cart is wrong; its lines say what.", CART),
    row(400, 800010, Refused, "There is no stock of this item.", OTHER_OFFER),
    row(400, 800017, Refused, "This quantity is not available.", OTHER_QUANTITY),
    row(400, 800018, Person, "A limit of the sandbox is reached.", SANDBOX),
    row(403, 900322, Person, "The item cannot be bought in a sandbox.", SANDBOX),
    row(403, 800020, Refused, "The catalogue item cannot be bought.", OTHER_OFFER),
    row(400, 800022, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800022, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(400, 800023, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800023, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(400, 800024, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800024, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(400, 800025, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800025, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(400, 800026, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800026, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(400, 800062, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800062, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(400, 900121, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 900121, Person, "The purchase was declined (credit or eligibility).", SUPPORT),
    row(403, 800028, Refused, "The term of the first purchase is no longer sold.", OTHER_OFFER),
    row(400, 800029, Refused, "The add-on does not belong to this base.", OTHER_OFFER),
    row(409, 800014, Wait, "A change of this order is still under way.", LATER),
    row(409, 800060, Wait, "An order for this customer is under way. Whether it is ours, the order history shows in a few minutes.", "Nothing to do: orders are read before another is placed."),
    row(400, 800061, Refused, "The order cannot be cancelled.", NOT_OURS),
    row(400, 800063, Refused, "The order cannot be cancelled; its subscription can be suspended.", "Suspend the subscription instead."),
    row(403, 800019, Refused, "Outside the sandbox only software orders can be cancelled.", "Suspend the subscription instead."),
    row(409, 800064, Wait, "The cart is being handled by another request, perhaps an earlier one of ours.", "Nothing to do: cart and orders are read before anything is bought again."),
    row(400, 800065, Conflict, "The cart was checked out already.", "Nothing to do: orders are read before anything is bought again."),
    row(403, 800066, Person, "The customer has as many subscriptions of this kind as are allowed.", CUSTOMER),
    row(403, 800089, Person, "The customer has as many assets of this kind as are allowed, or the catalogue id is not valid.", CUSTOMER),
    row(403, 800067, Refused, "More seats than one subscription may have.", OTHER_QUANTITY),
    row(403, 800088, Refused, "More seats than one subscription of this kind may have.", OTHER_QUANTITY),
    row(403, 800069, Person, "The purchase did not pass Microsoft's check of risks.", SUPPORT),
    row(400, 800070, Refused, "The offer is not sold in the customer's country.", OTHER_OFFER),
    row(400, 800071, Refused, "A line of the order has a number out of range.", FAULT),
    row(403, 800073, Person, "The customer's account is under review or not approved.", CUSTOMER),
    row(403, 800074, Person, "The customer's account is under review or not approved.", CUSTOMER),
    row(403, 800075, Person, "The customer's account is under review or not approved.", CUSTOMER),
    row(400, 800086, Person, "The customer lacks the qualification this offer needs (education, government).", "Have the customer's qualification approved, or choose another target."),
    row(400, 900169, Person, "The currency is not supported.", CUSTOMER),
    row(400, 900203, Refused, "An attestation is required for this purchase.", OTHER_OFFER),
    row(400, 900206, Refused, "The attestation for this purchase is missing.", OTHER_OFFER),
    row(400, 900275, Refused, "The quantity of a line is outside the allowed range.", OTHER_QUANTITY),
    row(400, 900242, Refused, "The end date of the term fits no subscription of the customer's and no end of a month.", OTHER_OFFER),
    row(400, 900244, Refused, "Only new commerce takes an end date of the term.", OTHER_OFFER),
    row(400, 900245, Refused, "The end date of the next term lies outside its first period.", OTHER_OFFER),
    row(400, 900246, Refused, "The end date of the next term fits no subscription of the customer's and no end of a month.", OTHER_OFFER),
    // Lines of a cart: they stand inside a good answer.
    row(0, 500600, Refused, "The legacy offer can no longer be bought.", OTHER_OFFER),
    row(0, 10000, Person, "The currency is not supported in this market.", CUSTOMER),
    row(0, 10001, Conflict, "The catalogue item is not valid, or not any more.", "Nothing to do: the availabilities are read again, and another cart is made."),
    row(0, 10002, Person, "Not enough quota is left for this line.", "Settle the quota (in a sandbox: remove something), then retry."),
    row(0, 10003, Refused, "There is no stock of this item.", OTHER_OFFER),
    row(0, 10004, Person, "This partner may not name a reseller.", RESELLER),
    row(0, 10006, Person, "The line of the cart could not be handled.", SUPPORT),
    row(0, 10007, Refused, "A subscription named in the line is not valid.", LOOK),
    row(0, 10008, Refused, "The subscription is not enabled for reservations.", NOT_OURS),
    row(0, 10009, Person, "A limit of the sandbox is reached.", SANDBOX),
    row(0, 10010, Refused, "The line's input is not valid.", FAULT),
    row(0, 10011, Refused, "A subscription named in the line is not registered.", LOOK),
    row(0, 10012, Refused, "An attestation is required for this purchase.", OTHER_OFFER),
    row(0, 10013, Refused, "The item is not sold with this term and billing cycle.", "Choose another term or billing cycle for this row and plan it again."),
    row(0, 10014, Refused, "The promotion is not valid.", OTHER_OFFER),
    row(0, 10015, Refused, "More seats than one subscription may have.", OTHER_QUANTITY),
    row(0, 10016, Refused, "The item does not take an end date of one's own.", OTHER_OFFER),
    row(0, 10017, Refused, "The end date of the term is not valid.", OTHER_OFFER),
    row(0, 10018, Refused, "The base has too few seats for this.", OTHER_QUANTITY),
    row(0, 10019, Refused, "The add-on has fewer seats than it must have.", OTHER_QUANTITY),
    // Changing a subscription.
    row(404, 20003, Refused, "The customer has no such subscription.", "Right after a purchase it may not show yet; otherwise plan the row again."),
    row(400, 2001, Refused, "The quantity cannot change while the subscription is suspended.", LOOK),
    row(400, 2002, Refused, "The quantity is below the offer's minimum or above its maximum.", OTHER_QUANTITY),
    row(400, 2006, Refused, "Subscriptions of this offer cannot be changed.", LOOK),
    row(400, 2011, Refused, "The subscription is deleted and cannot be changed.", LOOK),
    row(400, 2012, Person, "Microsoft cannot match the subscription with the customer's directory.", SUPPORT),
    row(400, 2054, Refused, "The billing cycle is changed at the order, not at the subscription.", FAULT),
    row(400, 2055, Conflict, "The subscription was changed by somebody else in the meantime.", REREAD),
    row(400, 3000, Refused, "A property of the request is not valid.", FAULT),
    row(404, 3000, Person, "The partner's organisation was not found.", PARTNER),
    row(400, 6000, Refused, "The billing cycle of an inactive subscription cannot change.", LOOK),
    row(400, 6001, Refused, "The offer does not have this billing cycle or term.", OTHER_OFFER),
    row(409, 27009, Wait, "An add-on cannot be active while its base is not.", "Activate the base first; the add-on is tried again later."),
    row(400, 800012, Refused, "The subscription is not active.", LOOK),
    row(400, 800021, Refused, "The subscription is not valid.", LOOK),
    row(403, 800027, Refused, "The quantity of this item cannot be changed.", LOOK),
    row(417, 800036, Conflict, "A precondition does not hold any more.", REREAD),
    row(400, 800040, Refused, "The subscription's status cannot change this way.", LOOK),
    row(400, 800072, Wait, "The billing cycle cannot change while the subscription is being synchronised.", LATER),
    row(400, 800080, Person, "The account does not allow a change of the billing cycle.", CUSTOMER),
    row(400, 800085, Refused, "The billing cycles do not fit each other.", LOOK),
    row(403, 800077, Refused, "Seats of this product are cancelled at the subscription, not at the order.", NOT_OURS),
    row(400, 800081, Wait, "The subscription is not activated yet.", LATER),
    row(400, 800082, Wait, "The subscription is not ready yet.", LATER),
    row(400, 800090, Refused, "The quantity cannot be lowered (new commerce, outside its window).", WINDOW),
    row(400, 800091, Refused, "A suspended subscription cannot be changed.", LOOK),
    row(400, 800092, Refused, "Seats cannot be added (Software Assurance).", LOOK),
    row(400, 800093, Refused, "The subscription cannot renew itself.", LOOK),
    row(500, 800094, Retry, "The change did not succeed.", LATER),
    row(400, 800095, Refused, "The number of seats cannot be changed.", LOOK),
    row(400, 800096, Refused, "The status cannot be changed.", LOOK),
    row(400, 800097, Refused, "The billing cycle cannot be changed.", LOOK),
    row(400, 800098, Refused, "The reseller of record cannot be changed.", LOOK),
    row(400, 900117, Refused, "The days in which it could be cancelled are over.", WINDOW),
    row(400, 900213, Refused, "The hours in which it could be cancelled are over.", WINDOW),
    row(400, 900214, Refused, "The hours in which seats could be reduced are over.", WINDOW),
    row(400, 900257, Refused, "The days in which seats could be reduced are over.", WINDOW),
    row(409, 900278, Wait, "Another operation on this subscription is under way; Microsoft says to try after 24 hours.", "Nothing to do: the subscription is read and the change tried again later, up to a day."),
    row(400, 900277, Refused, "The subscription is about to expire and cannot be changed.", LOOK),
    row(400, 900279, Refused, "The subscription can no longer be changed.", LOOK),
    row(400, 900280, Wait, "The subscription cannot be changed at present.", LATER),
    row(400, 900311, Refused, "The subscription was changed too many times.", LOOK),
    row(403, 900263, Refused, "This cannot be done with legacy subscriptions.", FAULT),
    // Licenses, upgrades, migrations.
    row(400, 60012, Wait, "No license of this SKU is left in the tenant's pool.", "Where seats were just bought they may still be coming; otherwise buy more or free some, then retry."),
    row(400, 60000, Person, "Microsoft could not move the customer's licenses.", SUPPORT),
    row(400, 900258, Refused, "The target of the transition is not active.", NOT_OURS),
    row(400, 900259, Refused, "Source and target of the transition are the same.", NOT_OURS),
    row(400, 900260, Refused, "The target of the transition ends too early.", NOT_OURS),
    row(400, 900261, Refused, "The target of the transition is of another catalogue item.", NOT_OURS),
    row(400, 900236, Wait, "The transition is not ready.", LATER),
    row(400, 900267, Refused, "The term or billing of the transition is not valid.", NOT_OURS),
    row(400, 900268, Refused, "The term or billing of the transition is not valid.", NOT_OURS),
    row(400, 900269, Refused, "The term or billing of the transition is not valid.", NOT_OURS),
    row(400, 900270, Refused, "The term or billing of the transition is not valid.", NOT_OURS),
    row(400, 900262, Refused, "An add-on named for the migration is missing or inactive.", NOT_OURS),
    row(400, 900291, Refused, "The custom end date is not valid.", NOT_OURS),
    row(400, 900292, Refused, "The custom end date is not valid for this term.", NOT_OURS),
    row(500, 900192, Retry, "A fault that is not described; Microsoft says to try later.", LATER),
];
