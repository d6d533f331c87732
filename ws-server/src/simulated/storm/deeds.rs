//! What clients and strangers do.

use std::net::Ipv4Addr;

use super::{
    action::{AskedSince, Deed, Frame, Leaving, Manner},
    client::Client,
    place::{Place, Since},
    run::Storm,
    setting::Origin,
    way::{Way, masked},
};

impl Storm {
    pub(super) fn connect(&mut self, way: Way, since: AskedSince, manner: Manner, host: u8) {
        let since = self.since(since);
        let delivered = self.seen.iter().map(|seen| seen.messages).min().unwrap_or(0);
        let place = Place::new(since, &self.shadow, delivered, self.moment());
        let peer = self.world().connect_from(Ipv4Addr::new(127, 0, 0, host));
        self.world().send(peer, &way.request(since.written().as_deref()));
        let mut client = Client::new(peer, way, manner, place);
        client.may_end = manner != Manner::Healthy || way.is_poll() || self.is_tight || self.fault_left > 0;
        self.clients.push(client);
    }

    fn since(&self, asked: AskedSince) -> Since {
        let Some(last) = self.shadow.last() else { return Since::Nothing };
        match asked {
            AskedSince::Nothing => Since::Nothing,
            AskedSince::Behind(lag, has_epoch) => {
                let place = self.shadow.len().saturating_sub(1 + usize::try_from(lag).expect("a small lag"));
                let id = self.shadow.get(place).map_or(last.id, |message| message.id);
                let is_present = id.epoch == last.id.epoch;
                if has_epoch || !is_present { Since::Id(id) } else { Since::Number(id.number) }
            }
            // With given numbers it could wait for them.
            AskedSince::Ahead(more) if self.setting.origin != Origin::Given => {
                let mut id = last.id;
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
                if client.way.is_hybi() { masked(first, b"wrong") } else { vec![first] }
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
