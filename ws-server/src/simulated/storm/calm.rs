//! The end of a storm: the faults stop, everybody becomes current, one leaves and all hear of it, all leave, and nothing is left.

use std::{collections::HashMap, time::Duration};

use super::{
    action::{Leaving, Manner},
    client::{Client, Life},
    place::Kind,
    run::Storm,
};

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
        self.check_farewell()?;
        self.end()
    }

    /// One leaves, and all others hear of it.
    fn check_farewell(&mut self) -> Result<(), String> {
        let is_known = |client: &Client| client.id.filter(|_| client.follows());
        let found = self.clients.iter().enumerate().find_map(|(at, client)| Some((at, is_known(client)?)));
        let Some((at, id)) = found.filter(|_| self.setting.config.leave_notices()) else { return Ok(()) };
        self.leave(at, Leaving::Reset);
        for _ in 0..30 {
            self.pass(Duration::from_millis(40));
            self.rest()?;
        }
        match self.clients.iter().find(|client| client.follows() && !client.has_heard_of(id)) {
            Some(client) => {
                Err(format!("client {} ({:?}) has not heard that {id} has left", client.peer, client.way))
            }
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
