//! A worker that goes to sleep leaves nothing undone that no event would announce: neither input nor output, nor a peer that
//! is gone. Edges that it has lost show here.

use std::time::Duration;

use super::Stepped;
use crate::Handler;
use crate::connection::{Io, Lifecycle};
use crate::system::Watched;
use crate::system::simulated::{Pipe, World};

pub(super) fn check<H: Handler>(world: &World, stepped: &Stepped<H>) {
    if stepped.timeout == Some(Duration::ZERO) || stepped.has_ended || stepped.worker.is_failing() {
        return;
    }
    let connections = &stepped.worker.connections;
    for entry in connections.table.iter() {
        let Some(pipe) = world.pipes.get(entry.socket.pipe) else { continue };
        let waits_for_memory = connections.state.short.contains(&entry.io.token);
        if pipe.listed || waits_for_memory {
            continue; // it will be served
        }
        assert!(
            entry.io.watched != Watched::No,
            "the worker sleeps, and nothing wakes it for {:?}",
            entry.io.token
        );
        if let Some(left) = left_undone(&entry.io, pipe) {
            let Io { token, lifecycle, .. } = entry.io;
            panic_about(&format!("{left} of {token:?} ({lifecycle:?})"));
        }
    }
}

#[allow(clippy::panic)]
fn panic_about(left: &str) {
    panic!("the worker sleeps, and {left} waits");
}

fn left_undone(io: &Io, pipe: &Pipe) -> Option<&'static str> {
    let reads = match io.lifecycle {
        Lifecycle::Open => io.takes_input() && !io.ended,
        Lifecycle::Lingering { .. } => true,
        Lifecycle::Flushing { .. } | Lifecycle::Closing => false,
    };
    let sends = matches!(io.lifecycle, Lifecycle::Open | Lifecycle::Flushing { .. });
    let is_paused = io.is_paused && io.lifecycle == Lifecycle::Open;
    if reads && pipe.is_readable() {
        Some("input")
    } else if io.lifecycle == Lifecycle::Open && io.takes_input() && io.resume_tail {
        Some("input that was read")
    } else if sends && !io.outbox.is_empty() && pipe.is_writable() {
        Some("output")
    } else if pipe.peer_reset && !is_paused {
        Some("the end of a peer that is gone")
    } else if sends && !io.outbox.is_empty() && io.outbox.stalled_at().is_none() {
        Some("output without a time to end")
    } else {
        None
    }
}
