//! What a server says to a client, whatever the form in which it says it.

/// A gap as a client is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToldGap {
    pub(super) missed: Option<u64>,
    pub(super) new_stream: bool,
    /// The id of the message that follows, where the form says it.
    pub(super) next: Option<String>,
}

/// The head of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AnswerHead {
    pub(super) status: u16,
    /// `X-Connection-Id`.
    pub(super) connection: Option<u64>,
    pub(super) gap: Option<ToldGap>,
    /// `Datecast-Last-Id`.
    pub(super) last: Option<String>,
}

/// One thing that the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Head(AnswerHead),
    /// A message whose form has a place for its id, or the number alone.
    Message {
        id: String,
        text: String,
    },
    /// A message or a notice: the form does not say which.
    Text(String),
    /// A word beside the stream.
    Notice(String),
    Gap(ToldGap),
    /// The state of the source, a heartbeat, a comment, a time to wait.
    Aside,
    Binary(Vec<u8>),
    Ping,
    Pong(Vec<u8>),
    /// Our Close; without a code in draft 76.
    Close(Option<u16>, String),
    /// The last chunk, or the last byte of an answer with a length.
    Whole,
    /// The whole body of an answer with a length.
    Body(String),
}

impl ToldGap {
    /// Reads `"missed":3,"stream":"same","next":"ID"`.
    pub(super) fn parse(members: &str) -> Option<Self> {
        let rest = members.strip_prefix("\"missed\":")?;
        let (missed, rest) = rest.split_once(",\"stream\":\"")?;
        let (stream, next) = rest.split_once("\",\"next\":")?;
        let missed = if missed == "null" { None } else { Some(missed.parse().ok()?) };
        let new_stream = match stream {
            "new" => true,
            "same" => false,
            _ => return None,
        };
        let next = match next {
            "null" => None,
            id => Some(id.strip_prefix('"')?.strip_suffix('"')?.to_owned()),
        };
        Some(Self { missed, new_stream, next })
    }
}
