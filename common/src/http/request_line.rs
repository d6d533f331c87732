//! The request line (RFC 9112 §3).

use super::byte_class::ByteClass;
use super::{HeadError, plain_run};

/// The methods of RFC 9110 §9 and RFC 5789.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// The longest method that the parser reads, in bytes; every registered one is shorter.
pub(super) const MAX_METHOD: usize = 32;

/// The length of `HTTP/1.1` in bytes.
pub(super) const VERSION_LEN: usize = 8;

/// True for a method that exists: a server answers one that it does not allow with 405, an unknown one with 501.
pub fn is_known_method(method: &str) -> bool {
    // RFC 9110 §9.1: "The method token is case-sensitive"
    METHODS.contains(&method)
}

/// The words of a request line: its method, its target, and the minor version, 0 or 1.
pub(super) type Words<'l> = (&'l str, &'l [u8], u8);

/// The words of a request line as most are, at the beginning of these bytes, and what stands behind its CRLF: each byte is looked at once.
/// `None` says nothing against another one, which [`check`] is for.
#[inline]
pub(super) fn usual(bytes: &[u8]) -> Option<(Words<'_>, &[u8])> {
    let rest = bytes.strip_prefix(b"GET ").filter(|rest| rest.first() == Some(&b'/'))?;
    let (target, behind) = rest.split_at_checked(clean(rest))?;
    Some((("GET", target, 1), behind.strip_prefix(b" HTTP/1.1\r\n")?))
}

/// Checks a request line, without its CRLF.
pub(super) fn check(line: &[u8]) -> Result<Words<'_>, HeadError> {
    let (method, target, minor_version) = words(line)?;
    if method != "GET" && !is_token(method) {
        return Err(HeadError::RequestLine);
    }
    check_target(method, target)?;
    Ok((method, target, minor_version))
}

/// Splits a request line that [`check`] has passed.
pub(super) fn words(line: &[u8]) -> Result<Words<'_>, HeadError> {
    // §3: "request-line = method SP request-target SP HTTP-version": exactly two single blanks. The version has one length, and the
    // method is short: nothing looks for the blank behind the target, which [`check_target`] allows none.
    let (rest, version) = line.split_last_chunk::<VERSION_LEN>().ok_or(HeadError::RequestLine)?;
    let rest = rest.strip_suffix(b" ").ok_or(HeadError::RequestLine)?;
    if let Some(target) = rest.strip_prefix(b"GET ") {
        return Ok(("GET", target, parse_version(*version)?)); // as most are
    }
    let blank = rest.iter().position(|&byte| byte == b' ').ok_or(HeadError::RequestLine)?;
    let (method, target) = rest.split_at_checked(blank).ok_or(HeadError::RequestLine)?;
    let method = std::str::from_utf8(method).map_err(|_| HeadError::RequestLine)?;
    Ok((method, target.get(1..).unwrap_or_default(), parse_version(*version)?))
}

/// Parses `HTTP/1.x` (RFC 9112 §2.3).
fn parse_version(version: [u8; VERSION_LEN]) -> Result<u8, HeadError> {
    if version == *b"HTTP/1.1" {
        return Ok(1);
    }
    // §2.3: "HTTP-name = %s"HTTP"", case-sensitive.
    let Some([major, b'.', minor]) = version.strip_prefix(b"HTTP/") else {
        return Err(HeadError::RequestLine);
    };
    match (major, minor) {
        (b'1', b'0') => Ok(0),
        // RFC 9110 §2.5: a higher minor version of a known major one is processed "as if it was in the highest minor
        // version within that major version to which the recipient is conformant."
        (b'1', b'1'..=b'9') => Ok(1),
        (b'0'..=b'9', b'0'..=b'9') => Err(HeadError::Version),
        _ => Err(HeadError::RequestLine),
    }
}

/// Checks the target against the four forms of RFC 9112 §3.2.
fn check_target(method: &str, target: &[u8]) -> Result<(), HeadError> {
    let well_formed = match (method, target) {
        // §3.2.3: the authority-form "is only used for CONNECT requests"
        ("CONNECT", authority) => is_authority(authority) && authority.contains(&b':'),
        // §3.2.4: the asterisk-form "is only used for a server-wide OPTIONS request"
        (_, b"*") => method == "OPTIONS",
        (_, [b'/', ..]) => true,
        (_, absolute) => {
            split_absolute(absolute).is_some_and(|(host, _)| !host.is_empty() && is_authority(host))
        }
    };
    if well_formed && clean(target) == target.len() { Ok(()) } else { Err(HeadError::Target) }
}

/// How many bytes at the beginning may stand in a target.
#[inline]
fn clean(bytes: &[u8]) -> usize {
    // §3.2: no client sends a fragment, except one that wants two servers to see two paths.
    plain_run::<b'!', b'#'>(bytes)
}

/// Splits an absolute target, `http://host:port/path?query`, into its authority and the rest (§3.2.2).
pub fn split_absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let scheme_end = target.windows(3).take(8).position(|bytes| bytes == b"://")?;
    let (scheme, rest) = target.split_at_checked(scheme_end)?;
    if !(scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")) {
        return None;
    }
    let rest = rest.get(3..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

/// True for `host` or `host:port` (RFC 3986 §3.2.2, without user information), and for an empty value.
pub(super) fn is_authority(value: &[u8]) -> bool {
    let port = if let [b'[', rest @ ..] = value {
        let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
        let (literal, after) = rest.split_at_checked(end).unwrap_or_default();
        // RFC 3986 §3.2.2: an IPv6 address, or one of "addresses that have not yet been defined".
        if literal.is_empty() || !literal.iter().all(|&byte| byte == b':' || is_name_byte(byte)) {
            return false;
        }
        after.get(1..)
    } else {
        let port = value.iter().position(|byte| !is_name_byte(*byte));
        port.and_then(|port| value.get(port..))
    };
    match port.unwrap_or_default() {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// True for a byte of a host's name (RFC 3986 §3.2.2), except that we refuse a comma, which could part two hosts.
fn is_name_byte(byte: u8) -> bool {
    static NAME: ByteClass = ByteClass::with_alphanumeric(b"-._~%!$&'()*+;=");
    NAME.has(byte)
}

/// True for a token (RFC 9110 §5.6.2), such as a method or the name of a header field.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.as_bytes().iter().all(|&byte| is_token_byte(byte))
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    static TOKEN: ByteClass = ByteClass::with_alphanumeric(b"!#$%&'*+-.^_`|~");
    TOKEN.has(byte)
}
