//! One attack on one server, with canaries and visitors beside it.

use std::{
    thread,
    time::{Duration, Instant},
};

use harness::{PATIENCE, eventually};
use mio::Poll;

use crate::{
    canaries::{Canaries, Seen},
    figures::Outcome,
    knock::{self, Knocked},
    lateness::Spread,
    modes::Mode,
    swarm::Swarm,
    usage::Usage,
    victim::{Service, Settings, Victim},
};

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// A tenth of the attackers, few canaries, one second.
    Quick,
    /// A tenth of the attackers, for so long.
    Tenth(Duration),
    /// All clients, for so long.
    Full(Duration),
}

impl Size {
    fn canaries(self) -> usize {
        if self == Self::Quick { 30 } else { 200 }
    }

    fn time(self) -> Duration {
        match self {
            Self::Quick => Duration::from_secs(1),
            Self::Tenth(time) | Self::Full(time) => time,
        }
    }

    fn is_small(self) -> bool {
        !matches!(self, Self::Full(_))
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

/// Lets the mode's swarm attack a server, which ends with the round.
///
/// `None` if a peer's canaries get nothing before it.
pub(crate) fn run(mode: &Mode, size: Size, victim: Victim) -> Option<Outcome> {
    let (address, pid, question) = (victim.address, victim.pid, mode.settings.service.question());
    let canaries =
        question.is_none().then(|| Canaries::start(address, size.canaries(), mode.settings.interval));
    if let Some(canaries) = &canaries
        && !are_settled(canaries)
    {
        assert!(!victim.is_ours(), "no canary may be without messages");
        victim.stop();
        return None;
    }
    let before = Usage::of(pid);
    let plan = mode.plan(size.is_small());
    let mut swarm = Swarm::new(&plan, victim.attacked).expect("a poll");
    swarm.prepare(PATIENCE);
    // A client that leaves has a notice only if it has lived for an interval.
    swarm.hold(LIFE, || false);
    drop(canaries.as_ref().map(|canaries| canaries.ask(true)));
    let patience = if victim.is_ours() { PATIENCE } else { PATIENCE / 10 };
    let visits = knock::Task {
        to: address,
        // Two questions a second for each canary.
        rate: question.map_or(VISITORS, |_| 2 * size.canaries() as u32),
        time: size.time(),
        count: usize::MAX,
        patience,
        kind: question.unwrap_or("websocket"),
        at_once: knock::AT_ONCE,
    };
    let visitors = thread::spawn(move || {
        knock::knock(Poll::new().expect("a poll"), &visits, || false, |_| {}).expect("the visitors go")
    });
    let (mut most, mut looked) = (before, Instant::now());
    let begun = Instant::now();
    swarm.attack(size.time(), || {
        if looked.elapsed() > Duration::from_millis(200) {
            most = most.most(Usage::of(pid));
            looked = Instant::now();
        }
    });
    let during = canaries.as_ref().map(|canaries| canaries.ask(false));
    let visitors = visitors.join().expect("the visitors end");
    let begun_to_hold = Instant::now();
    let is_free = mode.is_ended && swarm.hold(patience, || Usage::of(pid).descriptors <= before.descriptors);
    let freed_in = is_free.then(|| begun_to_hold.elapsed());
    let (met, after) = (swarm.met, Usage::of(pid).descriptors);
    drop(swarm);
    let seen = match (canaries, during) {
        (Some(canaries), Some(during)) => {
            Seen { lateness: during.lateness, messages: during.messages, ..last(&canaries, victim.is_ours()) }
        }
        _ => asked(&visitors),
    };
    let (name, is_ours, dates) = (victim.name, victim.is_ours(), victim.dates());
    let broken = victim.stop();
    let mut outcome = Outcome {
        mode: mode.name,
        victim: name,
        seen,
        dates,
        visitors,
        met,
        before,
        most,
        after,
        freed_in,
        broken,
    };
    if is_ours {
        judge(&mut outcome, mode, begun.elapsed());
    }
    Some(outcome)
}

/// So many connections to a server of ours, each with a handshake and a first message.
pub(crate) fn connects(count: usize) -> Knocked {
    let settings = Settings {
        service: Service::Dates,
        interval: Duration::from_secs(1),
        padding: 0,
        options: &["--leave-notices", "off"],
    };
    let victim = Victim::ours(&settings);
    let task = knock::Task {
        to: victim.address,
        rate: 5000,
        time: Duration::MAX,
        count,
        patience: PATIENCE,
        kind: "websocket",
        // A client that is slow to ask is not what this is about.
        at_once: 500,
    };
    let knocked = knock::knock(Poll::new().expect("a poll"), &task, || false, |_| {}).expect("they knock");
    let wrong = victim.stop();
    assert!(wrong.is_empty(), "{wrong:?}");
    knocked
}

/// Each has its schedule.
fn are_settled(canaries: &Canaries) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while canaries.ask(false).fewest < SETTLED {
        if Instant::now() > deadline {
            return false;
        }
    }
    true
}

/// What they have seen when each has a message of after the attack; of a peer, only what they have seen after a second.
fn last(canaries: &Canaries, is_ours: bool) -> Seen {
    let fewest = canaries.ask(false).fewest;
    if !is_ours {
        thread::sleep(LIFE);
        return canaries.ask(false);
    }
    eventually(|| {
        let seen = canaries.ask(false);
        let is_silent = seen.fewest < fewest + 2 && seen.ended.is_empty();
        if is_silent { Err("a canary gets nothing more".to_owned()) } else { Ok(seen) }
    })
}

/// Each visitor is a canary, and its wait is its lateness.
fn asked(visitors: &Knocked) -> Seen {
    let mut ended = visitors.outcomes.clone();
    Seen {
        messages: ended.remove("answered").unwrap_or(0),
        lateness: Spread::of(visitors.waits.clone()),
        ended,
        ..Seen::default()
    }
}

/// Notes what is broken of what hangs on no machine's speed.
fn judge(outcome: &mut Outcome, mode: &Mode, time: Duration) {
    let mut broken = Vec::new();
    // On a busy machine, dates may be too late to be sent: then the server says so.
    let missing = if outcome.has_skipped() { 0 } else { outcome.seen.missing };
    if missing + outcome.seen.doubled > 0 || !outcome.seen.ended.is_empty() {
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
