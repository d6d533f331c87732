//! The formats of a line: for people, for journald, and for programs.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use log::Level;
use rustix::fs::fstat;

use crate::{clock::wall, quote::quote};

/// How a line of the log looks, as `--log-format` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// `journald` if standard error goes there, else `text`.
    Auto,
    /// Time of day in UTC, level and message.
    Text,
    /// Priority and message; journald adds the time.
    Journald,
    /// A JSON object with `time`, `level` and `message`.
    Json,
}

impl LogFormat {
    /// Replaces `auto` by what suits this process's standard error.
    pub(super) fn resolve(self) -> Self {
        // systemd says where it connected standard error.
        let stream = std::env::var_os("JOURNAL_STREAM").unwrap_or_default();
        match self {
            Self::Auto if is_journald(&stream.to_string_lossy()) => Self::Journald,
            Self::Auto => Self::Text,
            other => other,
        }
    }

    /// Writes one line, in one `write`. Line ends inside the message become spaces.
    pub(super) fn write(
        self,
        out: &mut impl Write,
        level: Level,
        message: impl fmt::Display,
    ) -> io::Result<()> {
        let message = message.to_string();
        let on_one_line = || message.replace(['\n', '\r'], " ");
        let line = match self {
            Self::Journald => format!("<{}>{}\n", priority(level), on_one_line()),
            Self::Json => format!(
                "{{\"time\":\"{}\",\"level\":\"{}\",\"message\":{}}}\n",
                stamp(wall()),
                level.as_str().to_ascii_lowercase(),
                quote(&message)
            ),
            Self::Text | Self::Auto => {
                // The time of day only: people who read this know the date.
                let time = stamp(wall());
                let time = time.get(11..23).unwrap_or_default();
                format!("{time} {level:5} {}\n", on_one_line())
            }
        };
        out.write_all(line.as_bytes())
    }
}

/// The last second that a stamp has, since 1970: `9999-12-31T23:59:59Z`.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// A moment in UTC to the millisecond; the nearest one that can be written where a clock is before 1970 or beyond 9999.
fn stamp(at: SystemTime) -> String {
    let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since_1970.min(LAST)).to_string()
}

/// systemd.exec(5), `$JOURNAL_STREAM`: "the device and inode numbers of the file descriptor ... separated by a colon".
/// If standard error was redirected since then, the numbers differ.
fn is_journald(stream: &str) -> bool {
    let Some((device, inode)) = stream.split_once(':') else { return false };
    let Ok(stat) = fstat(io::stderr()) else { return false };
    device.parse() == Ok(stat.st_dev) && inode.parse() == Ok(stat.st_ino)
}

/// sd-daemon(3): "<N>" prefixes with the priorities of syslog.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat, level: Level, message: &str) -> String {
        let mut out = Vec::new();
        format.write(&mut out, level, message).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn journald_gets_a_priority_and_no_time() {
        assert_eq!(line(LogFormat::Journald, Level::Error, "hello"), "<3>hello\n");
        assert_eq!(line(LogFormat::Journald, Level::Info, "hello"), "<6>hello\n");
    }

    #[test]
    fn people_get_time_and_level() {
        let line = line(LogFormat::Text, Level::Warn, "hello");
        assert_eq!(line.len(), "17:04:22.123 WARN  hello\n".len());
        assert!(line.ends_with(" WARN  hello\n"), "{line}");
    }

    #[test]
    fn a_line_has_a_stamp_whatever_the_clock_says() {
        let (epoch, year) = (SystemTime::UNIX_EPOCH, Duration::from_secs(31_556_952));
        for (at, expected) in [
            (epoch - year, "1970-01-01T00:00:00.000Z"),
            (epoch - Duration::from_millis(1), "1970-01-01T00:00:00.000Z"),
            (epoch + Duration::from_millis(1), "1970-01-01T00:00:00.001Z"),
            (epoch + LAST, "9999-12-31T23:59:59.000Z"),
            (epoch + LAST + year, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(stamp(at), expected);
        }
    }

    #[test]
    fn programs_get_json_whatever_the_message_holds() {
        let line = line(LogFormat::Json, Level::Info, "a \"b\" \\ \n\t\u{1} π");
        let (time, rest) = line.strip_prefix("{\"time\":\"").expect("time").split_once('"').expect("its end");
        assert_eq!((time.len(), time.ends_with('Z')), ("2010-09-22T17:04:22.123Z".len(), true));
        let expected = ",\"level\":\"info\",\"message\":\"a \\\"b\\\" \\\\ \\u000a\\u0009\\u0001 π\"}\n";
        assert_eq!(rest, expected);
    }

    #[test]
    fn one_event_is_one_line() {
        assert_eq!(line(LogFormat::Journald, Level::Info, "a\nb\r\nc"), "<6>a b  c\n");
        assert_eq!(line(LogFormat::Text, Level::Info, "a\n<0>b").lines().count(), 1);
    }

    #[test]
    fn standard_error_is_journalds_only_if_the_numbers_are_its_own() {
        let stat = fstat(io::stderr()).expect("standard error is there");
        assert!(is_journald(&format!("{}:{}", stat.st_dev, stat.st_ino)));
        for stream in ["", "1", "x:y", "18446744073709551615:1"] {
            assert!(!is_journald(stream), "{stream}");
        }
    }
}
