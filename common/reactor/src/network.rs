//! What counts as one address where clients are limited by theirs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What counts as one address: an IPv4 address (also when it is mapped into IPv6), or the /64 of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Network(u64);

/// The upper half of an IPv4 address among the networks of IPv6: no sender has one of these. RFC 4291 §2.7: "Multicast addresses must
/// not be used as source addresses in IPv6 packets".
const V4: u64 = 0xFFFF_FFFF;

impl Network {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(V4 << 32 | u64::from(address.to_bits())),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or_default()),
        }
    }

    /// Its first address.
    pub(super) fn address(self) -> IpAddr {
        match (self.0 >> 32, u32::try_from(self.0 & V4)) {
            (V4, Ok(v4)) => Ipv4Addr::from_bits(v4).into(),
            _ => Ipv6Addr::from_bits(u128::from(self.0) << 64).into(),
        }
    }

    /// A number below `count` at which few other addresses are: neighbours have different ones (Fibonacci hashing).
    pub(super) fn number_below(self, count: usize) -> usize {
        let mixed = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        usize::try_from(mixed).unwrap_or_default() % count
    }
}
