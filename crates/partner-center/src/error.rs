//! A call that did not do what it was asked: what to do about it, and what to tell Microsoft's support.
//!
//! The caller acts on [`Remedy`] alone; the rest is for people. Nothing of a request's or answer's body is kept:
//! descriptions of Microsoft are localised, and hold names. The one exception holds none: ids of new commerce's catalogue,
//! which a refusal to sell a legacy offer names ([`Problem::NotSold`]).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codes::{self, Explanation};
use crate::gate::Family;
use crate::ids::CatalogItem;
use crate::license_failure::LicenseFailure;
use crate::model::Malformed;
use crate::transport::TransportError;

/// What to do about a failed call. Every arm but [`Remedy::UnknownOutcome`] says of a changing call that it was
/// definitely **not** carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Trouble that passes by itself: try again. An outage, not a verdict on the request.
    Retry,
    /// Microsoft wants less. Try again, not before `after` where it is given.
    Throttled {
        /// `Retry-After`, to the second.
        after: Option<Duration>,
    },
    /// The request is right but too early: something else is under way. Read, wait, and try again later.
    Wait,
    /// The request was made on the strength of something that is no longer so: read again and decide again.
    Conflict,
    /// Will never pass as it is.
    Refused,
    /// A person must do something first (rights, agreement, configuration), or nobody knows what the answer means.
    Person,
    /// Nobody knows whether it was done. Close it by reading after the settle horizon, never by assuming.
    UnknownOutcome,
}

impl Remedy {
    /// One word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Throttled { .. } => "throttled",
            Self::Wait => "wait",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Person => "person",
            Self::UnknownOutcome => "unknown outcome",
        }
    }
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What to do.
    pub remedy: Remedy,
    /// Partner Center's own code, where the answer had one.
    pub code: Option<u32>,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// The family of the call.
    pub family: Family,
    /// The operation, such as `update_licenses`.
    pub operation: &'static str,
    /// `MS-CorrelationId` of the call, for Microsoft's support.
    pub correlation_id: Uuid,
    /// `MS-RequestId` of the call.
    pub request_id: Uuid,
    /// Why a user's licenses could not be changed, where that is known.
    pub license_failure: Option<LicenseFailure>,
    /// What happened, in our own terms.
    pub problem: Problem,
}

impl CallError {
    /// Whether a changing call was certainly not carried out.
    pub fn is_definite(&self) -> bool {
        self.remedy != Remedy::UnknownOutcome
    }

    /// Whether Microsoft says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status == Some(404)
    }

    /// What the code means and what to do about it, where it is documented.
    pub fn explanation(&self) -> Option<&'static Explanation> {
        codes::explain(self.code?, self.status)
    }

    /// What Microsoft names in place of an offer that is no longer sold, as far as its text tells. To be shown to a person,
    /// never to be bought or mapped on the strength of it.
    pub fn equivalents(&self) -> &[CatalogItem] {
        match &self.problem {
            Problem::NotSold { equivalents } => equivalents,
            _ => &[],
        }
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        if let Some(status) = self.status {
            write!(f, "HTTP {status}, ")?;
        }
        if let Some(code) = self.code {
            write!(f, "code {code}, ")?;
        }
        match (self.license_failure, self.explanation()) {
            (Some(failure), _) => write!(f, "{failure}")?,
            (None, Some(explanation)) => f.write_str(explanation.meaning)?,
            (None, None) => write!(f, "{}", self.problem)?,
        }
        for (number, item) in self.equivalents().iter().enumerate() {
            write!(f, "{}{item}", if number == 0 { " Microsoft names " } else { ", " })?;
        }
        write!(
            f,
            " ({}; request {}, correlation {})",
            self.remedy.as_str(),
            self.request_id,
            self.correlation_id
        )
    }
}

/// What happened, apart from Microsoft's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Microsoft answered with an error.
    #[error("Microsoft answered with an error that is not documented")]
    Answered,
    /// Microsoft no longer sells the offer, and its answer names others.
    #[error("the offer is no longer sold")]
    NotSold {
        /// What it names, as it looks to us; never empty.
        equivalents: Vec<CatalogItem>,
    },
    /// More calls than the quota allows.
    #[error("the quota of this family of calls is used up for now")]
    Throttled,
    /// A fault on Microsoft's side or of a gateway before it.
    #[error("a fault on the way to Microsoft or behind it")]
    Upstream,
    /// No exchange, or half of one.
    #[error(transparent)]
    Network(#[from] TransportError),
    /// An answer that could not be read.
    #[error(transparent)]
    Unreadable(#[from] Malformed),
    /// The permit is for another family or customer; nothing was sent.
    #[error("the permission given to this call is for another family or customer; nothing was sent")]
    WrongPermit,
    /// Paused since the permit was given; nothing was sent.
    #[error("paused since the permission was given; nothing was sent")]
    Paused,
    /// The permission had ended when the call could have gone out, or nobody knows whether it had; nothing was sent.
    #[error(
        "the permission given to this call had ended, or this machine's clock is wrong; nothing was sent"
    )]
    TooLate,
    /// No token could be had; the call itself was not made.
    #[error("no token: {0}")]
    Login(#[from] LoginProblem),
    /// The call could not be put together; nothing was sent.
    #[error("the request could not be built; nothing was sent")]
    Request,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum LoginProblem {
    /// Nobody has consented yet.
    #[error("no refresh token is stored; a person of the partner must log in first")]
    NoRefreshToken,
    /// The authority refused. `error` is OAuth's word, `aadsts` Microsoft's number (`AADSTS70008`).
    #[error("the login authority answered `{error}`{}", number(*.aadsts))]
    Refused {
        /// OAuth's own word, such as `invalid_grant`.
        error: String,
        /// Microsoft's number for it.
        aadsts: Option<u32>,
    },
    /// The authority could not be reached or had trouble.
    #[error("the login authority could not be reached or had trouble")]
    Unreachable,
    /// The authority wants less.
    #[error("the login authority asks to wait")]
    Throttled,
    /// The answer has no token in it.
    #[error("the login authority's answer could not be read")]
    Unreadable,
    /// The new refresh token could not be kept. It is still in memory and is stored first at the next try.
    #[error("the new refresh token could not be stored: {0}")]
    Store(String),
    /// Microsoft turns down even a token that was just made.
    #[error("a token made a moment ago is not accepted")]
    Rejected,
}

fn number(aadsts: Option<u32>) -> String {
    aadsts.map(|number| format!(" (AADSTS{number})")).unwrap_or_default()
}
