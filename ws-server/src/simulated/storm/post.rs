//! A client that publishes lines by HTTP. With a key it tries until it has heard the answer.

use std::fmt::Write as _;

use reactor::simulation::Simulation;

use super::{asking::Home, decode::member, seed, shadow::Shadow};
use crate::worker::WsHandler;

/// Where publishers are.
pub(super) const HOME: Home = Home { host: 5, behind_proxy: 0 };

/// Bytes that it sends at a time.
const PIECE: usize = 700;

#[derive(Debug)]
pub(super) struct Post {
    number: u64,
    lines: Vec<String>,
    is_keyed: bool,
    pub(super) peer: Option<usize>,
    to_send: Vec<u8>,
    heard: Vec<u8>,
    tries: u64,
    /// It gives up its connection now and then.
    pub(super) is_cut: bool,
    pub(super) is_done: bool,
}

impl Post {
    pub(super) fn new(number: u64, lines: Vec<String>) -> Self {
        let is_keyed = number.is_multiple_of(2);
        let (to_send, heard) = (Vec::new(), Vec::new());
        let is_cut = number.is_multiple_of(3);
        Self { number, lines, is_keyed, peer: None, to_send, heard, tries: 0, is_cut, is_done: false }
    }

    fn request(&self) -> Vec<u8> {
        let mut head = "POST / HTTP/1.1\r\nHost: localhost\r\n".to_owned();
        if self.is_keyed {
            let _infallible = write!(head, "Idempotency-Key: \"{}\"\r\n", self.number);
        }
        let body = self.lines.join("\n");
        if (self.number + self.tries).is_multiple_of(3) {
            let (one, two) = body.as_bytes().split_at(body.len() / 2);
            let chunk = |part: &[u8]| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
            return [
                head.as_bytes(),
                b"Transfer-Encoding: chunked\r\n\r\n",
                &chunk(one),
                &chunk(two),
                b"0\r\n\r\n",
            ]
            .concat();
        }
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    /// Sends a piece, and reads what there is; how many bytes that were.
    ///
    /// # Errors
    /// The answer is not true.
    pub(super) fn step(
        &mut self,
        world: &mut Simulation<WsHandler>,
        shadow: &Shadow,
    ) -> Result<usize, String> {
        let Some(peer) = self.peer else {
            self.peer = Some(world.connect_from(HOME.peer()));
            (self.to_send, self.heard) = (self.request(), Vec::new());
            self.tries += 1;
            return Ok(0);
        };
        if self.is_cut && seed::at(self.number, self.tries * 1000 + self.to_send.len() as u64).once_in(20) {
            world.reset(peer);
            self.give_up();
            return Ok(0);
        }
        let piece: Vec<u8> = self.to_send.drain(..self.to_send.len().min(PIECE)).collect();
        world.send(peer, &piece);
        let bytes = world.read(peer, usize::MAX);
        self.heard.extend(&bytes);
        let is_over = world.is_ended(peer);
        let text = String::from_utf8_lossy(&self.heard).into_owned();
        match text.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 200 ") && body.ends_with('\n') => {
                world.end(peer);
                self.is_done = true;
                self.check(body, shadow)?;
            }
            Some((head, _)) if !head.starts_with("HTTP/1.1 200 ") => {
                let status = head.get(9..12).unwrap_or_default();
                if !["408", "409", "503"].contains(&status) {
                    return Err(format!("a post is answered {text}"));
                }
                world.reset(peer);
                self.give_up();
            }
            _ if is_over => {
                world.reset(peer);
                self.give_up();
            }
            _ => {}
        }
        Ok(bytes.len() + piece.len())
    }

    fn give_up(&mut self) {
        self.peer = None;
        // Nobody knows which of its lines are out, so that it does not try again.
        self.is_done = !self.is_keyed;
    }

    /// Each of its lines is out once, in their order, and the receipt names the first and the last.
    fn check(&self, receipt: &str, shadow: &Shadow) -> Result<(), String> {
        let mut places = Vec::new();
        for line in &self.lines {
            places.push(shadow.find(line)?);
        }
        let id = |place: Option<&usize>| {
            place.and_then(|place| shadow.get(*place)).map(|message| message.id.to_string())
        };
        let is_true = places.windows(2).all(|pair| pair[0] < pair[1])
            && member(receipt, "first") == id(places.first()).as_deref()
            && member(receipt, "last") == id(places.last()).as_deref()
            && member(receipt, "lines") == Some(&self.lines.len().to_string());
        if is_true { Ok(()) } else { Err(format!("{receipt} for {places:?}")) }
    }
}
