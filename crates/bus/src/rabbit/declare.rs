//! Bringing the topology into the broker, or looking whether it is there. Done at the start of each session, on a channel
//! that is used for nothing else: an error closes the channel it happens on.
//!
//! Each service declares its own and looks for the rest, so that least rights are enough and nothing is refused in the
//! normal course; what is missing is created when the user may. A session that could not make sure does not begin: an event
//! published before its reader's queue exists would be lost to that reader, and nobody would be told. For the same reason
//! bindings are made again from time to time, whether they are there or not.

use std::sync::Weak;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};
use seatshift_messages::Service;
use tokio::time::sleep;

use super::error::{RabbitError, soft};
use super::options::Declare;
use super::topology::{Argument, Binding, Exchange, Kind, Queue, Topology, table};

/// Declares or checks everything. Returns what could not be checked, in words.
pub(crate) async fn declare(
    connection: &Connection,
    service: Service,
    mode: Declare,
) -> Result<Vec<String>, RabbitError> {
    let topology = table();
    let mut surveyor = Surveyor { connection, channel: None, service, mode };
    for exchange in &topology.exchanges {
        surveyor.exchange(exchange).await?;
    }
    for queue in &topology.queues {
        surveyor.queue(queue).await?;
    }
    let mut unchecked = Vec::new();
    if mode == Declare::Passive {
        unchecked.push("the arguments of exchanges and queues".to_owned());
        unchecked
            .push(format!("the {} bindings: an event without one reaches nobody", topology.bindings.len()));
    } else {
        surveyor.bind_all(&topology).await?;
    }
    surveyor.close().await;
    Ok(unchecked)
}

/// Binds again and again, as long as the session lives; ends with what went wrong. Nothing asks a broker whether a binding is
/// there, and one that is there already is no work for it.
pub(crate) async fn keep_bound(shared: &super::Shared, connection: &Weak<Connection>) -> RabbitError {
    let topology = table();
    let (service, mode) = (shared.options.service, shared.options.declare);
    if mode == Declare::Passive {
        return std::future::pending().await;
    }
    loop {
        sleep(shared.options.bind_again).await;
        // Who has let go of it is about to end us.
        let Some(connection) = connection.upgrade() else { return std::future::pending().await };
        let mut surveyor = Surveyor { connection: &connection, channel: None, service, mode };
        if let Err(error) = surveyor.bind_all(&topology).await {
            return error;
        }
        surveyor.close().await;
    }
}

struct Surveyor<'c> {
    connection: &'c Connection,
    channel: Option<Channel>,
    service: Service,
    mode: Declare,
}

impl Surveyor<'_> {
    /// The channel, a new one after an error has closed the last.
    async fn channel(&mut self) -> Result<Channel, RabbitError> {
        if let Some(channel) = &self.channel
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        let channel =
            self.connection.create_channel().await.map_err(RabbitError::broker("opening a channel"))?;
        self.channel = Some(channel.clone());
        Ok(channel)
    }

    async fn exchange(&mut self, exchange: &Exchange) -> Result<(), RabbitError> {
        let what = format!("exchange `{}`", exchange.name);
        let ours = self.mode == Declare::Active && Topology::declares_exchange(self.service, exchange);
        if !ours {
            match self.declare_exchange(exchange, true).await? {
                Err(error) if self.is_missing(&error) => {}
                told => return told.map_err(|error| refused(what, Service::Control, error)),
            }
        }
        self.declare_exchange(exchange, false).await?.map_err(|error| refused(what, Service::Control, error))
    }

    async fn queue(&mut self, queue: &Queue) -> Result<(), RabbitError> {
        let what = format!("queue `{}`", queue.name);
        let ours = self.mode == Declare::Active && Topology::declares_queue(self.service, queue);
        if !ours {
            match self.declare_queue(queue, true).await? {
                Err(error) if self.is_missing(&error) => {}
                told => return told.map_err(|error| refused(what, queue.owner, error)),
            }
        }
        self.declare_queue(queue, false).await?.map_err(|error| refused(what, queue.owner, error))
    }

    /// It is not there, and we may try to create it.
    fn is_missing(&self, error: &lapin::Error) -> bool {
        self.mode == Declare::Active && soft(error) == Some(AMQPSoftError::NOTFOUND)
    }

    async fn declare_exchange(
        &mut self,
        exchange: &Exchange,
        passive: bool,
    ) -> Result<lapin::Result<()>, RabbitError> {
        let kind = match exchange.kind {
            Kind::Topic => ExchangeKind::Topic,
            Kind::Direct => ExchangeKind::Direct,
        };
        let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
        let channel = self.channel().await?;
        Ok(channel.exchange_declare(exchange.name.into(), kind, options, FieldTable::default()).await)
    }

    async fn declare_queue(
        &mut self,
        queue: &Queue,
        passive: bool,
    ) -> Result<lapin::Result<()>, RabbitError> {
        let options = QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() };
        let channel = self.channel().await?;
        let told = channel.queue_declare(queue.name.as_str().into(), options, arguments(queue)).await;
        Ok(told.map(|_| ()))
    }

    async fn bind_all(&mut self, topology: &Topology) -> Result<(), RabbitError> {
        for binding in &topology.bindings {
            if Topology::declares_binding(self.service, binding) {
                self.bind(binding).await?;
            }
        }
        Ok(())
    }

    async fn bind(&mut self, binding: &Binding) -> Result<(), RabbitError> {
        let (queue, exchange, key) = (&binding.queue, binding.exchange, &binding.key);
        let channel = self.channel().await?;
        channel
            .queue_bind(
                queue.as_str().into(),
                exchange.into(),
                key.as_str().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .map_err(RabbitError::broker(format!("binding `{key}` of `{exchange}` to `{queue}`")))
    }

    async fn close(self) {
        if let Some(channel) = self.channel {
            // It held nothing; the connection closes it otherwise.
            let _ = channel.close(200, "".into()).await;
        }
    }
}

fn refused(what: String, owner: Service, error: lapin::Error) -> RabbitError {
    match soft(&error) {
        Some(AMQPSoftError::NOTFOUND | AMQPSoftError::ACCESSREFUSED) => {
            RabbitError::Missing { what, owner: owner.to_string(), source: Box::new(error) }
        }
        Some(AMQPSoftError::PRECONDITIONFAILED) => RabbitError::Differs { what, source: Box::new(error) },
        _ => RabbitError::broker(format!("declaring {what}"))(error),
    }
}

fn arguments(queue: &Queue) -> FieldTable {
    let mut arguments = FieldTable::default();
    for (name, value) in &queue.arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        arguments.insert((*name).into(), value);
    }
    arguments
}

/// Declares for a session, and notes how that went.
pub(crate) async fn session_start(
    shared: &super::Shared,
    connection: &Connection,
) -> Result<(), RabbitError> {
    let unchecked = declare(connection, shared.options.service, shared.options.declare).await?;
    if !unchecked.is_empty() {
        tracing::warn!(
            ?unchecked,
            "the topology is somebody else's to declare; not everything can be checked"
        );
    }
    shared.board.note().declared = super::Declared::Done { unchecked };
    Ok(())
}
