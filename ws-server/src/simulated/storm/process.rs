//! One process of a storm: its workers, and the source that they share.

use std::sync::{Arc, Mutex};

use daemon::clock::Moment;
use reactor::simulation::Birth;

use super::{setting::Setting, shadow::Shadow};
use crate::{
    hand_over::{FORMAT, ProcessState},
    peers::{Mail, post},
    publish::{Inlet, Publications},
    source::{Publisher, SourceProgress, SourceStates, Splitter},
    start::{SharedStart, epoch_at},
    stream::{Batch, SourceKind},
    worker::{WsHandler, export_states},
};

/// Batches on their way to the workers, which the truth has still to learn.
type Posted = Arc<Mutex<Vec<Arc<Batch>>>>;

/// What of a process the storm holds in its hands: the end at which lines come in.
pub(super) struct Feed {
    publisher: Arc<Publisher>,
    progress: Arc<SourceProgress>,
    splitter: Splitter,
    posted: Posted,
    batches: u64,
}

impl Feed {
    /// Publishes whole lines, if the workers are not so far behind that a source would wait.
    pub(super) fn publish(&mut self, lines: &str) -> bool {
        // A call makes a few batches more.
        if self.batches.saturating_sub(self.progress.passed_on()) > 8 {
            return false;
        }
        self.publisher.publish(&mut self.splitter, lines.as_bytes());
        true
    }

    /// The truth learns what was posted.
    pub(super) fn tell(&mut self, shadow: &mut Shadow) {
        for batch in self.posted.lock().expect("no panic").drain(..) {
            shadow.publish(&batch);
            self.batches += 1;
        }
    }

    pub(super) fn configure(&self, setting: &Setting) {
        self.publisher.set_format(setting.config.line_format());
    }
}

/// A process that begins, or that goes on where `previous` stopped.
pub(super) fn begin(
    setting: &Setting,
    previous: Option<ProcessState>,
    birth: Birth<Mail>,
) -> (Vec<WsHandler>, Feed) {
    let Birth { mailboxes, now, wall, .. } = birth;
    let config = &setting.config;
    let workers = mailboxes.workers();
    let states = SourceStates::default();
    let changes = mailboxes.clone();
    states.connect(move |change| {
        let change = Arc::new(change.clone());
        changes.send_all(|| Mail::Source(Arc::clone(&change)));
    });
    let start = SharedStart::new(config, workers, previous, states, now, wall);
    let posted = Posted::default();
    let (batches, fillings, seen) = (mailboxes.clone(), mailboxes.clone(), Arc::clone(&posted));
    let source = config.stream.source.clone();
    let post_seen = move |batch| {
        seen.lock().expect("no panic").push(Arc::clone(&batch));
        post(&batches, &source, &batch);
    };
    let progress = Arc::clone(&start.progress);
    let publisher = Publisher::new(Arc::clone(&progress), config.line_format(), post_seen);
    let publisher = Arc::new(publisher.telling(move |filling| fillings.send_all(|| Mail::Filling(filling))));
    let wakers = mailboxes.clone();
    let wake = move |worker| wakers.wake(worker);
    let publications = Publications::new(Arc::clone(&publisher), Arc::clone(&progress), workers, wake);
    let takes_lines = config.stream.source == SourceKind::Http;
    let handlers = (0..workers).map(|number| {
        let mut handler = WsHandler::new(Arc::clone(config), &start, number, mailboxes.clone());
        handler.inlet = takes_lines.then(|| Inlet::new(Arc::clone(&publications), number));
        handler
    });
    let handlers = handlers.collect();
    let splitter = publisher.splitter();
    (handlers, Feed { publisher, progress, splitter, posted, batches: 0 })
}

/// What a process that has ended leaves, by way of the bytes that it writes.
pub(super) fn state_of(mut handlers: Vec<WsHandler>, setting: &Setting, birth: &Birth<Mail>) -> ProcessState {
    let mut state = export_states(&mut handlers);
    state.source = setting.config.stream.source.to_string();
    let moment = Moment { instant: birth.now, since_boot: birth.since_boot };
    let bytes = state.to_bytes(moment);
    ProcessState::from_bytes(&bytes, FORMAT, epoch_at(birth.wall), moment).expect("a state that can be read")
}
