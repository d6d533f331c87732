//! What one attempt to publish has come to: pure.

use async_nats::client::{RequestError, RequestErrorKind};

use super::{
    answer::{Answer, answer},
    queue::Outcome,
};
use crate::problem::Problem;

/// What an attempt has come to, and why it was not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) outcome: Outcome,
    /// What stands in the way; nothing where the lines are stored, or where it is no obstacle.
    pub(super) problem: Option<Problem>,
    /// The stream takes no batches (any more).
    pub(super) forbids_batches: bool,
}

impl Attempt {
    fn new(outcome: Outcome, problem: Option<Problem>) -> Self {
        Self { outcome, problem, forbids_batches: false }
    }

    /// Nothing was sent, because of this.
    pub(super) fn unsent(problem: Problem) -> Self {
        Self::new(Outcome::Refused, Some(problem))
    }

    /// Nobody knows whether the lines are stored, because of this.
    pub(super) fn unanswered(problem: Problem) -> Self {
        Self::new(Outcome::Unknown, Some(problem))
    }

    /// From the answer to this many lines.
    pub(super) fn answered(payload: &[u8], count: usize, stream: &str) -> Self {
        match answer(payload) {
            Answer::Stored { sequence, duplicate, batch } => match (count, batch) {
                (1, None) => Self::new(Outcome::Stored { last: sequence, duplicate }, None),
                (_, Some(stored)) if stored == count as u64 => {
                    Self::new(Outcome::Stored { last: sequence, duplicate }, None)
                }
                // Some of the lines are stored one by one.
                _ => Self {
                    forbids_batches: true,
                    ..Self::unanswered(Problem::passing(
                        "a server older than 2.12 leads the stream, and takes no batches",
                    ))
                },
            },
            Answer::Refused { code, description } => Self::refused(code, &description, count, stream),
            Answer::Foreign => {
                let what = "something else than JetStream answers to the stream's subject; say the --subject of the stream";
                Self::unanswered(Problem::passing(what))
            }
        }
    }

    fn refused(code: u64, description: &str, count: usize, stream: &str) -> Self {
        let problem = Some(Problem::of_jetstream(code, description, stream));
        match code {
            // "message size exceeds maximum allowed"
            10054 if count == 1 => Self::new(Outcome::Unacceptable, problem),
            // "atomic publish batch contains duplicate message id": an earlier attempt was stored, or is about to be.
            10201 => Self::new(Outcome::Unknown, None),
            // "duplicate message id is in process"
            10158 => Self::new(Outcome::Unknown, problem),
            // "atomic publish is disabled"
            10174 => Self { forbids_batches: true, ..Self::new(Outcome::Refused, None) },
            // "atomic publish batch is incomplete", mostly because another server leads now.
            10176 => Self::new(Outcome::Refused, None),
            _ => Self::new(Outcome::Refused, problem),
        }
    }

    /// From the error of the request for this many lines.
    pub(super) fn failed(error: &RequestError, count: usize, stream: &str) -> Self {
        match error.kind() {
            RequestErrorKind::MaxPayloadExceeded if count == 1 => Self::new(
                Outcome::Unacceptable,
                Some(Problem::passing("larger than the server's max_payload")),
            ),
            RequestErrorKind::MaxPayloadExceeded | RequestErrorKind::InvalidSubject => {
                Self::unsent(Problem::passing(error.to_string()))
            }
            RequestErrorKind::NoResponders => Self::unsent(Problem::passing(format!(
                "no server takes messages for the stream {stream}: it has no leader at the moment, or is gone"
            ))),
            RequestErrorKind::TimedOut => Self::unanswered(no_acknowledgement()),
            RequestErrorKind::Other => Self::unanswered(Problem::passing(error.to_string())),
        }
    }
}

/// A server has taken the message and says nothing.
pub(super) fn no_acknowledgement() -> Problem {
    Problem::passing("no acknowledgement comes: the stream has no leader at the moment, or is slow")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(payload: &str, count: usize) -> (Outcome, bool) {
        let attempt = Attempt::answered(payload.as_bytes(), count, "L");
        (attempt.outcome, attempt.forbids_batches)
    }

    fn error(code: u64) -> String {
        format!(r#"{{"error":{{"code":400,"err_code":{code},"description":"no"}},"stream":"L","seq":0}}"#)
    }

    #[test]
    fn a_batch_is_stored_only_when_all_of_it_is() {
        let stored = Outcome::Stored { last: 9, duplicate: false };
        assert_eq!(outcome(r#"{"stream":"L","seq":9,"batch":"b","count":3}"#, 3), (stored, false));
        assert_eq!(outcome(r#"{"stream":"L","seq":9}"#, 1), (stored, false));
        assert_eq!(outcome(r#"{"stream":"L","seq":9,"batch":"b","count":2}"#, 3), (Outcome::Unknown, true));
        // A server that does not know batches has stored the last line as one alone.
        assert_eq!(outcome(r#"{"stream":"L","seq":9}"#, 3), (Outcome::Unknown, true));
    }

    #[test]
    fn a_refusal_that_may_hide_a_stored_line_is_no_refusal() {
        assert_eq!(outcome(&error(10201), 3), (Outcome::Unknown, false));
        assert_eq!(outcome(&error(10158), 1), (Outcome::Unknown, false));
        assert_eq!(outcome("?", 1), (Outcome::Unknown, false));
    }

    #[test]
    fn a_line_that_is_too_large_is_told_from_a_batch_that_holds_one() {
        assert_eq!(outcome(&error(10054), 1), (Outcome::Unacceptable, false));
        assert_eq!(outcome(&error(10054), 3), (Outcome::Refused, false));
        assert_eq!(outcome(&error(10077), 1), (Outcome::Refused, false));
        assert_eq!(outcome(&error(10174), 3), (Outcome::Refused, true));
    }
}
