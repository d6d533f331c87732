//! The ports of a grant: `to-ports` of `allow-access-from`.

use std::{fmt, str::FromStr};

/// The most ports and ranges of one grant.
const MAX_RANGES: usize = 64;

/// Ports from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest; never 0.
    pub first: u16,
    /// The highest; not below `first`.
    pub last: u16,
}

/// The value of `to-ports`: `*`, or a list of ports and ranges (`80,443,8000-8080`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// `*`, every port.
    All,
    /// Never empty.
    List(Vec<PortRange>),
}

/// Why a text is not a list of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Nothing where a port should be.
    #[error("no port (write `*` for all ports, or a list such as 80,8000-8080)")]
    Empty,
    /// Something other than a number from 1 to 65535.
    #[error("`{0}` is no port: it is a number from 1 to 65535")]
    NotAPort(String),
    /// A range that ends before it begins.
    #[error("`{0}` ends before it begins")]
    Backwards(String),
    /// More than 64 ports and ranges.
    #[error("more than 64 ports and ranges")]
    TooMany,
}

impl FromStr for Ports {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        if text == "*" {
            return Ok(Self::All);
        }
        if text.split(',').count() > MAX_RANGES {
            return Err(PortError::TooMany);
        }
        text.split(',').map(parse_range).collect::<Result<_, _>>().map(Self::List)
    }
}

fn parse_range(text: &str) -> Result<PortRange, PortError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = PortRange { first: parse_port(first)?, last: parse_port(last)? };
    if range.first > range.last { Err(PortError::Backwards(text.to_owned())) } else { Ok(range) }
}

fn parse_port(text: &str) -> Result<u16, PortError> {
    if text.is_empty() {
        return Err(PortError::Empty);
    }
    // `u16::from_str` would accept a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits && port > 0 => Ok(port),
        _ => Err(PortError::NotAPort(text.to_owned())),
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::List(ranges) = self else { return f.write_str("*") };
        for (index, range) in ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match range {
                PortRange { first, last } if first == last => write!(f, "{first}")?,
                PortRange { first, last } => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}
