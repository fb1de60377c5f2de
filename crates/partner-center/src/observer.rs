//! What is told about each HTTP call: enough to bill, to trace and to complain to Microsoft, and nothing about people.

use std::fmt::Debug;

use jiff::Timestamp;
use uuid::Uuid;

use crate::gate::{Family, Purpose};

/// Is told of each HTTP call when its outcome is known, calls for tokens included.
///
/// Called on the task that made the call: it must not block and must not panic.
pub trait Observer: Send + Sync + Debug {
    /// One call is over.
    fn observed(&self, call: CallRecord);
}

/// One HTTP call as it went. Holds no body, name, address or token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// When the request was handed to the transport.
    pub at: Timestamp,
    /// The family whose quota it used.
    pub family: Family,
    /// The name of the operation, such as `user_licenses`.
    pub operation: &'static str,
    /// Whom it was about, where it was about one customer.
    pub customer: Option<Uuid>,
    /// Whether it could change something at Microsoft.
    pub changing: bool,
    /// What it was made for.
    pub purpose: Purpose,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// Partner Center's own error code, where the answer had one.
    pub code: Option<u32>,
    /// `MS-RequestId` that was sent.
    pub request_id: Uuid,
    /// `MS-CorrelationId` that was sent: what Microsoft's support asks for.
    pub correlation_id: Uuid,
    /// From sending to the end of the answer, on the [`crate::Timer`]'s clock.
    pub microseconds: u64,
    /// 1 for the first try, 2 for its repetition, ...
    pub attempt: u32,
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn observed(&self, _: CallRecord) {}
}
