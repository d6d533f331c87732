//! Ranges of addresses.

use crate::decimal::decimal;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// IPv4 as `::ffff:a.b.c.d`, so that the peers of a dual-stack listener compare equal.
    network: u128,
    /// How many of the 128 bits count.
    prefix: u8,
}

/// The text is not a range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address range: write 10.0.0.0/8, fd00::/8 or one address")]
pub struct CidrError(pub String);

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let bad = || CidrError(text.to_owned());
        let (address, digits) = text.split_once('/').map_or((text, None), |(it, digits)| (it, Some(digits)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let width: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = digits.map_or(Some(width), |digits| decimal(digits.as_bytes()));
        let prefix = prefix.filter(|prefix| *prefix <= width).ok_or_else(bad)? + (128 - width);
        Ok(Self { network: bits(address) & mask(prefix), prefix })
    }
}

impl Cidr {
    /// True if the address is in the range. An IPv4 address is the same as its IPv4-mapped IPv6 form.
    pub fn contains(self, address: IpAddr) -> bool {
        bits(address) & mask(self.prefix) == self.network
    }
}

/// True if any of the ranges holds the address.
pub fn is_trusted(trusted: &[Cidr], address: IpAddr) -> bool {
    trusted.iter().any(|range| range.contains(address))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(prefix: u8) -> u128 {
    // No processor can shift by the whole width.
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}
