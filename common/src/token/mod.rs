//! Who may read and who may publish: the tokens of a file, and the one that a request presents.
//!
//! ```text
//!  file ──▶ TokenList::parse                    request ──▶ presented
//!               │ digests                                      │ Authorization, else ?token=, else a cookie
//!               └──────────▶ TokenList::find ◀─────────────────┘
//!                                 └─▶ Grant: the name and the digest, which a connection keeps
//! ```
//!
//! Nothing here keeps a token or shows one: an error names a line, a [`Grant`] holds a digest, and [`shown_target`](crate::http::shown_target) is how a log line
//! shows what a request asks for.

mod grant;
mod list;
mod presented;

pub use grant::Grant;
pub use list::{MAX_FILE, TokenFileError, TokenList};
pub use presented::presented;
