//! Dates in HTTP header fields (RFC 9110 §5.6.7): always UTC, always the same 29 bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

const IMF_FIXDATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
/// 9999-12-31 23:59:59, the last second of a year with four digits.
const LAST: u64 = 253_402_300_799;

/// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. A time outside 1970-9999 becomes the nearest one inside.
pub fn format_date(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).min(LAST);
    let date = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
    // Formatting fails only for a component that a date lacks, and this one has all.
    date.format(IMF_FIXDATE).unwrap_or_default()
}

/// Parses an IMF-fixdate of exactly 29 bytes; `None` for the obsolete forms and for dates that do not exist.
pub fn parse_date(value: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(value).ok()?;
    let at = SystemTime::from(PrimitiveDateTime::parse(text, IMF_FIXDATE).ok()?.assume_utc());
    // A text that formats differently (with a wrong weekday, or before 1970) was not a date.
    (format_date(at) == text).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read_back() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(format_date(at(784_111_777)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(format_date(at(951_782_400)), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(format_date(UNIX_EPOCH - Duration::from_secs(9)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format_date(at(u64::MAX >> 2)), "Fri, 31 Dec 9999 23:59:59 GMT");
        // Each day of four hundred years and some, at a moving time of day.
        for day in 0..150_000_u64 {
            let time: SystemTime = at(day * 86_400 + day * 7 % 86_400);
            assert_eq!(parse_date(format_date(time).as_bytes()), Some(time), "day {day}");
        }
    }

    // ST-16
    #[test]
    fn dates_that_do_not_exist_are_none() {
        for text in [
            "",
            "x",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 30 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:3é GMT",
        ] {
            assert_eq!(parse_date(text.as_bytes()), None, "{text}");
        }
    }
}
