//! What an answer means: the step from HTTP to [`Remedy`].
//!
//! Everything that decides whether a change may be repeated stands on this page; it knows no clock and no network.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::call::Trace;
use crate::codes;
use crate::error::{CallError, LoginProblem, Problem, Remedy};
use crate::gate::{Answer, Family};
use crate::license_failure::LicenseFailure;
use crate::model::Malformed;
use crate::operation::Operation;
use crate::token::NoToken;
use crate::transport::TransportError;
use crate::wire::fault;

/// The error of an answer that is not 2xx.
pub(crate) fn refused(operation: &'static Operation, trace: Trace, answer: &Response<Bytes>) -> CallError {
    let status = answer.status();
    let fault = fault::read(answer.body());
    let (remedy, problem) = match status.as_u16() {
        429 => {
            let after = retry_after(answer.headers()).or(fault.seconds);
            (Remedy::Throttled { after }, Problem::Throttled)
        }
        _ => judge(operation, status, fault),
    };
    let problem = match fault.code {
        Some(code) if problem == Problem::Answered && codes::may_name_equivalents(code) => {
            not_sold(answer.body())
        }
        _ => problem,
    };
    let license_failure = license_failure(operation, status, fault);
    CallError {
        status: Some(status.as_u16()),
        code: fault.code,
        license_failure,
        ..error(operation, trace, remedy, problem)
    }
}

/// A refusal to sell, with what it names instead where it names something.
fn not_sold(body: &[u8]) -> Problem {
    match fault::equivalents(body) {
        none if none.is_empty() => Problem::Answered,
        equivalents => Problem::NotSold { equivalents },
    }
}

fn is_license_change(operation: &Operation) -> bool {
    operation.family == Family::Licenses && operation.changing()
}

/// Why licenses could not be changed. A text about licenses means something only where they were to be changed.
fn license_failure(operation: &Operation, status: StatusCode, fault: fault::Fault) -> Option<LicenseFailure> {
    if !is_license_change(operation) || !status.is_client_error() {
        return None;
    }
    fault.license_failure.or((fault.code == Some(OUT_OF_LICENSES)).then_some(LicenseFailure::OutOfLicenses))
}

/// The one failure of a license change that has a documented code.
const OUT_OF_LICENSES: u32 = 60012;

/// What an answer that is neither good nor 429 asks for.
///
/// The order is the point: a changing call answered with 408, 3xx or 5xx may have been carried out, whatever else the
/// answer says. Statuses that mean "somebody was faster" come before codes, codes before texts.
fn judge(operation: &Operation, status: StatusCode, fault: fault::Fault) -> (Remedy, Problem) {
    let number = status.as_u16();
    let upstream = !status.is_client_error() || number == 408;
    if upstream && operation.changing() {
        return (Remedy::UnknownOutcome, Problem::Upstream);
    }
    let documented = fault.code.and_then(|code| codes::explain(code, Some(number)));
    if upstream {
        let exact = documented.filter(|row| row.status == Some(number)).map(|row| row.remedy);
        return (exact.unwrap_or(Remedy::Retry), Problem::Upstream);
    }
    if number == 401 {
        return (Remedy::Retry, Problem::Answered);
    }
    if number == 412 || number == 417 {
        return (Remedy::Conflict, Problem::Answered);
    }
    if let Some(row) = documented {
        return (row.remedy, Problem::Answered);
    }
    let remedy = match (fault.license_failure, fault.code, number) {
        (Some(failure), _, _) if is_license_change(operation) => failure.remedy(),
        (_, None, 409) => Remedy::Conflict,
        _ => Remedy::Person,
    };
    (remedy, Problem::Answered)
}

/// What is told to the gate about a failed call.
pub(crate) fn gate_answer(failed: &CallError) -> Answer {
    match (failed.remedy, failed.status) {
        (Remedy::Throttled { after }, _) => Answer::Throttled { after },
        (_, Some(status)) if status < 500 && status != 408 => Answer::Fine,
        _ => Answer::Failed,
    }
}

/// A 401: definitely not carried out. Worth another try with another token, unless new tokens are turned down too.
pub(crate) fn turned_down(failed: CallError, worth_trying: bool) -> CallError {
    if worth_trying {
        return failed;
    }
    CallError { remedy: Remedy::Person, problem: LoginProblem::Rejected.into(), ..failed }
}

pub(crate) fn no_token(operation: &'static Operation, trace: Trace, none: NoToken) -> CallError {
    error(operation, trace, none.remedy, Problem::Login(none.problem))
}

pub(crate) fn no_answer(operation: &'static Operation, trace: Trace, fault: TransportError) -> CallError {
    let remedy = match fault {
        TransportError::NeverSent(_) => Remedy::Retry,
        TransportError::NoAnswer(_) if operation.changing() => Remedy::UnknownOutcome,
        TransportError::NoAnswer(_) => Remedy::Retry,
    };
    error(operation, trace, remedy, Problem::Network(fault))
}

/// A good status with a body that cannot be read. Of a change nobody knows what came; a read is repeated where the
/// body was cut off or came from a gateway, and shown to a person where Microsoft has changed its shape.
pub(crate) fn unreadable(
    operation: &'static Operation,
    trace: Trace,
    answer: &Response<Bytes>,
    problem: Malformed,
) -> CallError {
    let code = fault::read(answer.body()).code;
    let remedy = match (operation.changing(), problem, code.and_then(|code| codes::explain(code, Some(200))))
    {
        (true, _, _) => Remedy::UnknownOutcome,
        (false, _, Some(row)) => row.remedy,
        (false, Malformed::NotJson, None) => Remedy::Retry,
        (false, _, None) => Remedy::Person,
    };
    let status = Some(answer.status().as_u16());
    CallError { status, code, ..error(operation, trace, remedy, Problem::Unreadable(problem)) }
}

pub(crate) fn error(
    operation: &'static Operation,
    trace: Trace,
    remedy: Remedy,
    problem: Problem,
) -> CallError {
    CallError {
        remedy,
        code: None,
        status: None,
        family: operation.family,
        operation: operation.name,
        correlation_id: trace.correlation_id,
        request_id: trace.request_id,
        license_failure: None,
        problem,
    }
}

/// `Retry-After` in seconds. A day at most, so that a mistake of Microsoft's cannot stop a migration for good.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(86_400.0).ceil()))
}
