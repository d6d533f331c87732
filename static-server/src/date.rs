//! HTTP dates in the one format that is sent: IMF-fixdate, 29 bytes (RFC 9110 §5.6.7).

use std::time::{Duration, SystemTime};

use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

/// `Sun, 06 Nov 1994 08:49:37 GMT`
const IMF_FIXDATE: &[BorrowedFormatItem<'static>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
/// The length of every date in that format, in bytes.
const LEN: usize = 29;

/// Seconds since 1970 of a wall-clock time, rounded down: HTTP dates know no fraction.
pub fn seconds(wall: SystemTime) -> i64 {
    match wall.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            let before = before.duration();
            let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
            whole.saturating_neg().saturating_sub(i64::from(before > Duration::from_secs(before.as_secs())))
        }
    }
}

/// Writes seconds since 1970 as an HTTP date; `None` outside the years 0 to 9999, which have four digits.
pub fn format(seconds: i64) -> Option<String> {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let text = moment.format(IMF_FIXDATE).ok()?;
    (text.len() == LEN).then_some(text)
}

/// Reads an HTTP date as seconds since 1970.
///
/// Only the preferred format is read. The two obsolete ones have not been sent by any client for decades, and a date
/// that is not understood is ignored, which costs one full answer and never a wrong one.
pub fn parse(text: &[u8]) -> Option<i64> {
    // A fixed length before any parser runs: no input of a peer's choosing reaches it.
    if text.len() != LEN {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let moment = PrimitiveDateTime::parse(text, IMF_FIXDATE).ok()?.assume_utc();
    let seconds = moment.unix_timestamp();
    // The weekday is redundant, and must agree; this also refuses what the parser reads more freely than the RFC.
    (format(seconds).as_deref() == Some(text)).then_some(seconds)
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
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(&[b'('; 1 << 16]), None);
    }

    #[test]
    fn years_without_four_digits_are_not_written() {
        assert_eq!(format(i64::MAX), None);
        assert_eq!(format(253_402_300_800), None);
        assert_eq!(format(253_402_300_799).as_deref(), Some("Fri, 31 Dec 9999 23:59:59 GMT"));
        assert_eq!(format(-62_198_755_200), None);
    }

    proptest::proptest! {
        #[test]
        fn a_date_that_was_written_is_read_back(seconds in 0_i64..253_402_300_800) {
            assert_eq!(parse(format(seconds).unwrap().as_bytes()), Some(seconds));
        }

        #[test]
        fn any_bytes_are_judged_without_a_panic(bytes in proptest::collection::vec(0_u8.., 0..40)) {
            let _ = parse(&bytes);
        }
    }
}
