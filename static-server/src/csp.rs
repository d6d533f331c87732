//! The Content-Security-Policy, fixed at the start: for the built-in page what it loads and which ws-server it reaches, for the
//! files of `--root` what their owner says.

use std::net::Ipv6Addr;
use std::str::FromStr;

use common::http::is_field_value;
use thiserror::Error;

/// The name of the header field.
pub(crate) const FIELD: &str = "Content-Security-Policy";

/// Where the page finds its stream: a checked `ws://` or `wss://` URL, or a path of the page's own origin, where one program or a
/// proxy serves both. A relative path is one beside the page, wherever a proxy puts that.
#[derive(Clone, Debug)]
pub(crate) struct WsUrl {
    /// The URL as the operator wrote it.
    pub(crate) text: String,
    /// The sources that a page may connect to besides its own origin, each behind a blank: its ws-server, by WebSocket and by
    /// HTTP for whatever else.
    sources: String,
    /// The source of its scripts, behind a blank: JSONP is one. Only of a server that a policy can name.
    script_source: String,
}

/// The WebSocket form of a page's own origin. CSP 3 §6.7.2.8 lets 'self' match it, but browsers before that text do not, and none
/// has a name for it: only the browser knows the host's name.
const OWN_ORIGIN: &str = " ws: wss:";

/// Why `--ws-url` cannot be this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum WsUrlError {
    #[error(
        "expected ws://, wss:// or, for the page's own host, a path as `/stream` or, beside the page, `stream`"
    )]
    Scheme,
    /// A relative path that begins like the name of a host.
    #[error("expected ws:// or wss:// before a host; a path beside the page with such a name begins with ./")]
    Name,
    #[error("expected HOST or HOST:PORT after the scheme")]
    Host,
    /// A host that no browser's `new WebSocket()` takes.
    #[error("an IPv6 address stands in brackets, as in ws://[::1]:40132")]
    Ipv6,
    /// A byte that would end the attribute or the header field around it.
    #[error("a byte in the path must be percent-encoded")]
    Path,
}

impl WsUrl {
    /// The stream of a server that serves the page and the stream.
    pub(crate) fn beside_the_page() -> Self {
        WsUrl::of_own_origin("stream")
    }

    /// The page's own scripts' source is this stream's, too.
    fn of_own_origin(text: &str) -> Self {
        WsUrl { text: text.to_owned(), sources: OWN_ORIGIN.to_owned(), script_source: String::new() }
    }

    /// The stream as a document, for HTTP: `.html` behind its path.
    pub(crate) fn document(&self) -> String {
        let http = match self.text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = if scheme.eq_ignore_ascii_case("wss") { "https" } else { "http" };
                let authority_ends = rest.find(['/', '?']).unwrap_or(rest.len());
                let (authority, path) = rest.split_at(authority_ends);
                format!("{scheme}://{authority}{}{path}", if path.starts_with('/') { "" } else { "/" })
            }
            None => self.text.clone(),
        };
        let (path, query) = http.split_at(http.find('?').unwrap_or(http.len()));
        let name = match path.rsplit('/').next() {
            Some("") => "stream.html",
            Some("." | "..") => "/stream.html",
            _ => ".html",
        };
        format!("{path}{name}{query}")
    }
}

impl FromStr for WsUrl {
    type Err = WsUrlError;

    fn from_str(text: &str) -> Result<Self, WsUrlError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            check_reference(text)?;
            return Ok(WsUrl::of_own_origin(text));
        };
        // RFC 3986 §3.1: "schemes are case-insensitive".
        let (scheme, http) = match scheme.to_ascii_lowercase().as_str() {
            "ws" => ("ws", "http"),
            "wss" => ("wss", "https"),
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
        if !is_host_of_a_url(host) {
            return Err(WsUrlError::Ipv6);
        }
        check_path(path)?;
        let default_port = if scheme == "ws" { "80" } else { "443" };
        let (source, script_source) = if is_host_of_a_policy(host) {
            (authority.to_owned(), format!(" {http}://{authority}"))
        } else {
            (format!("*:{}", port.unwrap_or(default_port)), String::new())
        };
        let sources = format!(" {scheme}://{source} {http}://{source}");
        Ok(WsUrl { text: text.to_owned(), sources, script_source })
    }
}

/// True if colons and brackets stand only where RFC 3986 §3.2.2 has them: around and in an IPv6 address.
fn is_host_of_a_url(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.contains([':', '[', ']']),
    }
}

/// True for a host that a policy can name. CSP 3 §2.3.1: `host-char = ALPHA / DIGIT / "-"`, joined by single dots; a browser
/// ignores a source with an IPv6 address or an underscore in it, and would keep the page from its ws-server.
fn is_host_of_a_policy(host: &str) -> bool {
    host.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Checks a path of the page's own origin: `/stream`, or `stream` and `../stream` beside the page.
fn check_reference(text: &str) -> Result<(), WsUrlError> {
    let first = text.split(['/', '?']).next().unwrap_or_default();
    // RFC 3986 §4.2: two slashes begin an authority, and "a path segment that contains a colon character … cannot be used as the
    // first segment of a relative-path reference".
    if text.is_empty() || text.starts_with("//") || text.starts_with('?') || first.contains(':') {
        return Err(WsUrlError::Scheme);
    }
    let is_dots = first == "." || first == "..";
    if (first.contains('.') && !is_dots) || first.eq_ignore_ascii_case("localhost") {
        return Err(WsUrlError::Name);
    }
    check_path(text)
}

fn check_path(path: &str) -> Result<(), WsUrlError> {
    // RFC 6455 §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used".
    let is_good = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#';,".contains(&byte);
    if path.bytes().all(is_good) { Ok(()) } else { Err(WsUrlError::Path) }
}

fn connect_sources(ws_url: Option<&WsUrl>) -> &str {
    // Without a URL we know only the port, not the page's host.
    ws_url.map_or(" ws://*:40132 wss://*:40132 http://*:40132 https://*:40132", |url| &url.sources)
}

/// The policy for the built-in page, which needs its own files, and what comes from its ws-server.
pub(crate) fn for_built_in(ws_url: Option<&WsUrl>) -> String {
    format!(
        "default-src 'none'; script-src 'self'{}; worker-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self'{}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ws_url.map_or("", |url| &url.script_source),
        connect_sources(ws_url)
    )
}

/// The policy for the tutorial's page: `script` is the source of the script in it, and it plays our SWF where a browser can.
pub(crate) fn for_tutorial(ws_url: Option<&WsUrl>, script: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' {script}; object-src 'self'; img-src 'self'; connect-src 'self'{}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        connect_sources(ws_url)
    )
}

/// Parses `--csp`: one header field's worth of directives, as the operator wrote them.
///
/// # Errors
/// A sentence about a byte that a header field must not hold, or a directive without a name.
pub(crate) fn policy(text: &str) -> Result<String, String> {
    if !text.is_ascii() || !is_field_value(text.as_bytes()) {
        return Err("a policy is one line of ASCII".to_owned());
    }
    let mut directives =
        text.split([';', ',']).map(str::trim).filter(|directive| !directive.is_empty()).peekable();
    if directives.peek().is_none() {
        return Err("a policy names a directive, as `default-src 'self'`".to_owned());
    }
    // CSP 3 §2.3: `directive-name = 1*( ALPHA / DIGIT / "-" )`.
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    for directive in directives {
        let mut words = directive.split_whitespace();
        let name = words.next().unwrap_or_default();
        if !is_name(name) || ["none", "off"].contains(&name) {
            return Err(format!("`{name}` is not the name of a directive such as `default-src`"));
        }
        if let Some(bare) =
            words.find(|word| KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)))
        {
            return Err(format!("a browser takes {bare} for a host's name: it stands in quotes, `'{bare}'`"));
        }
    }
    Ok(text.trim().to_owned())
}

/// The words of a list of sources that mean what they say only in quotes (CSP 3 §2.3.1); bare, they would keep the page blank.
const KEYWORDS: [&str; 7] =
    ["self", "none", "unsafe-inline", "unsafe-eval", "strict-dynamic", "unsafe-hashes", "report-sample"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_url_is_written_as_it_was_read() {
        for text in [
            "ws://host",
            "ws://host:40132/",
            "wss://dates.example/live?since=1",
            "ws://[::1]:40132",
            "ws://[::1]",
            "WSS://host",
            "/",
            "/stream?greet=1",
            "stream",
            "./my.stream",
            "../logs/stream?greet=1",
        ] {
            assert_eq!(text.parse::<WsUrl>().unwrap().text, text);
        }
    }

    #[test]
    fn a_url_that_could_end_a_header_or_an_attribute_is_refused() {
        for text in [
            "",
            "host:40132",
            "dates.example",
            "localhost/x",
            "?x",
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
            "ws://[::1",
            "ws://::1:80",
            "ws://::1]",
            "ws://[zz]:80",
            "ws://a[::1]:80",
            "stream,x",
            "a b",
            "//host/stream",
            "/stream;x",
            "/stream#x",
        ] {
            assert!(text.parse::<WsUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_policy_of_the_tutorial_allows_its_script_and_a_swf_of_ours_besides() {
        let policy = for_tutorial(None, "'sha256-x'");
        let plain = policy.replace(" 'sha256-x'", "").replace("object-src 'self'; ", "");
        let plain = plain.replace("img-src", "worker-src 'self'; style-src 'self'; img-src");
        assert_eq!(plain, for_built_in(None));
    }

    #[test]
    fn the_policy_lets_the_page_reach_its_ws_server_and_nothing_else() {
        let policy = for_built_in(Some(&"wss://h:1/x".parse().unwrap()));
        assert!(policy.starts_with("default-src 'none';"));
        assert!(policy.contains("connect-src 'self' wss://h:1 https://h:1;"));
        assert!(policy.contains("script-src 'self' https://h:1;"));
        for own in ["/stream", "stream"] {
            let policy = for_built_in(Some(&own.parse().unwrap()));
            assert!(policy.contains("connect-src 'self' ws: wss:; "), "{policy}");
            assert!(policy.contains("script-src 'self';"), "{policy}");
        }
        for unnamed in [None, Some(&"ws://[::1]:1".parse().unwrap())] {
            assert!(for_built_in(unnamed).contains("script-src 'self';"), "a script of any host");
        }
        assert!(for_built_in(None).contains("ws://*:40132 wss://*:40132 http://*:40132 https://*:40132;"));
    }

    #[test]
    fn the_document_is_the_path_with_html_behind_it() {
        for (url, document) in [
            ("ws://h", "http://h/stream.html"),
            ("ws://h:1/", "http://h:1/stream.html"),
            ("wss://h/live?greet=1", "https://h/live.html?greet=1"),
            ("ws://h?a=/", "http://h/stream.html?a=/"),
            ("/", "/stream.html"),
            ("stream", "stream.html"),
            ("../logs/stream?a", "../logs/stream.html?a"),
            ("..", "../stream.html"),
            ("./", "./stream.html"),
        ] {
            assert_eq!(url.parse::<WsUrl>().unwrap().document(), document, "{url}");
        }
    }

    #[test]
    fn a_host_that_no_policy_can_name_is_any_host_on_its_port() {
        for (url, sources) in [
            ("ws://host", " ws://host http://host"),
            ("wss://a-b.example:444/x", " wss://a-b.example:444 https://a-b.example:444"),
            ("ws://127.0.0.1:1", " ws://127.0.0.1:1 http://127.0.0.1:1"),
            ("ws://[::1]:40132/", " ws://*:40132 http://*:40132"),
            ("ws://[::1]", " ws://*:80 http://*:80"),
            ("wss://[::1]", " wss://*:443 https://*:443"),
            ("WSS://a.example", " wss://a.example https://a.example"),
            ("wss://my_host:1/x", " wss://*:1 https://*:1"),
            ("ws://host.:1", " ws://*:1 http://*:1"),
        ] {
            assert_eq!(url.parse::<WsUrl>().unwrap().sources, sources, "{url}");
        }
    }

    #[test]
    fn a_policy_of_the_operator_is_taken_as_it_is_or_refused() {
        for text in
            ["default-src 'self'", "upgrade-insecure-requests;", "a 'b'; c d, e", "img-src self.example"]
        {
            assert_eq!(policy(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            " ; ",
            "'self'",
            "none",
            "default-src: 'self'",
            "default-src self",
            "img-src *; script-src 'self' Unsafe-Inline",
            "a\r\nb: c",
            "a \u{e9}",
        ] {
            assert!(policy(text).is_err(), "{text:?}");
        }
    }
}
