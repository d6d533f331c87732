//! A static HTTP/1.1 file server with the datecast page built in.
//!
//! ```text
//!  bytes ─▶ handler ─▶ common::http::Head ─▶ answer ─▶ path ─▶ site ─▶ builtin
//!              ▲                                │                └──▶ directory ─▶ cache, root (openat2)
//!              │                                ├─ conditional, range, encoding: what of it, and whether
//!              └── response: head and body ◀────┘
//! ```
//!
//! Only `handler` knows the event loop, and only `root` and `directory` touch the file system.

pub mod answer;
pub mod builtin;
pub mod cache;
pub mod cache_control;
pub mod conditional;
pub mod config;
pub mod csp;
pub mod date;
pub mod directory;
pub mod encoding;
pub mod etag;
pub mod handler;
mod log_line;
pub mod mime;
pub mod path;
pub mod range;
pub mod representation;
pub mod response;
pub mod root;
pub mod site;
