//! The purchases of new commerce, in two calls, and of legacy add-ons.
//!
//! Making a cart buys nothing; its checkout does. So a lost answer to the first is harmless (another cart is made, the
//! first one expires), and a lost answer to the second is as dangerous as that of an order.

use bytes::Bytes;
use uuid::Uuid;

use crate::client::{Call, Client};
use crate::error::CallError;
use crate::gate::Permit;
use crate::ids::{CartId, OrderId};
use crate::model::{Cart, CheckedOut, MadeCart, NewAddOn, NewCartLine, Order};
use crate::operation;
use crate::reader::segment;
use crate::wire;

impl Client {
    /// Makes a cart. Needs a permit of [`crate::Family::Orders`]. It buys nothing.
    ///
    /// Microsoft answers 201 also where lines are faulty: only [`MadeCart::Ready`] may be checked out. An unknown outcome
    /// leaves at most a cart behind that nobody checks out.
    pub async fn create_cart(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        lines: &[NewCartLine],
    ) -> Result<MadeCart, CallError> {
        let target = format!("/v1/customers/{customer}/carts");
        let body = wire::request::cart(lines);
        let call =
            Call { operation: &operation::CREATE_CART, request_id, customer, target: &target, etag: None };
        self.change(permit, call, body, |answer| {
            let cart: Cart = wire::one(answer.body())?;
            Ok(if cart.holds(lines) { MadeCart::Ready(cart) } else { MadeCart::Faulty(cart) })
        })
        .await
    }

    /// Checks a cart out: buys what is in it. Needs a permit of [`crate::Family::Orders`].
    ///
    /// Part of a cart can be bought and part refused, all under a good status: see [`CheckedOut`]. Lines may lack their
    /// subscription, which is then still being provisioned.
    ///
    /// An unknown outcome here is the dangerous one. Microsoft's page (2022) says that a cart buys once however often it is
    /// checked out; its codes also know "submitted already" (400 / 800065), and neither is proved. So: close it by
    /// reading the cart ([`crate::Reader::cart`]), orders *and* subscriptions after the settle horizon, **never by another
    /// cart** before that.
    pub async fn checkout(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        cart: &CartId,
    ) -> Result<CheckedOut, CallError> {
        let target = format!("/v1/customers/{customer}/carts/{}/checkout", segment(cart.as_str()));
        let call =
            Call { operation: &operation::CHECKOUT, request_id, customer, target: &target, etag: None };
        self.change(permit, call, Ok(Bytes::new()), |answer| wire::one(answer.body())).await
    }

    /// Buys an add-on under a base subscription of legacy commerce, by a change of the order the base came with. Needs a
    /// permit of [`crate::Family::Orders`].
    ///
    /// The answer holds **all** lines of that order, the base's and earlier add-ons' among them: the new one is known by its
    /// offer and friendly name. An unknown outcome is as dangerous as that of an order, and closed the same way.
    pub async fn buy_add_on(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        order: &OrderId,
        add_on: &NewAddOn,
    ) -> Result<Order, CallError> {
        let target = format!("/v1/customers/{customer}/orders/{}", segment(order.as_str()));
        let body = wire::request::add_on(customer, add_on);
        let call =
            Call { operation: &operation::BUY_ADD_ON, request_id, customer, target: &target, etag: None };
        self.change(permit, call, body, |answer| wire::one(answer.body())).await
    }
}
