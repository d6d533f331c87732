//! Where lines come from: a thread that reads, and how far the workers are with what they have read.
//!
//! ```text
//!  stdin, FIFO, producers ──▶ Splitter ──▶ Publisher ── Arc<Batch> ──▶ every worker's mailbox
//!       (one thread)         (lines)     (numbers)                          │
//!                                 ▲────────── SourceProgress ◀── Intake ◀───────────┘
//! ```
//!
//! `--source http` has no thread: each worker publishes what its own connections send (`publish`).

mod complaint;
mod connected;
mod faults;
mod feed;
mod fifo;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod gate;
mod given;
#[cfg(test)]
mod given_model;
mod input;
mod intake;
mod lines;
mod producer;
mod producers;
mod progress;
mod publisher;
mod settling;
mod socket;
mod states;
mod stdin;

#[cfg(test)]
pub(crate) use self::lines::InvalidUtf8;
pub use self::states::SourceStates;
pub(crate) use self::{
    faults::FaultCounts,
    feed::{ExportedSource, Feed, Source, SourceOptions, remove_stale_socket},
    intake::Intake,
    lines::{LineRules, Splitter},
    producer::Producer,
    progress::{Filling, Head, IN_FLIGHT, SourceProgress},
    publisher::{BATCH_SIZE, LineFormat, OpenBatch, Posted, Publisher},
};
