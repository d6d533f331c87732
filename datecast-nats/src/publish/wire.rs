//! Sends lines to the stream and waits for the answer.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, Event, HeaderMap, client::Request, connection::State, jetstream};
use daemon::{Exit, clock};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

use super::{
    attempt::{Attempt, no_acknowledgement},
    look::{Search, look},
    patience::Patience,
    queue::{Outcome, Waiting},
    target::Target,
};
use crate::{
    connect::{LOST, REFUSED_AGAIN, is_refused_again, obstacle, of_event, refusal},
    epoch::epoch_of,
    problem::Problem,
    stream_info::stream_info,
};

/// How long a line alone may be without an answer, at most. An election takes longer, and another attempt finds the new leader.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for a batch.
const PATIENCE_BATCH: Duration = Duration::from_secs(5);
/// Bytes of a message's headers beside the names that stand in them.
const HEADERS: usize = 256;

/// The way to one stream, for one run of the program.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client,
    target: Target,
    /// Begins the id of each message, and no other run's.
    run: Arc<str>,
    /// Counts the batches, for their ids.
    batches: u64,
    /// With a line alone, and with a batch.
    patience: [Patience; 2],
    events: UnboundedReceiver<Event>,
    /// What a connection that is lost is waiting for, in words.
    lost: &'static str,
}

impl Wire {
    /// A way to this stream; `events` are those of the client.
    pub(super) fn new(client: Client, target: Target, events: UnboundedReceiver<Event>) -> Self {
        // The client makes its inboxes from random letters: 22 of them, more than two runs will share.
        let run = client.new_inbox().rsplit('.').next().unwrap_or_default().into();
        let patience = [PATIENCE, PATIENCE_BATCH].map(Patience::new);
        Self { client, target, run, batches: 0, patience, events, lost: LOST }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The largest line, in bytes, that the server and the stream take.
    pub(super) fn largest_line(&self) -> usize {
        let largest = self.client.max_payload().min(self.target.largest.unwrap_or(usize::MAX));
        largest.saturating_sub(HEADERS + self.run.len() + self.target.stream.len())
    }

    /// The message's id: by it the stream knows a line that is repeated.
    pub(super) fn message_id(&self, line: u64) -> String {
        format!("{}-{line}", self.run)
    }

    /// Asks for the stream, which lines do not get into: is it still the same one, and does it take our subject?
    ///
    /// # Errors
    /// It is not or does not, or it is not there. That nobody answers is no error: it may pass.
    pub(super) async fn examine(&self) -> Result<(), Problem> {
        let context = jetstream::new(self.client.clone());
        match stream_info(&context, &self.target.stream).await {
            Ok(info) if epoch_of(&info.config) != self.target.epoch => Err(made_anew(&self.target.stream)),
            Ok(info) => self.target.accepted(&info.config),
            Err(problem) if !problem.passes => Err(problem),
            Err(_) => Ok(()),
        }
    }

    /// Finds the lines from this one that the stream has; `after` is the stream's number of the last line before it.
    pub(super) async fn look(&mut self, first: u64, after: Option<u64>) -> Result<Vec<u64>, Problem> {
        if self.client.connection_state() != State::Connected {
            return Err(Problem::passing(LOST));
        }
        let after = after.unwrap_or(self.target.last);
        let search = Search { stream: self.target.stream.clone(), run: self.run.clone(), first, after };
        let events = &mut self.events;
        tokio::select! {
            found = look(&self.client, &search) => found,
            problem = refusal(events) => Err(problem),
        }
    }

    /// Sends these lines, several as a batch, and waits for the answer.
    pub(super) async fn send(&mut self, lines: &[Waiting]) -> Attempt {
        if let Some(problem) = self.trouble() {
            return Attempt::unsent(problem);
        }
        if self.client.connection_state() != State::Connected {
            return Attempt::unsent(Problem::passing(self.lost));
        }
        self.batches = self.batches.wrapping_add(1);
        let [alone, batch] = &mut self.patience;
        let patience = if lines.len() > 1 { batch } else { alone };
        let begun = clock::now();
        let events = &mut self.events;
        let sent =
            timeout(patience.duration(), publish(&self.client, &self.target, &self.run, self.batches, lines));
        tokio::select! {
            // An answer counts for more than what has happened behind it.
            biased;
            attempt = sent => if let Ok(attempt) = attempt {
                if let Outcome::Stored { .. } = attempt.outcome {
                    patience.answered(begun.elapsed());
                }
                attempt
            } else {
                patience.exhausted();
                Attempt::unanswered(no_acknowledgement())
            },
            problem = obstacle(events) => if problem.passes {
                Attempt::unanswered(problem)
            } else {
                // What the server does not allow it has not stored.
                Attempt::unsent(problem)
            },
        }
    }

    /// What the server or the client has said since the last attempt that stands in the way.
    fn trouble(&mut self) -> Option<Problem> {
        let mut found = None;
        while let Ok(event) = self.events.try_recv() {
            self.lost = match event {
                Event::Connected => LOST,
                _ if is_refused_again(&event) => REFUSED_AGAIN,
                _ => self.lost,
            };
            found = of_event(&event).filter(|problem| !problem.passes).or(found);
        }
        found
    }
}

async fn publish(client: &Client, target: &Target, run: &str, batch: u64, lines: &[Waiting]) -> Attempt {
    let Some((last, others)) = lines.split_last() else {
        return Attempt::unsent(Problem::passing("there is no line to send"));
    };
    let headers = |at: usize, line: &Waiting| {
        let mut headers = HeaderMap::new();
        headers.insert(async_nats::header::NATS_MESSAGE_ID, format!("{run}-{}", line.number));
        // A mirror of nats-server 2.9 would take no message that names its origin.
        if client.is_server_compatible(2, 10, 0) {
            headers.insert(async_nats::header::NATS_EXPECTED_STREAM, target.stream.as_str());
        }
        if !others.is_empty() {
            headers.insert("Nats-Batch-Id", format!("{run}-{batch}"));
            headers.insert("Nats-Batch-Sequence", (at + 1).to_string());
        }
        headers
    };
    let subject = target.subject.as_str();
    for (at, line) in others.iter().enumerate() {
        let sent =
            client.publish_with_headers(subject.to_owned(), headers(at, line), line.text.clone()).await;
        if let Err(error) = sent {
            // Without its last message a batch stores nothing.
            return Attempt::unsent(Problem::passing(error.to_string()));
        }
    }
    let mut commit = headers(others.len(), last);
    if !others.is_empty() {
        commit.insert("Nats-Batch-Commit", "1");
    }
    let request = Request::new().headers(commit).payload(last.text.clone()).timeout(None);
    match client.send_request(subject.to_owned(), request).await {
        Ok(message) => Attempt::answered(&message.payload, lines.len(), &target.stream),
        Err(error) => Attempt::failed(&error, lines.len(), &target.stream),
    }
}

/// The numbers of the stream begin anew.
pub(super) fn made_anew(stream: &str) -> Problem {
    let what = format!(
        "the stream {stream} was made anew while we published to it; start publish again for the new one"
    );
    Problem::lasting(Exit::Data, what)
}
