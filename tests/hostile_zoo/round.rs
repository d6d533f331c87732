//! One attack on one server, with canaries and visitors beside it.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use harness::{PATIENCE, eventually};
use mio::Poll;

use crate::{
    canaries::Canaries,
    figures::Outcome,
    knock::{self, Knocked},
    modes::Mode,
    swarm::Swarm,
    usage::Usage,
    victim::Victim,
};

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// Few clients, two seconds.
    Quick,
    /// All clients, and so long an attack.
    Full(Duration),
}

impl Size {
    fn canaries(self) -> usize {
        if self == Self::Quick { 50 } else { 200 }
    }

    fn time(self) -> Duration {
        match self {
            Self::Quick => Duration::from_secs(2),
            Self::Full(time) => time,
        }
    }
}

/// Longer than an interval of dates.
const LIFE: Duration = Duration::from_millis(1200);
/// New clients a second.
const VISITORS: u32 = 10;
/// Messages that each canary has before the attack, as its schedule.
const SETTLED: u64 = 3;
/// Leave notices that a client gets in a second: `--notice-rate`, and one for those that were too many.
const NOTICES: u64 = 21;

/// Lets the mode's swarm attack a new server of ours.
pub(crate) fn run(mode: &Mode, size: Size) -> Outcome {
    let victim = Victim::ours(&mode.settings);
    let (address, pid) = (victim.address, victim.pid);
    let canaries = Canaries::start(address, size.canaries(), mode.settings.interval);
    eventually(|| {
        let fewest = canaries.ask(false).fewest;
        if fewest >= SETTLED { Ok(()) } else { Err(format!("a canary has {fewest} messages")) }
    });
    let before = Usage::of(pid);
    let plan = mode.plan(size);
    let mut swarm = Swarm::new(&plan, address).expect("a poll");
    swarm.prepare(PATIENCE);
    // A client that leaves has a notice only if it has lived for an interval.
    swarm.hold(LIFE, || false);
    canaries.ask(true);
    let visitors = thread::spawn(move || visit(address, size.time()));
    let (mut most, mut looked) = (before, Instant::now());
    let begun = Instant::now();
    swarm.attack(size.time(), || {
        if looked.elapsed() > Duration::from_millis(200) {
            most = most.most(Usage::of(pid));
            looked = Instant::now();
        }
    });
    let mut seen = canaries.ask(false);
    let visitors = visitors.join().expect("the visitors end");
    let (freed_in, after) = ends(&mut swarm, mode, pid, before.descriptors);
    let met = swarm.met;
    drop(swarm);
    let time = begun.elapsed();
    // Each canary goes on until it has a message of after the attack.
    let last = canaries.ask(false);
    let end = eventually(|| {
        let end = canaries.ask(false);
        let is_silent = end.fewest < last.fewest + 2 && end.ended.is_empty();
        if is_silent { Err("a canary gets nothing more".to_owned()) } else { Ok(end) }
    });
    seen.missing = end.missing;
    seen.doubled = end.doubled;
    seen.ended = end.ended;
    seen.notices = end.notices;
    drop(canaries);
    let name = victim.name;
    let broken = victim.stop();
    let mut outcome =
        Outcome { mode: mode.name, victim: name, seen, visitors, met, before, most, after, freed_in, broken };
    judge(&mut outcome, mode, time);
    outcome
}

/// Whether what `--head-timeout` and the like promise has come: the server has ended all attackers while they hold on.
fn ends(swarm: &mut Swarm<'_>, mode: &Mode, pid: u32, baseline: usize) -> (Option<Duration>, usize) {
    let begun = Instant::now();
    if !mode.is_ended {
        return (None, Usage::of(pid).descriptors);
    }
    let is_free = swarm.hold(PATIENCE, || Usage::of(pid).descriptors <= baseline);
    (is_free.then(|| begun.elapsed()), Usage::of(pid).descriptors)
}

fn visit(to: SocketAddr, time: Duration) -> Knocked {
    let task =
        knock::Task { to, rate: VISITORS, time, count: usize::MAX, patience: PATIENCE, kind: "websocket" };
    knock::knock(Poll::new().expect("a poll"), &task, || false, |_| {}).expect("the visitors go")
}

/// Notes what is broken of what hangs on no machine's speed.
fn judge(outcome: &mut Outcome, mode: &Mode, time: Duration) {
    let mut broken = Vec::new();
    if outcome.losses() + outcome.seen.doubled > 0 {
        broken.push(format!("canaries miss {}, {:?}", outcome.losses(), outcome.seen.ended));
    }
    if outcome.visitors.outcomes.keys().any(|name| name != "answered") {
        broken.push(format!("of the new clients: {:?}", outcome.visitors.outcomes));
    }
    let most = NOTICES * (time.as_secs() + 2);
    if outcome.seen.notices > most {
        broken.push(format!("a client got {} notices, more than {most}", outcome.seen.notices));
    }
    if mode.is_ended && outcome.freed_in.is_none() {
        broken.push(format!("{} descriptors instead of {}", outcome.after, outcome.before.descriptors));
    }
    outcome.broken.extend(broken);
}
