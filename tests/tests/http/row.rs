//! One row: a request, what may come back, and the section that says so.

use std::net::SocketAddr;

use harness::http;

/// A request and the answers to it.
///
/// An answer is the statuses of all responses on the connection, in order (`200`, `200 404`), or `closed` when there is
/// none. What is no sequence of whole responses reads as the sentence that says why, and is never accepted.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) section: &'static str,
    pub(crate) name: &'static str,
    request: &'static [u8],
    /// Bytes of filling that stand for the one `{filler}` in the request.
    filler: usize,
    pub(crate) accept: &'static [&'static str],
    /// What nginx 1.22 does where it differs, and may.
    pub(crate) nginx: Option<&'static [&'static str]>,
}

pub(crate) const fn row(
    section: &'static str,
    name: &'static str,
    request: &'static [u8],
    accept: &'static [&'static str],
) -> Row {
    Row { section, name, request, filler: 0, accept, nginx: None }
}

impl Row {
    /// nginx answers otherwise: it may, or it is laxer than we are.
    pub(crate) const fn nginx(mut self, accept: &'static [&'static str]) -> Self {
        self.nginx = Some(accept);
        self
    }

    /// Puts this many letters where the request says `{filler}`.
    pub(crate) const fn filler(mut self, length: usize) -> Self {
        self.filler = length;
        self
    }

    /// The request, but for the values that a server chooses.
    pub(crate) fn template(&self) -> Vec<u8> {
        replace(self.request, "{filler}", &"f".repeat(self.filler))
    }

    /// What this server answers.
    pub(crate) fn answer(&self, server: SocketAddr, tag: &str, date: &str) -> String {
        let request = replace(&replace(&self.template(), "{etag}", tag), "{date}", date);
        let methods = methods(&request);
        let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
        let answer = match http::exchange(server, &request) {
            Ok(answer) => answer,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return "reset".into(),
            Err(error) => return error.to_string(),
        };
        match http::responses(&answer, &methods) {
            Ok(responses) if responses.is_empty() => "closed".into(),
            Ok(responses) => {
                let leaks = responses.iter().any(|response| response.body.starts_with(b"OUTSIDE"));
                let statuses: Vec<String> =
                    responses.iter().map(|response| response.status.to_string()).collect();
                if leaks { "a file outside the root".into() } else { statuses.join(" ") }
            }
            Err(sentence) => sentence,
        }
    }
}

/// The methods of the requests in these bytes.
fn methods(request: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(request);
    let lines = text.split('\n').filter(|line| line.trim_end().contains(" HTTP/"));
    lines.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

fn replace(bytes: &[u8], what: &str, by: &str) -> Vec<u8> {
    let Some(at) = bytes.windows(what.len()).position(|window| window == what.as_bytes()) else {
        return bytes.to_vec();
    };
    let (before, after) = bytes.split_at(at);
    [before, by.as_bytes(), after.get(what.len()..).unwrap_or_default()].concat()
}
