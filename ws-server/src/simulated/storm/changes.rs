//! Other processes, other settings, and calls that fail.

use std::{collections::HashSet, sync::Arc, time::Duration};

use reactor::simulation::Call;
use rustix::io::Errno;

use super::{
    place::Kind,
    process,
    run::{Seen, Storm},
    seed,
    setting::Setting,
};
use crate::peers::Mail;

impl Storm {
    pub(super) fn hand_over(&mut self, variant: u64) {
        let (old, next) = (self.setting.clone(), self.setting.successor_of(variant));
        self.feed.tell(&mut self.shadow);
        let (mut feed, mut first_date) = (None, 0);
        let world = self.world.take().expect("a world");
        // Half of them take their time, as on a machine that is starved.
        let delay = Duration::from_millis(seed::pick(&mut seed::at(variant, 0), &[0, 0, 0, 50, 700, 3_000]));
        let world = world.hand_over_to(next.successor(delay), |handlers, birth| {
            let state = process::state_of(handlers, &old, &birth);
            // Some clients may have that one already.
            first_date = state.schedule.as_ref().map_or(0, |schedule| schedule.next_number() + 1);
            let (handlers, new) = process::begin(&next, Some(state), birth);
            feed = Some(new);
            handlers
        });
        self.world = Some(world);
        // A client whose end had begun has left the old process, whatever the next one still sends it.
        let is_here: HashSet<usize> = self.clients.iter().map(|client| client.peer).collect();
        let leaves = self.clients.iter().filter(|client| client.may_end).map(|client| client.peer);
        self.gone.extend(leaves.chain(self.ids.values().copied().filter(|peer| !is_here.contains(peer))));
        // What the old process took on its way out.
        self.feed.tell(&mut self.shadow);
        self.feed = feed.expect("the process has begun");
        self.jumps += 1;
        self.first_date = first_date;
        self.seen = vec![Seen { unseen: Duration::ZERO, messages: self.shadow.len() }; next.workers];
        self.use_setting(next);
    }

    pub(super) fn reload(&mut self, variant: u64) -> Result<(), String> {
        let mut next = self.setting.next(variant);
        next.config = Arc::new((*next.config).clone().after(&self.setting.config));
        next.workers = self.setting.workers;
        self.feed.configure(&next);
        self.world().mailboxes().send_all(|| Mail::Reload(Arc::clone(&next.config)));
        self.settle();
        self.use_setting(next);
        self.rest()?;
        let is_calm = self.fault_left == 0 && !self.is_tight;
        if !is_calm {
            return Ok(());
        }
        // Behind a shortage of memory, a Close leaves with the next try to write.
        self.pass(Duration::from_millis(200));
        self.rest()?;
        self.check_tokens()
    }

    fn use_setting(&mut self, next: Setting) {
        if !next.fits {
            // Whatever it does, it may fall behind.
            self.is_tight = true;
            self.clients.iter_mut().for_each(|client| client.may_end = true);
        }
        self.has_latest |= next.kind() == Kind::Latest;
        for client in &mut self.clients {
            client.may_end |= !next.accepts(client.asking.token);
        }
        self.has_no_echo &= next.broadcasts;
        self.has_counts |= next.notice_rate < 100;
        self.setting = next;
        let moment = self.moment();
        self.clients.iter_mut().for_each(|client| client.place.follow(moment));
    }

    pub(super) fn fault(&mut self, call: usize, errno: usize, count: u32) {
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
        // A socket that takes nothing for a moment counts as full.
        if call == Call::Write && !is_harmless {
            (self.writes_fail, self.jumps) = (true, self.jumps + 1);
        }
        self.fault_left = 10;
        self.world().fail(call, count, errno);
    }
}
