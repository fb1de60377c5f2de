//! Named as every test that needs RabbitMQ or PostgreSQL, so that `--without-servers` leaves them out.

mod broker;
