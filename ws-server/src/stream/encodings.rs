//! One message in every framing that a connection uses, each encoded once.

use std::sync::Arc;

use common::framing::Framing;

/// The bytes of one message, by framing.
#[derive(Debug, Default)]
pub(crate) struct Encodings([Option<Arc<[u8]>>; Framing::ALL.len()]);

impl Encodings {
    /// The bytes in one framing; `encode` writes them the first time.
    #[allow(clippy::indexing_slicing, reason = "`Framing::index` is below `Framing::ALL.len()`")]
    #[inline]
    pub(crate) fn get(&mut self, framing: Framing, encode: impl FnOnce(&mut Vec<u8>)) -> &Arc<[u8]> {
        self.0[framing.index()].get_or_insert_with(|| {
            let mut out = Vec::new();
            encode(&mut out);
            out.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_framing_is_encoded_once() {
        let mut encodings = Encodings::default();
        let first = Arc::clone(encodings.get(Framing::Lines, |out| out.push(b'a')));
        let second = encodings.get(Framing::Lines, |_| panic!("encoded again"));
        assert!(Arc::ptr_eq(&first, second));
    }
}
