//! What is said to everybody beside the stream: leave notices, and with `--on-message broadcast` the clients' messages.
//! It has no number, and who cannot take it now does not get it later.

use std::sync::Arc;

use common::{
    frame::{Opcode, header::encode_frame},
    framing::{Framing, encode_notice},
};

/// Bytes of one message in each framing that is in use.
#[derive(Debug, Default)]
pub(crate) struct Encodings([Option<Arc<[u8]>>; Framing::ALL.len()]);

impl Encodings {
    /// The bytes in one framing, written by `encode` the first time.
    pub(crate) fn get(&mut self, framing: Framing, encode: impl FnOnce(&mut Vec<u8>)) -> Arc<[u8]> {
        let Some(place) = self.0.get_mut(framing.index()) else { return Arc::default() };
        let bytes = place.get_or_insert_with(|| {
            let mut out = Vec::new();
            encode(&mut out);
            out.into()
        });
        Arc::clone(bytes)
    }
}

/// One announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Who does not get it: the one who said it; 0 is nobody.
    pub(crate) except: u64,
    /// What is said.
    pub(crate) said: Said,
}

/// What an announcement says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// For everybody.
    Text(String),
    /// For those whose dialect has binary messages.
    Binary(Vec<u8>),
}

impl Announcement {
    /// From the server, to all.
    pub(crate) fn notice(text: String) -> Self {
        Self { except: 0, said: Said::Text(text) }
    }

    /// Appends it in one framing; nothing where the framing cannot carry it.
    pub(crate) fn encode(&self, framing: Framing, out: &mut Vec<u8>) {
        match &self.said {
            Said::Text(text) => encode_notice(framing, text, out),
            // Never binary to a hixie peer: its frames cannot hold the byte FF.
            Said::Binary(bytes) if matches!(framing, Framing::Hybi | Framing::HybiNumbered) => {
                encode_frame(Opcode::Binary, bytes, out);
            }
            Said::Binary(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_is_only_for_framings_that_have_it() {
        let announcement = Announcement { except: 0, said: Said::Binary(vec![0xFF]) };
        for framing in Framing::ALL {
            let mut out = Vec::new();
            announcement.encode(framing, &mut out);
            let expected: &[u8] = match framing {
                Framing::Hybi | Framing::HybiNumbered => &[0x82, 1, 0xFF],
                _ => &[],
            };
            assert_eq!(out, expected, "{framing:?}");
        }
    }

    #[test]
    fn each_framing_is_encoded_once() {
        let mut encodings = Encodings::default();
        let first = encodings.get(Framing::Lines, |out| out.push(b'a'));
        let second = encodings.get(Framing::Lines, |_| panic!("encoded again"));
        assert!(Arc::ptr_eq(&first, &second));
    }
}
