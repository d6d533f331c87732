//! Dates of files and of the clock in whole seconds since 1970, and their form in HTTP (RFC 9110 §5.6.7).

use std::time::{Duration, SystemTime};

use common::http::{format_date, parse_date};

/// The HTTP date of this second; `None` outside of the years 1970 to 9999.
pub(crate) fn format(seconds: i64) -> Option<String> {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds <= LAST)?;
    Some(format_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// Parses an HTTP date in any of its three forms, at `wall`, which decides the century of a year with two digits.
pub(crate) fn parse(text: &[u8], wall: i64) -> Option<i64> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(wall).unwrap_or_default());
    let at = parse_date(text, now)?;
    match at.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).ok(),
        // Before 1970, and so before any file.
        Err(_) => Some(-1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfc_s_own_dates_are_read_and_written() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(text.as_bytes(), 1_800_000_000), Some(784_111_777), "{text}");
        }
        assert_eq!(format(784_111_777).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(parse(b"Mon, 06 Nov 1989 08:49:37 GMT", 0), Some(626_345_377));
        assert_eq!(parse(b"Thu, 06 Nov 1969 08:49:37 GMT", 0), Some(-1));
    }

    #[test]
    fn anything_else_is_ignored() {
        assert_eq!(parse(b"Mon, 06 Nov 1994 08:49:37 GMT", 0), None);
        assert_eq!(parse(&vec![b'('; 1 << 16], 0), None);
    }

    #[test]
    fn seconds_outside_of_four_digit_years_have_no_date() {
        for seconds in [i64::MIN, -1, 253_402_300_800, i64::MAX] {
            assert_eq!(format(seconds), None);
        }
    }
}
