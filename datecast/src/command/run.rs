//! One run of the command, from its start until nothing of it is left.

use std::{
    os::fd::OwnedFd,
    process::Child,
    time::{Duration, Instant},
};

use daemon::clock::now;
use rustix::process::{Signal, WaitId, WaitIdOptions, waitid};

use super::{
    copier::Found,
    desk::{Desk, Wait},
    ended::Ended,
    group::{Group, reap_orphans},
    launch::Started,
    orders::Order,
    screen::ScreenWatch,
    stage::{Facts, Stage},
};

/// Time between two looks at what is left of the group: nothing says when a process that is not our child ends.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes that are copied, once the group is gone, of output that another process still holds open: the pipe or terminal held fewer
/// when the command wrote its last one.
const LAST_BYTES: usize = 1024 * 1024;

/// Dropping it kills the group.
pub(super) struct Run {
    child: Child,
    group: Group,
    /// `None` once it has ended.
    output: Option<OwnedFd>,
    stage: Stage,
    ended: Option<Ended>,
    /// The process was waited for, so its number may be another's.
    is_reaped: bool,
    screen: ScreenWatch,
}

impl Run {
    pub(super) fn new(Started { child, group, output }: Started) -> Self {
        Self {
            child,
            group,
            output: Some(output),
            stage: Stage::Running,
            ended: None,
            is_reaped: false,
            screen: ScreenWatch::default(),
        }
    }

    /// Copies what the command writes until its group has ended, and returns how the command has. `None` if it could not be ended.
    pub(super) fn follow(mut self, desk: &mut Desk) -> Option<Ended> {
        loop {
            self.look(desk);
            while self.advance(desk.order(), now()) {}
            if self.stage == Stage::Over {
                break;
            }
            self.copy(desk);
        }
        self.copy_rest(desk);
        if self.ended.is_none() {
            let (name, pid) = (&desk.name, self.child.id());
            log::warn!(
                "{name} (process {pid}) could not be ended, as it runs as another user or hangs in the system"
            );
        }
        self.ended.take()
    }

    /// Asks the system what has become of the command.
    fn look(&mut self, desk: &Desk) {
        let pid = WaitId::Pid(self.group.0);
        if self.ended.is_none() {
            // It stays there to be waited for, and so its number remains that of its group.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if let Ok(Some(status)) = waitid(pid.clone(), options) {
                self.ended = Some(Ended::from_status(&status));
            } else if let Ok(Some(status)) =
                waitid(pid, WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED | WaitIdOptions::NOHANG)
            {
                desk.say_stopped(status.stopping_signal());
            }
        }
        if self.ended.is_some() && self.stage.is_ending() && !self.is_reaped {
            // It has exited: this does not block.
            self.reap();
        }
        reap_orphans();
    }

    fn reap(&mut self) {
        self.is_reaped = self.child.wait().is_ok();
        if self.is_reaped {
            self.group.forget_leader();
        }
    }

    /// Goes to the next stage, if there is reason to, with the signal that begins it.
    fn advance(&mut self, order: Order, now: Instant) -> bool {
        let facts = Facts {
            order,
            has_exited: self.ended.is_some(),
            output_has_ended: self.output.is_none(),
            is_gone: self.is_reaped && self.group.is_gone(),
        };
        let next = self.stage.next(facts, now);
        if next == self.stage {
            return false;
        }
        match next {
            Stage::Ending(_) => self.group.terminate(),
            Stage::Killed(_) => self.group.signal(Signal::KILL),
            _ => {}
        }
        self.stage = next;
        true
    }

    /// Waits until something happens, and copies what is there.
    fn copy(&mut self, desk: &mut Desk) {
        let deadline = self.stage.deadline().map(|until| until.saturating_duration_since(now()));
        let looks = self.stage.is_ending() && self.ended.is_some();
        let time = if looks { deadline.map(|time| time.min(LOOK)) } else { deadline };
        if desk.wait(self.output.as_ref(), time) != Wait::Readable {
            return;
        }
        match self.read(desk) {
            Found::End => self.output = None,
            Found::Bytes(_) if self.screen.sees(desk.copier.waiting()) => desk.say_drawing(),
            _ => {}
        }
    }

    /// Copies what the output still holds at the end of the run, up to [`LAST_BYTES`].
    fn copy_rest(&mut self, desk: &mut Desk) {
        let mut left = LAST_BYTES;
        desk.flush();
        while let Found::Bytes(count) = self.read(desk) {
            desk.flush();
            left = left.saturating_sub(count);
            if left == 0 {
                break;
            }
        }
    }

    fn read(&self, desk: &mut Desk) -> Found {
        self.output.as_ref().map_or(Found::End, |output| desk.copier.read(output))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.stage == Stage::Over {
            return;
        }
        // Only a panic comes here.
        if !self.is_reaped {
            self.group.signal(Signal::KILL);
        }
        _ = self.child.try_wait();
    }
}
