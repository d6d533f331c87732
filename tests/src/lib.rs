//! The harness: starts the real binaries on port 0 and cleans up after itself.
//!
//! ```text
//!  test ── Daemon::start ──▶ ws-server --listen 127.0.0.1:0
//!    │                          │ stderr: "… listening on 127.0.0.1:49152"
//!    │◀──────── address ────────┘
//!    └── Client::start ──▶ node ws.mjs ws://127.0.0.1:49152/   stdout: "0 text Wed Sep 22 …"
//! ```
//!
//! Every child process is killed by its own id when its owner is dropped. Every wait has a deadline.

// This crate is nothing but test support: a broken expectation ends the test with its sentence.
#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, clippy::print_stderr)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests are read from the real clock.

pub mod client;
pub mod daemon;
pub mod http;
mod lines;
pub mod scrape;

pub use client::{Client, Event};
pub use daemon::Daemon;
