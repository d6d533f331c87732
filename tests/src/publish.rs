//! Requests that publish lines, and what a reader of lines gets.

use crate::client::Client;
use crate::daemon::Daemon;
use crate::http::{Response, request};

/// A whole POST with a Content-Length; `fields` are further header lines, each with its CRLF.
pub fn post(fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = request("POST", "/", &format!("{fields}Content-Length: {}\r\n", body.len()));
    bytes.extend_from_slice(body);
    bytes
}

/// The head of a PUT whose body comes in chunks.
pub fn put_head(fields: &str) -> Vec<u8> {
    request("PUT", "/", &format!("{fields}Transfer-Encoding: chunked\r\n"))
}

/// One chunk (RFC 9112 §7.1).
pub fn chunk(data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

/// The last chunk, without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How many lines an answer of 200 says it published.
pub fn published(response: &Response) -> usize {
    let text = response.text();
    assert_eq!(response.status, 200, "{text}");
    let lines = text.split_once("\"lines\":").map(|(_, rest)| rest.trim_end_matches(['}', '\n']));
    lines.and_then(|lines| lines.parse().ok()).unwrap_or_else(|| panic!("no count of lines: {text:?}"))
}

/// The options of a ws-server to which many clients of one address publish.
pub const PUBLISHING: [&str; 6] =
    ["--source", "http", "--leave-notices", "off", "--max-connections-per-ip", "0"];

/// The last line of a test: what a reader got before it is all there was.
pub const END: &str = "the end";

/// A reader of all lines.
pub fn reader(server: &Daemon) -> Client {
    let mut reader = server.request("GET /?since=0 HTTP/1.0");
    assert!(reader.head().starts_with("HTTP/1.1 200 "));
    reader
}

/// What a reader got, once the server has forgotten no connection of the test.
pub fn all_lines(server: &Daemon, reader: &mut Client) -> Vec<String> {
    server.connect().publish(END);
    reader.lines_before(END)
}

impl Client {
    /// Publishes a body, whose answer must be 200.
    pub fn publish(&mut self, body: &str) {
        self.send(post("", body));
        published(&self.response());
    }

    /// The lines that come before this one.
    pub fn lines_before(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::from_utf8(self.until(b"\n")).expect("lines are text");
            line.pop();
            if line == last {
                return lines;
            }
            lines.push(line);
        }
    }
}
