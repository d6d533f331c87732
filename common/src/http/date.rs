//! Dates in HTTP header fields (RFC 9110 §5.6.7): written always as the same 29 bytes in UTC, and read in all three forms.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{Date, Month, OffsetDateTime, Time};

/// 9999-12-31 23:59:59, the last second of a year with four digits.
const LAST: u64 = 253_402_300_799;

/// An IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. A time outside 1970-9999 becomes the nearest one inside.
pub fn format_date(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).min(LAST);
    let date = OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let (year, month, day) = date.to_calendar_date();
    let (hour, minute, second) = date.to_hms();
    let name = |names: &[&'static str], number: u8| {
        names.get(usize::from(number)).and_then(|name| name.get(..3)).unwrap_or_default()
    };
    let mut text = String::with_capacity("Sun, 06 Nov 1994 08:49:37 GMT".len());
    text.push_str(name(&WEEKDAYS, date.weekday().number_days_from_monday()));
    put_two(day, ", ", &mut text);
    text.push(' ');
    text.push_str(name(&MONTHS, u8::from(month) - 1));
    let [century, year] = [year / 100, year % 100].map(|number| u8::try_from(number).unwrap_or_default());
    for (number, before) in [(century, " "), (year, ""), (hour, " "), (minute, ":"), (second, ":")] {
        put_two(number, before, &mut text);
    }
    text.push_str(" GMT");
    text
}

/// Appends a number below a hundred in two digits, behind this.
fn put_two(number: u8, before: &str, text: &mut String) {
    text.push_str(before);
    text.push(char::from(b'0' + number / 10 % 10));
    text.push(char::from(b'0' + number % 10));
}

/// Parses a date in any of the three forms; `None` for any other text and for a date that does not exist. `now` decides the
/// century of a year with two digits.
///
/// §5.6.7: "A recipient that parses a timestamp value in an HTTP field MUST accept all three HTTP-date formats." A weekday
/// that is not the date's own makes it none, and so does a leap second: a caller ignores the field, which is never wrong.
pub fn parse_date(value: &[u8], now: SystemTime) -> Option<SystemTime> {
    let text = std::str::from_utf8(value).ok()?;
    if let Some((weekday, date)) = text.split_once(", ") {
        imf_fixdate(weekday, date).or_else(|| rfc850_date(weekday, date, now))
    } else {
        asctime_date(text)
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, cut behind the weekday.
fn imf_fixdate(weekday: &str, date: &str) -> Option<SystemTime> {
    let [day, month, year, time, "GMT"] = fields(date)? else { return None };
    let known = WEEKDAYS.iter().find(|name| name.get(..3) == Some(weekday))?;
    moment(known, [day, month, year], time)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`, cut behind the weekday.
fn rfc850_date(weekday: &str, date: &str, now: SystemTime) -> Option<SystemTime> {
    let (date, time) = date.strip_suffix(" GMT")?.split_once(' ')?;
    let (day, month_year) = date.split_once('-')?;
    let (month, year) = month_year.split_once('-')?;
    let year = number(year, 2)?;
    // "Recipients of a timestamp value in rfc850-date format, which uses a two-digit year, MUST interpret a timestamp that
    // appears to be more than 50 years in the future as representing the most recent year in the past that had the same
    // last two digits."
    let this_year = OffsetDateTime::from(now).year();
    let mut full = i32::from(year) + this_year.div_euclid(100) * 100 + 100;
    while full > this_year + 50 {
        full -= 100;
    }
    let moment_in = |year: i32| moment(weekday, [day, month, &format!("{year:04}")], time);
    if full < this_year + 50 {
        return moment_in(full);
    }
    // In the fiftieth year from now the day of the year decides.
    let half_a_century_on = OffsetDateTime::from(now).replace_year(full).ok().map(SystemTime::from);
    moment_in(full)
        .filter(|at| half_a_century_on.is_none_or(|limit| *at <= limit))
        .or_else(|| moment_in(full - 100))
}

/// `Sun Nov  6 08:49:37 1994`; a day below ten has a blank or a zero before it.
fn asctime_date(text: &str) -> Option<SystemTime> {
    let (weekday, rest) = text.split_at_checked(4)?;
    let (month, rest) = rest.split_at_checked(4)?;
    let (day, rest) = rest.split_at_checked(3)?;
    let (time, year) = rest.split_once(' ')?;
    let weekday = WEEKDAYS.iter().find(|name| name.get(..3) == weekday.strip_suffix(' '))?;
    let day = day.strip_suffix(' ')?.replacen(' ', "0", 1);
    moment(weekday, [&day, month.strip_suffix(' ')?, year], time)
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The moment of a weekday in full, a day of two digits, a month's name, a year of four digits and `hh:mm:ss`.
fn moment(weekday: &str, [day, month, year]: [&str; 3], time: &str) -> Option<SystemTime> {
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = Month::try_from(u8::try_from(month).ok()? + 1).ok()?;
    let date =
        Date::from_calendar_date(number(year, 4)?.into(), month, u8::try_from(number(day, 2)?).ok()?).ok()?;
    let weekday_is_right = WEEKDAYS
        .get(usize::from(date.weekday().number_days_from_monday()))
        .is_some_and(|name| *name == weekday);
    let mut clock = time.splitn(3, ':').map(|part| number(part, 2).and_then(|part| u8::try_from(part).ok()));
    let time = Time::from_hms(clock.next()??, clock.next()??, clock.next()??).ok()?;
    weekday_is_right.then(|| date.with_time(time).assume_utc().into())
}

/// A number of exactly so many digits, at most four.
fn number(text: &str, digits: usize) -> Option<u16> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The five fields of an IMF-fixdate behind its weekday, with one blank between two.
fn fields(date: &str) -> Option<[&str; 5]> {
    let mut fields = date.split(' ');
    let five = [fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?];
    fields.next().is_none().then_some(five)
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
            assert_eq!(parse_date(format_date(time).as_bytes(), UNIX_EPOCH), Some(time), "day {day}");
        }
    }

    #[test]
    fn all_three_forms_are_read() {
        let at = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
        ] {
            assert_eq!(parse_date(text.as_bytes(), at), Some(at), "{text}");
        }
        let before_the_epoch = parse_date(b"Wed, 31 Dec 1969 23:59:59 GMT", at);
        assert_eq!(before_the_epoch, Some(UNIX_EPOCH - Duration::from_secs(1)));
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        let date = |text: &str| parse_date(text.as_bytes(), UNIX_EPOCH).unwrap();
        for (now, text, same) in [
            (
                "Wed, 25 Nov 2026 00:00:00 GMT",
                "Sunday, 06-Nov-94 08:49:37 GMT",
                "Sun, 06 Nov 1994 08:49:37 GMT",
            ),
            (
                "Wed, 25 Nov 2026 00:00:00 GMT",
                "Wednesday, 25-Nov-26 00:00:00 GMT",
                "Wed, 25 Nov 2026 00:00:00 GMT",
            ),
            (
                "Wed, 25 Nov 2026 00:00:00 GMT",
                "Wednesday, 25-Nov-76 00:00:00 GMT",
                "Wed, 25 Nov 2076 00:00:00 GMT",
            ),
            (
                "Wed, 25 Nov 2026 00:00:00 GMT",
                "Thursday, 25-Nov-76 00:00:01 GMT",
                "Thu, 25 Nov 1976 00:00:01 GMT",
            ),
            (
                "Wed, 25 Nov 2026 00:00:00 GMT",
                "Saturday, 01-Jan-77 00:00:00 GMT",
                "Sat, 01 Jan 1977 00:00:00 GMT",
            ),
            (
                "Fri, 01 Jan 1999 00:00:00 GMT",
                "Saturday, 01-Jan-00 00:00:00 GMT",
                "Sat, 01 Jan 2000 00:00:00 GMT",
            ),
            (
                "Sun, 01 Jan 2096 00:00:00 GMT",
                "Friday, 01-Jan-10 00:00:00 GMT",
                "Wed, 01 Jan 2110 00:00:00 GMT",
            ),
        ] {
            let read = parse_date(text.as_bytes(), date(now));
            if now.contains("2096") {
                assert_eq!(read, None, "the weekday is that of 2010");
                continue;
            }
            assert_eq!(read, Some(date(same)), "{text} at {now}");
        }
        let now = date("Wed, 25 Nov 2026 00:00:00 GMT");
        assert_eq!(parse_date(b"Friday, 01-Jan-77 00:00:00 GMT", now), None, "the weekday is that of 2077");
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
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 6-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37",
            "Monday, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov   6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun Nov  6 08:49:37 94",
            "Mon Nov  6 08:49:37 1994",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sat, 31 Dec 2016 23:59:60 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:3é GMT",
        ] {
            assert_eq!(parse_date(text.as_bytes(), UNIX_EPOCH), None, "{text}");
        }
    }
}
