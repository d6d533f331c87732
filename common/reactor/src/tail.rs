//! What few connections have for long: input that a handler did not consume yet, and a place of another kind than most.

use std::sync::Arc;

use super::per_address::Place;

/// Input that waits for more behind it, or for the handler; and in the same box, since most have neither, the connection's place. Without
/// both, it owns no memory.
#[derive(Default)]
pub(super) struct Tail(Option<Box<Kept>>);

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Counts these bytes among the worker's long tails, while they are one.
    long: Option<Arc<()>>,
    place: Option<Place>,
}

impl Tail {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |kept| &kept.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Takes the bytes away, for another process.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let bytes = self.0.as_mut().map(|kept| std::mem::take(&mut kept.bytes)).unwrap_or_default();
        self.clear();
        bytes
    }

    /// Throws the bytes away.
    pub(super) fn clear(&mut self) {
        self.replace(&[], None);
    }

    /// What counts it among the long tails; it does so no longer.
    pub(super) fn take_long(&mut self) -> Option<Arc<()>> {
        self.0.as_mut()?.long.take()
    }

    /// Keeps these bytes in the place of those before, in no more memory than they need.
    pub(super) fn replace(&mut self, bytes: &[u8], long: Option<Arc<()>>) {
        if bytes.is_empty() && self.place().is_none() {
            self.0 = None;
            return;
        }
        let kept = self.0.get_or_insert_default();
        (kept.bytes, kept.long) = (bytes.to_vec(), long);
    }

    /// The place that it keeps for the connection.
    pub(super) fn place(&self) -> Option<&Place> {
        self.0.as_ref()?.place.as_ref()
    }

    /// Keeps this place, or none.
    pub(super) fn set_place(&mut self, place: Option<Place>) {
        if place.is_none() && self.len() == 0 {
            self.0 = None;
        } else {
            self.0.get_or_insert_default().place = place;
        }
    }

    /// Takes the place out.
    pub(super) fn take_place(&mut self) -> Option<Place> {
        let place = self.0.as_mut()?.place.take();
        self.set_place(None);
        place
    }
}

#[cfg(any(test, feature = "simulated"))]
impl Tail {
    /// True while it counts among the long ones.
    pub(super) fn is_long(&self) -> bool {
        self.0.as_ref().is_some_and(|kept| kept.long.is_some())
    }

    /// Bytes that it has room for.
    pub(super) fn capacity(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.bytes.capacity())
    }
}
