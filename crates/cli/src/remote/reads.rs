//! Reading Partner Center through control: its login, its quota, its call log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{BoxFuture, FutureExt as _, ready};
use seatshift_edge::ClockTimer;
use seatshift_host::Ids;
use seatshift_partner_center::{
    Answer, Application, Ask as Question, Config, Gate, LoginProblem, NetworkFault, Reader, Relay,
    RelayedAnswer, RelayedRead, Remedy, TransportError,
};

use super::client::{Api, Ask};

/// Counts calls, and hinders none: the quota is kept where they are made.
#[derive(Debug, Clone, Default)]
pub struct Counted(Arc<AtomicU64>);

impl Counted {
    /// So many.
    pub fn calls(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gate for Counted {
    fn permit(&self, _: Question) -> BoxFuture<'_, ()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        ready(()).boxed()
    }

    fn answered(&self, _: &Question, _: Answer) {}
}

#[derive(Debug)]
struct ByControl(Api);

impl Relay for ByControl {
    fn read(&self, read: RelayedRead) -> BoxFuture<'_, Result<RelayedAnswer, TransportError>> {
        async move {
            // A read that was made twice is a read.
            let ask = Ask::post(&["v1", "partner-center", "read"], &read).map(Ask::again);
            let Ok(ask) = ask else { return Err(TransportError::NeverSent(NetworkFault::Request)) };
            match self.0.ask(ask).await {
                Ok(answer) => Ok(answer),
                // It will say the same again, so it must not be taken for trouble that passes.
                Err(error) if error.is_final() => {
                    let problem = LoginProblem::Refused { error: error.to_string(), aadsts: None };
                    Ok(RelayedAnswer::NoToken { remedy: Remedy::Person, problem })
                }
                Err(error) => {
                    tracing::warn!(%error, "control did not read Partner Center for us");
                    Err(TransportError::NeverSent(NetworkFault::Connect))
                }
            }
        }
        .boxed()
    }
}

pub(super) fn reader(api: Api, ids: &Arc<Ids>, counted: Counted, timer: Arc<ClockTimer>) -> Reader {
    let (request, jitter) = (ids.clone(), ids.clone());
    // Nobody logs in here.
    let nobody = Application { id: String::new(), secret: String::new().into() };
    let config =
        Config::new("", nobody, Arc::new(move || request.request()), Arc::new(move || jitter.fraction()));
    Reader::relayed(config, Arc::new(ByControl(api)), Arc::new(counted), timer)
}
