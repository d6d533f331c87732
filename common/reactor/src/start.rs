//! Start and end: the main thread makes everything that can fail, before the first worker runs.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use super::mail::Waker;
use super::system::{Acceptor, Kernel, System};
use super::worker::Worker;
use super::{Control, ExportedConnection, Handler, Mailboxes, Settings};

/// A listening socket, non-blocking, for one worker.
#[derive(Debug)]
pub struct Listener(Acceptor);

impl From<mio::net::TcpListener> for Listener {
    fn from(listener: mio::net::TcpListener) -> Self {
        Self(Acceptor::Tcp(listener))
    }
}

impl From<mio::net::UnixListener> for Listener {
    fn from(listener: mio::net::UnixListener) -> Self {
        Self(Acceptor::Unix(listener))
    }
}

/// All workers, ready to run.
pub struct Reactor<H: Handler> {
    workers: Vec<(Kernel, Vec<Acceptor>)>,
    settings: Settings,
    control: Control,
    mailboxes: Mailboxes<H::Mail>,
    /// Connections of another process, for each worker.
    to_adopt: Vec<Vec<ExportedConnection<OwnedFd>>>,
}

/// A worker that has ended.
#[derive(Debug)]
pub struct Ended<H> {
    /// Its handler.
    pub handler: H,
    /// The connections that live on; none without a hand-over.
    pub exported: Vec<ExportedConnection<OwnedFd>>,
}

impl<H: Handler + Send + 'static> Reactor<H>
where
    H::Mail: 'static,
{
    /// Makes one worker for each list of listeners.
    ///
    /// # Errors
    /// When the kernel refuses a poll, a waker, or to watch a listener.
    pub fn new(listeners: Vec<Vec<Listener>>, settings: Settings) -> io::Result<Self> {
        let mut workers = Vec::new();
        let mut wakers: Vec<Waker> = Vec::new();
        for listeners in listeners {
            let mut kernel = Kernel::new(&settings)?;
            let mut acceptors: Vec<Acceptor> =
                listeners.into_iter().map(|Listener(acceptor)| acceptor).collect();
            for (number, acceptor) in acceptors.iter_mut().enumerate() {
                kernel.add_listener(acceptor, number)?;
            }
            let waker = kernel.waker();
            // It fails only when the worker is gone, and then nothing is left to wake.
            wakers.push(Arc::new(move || drop(waker.wake())));
            workers.push((kernel, acceptors));
        }
        let (control, mailboxes) = (Control::new(&wakers), Mailboxes::new(&wakers));
        let to_adopt = workers.iter().map(|_| Vec::new()).collect();
        Ok(Self { workers, settings, control, mailboxes, to_adopt })
    }

    /// Sends to the handlers from other threads.
    pub fn mailboxes(&self) -> Mailboxes<H::Mail> {
        self.mailboxes.clone()
    }

    /// Stops the daemon from other threads.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Spreads connections of another process over the workers, which adopt them when they run.
    pub fn adopt(&mut self, connections: Vec<ExportedConnection<OwnedFd>>) {
        let workers = self.to_adopt.len().max(1);
        for (number, connection) in connections.into_iter().enumerate() {
            if let Some(to_adopt) = self.to_adopt.get_mut(number % workers) {
                to_adopt.push(connection);
            }
        }
    }

    /// Runs one thread per worker with one handler each, until the daemon has stopped and all connections are gone.
    ///
    /// # Errors
    /// When a thread cannot be started, a poll fails, or a worker panicked outside a connection; the others stop at once
    /// then.
    pub fn run(self, handlers: Vec<H>) -> io::Result<Vec<Ended<H>>> {
        let mut threads = Vec::new();
        let parts = self.workers.into_iter().zip(self.to_adopt).zip(handlers).enumerate();
        for (number, (((kernel, acceptors), to_adopt), handler)) in parts {
            let (settings, control) = (self.settings.clone(), self.control.clone());
            let mailboxes = self.mailboxes.clone();
            let run = move || {
                let guard = StopOnPanic(control.clone());
                let mut worker =
                    Worker::new(number, handler, kernel, acceptors, settings, control, mailboxes);
                worker.adopt(to_adopt);
                let ended = worker.run();
                if ended.is_ok() {
                    std::mem::forget(guard);
                }
                ended.map(|()| worker.into_ended())
            };
            threads.push(thread::Builder::new().name(format!("worker-{number}")).spawn(run)?);
        }
        let join = |thread: thread::JoinHandle<_>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
        };
        // Waits for all of them, whatever became of the first.
        let ended: Vec<io::Result<Ended<H>>> = threads.into_iter().map(join).collect();
        ended.into_iter().collect()
    }
}

impl<H: Handler> Worker<H, Kernel> {
    fn into_ended(self) -> Ended<H> {
        Ended { handler: self.handler, exported: self.exported }
    }
}

/// A worker that ends by a fault stops the others, too: half a daemon would hold its port and serve no connection.
struct StopOnPanic(Control);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        self.0.stop_at_once();
    }
}
