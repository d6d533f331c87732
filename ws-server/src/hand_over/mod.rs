//! What ws-server hands to the next process, and adopts from the previous one: the connections, the numbers, the schedule of
//! the dates, and the source.
//!
//! The bytes have a format with a number. A process that does not know it ends each connection by the closing bytes that it
//! brings along: 1012 for a WebSocket, the last chunk, or a 503. What stands in `format-1.txt`, `format-2.txt` and
//! `format-2-publishing.txt` must be read for ever.
//!
//! What few have stands behind the rest, and only where there is something to say. Of a connection: the bound of a bounded read, whose
//! token has let it in, and that it has had an answer and waits for its next request. Of the process: the state of the source once it
//! was told, the keys under which lines were published, and what there is to know of given numbers. A version that does not know such
//! a thing refuses such a connection or state, and everybody else's bytes are the same as before.

mod process;
mod state;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::process::FORMAT;
pub(crate) use self::{
    process::{FORMATS, adopt, export},
    state::{GivenState, ProcessState},
};
