//! A model of several machines that show one log of given numbers, which has jumps and epochs. They lag, lose messages, are replaced by
//! a next process, and clients move between them by what they have. Each client gets every message of the log once and in order, or a
//! gap that covers what it does not get.

use std::{sync::Arc, time::Instant};

use common::{
    codec::{Reader, Writer},
    framing::Framing,
    gap::Gap,
    id::{Epoch, MessageId, Since},
};

use super::{
    Batch, ClockOrigin, Next, Stream, StreamOptions, Subscription, put_batch, put_marks, take_batch,
    take_marks,
};

/// Numbers by chance, the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

fn log(chance: &mut Chance) -> Vec<MessageId> {
    let mut id = MessageId { epoch: Epoch::from_millis(chance.below(2)), number: chance.below(3) };
    let mut log = Vec::new();
    for _ in 0..chance.below(150) + 30 {
        log.push(id);
        id.number += if chance.one_in(6) { 1 + chance.below(9) } else { 1 };
        if chance.one_in(40) {
            let epoch = Epoch::from_millis(id.epoch.as_millis() + 1 + chance.below(2));
            id = MessageId { epoch, number: chance.below(4) };
        }
    }
    log
}

/// One machine, and how much of the log it has seen.
struct Machine {
    stream: Stream,
    seen: usize,
}

struct World {
    options: StreamOptions,
    now: Instant,
    chance: Chance,
    log: Vec<MessageId>,
    machines: Vec<Machine>,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    machine: usize,
    framing: Framing,
    /// Asks anew after each answer, as one that polls.
    polls: bool,
    subscription: Subscription,
    /// What it has said, or would say, to resume.
    had: Option<Since>,
    last: Option<MessageId>,
    gap: Option<Gap>,
    received: usize,
}

impl World {
    #[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..20).for_each(|_| _ = chance.below(2));
        let history = chance.below(40).to_string();
        let delivery = if chance.one_in(6) { "latest" } else { "ordered" };
        let mut args = vec!["--source", "-", "--numbers", "given", "--max-backlog", "4KiB"];
        args.extend(["--delivery", delivery]);
        if delivery == "ordered" {
            args.extend(["--history", &history]);
        }
        let options = crate::config::tests::config(&args).unwrap().stream;
        let (now, log) = (Instant::now(), log(&mut chance));
        let mut world = Self { options, now, chance, log, machines: Vec::new(), clients: Vec::new() };
        for _ in 0..3 {
            let most = world.log.len() as u64 / 2;
            let begin = if world.chance.one_in(2) { 0 } else { world.chance.below(most) };
            let mut stream = world.stream(MessageId::default());
            stream.set_filling(world.chance.one_in(2), now);
            world.machines.push(Machine { stream, seen: usize::try_from(begin).unwrap() });
        }
        for number in 0..Framing::ALL.len() {
            let (machine, polls) = (world.any_machine(), world.chance.one_in(4));
            let framing = Framing::ALL[number];
            let mut client = Client {
                machine,
                framing,
                polls,
                subscription: Subscription::default(),
                had: None,
                last: None,
                gap: None,
                received: 0,
            };
            client.subscribe(&world.machines[machine].stream, now);
            world.clients.push(client);
        }
        world
    }

    fn stream(&self, next: MessageId) -> Stream {
        let origin = ClockOrigin { monotonic: self.now, wall: std::time::SystemTime::UNIX_EPOCH };
        Stream::new(&self.options, next, origin, &Arc::default(), self.now)
    }

    fn any_machine(&mut self) -> usize {
        usize::try_from(self.chance.below(3)).unwrap()
    }

    /// A machine gets some messages more; sometimes it has lost those before them.
    fn bring(&mut self, number: usize, most: u64) {
        let machine = &mut self.machines[number];
        let is_lossy = machine.seen > 0 && machine.seen + 5 < self.log.len() && self.chance.one_in(25);
        if is_lossy {
            machine.seen += usize::try_from(1 + self.chance.below(3)).unwrap();
        }
        let count = usize::try_from(1 + self.chance.below(most)).unwrap();
        let ids = &self.log[machine.seen..self.log.len().min(machine.seen + count)];
        machine.seen += ids.len();
        let mut is_after_gap = is_lossy;
        for run in ids.chunk_by(|one, next| one.epoch == next.epoch && one.number + 1 == next.number) {
            let mut batch = Batch::new(run[0]);
            for id in run {
                batch.push(|out| out.push_str(&id.to_string()));
            }
            let batch = if std::mem::take(&mut is_after_gap) { batch.after_gap() } else { batch };
            machine.stream.publish(batch.shared(), self.now);
        }
    }

    /// The next process takes a machine over, with the clients of it that stay.
    fn hand_over(&mut self, number: usize) {
        let old = &self.machines[number].stream;
        let (begin, mut ring) = (old.ring_begin(), old.batches());
        let mut to = Writer::default();
        for batch in &ring {
            put_batch(batch, &mut to);
        }
        put_marks(begin, &ring, &mut to);
        let (is_filling, epoch, next) = (old.is_filling(), old.epoch(), old.next_id());
        let bytes = to.into_bytes();
        let mut from = Reader::new(&bytes);
        for batch in &mut ring {
            *batch = take_batch(&mut from, epoch).unwrap();
        }
        let begin = take_marks(&mut ring, &mut from).unwrap();
        assert!(from.is_empty());
        let mut stream = self.stream(next);
        stream.set_filling(is_filling, self.now);
        stream.adopt(None, (Some(begin), &ring), self.now);
        for client in self.clients.iter_mut().filter(|client| client.machine == number) {
            let mut to = Writer::default();
            client.subscription.put(&mut to);
            client.subscription = Subscription::default();
            client.subscription.take_over(&mut Reader::new(&to.into_bytes())).unwrap();
            let _is_told_by_the_next_message = stream.readmit(&mut client.subscription, self.now);
        }
        self.machines[number].stream = stream;
    }

    fn step(&mut self) {
        let number = self.any_machine();
        match self.chance.below(12) {
            0..6 => self.bring(number, 12),
            6 => self.machines[number].stream.set_filling(false, self.now),
            7 if self.chance.one_in(3) => self.hand_over(number),
            _ => {
                let client = usize::try_from(self.chance.below(self.clients.len() as u64)).unwrap();
                let client = &mut self.clients[client];
                if self.chance.one_in(4) {
                    client.machine = number;
                    client.subscribe(&self.machines[number].stream, self.now);
                }
                let is_slow = self.chance.one_in(3);
                client.read(&self.machines[client.machine].stream, &self.log, self.now, is_slow);
            }
        }
    }

    /// Everything comes everywhere, and everybody reads it.
    fn finish(&mut self) {
        for number in 0..3 {
            while self.machines[number].seen < self.log.len() {
                self.bring(number, 10);
                self.read_all(number);
            }
            self.machines[number].stream.set_filling(false, self.now);
            self.read_all(number);
        }
    }

    fn read_all(&mut self, number: usize) {
        for client in self.clients.iter_mut().filter(|client| client.machine == number) {
            client.read(&self.machines[number].stream, &self.log, self.now, false);
        }
    }
}

impl Client {
    /// Comes to a machine with what it has.
    fn subscribe(&mut self, stream: &Stream, now: Instant) {
        self.subscription = Subscription::default();
        let head = stream.next_id();
        let gap = stream.subscribe(&mut self.subscription, self.had, head, now);
        if let Some(gap) = gap {
            self.hear_of(gap);
        }
    }

    /// Adds a gap to what it was told since its last message.
    fn hear_of(&mut self, gap: Gap) {
        let before = self.gap.unwrap_or(Gap { missed: Some(0), ..gap });
        let missed = gap.missed.and_then(|missed| Some(missed + before.missed?));
        let new_stream = gap.new_stream || before.new_stream;
        self.gap = Some(Gap { missed, new_stream, next: gap.next });
    }

    fn read(&mut self, stream: &Stream, log: &[MessageId], now: Instant, is_slow: bool) {
        let room = if is_slow { 1 } else { usize::MAX };
        for _ in 0..1000 {
            match stream.next(&mut self.subscription, self.framing, room, now) {
                Next::Shared { bytes, range, messages } => {
                    let text = String::from_utf8_lossy(&bytes[range]).into_owned();
                    self.take(&text, messages, log);
                    if stream.ends_at(&self.subscription) {
                        let mut same = self.subscription;
                        let next = stream.next(&mut same, self.framing, room, now);
                        assert!(matches!(next, Next::CaughtUp), "{next:?}");
                    }
                    if is_slow {
                        break;
                    }
                }
                Next::Gap(gap) => self.hear_of(gap),
                Next::CaughtUp => break,
                // It comes back with what it has.
                Next::Behind | Next::Over => self.subscribe(stream, now),
                other => panic!("{other:?}"),
            }
            self.had = self.subscription.had();
        }
        self.had = self.subscription.had();
        if self.polls && !is_slow {
            self.subscribe(stream, now);
        }
    }

    /// Takes messages, whose texts are their ids.
    fn take(&mut self, text: &str, messages: u64, log: &[MessageId]) {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('_') {
            let digits = rest[at + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at - 1);
            if let Some(Since::Id(id)) = Since::parse(&rest.as_bytes()[at - 12..at + 1 + digits])
                && ids.last() != Some(&id)
            {
                ids.push(id);
            }
            rest = &rest[at + 1 + digits..];
        }
        assert_eq!(ids.len() as u64, messages, "{text:?}");
        for id in ids {
            self.take_one(id, log);
        }
    }

    fn take_one(&mut self, id: MessageId, log: &[MessageId]) {
        let gap = self.gap.take();
        self.received += 1;
        let Some(last) = self.last.replace(id) else { return };
        let told = format!("{id} after {last}, and {gap:?}");
        match gap {
            Some(Gap { new_stream: true, .. }) => assert!(id.epoch > last.epoch, "a new stream: {told}"),
            // All there is, which may be nothing before a new stream.
            Some(Gap { missed: None, .. }) => assert!(id.epoch >= last.epoch, "{told}"),
            gap => {
                assert!(id > last && id.epoch == last.epoch, "twice, or not in order: {told}");
                let skipped = log.iter().filter(|other| **other > last && **other < id).count() as u64;
                let missed = gap.and_then(|gap| gap.missed).unwrap_or(0);
                assert!(skipped <= missed, "{skipped} are missing: {told}");
                assert!(missed < id.number - last.number, "more than there can be: {told}");
            }
        }
        if let Some(next) = gap.and_then(|gap| gap.next) {
            assert_eq!(next, id, "what comes next: {told}");
        }
    }
}

#[test]
fn each_client_gets_all_numbers_of_all_machines_once_and_in_order_or_a_gap_that_covers_them() {
    let mut received = 0;
    for seed in 0..200 {
        let mut world = World::new(seed);
        for _ in 0..300 {
            world.step();
        }
        world.finish();
        for client in &world.clients {
            let newest = world.log.last();
            // Without a history, a newcomer, and one that is told of a new stream, get what comes after that.
            let has_all = client.last.as_ref() == newest || client.gap.is_some() || client.last.is_none();
            let next = world.machines[client.machine].stream.next_id();
            assert_eq!(client.subscription.next_id(), next, "seed {seed}: {client:?}");
            received += client.received;
            assert!(has_all, "seed {seed}, waits for ever: {client:?}");
        }
    }
    assert!(received > 60_000, "{received}");
}
