//! What clients and strangers do.

use common::id::MessageId;

use super::{
    action::{AskedSince, Deed, Frame, Leaving, Manner},
    asking::{Asking, Home, Token},
    client::Client,
    place::{Place, Since},
    run::Storm,
    setting::Origin,
    way::{Media, Way, masked},
};

impl Storm {
    /// A peer connects.
    pub(super) fn arrive(&mut self, home: Home) -> usize {
        let peer = self.world().connect_from(home.peer());
        self.homes.push((peer, home));
        self.world().send(peer, &home.preface());
        peer
    }

    /// What a client of this run asks for that wants it so.
    pub(super) fn asking(&self, way: Way, lag: Option<u64>, token: Token) -> Asking {
        let token = self.setting.tokens.map(|_| token);
        // A poll never reads further, and a page is not checked.
        let is_bounded = !way.is_poll() && !matches!(way, Way::Stream(Media::Html, _));
        let until = lag.filter(|_| is_bounded).and_then(|lag| self.behind(lag));
        Asking { until, token }
    }

    /// The id of the last message but so many.
    fn behind(&self, lag: u64) -> Option<MessageId> {
        let Some(last) = self.shadow.last() else {
            let newest = self.newest_date?;
            return Some(MessageId { number: newest.number.saturating_sub(lag), ..newest });
        };
        let place = self.shadow.len().saturating_sub(1 + usize::try_from(lag).expect("a small lag"));
        Some(self.shadow.get(place).map_or(last.id, |message| message.id))
    }

    pub(super) fn connect(&mut self, way: Way, asked: (AskedSince, Asking), manner: Manner, home: Home) {
        let (since, asking) = (self.since(asked.0), asked.1);
        let delivered = self.seen.iter().map(|seen| seen.messages).min().unwrap_or(0);
        let place = Place::new((since, asking.until), &self.shadow, delivered, self.moment());
        let peer = self.arrive(home);
        self.world().send(peer, &way.request(since.written().as_deref(), asking));
        let mut client = Client::new(peer, way, manner, place);
        (client.asking, client.home) = (asking, home);
        client.may_end = manner != Manner::Healthy || way.is_poll() || self.is_tight || self.fault_left > 0;
        client.may_end |= asking.until.is_some() || !self.setting.accepts(asking.token);
        // Some cannot be told that a new stream begins where they are.
        client.may_end |= !way.tells_gaps() && client.place.is_before_a_new_stream(&self.shadow);
        client.may_be_refused = self.setting.per_address > 0;
        self.clients.push(client);
    }

    fn since(&self, asked: AskedSince) -> Since {
        let newest = self.shadow.last().map(|last| last.id);
        let Some(last) = newest.or(self.newest_date) else { return Since::Nothing };
        match asked {
            AskedSince::Nothing => Since::Nothing,
            AskedSince::Behind(lag, has_epoch) => {
                let id = self.behind(lag).unwrap_or(last);
                let is_present = id.epoch == last.epoch;
                if has_epoch || !is_present { Since::Id(id) } else { Since::Number(id.number) }
            }
            // With given numbers it could wait for them; of dates another worker may be ahead.
            AskedSince::Ahead(more) if self.setting.has_lines() && self.setting.origin != Origin::Given => {
                let mut id = last;
                id.number += more;
                Since::Id(id)
            }
            AskedSince::Ahead(_) | AskedSince::Elsewhere => Since::Strange,
        }
    }

    pub(super) fn misbehave(&mut self, who: usize, deed: &Deed) {
        let Some(at) = who.checked_rem(self.strangers.len()) else { return };
        let peer = self.strangers[at];
        match deed {
            Deed::Send(bytes) => self.world().send(peer, bytes),
            Deed::Read(most) => drop(self.world().read(peer, *most)),
            Deed::End => self.world().end(peer),
            Deed::Reset => {
                self.world().reset(peer);
                self.strangers.swap_remove(at);
            }
        }
    }

    pub(super) fn send(&mut self, who: usize, frame: Frame) {
        let Some(at) = who.checked_rem(self.clients.len()) else { return };
        self.serial += 1;
        let serial = self.serial;
        let client = &mut self.clients[at];
        let padded = |len: usize| {
            let mut text = format!("B{}:{serial};", client.peer);
            text.push_str(&"x".repeat(len));
            text.into_bytes()
        };
        let bytes = match frame {
            Frame::Ping(len) if client.way.is_hybi() => client.ping(serial, len),
            Frame::Ping(_) => Vec::new(),
            Frame::Pong => client.way.frame(10, b"unasked"),
            Frame::Text(len) => client.way.frame(1, &padded(len)),
            Frame::Binary(len) => client.way.frame(2, &padded(len)),
            Frame::Close => {
                let frame = client.way.frame(8, &1000_u16.to_be_bytes());
                client.has_sent_close |= !frame.is_empty();
                client.may_end |= client.has_sent_close;
                frame
            }
            Frame::Wrong(_) if client.manner == Manner::Healthy && !serial.is_multiple_of(8) => Vec::new(),
            Frame::Wrong(first) => {
                client.may_end = true;
                // In hixie a zero would begin a text, and be right.
                if client.way.is_hybi() { masked(first, b"wrong") } else { vec![first.max(1)] }
            }
        };
        let peer = client.peer;
        self.world().send(peer, &bytes);
    }

    pub(super) fn read_some(&mut self, who: usize, most: usize) -> Result<(), String> {
        let slow: Vec<usize> =
            (0..self.clients.len()).filter(|at| self.clients[*at].manner == Manner::Slow).collect();
        let Some(at) = who.checked_rem(slow.len()) else { return Ok(()) };
        self.find_gone();
        self.hear(slow[at], most).map(drop)
    }

    pub(super) fn leave(&mut self, who: usize, how: Leaving) {
        let Some(at) = who.checked_rem(self.clients.len()) else { return };
        let peer = self.clients[at].peer;
        match how {
            Leaving::HalfClose => {
                self.clients[at].may_end = true;
                self.world().end(peer);
                return;
            }
            Leaving::Reset => self.world().reset(peer),
            Leaving::Vanish => {
                self.world().end(peer);
                self.world().reset(peer);
            }
        }
        self.clients.swap_remove(at);
    }

    pub(super) fn flood(&mut self, who: usize, pings: usize) {
        let candidates: Vec<usize> = (0..self.clients.len())
            .filter(|at| self.clients[*at].way.is_hybi() && self.clients[*at].manner != Manner::Healthy)
            .collect();
        let Some(at) = who.checked_rem(candidates.len()) else { return };
        let mut bytes = Vec::new();
        for _ in 0..pings {
            self.serial += 1;
            let serial = self.serial;
            bytes.extend(self.clients[candidates[at]].ping(serial, 125));
        }
        let peer = self.clients[candidates[at]].peer;
        self.world().send(peer, &bytes);
        for turn in 0..30 {
            self.turn(turn);
        }
    }
}
