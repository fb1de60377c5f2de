//! Virtual hosts that go away with their test, and buses whose sessions do.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use seatshift_bus::{
    BrokerUrl, Buried, Bus, BusState, Confirm, Delivery, Outgoing, RabbitBus, RabbitOptions,
};
use seatshift_messages::Service;
use seatshift_servers::Shared;
use tokio::task::JoinHandle;

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

/// A bus with its sessions, which end with it.
#[derive(Debug)]
pub(crate) struct Running {
    bus: Arc<RabbitBus>,
    pub(crate) sessions: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(options: RabbitOptions) -> Self {
        let (bus, run) = RabbitBus::start(options).unwrap();
        Running { bus, sessions: tokio::spawn(run) }
    }

    /// Waits until its state is as wished; fails the test after a while.
    pub(crate) async fn until(&self, what: &str, wished: impl Fn(&BusState) -> bool) -> BusState {
        for _ in 0..1_200 {
            let state = self.bus.state();
            if wished(&state) {
                return state;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("never {what}: {:?}", self.bus.state());
    }

    pub(crate) async fn ready(options: RabbitOptions) -> Self {
        let running = Self::start(options);
        running.until("ready", BusState::is_ready).await;
        running
    }
}

impl Deref for Running {
    type Target = RabbitBus;

    fn deref(&self) -> &RabbitBus {
        &self.bus
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sessions.abort();
    }
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
