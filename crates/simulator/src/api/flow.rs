//! The way of a call: route, token, budget, customer, fault, rules, answer. Nothing here awaits.

use http::request::Parts;
use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::operation::{Call, Operation, Route, route};
use super::paging::{Query, TOKEN_HEADER};
use super::pipeline::Outcome;
use super::reply::Reply;
use super::{carts, change, customers, licenses, offers, orders, products, subscriptions, users, wire};
use crate::books::Actor;
use crate::faults::{self, Try};
use crate::lock;
use crate::state::tokens::Access;
use crate::state::{Customer, Problem, Scene, Shared, clockwork};
use crate::world::Fault;

/// A call whose caller is known and within the budget.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) call: Call<'a>,
    pub(crate) query: Query<'a>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) access: Access,
    pub(crate) at: Timestamp,
}

/// Answers a call to `/v1/...`.
pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Outcome {
    let path = parts.uri.path();
    let refuse = |problem: Problem| Outcome::from(Reply::problem(shared, &problem));
    let call = match route(&parts.method, path.strip_prefix("/v1").unwrap_or(path)) {
        Route::Call(call) => call,
        Route::WrongMethod => return refuse(Problem::new(405, 900_127, "The method is not supported here.")),
        Route::NotHere => return refuse(Problem::new(400, 900_127, "The operation is not supported.")),
        Route::Unknown => return refuse(Problem::new(404, 1000, "The resource was not found.")),
    };
    *lock(&shared.calls).entry(call.operation.name()).or_default() += 1;
    let at = shared.clock.now();
    let access = match authorize(shared, &parts.headers, at) {
        Ok(access) => access,
        Err(problem) => return refuse(problem),
    };
    let query = Query(parts.uri.query().unwrap_or_default());
    let flow = Flow { shared, call, query, headers: &parts.headers, body, access, at };
    flow.admitted().unwrap_or_else(refuse)
}

fn authorize(shared: &Shared, headers: &HeaderMap, at: Timestamp) -> Result<Access, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.split_once(' '));
    let token =
        token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer")).map(|(_, token)| token.trim());
    let token = token.ok_or_else(|| Problem::new(401, 800_001, "The partner token is missing."))?;
    lock(&shared.tokens).access(token, at).ok_or_else(|| Problem::new(401, 400, "Access denied."))
}

impl<'a> Flow<'a> {
    fn admitted(&self) -> Result<Outcome, Problem> {
        let operation = self.call.operation;
        let id = match self.call.customer {
            None => None,
            Some(text) => Some(
                Uuid::parse_str(text)
                    .map_err(|_| Problem::new(400, 900_118, "The customer id is invalid."))?,
            ),
        };
        if let Err(retry_after) = self.shared.budgets.take(operation.family(), id, self.at) {
            return Ok(Reply::throttled(retry_after).into());
        }
        if operation.needs_user() && self.access.app_only {
            let text = "The resource does not support application-only authentication.";
            return Err(Problem::new(403, 900_329, text));
        }
        let Some(id) = id else { return Ok(self.of_partner()) };
        let Some(customer) = self.shared.customers.get(&id) else {
            let code = if operation.needs_user() { 60_003 } else { 1000 };
            return Err(Problem::new(404, code, "The customer was not found."));
        };
        let mut customer = lock(customer);
        clockwork::settle(self.shared, &mut customer, self.at);
        if operation.changes() {
            return change::change(self, &mut customer);
        }
        Ok(self.of_customer(&mut customer))
    }

    fn of_partner(&self) -> Outcome {
        let resource = self.resource();
        let n = lock(&self.shared.partner_tries).next(self.call.operation, &resource);
        self.read(&self.attempt(None, &resource, n), || self.partner_answer())
    }

    fn partner_answer(&self) -> Result<Reply, Problem> {
        let Self { shared, call, query, headers, .. } = self;
        match call.operation {
            Operation::ListCustomers => customers::list(shared, query, headers),
            Operation::ListOffers => offers::list(shared, query, headers),
            Operation::GetOffer => offers::one(shared, call, query, headers),
            Operation::ListOfferAddOns => offers::add_ons(shared, call, query, headers),
            Operation::ListOfferCategories => offers::categories(query, headers),
            operation if operation.is_of_products() => products::answer(shared, None, call, query),
            other => Err(Problem::new(400, 900_127, format!("{} needs a customer.", other.name()))),
        }
    }

    fn of_customer(&self, customer: &mut Customer) -> Outcome {
        let resource = self.resource();
        let n = customer.tries.next(self.call.operation, &resource);
        let attempt = self.attempt(Some(customer.id), &resource, n);
        self.read(&attempt, || {
            permitted(customer, self.call.operation)?;
            self.customer_answer(customer)
        })
    }

    fn customer_answer(&self, customer: &Customer) -> Result<Reply, Problem> {
        let Self { shared, call, query, headers, .. } = self;
        match call.operation {
            Operation::GetCustomer => Ok(Reply::json(200, &wire::customer(customer))),
            Operation::GetQualifications => Ok(Reply::json(200, &wire::qualifications(customer))),
            Operation::GetAgreementStatus => Ok(Reply::json(200, &wire::is_signed(customer))),
            Operation::ListAgreements => Ok(Reply::json(200, &wire::agreements(&shared.world, customer))),
            Operation::ListSubscriptions => Ok(subscriptions::list(shared, customer, query)),
            Operation::GetSubscription => subscriptions::one(shared, customer, call),
            Operation::ListAddOns => subscriptions::add_ons(shared, customer, call),
            Operation::GetProvisioningStatus => subscriptions::provisioning_status(shared, customer, call),
            Operation::ListCustomerOffers => Ok(offers::of_customer(shared, customer)),
            Operation::ListOrders => Ok(orders::list(shared, customer)),
            Operation::GetOrder => orders::one(shared, customer, call),
            Operation::ListSkus => Ok(users::skus(shared, customer, query)),
            Operation::ListUsers => users::list(shared, customer, query, headers),
            Operation::GetUser => users::one(customer, call),
            Operation::ListUserLicenses => licenses::list(shared, customer, call, query),
            Operation::GetCart => carts::one(shared, customer, call),
            operation if operation.is_of_products() => products::answer(shared, Some(customer), call, query),
            other => Err(Problem::new(400, 900_127, format!("{} is not a reading call.", other.name()))),
        }
    }

    /// What tries of this call are counted under: the item in the path, else the page.
    fn resource(&self) -> String {
        if !self.call.item.is_empty() {
            // An availability has another id every day: it does not count.
            let [sku, _] = self.call.within;
            let joint = if sku.is_empty() { "" } else { ":" };
            return format!("{}{joint}{sku}", self.call.item).to_ascii_lowercase();
        }
        let page = self.headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
        page.unwrap_or_default().to_owned()
    }

    pub(crate) fn attempt<'r>(&self, customer: Option<Uuid>, resource: &'r str, n: u32) -> Try<'r> {
        Try { seed: self.shared.world.seed, customer, operation: self.call.operation, resource, n }
    }

    /// The fault of this try: one put in by hand, else the refusal for good that it meets, else a drawn one.
    pub(crate) fn fault(&self, attempt: &Try<'_>, refusal: Option<Fault>) -> Option<Fault> {
        let by_hand = faults::find(&lock(&self.shared.injections), attempt);
        by_hand.or(refusal).or_else(|| faults::draw(self.shared.world.faults.level, attempt))
    }

    /// The scene in which this call's application acts.
    pub(crate) fn scene(&self) -> Scene<'a> {
        let id = self.headers.get("MS-RequestId").and_then(|id| id.to_str().ok());
        Scene {
            shared: self.shared,
            at: self.at,
            actor: Actor::Application { client_id: self.access.client_id },
            request_id: id.and_then(|id| Uuid::parse_str(id.trim()).ok()),
        }
    }

    fn read(&self, attempt: &Try<'_>, answer: impl FnOnce() -> Result<Reply, Problem>) -> Outcome {
        let fault = self.fault(attempt, None);
        if let Some(outcome) = fault.as_ref().and_then(|fault| self.disturbed(attempt, fault)) {
            return outcome;
        }
        let mut outcome = Outcome::from(Reply::of(self.shared, answer()));
        match fault {
            Some(Fault::Slow { seconds }) => {
                faults::log(&self.scene(), attempt, &Fault::Slow { seconds }, false);
                outcome.delay = SignedDuration::from_secs(i64::from(seconds));
            }
            // Nothing changes, so there is one way only to lose the answer of a reading call.
            Some(lost @ (Fault::LostAfter | Fault::LostLate { .. })) => {
                faults::log(&self.scene(), attempt, &lost, false);
                outcome.lost = true;
            }
            _ => {}
        }
        outcome
    }

    /// The outcome of a fault that comes before anything is done; none for the other faults. Writes it to the books.
    pub(crate) fn disturbed(&self, attempt: &Try<'_>, fault: &Fault) -> Option<Outcome> {
        let refuse = |problem: Problem| Outcome::from(Reply::problem(self.shared, &problem));
        let outcome = match fault {
            Fault::ServerError { status } => {
                refuse(Problem::new(*status, 800_003, "An unexpected service error occurred."))
            }
            Fault::GatewayPage { status } => Reply::gateway_page(*status).into(),
            Fault::Throttled { retry_after } => Reply::throttled(*retry_after).into(),
            Fault::LostBefore => Outcome::lost(),
            Fault::Refused { status, code, description } => {
                refuse(Problem::new(*status, *code, description.clone()))
            }
            Fault::StaleEtag if attempt.operation == Operation::ChangeSubscription => {
                let status = if self.shared.world.readings.stale_etag_is_412 { 412 } else { 400 };
                refuse(Problem::new(status, 2055, "The ETag is no longer valid."))
            }
            _ => return None,
        };
        faults::log(&self.scene(), attempt, fault, false);
        Some(outcome)
    }
}

/// Whether the partner may do this at this customer: commerce needs the relationship, the directory needs rights.
pub(crate) fn permitted(customer: &Customer, operation: Operation) -> Result<(), Problem> {
    if operation.needs_user() {
        let enough = match customer.rights.as_str() {
            "none" => false,
            "read" => operation != Operation::UpdateLicenses,
            _ => true,
        };
        if !enough {
            return Err(Problem::new(403, 900_308, "Insufficient privileges to complete the operation."));
        }
    } else if customer.relationship != "reseller" {
        let text = format!("The partner has no commerce relationship with the customer {}.", customer.id);
        return Err(Problem::new(403, 20_002, text));
    }
    Ok(())
}
