//! Parts of shared memory that leave in one write.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use super::outbox::MAX_SLICES;

/// `bytes[range]`.
type Part<'a> = (&'a Arc<[u8]>, Range<usize>);

/// A few parts of shared memory, in order, which [`Context::gather`](crate::Context::gather) adds to: messages that came
/// one by one cost one system call.
#[derive(Debug, Default)]
pub struct Pieces<'a> {
    parts: [Option<Part<'a>>; MAX_SLICES],
    count: usize,
    len: usize,
}

impl<'a> Pieces<'a> {
    /// Bytes in all of them.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if nothing is to be sent.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds `bytes[range]` at the end; true if the next piece would find no place.
    pub(super) fn push(&mut self, bytes: &'a Arc<[u8]>, range: Range<usize>) -> bool {
        self.len += range.len();
        if let Some(place) = self.parts.get_mut(self.count) {
            *place = Some((bytes, range));
            self.count += 1;
        }
        self.count == MAX_SLICES
    }

    /// For one vectored write: the slices, and how many there are.
    pub(super) fn slices(&self) -> ([IoSlice<'a>; MAX_SLICES], usize) {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        for (slice, (bytes, range)) in slices.iter_mut().zip(self.parts.iter().flatten()) {
            *slice = IoSlice::new(bytes.get(range.clone()).unwrap_or_default());
        }
        (slices, self.count)
    }

    /// Takes all of them out, without the first `sent` bytes.
    pub(super) fn take_rest(&mut self, mut sent: usize) -> impl Iterator<Item = Part<'a>> {
        let Self { parts, .. } = std::mem::take(self);
        parts.into_iter().flatten().map(move |(bytes, mut range)| {
            let gone = sent.min(range.len());
            sent -= gone;
            range.start += gone;
            (bytes, range)
        })
    }
}
