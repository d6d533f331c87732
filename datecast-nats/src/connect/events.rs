//! What the servers say by themselves, and what it means to a request under way.

use async_nats::{ClientError, Event, ServerError};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::problem::Problem;

/// A connection that the client makes again.
pub(crate) const LOST: &str = "the connection to the servers is lost";

/// After a connection that stood: the server refuses the same login. It may be one of several, which the others take.
pub(crate) const REFUSED_AGAIN: &str = "the server does not let this user in any more; we keep trying, and read the files of \
     its password or key at a start only: start again when they have changed";

/// Whether an attempt to connect again has failed for our login.
pub(crate) fn is_refused_again(event: &Event) -> bool {
    matches!(event, Event::ClientError(ClientError::Other(error)) if error.contains("authorization"))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_is_refused_later_is_told_from_servers_that_are_gone() {
        use async_nats::ConnectErrorKind::{AuthorizationViolation, Io, TimedOut};
        let event =
            |kind: async_nats::ConnectErrorKind| Event::ClientError(ClientError::Other(kind.to_string()));
        for (kind, refused) in [(AuthorizationViolation, true), (Io, false), (TimedOut, false)] {
            assert_eq!(is_refused_again(&event(kind)), refused, "{kind}");
        }
        assert!(!is_refused_again(&Event::Disconnected));
    }
}
