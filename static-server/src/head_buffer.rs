//! The memory in which a worker writes the heads of its answers. It is used again for the next one, unless a client has not yet
//! taken the last one.

use std::ops::Range;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct HeadBuffer {
    /// The head that is being written.
    text: Vec<u8>,
    /// Where the last one stands; a queue may hold it, too.
    shared: Arc<[u8]>,
}

impl HeadBuffer {
    /// Empty, for a head to be appended.
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.text.clear();
        &mut self.text
    }

    /// Appends a short body.
    pub(crate) fn append(&mut self, body: &[u8]) {
        self.text.extend_from_slice(body);
    }

    /// What was appended.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The same as memory that a queue can keep.
    pub(crate) fn share(&mut self) -> (&Arc<[u8]>, Range<usize>) {
        let len = self.text.len();
        match Arc::get_mut(&mut self.shared).and_then(|shared| shared.get_mut(..len)) {
            Some(place) => place.copy_from_slice(&self.text),
            None => self.shared = self.text.as_slice().into(),
        }
        (&self.shared, 0..len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(buffer: &mut HeadBuffer, text: &str) -> (Arc<[u8]>, Range<usize>) {
        buffer.begin().extend_from_slice(text.as_bytes());
        let (bytes, range) = buffer.share();
        (bytes.clone(), range)
    }

    #[test]
    fn the_memory_is_used_again_but_never_while_a_queue_has_it() {
        let mut buffer = HeadBuffer::default();
        let (long, _) = shared(&mut buffer, "a long head");
        let address = long.as_ptr();
        drop(long);
        let (short, range) = shared(&mut buffer, "short");
        assert_eq!((short.as_ptr(), &short[range]), (address, b"short".as_slice()), "it is used again");
        let (next, range) = shared(&mut buffer, "next");
        assert_eq!((&short[..5], &next[range]), (b"short".as_slice(), b"next".as_slice()));
    }
}
