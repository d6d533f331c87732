//! Looks which lines the stream has, when it no longer knows a line that is repeated.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client, HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{
        self,
        consumer::{AckPolicy, DeliverPolicy, pull},
    },
};
use daemon::Exit;
use futures_util::StreamExt as _;
use tokio::time::{sleep, timeout};

use crate::{problem::Problem, stream_info::stream_info};

/// A new leader may need this long until it has all that its predecessor has stored.
const SETTLE: Duration = Duration::from_secs(3);
/// How long the next message may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to look for.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) stream: String,
    /// Begins the message ids of this run.
    pub(super) run: Arc<str>,
    /// The first line in doubt.
    pub(super) first: u64,
    /// The stream's number after which it stands, if it is there.
    pub(super) after: u64,
}

/// Finds the lines from the first in doubt that are stored; gives the stream's number of each, in their order.
///
/// # Errors
/// The servers do not answer, which passes; or the stream no longer has all that came since.
pub(super) async fn look(client: &Client, search: &Search) -> Result<Vec<u64>, Problem> {
    let context = jetstream::new(client.clone());
    stream_info(&context, &search.stream).await?;
    sleep(SETTLE).await;
    let state = stream_info(&context, &search.stream).await?.state;
    let start = search.after.saturating_add(1);
    if state.first_sequence > start && state.last_sequence >= start {
        let what = "the stream has let go of lines that came since, and nobody can see any more whether ours were among them";
        return Err(Problem::lasting(Exit::Unavailable, what));
    }
    if state.last_sequence < search.after {
        let what =
            "the stream ends before lines that it has acknowledged: it was made anew, or has lost them";
        return Err(Problem::lasting(Exit::Data, what));
    }
    let mut found = Vec::new();
    if state.last_sequence >= start {
        read(&context, search, start, state.last_sequence, &mut found).await?;
    }
    Ok(found)
}

/// Reads the headers of the messages from `start` to `last`.
async fn read(
    context: &jetstream::Context,
    search: &Search,
    start: u64,
    last: u64,
    found: &mut Vec<u64>,
) -> Result<(), Problem> {
    let failed = |error: &dyn std::fmt::Display| Problem::passing(format!("looking for our lines: {error}"));
    let stream = context.get_stream(&search.stream).await.map_err(|error| failed(&error))?;
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: start },
        ack_policy: AckPolicy::None,
        headers_only: true,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: Duration::from_secs(30),
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.map_err(|error| failed(&error))?;
    if consumer.cached_info().num_pending == 0 {
        return Ok(());
    }
    let mut messages = consumer.messages().await.map_err(|error| failed(&error))?;
    let mut delivered: u64 = 0;
    loop {
        let next = timeout(PATIENCE, messages.next()).await.map_err(|error| failed(&error))?;
        let message = next.ok_or_else(|| failed(&"the consumer is gone"))?.map_err(|error| failed(&error))?;
        let info = message.info().map_err(|error| failed(&error))?;
        delivered = delivered.saturating_add(1);
        if info.consumer_sequence != delivered {
            return Err(failed(&"a message is missing"));
        }
        let wanted = search.first.saturating_add(found.len() as u64);
        if line_of(message.headers.as_ref(), &search.run) == Some(wanted) {
            found.push(info.stream_sequence);
        }
        // The last of them may have been deleted, and then never comes.
        if info.stream_sequence >= last || info.pending == 0 {
            return Ok(());
        }
    }
}

/// Which line of ours the message is.
fn line_of(headers: Option<&HeaderMap>, run: &str) -> Option<u64> {
    headers?.get(NATS_MESSAGE_ID)?.as_str().strip_prefix(run)?.strip_prefix('-')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_messages_of_this_run_are_ours() {
        let line = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(NATS_MESSAGE_ID, id);
            line_of(Some(&headers), "RUN")
        };
        assert_eq!(line("RUN-17"), Some(17));
        for other in ["RUM-17", "RUN17", "RUN-", "RUNS-17", "17", ""] {
            assert_eq!(line(other), None, "{other}");
        }
        assert_eq!(line_of(None, "RUN"), None);
    }
}
