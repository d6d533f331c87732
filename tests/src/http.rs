//! HTTP/1.1 on a raw connection: requests as bytes, and what comes back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::client::Client;
use crate::daemon::Daemon;

/// A request for localhost; `fields` are further header lines, each with its CRLF.
pub fn request(method: &str, target: impl AsRef<[u8]>, fields: &str) -> Vec<u8> {
    let mut bytes = format!("{method} ").into_bytes();
    bytes.extend_from_slice(target.as_ref());
    bytes.extend_from_slice(format!(" HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").as_bytes());
    bytes
}

/// The status in an answer's first line, as text.
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("nothing")
}

/// A response as a client reads it.
#[derive(Clone, Debug)]
pub struct Response {
    /// Three digits of the status line.
    pub status: u16,
    /// Header fields as they came, in order.
    pub fields: Vec<(String, String)>,
    /// The body; empty where only the head was read.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads a head, which ends before its empty line.
    fn from_head(head: &[u8]) -> Result<Self, String> {
        let head = std::str::from_utf8(head).map_err(|error| error.to_string())?;
        let mut lines = head.split("\r\n");
        let status_line = lines.next().filter(|line| !line.contains(['\r', '\n'])).unwrap_or_default();
        let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| format!("not a status line: {status_line:?}"))?;
        let mut fields = Vec::new();
        for line in lines {
            let field = line.split_once(": ").filter(|_| !line.contains(['\r', '\n']));
            let (name, value) = field.ok_or_else(|| format!("not a field: {line:?}"))?;
            fields.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self { status, fields, body: Vec::new() })
    }

    /// The value of the first field of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// The head of the answer, with its empty line.
    pub fn head(&mut self) -> String {
        String::from_utf8(self.until(b"\r\n\r\n")).expect("a head is text")
    }

    /// Reads one response that has no body, such as one to HEAD.
    pub fn response_head(&mut self) -> Response {
        let head = self.until(b"\r\n\r\n");
        Response::from_head(&head[..head.len() - 4]).expect("a head")
    }

    /// Reads one response to a GET: the body by its Content-Length.
    pub fn response(&mut self) -> Response {
        let mut response = self.response_head();
        let len = response.header("content-length").map_or(0, |len| len.parse().expect("a length"));
        response.body = self.take(len);
        response
    }

    /// Everything up to the end of the stream, which must not be a reset.
    pub fn rest_as_text(&mut self) -> String {
        let (bytes, was_reset) = self.read_to_end();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!was_reset, "a reset after {text:?}");
        text
    }

    /// The status of an answer that ends with the connection.
    pub fn status(&mut self) -> u16 {
        let rest = self.rest();
        let text = String::from_utf8_lossy(&rest);
        status(&text).parse().unwrap_or_else(|_| panic!("no status: {text:?}"))
    }
}

impl Daemon {
    /// One request on a connection of its own.
    pub fn get(&self, target: impl AsRef<[u8]>) -> Response {
        self.get_with(target, "")
    }

    /// The same, with further header lines, each with its CRLF.
    pub fn get_with(&self, target: impl AsRef<[u8]>, fields: &str) -> Response {
        let mut client = self.connect();
        client.try_send(request("GET", target, fields));
        client.response()
    }

    /// Sends bytes and reads to the end of the stream, which must come without a reset.
    pub fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.try_send(bytes);
        client.rest_as_text()
    }
}

/// Sends the bytes and the end of the stream; gives back all that the server sends until its own end.
///
/// # Errors
/// What the socket says; a server that neither answers nor closes for ten seconds is a `WouldBlock`.
pub fn exchange(server: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    socket.set_write_timeout(Some(Duration::from_secs(10)))?;
    // A server may refuse a long request before it has read all of it: its answer is what counts.
    drop(socket.write_all(request));
    drop(socket.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Err(error) if answer.is_empty() || error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(answer),
    }
}

/// Splits what a server sent into responses; `methods` are those of the requests, in order.
///
/// # Errors
/// A sentence when the bytes are not whole responses with nothing between or after them.
pub fn responses(mut bytes: &[u8], methods: &[&str]) -> Result<Vec<Response>, String> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let method = methods.get(all.len()).copied().unwrap_or("GET");
        let (response, rest) = first_response(bytes, method)?;
        bytes = rest;
        all.push(response);
    }
    Ok(all)
}

fn first_response<'b>(bytes: &'b [u8], method: &str) -> Result<(Response, &'b [u8]), String> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("a head without an end")?;
    let mut response = Response::from_head(bytes.get(..end).unwrap_or_default())?;
    let rest = bytes.get(end + 4..).unwrap_or_default();
    // RFC 9112 §6.3: no body after HEAD, nor with 1xx, 204 and 304, whatever the fields say.
    if method == "HEAD" || response.status < 200 || response.status == 204 || response.status == 304 {
        return Ok((response, rest));
    }
    let length = match response.header("content-length") {
        Some(length) => length.parse().map_err(|_| format!("Content-Length: {length:?}"))?,
        None => rest.len(),
    };
    let (body, rest) = rest.split_at_checked(length).ok_or("a body shorter than its Content-Length")?;
    response.body = body.to_vec();
    Ok((response, rest))
}
