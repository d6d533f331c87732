//! Parts of shared memory that leave in one write.

use std::io::IoSlice;
use std::ops::Range;
use std::sync::Arc;

use super::outbox::MAX_SLICES;

/// `bytes[range]`.
pub(super) type Part<'a> = (&'a Arc<[u8]>, Range<usize>);

/// A few parts of shared memory, in order, which [`Context::gather`](crate::Context::gather) adds to: messages that came
/// one by one cost one system call.
#[derive(Debug, Default)]
pub struct Pieces<'a> {
    first: Option<Part<'a>>,
    /// Those behind it. There rarely is one, and without it nothing is written here.
    more: Option<[Option<Part<'a>>; MAX_SLICES - 1]>,
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
    #[inline]
    pub(super) fn push(&mut self, bytes: &'a Arc<[u8]>, range: Range<usize>) -> bool {
        self.len += range.len();
        let place = match self.count.checked_sub(1) {
            None => Some(&mut self.first),
            Some(behind) => self.more.get_or_insert_default().get_mut(behind),
        };
        if let Some(place) = place {
            *place = Some((bytes, range));
            self.count += 1;
        }
        self.count == MAX_SLICES
    }

    /// For one vectored write: the slices, and how many there are.
    pub(super) fn slices(&self) -> ([IoSlice<'a>; MAX_SLICES], usize) {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let parts = self.first.iter().chain(self.more.iter().flatten().flatten());
        for (slice, (bytes, range)) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(bytes.get(range.clone()).unwrap_or_default());
        }
        (slices, self.count)
    }

    /// Takes the only one out; `None` if there are more of them.
    #[inline]
    pub(super) fn take_only(&mut self) -> Option<Part<'a>> {
        if self.count != 1 {
            return None;
        }
        (self.count, self.len) = (0, 0);
        self.first.take()
    }

    /// Takes all of them out, without the first `sent` bytes.
    pub(super) fn take_rest(&mut self, mut sent: usize) -> impl Iterator<Item = Part<'a>> {
        let Self { first, more, .. } = std::mem::take(self);
        first.into_iter().chain(more.into_iter().flatten().flatten()).map(move |(bytes, mut range)| {
            let gone = sent.min(range.len());
            sent -= gone;
            range.start += gone;
            (bytes, range)
        })
    }
}
