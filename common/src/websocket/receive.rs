//! Receiving: the next event from the input.

use super::Event;
use super::input::Input;
use super::socket::{Phase, WebSocket};
use crate::frame::ProtocolError;

impl WebSocket {
    /// Takes the next event from the input and cuts what it consumed off the front. `None` means that it needs more
    /// bytes: the caller passes what is left again, with more behind it. Replies go to `out`.
    ///
    /// # Errors
    /// [`ProtocolError`] when the peer breaks the protocol or exceeds a limit. The caller sends its code with
    /// [`WebSocket::close`]; this method discards all further input.
    pub fn receive<'i>(
        &mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'i>>, ProtocolError> {
        match self.phase {
            Phase::AwaitingKey { .. } => return Ok(self.receive_key(input, out)),
            Phase::Opening => {
                self.phase = Phase::Open;
                return Ok(Some(Event::Opened));
            }
            // RFC 6455 §5.5.1: after both Close frames "an endpoint ... considers the WebSocket connection closed";
            // §7.1.7: once failed, it "MUST NOT continue to attempt to process data".
            Phase::Closed | Phase::Failed => {
                *input = &mut [];
                return Ok(None);
            }
            Phase::Open | Phase::Closing => {}
        }
        let result = match self.input {
            Input::Hixie(inside) => self.receive_hixie(inside, input, out),
            Input::Hybi(open) => self.receive_hybi(open, input, out),
        };
        if result.is_err() {
            self.phase = if self.phase == Phase::Open { Phase::Failed } else { Phase::Closed };
            *input = &mut [];
        }
        result
    }
}
