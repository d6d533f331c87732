//! Requests with a token in every place, spelt in every way, with everything else right or wrong.

use crate::run::TOKENS;

/// All requests for this path.
pub(crate) fn all(path: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (index, (_, token)) in TOKENS.iter().enumerate() {
        let other = TOKENS[(index + 1) % TOKENS.len()].1;
        for (place, (target, fields)) in placed(path, token, other).into_iter().enumerate() {
            let ways = whole(&target, &fields);
            // Three of them with each token: every way with every place.
            let first = place + 3 * index;
            all.extend((first..first + 3).map(|way| ways[way % ways.len()].clone()));
        }
        all.extend(malformed(path, token));
    }
    all
}

fn percent(token: &str) -> String {
    token.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Targets and fields with the token in one or several of its places.
fn placed(path: &str, token: &str, other: &str) -> Vec<(String, String)> {
    let (encoded, at) = (percent(token), |query: &str| format!("{path}?{query}"));
    let header = |field: &str| (path.to_owned(), format!("{field}\r\n"));
    let query = |query: &str| (at(query), String::new());
    vec![
        header(&format!("Authorization: Bearer {token}")),
        header(&format!("authorization: bearer {token}")),
        header(&format!("AUTHORIZATION:BEARER   {token}  ")),
        header(&format!("Authorization: Bearer \"{token}\"")),
        header(&format!("Authorization: Bearer {token} {token}")),
        header(&format!("Authorization: Bearer {token}, Bearer {other}")),
        header(&format!("Authorization: Basic {token}")),
        header(&format!("Authorization: {token}")),
        header(&format!("Authorization: Bearer\t{token}")),
        header(&format!("Authorization: Bearer {token}\u{7f}")),
        header(&format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {other}")),
        header(&format!("Proxy-Authorization: Bearer {token}")),
        header(&format!("Cookie: datecast_token={token}")),
        header(&format!("cookie: a=b; datecast_token={token}; c=d\r\nOrigin: http://elsewhere.example")),
        header(&format!(
            "Cookie: datecast_token=\"{token}\"; datecast_token={other}\r\nOrigin: http://localhost"
        )),
        header(&format!("Cookie: DATECAST_TOKEN={token}; Datecast_Token={encoded}")),
        header(&format!("Cookie: {token}")),
        header(&format!("Referer: http://localhost/?token={token}")),
        header(&format!("Host: localhost/?token={token}")),
        header(&format!("Forwarded: for=1.2.3.4;token={token}\r\nX-Original-URI: /?token={token}")),
        header(&format!("Last-Event-ID: {token}")),
        header(&format!("Idempotency-Key: \"{token}\"\r\nAuthorization: Bearer {token}")),
        query(&format!("token={token}")),
        query(&format!("token={encoded}")),
        query(&format!("since=0&token={token}&since=1")),
        query(&format!("token={token}&token={other}")),
        query(&format!("&&token={token}&&&token={encoded}&")),
        query(&format!("TOKEN={token}")),
        query(&format!("%74oken={token}")),
        query(&format!("%74%6F%6b%65%6E={encoded}")),
        query(&format!("token={token}%")),
        query(&format!("token={token}%zz&since=0")),
        query(&format!("token=+{token}+")),
        query(&format!("token=={token}")),
        query(&format!("token={token}#token={other}")),
        query(&format!("token={token}?token={other}")),
        query(&format!("a?token={token}")),
        query(&format!("a=b;token={token}")),
        (format!("{}&Cookie", at(&format!("token={other}"))), format!("Authorization: Bearer {token}\r\n")),
        (at(&format!("token={token}")), format!("Cookie: datecast_token={other}\r\n")),
        (format!("http://localhost{path}?token={token}"), String::new()),
        (format!("http://user:{token}@localhost{path}?token={other}"), String::new()),
        (format!("HTTP://LOCALHOST{path}?%74oken={token}"), String::new()),
        (format!("{path}//?token={token}"), String::new()),
        (format!("{path}/../%2e%2e?token={token}"), String::new()),
        (format!("{path}%3ftoken={token}"), String::new()),
        (format!("{path}#?token={token}"), String::new()),
        (format!("?token={token}"), String::new()),
        (format!("*?token={token}"), String::new()),
    ]
}

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Requests of several methods and versions with this target and these fields.
fn whole(target: &str, fields: &str) -> [Vec<u8>; 11] {
    let end = "Host: localhost\r\n";
    [
        format!("GET {target} HTTP/1.1\r\n{end}{fields}\r\n"),
        format!(
            "GET {target} HTTP/1.1\r\n{end}{fields}Accept: text/event-stream\r\nUser-Agent: \u{1b}[1m\r\n\r\n"
        ),
        format!("GET {target} HTTP/1.1\r\n{end}{fields}{UPGRADE}\r\n"),
        format!("GET {target} HTTP/1.1\r\n{end}{fields}{}\r\n", UPGRADE.replace("13", "99")),
        format!("HEAD {target} HTTP/1.0\r\n{fields}\r\n"),
        format!("POST {target} HTTP/1.1\r\n{end}{fields}Content-Length: 7\r\n\r\na line\n"),
        format!(
            "PUT {target} HTTP/1.1\r\n{end}{fields}Transfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\nzz\r\n"
        ),
        format!(
            "OPTIONS {target} HTTP/1.1\r\n{end}{fields}Access-Control-Request-Headers: authorization\r\n\r\n"
        ),
        format!("DELETE {target} HTTP/1.1\r\n{end}{fields}\r\n"),
        format!("GET {target} HTTP/2.0\r\n{end}{fields}\r\n"),
        format!("GET  {target}\r\n{fields}\r\n"),
    ]
    .map(String::into_bytes)
}

/// Heads that are none, with the token near the mistake.
fn malformed(path: &str, token: &str) -> Vec<Vec<u8>> {
    let long = "x".repeat(20_000);
    let head = format!("GET {path}?token={token} HTTP/1.1\r\nHost: localhost\r\n");
    let field = format!("Authorization: Bearer {token}\r\n");
    [
        format!("{head}{field}no field\r\n\r\n"),
        format!("{head}Authorization : Bearer {token}\r\n\r\n"),
        format!("{head}Authorization\r\n : Bearer {token}\r\n\r\n"),
        format!("{head}X: y\r\n Bearer {token}\r\n\r\n"),
        format!("{head}Authorization: Bearer {token}\0\r\n\r\n"),
        format!("{head}Authorization: Bearer \u{1}{token}\r\n\r\n"),
        format!("{head}{field}X: {long}\r\n\r\n"),
        format!("{head}Authorization: Bearer {token}{long}\r\n\r\n"),
        format!("{head}{}\r\n", field.repeat(300)),
        format!("GET {path}?token={token}&{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET {path}?{long}&token={token} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET {path}?token={token}\0 HTTP/1.1\r\n\r\n"),
        format!("GET {path}?token={token} extra HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET {path}?token={token} HTTP/1.1 HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET {path}?token={token} HTTQ/1.1\r\nHost: localhost\r\n\r\n"),
        format!("GET {path}?token={token}\u{fc} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("G\u{1}T {path}?token={token} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("?token={token}\r\n\r\n"),
        format!("?token={token} / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        format!("token={token}"),
        format!("PROXY TCP4 token={token} 1.2.3.4 1 2\r\n{head}\r\n"),
        format!("<policy-file-request token={token}/>\0"),
        format!("{head}{field}Content-Length: x{token}\r\n\r\n"),
        format!("POST {path}?token={token} HTTP/1.1\r\nHost: localhost\r\n{field}Transfer-Encoding: gzip\r\n\r\n"),
        format!("POST {path}?token={token} HTTP/1.1\r\nHost: localhost\r\n{field}Idempotency-Key: unquoted\r\nContent-Length: 1\r\n\r\nx"),
        format!("POST {path}?token={token} HTTP/1.1\r\nHost: localhost\r\n{field}Idempotency-Key: \"a\"\r\nContent-Length: 9\r\n\r\nx"),
        format!("{head}{field}"),
        head.clone(),
        format!("{head}{field}\r\n{head}{field}\r\n{head}Authorization: Bearer\r\n {token}\r\n\r\n"),
        format!("{}{}\r\n", head.replace("\r\n", "\n"), field.replace("\r\n", "\n")),
        format!("\x16\x03\x01{head}{field}\r\n"),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect()
}
