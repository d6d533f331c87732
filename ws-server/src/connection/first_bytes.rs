//! What a connection begins with, from its first bytes. Anything else goes to the HTTP parser, which refuses it.

/// The signature of the PROXY protocol, version 2.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstBytes {
    /// The bytes fit more than one beginning.
    Unknown,
    /// `<`: a Flash policy request, never HTTP.
    Policy,
    /// A PROXY header, from a peer whose headers are trusted.
    Proxy,
    /// A request, or bytes that the HTTP parser refuses.
    Http,
}

/// Recognizes the beginning in all bytes so far; `proxy_allowed` if the peer is a trusted proxy that has sent no PROXY header yet.
pub(crate) fn sniff(input: &[u8], proxy_allowed: bool) -> FirstBytes {
    match input {
        [] => FirstBytes::Unknown,
        [b'<', ..] => FirstBytes::Policy,
        _ if proxy_allowed && input.starts_with(PROXY_V2) => FirstBytes::Proxy,
        _ if proxy_allowed && PROXY_V2.starts_with(input) => FirstBytes::Unknown,
        _ => FirstBytes::Http,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_beginning_has_its_name() {
        assert_eq!(sniff(b"", true), FirstBytes::Unknown);
        assert_eq!(sniff(b"<", false), FirstBytes::Policy);
        assert_eq!(sniff(b"G", true), FirstBytes::Http);
        assert_eq!(sniff(b"\r\nGET", true), FirstBytes::Http);
    }

    #[test]
    fn a_proxy_header_counts_only_from_a_trusted_peer() {
        let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11";
        for end in 1..12 {
            assert_eq!(sniff(&header[..end], true), FirstBytes::Unknown);
        }
        assert_eq!(sniff(header, true), FirstBytes::Proxy);
        assert_eq!(sniff(header, false), FirstBytes::Http);
    }
}
