//! The Content-Security-Policy, fixed at start: what a page from here may load, and that it may reach its ws-server.

use std::str::FromStr;
use thiserror::Error;

/// Where the page finds its ws-server: a checked `ws://` or `wss://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsUrl {
    secure: bool,
    authority: String,
    path: String,
}

/// Why a `--ws-url` was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WsUrlError {
    /// Another scheme, or none.
    #[error("expected ws:// or wss://")]
    Scheme,
    /// No host, or one with bytes that stand in no host.
    #[error("expected HOST or HOST:PORT after the scheme")]
    Host,
    /// A byte that would end the attribute or the header it is put into.
    #[error("a byte in the path must be percent-encoded")]
    Path,
}

impl FromStr for WsUrl {
    type Err = WsUrlError;

    fn from_str(text: &str) -> Result<Self, WsUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(WsUrlError::Scheme)?;
        let secure = match scheme {
            "ws" => false,
            "wss" => true,
            _ => return Err(WsUrlError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port_is_good = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if host.is_empty() || !authority.bytes().all(host_byte) || !port_is_good {
            return Err(WsUrlError::Host);
        }
        // RFC 6455 §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used".
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#';,".contains(&byte)) {
            return Err(WsUrlError::Path);
        }
        Ok(WsUrl { secure, authority: authority.to_owned(), path: path.to_owned() })
    }
}

impl std::fmt::Display for WsUrl {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}://{}{}", if self.secure { "wss" } else { "ws" }, self.authority, self.path)
    }
}

/// What a page may connect to: its ws-server by WebSocket, and by HTTP for server-sent events.
fn connect_sources(ws_url: Option<&WsUrl>) -> String {
    match ws_url {
        // The page's own host is not known here, only the port.
        None => "ws://*:40132 wss://*:40132 http://*:40132 https://*:40132".to_owned(),
        Some(WsUrl { secure: false, authority, .. }) => format!("ws://{authority} http://{authority}"),
        Some(WsUrl { secure: true, authority, .. }) => format!("wss://{authority} https://{authority}"),
    }
}

/// The policy for the built-in page, which needs nothing but its own files.
pub fn for_built_in(ws_url: Option<&WsUrl>) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        connect_sources(ws_url)
    )
}

/// The policy for the files of `--root`: all that comes from the same origin.
pub fn for_root(ws_url: Option<&WsUrl>) -> String {
    format!(
        "default-src 'self'; img-src 'self' data:; connect-src 'self' {}; object-src 'none'; base-uri 'self'; \
         form-action 'self'; frame-ancestors 'self'",
        connect_sources(ws_url)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls_are_read_and_written_back() {
        for text in [
            "ws://host",
            "ws://host:40132/",
            "wss://dates.example/live?since=1",
            "ws://[::1]:40132",
            "ws://[::1]",
        ] {
            assert_eq!(text.parse::<WsUrl>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_could_end_a_header_or_an_attribute_is_refused() {
        for text in [
            "",
            "host",
            "http://host",
            "ws://",
            "ws:///x",
            "ws://ho st",
            "ws://host:0",
            "ws://host:99999",
            "ws://host:x",
            "ws://a;b",
            "ws://a,b",
            "ws://host/\"",
            "ws://host/a b",
            "ws://host/;x",
            "ws://host/\r\n",
            "ws://host/#x",
            "ws://u@host",
            "ws://:80",
        ] {
            assert!(text.parse::<WsUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_policy_lets_the_page_reach_its_ws_server_and_nothing_else() {
        let policy = for_built_in(Some(&"wss://h:1/x".parse().unwrap()));
        assert!(policy.starts_with("default-src 'none';"));
        assert!(policy.contains("connect-src 'self' wss://h:1 https://h:1;"));
        assert!(for_built_in(None).contains("ws://*:40132 wss://*:40132 http://*:40132 https://*:40132;"));
    }
}
