//! Asks for a stream's settings and state.

use async_nats::jetstream::{
    Context,
    context::{GetStreamErrorKind, RequestError, RequestErrorKind},
    stream::Info,
};
use std::error::Error as _;

use crate::problem::Problem;

/// Nobody answers for JetStream.
pub(crate) const NO_JETSTREAM: &str = "no server answers for JetStream; start it with `nats-server -js`, or put `jetstream { store_dir: … }` into \
     its configuration; in a cluster, most of the servers must be up";

/// Asks for a stream of this name.
///
/// # Errors
/// There is none, or nobody answers.
pub(crate) async fn stream_info(context: &Context, stream: &str) -> Result<Info, Problem> {
    let error = match context.get_stream(stream).await {
        Ok(stream) => return Ok(stream.cached_info().clone()),
        Err(error) => error,
    };
    Err(match error.kind() {
        GetStreamErrorKind::JetStream(refusal) => {
            Problem::of_jetstream(refusal.error_code().0, &refusal.to_string(), stream)
        }
        GetStreamErrorKind::Request => {
            let request = error.source().and_then(|source| source.downcast_ref::<RequestError>());
            match request.map(RequestError::kind) {
                Some(RequestErrorKind::NoResponders) => Problem::passing(NO_JETSTREAM),
                Some(RequestErrorKind::TimedOut) => unanswered(stream),
                _ => Problem::passing(format!(
                    "asking for the stream {stream}: {}",
                    request.map_or(error.to_string(), ToString::to_string)
                )),
            }
        }
        GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => {
            Problem::lasting(daemon::Exit::Config, error.to_string())
        }
    })
}

/// Nobody has answered in time.
pub(crate) fn unanswered(stream: &str) -> Problem {
    Problem::passing(format!(
        "no answer about the stream {stream}: the servers are electing a leader, or this user lacks the right to ask"
    ))
}
