//! What the source is doing: said by its owner on any thread, heard by all workers.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use common::source_state::{SourcePhase, SourceState};

use super::progress::lock;
use crate::stream::{AtEof, SourceChange};

/// What clients hear when the input has ended and nobody has said more.
const AT_END: &str = "the input has ended";

/// Where the owner of the source says what it is doing; clones are one. Clients hear a change behind all lines that were published
/// before it.
#[derive(Clone, Debug, Default)]
pub struct SourceStates(Arc<Mutex<States>>);

/// Sends a change to every worker.
type Post = Box<dyn Fn(&SourceChange) + Send>;

#[derive(Default)]
struct States {
    newest: SourceChange,
    /// What is said when the input ends; `None`: [`AT_END`].
    at_end: Option<String>,
    post: Option<Post>,
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { newest, at_end, .. } = self;
        f.debug_struct("States").field("newest", newest).field("at_end", at_end).finish_non_exhaustive()
    }
}

impl SourceStates {
    /// Says what the source is doing from now on; nothing happens if that is what it was doing. A state that another one follows
    /// at once may reach nobody.
    pub fn set(&self, state: SourceState) {
        lock(&self.0).set(state);
    }

    /// What to say when the input ends, instead of that it has ended. Unlike [`SourceStates::set`], this can be called while lines
    /// of the input are still to be read.
    pub fn say_at_end(&self, said: &str) {
        lock(&self.0).at_end = Some(said.to_owned());
    }

    /// The input has ended, and all workers have passed on its last line. What the owner has said of an end stays.
    pub(crate) fn end(&self, at_eof: AtEof) {
        let mut states = lock(&self.0);
        if states.newest.state.phase() != SourcePhase::Ended {
            let state = SourceState::new(SourcePhase::Ended, states.at_end.as_deref().unwrap_or(AT_END));
            if at_eof == AtEof::Keep {
                log::warn!("{}; the stream goes on with what it has (--at-eof keep)", state.said());
            }
            states.set(state);
        }
    }

    /// Begins where the previous process stopped, before any worker runs. The source runs again; only if clients believe that
    /// already do they hear nothing.
    pub(crate) fn resume(&self, previous: SourceChange) {
        let mut states = lock(&self.0);
        let state = match (states.newest.number, previous.state.phase()) {
            (0, SourcePhase::Running) => previous.state.clone(),
            _ => states.newest.state.clone(),
        };
        states.newest = previous;
        states.set(state);
    }

    /// The workers run: they get the changes from now on by `post`.
    pub(crate) fn connect(&self, post: impl Fn(&SourceChange) + Send + 'static) {
        lock(&self.0).post = Some(Box::new(post));
    }

    pub(crate) fn newest(&self) -> SourceChange {
        lock(&self.0).newest.clone()
    }
}

impl States {
    fn set(&mut self, state: SourceState) {
        if self.newest.state == state {
            return;
        }
        self.newest = SourceChange { number: self.newest.number.saturating_add(1), state };
        // Under the lock, so that all workers hear the same order.
        if let Some(post) = &self.post {
            post(&self.newest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn state(phase: SourcePhase, said: &str) -> SourceState {
        SourceState::new(phase, said)
    }

    #[test]
    fn every_change_is_posted_once_with_a_number_of_its_own() {
        let states = SourceStates::default();
        states.set(state(SourcePhase::Running, ""));
        assert_eq!(states.newest().number, 0, "nothing was said");
        states.set(state(SourcePhase::Running, "vmstat runs"));
        let (post, posted) = mpsc::channel();
        states.connect(move |change| post.send((change.number, change.state.phase())).unwrap());
        for phase in [SourcePhase::Waiting, SourcePhase::Waiting, SourcePhase::Running] {
            states.clone().set(state(phase, ""));
        }
        drop(states);
        assert!(posted.iter().eq([(2, SourcePhase::Waiting), (3, SourcePhase::Running)]));
    }

    #[test]
    fn the_end_of_the_input_says_what_the_owner_wanted_to_be_said() {
        let ended = |prepare: &dyn Fn(&SourceStates)| {
            let states = SourceStates::default();
            prepare(&states);
            states.end(AtEof::Exit);
            states.newest().state.to_string()
        };
        assert_eq!(ended(&|_| ()), r#"{"source":"ended","said":"the input has ended"}"#);
        assert_eq!(
            ended(&|states| states.say_at_end("exit code 3")),
            r#"{"source":"ended","said":"exit code 3"}"#
        );
        let before = state(SourcePhase::Ended, "killed");
        assert_eq!(ended(&|states| states.set(before.clone())), r#"{"source":"ended","said":"killed"}"#);
    }

    #[test]
    fn after_a_hand_over_only_what_has_changed_is_news() {
        let change = |phase, said| SourceChange { number: 7, state: state(phase, said) };
        for (previous, number, resumed) in [
            (SourceChange::default(), 0, state(SourcePhase::Running, "")),
            (change(SourcePhase::Running, "again"), 7, state(SourcePhase::Running, "again")),
            (change(SourcePhase::Ended, "the input has ended"), 8, state(SourcePhase::Running, "")),
        ] {
            let states = SourceStates::default();
            states.resume(previous);
            assert_eq!(states.newest(), SourceChange { number, state: resumed });
        }
        let states = SourceStates::default();
        states.set(state(SourcePhase::Waiting, "soon"));
        states.resume(change(SourcePhase::Running, ""));
        assert_eq!(states.newest(), SourceChange { number: 8, state: state(SourcePhase::Waiting, "soon") });
    }
}
