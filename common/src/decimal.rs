//! Numbers in decimal digits.

use std::str::FromStr;

/// Parses digits alone: `parse` would accept a plus sign, too. `None` also for a number that `N` cannot hold.
pub(crate) fn decimal<N: FromStr>(digits: &[u8]) -> Option<N> {
    let text = std::str::from_utf8(digits).ok()?;
    digits.iter().all(u8::is_ascii_digit).then(|| text.parse().ok())?
}
