//! A run: the actions one after the other, and what must hold after each.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Duration,
};

use common::id::MessageId;
use reactor::simulation::Simulation;

use super::{
    action::{Action, AskedSince, Leaving, Manner},
    asking::{Home, Token},
    client::Client,
    place::Kind,
    post::Post,
    process::{self, Feed},
    seed,
    setting::{Origin, Setting},
    shadow::Shadow,
};
use crate::worker::WsHandler;

/// One step of a run: its place in the whole run, what happens, and how many turns follow.
pub(super) type Step = (u64, Action, u8);

/// How far a worker is: the time since its last turn, and the messages that had been published then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) unseen: Duration,
    pub(super) messages: usize,
}

pub(super) struct Storm {
    pub(super) world: Option<Simulation<WsHandler>>,
    pub(super) setting: Setting,
    pub(super) feed: Feed,
    pub(super) shadow: Shadow,
    pub(super) clients: Vec<Client>,
    pub(super) posts: Vec<Post>,
    pub(super) strangers: Vec<usize>,
    /// Where the peers are whose connections may be open.
    pub(super) homes: Vec<(usize, Home)>,
    /// The newest date of which a client was told the id.
    pub(super) newest_date: Option<MessageId>,
    /// Of some process of this run only the newest message counts.
    pub(super) has_latest: bool,
    /// By connection id, the peer that has it.
    pub(super) ids: HashMap<u64, usize>,
    /// Peers that are gone, or were about to leave a process that has handed over: the others may have heard so.
    pub(super) gone: HashSet<usize>,
    /// Times at which dates, or lines of which only the newest counts, may have been skipped.
    pub(super) jumps: u64,
    /// The number of the first date that the last process had not begun to send.
    pub(super) first_date: u64,
    /// Numbers of texts, pings and broadcasts.
    pub(super) serial: u64,
    /// The number and the epoch of the last given line.
    pub(super) given: (u64, u64),
    /// No process of this run has sent a client its own messages.
    pub(super) has_no_echo: bool,
    /// Bytes that clients have read.
    pub(super) heard: u64,
    /// Some process of this run has said only how many have left.
    pub(super) has_counts: bool,
    pub(super) run: u64,
    /// How far each worker is.
    pub(super) seen: Vec<Seen>,
    /// Steps in which calls may still fail; clients that come meanwhile may be gone.
    pub(super) fault_left: u8,
    /// Meanwhile a write may fail.
    pub(super) writes_fail: bool,
    /// Some setting since the beginning had a limit that clients can meet.
    pub(super) is_tight: bool,
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
        let (is_tight, has_latest) = (!setting.fits, setting.kind() == Kind::Latest);
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
            homes: Vec::new(),
            newest_date: None,
            has_latest,
            ids: HashMap::new(),
            gone: HashSet::new(),
            jumps: 0,
            first_date: 0,
            serial: 0,
            given: (10, 0),
            has_no_echo,
            heard: 0,
            has_counts,
            run,
            seen,
            fault_left: 0,
            writes_fail: false,
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

    pub(super) fn world(&mut self) -> &mut Simulation<WsHandler> {
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
        self.listen()?;
        self.jumps += u64::from(self.writes_fail);
        self.writes_fail &= self.fault_left > 0;
        if place.is_multiple_of(64) {
            self.rest()?;
            self.check_addresses()?;
        }
        Ok(())
    }

    /// A turn of the worker with this number, modulo how many there are.
    pub(super) fn turn(&mut self, worker: usize) {
        let worker = worker % self.seen.len();
        self.world().turn_of(worker);
        let messages = self.shadow.len();
        self.seen[worker] = Seen { unseen: Duration::ZERO, messages };
    }

    pub(super) fn pass(&mut self, time: Duration) {
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
            Action::Connect { way, since, manner, home, until, token } => {
                let asking = self.asking(*way, *until, *token);
                self.connect(*way, (*since, asking), *manner, *home);
            }
            Action::Intrude(bytes) => {
                let peer = self.arrive(Home::of(1));
                self.world().send(peer, bytes);
                self.strangers.push(peer);
            }
            Action::Misbehave { who, deed } => self.misbehave(*who, deed),
            Action::Send { who, frame } => self.send(*who, *frame),
            Action::Read { who, most } => return self.read_some(*who, *most),
            Action::Leave { who, how } => self.leave(*who, *how),
            Action::Publish { lines, bytes, jump } => self.publish(*lines, *bytes, *jump),
            Action::Crowd { clients, way } => {
                let asking = self.asking(*way, None, Token::Lasting);
                for _ in 0..*clients {
                    self.connect(*way, (AskedSince::Nothing, asking), Manner::Healthy, Home::of(7));
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
            Action::Suspend { seconds } => {
                self.world().suspend(Duration::from_secs(*seconds));
                self.jumps += 1;
            }
            Action::StepWall { seconds } => self.world().step_wall_clock(*seconds),
            Action::StandStill { millis } => {
                self.world().halt(Duration::from_millis(*millis));
                // Clients go on: they answer what was said last.
                self.listen()?;
                self.jumps += 1;
                self.world().resume();
            }
            Action::HandOver { variant } => self.hand_over(*variant),
            Action::Reload { variant } => return self.reload(*variant),
            Action::Fault { call, errno, count } => self.fault(*call, *errno, *count),
        }
        Ok(())
    }

    pub(super) fn settle(&mut self) {
        self.world().settle();
        let messages = self.shadow.len();
        self.seen.fill(Seen { unseen: Duration::ZERO, messages });
    }
}
