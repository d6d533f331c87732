//! What the first bytes of a connection are. What is none of these is judged byte by byte as a request head.

/// The signature of the PROXY protocol, version 2.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prelude {
    /// Too little to say.
    Unknown,
    /// `<`: a Flash policy request. It is never HTTP.
    Policy,
    /// A PROXY header, from a peer that may send one.
    Proxy,
    /// A request, or what is refused as one.
    Http,
}

/// Looks at all bytes so far.
pub(crate) fn judge(input: &[u8], proxy_allowed: bool) -> Prelude {
    match input {
        [] => Prelude::Unknown,
        [b'<', ..] => Prelude::Policy,
        _ if proxy_allowed && input.starts_with(PROXY_V2) => Prelude::Proxy,
        _ if proxy_allowed && PROXY_V2.starts_with(input) => Prelude::Unknown,
        _ => Prelude::Http,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_beginning_has_its_name() {
        assert_eq!(judge(b"", true), Prelude::Unknown);
        assert_eq!(judge(b"<", false), Prelude::Policy);
        assert_eq!(judge(b"G", true), Prelude::Http);
        assert_eq!(judge(b"\r\nGET", true), Prelude::Http);
    }

    #[test]
    fn a_proxy_header_is_for_those_who_may_send_one() {
        let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11";
        for end in 1..12 {
            assert_eq!(judge(&header[..end], true), Prelude::Unknown);
        }
        assert_eq!(judge(header, true), Prelude::Proxy);
        assert_eq!(judge(header, false), Prelude::Http);
    }
}
