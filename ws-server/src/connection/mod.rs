//! What one peer speaks, from its first bytes to its last.
//!
//! ```text
//!  bytes ─▶ opening (first_bytes, request, response) ─▶ state ─▶ websocket
//!                                                        ▲
//!  stream, notices ─▶ delivery ──────────────────────────┘       snapshot: to the next process
//! ```
//!
//! Each file holds the methods of [`Connection`] for its subject.

mod delivery;
mod document;
mod ending;
mod env;
mod extras;
mod first_bytes;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod http_stream;
mod kept;
mod notice;
mod opening;
mod permission;
mod poll;
mod poll_request;
mod polling;
mod publishing;
mod pulse;
mod rate;
mod request;
mod response;
mod resting;
mod settings;
mod snapshot;
mod state;
mod token_file;
mod way;
mod websocket;

pub(crate) use self::{
    delivery::Sent,
    ending::Ending,
    env::{Env, Ids, Next, Received},
    notice::{Notice, Payload},
    polling::{PollService, Polled},
    response::no_room,
    settings::{Access, ConnectionOptions, UNIX_PEER},
    snapshot::Predecessor,
    state::Stage,
};
pub use self::{env::IsForStream, request::asks_for_stream, state::Connection};
#[cfg(test)]
pub(crate) use self::{
    rate::RateLimiter,
    request::{Prefix, StreamParams},
    state::{Reuse, Upgraded},
};
