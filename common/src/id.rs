//! The ids of messages: which stream, and which number in it.

use crate::decimal::decimal;
use std::fmt;

/// Bits of an epoch: milliseconds since 1970 fit for the next 8,900 years.
const EPOCH_BITS: u32 = 48;
/// Hexadecimal digits of an epoch.
const EPOCH_DIGITS: usize = EPOCH_BITS as usize / 4;

/// What stands in the place of the number where a client has nothing yet.
const NOTHING: &str = "none";

/// The birth of a stream, in milliseconds since 1970: numbers of two streams have nothing to do with each other.
///
/// A later stream compares greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch of this many milliseconds since 1970; of more than 48 bits, the lower ones count.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis & ((1 << EPOCH_BITS) - 1))
    }

    /// Milliseconds since 1970.
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// The next greater one.
    #[must_use]
    pub fn next(self) -> Self {
        Self::from_millis(self.0.saturating_add(1))
    }

    /// Twelve lower-case hexadecimal digits; `None` for anything else.
    fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != EPOCH_DIGITS || !text.bytes().all(is_digit) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0EPOCH_DIGITS$x}", self.0)
    }
}

/// The id of a message, the same wherever it appears: `EPOCH_NUMBER`, safe in a URL and in a header field.
///
/// ```
/// use common::id::{Epoch, MessageId};
/// let id = MessageId { epoch: Epoch::from_millis(1_285_175_062_000), number: 7 };
/// assert_eq!(id.to_string(), "012b3a672df0_7");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// The stream.
    pub epoch: Epoch,
    /// The number in that stream.
    pub number: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.epoch, self.number)
    }
}

/// The newest message that a client says it has; it asks for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// A whole id.
    Id(MessageId),
    /// A number alone, which means the present epoch: ids had no epoch in earlier versions.
    Number(u64),
    /// Nothing of this stream, in which there was nothing yet: `EPOCH_none`.
    Nothing(Epoch),
    /// Of a stream that this server does not know.
    Unknown,
}

impl Since {
    /// Reads an id or a number; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        match text.split_once('_') {
            Some((epoch, NOTHING)) => Epoch::parse(epoch).map(Self::Nothing),
            Some((epoch, number)) => {
                Some(Self::Id(MessageId { epoch: Epoch::parse(epoch)?, number: decimal(number.as_bytes())? }))
            }
            None => decimal(text.as_bytes()).map(Self::Number),
        }
    }

    /// What a client says that has every message of this epoch before `next`.
    pub fn before(next: MessageId) -> Self {
        let MessageId { epoch, number } = next;
        number.checked_sub(1).map_or(Self::Nothing(epoch), |number| Self::Id(MessageId { epoch, number }))
    }

    /// The smallest number that the client has not got, if it knows the stream with this epoch.
    pub fn next_in(self, present: Epoch) -> Option<u64> {
        match self {
            Self::Id(MessageId { epoch, number }) => (epoch == present).then_some(number.saturating_add(1)),
            Self::Number(number) => Some(number.saturating_add(1)),
            Self::Nothing(epoch) => (epoch == present).then_some(0),
            Self::Unknown => None,
        }
    }
}

/// As [`Since::parse`] reads it; nothing for [`Since::Unknown`].
impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Nothing(epoch) => write!(f, "{epoch}_{NOTHING}"),
            Self::Unknown => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(0x0193_2f5a_0c2e);

    #[test]
    fn an_id_is_twelve_hexadecimal_digits_an_underscore_and_the_number() {
        for (epoch, number, text) in [
            (EPOCH, 15, "01932f5a0c2e_15"),
            (Epoch(0), 0, "000000000000_0"),
            (Epoch(u64::MAX >> 16), u64::MAX, "ffffffffffff_18446744073709551615"),
        ] {
            let id = MessageId { epoch, number };
            assert_eq!(id.to_string(), text);
            assert_eq!(Since::parse(text.as_bytes()), Some(Since::Id(id)));
        }
        assert_eq!(Epoch::from_millis(u64::MAX), Epoch(u64::MAX >> 16));
    }

    #[test]
    fn a_later_stream_compares_greater_as_a_number_and_as_text() {
        let (early, late) = (Epoch(0x0fff), Epoch(0x1000));
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn the_next_epoch_is_greater_and_its_milliseconds_are_those_that_it_was_made_from() {
        let epoch = Epoch::from_millis(0x0193_2f5a_0c2e);
        assert_eq!((epoch.as_millis(), epoch.next().as_millis()), (0x0193_2f5a_0c2e, 0x0193_2f5a_0c2f));
    }

    #[test]
    fn what_a_client_has_is_written_as_it_was_read() {
        for (since, text) in [(Since::Number(15), "15"), (Since::Unknown, "")] {
            assert_eq!(since.to_string(), text);
        }
    }

    #[test]
    fn a_bare_number_is_of_the_present_epoch() {
        for (text, number) in [("0", 0), ("15", 15), ("007", 7), ("18446744073709551615", u64::MAX)] {
            assert_eq!(Since::parse(text.as_bytes()), Some(Since::Number(number)));
            assert_eq!(Since::Number(number).next_in(EPOCH), Some(number.saturating_add(1)));
        }
    }

    #[test]
    fn an_id_counts_in_its_own_epoch_only() {
        let id = Since::Id(MessageId { epoch: EPOCH, number: 15 });
        assert_eq!(id.next_in(EPOCH), Some(16));
        assert_eq!(id.next_in(Epoch(1)), None);
        assert_eq!(Since::Unknown.next_in(EPOCH), None);
    }

    #[test]
    fn a_client_that_has_nothing_yet_has_an_id_too() {
        for (number, text) in [(0, "01932f5a0c2e_none"), (1, "01932f5a0c2e_0"), (16, "01932f5a0c2e_15")] {
            let since = Since::before(MessageId { epoch: EPOCH, number });
            assert_eq!(since.to_string(), text);
            assert_eq!(Since::parse(text.as_bytes()), Some(since));
            assert_eq!((since.next_in(EPOCH), since.next_in(Epoch(1))), (Some(number), None));
        }
    }

    #[test]
    fn anything_else_is_no_id() {
        let long = "1".repeat(400);
        for text in [
            "",
            "abc",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1.0",
            "0x10",
            "_",
            "_5",
            "none",
            "_none",
            "01932f5a0c2e_None",
            "01932f5a0c2e_",
            "01932f5a0c2_5",
            "01932f5a0c2e0_5",
            "01932F5A0C2E_5",
            "01932f5a0c2g_5",
            "+1932f5a0c2e_5",
            "01932f5a0c2e_+5",
            "01932f5a0c2e_5_6",
            "01932f5a0c2e-5",
            "18446744073709551616",
            &long,
            "١٥",
        ] {
            assert_eq!(Since::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Since::parse(b"\xff"), None);
    }
}
