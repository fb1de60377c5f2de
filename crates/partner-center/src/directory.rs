//! Reading a customer's directory (Microsoft Graph): who holds a SKU, and from whom the license comes.
//!
//! Partner Center cannot say whether a license comes from a group, and needs a call for each user to say who holds a SKU.
//! The directory says both in one list. It needs more rights than the rest: the application must be consented to in the
//! customer's tenant (`Directory.Read.All` or less), and the person must have a role there. **A refusal is about one
//! customer**, also where it comes as [`Problem::Login`]: whoever asks falls back to Partner Center and says so.
//!
//! It is a type of its own, with reads only, an address of its own ([`Config::directory`]: whoever points `api` at a simulator
//! must point this there too) and tokens of its own. It must never send a token of the directory anywhere else, nor one of Partner Center here. Microsoft's pages of Graph are the
//! source; nothing of it was ever seen live.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use url::Url;
use url::form_urlencoded::byte_serialize;
use uuid::Uuid;

use crate::call::Trace;
use crate::config::Config;
use crate::error::{CallError, Problem, Remedy};
use crate::gate::{Answer, Ask, Gate, Purpose};
use crate::ids::Continuation;
use crate::judge;
use crate::model::{Holder, Listing, Malformed, Page};
use crate::observer::{CallRecord, Observer};
use crate::operation::HOLDERS;
use crate::retry;
use crate::timer::{Timer, between};
use crate::token::Means;
use crate::token_store::RefreshTokens;
use crate::transport::Transport;
use crate::wire::list;

mod tokens;
use tokens::{TenantToken, TenantTokens};

/// The reader of customers' directories. Cheap to clone; clones share tokens and quota.
#[derive(Clone, Debug)]
pub struct Directory {
    shared: Arc<Shared>,
    purpose: Purpose,
}

#[derive(Debug)]
struct Shared {
    means: Means,
    gate: Arc<dyn Gate>,
    tokens: TenantTokens,
}

/// A list that goes on for more pages than this goes in a circle.
const MOST_PAGES: usize = 10_000;
/// The most users that the directory puts on one page.
const MOST_USERS: u16 = 999;

impl Directory {
    /// A reader of its own. `refresh_tokens` are those of the [`crate::Client`]: read, never replaced.
    pub fn new(
        config: Config,
        transport: Arc<dyn Transport>,
        refresh_tokens: Arc<dyn RefreshTokens>,
        gate: Arc<dyn Gate>,
        timer: Arc<dyn Timer>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let means = Means { config: Arc::new(config), transport, timer, observer };
        let tokens = TenantTokens::new(means.clone(), refresh_tokens);
        Self { shared: Arc::new(Shared { means, gate, tokens }), purpose: Purpose::Read }
    }

    /// The same reader, whose calls are made for this purpose.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// All users of a customer's tenant who hold a SKU, directly or through a group.
    ///
    /// The directory is a copy that lags behind by seconds to minutes: good for planning, not as a proof that a license was
    /// taken.
    pub async fn holders(&self, customer: Uuid, sku: Uuid) -> Result<Listing<Holder>, CallError> {
        let mut listing = Listing { items: Vec::new(), unreadable: Vec::new() };
        let mut after = None;
        for _ in 0..MOST_PAGES {
            let page = self.holders_page(customer, sku, after).await?;
            let before = listing.items.len() + listing.unreadable.len();
            listing.items.extend(page.items);
            listing.unreadable.extend(page.unreadable.into_iter().map(|mut entry| {
                entry.index += before;
                entry
            }));
            after = page.next;
            if after.is_none() {
                return Ok(listing);
            }
        }
        let problem = Problem::Unreadable(Malformed::NextPage);
        Err(judge::error(&HOLDERS, self.trace(1), Remedy::Person, problem))
    }

    /// One page of them; `after` is the page before's `next`.
    pub async fn holders_page(
        &self,
        customer: Uuid,
        sku: Uuid,
        after: Option<Continuation>,
    ) -> Result<Page<Holder>, CallError> {
        let config = &self.shared.means.config;
        let target = after.map_or_else(|| first(sku, config.users_per_page), |after| after.target);
        let target = target.as_str();
        let limits = if self.purpose == Purpose::Plan { config.patience } else { config.retry };
        let remedy = |error: &CallError| error.remedy;
        let correlation_id = (config.ids)();
        retry::in_place(&self.shared.means.timer, &config.jitter, limits, remedy, |attempt| async move {
            let trace = Trace { correlation_id, ..self.trace(attempt) };
            let answer = self.once(customer, target, trace).await?;
            let below = |link: &str| self.below_base(link).filter(|next| next != target);
            list::linked(answer.body(), below)
                .map_err(|problem| judge::unreadable(&HOLDERS, trace, &answer, problem))
        })
        .await
    }

    fn trace(&self, attempt: u32) -> Trace {
        let ids = &self.shared.means.config.ids;
        Trace { correlation_id: ids(), request_id: ids(), purpose: self.purpose, attempt }
    }

    /// One try; a token that is turned down is renewed once.
    async fn once(&self, customer: Uuid, target: &str, trace: Trace) -> Result<Response<Bytes>, CallError> {
        let tokens = &self.shared.tokens;
        let no_token = |none| judge::no_token(&HOLDERS, trace, none);
        let token = tokens.get(customer).await.map_err(no_token)?;
        match self.exchange(customer, target, trace, &token).await {
            Err(error) if error.status == Some(401) => tokens.rejected(customer, &token).await,
            done => return done,
        }
        let token = tokens.get(customer).await.map_err(no_token)?;
        let again = Trace { request_id: (self.shared.means.config.ids)(), ..trace };
        match self.exchange(customer, target, again, &token).await {
            Err(error) if error.status == Some(401) => {
                tokens.rejected(customer, &token).await;
                Err(judge::turned_down(error, false))
            }
            done => done,
        }
    }

    async fn exchange(
        &self,
        customer: Uuid,
        target: &str,
        trace: Trace,
        token: &TenantToken,
    ) -> Result<Response<Bytes>, CallError> {
        let Shared { means, gate, .. } = &*self.shared;
        // The quota of a customer is Partner Center's; the directory has its own.
        let ask = Ask { family: HOLDERS.family, customer: None, changing: false, purpose: trace.purpose };
        gate.permit(ask.clone()).await;
        let request = self.request(target, trace, token);
        let request =
            request.ok_or_else(|| judge::error(&HOLDERS, trace, Remedy::Person, Problem::Request))?;
        let at = means.timer.now();
        let judged = match means.transport.send(request).await {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            Ok(answer) => Err(judge::refused(&HOLDERS, trace, &answer)),
            Err(fault) => Err(judge::no_answer(&HOLDERS, trace, fault)),
        };
        let (status, answer) = match &judged {
            Ok(answer) => (Some(answer.status().as_u16()), Answer::Fine),
            Err(error) => (error.status, judge::gate_answer(error)),
        };
        gate.answered(&ask, answer);
        means.observer.observed(CallRecord {
            at,
            family: HOLDERS.family,
            operation: HOLDERS.name,
            customer: Some(customer),
            changing: false,
            purpose: trace.purpose,
            status,
            code: judged.as_ref().err().and_then(|error| error.code),
            request_id: trace.request_id,
            correlation_id: trace.correlation_id,
            microseconds: u64::try_from(between(at, means.timer.now()).as_micros()).unwrap_or(u64::MAX),
            attempt: trace.attempt,
        });
        judged
    }

    fn request(&self, target: &str, trace: Trace, token: &TenantToken) -> Option<http::Request<Bytes>> {
        let base = self.shared.means.config.directory.as_str().trim_end_matches('/');
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret.expose_secret())).ok()?;
        bearer.set_sensitive(true);
        http::Request::get(format!("{base}{target}"))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(AUTHORIZATION, bearer)
            .header(HeaderName::from_static("client-request-id"), trace.request_id.to_string())
            .body(Bytes::new())
            .ok()
    }

    /// A link to the next page as path and query below our base; none where it leads elsewhere.
    fn below_base(&self, link: &str) -> Option<String> {
        let base = &self.shared.means.config.directory;
        let link = Url::parse(link).ok()?;
        if link.origin() != base.origin() || link.fragment().is_some() {
            return None;
        }
        let path = link.path().strip_prefix(base.path().trim_end_matches('/'))?;
        let query = link.query()?;
        path.starts_with("/v1.0/users").then(|| format!("{path}?{query}"))
    }
}

/// Where the list of those who hold a SKU begins.
fn first(sku: Uuid, users_per_page: u16) -> String {
    let filter = format!("assignedLicenses/any(x:x/skuId eq {sku})");
    // A plus sign is a blank only in forms.
    let filter = byte_serialize(filter.as_bytes()).collect::<String>().replace('+', "%20");
    let top = users_per_page.clamp(1, MOST_USERS);
    format!("/v1.0/users?$filter={filter}&$select=id,licenseAssignmentStates&$top={top}")
}
