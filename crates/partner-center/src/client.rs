//! The calls that change something. Those of new commerce (carts, checkout), add-ons: `buying`.

use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use uuid::Uuid;

use crate::call::{Request, Trace};
use crate::config::Config;
use crate::error::{CallError, Problem, Remedy};
use crate::gate::{Family, Gate, Permit, Purpose};
use crate::model::{
    Changed, LicenseUpdate, LicenseWarning, Malformed, NewOrder, Order, Status, Subscription,
    SubscriptionChange, User,
};
use crate::observer::Observer;
use crate::operation::{self, Operation};
use crate::reader::Reader;
use crate::timer::Timer;
use crate::token_store::RefreshTokens;
use crate::transport::Transport;
use crate::wire;

/// The client that can change things. Everything a [`Reader`] can, it can too.
///
/// A changing call
///
/// - takes a [`Permit`] and uses it up: nothing is changed without the gate's leave (invariant I8);
/// - carries the request id of its intent: while no answer has come every repetition carries the same, after any
///   answer a further attempt is a new intent with a new id;
/// - is made **once**. [`Remedy::UnknownOutcome`] means that it may have been carried out, now or later. Every other
///   error means that it was not;
/// - with [`Remedy::Wait`] from 409 / 800060 ("an order is under way"), 409 / 800064 ("the cart is being handled") or
///   409 / 900278 ("an operation is under way"): this call was not carried out, but **another one is being**, and it may be an earlier one of ours whose answer
///   was lost. Read orders and subscriptions before trying again; never take it for "nothing was bought".
#[derive(Clone, Debug)]
pub struct Client {
    reader: Reader,
}

impl Client {
    /// A client of its own. Build one in a process and clone it: two of them would renew tokens without knowing of
    /// each other.
    pub fn new(
        config: Config,
        transport: Arc<dyn Transport>,
        tokens: Arc<dyn RefreshTokens>,
        gate: Arc<dyn Gate>,
        timer: Arc<dyn Timer>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        Self { reader: Reader::new(config, transport, tokens, gate, timer, observer) }
    }

    /// The same client, whose calls all carry this `MS-CorrelationId`. Without one each call gets its own.
    #[must_use]
    pub fn correlated(&self, correlation_id: Uuid) -> Self {
        Self { reader: self.reader.correlated(correlation_id) }
    }

    /// The same client, whose reads are made for this purpose. What a change is made for, its permit says.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        Self { reader: self.reader.for_purpose(purpose) }
    }

    /// The read-only half.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Waits until a changing call of this family may be made for this customer: for quota, and for `resume` while
    /// paused. Dropping the future withdraws the question. Ask right before the call.
    ///
    /// From `until` on nothing is sent under it any more ([`Problem::TooLate`]), however long a token has been waited for:
    /// the end of a lease, less the time that the call itself may take.
    pub async fn permit(&self, family: Family, customer: Uuid, purpose: Purpose, until: Timestamp) -> Permit {
        self.reader.engine.permit(family, customer, purpose, until).await
    }

    /// Places an order of one line. Needs a permit of [`Family::Orders`].
    ///
    /// The order may come back without a subscription, which is then still being provisioned. An unknown outcome here
    /// is the dangerous one: it is closed by reading orders *and* subscriptions after the settle horizon.
    pub async fn place_order(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        order: &NewOrder,
    ) -> Result<Order, CallError> {
        let target = format!("/v1/customers/{customer}/orders");
        let body = wire::request::order(customer, order);
        let call =
            Call { operation: &operation::PLACE_ORDER, request_id, customer, target: &target, etag: None };
        self.change(permit, call, body, |answer| wire::one(answer.body())).await
    }

    /// Suspends or activates a subscription. Needs a permit of [`Family::Subscriptions`].
    ///
    /// `current` must have been read just before: all of it goes back, with its etag, so that a change somebody else
    /// made meanwhile ends in [`Remedy::Conflict`] and not in their change being overwritten.
    pub async fn change_subscription(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        current: &Subscription,
        change: SubscriptionChange,
    ) -> Result<Changed, CallError> {
        let operation = &operation::CHANGE_SUBSCRIPTION;
        self.set_status(permit, operation, request_id, (customer, current), &change.status()).await
    }

    /// Cancels a subscription of new commerce: its status becomes `deleted`. Needs a permit of [`Family::Subscriptions`].
    ///
    /// **It cannot be taken back**, and Microsoft allows it only for some days after the purchase or renewal
    /// ([`Subscription::can_be_cancelled`]); afterwards it is 400 / 900117 or 900213. Legacy subscriptions are suspended
    /// instead ([`Client::change_subscription`]).
    ///
    /// `current` must have been read just before: all of it goes back, with its etag where it has one (those of new commerce
    /// often have none, and then nothing guards against somebody else's change).
    pub async fn cancel_subscription(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        current: &Subscription,
    ) -> Result<Changed, CallError> {
        let operation = &operation::CANCEL_SUBSCRIPTION;
        self.set_status(permit, operation, request_id, (customer, current), &Status::Deleted).await
    }

    async fn set_status(
        &self,
        permit: Permit,
        operation: &'static Operation,
        request_id: Uuid,
        (customer, current): (Uuid, &Subscription),
        status: &Status,
    ) -> Result<Changed, CallError> {
        let target = format!("/v1/customers/{customer}/subscriptions/{}", current.id);
        let body = wire::request::changed(current, status);
        let call = Call { operation, request_id, customer, target: &target, etag: current.etag.as_deref() };
        self.change(permit, call, body, |answer| match answer.status() {
            StatusCode::ACCEPTED => Ok(Changed::Accepted),
            _ => wire::one(answer.body()).map(Changed::Now),
        })
        .await
    }

    /// Gives and takes licenses of one user in one request. Needs a permit of [`Family::Licenses`].
    ///
    /// Whether Microsoft does both halves or none is unverified: after any failure that is not definite, and as a
    /// proof of success, read the user's licenses.
    pub async fn update_licenses(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        user: Uuid,
        update: &LicenseUpdate,
    ) -> Result<Vec<LicenseWarning>, CallError> {
        let target = format!("/v1/customers/{customer}/users/{user}/licenseupdates");
        let body = wire::request::licenses(update);
        let call = Call {
            operation: &operation::UPDATE_LICENSES,
            request_id,
            customer,
            target: &target,
            etag: None,
        };
        self.change(permit, call, body, |answer| wire::warnings(answer.body())).await
    }

    /// Sets the country in which a user uses what is assigned to them: two letters. Needs a permit of [`Family::Users`].
    ///
    /// Without it no license can be assigned directly. Where accounts are mastered on-premises Microsoft may refuse it, or
    /// the next synchronisation may undo it. Anything but two letters is not sent ([`Problem::Request`]).
    pub async fn set_usage_location(
        &self,
        permit: Permit,
        request_id: Uuid,
        customer: Uuid,
        user: Uuid,
        country: &str,
    ) -> Result<User, CallError> {
        let target = format!("/v1/customers/{customer}/users/{user}");
        let country = country.trim().to_ascii_uppercase();
        let two_letters = country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_uppercase());
        let body = if two_letters {
            wire::request::usage_location(&country)
        } else {
            Err(serde::ser::Error::custom("no country"))
        };
        let operation = &operation::SET_USAGE_LOCATION;
        let call = Call { operation, request_id, customer, target: &target, etag: None };
        self.change(permit, call, body, |answer| wire::one(answer.body())).await
    }

    pub(crate) async fn change<T>(
        &self,
        permit: Permit,
        call: Call<'_>,
        body: serde_json::Result<Bytes>,
        parse: impl FnOnce(&Response<Bytes>) -> Result<T, Malformed>,
    ) -> Result<T, CallError> {
        let engine = &self.reader.engine;
        let correlation_id = self.reader.correlation_id.unwrap_or_else(|| (engine.config.ids)());
        let trace =
            Trace { correlation_id, request_id: call.request_id, purpose: permit.ask.purpose, attempt: 1 };
        let Ok(body) = body else {
            return Err(crate::judge::error(call.operation, trace, Remedy::Person, Problem::Request));
        };
        let request = Request {
            operation: call.operation,
            customer: Some(call.customer),
            target: call.target,
            continuation: None,
            etag: call.etag,
            body: Some(body),
        };
        engine.change(permit, &request, trace, parse).await
    }
}

/// A changing call before its body.
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) request_id: Uuid,
    pub(crate) customer: Uuid,
    pub(crate) target: &'a str,
    pub(crate) etag: Option<&'a str>,
}

impl Deref for Client {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}
