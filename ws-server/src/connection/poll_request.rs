//! What a long poll asks for: how long it waits, and the form of its answer. Pure: a head in, a [`PollRequest`] out.

use std::{fmt, time::Duration};

use common::http::{Head, shown_target};

/// The longest wait, whatever a client asks for: what stands between often ends a request that is silent for longer.
const MOST: u64 = 60;
/// The wait of a poll that names none, in seconds.
const USUAL: u64 = 25;
/// Bytes of the name of a function.
const LONGEST_NAME: usize = 128;
/// Bytes of a wrong value that an answer shows.
const SHOWN: usize = 64;

/// A long poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PollRequest {
    /// How long it waits for its first message.
    pub(crate) wait: Duration,
    /// The seconds of a `Prefer: wait` that has been followed, for `Preference-Applied`.
    pub(crate) preferred: Option<u64>,
    /// The function that gets the answer as its argument, in a script (JSONP); `None`: the answer is lines of JSON.
    pub(crate) callback: Option<Box<str>>,
    /// It gets the head of the answer alone, and so waits for nothing.
    pub(crate) is_head: bool,
}

/// A parameter that cannot be read; displayed as one sentence for the person who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadPoll {
    /// `?poll=`
    Wait(String),
    /// `?callback=`
    Callback(String),
}

impl PollRequest {
    /// Reads a GET or a HEAD; `None`: it is no poll.
    ///
    /// # Errors
    /// The parameter that is wrong. A wrong `Prefer` is ignored: RFC 7240 §2 lets a server do so with any preference.
    pub(crate) fn of(head: &Head<'_>) -> Result<Option<Self>, BadPoll> {
        let callback = head.query_param("callback");
        let asked = head.query_param("poll").map(|seconds| parse_wait(&seconds)).transpose()?;
        let preferred = preferred_wait(head).filter(|_| asked.is_none() && callback.is_none());
        if callback.is_none() && asked.is_none() && preferred.is_none() {
            return Ok(None);
        }
        let callback = callback.map(|name| parse_name(&name)).transpose()?;
        let wait = Duration::from_secs(asked.or(preferred).unwrap_or(USUAL));
        Ok(Some(Self { wait, preferred, callback, is_head: head.method == "HEAD" }))
    }
}

/// Whole seconds, as many as count; the usual ones for an empty value.
fn parse_wait(value: &[u8]) -> Result<u64, BadPoll> {
    match value {
        [] => Ok(USUAL),
        _ => seconds(value).ok_or_else(|| BadPoll::Wait(shown(value))),
    }
}

/// Digits alone, however many; [`MOST`] for whatever is more.
fn seconds(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = || std::str::from_utf8(digits).ok()?.parse().ok();
    is_number.then(|| number().unwrap_or(MOST).min(MOST))
}

/// The seconds of `Prefer: wait=10`; `None` without one that can be read.
fn preferred_wait(head: &Head<'_>) -> Option<u64> {
    // RFC 7240 §2: `preference = token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] )`, "names are case insensitive", and
    // "if any preference is specified more than once, only the first instance is to be considered".
    let (_, value) = head.list("Prefer").find_map(|preference| {
        let preference = preference.split(|&byte| byte == b';').next()?;
        let end = preference.iter().position(|&byte| byte == b'=')?;
        let (name, value) = preference.split_at_checked(end)?;
        name.trim_ascii().eq_ignore_ascii_case(b"wait").then_some((name, value.get(1..)?.trim_ascii()))
    })?;
    // A word may stand in quotes; §4.3 has digits alone.
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    seconds(unquoted.unwrap_or(value))
}

/// The name of a function as a script calls it, which may be a member of an object. What it is made of can mean nothing else there.
fn parse_name(value: &[u8]) -> Result<Box<str>, BadPoll> {
    let is_part = |part: &[u8]| {
        part.first().is_some_and(|first| !first.is_ascii_digit())
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    let is_name = value.len() <= LONGEST_NAME && value.split(|&byte| byte == b'.').all(is_part);
    let name = std::str::from_utf8(value).ok().filter(|_| is_name);
    name.map(Into::into).ok_or_else(|| BadPoll::Callback(shown(value)))
}

fn shown(value: &[u8]) -> String {
    // Behind a wrong separator, another parameter may be a part of the value.
    shown_target(value.get(..SHOWN).unwrap_or(value)).to_string()
}

impl fmt::Display for BadPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait(value) => write!(
                f,
                "poll={value}: say for how many whole seconds the answer may wait, such as poll={USUAL}; more than {MOST} count as {MOST}"
            ),
            Self::Callback(value) => write!(
                f,
                "callback={value}: name a function, by letters, digits and _, with dots between the parts and at most {LONGEST_NAME} characters, such as callback=page.onMessages"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use common::http::HeadLimits;

    use super::*;

    fn read(request: &str) -> Result<Option<PollRequest>, BadPoll> {
        let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
        PollRequest::of(&Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap())
    }

    #[test]
    fn a_poll_says_how_long_it_waits_in_its_url_or_by_a_preference() {
        for (request, wait, preferred) in [
            ("GET /?poll=10 HTTP/1.0", 10, None),
            ("GET /?poll=0 HTTP/1.0", 0, None),
            ("GET /?poll=007 HTTP/1.0", 7, None),
            ("GET /?poll HTTP/1.0", 25, None),
            ("GET /?since=3&poll= HTTP/1.0", 25, None),
            ("GET /?poll=61 HTTP/1.0", 60, None),
            ("GET /?poll=99999999999999999999999 HTTP/1.0", 60, None),
            ("GET / HTTP/1.0\nPrefer: wait=10", 10, Some(10)),
            ("GET / HTTP/1.0\nPrefer: respond-async, WAIT = \"10\"; x=y, wait=3", 10, Some(10)),
            ("GET / HTTP/1.0\nPrefer: return=minimal\nPrefer: wait=100", 60, Some(60)),
            ("GET /?poll=5 HTTP/1.0\nPrefer: wait=10", 5, None),
        ] {
            let poll =
                PollRequest { wait: Duration::from_secs(wait), preferred, callback: None, is_head: false };
            assert_eq!(read(request), Ok(Some(poll)), "{request}");
        }
        for request in [
            "GET / HTTP/1.0",
            "GET /?polls=1 HTTP/1.0",
            "GET / HTTP/1.0\nPrefer: wait",
            "GET / HTTP/1.0\nPrefer: wait=",
            "GET / HTTP/1.0\nPrefer: wait=soon",
            "GET / HTTP/1.0\nPrefer: wait=-1",
            "GET / HTTP/1.0\nPrefer: handling=strict; wait=10",
        ] {
            assert_eq!(read(request), Ok(None), "{request}");
        }
    }

    #[test]
    fn a_script_names_the_function_that_it_calls() {
        for name in ["f", "_", "jQuery17_12", "angular.callbacks._0", "a.b.c", &"x".repeat(128)] {
            let poll = read(&format!("GET /?callback={name} HTTP/1.0")).unwrap().unwrap();
            assert_eq!(poll.callback.as_deref(), Some(name));
            assert_eq!(poll.wait, Duration::from_secs(25));
        }
        let poll = read("HEAD /?callback=f&poll=3 HTTP/1.0\nPrefer: wait=9").unwrap().unwrap();
        assert_eq!((poll.wait, poll.preferred, poll.is_head), (Duration::from_secs(3), None, true));
    }

    #[test]
    fn what_is_no_name_or_no_number_is_shown_with_what_is_expected() {
        for (value, start) in [
            ("poll=x", "poll=x: "),
            ("poll=-1", "poll=-1: "),
            ("poll=1.5", "poll=1.5: "),
            ("poll=+1", "poll= 1: "),
            ("poll=5;token=SECRET", "poll=5;token=…: "),
            ("callback=", "callback=: "),
            ("callback=a(b", "callback=a(b: "),
            ("callback=a%28b", "callback=a(b: "),
            ("callback=1a", "callback=1a: "),
            ("callback=a..b", "callback=a..b: "),
            ("callback=.a", "callback=.a: "),
            ("callback=a.", "callback=a.: "),
            ("callback=a.1", "callback=a.1: "),
            ("callback=a%0db", "callback=a\\x0db: "),
            ("callback=a%00", "callback=a\\x00: "),
            ("callback=%CF%80", "callback="),
            ("callback=a-b", "callback=a-b: "),
            ("callback=a%5B0%5D", "callback=a[0]: "),
            ("callback=f&poll=x", "poll=x: "),
        ] {
            let error = read(&format!("GET /?{value} HTTP/1.0")).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
        let long = read(&format!("GET /?callback={} HTTP/1.0", "x".repeat(129))).unwrap_err().to_string();
        assert!(long.len() < 300, "{long}");
    }
}
