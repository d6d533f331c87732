//! A binary codec for state that a process leaves to its successor: little-endian numbers, byte strings behind their
//! length, no padding.
//!
//! [`Reader`] trusts nothing that it reads: it returns `None` where the input is too short, and no length in the input
//! sizes an allocation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Encodes values one behind the other; the reader must know their order, as no tag is written.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Appends a byte as it is.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// Appends a `bool` as one byte, 0 or 1.
    pub fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }

    /// Appends a number in 8 bytes, however small it is.
    pub fn long(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    /// Appends a time in whole milliseconds.
    pub fn millis(&mut self, time: Duration) {
        self.long(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// Appends bytes without their length, which the reader must know.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Appends the length in 8 bytes, then the bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Appends what `write` appends, behind its length in 8 bytes: as [`Writer::bytes`] would, without a copy.
    pub fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        let begin = self.0.len();
        self.long(0);
        let inner = self.0.len();
        write(self);
        let len = (self.0.len() - inner) as u64;
        if let Some(place) = self.0.get_mut(begin..inner) {
            place.copy_from_slice(&len.to_le_bytes());
        }
    }

    /// Appends the family of an IP address (0 without one, 4 or 6) and its octets.
    pub fn address(&mut self, address: Option<IpAddr>) {
        match address {
            None => self.byte(0),
            Some(IpAddr::V4(address)) => {
                self.byte(4);
                self.raw(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                self.byte(6);
                self.raw(&address.octets());
            }
        }
    }

    /// Returns what was appended, without a header or a trailer.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Decodes values; each method cuts what it returns off the front.
#[derive(Clone, Debug)]
pub struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// Reads `bytes` from their front; nothing is copied.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes are left to read.
    pub fn left(&self) -> usize {
        self.0.len()
    }

    /// True once every byte has been read, so that a caller can refuse what is too long.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads `N` bytes, which were appended by [`Writer::raw`]; all or none.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Reads the next byte; `None` at the end.
    pub fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    /// Reads a `bool`; a byte other than 0 and 1 is `None`.
    pub fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Reads what [`Writer::long`] appended.
    pub fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// Reads what [`Writer::millis`] appended.
    pub fn millis(&mut self) -> Option<Duration> {
        self.long().map(Duration::from_millis)
    }

    /// Reads a number of 8 bytes; one beyond 32 bits is `None`.
    pub fn word(&mut self) -> Option<u32> {
        self.long()?.try_into().ok()
    }

    /// Reads an IP address or its absence; the outer `None` means that the input holds neither.
    #[allow(clippy::option_option, reason = "an address may be absent, and the input damaged")]
    pub fn address(&mut self) -> Option<Option<IpAddr>> {
        Some(match self.byte()? {
            0 => None,
            4 => Some(Ipv4Addr::from(self.take::<4>()?).into()),
            6 => Some(Ipv6Addr::from(self.take::<16>()?).into()),
            _ => return None,
        })
    }

    /// Reads what [`Writer::bytes`] appended; `None` if fewer bytes are left than the length says.
    pub fn bytes(&mut self) -> Option<&'b [u8]> {
        let len = usize::try_from(self.long()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_values_are_read_back_and_every_shorter_input_is_refused() {
        let mut to = Writer::default();
        to.byte(7);
        to.flag(true);
        to.long(u64::MAX);
        to.millis(Duration::from_micros(1500));
        to.bytes(b"text");
        to.raw(b"end");
        let bytes = to.into_bytes();
        let read = |bytes: &[u8]| {
            let mut from = Reader::new(bytes);
            let numbers = (from.byte()?, from.flag()?, from.long()?, from.millis()?.as_millis());
            let read = (numbers, from.bytes()?.to_vec(), from.take::<3>()?);
            from.is_empty().then_some(read)
        };
        assert_eq!(read(&bytes), Some(((7, true, u64::MAX, 1), b"text".to_vec(), *b"end")));
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn an_address_of_each_family_and_none_are_read_back_and_another_family_is_refused() {
        for (address, len) in [
            (None, 1),
            (Some("192.0.2.1".parse::<IpAddr>().unwrap()), 5),
            (Some("2001:db8::7".parse().unwrap()), 17),
        ] {
            let mut to = Writer::default();
            to.address(address);
            let bytes = to.into_bytes();
            assert_eq!(bytes.len(), len);
            let mut from = Reader::new(&bytes);
            assert_eq!((from.address(), from.is_empty()), (Some(address), true));
            for len in 0..bytes.len() {
                assert_eq!(Reader::new(&bytes[..len]).address(), None, "{len} bytes");
            }
        }
        assert_eq!(Reader::new(&[5; 17]).address(), None);
    }

    #[test]
    fn a_length_beyond_the_end_and_a_value_out_of_range_are_refused() {
        assert_eq!(Reader::new(&u64::MAX.to_le_bytes()).bytes(), None);
        assert_eq!(Reader::new(&[2]).flag(), None);
        assert_eq!(Reader::new(&(1_u64 << 32).to_le_bytes()).word(), None);
    }
}
