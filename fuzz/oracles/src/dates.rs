//! Dates of header fields: what we read we write, and httpdate reads the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::http::{format_date, parse_date};

use crate::{allocation, input::Choices};

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let years = u64::from(choices.byte());
    let now = UNIX_EPOCH + Duration::from_secs(years * 31_556_952);
    let value = choices.rest();
    let Some(at) = allocation::within(64, || parse_date(value, now)) else { return };
    if at >= UNIX_EPOCH {
        let text = format_date(at);
        assert_eq!(text.len(), 29);
        assert_eq!(parse_date(text.as_bytes(), now), Some(at), "a date comes back as it was");
    }
    let is_two_digit_year = value.contains(&b'-');
    if is_two_digit_year {
        // RFC 9110 §5.6.7: at most 50 years in the future, and the most recent such year.
        let days = |at: SystemTime| at.duration_since(now).map_or(0, |since| since.as_secs() / 86_400);
        assert!(days(at) <= 50 * 366, "{} days ahead", days(at));
        return;
    }
    if let Ok(Ok(theirs)) = std::str::from_utf8(value).map(httpdate::parse_http_date) {
        assert_eq!(at, theirs, "httpdate reads another date");
    } else {
        // httpdate knows no year before 1970.
        let since = at.duration_since(UNIX_EPOCH).map(|since| since.as_secs());
        assert!(
            since.is_err() || since.is_ok_and(|since| since > LAST),
            "httpdate refuses {}",
            value.escape_ascii()
        );
    }
}
