//! One request that publishes, between two pieces of its body: plain data, and how a piece becomes lines.

use std::net::IpAddr;

use common::{
    codec::{Reader, Writer},
    http::{BodyError, BodyReader},
};

use super::{
    account::{Account, Dropped, OtherBody, Receipt, Verdict},
    inlet::Place,
    state::{put_account, take_account},
};
use crate::source::{OpenBatch, Posted, Publisher, Splitter};

/// Lines that are taken at once. Meanwhile nobody else numbers lines, and each may cost a digest.
const MAX_LINES: usize = 16 * 1024;

/// One request that publishes.
#[derive(Debug)]
pub(crate) struct Publication {
    body: BodyReader,
    lines: Splitter,
    pub(crate) account: Account,
    pub(crate) place: Place,
    /// The process stops: what has arrived is published, and then the client hears that it was not all.
    pub(crate) is_stopping: bool,
    pub(crate) reply: Reply,
}

/// How the request is answered when it has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The client wants to send another request on this connection.
    pub(crate) keep_alive: bool,
    /// It speaks HTTP/1.0, and has to be told so.
    pub(crate) is_old: bool,
    /// The value of `Access-Control-Allow-Origin`, if the request had an origin.
    pub(crate) origin: Option<Box<str>>,
    /// The client that a PROXY header has named, or the peer.
    pub(crate) sender: IpAddr,
}

/// What came of a piece of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes that were used: not all of them once a batch is full.
    pub(crate) consumed: usize,
    /// The lines on their way.
    pub(crate) posted: Option<Posted>,
    pub(crate) end: Option<End>,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Regularly; the status of the answer is [`Receipt::status`].
    Complete(Receipt),
    /// Its lines are not those of an earlier try under its key.
    OtherBody,
    /// Nobody can tell where it ends.
    Broken(BodyError),
}

impl Publication {
    /// Of this body, under this account.
    pub(crate) fn new(body: BodyReader, lines: Splitter, account: Account, reply: Reply) -> Self {
        Self { body, lines, account, place: Place::Free, is_stopping: false, reply }
    }

    /// Publishes the lines that end in `input`, at most a batch of them and [`MAX_LINES`], and the last one at the end of the body.
    pub(crate) fn take(&mut self, input: &[u8], publisher: &Publisher) -> Taken {
        let mut filling = publisher.fill();
        self.lines.configure(filling.rules());
        let (account, filled) = (&mut self.account, &mut filling);
        let mut sieve = Sieve { account, filling: filled, lines: 0, is_other: false };
        let (mut consumed, mut broken) = (0, None);
        while !sieve.has_enough() {
            let piece = match self.body.next(input.get(consumed..).unwrap_or_default()) {
                Ok(piece) => piece,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            };
            consumed += piece.framing;
            if piece.content.is_empty() {
                break;
            }
            let used = self.lines.feed_while(piece.content, |line| sieve.take(line));
            self.body.consume(used);
            consumed += used;
        }
        if self.body.is_complete() && !sieve.is_other {
            self.lines.finish(|line| _ = sieve.take(line));
        }
        let is_other = sieve.is_other;
        let faults = self.lines.take_faults();
        filling.count(faults);
        self.account.dropped(Dropped { too_long: faults.too_long, not_utf8: faults.not_utf8 });
        let posted = filling.post();
        drop(filling);
        if let Some(Posted { first, last, .. }) = posted {
            self.account.published(first, last);
        }
        let end = match broken {
            _ if is_other => Some(End::OtherBody),
            Some(error) => Some(End::Broken(error)),
            None if self.body.is_complete() => {
                Some(self.account.finish().map_or_else(|OtherBody| End::OtherBody, End::Complete))
            }
            None => None,
        };
        Taken { consumed, posted, end }
    }

    /// What is out so far, for a client whose request ends before its body.
    pub(crate) fn so_far(&self) -> Receipt {
        let record = self.account.record();
        Receipt { span: record.span, lines: record.lines.count, dropped: record.dropped }
    }

    /// True if the client has said how long the body is, and so has all of it ready.
    pub(crate) fn has_length(&self) -> bool {
        !self.body.is_chunked()
    }

    /// True if the next request may follow behind the body.
    pub(crate) fn is_complete(&self) -> bool {
        self.body.is_complete()
    }

    /// Writes it down for the next process.
    pub(crate) fn put(&self, to: &mut Writer) {
        self.body.put(to);
        self.lines.put(to);
        put_account(&self.account, to);
        let Reply { keep_alive, is_old, origin, sender } = &self.reply;
        to.flag(*keep_alive);
        to.flag(*is_old);
        to.flag(origin.is_some());
        to.bytes(origin.as_deref().unwrap_or_default().as_bytes());
        to.address(Some(*sender));
    }

    /// Reads it back.
    pub(crate) fn take_over(from: &mut Reader<'_>) -> Option<Self> {
        let (body, lines) = (BodyReader::take(from)?, Splitter::take(from)?);
        let account = take_account(from)?;
        let (keep_alive, is_old, has_origin) = (from.flag()?, from.flag()?, from.flag()?);
        let origin = std::str::from_utf8(from.bytes()?).ok()?;
        let origin = has_origin.then(|| origin.into());
        let reply = Reply { keep_alive, is_old, origin, sender: from.address()?? };
        Some(Self::new(body, lines, account, reply))
    }
}

/// Lets through what is new.
struct Sieve<'a, 'p> {
    account: &'a mut Account,
    filling: &'a mut OpenBatch<'p>,
    /// How many it was given.
    lines: usize,
    is_other: bool,
}

impl Sieve<'_, '_> {
    fn has_enough(&self) -> bool {
        self.is_other || self.lines >= MAX_LINES || self.filling.is_full()
    }

    /// Takes a line; true if it takes more.
    fn take(&mut self, line: &str) -> bool {
        self.lines = self.lines.saturating_add(1);
        match self.account.line(line) {
            Ok(Verdict::Publish) => self.filling.push(line),
            Ok(Verdict::Known) => {}
            Err(OtherBody) => self.is_other = true,
        }
        !self.has_enough()
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::mpsc};

    use common::{http::Body, id::MessageId};

    use super::*;
    use crate::{
        config::tests::config,
        publish::{Begin, Keys, ScopedKey},
        source::{Head, SourceProgress},
    };

    #[test]
    fn of_many_short_lines_a_bounded_number_is_taken_at_once_whether_new_or_known() {
        let (post, posted) = mpsc::channel();
        let format = config(&["--source", "http"]).unwrap().line_format();
        let progress = SourceProgress::new(0, Head::at(MessageId { number: 1, ..MessageId::default() }));
        let publisher = Publisher::new(progress, format, move |batch| {
            post.send(batch.len()).unwrap();
        });
        let input = b"\n".repeat(MAX_LINES * 2 + 5);
        let mut keys = Keys::new(u64::MAX);
        for _ in 0..2 {
            let key = ScopedKey { scope: None, key: "key".into() };
            let Begin::Run(account) = keys.begin(key, 0) else { panic!("nobody has it") };
            let sender = Ipv4Addr::LOCALHOST.into();
            let reply = Reply { keep_alive: true, is_old: false, origin: None, sender };
            let body = BodyReader::from(Body::Length(input.len() as u64));
            let mut publication = Publication::new(body, publisher.splitter(), account, reply);
            let mut rest = &input[..];
            for most in [MAX_LINES, MAX_LINES, 5] {
                let taken = publication.take(rest, &publisher);
                assert_eq!(taken.consumed, most);
                rest = &rest[most..];
                assert_eq!(taken.end.is_some(), rest.is_empty());
            }
            keys.end(publication.account, 0);
        }
        assert_eq!(posted.try_iter().collect::<Vec<_>>(), [MAX_LINES, MAX_LINES, 5], "each line once");
    }
}
