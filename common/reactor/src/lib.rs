//! The event loop, written once for the three daemons. It knows [`Handler`], and no protocol.
//!
//! ```text
//!            accept             on_open                 on_data / on_end / on_drain / on_deadline
//!  listener ────────▶ limits ──────────▶ OPEN ◀──────────────────────────────────────────────────┐
//!                       │                 │  Flow::Continue ──────────────────────────────────────┘
//!                       │ full            │  Flow::CloseWhenFlushed, Flow::Finish
//!                       ▼                 ▼                 input may come
//!                  on_refuse          FLUSHING ──▶ shutdown(WR) ──▶ LINGERING ──▶ close ──▶ on_close
//!                                         │ nothing more can come (Flow::Finish)          ▲
//!                                         │ Flow::Close, error, no progress               │
//!                                         └───────────────────────────────────────────────┘
//! ```
//!
//! - One worker per core, each with its own poll, connection table and listeners. A turn of the reactor writes to memory of its
//!   own worker only: it reads the stop flag ([`Control`]), and locks its mailbox ([`Mailboxes`]) when there is mail. Workers
//!   meet in the process-wide counters ([`Counters`]) when a connection opens, completes its first request or closes, never
//!   for a message; and where their handlers send each other mail.
//! - Readiness is edge-triggered. Events set flags on a connection; a system call that says `WouldBlock` clears them. A
//!   newcomer is read first, and watched only once it has to wait: one that is served at once costs the poll nothing.
//!   Reads, writes and accepts are bounded per turn; a connection with work left over waits on the ready list.
//! - Input comes before time: a deadline counts only when everything that had come by then is served.
//! - A worker has one receive buffer. A handler gets `&mut [u8]` and says how much of it it consumed; the reactor
//!   keeps the unconsumed tail. An idle connection owns no buffer at all.
//! - Every descriptor call and both clocks go through `system::System`, which has two implementations: `system::Kernel`,
//!   and `system::simulated` for the tests.

mod accept;
mod arrivals;
mod compact_instant;
mod connection;
mod connections;
mod context;
mod control;
mod counters;
mod deadlines;
mod evictable;
mod eviction;
mod exported;
mod flow;
mod handler;
mod held_place;
mod known_addresses;
mod mail;
mod network;
mod outbox;
mod pages;
mod per_address;
mod pieces;
mod settings;
#[cfg(any(test, feature = "simulated"))]
pub mod simulation;
mod start;
mod stats;
mod system;
mod table;
mod tail;
#[cfg(test)]
mod tests;
mod token;
mod worker;
mod worker_state;

pub use compact_instant::CompactInstant;
pub use context::{Context, Turn};
pub use control::Control;
pub use counters::{Counters, Snapshot};
pub use exported::{Arriving, Exported, ExportedConnection};
pub use flow::{CloseReason, Flow, Progress, Stop, Wake};
pub use handler::Handler;
pub use mail::Mailboxes;
pub use pages::{PageStore, Pages};
pub use pieces::Pieces;
pub use settings::{AddressEviction, Settings};
pub use start::{Ended, Reactor};
pub use stats::{Stats, Traffic};
pub use system::Listener;
pub use token::Token;
