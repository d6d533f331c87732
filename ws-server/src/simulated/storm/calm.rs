//! The end of a storm: the faults stop, everybody becomes current, one leaves and all hear of it, all leave, and nothing is left.

use std::{collections::HashMap, time::Duration};

use super::{
    action::{AskedSince, Leaving, Manner},
    asking::{Home, Token},
    client::{Client, Life},
    place::Kind,
    run::Storm,
    setting::Origin,
    way::{Media, Prefix, Way},
};

/// In which ways the last clients come; the first one is the one that leaves.
const LAST: [Way; 9] = [
    Way::Rfc6455(Prefix::Id),
    Way::Hixie75(Prefix::Nothing),
    Way::Hixie76(Prefix::Number),
    Way::Hybi07(Prefix::Nothing),
    Way::Hybi08(Prefix::Id),
    Way::Stream(Media::Events, false),
    Way::Stream(Media::Lines, true),
    Way::Stream(Media::Ndjson, false),
    Way::Stream(Media::Html, false),
];

impl Storm {
    /// The faults have stopped: every healthy client is current within two ticks; and once all clients have left, nothing is.
    ///
    /// # Errors
    /// One is not, or something is left.
    pub(super) fn calm(&mut self) -> Result<(), String> {
        self.world().calm();
        for peer in std::mem::take(&mut self.strangers) {
            self.world().reset(peer);
        }
        for at in (0..self.clients.len()).rev() {
            if self.clients[at].manner != Manner::Healthy {
                self.leave(at, Leaving::Vanish);
            }
        }
        self.finish_posts()?;
        self.rest()?;
        let came = self.come();
        // With another delivery each client has another place within the interval: once, up to two of them pass between two dates.
        self.pass(Duration::from_secs(1));
        self.rest()?;
        let dates: HashMap<usize, Option<u64>> =
            self.clients.iter().map(|client| (client.peer, client.place.last_date())).collect();
        self.publish(1, 10, 0);
        self.finish_posts()?;
        for _ in 0..50 {
            self.pass(Duration::from_millis(40));
            self.rest()?;
        }
        self.check_tokens()?;
        self.check_addresses()?;
        for client in &self.clients {
            let name = || format!("client {} ({:?})", client.peer, client.way);
            if client.life == Life::Opening && !client.way.is_poll() {
                return Err(format!("{}: no answer two ticks after the last fault", name()));
            }
            if client.life == Life::Ended || client.way.is_poll() {
                continue;
            }
            let is_current = match self.setting.kind() {
                Kind::Dates => {
                    let before = dates.get(&client.peer).copied().flatten();
                    client
                        .place
                        .last_date()
                        .is_some_and(|date| before.is_none_or(|before| date >= before + 2))
                }
                Kind::Latest | Kind::Ordered => client.place.next() == Some(self.shadow.len()),
            };
            if !is_current {
                return Err(format!(
                    "{}: two ticks after the last fault it is at {:?} of {}",
                    name(),
                    client.place,
                    self.shadow.len()
                ));
            }
        }
        self.check_farewell(&came)?;
        self.end()
    }

    /// Clients of every kind that stay; their peers.
    fn come(&mut self) -> Vec<usize> {
        let before = self.clients.len();
        for (host, way) in (20..).zip(LAST) {
            let asking = self.asking(way, None, Token::Lasting);
            self.connect(way, (AskedSince::Nothing, asking), Manner::Healthy, Home::of(host));
        }
        self.clients[before..].iter().map(|client| client.peer).collect()
    }

    /// One of those that have come last leaves, and all others of them hear of it.
    fn check_farewell(&mut self, came: &[usize]) -> Result<(), String> {
        let stayed = |client: &Client| came.contains(&client.peer) && client.life == Life::Open;
        // A new stream of given numbers ends those that cannot be told of it.
        let may_go = |way: &Way| self.setting.origin == Origin::Given && !way.tells_gaps();
        for (peer, way) in came.iter().zip(LAST).filter(|(_, way)| !may_go(way)) {
            if !self.clients.iter().any(|client| client.peer == *peer && stayed(client)) {
                return Err(format!("client {peer} ({way:?}), one of the last, is not there"));
            }
        }
        let leaver = self.clients.iter().position(|client| client.peer == came[0]).expect("it is there");
        let id = self.clients[leaver].id.expect("its form says its id");
        self.leave(leaver, Leaving::Reset);
        for _ in 0..30 {
            self.pass(Duration::from_millis(40));
            self.rest()?;
        }
        let is_told = self.setting.config.leave_notices();
        match self.clients.iter().find(|client| stayed(client) && client.has_heard_of(id) != is_told) {
            Some(client) => Err(format!(
                "client {} ({:?}) heard that {id} has left: {}",
                client.peer, client.way, !is_told
            )),
            None => Ok(()),
        }
    }

    /// Every request that publishes gets its answer.
    fn finish_posts(&mut self) -> Result<(), String> {
        for post in &mut self.posts {
            post.is_cut = false;
        }
        // A request whose client is gone holds its key until a deadline.
        for _ in 0..1500 {
            if self.posts.is_empty() {
                return Ok(());
            }
            self.settle();
            self.listen()?;
            self.pass(Duration::from_millis(1));
        }
        Err(format!(
            "after the last fault {} requests that publish have no answer: {:?}",
            self.posts.len(),
            self.posts[0]
        ))
    }

    /// Turns until nothing more comes without time passing.
    pub(super) fn rest(&mut self) -> Result<(), String> {
        loop {
            let before = self.heard;
            self.settle();
            self.listen()?;
            if self.heard == before {
                return Ok(());
            }
        }
    }

    /// All leave.
    fn end(&mut self) -> Result<(), String> {
        for at in (0..self.clients.len()).rev() {
            self.leave(at, Leaving::Vanish);
        }
        for _ in 0..100 {
            self.pass(Duration::from_secs(1));
            self.settle();
        }
        let (open, descriptors) = (self.world().counters().open, self.world().descriptors());
        if open == 0 && descriptors == 0 {
            return Ok(());
        }
        Err(format!("{open} connections and {descriptors} descriptors are left"))
    }
}
