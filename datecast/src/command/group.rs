//! The process group of the command, which is ended as a whole: a shell's children belong to it.

use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{self, Child},
    sync::{Mutex, MutexGuard, PoisonError},
};

use nix::sys::wait;
use rustix::{
    io::Errno,
    process::{
        Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process_group, set_child_subreaper,
        test_kill_process_group, waitid,
    },
};

/// The leaders of the groups that are followed: the thread that follows one waits for it.
static LEADERS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Makes processes whose parent has ended our children, if an ancestor of theirs was one. Otherwise the init process inherits them,
/// and they count as running until it has waited for them; in a container, that process may be us, or one that never waits.
pub(super) fn adopt_orphans() {
    // Without it, the end of a command takes longer.
    _ = set_child_subreaper(Some(getpid()));
}

/// Waits for the children that have ended and that we have not started: since [`adopt_orphans`], what the command starts and leaves
/// behind, in its group or in another one, is a child of ours, and would stay in the table of processes.
///
/// A leader that was not waited for yet hides others: to be called again once it was.
pub(super) fn reap_orphans() {
    let leaders = leaders();
    let options = wait::WaitPidFlag::WEXITED | wait::WaitPidFlag::WNOHANG | wait::WaitPidFlag::WNOWAIT;
    while let Ok(status) = wait::waitid(wait::Id::All, options) {
        let ended = status.pid().and_then(|pid| Pid::from_raw(pid.as_raw()));
        let Some(ended) = ended.filter(|ended| !leaders.contains(ended)) else { return };
        if waitid(WaitId::Pid(ended), WaitIdOptions::EXITED | WaitIdOptions::NOHANG).is_err() {
            return;
        }
    }
}

/// Holding it keeps [`reap_orphans`] from children that others start and wait for.
pub(super) fn leaders() -> MutexGuard<'static, Vec<Pid>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process group whose number cannot be another's: its leader was not waited for yet, or was just seen to have left others behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group(pub(super) Pid);

impl Group {
    /// Starts a command as the leader of a group of its own.
    ///
    /// # Errors
    /// The command cannot be started.
    pub(super) fn start(command: &mut process::Command) -> io::Result<(Child, Self)> {
        // The lock is held until its number is known: nobody else may wait for it before.
        let mut leaders = leaders();
        let child = command.process_group(0).spawn()?;
        let pid = Pid::from_child(&child);
        leaders.push(pid);
        Ok((child, Self(pid)))
    }

    /// To be called once its leader was waited for: from then on, its number may be that of an orphan.
    pub(super) fn forget_leader(self) {
        leaders().retain(|leader| *leader != self.0);
    }

    /// Sends the signal to all processes of the group, as far as they run as a user whom we may signal.
    pub(super) fn signal(self, signal: Signal) {
        // A command that does not get it is left at the end, and `Run::follow` says so.
        _ = kill_process_group(self.0, signal);
    }

    /// Asks the group to end. A stopped process has to go on first.
    pub(super) fn terminate(self) {
        self.signal(Signal::TERM);
        self.signal(Signal::CONT);
    }

    /// True if no process is left of it; one that nobody has waited for yet counts.
    pub(super) fn is_gone(self) -> bool {
        test_kill_process_group(self.0) == Err(Errno::SRCH)
    }
}
