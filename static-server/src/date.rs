//! Dates of files and of the clock in whole seconds since 1970, and their form in HTTP (RFC 9110 §5.6.7).

use std::time::{Duration, SystemTime};

use common::http::{format_date, parse_date};

/// Whole seconds since 1970; a time before 1970 counts as 0.
pub(crate) fn seconds(wall: SystemTime) -> i64 {
    let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The HTTP date of this second; `None` outside of the years 1970 to 9999.
pub(crate) fn format(seconds: i64) -> Option<String> {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds <= LAST)?;
    Some(format_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

/// Parses an IMF-fixdate of exactly 29 bytes.
///
/// No client has sent the two obsolete formats for decades. Ignoring a date costs one full answer, and is never wrong.
pub(crate) fn parse(text: &[u8]) -> Option<i64> {
    parse_date(text).map(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfc_s_own_date_is_read_and_written() {
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(format(784_111_777).as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    }

    #[test]
    fn anything_else_is_ignored() {
        for text in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&vec![b'('; 1 << 16]), None);
    }

    #[test]
    fn seconds_outside_of_four_digit_years_have_no_date() {
        for seconds in [i64::MIN, -1, 253_402_300_800, i64::MAX] {
            assert_eq!(format(seconds), None);
        }
    }
}
