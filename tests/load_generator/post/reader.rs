//! The reader beside the clients: one connection, all the while.

use std::{
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
};

use super::wire::{Target, Wire};
use crate::{
    decoder::{Decoder, Item},
    dialect::Dialect,
};

/// Server-sent events over HTTP/1.0: each message has its id beside its text, and the decoder compares the two.
const DIALECT: Dialect = Dialect::Events;

/// What the reader has seen: number and line of each message, whose text is `NUMBER LINE`.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    messages: Mutex<Vec<(u64, String)>>,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, String)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn newest(&self) -> u64 {
        self.lock().last().map_or(0, |last| last.0)
    }

    pub(crate) fn take(&self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.lock())
    }
}

/// Opens the stream.
///
/// # Errors
/// A sentence when there is none.
pub(crate) fn open(to: &Target, path: &str, token: Option<&str>) -> Result<(Wire, Decoder), String> {
    let mut wire = to.connect(usize::MAX / 2).map_err(|error| error.to_string())?;
    let mut request = DIALECT.request().replacen("GET /", &format!("GET {path}"), 1);
    if let Some(token) = token {
        request = request.replacen("\r\n", &format!("\r\nAuthorization: Bearer {token}\r\n"), 1);
    }
    wire.write(request.as_bytes()).map_err(|error| error.to_string())?;
    Ok((wire, Decoder::new(DIALECT)))
}

/// Reads up to the end of the stream, which only the server makes; says when it is open, and how it ended.
pub(crate) fn run((mut wire, mut decoder): (Wire, Decoder), seen: &Seen, opened: &Sender<()>) -> String {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let len = match wire.read(&mut buffer) {
            Ok(0) => return "the stream ended".to_owned(),
            Ok(len) => len,
            // Nobody posts for a while, or the server is being restarted.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return error.to_string(),
        };
        let mut items = Vec::new();
        if let Err(error) = decoder.feed(&buffer[..len], &mut items) {
            return error;
        }
        for item in items {
            match item {
                Item::Opened(_) => drop(opened.send(())),
                Item::Text(text) => match text.split_once(' ').map(|(number, line)| (number.parse(), line)) {
                    Some((Ok(number), line)) => seen.lock().push((number, line.to_owned())),
                    _ => return format!("no numbered line: {text:?}"),
                },
                _ => {}
            }
        }
    }
}

/// The channel by which the reader says that it is open.
pub(crate) fn opening() -> (Sender<()>, Receiver<()>) {
    channel()
}
