//! Opening handshakes of every WebSocket dialect, which one fixed order of checks tells apart.
//!
//! ```text
//!  GET, HTTP/1.1, Upgrade: websocket, Connection: upgrade?  ── no ──▶ Detected::Http
//!    │ yes
//!    ├─ Sec-WebSocket-Version or -Key?  ──▶ 13, 8, 7: hybi;  any other: 426
//!    ├─ Sec-WebSocket-Key1 and -Key2?   ──▶ draft 76;        only one: 400
//!    └─ none of them                    ──▶ draft 75
//! ```

mod detect;
mod error;
mod key;
mod offer;
#[cfg(test)]
mod tests;

pub use detect::{Detected, detect};
pub use error::{HandshakeError, VERSIONS_OFFERED};
pub use offer::Offer;
