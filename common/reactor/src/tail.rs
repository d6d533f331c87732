//! Input that a handler did not consume yet. Nothing, for nearly all connections and nearly all the time.

use std::sync::Arc;

/// Input that waits for more behind it, or for the handler. Empty, it owns no memory.
#[derive(Default)]
pub(super) struct Tail(Option<Box<Kept>>);

struct Kept {
    bytes: Vec<u8>,
    /// Counts these bytes among the worker's long tails, while they are one.
    long: Option<Arc<()>>,
}

impl Tail {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| Box::new(Kept { bytes, long: None })))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |kept| &kept.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Takes the bytes away, for another process.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.take().map(|kept| kept.bytes).unwrap_or_default()
    }

    /// What counts it among the long tails; it does so no longer.
    pub(super) fn take_long(&mut self) -> Option<Arc<()>> {
        self.0.as_mut()?.long.take()
    }

    /// Keeps these bytes in the place of those before, in no more memory than they need.
    pub(super) fn replace(&mut self, bytes: &[u8], long: Option<Arc<()>>) {
        self.0 = (!bytes.is_empty()).then(|| Box::new(Kept { bytes: bytes.to_vec(), long }));
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
