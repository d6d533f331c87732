//! `/tutorial.html` and what it includes: WebSocket over Flash for browsers that have no WebSocket of their own.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::csp::WsUrl;

/// The files that a page includes for it, by the names of 2010.
pub(crate) const FILES: &[(&str, &[u8])] = &[
    ("FABridge.js", include_bytes!("../../client/flash/FABridge.js")),
    ("WebSocketMain.swf", include_bytes!("../../client/flash/WebSocketMain.swf")),
    ("swfobject.js", include_bytes!("../../client/flash/swfobject.js")),
    ("web_socket.js", include_bytes!("../../client/flash/web_socket.js")),
];
/// The name of the page.
pub(crate) const NAME: &str = "tutorial.html";
const PAGE: &str = include_str!("../../client/flash/tutorial.html");
/// The address in the page, which it has without a server of ours. A browser of 2010 takes no other than an absolute one.
const ADDRESS: &str = "\"ws://localhost:40132/\"";
/// The page's own script begins and ends with these.
const SCRIPT: (&str, &str) = ("<script type=\"text/javascript\">", "</script>");

/// The page with the address of this stream; without a URL that is port 40132 of the page's host.
pub(crate) fn page(ws_url: Option<&WsUrl>) -> String {
    PAGE.replace(ADDRESS, &address(ws_url.map(|url| url.text.as_str())))
}

/// A script's expression that gives the absolute address. A [`WsUrl`] holds no byte that could end the text in it.
fn address(ws_url: Option<&str>) -> String {
    let scheme = "location.protocol.replace(\"http\", \"ws\")";
    match ws_url {
        None => format!("{scheme} + \"//\" + location.hostname + \":40132/\""),
        Some(url) if url.contains("://") => format!("\"{url}\""),
        Some(path) if path.starts_with('/') => format!("{scheme} + \"//\" + location.host + \"{path}\""),
        Some(path) => format!(
            "location.href.replace(\"http\", \"ws\").replace(/[?#].*/, \"\").replace(/[^\\/]*$/, \"{path}\")"
        ),
    }
}

/// The source of a Content-Security-Policy that allows the page's own script and no other inline (CSP 3 §2.3.1).
pub(crate) fn script_source(page: &str) -> String {
    let script = page.split_once(SCRIPT.0).and_then(|(_, rest)| rest.split_once(SCRIPT.1));
    let digest = Sha256::digest(script.map_or("", |(script, _)| script));
    format!("'sha256-{}'", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_script_of_its_own_and_one_address() {
        assert_eq!(PAGE.matches(SCRIPT.0).count(), 1);
        assert_eq!(PAGE.matches(ADDRESS).count(), 1);
        // The hash of a script counts its bytes as a browser has them, with LF for each line's end.
        assert!(!PAGE.contains('\r'));
    }

    #[test]
    fn the_address_is_that_of_the_stream() {
        let of = |url: &str| page(Some(&url.parse().unwrap()));
        assert!(page(None).contains("location.hostname + \":40132/\""));
        assert!(of("wss://h:1/x?a=1&b=2").contains("new WebSocket(\"wss://h:1/x?a=1&b=2\");"));
        assert!(of("/stream").contains("+ location.host + \"/stream\");"));
        assert!(of("../stream").contains(".replace(/[^\\/]*$/, \"../stream\"));"));
    }

    #[test]
    fn the_policy_names_the_script_as_it_is_served() {
        let here = script_source(&page(None));
        assert_ne!(here, script_source(PAGE));
        // As `openssl dgst -sha256 -binary | base64` has it for no bytes at all.
        assert_eq!(script_source(""), "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
    }

    #[test]
    fn every_file_that_the_page_includes_is_served() {
        for name in PAGE.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(FILES.iter().any(|(file, _)| *file == name), "{name}");
        }
        let location =
            PAGE.split("WEB_SOCKET_SWF_LOCATION = \"").nth(1).and_then(|rest| rest.split('"').next());
        assert!(FILES.iter().any(|(file, _)| Some(*file) == location));
    }
}
