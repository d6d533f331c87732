//! What the encoders of all framings have in common.

use super::farewell::Farewell;
use crate::{
    gap::Gap,
    id::{MessageId, Since},
    source_state::SourceState,
};

/// How one form says what a stream has to say; an [`super::envelope::Envelope`] goes around each part.
///
/// A form that has no place for something appends nothing.
pub(super) trait Form: Sync {
    /// The media type of a stream over HTTP; a WebSocket has none.
    fn media_type(&self) -> &'static str {
        ""
    }

    /// The name of a stream over HTTP in metrics; a WebSocket has that of its dialect.
    fn name(&self) -> &'static str {
        ""
    }

    /// Header fields of a stream over HTTP in this form, beside its media type.
    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// True if [`Form::gap`] and [`Form::source`] append something.
    fn tells_gaps(&self) -> bool {
        false
    }

    /// Appends what stands before all else.
    fn opening(&self, _out: &mut Vec<u8>) {}

    /// Appends a message of the stream, which may be empty.
    fn message(&self, id: MessageId, text: &str, out: &mut Vec<u8>);

    /// What stands before the text of a message beside the stream, in the text of a frame.
    fn before_notice(&self) -> &'static str {
        ""
    }

    /// Appends a message beside the stream.
    fn notice(&self, text: &str, out: &mut Vec<u8>);

    /// Appends the sign of life for a client that has asked for one after so many seconds without a word. It may be empty.
    fn heartbeat(&self, seconds: u16, out: &mut Vec<u8>);

    /// Appends what the client does not get of the stream.
    fn gap(&self, _gap: &Gap, _out: &mut Vec<u8>) {}

    /// Appends what the source is doing.
    fn source(&self, _state: &SourceState, _out: &mut Vec<u8>) {}

    /// Appends what a browser shall send as its last id when it reconnects.
    fn last_id(&self, _had: Since, _out: &mut Vec<u8>) {}

    /// Appends how many milliseconds a browser should wait before it reconnects.
    fn retry(&self, _milliseconds: u64, _out: &mut Vec<u8>) {}

    /// Appends the last words of the stream.
    fn farewell(&self, _farewell: &Farewell, _out: &mut Vec<u8>) {}

    /// Appends something that no client takes notice of.
    fn comment(&self, _out: &mut Vec<u8>) {}
}
