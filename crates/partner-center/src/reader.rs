//! Everything that can be read, and nothing that can be changed. New commerce's catalogue and carts: `catalogue`.

use std::sync::Arc;

use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use crate::call::{Engine, Request, Trace};
use crate::config::Config;
use crate::error::{CallError, Problem, Remedy};
use crate::gate::{Gate, Purpose};
use crate::ids::{Continuation, OfferId, OrderId};
use crate::judge;
use crate::model::{
    Agreement, AgreementStatus, Customer, CustomerSummary, Listing, Malformed, Offer, Order, Page,
    ProvisioningStatus, Qualification, SubscribedSku, Subscription, User, UserLicense,
};
use crate::observer::Observer;
use crate::operation::{self, Operation};
use crate::relay::Relay;
use crate::timer::Timer;
use crate::token_store::RefreshTokens;
use crate::transport::Transport;
use crate::wire::{self, Read, list};

/// The read-only client: planning, `verify` and preflight use it. It has no changing calls and no way to get them.
///
/// Cheap to clone; clones share connections, tokens and quota. Each call waits for the gate, is repeated in place
/// while its failure passes by itself (3 tries, 10 s of waiting; [`Config::patience`] for [`Purpose::Plan`]), and then
/// ends with what Microsoft said.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(crate) engine: Arc<Engine>,
    pub(crate) correlation_id: Option<Uuid>,
    purpose: Purpose,
}

/// A list that goes on for more pages than this goes in a circle.
const MOST_PAGES: usize = 10_000;

impl Reader {
    /// A reader of its own. Build one in a process and clone it: two of them would renew tokens without knowing of
    /// each other.
    pub fn new(
        config: Config,
        transport: Arc<dyn Transport>,
        tokens: Arc<dyn RefreshTokens>,
        gate: Arc<dyn Gate>,
        timer: Arc<dyn Timer>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let engine = Arc::new(Engine::new(config, transport, &tokens, gate, timer, observer));
        Self { engine, correlation_id: None, purpose: Purpose::Read }
    }

    /// A reader without a login, which hands on what is to be read. It judges the answers and repeats reads as any other.
    /// Of `config` it needs page sizes, patience, ids and jitter.
    pub fn relayed(
        config: Config,
        relay: Arc<dyn Relay>,
        gate: Arc<dyn Gate>,
        timer: Arc<dyn Timer>,
    ) -> Self {
        let engine = Arc::new(Engine::relayed(config, relay, gate, timer));
        Self { engine, correlation_id: None, purpose: Purpose::Read }
    }

    /// The same reader, whose calls all carry this `MS-CorrelationId`. Without one each call gets its own.
    #[must_use]
    pub fn correlated(&self, correlation_id: Uuid) -> Self {
        Self { correlation_id: Some(correlation_id), ..self.clone() }
    }

    /// The same reader, whose calls are made for this purpose: [`Purpose::Plan`] yields to all others,
    /// [`Purpose::Compensation`] goes first.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// Gets a token of each kind. Asked before long work: a login that is not good says nothing about any customer, and must
    /// not be told customer by customer.
    pub async fn sign_in(&self) -> Result<(), CallError> {
        self.engine.sign_in(self.purpose).await
    }

    /// One page of the partner's customers; `after` is the page before's `next`.
    pub async fn customers(&self, after: Option<Continuation>) -> Result<Page<CustomerSummary>, CallError> {
        let first = format!("/v1/customers?size={}", self.engine.config.customers_per_page);
        self.page(&operation::CUSTOMERS, None, first, after).await
    }

    /// One customer.
    pub async fn customer(&self, customer: Uuid) -> Result<Customer, CallError> {
        self.one(&operation::CUSTOMER, customer, format!("/v1/customers/{customer}")).await
    }

    /// A customer's qualifications; none = commercial.
    pub async fn qualifications(&self, customer: Uuid) -> Result<Listing<Qualification>, CallError> {
        let target = format!("/v1/customers/{customer}/qualifications");
        self.whole(&operation::QUALIFICATIONS, Some(customer), target).await
    }

    /// Whether the customer has signed the Microsoft Customer Agreement itself.
    pub async fn agreement_signed(&self, customer: Uuid) -> Result<AgreementStatus, CallError> {
        let target = format!("/v1/customers/{customer}/directSignedMicrosoftCustomerAgreementStatus");
        self.one(&operation::AGREEMENT_SIGNED, customer, target).await
    }

    /// The Microsoft Customer Agreements that the partner has confirmed on the customer's behalf. Together with
    /// [`Reader::agreement_signed`]: none of either means that a purchase ends with 403 / 13605.
    pub async fn agreements(&self, customer: Uuid) -> Result<Listing<Agreement>, CallError> {
        let target = format!("/v1/customers/{customer}/agreements?agreementType=MicrosoftCustomerAgreement");
        self.whole(&operation::AGREEMENTS, Some(customer), target).await
    }

    /// All of a customer's subscriptions, whatever their state, deleted ones included.
    pub async fn subscriptions(&self, customer: Uuid) -> Result<Listing<Subscription>, CallError> {
        let target = format!("/v1/customers/{customer}/subscriptions");
        self.whole(&operation::SUBSCRIPTIONS, Some(customer), target).await
    }

    /// The subscriptions that came of one order.
    pub async fn subscriptions_of_order(
        &self,
        customer: Uuid,
        order: &OrderId,
    ) -> Result<Listing<Subscription>, CallError> {
        let target = format!("/v1/customers/{customer}/subscriptions?order_id={}", query(order.as_str()));
        self.whole(&operation::SUBSCRIPTIONS_OF_ORDER, Some(customer), target).await
    }

    /// One subscription, with the etag a change needs.
    pub async fn subscription(&self, customer: Uuid, id: Uuid) -> Result<Subscription, CallError> {
        let target = format!("/v1/customers/{customer}/subscriptions/{id}");
        self.one(&operation::SUBSCRIPTION, customer, target).await
    }

    /// The add-ons of a subscription, whatever their state.
    pub async fn add_ons(&self, customer: Uuid, id: Uuid) -> Result<Listing<Subscription>, CallError> {
        let target = format!("/v1/customers/{customer}/subscriptions/{id}/addons");
        self.whole(&operation::ADD_ONS, Some(customer), target).await
    }

    /// How far a subscription's units have come, and into which pool. Refreshed by Microsoft every 15 minutes.
    pub async fn provisioning_status(
        &self,
        customer: Uuid,
        id: Uuid,
    ) -> Result<ProvisioningStatus, CallError> {
        let target = format!("/v1/customers/{customer}/subscriptions/{id}/provisioningstatus");
        self.one(&operation::PROVISIONING_STATUS, customer, target).await
    }

    /// The price list of a country (two letters).
    pub async fn offers(&self, country: &str) -> Result<Listing<Offer>, CallError> {
        self.whole(&operation::OFFERS, None, format!("/v1/offers?country={}", query(country))).await
    }

    /// One offer in a country.
    pub async fn offer(&self, id: &OfferId, country: &str) -> Result<Offer, CallError> {
        let target = format!("/v1/offers/{}?country={}", segment(id.as_str()), query(country));
        self.single(&operation::OFFER, None, target).await
    }

    /// A customer's orders. A new one needs up to 15 minutes to show.
    pub async fn orders(&self, customer: Uuid) -> Result<Listing<Order>, CallError> {
        self.whole(&operation::ORDERS, Some(customer), format!("/v1/customers/{customer}/orders")).await
    }

    /// One order.
    pub async fn order(&self, customer: Uuid, id: &OrderId) -> Result<Order, CallError> {
        let target = format!("/v1/customers/{customer}/orders/{}", segment(id.as_str()));
        self.one(&operation::ORDER, customer, target).await
    }

    /// The pools of a customer's tenant.
    pub async fn subscribed_skus(&self, customer: Uuid) -> Result<Listing<SubscribedSku>, CallError> {
        let target = format!("/v1/customers/{customer}/subscribedskus");
        self.whole(&operation::SUBSCRIBED_SKUS, Some(customer), target).await
    }

    /// One page of a customer's active users; `after` is the page before's `next`.
    pub async fn users(&self, customer: Uuid, after: Option<Continuation>) -> Result<Page<User>, CallError> {
        let first = format!("/v1/customers/{customer}/users?size={}", self.engine.config.users_per_page);
        self.page(&operation::USERS, Some(customer), first, after).await
    }

    /// The licenses of one user.
    pub async fn user_licenses(&self, customer: Uuid, user: Uuid) -> Result<Listing<UserLicense>, CallError> {
        let target = format!("/v1/customers/{customer}/users/{user}/licenses");
        self.whole(&operation::USER_LICENSES, Some(customer), target).await
    }

    /// The error of a decision that needs a whole list and did not get one.
    pub(crate) fn incomplete(&self, operation: &'static Operation, problem: Malformed) -> CallError {
        let ids = &self.engine.config.ids;
        let correlation_id = self.correlation_id.unwrap_or_else(|| ids());
        let trace = Trace { correlation_id, request_id: ids(), purpose: self.purpose, attempt: 1 };
        judge::error(operation, trace, Remedy::Person, Problem::Unreadable(problem))
    }

    async fn one<T: Read>(
        &self,
        operation: &'static Operation,
        customer: Uuid,
        target: String,
    ) -> Result<T, CallError> {
        self.single(operation, Some(customer), target).await
    }

    pub(crate) async fn single<T: Read>(
        &self,
        operation: &'static Operation,
        customer: Option<Uuid>,
        target: String,
    ) -> Result<T, CallError> {
        self.read(operation, customer, &target, None, wire::one).await
    }

    async fn page<T: Read>(
        &self,
        operation: &'static Operation,
        customer: Option<Uuid>,
        first: String,
        after: Option<Continuation>,
    ) -> Result<Page<T>, CallError> {
        let Continuation { target, token } = after.unwrap_or(Continuation { target: first, token: None });
        let path = target.split('?').next().unwrap_or(&target);
        self.read(operation, customer, &target, token.as_deref(), |body| {
            let page = list::page::<T>(body, path)?;
            match &page.next {
                Some(next) if next.target == target && next.token == token => Err(Malformed::NextPage),
                _ => Ok(page),
            }
        })
        .await
    }

    /// A whole list. The documents show these in one piece; should Microsoft begin to page them, they are followed.
    pub(crate) async fn whole<T: Read>(
        &self,
        operation: &'static Operation,
        customer: Option<Uuid>,
        target: String,
    ) -> Result<Listing<T>, CallError> {
        let mut page = self.page(operation, customer, target, None).await?;
        let mut listing = Listing { items: std::mem::take(&mut page.items), unreadable: page.unreadable };
        let mut next = page.next;
        for _ in 0..MOST_PAGES {
            let Some(after) = next else { return Ok(listing) };
            let page = self.page(operation, customer, String::new(), Some(after)).await?;
            let before = listing.items.len() + listing.unreadable.len();
            listing.items.extend(page.items);
            listing.unreadable.extend(page.unreadable.into_iter().map(|mut entry| {
                entry.index += before;
                entry
            }));
            next = page.next;
        }
        Err(self.incomplete(operation, Malformed::NextPage))
    }

    async fn read<T>(
        &self,
        operation: &'static Operation,
        customer: Option<Uuid>,
        target: &str,
        continuation: Option<&str>,
        parse: impl Fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, CallError> {
        let request = Request { operation, customer, target, continuation, etag: None, body: None };
        self.engine.read(&request, self.correlation_id, self.purpose, parse).await
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    // In a path a plus sign is itself, and a blank cannot be written as one.
    query(text).replace('+', "%20").replace("%3A", ":")
}

/// A text as a value of a query.
pub(crate) fn query(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}
