//! The harness: starts the real daemons on port 0, talks to them over real sockets, and cleans up after itself.
//!
//! ```text
//!  test ── Daemon::start ──▶ ws-server --listen 127.0.0.1:0
//!    │                          │ stderr: "… listening on 127.0.0.1:49152"
//!    │◀──────── address ────────┘
//!    ├── Daemon::connect ──────────▶ Client: raw bytes, HTTP (`http`), WebSocket (`websocket`)
//!    └── foreign::Program::start ──▶ node ws.mjs ws://127.0.0.1:49152/   stdout: "0 text Wed Sep 22 …"
//!
//!  test ── Holder::start ──▶ socket, fd store, NOTIFY_SOCKET ──▶ one ws-server after the other
//! ```
//!
//! A child process dies with its owner, which kills it by its id. Every wait has a deadline.

// This crate is nothing but test support: a broken expectation ends the test with its sentence.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::missing_panics_doc)]
#![allow(clippy::disallowed_methods)] // Deadlines of the tests run on the real clock.

mod client;
mod daemon;
mod fifo;
mod files;
pub mod foreign;
mod holder;
pub mod http;
mod ids;
mod inherit;
mod lines;
mod messages;
mod ports;
mod project;
pub mod publish;
pub mod scrape;
mod stop;
mod unprivileged;
mod wait;
mod websocket;

pub use client::Client;
pub use daemon::{Daemon, command, on_free_port, signal, with_blocked_signals};
pub use fifo::make_fifo;
pub use files::raise_file_limit;
pub use holder::Holder;
pub use ids::{split_id, without_epochs};
pub use inherit::inherit;
pub use messages::{after_retry, is_js_date, skipped_dates};
pub use ports::free_port;
pub use project::{binary, project};
pub use rustix::process::Signal;
pub use stop::{Stop, StopAtEnd};
pub use unprivileged::unprivileged;
pub use wait::{PATIENCE, eventually, takes_less_than};
pub use websocket::{UPGRADE, frame, handshake};
