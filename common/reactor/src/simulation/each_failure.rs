//! The n-th failure: a scenario runs once for each use of each call that it makes, and for each error that the call can
//! return, and that use alone fails.

use rustix::io::Errno;

use crate::system::simulated::Call;

/// One use of one call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which call.
    pub call: Call,
    /// Which use of it, from 1.
    pub n: u64,
    /// With what.
    pub errno: Errno,
}

impl Failure {
    /// True if the failure may cost one connection, whose other end sees that: an interruption, or a shortage of memory for
    /// a connection that is served, may not.
    pub fn may_cost_a_connection(self) -> bool {
        let passes = [Errno::INTR, Errno::NOMEM, Errno::NOBUFS].contains(&self.errno);
        match self.call {
            Call::Poll | Call::RemoveListener => false,
            Call::Read | Call::Write | Call::SendFile | Call::WatchWritable | Call::Accept => !passes,
            Call::Add | Call::Shutdown | Call::Export | Call::Adopt => true,
        }
    }
}

/// Runs a scenario without a failure, and then once for each failure that it can have; returns how many these were.
/// `scenario` lets it happen (`fail_once` of the simulation), and returns how often it has used each call
/// (`all_uses`).
pub fn each_failure(mut scenario: impl FnMut(Option<Failure>) -> Vec<u64>) -> usize {
    let uses = scenario(None);
    let mut failures = 0;
    for (call, uses) in Call::ALL.into_iter().zip(uses) {
        for n in 1..=uses {
            for errno in call.errors() {
                let failure = Failure { call, n, errno };
                let _told = OnPanic(failure);
                scenario(Some(failure));
                failures += 1;
            }
        }
    }
    failures
}

/// Says which failure was not survived.
struct OnPanic(Failure);

impl Drop for OnPanic {
    #[allow(clippy::print_stderr)]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("with {:?}", self.0);
        }
    }
}
