//! The counters that all workers of the process share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::CloseReason;
use super::per_address::PerAddress;

/// Process-wide counters. A worker touches them when a connection opens, completes its first request or closes, never for a
/// message. On cache lines of their own: what a worker reads in every turn lies beside them in `Control`.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Counters {
    pub(super) open: AtomicUsize,
    pub(super) heads: AtomicUsize,
    /// Those of the open ones that were let in without a place.
    pub(super) unnamed: AtomicUsize,
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) accept_errors: AtomicU64,
    pub(super) adopted: AtomicU64,
    /// Connections of the previous process that no worker has taken up yet.
    pub(super) to_adopt: AtomicUsize,
    closed: [AtomicU64; 8],
    pub(super) addresses: PerAddress,
}

/// What [`Counters::snapshot`] has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Connections that a handler has; refused newcomers are not among them.
    pub open: usize,
    /// Those of them whose first request is not complete.
    pub heads: usize,
    /// Connections that were accepted, refused ones included.
    pub accepted: u64,
    /// Those of the accepted connections for which there was no room.
    pub refused: u64,
    /// Connections that this process adopted from the previous one.
    pub adopted: u64,
    /// Calls of `accept` that failed, other than with `WouldBlock`.
    pub accept_errors: u64,
    /// Closed connections, in the order of [`CloseReason`].
    pub closed: [u64; 8],
}

impl Counters {
    /// Reads all of them; each is exact, their sum may be off by what happens meanwhile.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            open: self.open.load(Relaxed),
            heads: self.heads.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            refused: self.refused.load(Relaxed),
            adopted: self.adopted.load(Relaxed),
            accept_errors: self.accept_errors.load(Relaxed),
            closed: self.closed.each_ref().map(|count| count.load(Relaxed)),
        }
    }

    /// A worker has taken up so many connections of the previous process. True if the last one of all workers was among them.
    pub(super) fn took_up(&self, count: usize) -> bool {
        count > 0 && self.to_adopt.fetch_sub(count, Relaxed) == count
    }

    pub(super) fn count_open(&self) {
        self.open.fetch_add(1, Relaxed);
        self.heads.fetch_add(1, Relaxed);
    }

    /// `unfinished`: its first request never was complete.
    pub(super) fn count_closed(&self, why: CloseReason, unfinished: bool) {
        self.open.fetch_sub(1, Relaxed);
        if unfinished {
            self.heads.fetch_sub(1, Relaxed);
        }
        if let Some(count) = self.closed.get(why as usize) {
            count.fetch_add(1, Relaxed);
        }
    }
}
