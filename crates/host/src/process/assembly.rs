//! What a service is put together from, beyond what every service has.

use std::fmt;
use std::future::Future;

use axum::Router;
use futures::future::BoxFuture;

/// A service, ready to run.
pub struct Assembly {
    pub(super) running: BoxFuture<'static, ()>,
    pub(super) beside: Vec<BoxFuture<'static, ()>>,
    pub(super) api: Option<Router>,
    pub(super) looks: Vec<Look>,
}

/// Something that is looked at when figures are asked for.
pub(super) type Look = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

impl Assembly {
    /// `running` ends when everything in hand has come to its end after [`super::Base::stopping`]; its end before that is a
    /// fault, and ends the process.
    pub fn new(running: impl Future<Output = ()> + Send + 'static) -> Self {
        Assembly { running: Box::pin(running), beside: Vec::new(), api: None, looks: Vec::new() }
    }

    /// Runs beside it on a task of its own: a call log, a gate. When the service has ended it may go on for two seconds
    /// more, to write what it still has.
    #[must_use]
    pub fn beside(mut self, future: impl Future<Output = ()> + Send + 'static) -> Self {
        self.beside.push(Box::pin(future));
        self
    }

    /// Served on `[control] listen`.
    #[must_use]
    pub fn api(mut self, router: Router) -> Self {
        self.api = Some(router);
        self
    }

    /// Looked at whenever `/metrics` is asked for, to set gauges: at most two seconds.
    #[must_use]
    pub fn look(mut self, look: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        self.looks.push(Box::new(look));
        self
    }
}

impl fmt::Debug for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly")
            .field("beside", &self.beside.len())
            .field("api", &self.api.is_some())
            .finish_non_exhaustive()
    }
}
