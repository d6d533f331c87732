//! A consumer of the stream: its messages in order, each once, or an error.

use std::time::Duration;

use async_nats::jetstream::{
    self, Context, Message,
    consumer::{
        AckPolicy, DeliverPolicy, ReplayPolicy,
        pull::{self, MessagesErrorKind},
    },
    stream::ConsumerErrorKind,
};
use futures_util::StreamExt as _;

use crate::{problem::Problem, stream_info::unanswered, stream_name::StreamName};

/// A consumer that says nothing for two of these is gone; the server answers so often while there is no message.
const HEARTBEAT: Duration = Duration::from_millis(750);
/// How long a request for messages lasts.
const EXPIRES: Duration = Duration::from_secs(3);
/// The server forgets a consumer that nobody asks for so long: one that we left behind.
const INACTIVE: Duration = Duration::from_secs(30);
/// Messages of a request; with the next one, half as many more may be on their way.
const MOST: usize = 1000;
/// Bytes of a request: what ws-server does not take yet waits in memory.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// What comes with a message.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) message: Message,
    pub(super) number: u64,
    /// Messages that the stream has behind it.
    pub(super) pending: u64,
}

/// A consumer that begins with a number.
pub(super) struct Messages {
    inner: pull::Stream,
    /// Deliveries so far; the server counts them, too.
    delivered: u64,
    /// Messages that waited when the consumer was made.
    pub(super) waiting: u64,
}

impl Messages {
    /// Makes a consumer that begins with this number. It lives in the memory of one server: when that one goes, we make another.
    ///
    /// # Errors
    /// The stream is gone, or the server refuses.
    pub(super) async fn start(context: &Context, stream: &StreamName, start: u64) -> Result<Self, Problem> {
        let config = pull::Config {
            description: Some("datecast-nats follow".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: start },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: INACTIVE,
            ..pull::Config::default()
        };
        let made = context.create_consumer_on_stream(config, stream.as_str()).await;
        let consumer = made.map_err(|error| match error.kind() {
            ConsumerErrorKind::JetStream(refusal) => {
                Problem::of_jetstream(refusal.error_code().0, &refusal.to_string(), stream.as_str())
            }
            ConsumerErrorKind::TimedOut => unanswered(stream.as_str()),
            _ => Problem::passing(format!("making a consumer of the stream {stream}: {error}")),
        })?;
        let waiting = consumer.cached_info().num_pending;
        // A message that is larger than a request would never come.
        let largest = context.client().server_info().max_payload;
        let inner = consumer
            .stream()
            .max_messages_per_batch(MOST)
            .max_bytes_per_batch(MOST_BYTES.max(largest.saturating_mul(2)))
            .expires(EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|error| {
                Problem::passing(format!("asking for messages of the stream {stream}: {error}"))
            })?;
        Ok(Self { inner, delivered: 0, waiting })
    }

    /// The next message. It loses none where it is given up.
    ///
    /// # Errors
    /// Another consumer is to be made, from what was taken: this one is gone or silent, or a delivery was lost on the way.
    pub(super) async fn next(&mut self) -> Result<Delivery, String> {
        let message = match self.inner.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(describe(&error)),
            None => return Err("the consumer has ended".to_owned()),
        };
        let info = message.info().map_err(|error| format!("a message without its number: {error}"))?;
        let (number, consumer, pending) = (info.stream_sequence, info.consumer_sequence, info.pending);
        self.delivered = self.delivered.saturating_add(1);
        if consumer != self.delivered {
            let due = self.delivered;
            return Err(format!(
                "delivery {consumer} of the consumer came where {due} was due: one was lost"
            ));
        }
        Ok(Delivery { message, number, pending })
    }
}

fn describe(error: &jetstream::consumer::pull::MessagesError) -> String {
    match error.kind() {
        MessagesErrorKind::MissingHeartbeat => "the consumer has gone silent".to_owned(),
        MessagesErrorKind::ConsumerDeleted => "the consumer was deleted".to_owned(),
        MessagesErrorKind::NoResponders => "no server answers for the consumer".to_owned(),
        _ => format!("the consumer failed: {error}"),
    }
}
