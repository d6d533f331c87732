//! The notice to a client that does not get every message after the one it had.

use crate::id::MessageId;
use std::fmt;

/// A gap in the stream as one client gets it. It comes before the messages behind the gap.
///
/// Displayed as JSON, the same in every framing:
/// ```
/// use common::gap::Gap;
/// let gap = Gap { missed: Some(3), new_stream: false, next: None };
/// assert_eq!(gap.to_string(), r#"{"missed":3,"stream":"same","next":null}"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many messages the client missed; `None` if nobody can know.
    pub missed: Option<u64>,
    /// The client had messages of another stream.
    pub new_stream: bool,
    /// The message that the client gets next; `None` if there is none yet.
    pub next: Option<MessageId>,
}

impl Gap {
    /// The members of its JSON without the braces, for an object that has others, too.
    pub(crate) fn members(&self) -> String {
        let missed = self.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
        let stream = if self.new_stream { "new" } else { "same" };
        let next = self.next.map_or_else(|| "null".to_owned(), |id| format!("\"{id}\""));
        format!("\"missed\":{missed},\"stream\":\"{stream}\",\"next\":{next}")
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.members())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Epoch;

    #[test]
    fn a_gap_is_json_with_three_members() {
        let next = Some(MessageId { epoch: Epoch::from_millis(10), number: 7 });
        for (missed, new_stream, next, json) in [
            (Some(0), false, None, r#"{"missed":0,"stream":"same","next":null}"#),
            (
                Some(u64::MAX),
                false,
                next,
                r#"{"missed":18446744073709551615,"stream":"same","next":"00000000000a_7"}"#,
            ),
            (None, false, next, r#"{"missed":null,"stream":"same","next":"00000000000a_7"}"#),
            (None, true, next, r#"{"missed":null,"stream":"new","next":"00000000000a_7"}"#),
            (None, true, None, r#"{"missed":null,"stream":"new","next":null}"#),
        ] {
            assert_eq!(Gap { missed, new_stream, next }.to_string(), json);
        }
    }
}
