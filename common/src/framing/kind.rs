//! Every framing by name.

use super::{
    envelope::Envelope,
    event_stream::Events,
    form::Form,
    html::Html,
    lines::Lines,
    ndjson::Ndjson,
    texts::{Numbered, Plain, WithIds},
};

/// The form in which a connection receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Framing {
    /// A text frame of RFC 6455 and drafts 07, 08.
    Hybi,
    /// As [`Framing::Hybi`], the text being the number, U+0009 and the message.
    HybiNumbered,
    /// A text frame of drafts 75 and 76.
    Hixie,
    /// As [`Framing::Hixie`], the text being the number, U+0009 and the message.
    HixieNumbered,
    /// Server-sent events, to the end of the stream (HTTP/1.0).
    EventStream,
    /// Server-sent events in HTTP chunks (HTTP/1.1).
    EventStreamChunked,
    /// Lines, to the end of the stream (HTTP/1.0).
    Lines,
    /// Lines in HTTP chunks (HTTP/1.1).
    LinesChunked,
    /// As [`Framing::Hybi`], the text being the id, U+0009 and the message.
    HybiIds,
    /// As [`Framing::Hixie`], the text being the id, U+0009 and the message.
    HixieIds,
    /// As [`Framing::EventStream`], the event's id being the number alone.
    EventStreamBare,
    /// As [`Framing::EventStreamChunked`], the event's id being the number alone.
    EventStreamBareChunked,
    /// Lines of JSON, to the end of the stream (HTTP/1.0).
    Ndjson,
    /// Lines of JSON in HTTP chunks (HTTP/1.1).
    NdjsonChunked,
    /// A document of HTML, to the end of the stream (HTTP/1.0).
    Html,
    /// A document of HTML in HTTP chunks (HTTP/1.1).
    HtmlChunked,
}

impl Framing {
    /// Every framing, in the order of [`Framing::index`]. A new one comes last: the index is written into the state that
    /// processes hand over.
    pub const ALL: [Self; 16] = [
        Self::Hybi,
        Self::HybiNumbered,
        Self::Hixie,
        Self::HixieNumbered,
        Self::EventStream,
        Self::EventStreamChunked,
        Self::Lines,
        Self::LinesChunked,
        Self::HybiIds,
        Self::HixieIds,
        Self::EventStreamBare,
        Self::EventStreamBareChunked,
        Self::Ndjson,
        Self::NdjsonChunked,
        Self::Html,
        Self::HtmlChunked,
    ];

    /// How it says things, and what is around each.
    fn parts(self) -> (&'static dyn Form, Envelope) {
        match self {
            Self::Hybi => (&Plain, Envelope::Hybi),
            Self::HybiNumbered => (&Numbered, Envelope::Hybi),
            Self::HybiIds => (&WithIds, Envelope::Hybi),
            Self::Hixie => (&Plain, Envelope::Hixie),
            Self::HixieNumbered => (&Numbered, Envelope::Hixie),
            Self::HixieIds => (&WithIds, Envelope::Hixie),
            Self::EventStream => (&Events::WithIds, Envelope::Bare),
            Self::EventStreamChunked => (&Events::WithIds, Envelope::Chunk),
            Self::EventStreamBare => (&Events::Bare, Envelope::Bare),
            Self::EventStreamBareChunked => (&Events::Bare, Envelope::Chunk),
            Self::Lines => (&Lines, Envelope::Bare),
            Self::LinesChunked => (&Lines, Envelope::Chunk),
            Self::Ndjson => (&Ndjson, Envelope::Bare),
            Self::NdjsonChunked => (&Ndjson, Envelope::Chunk),
            Self::Html => (&Html, Envelope::Bare),
            Self::HtmlChunked => (&Html, Envelope::Chunk),
        }
    }

    pub(super) fn form(self) -> &'static dyn Form {
        self.parts().0
    }

    pub(super) fn envelope(self) -> Envelope {
        self.parts().1
    }

    /// Its place in [`Framing::ALL`], for tables with one entry for each framing.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The same framing with the message's number in the text, unless the framing already has a place for it.
    #[must_use]
    pub fn numbered(self) -> Self {
        match self {
            Self::Hybi => Self::HybiNumbered,
            Self::Hixie => Self::HixieNumbered,
            other => other,
        }
    }

    /// The same framing with the message's id in the text, unless the framing already has a place for it.
    #[must_use]
    pub fn with_ids(self) -> Self {
        match self {
            Self::Hybi => Self::HybiIds,
            Self::Hixie => Self::HixieIds,
            other => other,
        }
    }

    /// The same framing with the number alone for an event's id.
    #[must_use]
    pub fn bare(self) -> Self {
        match self {
            Self::EventStream => Self::EventStreamBare,
            Self::EventStreamChunked => Self::EventStreamBareChunked,
            other => other,
        }
    }

    /// The same framing in chunks of HTTP/1.1, for a stream over HTTP.
    #[must_use]
    pub fn chunked(self) -> Self {
        match self {
            Self::EventStream => Self::EventStreamChunked,
            Self::EventStreamBare => Self::EventStreamBareChunked,
            Self::Lines => Self::LinesChunked,
            Self::Ndjson => Self::NdjsonChunked,
            Self::Html => Self::HtmlChunked,
            other => other,
        }
    }

    /// True if a gap, and the state of the source, have a form of their own between the messages. A client of such a framing is
    /// told all that it does not get.
    pub fn tells_gaps(self) -> bool {
        self.form().tells_gaps()
    }

    /// The media type of a stream over HTTP; empty for a WebSocket.
    pub fn media_type(self) -> &'static str {
        self.form().media_type()
    }

    /// Header fields of a stream over HTTP, beside its media type.
    pub fn fields(self) -> &'static [(&'static str, &'static str)] {
        self.form().fields()
    }

    /// The name of a stream over HTTP in metrics; empty for a WebSocket, which is named by its dialect.
    pub fn name(self) -> &'static str {
        self.form().name()
    }

    /// True for frames of RFC 6455 and drafts 07, 08, the only ones that may be binary.
    pub fn is_hybi(self) -> bool {
        self.envelope() == Envelope::Hybi
    }

    /// True for server-sent events.
    pub fn is_event_stream(self) -> bool {
        matches!(
            self,
            Self::EventStream
                | Self::EventStreamChunked
                | Self::EventStreamBare
                | Self::EventStreamBareChunked
        )
    }

    /// True if its parts are chunks of HTTP/1.1.
    pub fn is_chunked(self) -> bool {
        self.envelope() == Envelope::Chunk
    }
}
