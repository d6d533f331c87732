//! A run: the actions one after the other, and what must hold after each.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt::Write as _,
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use reactor::simulation::{Call, Simulation};
use rustix::io::Errno;

use super::{
    action::{Action, AskedSince, Deed, Frame, Leaving, Manner},
    client::{Client, Life, Truth},
    place::{Kind, Moment, Place, Since},
    post::Post,
    process::{self, Feed},
    seed,
    setting::{Origin, Setting},
    shadow::Shadow,
    way::{Way, masked},
};
use crate::{peers::Mail, worker::WsHandler};

/// One step of a run: its place in the whole run, what happens, and how many turns follow.
pub(super) type Step = (u64, Action, u8);

/// How far a worker is: the time since its last turn, and the messages that had been published then.
#[derive(Clone, Copy, Debug)]
struct Seen {
    unseen: Duration,
    messages: usize,
}

pub(super) struct Storm {
    world: Option<Simulation<WsHandler>>,
    setting: Setting,
    feed: Feed,
    shadow: Shadow,
    clients: Vec<Client>,
    posts: Vec<Post>,
    strangers: Vec<usize>,
    /// By connection id, the peer that has it; and those that are gone.
    ids: HashMap<u64, usize>,
    gone: HashSet<u64>,
    /// Times at which dates may have been skipped.
    jumps: u64,
    /// Numbers of texts, pings and broadcasts.
    serial: u64,
    /// The number and the epoch of the last given line.
    given: (u64, u64),
    /// No process of this run has sent a client its own messages.
    has_no_echo: bool,
    /// Bytes that clients have read.
    heard: u64,
    /// Some process of this run has said only how many have left.
    has_counts: bool,
    run: u64,
    /// How far each worker is.
    seen: Vec<Seen>,
    /// Steps in which calls may still fail; clients that come meanwhile may be gone.
    fault_left: u8,
    /// Some setting since the beginning had a limit that clients can meet.
    is_tight: bool,
}

impl Storm {
    /// The world of the run with this seed, before its first action.
    pub(super) fn new(run: u64) -> Self {
        let setting = Setting::first(run);
        let (mut feed, mut handlers) = (None, VecDeque::new());
        let settings = setting.config.reactor_settings();
        let world = Simulation::with_workers(run, settings, setting.workers, |_, birth| {
            if feed.is_none() {
                let (all, new) = process::begin(&setting, None, birth);
                (handlers, feed) = (all.into(), Some(new));
            }
            handlers.pop_front().expect("as many handlers as workers")
        });
        let is_tight = !setting.fits;
        let seen = vec![Seen { unseen: Duration::ZERO, messages: 0 }; setting.workers];
        let (has_no_echo, has_counts) = (setting.broadcasts, setting.notice_rate < 100);
        let mut storm = Self {
            world: Some(world),
            setting,
            feed: feed.expect("the process has begun"),
            shadow: Shadow::default(),
            clients: Vec::new(),
            posts: Vec::new(),
            strangers: Vec::new(),
            ids: HashMap::new(),
            gone: HashSet::new(),
            jumps: 0,
            serial: 0,
            given: (10, 0),
            has_no_echo,
            heard: 0,
            has_counts,
            run,
            seen,
            fault_left: 0,
            is_tight,
        };
        if storm.setting.origin == Origin::Given {
            storm.feed.publish("!caught-up\n");
        }
        storm
    }

    /// The settings, for people.
    pub(super) fn shown(&self) -> String {
        self.setting.shown()
    }

    fn world(&mut self) -> &mut Simulation<WsHandler> {
        self.world.as_mut().expect("a world between two processes")
    }

    /// One action, the turns behind it, and what the clients get.
    ///
    /// # Errors
    /// Something did not hold.
    pub(super) fn step(&mut self, (place, action, turns): &Step) -> Result<(), String> {
        // What the other actions have drawn changes nothing here.
        let mut seed = seed::at(self.run ^ 0x5eed, *place);
        self.world().reseed(seed.below(u64::MAX));
        self.act(action)?;
        for _ in 0..*turns {
            self.turn(seed::below(&mut seed, 64));
        }
        if self.fault_left > 0 {
            self.fault_left -= 1;
            if self.fault_left == 0 {
                self.world().calm();
            }
        }
        self.listen()
    }

    /// A turn of the worker with this number, modulo how many there are.
    fn turn(&mut self, worker: usize) {
        let worker = worker % self.seen.len();
        self.world().turn_of(worker);
        let messages = self.shadow.len();
        self.seen[worker] = Seen { unseen: Duration::ZERO, messages };
    }

    fn pass(&mut self, time: Duration) {
        self.world().advance(time);
        for seen in &mut self.seen {
            seen.unseen += time;
        }
        // A date that is late by half an interval is skipped.
        if self.seen.iter().any(|seen| seen.unseen >= Duration::from_millis(450)) {
            self.jumps += 1;
        }
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Connect { way, since, manner, host } => self.connect(*way, *since, *manner, *host),
            Action::Intrude(bytes) => {
                let peer = self.world().connect();
                self.world().send(peer, bytes);
                self.strangers.push(peer);
            }
            Action::Misbehave { who, deed } => self.misbehave(*who, deed),
            Action::Send { who, frame } => self.send(*who, *frame),
            Action::Read { who, most } => return self.read_some(*who, *most),
            Action::Leave { who, how } => self.leave(*who, *how),
            Action::Publish { lines, bytes, jump } => self.publish(*lines, *bytes, *jump),
            Action::Crowd { clients, way } => {
                for _ in 0..*clients {
                    self.connect(*way, AskedSince::Nothing, Manner::Healthy, 7);
                }
                self.settle();
            }
            Action::Exodus { every } => {
                for who in (0..self.clients.len()).step_by(*every).rev() {
                    self.leave(who, Leaving::Vanish);
                }
            }
            Action::Flood { who, pings } => self.flood(*who, *pings),
            Action::Advance { millis } => self.pass(Duration::from_millis(*millis)),
            Action::StepWall { seconds } => self.world().step_wall_clock(*seconds),
            Action::StandStill { millis } => {
                self.world().halt(Duration::from_millis(*millis));
                // Clients go on: they answer what was said last.
                self.listen()?;
                self.jumps += 1;
                self.world().resume();
            }
            Action::HandOver { variant } => self.hand_over(*variant),
            Action::Reload { variant } => self.reload(*variant),
            Action::Fault { call, errno, count } => self.fault(*call, *errno, *count),
        }
        Ok(())
    }

    fn settle(&mut self) {
        self.world().settle();
        let messages = self.shadow.len();
        self.seen.fill(Seen { unseen: Duration::ZERO, messages });
    }

    fn connect(&mut self, way: Way, since: AskedSince, manner: Manner, host: u8) {
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

    fn misbehave(&mut self, who: usize, deed: &Deed) {
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

    fn send(&mut self, who: usize, frame: Frame) {
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

    fn read_some(&mut self, who: usize, most: usize) -> Result<(), String> {
        let slow: Vec<usize> =
            (0..self.clients.len()).filter(|at| self.clients[*at].manner == Manner::Slow).collect();
        let Some(at) = who.checked_rem(slow.len()) else { return Ok(()) };
        self.find_gone();
        self.hear(slow[at], most).map(drop)
    }

    fn leave(&mut self, who: usize, how: Leaving) {
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

    fn publish(&mut self, lines: usize, bytes: usize, jump: u64) {
        if !self.setting.has_lines() {
            return;
        }
        // Much for many would take long.
        let bytes = if self.clients.len() > 50 { bytes.min(20) } else { bytes };
        let lines = lines.min(1 + 20_000 / (bytes + 1));
        if self.setting.origin == Origin::Published {
            self.serial += 1;
            let number = self.serial;
            let lines = (0..lines).map(|line| format!("P{number}:{line};{}", "x".repeat(bytes)));
            self.posts.push(Post::new(number, lines.collect()));
            return;
        }
        let mut text = String::new();
        let is_given = self.setting.origin == Origin::Given;
        if is_given && jump > 0 {
            match jump {
                // The epoch of an engine that was set up anew.
                100 if self.serial.is_multiple_of(4) => {
                    self.given = (self.given.0 + 1, 0);
                    // Some cannot be told.
                    let untold = |client: &&mut Client| !client.way.tells_gaps();
                    self.clients.iter_mut().filter(untold).for_each(|client| client.may_end = true);
                }
                2 => text.push_str("!gap\n"),
                _ => {}
            }
            self.given.1 += jump;
        }
        for _ in 0..lines {
            self.serial += 1;
            if is_given {
                self.given.1 += 1;
                let _infallible = write!(text, "{:012x}_{}\t", self.given.0, self.given.1);
            }
            let odd = ["", "\"", "\\<&>'", "é\u{2028}", "\t"]
                [usize::try_from(self.serial % 5).expect("less than 5")];
            let _infallible = writeln!(text, "L{};{odd}{}", self.serial, "x".repeat(bytes));
        }
        self.feed.publish(&text);
        self.feed.tell(&mut self.shadow);
    }

    fn flood(&mut self, who: usize, pings: usize) {
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

    fn hand_over(&mut self, variant: u64) {
        let (old, next) = (self.setting.clone(), self.setting.next(variant));
        self.feed.tell(&mut self.shadow);
        let mut feed = None;
        let world = self.world.take().expect("a world");
        let world = world.hand_over_to(next.successor(), |handlers, birth| {
            let state = process::state_of(handlers, &old, &birth);
            let (handlers, new) = process::begin(&next, Some(state), birth);
            feed = Some(new);
            handlers
        });
        self.world = Some(world);
        // A client whose end had begun has left the old process, whatever the next one still sends it.
        let stays = |peer| self.clients.iter().any(|client| client.peer == peer && !client.may_end);
        self.gone.extend(self.ids.iter().filter(|(_, peer)| !stays(**peer)).map(|(id, _)| *id));
        // What the old process took on its way out.
        self.feed.tell(&mut self.shadow);
        self.feed = feed.expect("the process has begun");
        self.jumps += 1;
        self.seen = vec![Seen { unseen: Duration::ZERO, messages: self.shadow.len() }; next.workers];
        self.use_setting(next);
    }

    fn reload(&mut self, variant: u64) {
        let mut next = self.setting.next(variant);
        next.config = Arc::new((*next.config).clone().after(&self.setting.config));
        next.workers = self.setting.workers;
        self.feed.configure(&next);
        self.world().mailboxes().send_all(|| Mail::Reload(Arc::clone(&next.config)));
        self.settle();
        self.use_setting(next);
    }

    fn use_setting(&mut self, next: Setting) {
        if !next.fits {
            // Whatever it does, it may fall behind.
            self.is_tight = true;
            self.clients.iter_mut().for_each(|client| client.may_end = true);
        }
        self.has_no_echo &= next.broadcasts;
        self.has_counts |= next.notice_rate < 100;
        self.setting = next;
    }

    fn fault(&mut self, call: usize, errno: usize, count: u32) {
        let call = Call::ALL[call % Call::ALL.len()];
        let errors = call.errors();
        let errno = errors[errno % errors.len()];
        let is_harmless = match call {
            Call::Accept | Call::Poll => true,
            Call::Read | Call::Write => errno == Errno::INTR,
            _ => false,
        };
        let world = self.world.as_ref().expect("a world");
        for client in &mut self.clients {
            // It meets whoever comes next; an error of accepting may be that of a newcomer who waits.
            client.may_end |= !is_harmless || call == Call::Accept && !world.is_accepted(client.peer);
        }
        self.fault_left = 10;
        self.world().fail(call, count, errno);
    }

    /// Every healthy client reads what there is, and answers.
    fn listen(&mut self) -> Result<(), String> {
        self.feed.tell(&mut self.shadow);
        for post in &mut self.posts {
            let world = self.world.as_mut().expect("a world");
            self.heard += post.step(world, &self.shadow)? as u64;
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

    fn find_gone(&mut self) {
        let world = self.world.as_ref().expect("a world");
        for (id, peer) in &self.ids {
            if world.is_closed(*peer) {
                self.gone.insert(*id);
            }
        }
    }

    fn moment(&self) -> Moment {
        let stream = &self.setting.config.stream;
        let size = |number: u64| usize::try_from(number).expect("a small number");
        let greet = size(stream.greet());
        Moment {
            kind: self.setting.kind(),
            tells: false,
            excuses: self.jumps,
            is_poll: false,
            // What is new may not even fit.
            is_slow: self.is_tight,
            greet,
            history: size(stream.history()).max(greet),
            fits: !self.is_tight,
        }
    }

    /// A client reads; false if it has nothing to wait for any more.
    fn hear(&mut self, at: usize, most: usize) -> Result<bool, String> {
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
            world.send(client.peer, &client.way.request(last.as_deref()));
        }
        let is_over = world.is_ended(client.peer) && bytes.len() < most;
        if client.life != Life::Ended && !is_over {
            return Ok(true);
        }
        if is_over && client.life != Life::Ended && !client.may_end {
            return Err(format!("{}: it has ended without a word", name(client)));
        }
        if is_over && !client.is_between() && !client.may_end {
            return Err(format!("{}: it has ended in the middle", name(client)));
        }
        if client.manner == Manner::Healthy {
            world.send(client.peer, &client.way.frame(8, b""));
            world.end(client.peer);
        }
        Ok(!is_over)
    }
}

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
        let dates: HashMap<usize, Option<u64>> =
            self.clients.iter().map(|client| (client.peer, client.place.last_date())).collect();
        self.publish(1, 10, 0);
        self.finish_posts()?;
        for _ in 0..50 {
            self.pass(Duration::from_millis(40));
            self.rest()?;
        }
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
        self.end()
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
    fn rest(&mut self) -> Result<(), String> {
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
