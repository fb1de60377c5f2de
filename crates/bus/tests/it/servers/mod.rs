//! RabbitMQ, for real: the shared node with a virtual host for each test, and nodes of a test's own where it is harmed.

mod dead_letters;
mod declaring;
mod harm;
mod history;
mod publishing;
mod receiving;
mod stage;
mod tls;

mod on_rabbitmq {
    use std::sync::Arc;

    use seatshift_bus::Bus;

    fn open(prefetch: usize) -> Arc<dyn Bus> {
        Arc::new(super::stage::House::open(prefetch))
    }
    crate::conformance!(open, #[tokio::test(flavor = "multi_thread", worker_threads = 2)]);
}
