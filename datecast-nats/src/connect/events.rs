//! What the servers say by themselves, and what it means to a request under way.

use async_nats::{Event, ServerError};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::problem::Problem;

/// A connection that the client makes again.
pub(crate) const LOST: &str = "the connection to the servers is lost";

/// Waits for an event after which no answer comes.
pub(crate) async fn obstacle(events: &mut UnboundedReceiver<Event>) -> Problem {
    loop {
        match events.recv().await {
            Some(event) => {
                if let Some(problem) = of_event(&event) {
                    return problem;
                }
            }
            // The client is gone with its events, which ends the request, too.
            None => std::future::pending().await,
        }
    }
}

/// Waits for the server to say that something is not allowed.
pub(crate) async fn refusal(events: &mut UnboundedReceiver<Event>) -> Problem {
    loop {
        let problem = obstacle(events).await;
        if !problem.passes {
            return problem;
        }
    }
}

/// What an event means to the message under way; nothing for most.
pub(crate) fn of_event(event: &Event) -> Option<Problem> {
    match event {
        Event::Disconnected => Some(Problem::passing(LOST)),
        Event::ServerError(ServerError::Other(error)) => Some(Problem::of_server(error)),
        Event::ServerError(ServerError::AuthorizationViolation) => {
            Some(Problem::of_server("authorization violation"))
        }
        _ => None,
    }
}
