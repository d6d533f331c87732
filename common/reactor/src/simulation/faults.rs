//! What the simulated system refuses.

use rustix::io::Errno;

use super::{Call, Failure, Simulation};
use crate::Handler;

impl<H: Handler> Simulation<H> {
    /// The next `count` calls of this kind fail with this error number; no other kind fails so any more.
    pub fn fail(&mut self, call: Call, count: u32, errno: Errno) {
        self.world.borrow_mut().faults.burst(call, count, errno);
    }

    /// The `n`-th use of this call since the start of the world fails once, from 1 on.
    pub fn fail_nth(&mut self, call: Call, n: u64, errno: Errno) {
        self.world.borrow_mut().faults.nth(call, n, errno);
    }

    /// Lets this failure happen.
    pub fn fail_once(&mut self, failure: Option<Failure>) {
        if let Some(Failure { call, n, errno }) = failure {
            self.fail_nth(call, n, errno);
        }
    }

    /// How often each call was used, in the order of [`Call::ALL`].
    pub fn all_uses(&self) -> Vec<u64> {
        Call::ALL.into_iter().map(|call| self.uses(call)).collect()
    }

    /// From now on one in so many uses of this call fails, with one of these errors; 0: none.
    pub fn disturb(&mut self, call: Call, once_in: u64, errors: &[Errno]) {
        self.world.borrow_mut().faults.rate(call, once_in, errors);
    }

    /// Nothing fails any more, and there are descriptors again.
    pub fn calm(&mut self) {
        let world = &mut *self.world.borrow_mut();
        world.faults.calm();
        world.max_descriptors = usize::MAX;
    }

    /// How often this call was used since the start of the world.
    pub fn uses(&self, call: Call) -> u64 {
        self.world.borrow().faults.uses(call)
    }

    /// How many accepts found nobody since the start of the world.
    pub fn accepted_nobody(&self) -> u64 {
        self.world.borrow().accepted_nobody
    }

    /// How many calls were made to fail since the start of the world.
    pub fn failed(&self) -> u64 {
        self.world.borrow().faults.failed()
    }

    /// From now on the process has at most so many descriptors for connections: an accept beyond them says `EMFILE`.
    pub fn limit_descriptors(&mut self, count: usize) {
        self.world.borrow_mut().max_descriptors = count;
    }

    /// From now on the kernel keeps so many bytes for each peer that connects, until it reads them.
    pub fn send_buffer(&mut self, bytes: usize) {
        self.world.borrow_mut().send_buffer = bytes;
    }

    /// From now on one write in so many is short, to each peer that connects; 0: none, where there is room for all of it.
    pub fn short_writes(&mut self, once_in: u64) {
        self.world.borrow_mut().short_writes = once_in;
    }

    /// How many adopted connections have got the socket options of their new process.
    pub fn configured(&self) -> u64 {
        self.world.borrow().configured
    }

    /// Descriptors of connections that are open, those on their way to the next process included.
    pub fn descriptors(&self) -> usize {
        self.world.borrow().open_descriptors()
    }

    /// From now on, one poll takes so many events.
    pub fn limit_events(&mut self, count: usize) {
        self.world.borrow_mut().events = count;
    }

    /// From now on, one poll in so many reports what is not there; 0: none does.
    pub fn spurious_events(&mut self, once_in: u64) {
        self.world.borrow_mut().spurious = once_in;
    }

    /// The next poll of each worker is interrupted by a signal.
    pub fn interrupt(&mut self) {
        for poll in &mut self.world.borrow_mut().polls {
            poll.interruptions = 1;
        }
    }
}
