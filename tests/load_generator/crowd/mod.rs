//! Clients of every dialect that come and go all the time, and say what they hear of each other: is anything lost, doubled or refused?

mod guest;
mod ledger;
mod tally;

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::mpsc::{Receiver, TryRecvError},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Registry, Token};

use self::{
    guest::{Books, Guest},
    ledger::Ledger,
    tally::Tally,
};
use crate::{
    COMMAND,
    dialect::Dialect,
    random::Random,
    record::Ended,
    sockets::{Sources, connect},
};

/// The time between two looks whether something is due.
const PACE: Duration = Duration::from_millis(5);
/// Connections that are opened at once; more would overflow the listener's queue.
const AT_ONCE: usize = 200;
/// A connection that is not answered, or a closing handshake that is not, for so long is given up.
const PATIENCE: Duration = Duration::from_mins(1);
/// A new address for every connection.
const SOURCES: Sources = Sources { net: 3, each: 1, count: 60_000 };

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) to: SocketAddr,
    /// Clients that are there at a time.
    pub(crate) clients: usize,
    /// Clients that go a second, and as many that come.
    pub(crate) turnover: usize,
    /// Texts that clients say a second.
    pub(crate) says: usize,
    pub(crate) seed: u64,
    /// The dialects of the clients, in turn.
    pub(crate) dialects: Vec<Dialect>,
}

struct Crowd<'a> {
    task: &'a Task,
    random: Random,
    guests: HashMap<usize, Guest>,
    /// The keys of `guests`, to draw from; some are gone.
    drawn: Vec<usize>,
    /// Clients that come again, and where they go on.
    returning: Vec<(Dialect, Option<(u64, String)>)>,
    started: usize,
    /// Connections without an answer yet.
    opening: usize,
    /// How many clients had to go, and how many texts had to be said, until now.
    gone: Due,
    said: Due,
    /// When it was looked for connections without an answer.
    looked: Instant,
    is_calm: bool,
    hears: bool,
    tally: Tally,
    ledger: Ledger,
    buffer: Vec<u8>,
}

/// Something that happens so many times a second.
#[derive(Debug)]
struct Due {
    rate: usize,
    since: Instant,
    done: usize,
}

impl Due {
    fn new(rate: usize, since: Instant) -> Self {
        Self { rate, since, done: 0 }
    }

    /// How many are due, at most `most`; later ones are not made up for.
    fn take(&mut self, now: Instant, most: usize) -> usize {
        let due = now.duration_since(self.since).as_millis() as usize * self.rate / 1000;
        let count = due.saturating_sub(self.done);
        self.done = due;
        count.min(most)
    }
}

/// Keeps so many clients connected, and follows the commands.
pub(crate) fn run(mut poll: Poll, commands: &Receiver<String>, task: &Task) -> io::Result<()> {
    let mut events = Events::with_capacity(1024);
    let mut crowd = Crowd::new(task, Instant::now());
    let mut announced = false;
    loop {
        crowd.come(poll.registry())?;
        match poll.poll(&mut events, Some(PACE)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let now = Instant::now();
        for event in events.iter().filter(|event| event.token() != COMMAND) {
            crowd.serve(event, now);
        }
        // A guest that is there at the beginning hears the first text, and so makes the order known.
        if announced {
            crowd.go(now);
        }
        crowd.give_up(now);
        if !announced && crowd.open() == task.clients {
            announced = true;
            (crowd.gone, crowd.said) = (Due::new(task.turnover, now), Due::new(task.says, now));
            println!("{}", crowd.report(now));
        }
        loop {
            match commands.try_recv() {
                Ok(command) if command == "quit" => return Ok(()),
                Ok(command) => println!("{}", crowd.follow(&command, now)),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
    }
}

impl<'a> Crowd<'a> {
    fn new(task: &'a Task, now: Instant) -> Self {
        Self {
            task,
            random: Random::new(task.seed, 0),
            guests: HashMap::new(),
            drawn: Vec::new(),
            returning: Vec::new(),
            started: 0,
            opening: 0,
            gone: Due::new(task.turnover, now),
            said: Due::new(task.says, now),
            looked: now,
            is_calm: false,
            hears: true,
            tally: Tally::default(),
            ledger: Ledger::default(),
            buffer: vec![0; 64 * 1024],
        }
    }

    fn open(&self) -> usize {
        self.guests.values().filter(|guest| guest.is_open()).count()
    }

    /// Opens connections until all clients are there.
    fn come(&mut self, registry: &Registry) -> io::Result<()> {
        while self.guests.len() < self.task.clients && self.opening < AT_ONCE {
            let all = &self.task.dialects;
            let (dialect, since) = self.returning.pop().unwrap_or((all[self.started % all.len()], None));
            let serial = self.started;
            self.started += 1;
            match connect(self.task.to, SOURCES, serial) {
                Ok(mut socket) => {
                    registry.register(&mut socket, Token(serial), Interest::READABLE | Interest::WRITABLE)?;
                    self.guests.insert(serial, Guest::new(serial, dialect, socket, since, Instant::now()));
                    self.drawn.push(serial);
                    self.opening += 1;
                }
                Err(error) => {
                    self.tally.fault(&format!("connect: {error}"));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn serve(&mut self, event: &mio::event::Event, now: Instant) {
        let key = event.token().0;
        let Some(guest) = self.guests.get_mut(&key) else { return };
        let was_opening = guest.is_opening();
        let mut books = Books { tally: &mut self.tally, ledger: &mut self.ledger, hears: self.hears };
        let ended = guest.turn(event, &mut self.buffer, now, &mut books);
        if was_opening && (ended.is_some() || !guest.is_opening()) {
            self.opening -= 1;
        }
        if let Some(ended) = ended {
            self.end(key, &ended, now);
        }
    }

    /// A connection has ended. A client that did not want that comes again, behind its last message where it can.
    fn end(&mut self, key: usize, ended: &Ended, now: Instant) {
        let Some(guest) = self.guests.remove(&key) else { return };
        self.tally.pauses.extend(guest.pause(now));
        if guest.leaves() {
            match ended {
                Ended::Closed(_) | Ended::ClosedWithoutCode => {}
                other => self.tally.end(format!("while it left: {}", other.name())),
            }
            return;
        }
        match ended {
            Ended::Fault(what) => self.tally.fault(&format!("{}: {what}", guest.dialect.name())),
            other => self.tally.end(format!("{} {}", guest.dialect.name(), other.name())),
        }
        self.returning.push((guest.dialect, guest.place_in_stream()));
    }

    /// The one that has been there longest of those that hear others. It neither leaves nor speaks: where all others are newcomers, it
    /// decides the order of what is heard.
    fn witness(&self) -> Option<usize> {
        let hears = |guest: &Guest| guest.is_open() && !guest.dialect.is_poll();
        self.guests.iter().filter(|(_, guest)| hears(guest)).map(|(key, _)| *key).min()
    }

    /// An open client, by chance; `None` where none was found quickly.
    fn any(&mut self) -> Option<usize> {
        let witness = self.witness();
        for _ in 0..20 {
            if self.drawn.is_empty() {
                return None;
            }
            let at = self.random.below(self.drawn.len());
            let key = self.drawn[at];
            match self.guests.get(&key) {
                None => drop(self.drawn.swap_remove(at)),
                Some(guest) if guest.is_open() && witness != Some(key) => return Some(key),
                Some(_) => {}
            }
        }
        None
    }

    /// Lets clients go, and speak.
    fn go(&mut self, now: Instant) {
        let most = if self.is_calm { 0 } else { 100 };
        for _ in 0..self.gone.take(now, most) {
            let Some(key) = self.any() else { break };
            let Some(guest) = self.guests.get_mut(&key) else { break };
            let mut books = Books { tally: &mut self.tally, ledger: &mut self.ledger, hears: self.hears };
            if guest.leave(now, &mut books) {
                self.end(key, &Ended::ClosedWithoutCode, now);
            }
        }
        for _ in 0..self.said.take(now, most) {
            self.say();
        }
    }

    fn say(&mut self) {
        for _ in 0..20 {
            let Some(key) = self.any() else { return };
            let Some(guest) = self.guests.get_mut(&key) else { return };
            if guest.say(&mut self.ledger) {
                self.tally.add("said", 1);
                return;
            }
        }
    }

    /// Ends what waits in vain.
    fn give_up(&mut self, now: Instant) {
        if now.duration_since(self.looked) < Duration::from_secs(1) {
            return;
        }
        self.looked = now;
        let late = |guest: &Guest| guest.is_opening() && guest.age(now) > PATIENCE;
        let keys: Vec<usize> =
            self.guests.iter().filter(|(_, guest)| late(guest)).map(|(key, _)| *key).collect();
        for key in keys {
            self.opening -= 1;
            self.end(key, &Ended::Fault("no answer in time".to_owned()), now);
        }
    }

    fn follow(&mut self, command: &str, now: Instant) -> String {
        match command {
            "mark" => self.mark(),
            "take" => {
                self.catch_up();
                let report = self.report(now);
                self.mark();
                return report;
            }
            "calm" => self.is_calm = true,
            "go on" => self.is_calm = false,
            "say" => self.say(),
            // What was said to clients of a process that is no more.
            "forget" => {
                self.ledger = Ledger::default();
                self.guests.values_mut().for_each(Guest::forget);
            }
            "deaf" => self.hears = false,
            "report" => self.catch_up(),
            _ => return r#"{"error":"no such command"}"#.to_owned(),
        }
        self.report(now)
    }

    fn mark(&mut self) {
        self.tally = Tally::default();
        self.guests.values_mut().for_each(Guest::mark);
    }

    fn catch_up(&mut self) {
        for guest in self.guests.values_mut() {
            guest.catch_up(&mut Books {
                tally: &mut self.tally,
                ledger: &mut self.ledger,
                hears: self.hears,
            });
        }
    }

    fn report(&self, now: Instant) -> String {
        let open: Vec<&Guest> = self.guests.values().filter(|guest| guest.is_open()).collect();
        let (said, left) = self.ledger.unheard();
        let pause = open.iter().filter_map(|guest| guest.pause(now)).max().unwrap_or_default();
        format!(
            r#"{{"open":{},"opening":{},"leaving":{},"fewest":{},"behind":{},"heard":{},"unheard":{said},"unannounced":{left},"longest_pause_ms":{},{}}}"#,
            open.len(),
            self.opening,
            self.guests.values().filter(|guest| guest.leaves()).count(),
            open.iter().map(|guest| guest.messages).min().unwrap_or(0),
            open.iter().map(|guest| guest.behind(&self.ledger)).sum::<u64>(),
            self.ledger.len(),
            pause.as_millis(),
            self.tally.fields(),
        )
    }
}
