//! HTTP/1.1 over a raw socket: what a server answers to exactly these bytes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

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

/// The head of one response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Names in lower case, with values, in order.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first field of this lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.0 == name).map(|field| field.1.as_str())
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
    let head =
        std::str::from_utf8(bytes.get(..end).unwrap_or_default()).map_err(|error| error.to_string())?;
    let rest = bytes.get(end + 4..).unwrap_or_default();
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|line| line.get(..3)?.parse().ok());
    let status: u16 = status.ok_or_else(|| format!("not a status line: {status_line:?}"))?;
    let mut fields = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("not a field: {line:?}"))?;
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut response = Response { status, fields, body: Vec::new() };
    // RFC 9112 §6.3: no body after HEAD, nor with 1xx, 204 and 304, whatever the fields say.
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
        return Ok((response, rest));
    }
    let length = match response.get("content-length") {
        Some(length) => length.parse().map_err(|_| format!("Content-Length: {length:?}"))?,
        None => rest.len(),
    };
    let (body, rest) = rest.split_at_checked(length).ok_or("a body shorter than its Content-Length")?;
    response.body = body.to_vec();
    Ok((response, rest))
}
