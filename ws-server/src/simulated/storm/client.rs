//! A client that knows its dialect: it takes what it gets apart, and says so when that is not what it should be.

use std::collections::{HashMap, HashSet, VecDeque};

use common::id::MessageId;

use super::{
    action::Manner,
    asking::{Asking, Home},
    decode::{Decoder, member, objects},
    place::{Moment, Place, Since},
    said::{Said, ToldGap},
    shadow::{Shadow, name_of},
    way::{Media, Prefix, Way},
};

/// So many messages, or bytes, are enough for one document: its browser goes on with the next one.
const FULL_DOCUMENT: (u64, u64) = (5_000, 1024 * 1024);

/// Bytes that may be on the way to a client that reads again: what the kernel holds, and what a worker makes of one piece of input.
const MOST_PONGS: u64 = 1_100;

/// How far the life of a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Opening,
    Open,
    /// The end was said: by a Close, or by the last byte of an answer.
    Ended,
}

/// What a client measures by, and what all clients find out together.
pub(super) struct Truth<'t> {
    pub(super) shadow: &'t Shadow,
    pub(super) moment: Moment,
    /// By connection id: the client that has it.
    pub(super) ids: &'t mut HashMap<u64, usize>,
    /// Peers of which a client may be told that they have left.
    pub(super) gone: &'t HashSet<usize>,
    /// Notices say how many have left, if more than so many leave in a second.
    pub(super) has_counts: bool,
    /// The newest date of which a client was told the id.
    pub(super) newest_date: &'t mut Option<MessageId>,
    /// What a client says goes to all others, and has always gone there.
    pub(super) is_broadcast: bool,
}

#[derive(Debug)]
pub(super) struct Client {
    /// Its number in the world.
    pub(super) peer: usize,
    pub(super) way: Way,
    pub(super) manner: Manner,
    pub(super) asking: Asking,
    pub(super) home: Home,
    pub(super) life: Life,
    /// The server may end it without a fault of its own.
    pub(super) may_end: bool,
    /// Its address may have no place for it, or a newcomer may take its place before its request is complete.
    pub(super) may_be_refused: bool,
    pub(super) id: Option<u64>,
    pub(super) place: Place,
    /// It may have been too slow for what it reads now.
    is_slow: bool,
    /// What it has to say, the next time that it says something.
    pub(super) to_send: Vec<u8>,
    pub(super) has_sent_close: bool,
    /// The last thing that a poll was told that it has.
    pub(super) last: Option<String>,
    is_answered: bool,
    /// Bytes that it has read.
    bytes: u64,
    /// The last read that found a message, or a later one, found so much that the server may have had to wait.
    had_much: bool,
    decoder: Decoder,
    /// Payloads of the pings that it has sent, and that no pong has answered.
    pings: VecDeque<Vec<u8>>,
    /// Pongs since it began to read again.
    pongs: u64,
    /// Leave notices, and broadcasts by their sender.
    leaves: HashSet<u64>,
    broadcasts: HashMap<u64, u64>,
    said: Vec<Said>,
}

impl Client {
    pub(super) fn new(peer: usize, way: Way, manner: Manner, place: Place) -> Self {
        Self {
            peer,
            way,
            manner,
            asking: Asking::default(),
            home: Home::of(1),
            life: Life::Opening,
            may_end: false,
            may_be_refused: false,
            id: None,
            place,
            is_slow: false,
            to_send: Vec::new(),
            has_sent_close: false,
            last: None,
            is_answered: false,
            bytes: 0,
            had_much: false,
            decoder: Decoder::new(way.dialect()),
            pings: VecDeque::new(),
            pongs: 0,
            leaves: HashSet::new(),
            broadcasts: HashMap::new(),
            said: Vec::new(),
        }
    }

    /// It has heard that the client with this connection id has left.
    pub(super) fn has_heard_of(&self, id: u64) -> bool {
        self.leaves.contains(&id)
    }

    /// True between two frames, parts or answers.
    pub(super) fn is_between(&self) -> bool {
        self.decoder.is_between()
    }

    /// It sends a ping with a payload of about so many bytes, which no other one of it has.
    pub(super) fn ping(&mut self, number: u64, len: usize) -> Vec<u8> {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(len.clamp(8, 125), b'.');
        let frame = self.way.frame(9, &payload);
        self.pings.push_back(payload);
        frame
    }

    /// It has read these bytes.
    ///
    /// # Errors
    /// They are not what it should get.
    pub(super) fn read(&mut self, bytes: &[u8], truth: &mut Truth<'_>) -> Result<(), String> {
        // Where it finds much, more may have been left out: before this read, or behind it until the next message.
        let has_much = bytes.len() >= 512 || !self.is_between();
        self.is_slow = has_much || self.had_much || self.manner != Manner::Healthy;
        let before = self.place.messages;
        self.bytes += bytes.len() as u64;
        let mut said = std::mem::take(&mut self.said);
        let decoded = self.decoder.push(bytes, &mut said);
        for said in said.drain(..) {
            self.hear(said, truth)?;
        }
        self.said = said;
        self.had_much = has_much || self.had_much && self.place.messages == before;
        decoded
    }

    fn hear(&mut self, said: Said, truth: &mut Truth<'_>) -> Result<(), String> {
        let (messages, bytes) = FULL_DOCUMENT;
        let is_full = self.place.messages >= messages || self.bytes >= bytes;
        self.may_end |= is_full && matches!(self.way, Way::Stream(Media::Html, _));
        match said {
            Said::Head(head) => {
                if !self.way.is_poll() || head.status != 200 {
                    self.life = if matches!(head.status, 101 | 200) { Life::Open } else { Life::Ended };
                    self.may_end |= self.life == Life::Ended;
                }
                if let Some(id) = head.connection {
                    self.id = Some(id);
                    if let Some(other) = truth.ids.insert(id, self.peer).filter(|other| *other != self.peer) {
                        return Err(format!("it has the id {id}, which the client {other} has had"));
                    }
                }
                self.last = head.last.or(self.last.take());
                head.gap.map_or(Ok(()), |gap| self.tell(gap, truth))
            }
            Said::Message { id, text } => self.message(Some(&id), &text, truth),
            Said::Text(text) => self.text(&text, truth),
            Said::Notice(text) => self.notice(&text, truth),
            Said::Gap(gap) => self.tell(gap, truth),
            Said::Aside | Said::Binary(_) => Ok(()),
            Said::Ping => {
                self.to_send.extend(self.way.frame(10, b""));
                Ok(())
            }
            Said::Pong(payload) => self.pong(&payload),
            Said::Close(code, reason) => {
                self.life = Life::Ended;
                if code == Some(1000) && !self.has_sent_close {
                    self.place.end(truth.shadow, self.moment(truth.moment))?;
                }
                if self.may_end || self.has_sent_close {
                    return Ok(());
                }
                Err(format!("a Close {code:?} {reason:?} without a reason"))
            }
            Said::Whole if self.way.is_poll() => {
                self.is_answered = self.life != Life::Ended;
                Ok(())
            }
            Said::Whole => {
                if std::mem::replace(&mut self.life, Life::Ended) == Life::Open {
                    self.place.end(truth.shadow, self.moment(truth.moment))?;
                }
                if self.may_end { Ok(()) } else { Err("its last chunk without a reason".to_owned()) }
            }
            Said::Body(body) => self.body(&body, truth),
        }
    }

    /// The answer to a poll.
    fn body(&mut self, body: &str, truth: &mut Truth<'_>) -> Result<(), String> {
        if !self.way.is_poll() || self.life == Life::Ended {
            return Ok(());
        }
        let is_script = matches!(self.way, Way::Poll { is_script: true, .. });
        if is_script {
            let last = member(body, "last").filter(|last| *last != "null");
            self.last = last.map(str::to_owned).or(self.last.take());
            return Ok(());
        }
        for said in objects(body)? {
            self.hear(said, truth)?;
        }
        Ok(())
    }

    /// A text that says by itself what it is.
    fn text(&mut self, text: &str, truth: &mut Truth<'_>) -> Result<(), String> {
        match (self.way.prefix(), text.split_once('\t')) {
            (Some(Prefix::Id), Some(("", notice))) => self.notice(notice, truth),
            (Some(Prefix::Id), Some(("!", json))) => {
                let members = json.strip_prefix('{').and_then(|json| json.strip_suffix('}'));
                match members.and_then(ToldGap::parse) {
                    Some(gap) => self.tell(gap, truth),
                    None => Ok(()),
                }
            }
            (Some(Prefix::Id), Some((id, text))) => self.message(Some(id), text, truth),
            (Some(Prefix::Id), None) => Err(format!("a text without an id: {text:?}")),
            (Some(Prefix::Number), Some((number, text)))
                if number.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                self.message(Some(number), text, truth)
            }
            _ if is_message(text) => self.message(None, text, truth),
            _ => self.notice(text, truth),
        }
    }

    fn message(&mut self, id: Option<&str>, text: &str, truth: &mut Truth<'_>) -> Result<(), String> {
        let moment = self.moment(truth.moment);
        if let Some(number) = name_of(text).strip_prefix('D') {
            let number: u64 = number.parse().map_err(|_| format!("a date {text:?}"))?;
            let told = id.map_or(Some(number), number_of);
            if told != Some(number) {
                return Err(format!("the date {text:?} has the id {id:?}"));
            }
            let id = id.and_then(|id| common::id::Since::parse(id.as_bytes()));
            if let Some(common::id::Since::Id(id)) = id {
                *truth.newest_date = (*truth.newest_date).max(Some(id));
            }
            return self.place.date(number, moment);
        }
        let place = truth.shadow.find(text)?;
        let published = truth.shadow.get(place).map(|published| published.id).unwrap_or_default();
        let is_right = id.is_none_or(|id| {
            if id.contains('_') {
                id == published.to_string()
            } else {
                number_of(id) == Some(published.number)
            }
        });
        if !is_right {
            return Err(format!("{text:?} has the id {id:?}, and was published as {published}"));
        }
        self.place.message(place, truth.shadow, moment)
    }

    fn tell(&mut self, gap: ToldGap, truth: &Truth<'_>) -> Result<(), String> {
        self.place.tell(gap, truth.shadow, self.moment(truth.moment))
    }

    fn moment(&self, moment: Moment) -> Moment {
        Moment {
            tells: self.way.tells_gaps(),
            is_poll: self.way.is_poll(),
            is_slow: self.is_slow || moment.is_slow,
            ..moment
        }
    }

    /// A leave notice, a broadcast, or its own text.
    fn notice(&mut self, text: &str, truth: &Truth<'_>) -> Result<(), String> {
        if let Some(number) = text.strip_suffix(" disconnected") {
            let number = number.parse().map_err(|_| format!("a notice {text:?}"))?;
            let is_new = self.leaves.insert(number);
            if truth.has_counts {
                return Ok(());
            }
            // Of some clients nobody has heard the id.
            if truth.ids.get(&number).is_some_and(|peer| !truth.gone.contains(peer)) {
                return Err(format!("{text:?}, which is not so"));
            }
            return if is_new { Ok(()) } else { Err(format!("{text:?} for the second time")) };
        }
        let Some((sender, serial)) = text.strip_prefix('B').and_then(|rest| {
            let (sender, rest) = rest.split_once(':')?;
            Some((sender.parse::<u64>().ok()?, rest.split(';').next()?.parse::<u64>().ok()?))
        }) else {
            return if is_message(text) { Err(format!("the message {text:?} as a notice")) } else { Ok(()) };
        };
        if sender == self.peer as u64 && truth.is_broadcast {
            return Err(format!("its own broadcast {text:?}"));
        }
        let last = self.broadcasts.insert(sender, serial);
        match last {
            Some(last) if last >= serial => {
                Err(format!("the broadcast {text:?} behind {last} of its sender"))
            }
            _ => Ok(()),
        }
    }

    fn pong(&mut self, payload: &[u8]) -> Result<(), String> {
        self.pongs += 1;
        if self.pongs > MOST_PONGS {
            return Err(format!("{} pongs had piled up", self.pongs));
        }
        while let Some(ping) = self.pings.pop_front() {
            if ping == payload {
                return Ok(());
            }
        }
        Err(format!("a pong {payload:02x?}, for which there was no ping"))
    }

    /// True once for each whole answer to a poll: the next request follows.
    pub(super) fn takes_answer(&mut self) -> bool {
        std::mem::take(&mut self.is_answered)
    }

    /// It has read all there was.
    pub(super) fn has_caught_up(&mut self) {
        self.pongs = 0;
    }
}

/// True for the text of a message: what clients say begins with another letter.
fn is_message(text: &str) -> bool {
    text.starts_with(['L', 'P', 'D']) && text.contains(';')
}

/// The number in an id.
fn number_of(id: &str) -> Option<u64> {
    id.split_once('_').map_or(id, |(_, number)| number).parse().ok()
}

impl Since {
    /// As a client writes it; `None` for nothing.
    pub(super) fn written(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Id(id) => Some(id.to_string()),
            Self::Number(number) => Some(number.to_string()),
            Self::Strange => Some("000000000001_5".to_owned()),
        }
    }
}
