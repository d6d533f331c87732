//! State as plain data: numbers in little-endian order and byte strings behind their length, without padding.
//!
//! It is what a process writes down for the next one, so a reader takes nothing for granted: whatever is too short is
//! `None`, and no length that stands in the data sizes an allocation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends plain data.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// One byte.
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// A truth value as 0 or 1.
    pub fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }

    /// A number of 8 bytes.
    pub fn long(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    /// Bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as u64);
        self.raw(bytes);
    }

    /// An IP address, or that there is none.
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

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads plain data; each method takes what it returns off the front.
#[derive(Clone, Debug)]
pub struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// Reads these bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// True at the end.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    /// 0 or 1.
    pub fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// A number of 8 bytes.
    pub fn long(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// A number of 8 bytes that fits into 4.
    pub fn word(&mut self) -> Option<u32> {
        self.long()?.try_into().ok()
    }

    /// An IP address, or that there is none; the outer `None` is that it cannot be read.
    #[allow(clippy::option_option, reason = "both can be")]
    pub fn address(&mut self) -> Option<Option<IpAddr>> {
        Some(match self.byte()? {
            0 => None,
            4 => Some(Ipv4Addr::from(self.take::<4>()?).into()),
            6 => Some(Ipv6Addr::from(self.take::<16>()?).into()),
            _ => return None,
        })
    }

    /// Bytes behind their length.
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
    fn what_was_written_is_read_back_and_every_shorter_text_is_not() {
        let mut to = Writer::default();
        to.byte(7);
        to.flag(true);
        to.long(u64::MAX);
        to.bytes(b"text");
        to.raw(b"end");
        let bytes = to.into_bytes();
        let read = |bytes: &[u8]| {
            let mut from = Reader::new(bytes);
            let read = (from.byte()?, from.flag()?, from.long()?, from.bytes()?.to_vec(), from.take::<3>()?);
            from.is_empty().then_some(read)
        };
        assert_eq!(read(&bytes), Some((7, true, u64::MAX, b"text".to_vec(), *b"end")));
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_end_and_a_value_out_of_range_are_refused() {
        assert_eq!(Reader::new(&u64::MAX.to_le_bytes()).bytes(), None);
        assert_eq!(Reader::new(&[2]).flag(), None);
        assert_eq!(Reader::new(&(1_u64 << 32).to_le_bytes()).word(), None);
    }
}
