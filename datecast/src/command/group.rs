//! The process group of the command, which is ended as a whole: a shell's children belong to it.

use rustix::{
    io::Errno,
    process::{
        Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process_group, set_child_subreaper,
        test_kill_process_group, waitid,
    },
};

/// Makes processes whose parent has ended our children, if an ancestor of theirs was one. Otherwise the init process inherits them,
/// and until it has waited for them nobody can tell that they have ended; in a container, it may be us or never do it.
pub(super) fn adopt_orphans() {
    // Without it, the end of a command takes longer.
    _ = set_child_subreaper(Some(getpid()));
}

/// A process group whose number cannot be another's: its leader was not waited for yet, or was just seen to have left others behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(pub(super) Pid);

impl Group {
    /// Sends the signal to all processes of the group, as far as they run as a user whom we may signal.
    pub(super) fn signal(self, signal: Signal) {
        // Who does not get it is there at the end, and `Run::follow` says so.
        _ = kill_process_group(self.0, signal);
    }

    /// Asks the group to end. A stopped process has to go on first.
    pub(super) fn terminate(self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// Waits for those of the group whose parent has ended before them and that have ended, too: since [`adopt_orphans`] they are
    /// children of ours. To be called once its leader was waited for.
    pub(super) fn reap(self) {
        while let Ok(Some(_)) =
            waitid(WaitId::Pgid(Some(self.0)), WaitIdOptions::EXITED | WaitIdOptions::NOHANG)
        {}
    }

    /// True if no process is left of it; one that nobody has waited for yet counts.
    pub(super) fn is_gone(self) -> bool {
        test_kill_process_group(self.0) == Err(Errno::SRCH)
    }
}
