//! A business refusal, as the service words it.

use http::StatusCode;

/// What a call is refused with. The body is made of it by `api::reply`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// Code of the service's table (wire contract, section 2.6).
    pub(crate) code: u32,
    pub(crate) description: String,
    pub(crate) data: Vec<String>,
}

impl Problem {
    pub(crate) fn new(status: u16, code: u32, description: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, description: description.into(), data: Vec::new() }
    }

    pub(crate) fn with_data(mut self, data: impl Into<String>) -> Self {
        self.data.push(data.into());
        self
    }

    /// A license refusal that Partner Center passes on from the directory: only its text is known, so it stands in both
    /// places where the contract has seen such texts, under the general code for invalid input.
    pub(crate) fn of_directory(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(400, 800_002, text.clone()).with_data(text)
    }
}
