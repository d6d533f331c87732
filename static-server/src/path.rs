//! From a request target to the name of a file below the root: decoded once, checked, and never again joined as text.

use std::borrow::Cow;

use common::http::{plain_run, split_absolute};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use thiserror::Error;

/// Why a target does not name a file that we could serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum PathError {
    /// The target is not a path, or its percent-encoding is broken.
    #[error("malformed request target")]
    Malformed,
    /// A control byte, a slash in a segment, or `..`.
    #[error("forbidden byte or segment in the path")]
    Forbidden,
    /// A segment that begins with a dot: we never serve such files.
    #[error("hidden file")]
    Hidden,
}

impl PathError {
    pub(crate) fn status(self) -> u16 {
        match self {
            PathError::Malformed | PathError::Forbidden => 400,
            // RFC 9110 §15.5.5: 404 also where the server "is not willing to disclose that one exists".
            PathError::Hidden => 404,
        }
    }
}

/// A request path, decoded: segments joined by one `/`, without one at the start or the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestPath<'t> {
    /// A part of the target, where that needs no decoding.
    name: Cow<'t, [u8]>,
    /// True if the path ended in a slash.
    directory: bool,
}

impl<'t> RequestPath<'t> {
    /// Parses a request target in origin-form or absolute-form (RFC 9112 §3.2), without its query.
    ///
    /// It percent-decodes each segment exactly once. It drops empty segments and `.`, which mean nothing, so `//host` is
    /// the path `/host`, never an authority.
    pub(crate) fn parse(target: &'t [u8]) -> Result<Self, PathError> {
        let path = path_of(target).ok_or(PathError::Malformed)?;
        if let Some(plain) = plain_name(path) {
            return Ok(RequestPath { name: Cow::Borrowed(plain), directory: plain.is_empty() });
        }
        let mut name = Vec::with_capacity(path.len());
        let mut directory = true;
        for segment in path.split(|&byte| byte == b'/') {
            let start = name.len();
            if start > 0 {
                name.push(b'/');
            }
            let begin = name.len();
            decode(segment, &mut name)?;
            let decoded = name.get(begin..).unwrap_or_default();
            directory = decoded.is_empty() || decoded == b".";
            if directory {
                name.truncate(start);
            } else {
                check_segment(decoded)?;
            }
        }
        Ok(RequestPath { name: name.into(), directory })
    }

    /// The name below the root; empty for the root itself.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// True if the path ended in a slash: it names a directory.
    pub(crate) fn is_directory(&self) -> bool {
        self.directory
    }

    /// True if the last segment has an extension: such a path names an asset, not a page of an application.
    pub(crate) fn has_extension(&self) -> bool {
        self.name.rsplit(|&byte| byte == b'/').next().is_some_and(|last| last.contains(&b'.'))
    }

    /// The path with a slash behind it and the query without a reader's token, percent-encoded, for a `Location` on the same origin.
    pub(crate) fn location_of_directory(&self, query: Option<&[u8]>) -> String {
        let mut location = String::from("/");
        location.extend(percent_encode(&self.name, PATH));
        if !location.ends_with('/') {
            location.push('/');
        }
        if let Some(query) = query.and_then(without_token) {
            location.push('?');
            location.extend(percent_encode(&query, QUERY));
        }
        location
    }
}

/// A query without its parameters that [`shown_target`](common::http::shown_target) would hide a token of; `None` if it held nothing else.
///
/// RFC 6750 §5.3: "Bearer tokens SHOULD NOT be passed in page URLs". One that somebody put there all the same goes no further: a
/// `Location` stands in the logs of proxies.
fn without_token(query: &[u8]) -> Option<Vec<u8>> {
    let kept: Vec<&[u8]> =
        query.split(|&byte| byte == b'&').filter(|parameter| !holds_token(parameter)).collect();
    (!kept.is_empty()).then(|| kept.join(&b'&'))
}

/// Of the bytes that [`check_segment`] accepts, those that RFC 3986 §3.3 allows in a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+');
/// True if a server could find a parameter `token` in this one, with whatever separators and case.
fn holds_token(parameter: &[u8]) -> bool {
    let decoded: Vec<u8> =
        percent_decode(parameter).map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    decoded.split(|byte| b"?&;".contains(byte)).any(|part| {
        let name = part.split(|&byte| byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"token")
    })
}

/// The bytes that RFC 3986 §3.4 allows in a query; `%` stays, because we pass the query on without decoding it.
const QUERY: &AsciiSet = &PATH
    .remove(b'%')
    .remove(b'&')
    .remove(b'=')
    .remove(b'?')
    .remove(b':')
    .remove(b';')
    .remove(b',')
    .remove(b'!')
    .remove(b'$')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');

/// The path of a target, beginning with its slash.
fn path_of(target: &[u8]) -> Option<&[u8]> {
    let resource = if target.first() == Some(&b'/') {
        target
    } else {
        // RFC 9112 §3.2.2: "a server MUST accept the absolute-form in requests even though most HTTP/1.1 clients will
        // only send the absolute-form to a proxy."
        let (authority, resource) = split_absolute(target)?;
        // RFC 9110 §4.2.1: "A sender MUST NOT generate an "http" URI with an empty host identifier. A recipient that
        // processes such a URI reference MUST reject it as invalid."
        if authority.is_empty() {
            return None;
        }
        resource
    };
    let path = resource.split(|&byte| byte == b'?').next()?;
    Some(if path.is_empty() { b"/" } else { path })
}

/// The name of a path as most are, which decoding and checking would leave as it is: nothing in it is encoded, no segment is empty
/// or begins with a dot.
fn plain_name(path: &[u8]) -> Option<&[u8]> {
    let name = path.strip_prefix(b"/")?;
    // The bytes that `decode` and `check_segment` look for.
    if plain_run::<b' ', b'%'>(name) < name.len() || name.contains(&b'#') {
        return None;
    }
    let is_odd = |pair: &[u8]| matches!(pair, [b'/', b'/' | b'.']);
    let begins_odd = matches!(name, [b'/' | b'.', ..]);
    (!begins_odd && !name.ends_with(b"/") && !name.windows(2).any(is_odd)).then_some(name)
}

/// Appends the percent-decoded segment (RFC 3986 §2.1).
fn decode(segment: &[u8], out: &mut Vec<u8>) -> Result<(), PathError> {
    let mut rest = segment;
    loop {
        match rest {
            [] => return Ok(()),
            [b'%', high, low, tail @ ..] => {
                // §2.4: "Implementations must not percent-encode or decode the same string more than once".
                out.push((hex(*high)? << 4) | hex(*low)?);
                rest = tail;
            }
            [b'%' | b'#', ..] => return Err(PathError::Malformed),
            [byte, tail @ ..] => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
}

fn hex(digit: u8) -> Result<u8, PathError> {
    let value = char::from(digit).to_digit(16).ok_or(PathError::Malformed)?;
    u8::try_from(value).map_err(|_| PathError::Malformed)
}

/// Refuses a decoded segment that is hidden, climbs up, or would be two names or none to the kernel.
///
/// What other systems take for a separator, a drive, a device or a pattern is a name like any other here: `12:30.txt`,
/// `a\b`, `CON`, `*`. We look it up as it is, beneath the root.
fn check_segment(segment: &[u8]) -> Result<(), PathError> {
    // A NUL ends a name in the kernel, and a slash separates two; the other control bytes belong to an attack on a log or
    // a header field.
    if segment.iter().any(|&byte| byte < 0x20 || byte == 0x7f || byte == b'/') {
        return Err(PathError::Forbidden);
    }
    match segment {
        b".." => Err(PathError::Forbidden),
        // RFC 8615: the one public name with a dot.
        b".well-known" => Ok(()),
        [b'.', ..] => Err(PathError::Hidden),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The query of a target: what follows its first `?`.
    fn query_of(target: &[u8]) -> Option<&[u8]> {
        let mark = target.iter().position(|&byte| byte == b'?')?;
        target.get(mark + 1..)
    }

    fn name(target: &str) -> Result<(String, bool), PathError> {
        RequestPath::parse(target.as_bytes())
            .map(|path| (String::from_utf8_lossy(path.name()).into_owned(), path.is_directory()))
    }

    #[test]
    fn ordinary_paths_name_files_and_directories() {
        for (target, expected, directory) in [
            ("/", "", true),
            ("/index.html", "index.html", false),
            ("/a/b/", "a/b", true),
            ("/a%20b", "a b", false),
            ("/a?x=/../", "a", false),
            ("//evil.com/x", "evil.com/x", false),
            ("///a//b", "a/b", false),
            ("/./a/./", "a", true),
            ("/.well-known/security.txt", ".well-known/security.txt", false),
            ("/12:30.txt", "12:30.txt", false),
            ("/a\\b", "a\\b", false),
            ("/a%5Cb%3a", "a\\b:", false),
            ("/C:/x", "C:/x", false),
            ("/a%3a%3a$DATA", "a::$DATA", false),
            ("/%5c%5chost%5cshare", "\\\\host\\share", false),
            ("/CON/aux.txt", "CON/aux.txt", false),
            ("/dot./space%20", "dot./space ", false),
            ("/-x/~/*%3F%22%3C%3E|", "-x/~/*?\"<>|", false),
            ("http://host/a", "a", false),
            ("HTTP://host:80", "", true),
        ] {
            assert_eq!(name(target), Ok((expected.to_owned(), directory)), "{target}");
        }
    }

    #[test]
    fn a_path_is_decoded_exactly_once() {
        assert_eq!(name("/%252e%252e/x"), Ok(("%2e%2e/x".to_owned(), false)));
        let overlong = RequestPath::parse(b"/%c0%ae%c0%ae/x").unwrap();
        assert_eq!(overlong.name(), b"\xc0\xae\xc0\xae/x");
    }

    #[test]
    fn hostile_paths_are_refused() {
        for target in [
            "/../etc/passwd",
            "/a/../b",
            "/..",
            "/..%2f",
            "/%2e%2e/",
            "/%2e%2e%2f",
            "/a%2fb",
            "/a%00.html",
            "/a%0d%0aX:y",
            "/a%7f",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/a#b",
            "*",
            "",
            "host:80",
            "ftp://host/a",
            "http:///a",
            "http://",
        ] {
            assert_eq!(name(target).map_err(PathError::status), Err(400), "{target}");
        }
    }

    #[test]
    fn dotfiles_are_not_found() {
        for target in [
            "/.git/config",
            "/.env",
            "/a/.htpasswd",
            "/%2egit/",
            "/..;/",
            "/....//",
            "/..%5c..%5c",
            "/.well-known/.x",
        ] {
            assert_eq!(name(target), Err(PathError::Hidden), "{target}");
        }
    }

    #[test]
    fn a_location_is_always_one_slash_and_a_path() {
        for (target, expected) in [
            ("//evil.com/", "/evil.com/"),
            ("/a b%22<>", "/a%20b%22%3C%3E/"),
            ("/a?next=//evil.com", "/a/?next=//evil.com"),
            ("/a?\"<\\", "/a/?%22%3C%5C"),
            ("/%ff%2525", "/%FF%2525/"),
            ("/\\evil.com", "/%5Cevil.com/"),
            ("/a:b", "/a%3Ab/"),
        ] {
            let path = RequestPath::parse(target.as_bytes()).unwrap();
            assert_eq!(path.location_of_directory(query_of(target.as_bytes())), expected);
        }
    }

    #[test]
    fn a_location_repeats_no_token_however_it_is_spelt() {
        let path = RequestPath::parse(b"/dir").unwrap();
        for (query, expected) in [
            ("token=SECRET", "/dir/"),
            ("token", "/dir/"),
            ("token=SECRET&token=SECRET", "/dir/"),
            ("a=1&token=SECRET", "/dir/?a=1"),
            ("token=SECRET&a=1&%74oke%6E=SECRET&b", "/dir/?a=1&b"),
            ("Token=SECRET&TOKEN=SECRET", "/dir/"),
            ("token==SECRET=&a=token", "/dir/?a=token"),
            ("a;token=SECRET&b?token=SECRET&c%26token=SECRET&token%3DSECRET&+token+=SECRET&d", "/dir/?d"),
            ("tokens=2&my-token=3&=token", "/dir/?tokens=2&my-token=3&=token"),
            ("", "/dir/?"),
            ("&&", "/dir/?&&"),
        ] {
            assert_eq!(path.location_of_directory(Some(query.as_bytes())), expected, "{query}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_accepted_name_can_climb_or_hold_a_control_byte(target in proptest::collection::vec(
            proptest::sample::select(b"./%2eEfF5c\\:\0a;?#\x7f\xc0\xae".to_vec()), 0..24)) {
            let target = [b"/".as_slice(), &target].concat();
            if let Ok(path) = RequestPath::parse(&target) {
                assert!(!path.name().starts_with(b"/") && !path.name().ends_with(b"/"));
                assert!(path.name().iter().all(|&byte| byte >= 0x20 && byte != 0x7f));
                assert!(path.name().is_empty() || path.name().split(|&b| b == b'/').all(|s| !s.is_empty() && s != b"." && s != b".."));
                let location = path.location_of_directory(query_of(&target));
                assert!(location.starts_with('/') && !location.starts_with("//"));
                assert!(location.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
