//! How a date is written, always in UTC: a reader converts it to its own time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{
    OffsetDateTime,
    format_description::{self, BorrowedFormatItem, OwnedFormatItem, well_known::Rfc2822},
    macros::format_description,
};

/// As every browser's `Date.parse` takes it: `Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)`.
const JS: &[BorrowedFormatItem<'static>] = format_description!(
    "[weekday repr:short] [month repr:short] [day] [year] [hour]:[minute]:[second] GMT+0000 (UTC)"
);
/// RFC 3339 with milliseconds, so that every date is equally long.
const RFC3339: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The value of `--format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DateFormat {
    /// `Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)`
    Js,
    /// `2010-09-22T17:04:22.000Z`
    Rfc3339,
    /// `Wed, 22 Sep 2010 17:04:22 +0000`
    Rfc2822,
    /// Seconds since 1970: `1285175062`
    Unix,
    /// A format description of the crate `time`, version 2: `[hour]:[minute]:[second]`
    Custom {
        /// The value of the option.
        text: String,
        /// The same, parsed.
        items: OwnedFormatItem,
    },
}

impl DateFormat {
    /// Formats a date; one outside the calendar's years becomes seconds since 1970.
    pub(crate) fn write(&self, wall: SystemTime) -> String {
        let nanos = nanos_since_epoch(wall);
        let seconds = nanos.div_euclid(1_000_000_000);
        let Ok(date) = OffsetDateTime::from_unix_timestamp_nanos(nanos) else { return seconds.to_string() };
        let written = match self {
            Self::Js => date.format(JS),
            Self::Rfc3339 => date.format(RFC3339),
            Self::Rfc2822 => date.format(&Rfc2822),
            Self::Unix => return seconds.to_string(),
            Self::Custom { items, .. } => date.format(items),
        };
        written.unwrap_or_else(|_| seconds.to_string())
    }
}

fn nanos_since_epoch(wall: SystemTime) -> i128 {
    match wall.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |nanos| -nanos),
    }
}

impl std::str::FromStr for DateFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const NAMES: &str =
            "expected js, rfc3339, rfc2822, unix, or a description such as [hour]:[minute]:[second]";
        match text {
            "js" => return Ok(Self::Js),
            "rfc3339" => return Ok(Self::Rfc3339),
            "rfc2822" => return Ok(Self::Rfc2822),
            "unix" => return Ok(Self::Unix),
            _ if !text.contains('[') => return Err(NAMES.to_owned()),
            _ => {}
        }
        let items =
            format_description::parse_owned::<2>(text).map_err(|error| format!("{error}; {NAMES}"))?;
        // A description may parse and still name a component that a UTC date lacks.
        let written =
            OffsetDateTime::UNIX_EPOCH.format(&items).map_err(|error| format!("{error}; {NAMES}"))?;
        if written.contains(['\n', '\r', '\0']) {
            return Err("a date is one line, without NUL".to_owned());
        }
        Ok(Self::Custom { text: text.to_owned(), items })
    }
}

impl std::fmt::Display for DateFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Js => "js",
            Self::Rfc3339 => "rfc3339",
            Self::Rfc2822 => "rfc2822",
            Self::Unix => "unix",
            Self::Custom { text, .. } => text,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn written(format: &str, seconds: u64) -> String {
        let format: DateFormat = format.parse().unwrap();
        format.write(UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(7500))
    }

    #[test]
    fn each_format_writes_the_tutorials_moment() {
        let moment = 1_285_175_062;
        assert_eq!(written("js", moment), "Wed Sep 22 2010 17:04:22 GMT+0000 (UTC)");
        assert_eq!(written("rfc3339", moment), "2010-09-22T17:04:22.007Z");
        assert_eq!(written("rfc2822", moment), "Wed, 22 Sep 2010 17:04:22 +0000");
        assert_eq!(written("unix", moment), "1285175062");
        assert_eq!(written("[hour]:[minute] on [weekday]", moment), "17:04 on Wednesday");
    }

    #[test]
    fn a_day_below_ten_is_two_digits_as_in_v8() {
        assert_eq!(written("js", 0), "Thu Jan 01 1970 00:00:00 GMT+0000 (UTC)");
    }

    #[test]
    fn every_moment_has_a_text() {
        for format in [DateFormat::Js, DateFormat::Rfc3339, DateFormat::Rfc2822, DateFormat::Unix] {
            for seconds in [0, 1, 2_147_483_648, 253_402_300_799, 253_402_300_800, 1 << 45] {
                assert!(!format.write(UNIX_EPOCH + Duration::from_secs(seconds)).is_empty());
                assert!(!format.write(UNIX_EPOCH - Duration::from_secs(seconds)).is_empty());
            }
        }
    }

    #[test]
    fn what_is_not_a_format_is_refused() {
        for text in ["", "iso", "[hour", "[nonsense]", "[hour]\n"] {
            assert!(text.parse::<DateFormat>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_format_is_shown_as_it_was_written() {
        for text in ["js", "rfc3339", "rfc2822", "unix", "[hour]:[minute]"] {
            assert_eq!(text.parse::<DateFormat>().unwrap().to_string(), text);
        }
    }
}
