//! Where lines come from: threads that read, and how far the workers are with what they have read.
//!
//! ```text
//!  stdin, FIFO, producers ──▶ Splitter ──▶ Publisher ── Arc<Batch> ──▶ every worker's mailbox
//!        (blocking reads)      (lines)     (numbers)                          │
//!                                 ▲────────── SourceProgress ◀── Intake ◀───────────┘
//! ```

mod feed;
mod fifo;
mod gate;
mod intake;
mod lines;
mod producer;
mod producers;
mod progress;
mod publisher;
mod stdin;

pub(crate) use self::{
    feed::{Feed, Source, SourceOptions, remove_socket},
    intake::Intake,
    producer::Producer,
    progress::SourceProgress,
    publisher::{LineFormat, Publisher},
};
