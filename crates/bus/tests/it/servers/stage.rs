//! Virtual hosts that go away with their test, and buses whose sessions do.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use seatshift_bus::{BrokerUrl, Buried, Bus, Confirm, Delivery, Outgoing, RabbitOptions};
use seatshift_messages::Service;
use seatshift_servers::Shared;

pub(crate) use crate::running::Running;

/// A virtual host of the shared node.
pub(crate) struct Vhost {
    pub(crate) servers: Shared,
    pub(crate) name: String,
}

impl Vhost {
    pub(crate) fn fresh() -> Self {
        let servers = Shared::attach().unwrap_or_else(|error| panic!("{error}"));
        let name = servers.fresh_vhost().unwrap();
        Vhost { servers, name }
    }

    pub(crate) fn url(&self) -> BrokerUrl {
        BrokerUrl::parse(&self.servers.rabbit.admin_url(&self.name)).unwrap()
    }

    pub(crate) fn raw_url(&self) -> String {
        self.servers.rabbit.admin_url(&self.name)
    }

    /// A request to the broker's management, about this virtual host.
    pub(crate) fn api(&self, method: &str, what: &str, rest: &str) -> String {
        self.servers.rabbit.api(method, &format!("/api/{what}/{}/{rest}", self.name), "").unwrap()
    }

    /// Takes away one binding of an exchange to a queue.
    pub(crate) fn unbind(&self, exchange: &str, queue: &str, key: &str) {
        let key = key.replace('#', "%23");
        self.api("DELETE", "bindings", &format!("e/{exchange}/q/{queue}/{key}"));
    }

    pub(crate) fn options(&self, service: Service) -> RabbitOptions {
        RabbitOptions::new(service, vec![self.url()])
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        // The node is stopped after the tests anyway.
        let _ = self.servers.rabbit.delete_vhost(&self.name);
    }
}

/// A plain connection, for looking behind the bus's back.
pub(crate) async fn raw(url: &str) -> lapin::Connection {
    lapin::Connection::connect(url, lapin::ConnectionProperties::default()).await.unwrap()
}

/// All four services over one virtual host, as one bus: what the conformance suite speaks with.
pub(crate) struct House {
    buses: BTreeMap<Service, Running>,
    vhost: Vhost,
}

impl House {
    pub(crate) fn open(prefetch: usize) -> Self {
        let vhost = Vhost::fresh();
        let buses = Service::ALL.map(|service| {
            let options = RabbitOptions { prefetch: prefetch.try_into().unwrap(), ..vhost.options(service) };
            (service, Running::start(options))
        });
        House { buses: buses.into(), vhost }
    }
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House").field("vhost", &self.vhost.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Bus for House {
    fn publish(&self, outgoing: Outgoing) -> BoxFuture<'static, Confirm> {
        self.buses[&Service::Control].publish(outgoing)
    }

    async fn receive(&self, service: Service, limit: usize) -> Vec<Delivery> {
        self.buses[&service].receive(service, limit).await
    }

    async fn bury(&self, service: Service, bytes: Arc<[u8]>, reason: &str) -> Buried {
        self.buses[&service].bury(service, bytes, reason).await
    }
}
