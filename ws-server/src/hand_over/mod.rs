//! What ws-server hands to the next process, and adopts from the previous one: the connections, the numbers, the schedule of
//! the dates, and the source.
//!
//! The bytes have a format with a number. A process that does not know it closes the connections with 1012, by the closing
//! bytes that each brings along. What stands in `format-1.txt` must be read for ever.

mod process;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    process::{FORMATS, adopt, export},
    state::PreviousState,
};
