//! From an error of a call to what a piece of work makes of it.

use jiff::SignedDuration;
use seatshift_messages::{Cause, MicrosoftAnswer};
use seatshift_partner_center::{CallError, Remedy};

/// What an error means for the work that met it.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// Nothing was done; try again, after this long where Microsoft says so. Uses up no attempts.
    Later { after: Option<SignedDuration> },
    /// Nothing was done; Microsoft is not ready, or something changed under our hands. Counts as an attempt.
    NotYet,
    /// Nobody knows whether it was done.
    Unknown,
    /// A final no.
    Refused(Cause),
    /// A person has to do something first.
    Person(Cause),
}

/// Asked once, where the error stops travelling.
pub fn meaning_of(error: &CallError) -> Meaning {
    match error.remedy {
        Remedy::Retry => Meaning::Later { after: None },
        Remedy::Throttled { after } => {
            Meaning::Later { after: after.and_then(|after| SignedDuration::try_from(after).ok()) }
        }
        Remedy::Wait | Remedy::Conflict => Meaning::NotYet,
        Remedy::UnknownOutcome => Meaning::Unknown,
        Remedy::Refused => Meaning::Refused(cause_of(error)),
        Remedy::Person => Meaning::Person(cause_of(error)),
    }
}

/// The cause that travels in events: our code, our sentence, and how Microsoft's support finds the call.
pub fn cause_of(error: &CallError) -> Cause {
    let code = match (error.license_failure, error.code) {
        // Known by its text alone: the number beside it is that of any bad request.
        (Some(failure), _) => failure.code().to_owned(),
        (None, Some(code)) => format!("microsoft_{code}"),
        (None, None) => {
            error.status.map_or_else(|| "no_answer".to_owned(), |status| format!("http_{status}"))
        }
    };
    Cause {
        code,
        text: error.to_string(),
        microsoft: Some(MicrosoftAnswer {
            operation: error.operation.to_owned(),
            status: error.status,
            code: error.code,
            correlation_id: error.correlation_id,
            request_id: error.request_id,
        }),
    }
}
