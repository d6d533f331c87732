//! What the clients hear, and whether that is right.

use std::collections::BTreeMap;

use super::{
    action::Manner,
    asking::Home,
    client::{Client, Life, Truth},
    place::{Kind, Moment},
    post,
    run::Storm,
};

impl Storm {
    /// Every healthy client reads what there is, and answers.
    pub(super) fn listen(&mut self) -> Result<(), String> {
        self.feed.tell(&mut self.shadow);
        for post in &mut self.posts {
            let world = self.world.as_mut().expect("a world");
            let before = post.peer;
            self.heard += post.step(world, &self.shadow)? as u64;
            let new = post.peer.filter(|_| post.peer != before);
            self.homes.extend(new.map(|peer| (peer, post::HOME)));
        }
        self.posts.retain(|post| !post.is_done);
        self.find_gone();
        let mut at = 0;
        while at < self.clients.len() {
            if self.clients[at].manner == Manner::Healthy && !self.hear(at, usize::MAX)? {
                self.clients.swap_remove(at);
                continue;
            }
            at += 1;
        }
        Ok(())
    }

    pub(super) fn find_gone(&mut self) {
        let world = self.world.as_ref().expect("a world");
        self.gone.extend(self.ids.values().filter(|peer| world.is_closed(**peer)));
    }

    pub(super) fn moment(&self) -> Moment {
        let stream = &self.setting.config.stream;
        let size = |number: u64| usize::try_from(number).expect("a small number");
        let greet = size(stream.greet());
        Moment {
            kind: if self.has_latest { Kind::Latest } else { self.setting.kind() },
            tells: false,
            excuses: self.jumps,
            first_date: self.first_date,
            is_poll: false,
            // What is new may not even fit.
            is_slow: self.is_tight,
            greet,
            history: size(stream.history()).max(greet),
            fits: !self.is_tight,
        }
    }

    /// A client reads; false if it has nothing to wait for any more.
    pub(super) fn hear(&mut self, at: usize, most: usize) -> Result<bool, String> {
        let moment = self.moment();
        let world = self.world.as_mut().expect("a world");
        let client = &mut self.clients[at];
        let bytes = world.read(client.peer, most);
        if !client.way.is_poll() {
            // A poll that does not wait has always one more answer.
            self.heard += bytes.len() as u64;
        }
        let has_counts = self.has_counts;
        let is_broadcast = self.has_no_echo && self.setting.broadcasts;
        let mut truth = Truth {
            shadow: &self.shadow,
            moment,
            ids: &mut self.ids,
            gone: &self.gone,
            has_counts,
            newest_date: &mut self.newest_date,
            is_broadcast,
        };
        let name =
            |client: &Client| format!("client {} ({:?}, {:?})", client.peer, client.way, client.manner);
        client.read(&bytes, &mut truth).map_err(|error| format!("{}: {error}", name(client)))?;
        if bytes.len() < most {
            client.has_caught_up();
        }
        let to_send = std::mem::take(&mut client.to_send);
        if !to_send.is_empty() && client.manner == Manner::Healthy {
            world.send(client.peer, &to_send);
        }
        if client.way.is_poll() && client.takes_answer() {
            let last = client.last.clone();
            world.send(client.peer, &client.way.request(last.as_deref(), client.asking));
        }
        let is_over = world.is_ended(client.peer) && bytes.len() < most;
        if client.life != Life::Ended && !is_over {
            return Ok(true);
        }
        let may_end = client.may_end || client.may_be_refused;
        if is_over && client.life != Life::Ended && !may_end {
            return Err(format!("{}: it has ended without a word", name(client)));
        }
        if is_over && !client.is_between() && !may_end {
            return Err(format!("{}: it has ended in the middle", name(client)));
        }
        if client.manner == Manner::Healthy {
            world.send(client.peer, &client.way.frame(8, b""));
            world.end(client.peer);
        }
        Ok(!is_over)
    }

    /// At each address as many places are taken as connections of it are open: no more than there are, no less than are in use.
    pub(super) fn check_addresses(&mut self) -> Result<(), String> {
        let world = self.world.as_ref().expect("a world");
        self.homes.retain(|(peer, _)| !world.is_closed(*peer));
        for (address, taken) in world.taken_places() {
            // Behind a proxy a connection counts as the proxy's until the client is known.
            let is_there = |home: &Home| home.address() == address || home.peer() == address;
            let open = self.homes.iter().filter(|(_, home)| is_there(home)).count();
            if taken > open {
                return Err(format!("{taken} connections of {address} count, and {open} may be open"));
            }
        }
        let mut least = BTreeMap::new();
        for client in &mut self.clients {
            // Whose place a newcomer has taken is gone by now.
            client.may_be_refused &= client.life == Life::Opening;
            let is_in_use = client.life == Life::Open && !client.may_end && !world.is_closed(client.peer);
            *least.entry(client.home.address()).or_insert(0) += usize::from(is_in_use);
        }
        let taken = world.taken_places();
        for (address, least) in least {
            let taken = taken.get(&address).copied().unwrap_or(0);
            if taken < least {
                return Err(format!("{taken} connections of {address} count, and {least} are open"));
            }
        }
        Ok(())
    }

    /// Nobody reads with a token that no list has any more.
    pub(super) fn check_tokens(&self) -> Result<(), String> {
        let reads = |client: &&Client| {
            client.manner == Manner::Healthy
                && client.life == Life::Open
                && !client.way.is_poll()
                && !self.setting.accepts(client.asking.token)
        };
        match self.clients.iter().find(reads) {
            Some(client) => {
                Err(format!("client {} ({:?}) reads with a token that was revoked", client.peer, client.way))
            }
            None => Ok(()),
        }
    }
}
