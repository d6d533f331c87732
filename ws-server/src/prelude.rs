//! What the first bytes of a connection are: known from the earliest byte that decides it, so that nobody who speaks
//! something else waits for an answer.

/// The signature of the PROXY protocol, version 2.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// No method is longer; RFC 9110 knows none above 7 letters, the registry none above 17.
const LONGEST_METHOD: usize = 24;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prelude {
    /// Too little to say.
    Unknown,
    /// `<`: a Flash policy request. It is never HTTP.
    Policy,
    /// A PROXY header, from a peer that may send one.
    Proxy,
    /// An empty line before the request; RFC 9112 §2.2: "SHOULD ignore at least one empty line (CRLF) received prior
    /// to the request-line".
    EmptyLine,
    /// It may become an HTTP request.
    Http,
    /// Something else: TLS, SSH, a mistake.
    Other,
}

/// Looks at all bytes so far.
pub(crate) fn judge(input: &[u8], proxy_allowed: bool) -> Prelude {
    match input {
        [] => Prelude::Unknown,
        [b'<', ..] => Prelude::Policy,
        _ if proxy_allowed && input.starts_with(PROXY_V2) => Prelude::Proxy,
        _ if proxy_allowed && PROXY_V2.starts_with(input) => Prelude::Unknown,
        [b'\r'] => Prelude::Unknown,
        [b'\r', b'\n', ..] => Prelude::EmptyLine,
        _ => judge_request_line(input),
    }
}

/// `method SP request-target SP HTTP/…`, as far as it is there (RFC 9112 §3).
fn judge_request_line(input: &[u8]) -> Prelude {
    let line = input.iter().position(|byte| *byte == b'\n').and_then(|end| input.get(..end));
    let mut words = line.unwrap_or(input).split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    if method.is_empty() || method.len() > LONGEST_METHOD || !method.iter().copied().all(is_method_byte) {
        return Prelude::Other;
    }
    // A line that has ended without a version is HTTP/0.9, or a protocol that greets.
    match line {
        Some(_) if !words.nth(1).is_some_and(|version| version.starts_with(b"HTTP/")) => Prelude::Other,
        _ => Prelude::Http,
    }
}

/// RFC 9110 §5.6.2 allows more in a token; no method has ever used it.
fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'*' | b'!' | b'\'' | b'+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_http_is_known_at_once() {
        let preludes: [&[u8]; 13] = [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
            b"\x80\x2e\x01\x00\x02",                         // SSL 2
            b"SSH-2.0-OpenSSH_9.0\r\n",                      // SSH
            b"\x03\x00\x00\x13\x0e\xe0",                     // RDP
            b"\x05\x01\x00",                                 // SOCKS 5
            b"\x00\x00\x00\x55\xffSMB",                      // SMB
            b"EHLO example.org\r\n",                         // SMTP
            b"GET /\r\n",                                    // HTTP/0.9
            b"*1\r\n$4\r\nPING\r\n",                         // Redis
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",           // PROXY, version 1
            b"{\"id\":1}",                                   // JSON
            b" GET / HTTP/1.1\r\n",                          // a space too early
            b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",     // no method is that long
        ];
        for bytes in preludes {
            assert_eq!(judge(bytes, false), Prelude::Other, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_request_is_never_mistaken_at_any_length() {
        let request = b"OPTIONS /echo?a=b HTTP/1.1\r\nHost: a\r\n";
        for end in 1..=request.len() {
            assert_eq!(judge(&request[..end], true), Prelude::Http);
        }
    }

    #[test]
    fn the_other_beginnings_have_their_names() {
        assert_eq!(judge(b"", false), Prelude::Unknown);
        assert_eq!(judge(b"<", false), Prelude::Policy);
        assert_eq!(judge(b"\r\nGET", false), Prelude::EmptyLine);
        assert_eq!(judge(b"\r", false), Prelude::Unknown);
    }

    #[test]
    fn a_proxy_header_is_for_those_who_may_send_one() {
        let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11";
        for end in 1..12 {
            assert_eq!(judge(&header[..end], true), Prelude::Unknown);
        }
        assert_eq!(judge(header, true), Prelude::Proxy);
        assert_eq!(judge(header, false), Prelude::EmptyLine);
        assert_eq!(judge(b"\0\r\nQUIT\n", false), Prelude::Other);
    }
}
