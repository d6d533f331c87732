//! The ids of acknowledged lines on standard output, written by a thread: whoever reads them may stop for as long as he likes.

use std::{
    io::{self, Write as _},
    thread,
};

use daemon::DaemonError;
use tokio::sync::{
    mpsc::{Receiver, Sender, channel},
    oneshot,
};

/// Acknowledgements whose ids wait for the thread; then publishing waits, too.
const WAITING: usize = 16;

/// Writes ids, as long as somebody may read them.
#[derive(Debug)]
pub(super) struct Printer {
    ids: Sender<String>,
    /// Dropped when the thread ends.
    end: oneshot::Receiver<()>,
}

impl Printer {
    /// Begins to write.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub(super) fn start() -> Result<Self, DaemonError> {
        let (ids, waiting) = channel(WAITING);
        let (ending, end) = oneshot::channel();
        thread::Builder::new()
            .name("ids".to_owned())
            .spawn(move || {
                print(waiting);
                drop(ending);
            })
            .map_err(|error| DaemonError::system("starting the thread that prints", &error))?;
        Ok(Self { ids, end })
    }

    /// Has these ids printed, each with its line end; waits while too many wait already. After a failure, which was said, nothing is.
    pub(super) async fn print(&self, ids: String) {
        _ = self.ids.send(ids).await;
    }

    /// Waits until all are written.
    pub(super) async fn finish(self) {
        drop(self.ids);
        _ = self.end.await;
    }
}

fn print(mut waiting: Receiver<String>) {
    let mut output = io::stdout().lock();
    while let Some(ids) = waiting.blocking_recv() {
        if let Err(error) = output.write_all(ids.as_bytes()).and_then(|()| output.flush()) {
            log::warn!("no ids are printed any more: standard output: {error}");
            return;
        }
    }
}
