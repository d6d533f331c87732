//! What other threads ask of the command's thread, and what wakes it.

use std::{
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use nix::sys::signal::{SigSet, Signal};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use signal_hook::{consts::SIGCHLD, low_level};

/// How much is asked; what comes later is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Let the command run.
    Run,
    /// End the command, and copy what it still writes.
    End,
    /// Kill it.
    EndAtOnce,
}

/// Gives orders from any thread; clones are one.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    order: Arc<AtomicU8>,
    wake: Arc<UnixStream>,
}

/// The command's thread waits with this.
#[derive(Debug)]
pub(super) struct Wake {
    order: Arc<AtomicU8>,
    wake: UnixStream,
}

/// The two ends. A child that ends or stops wakes, too.
///
/// # Errors
/// The system has no more descriptors.
pub(super) fn orders() -> io::Result<(Orders, Wake)> {
    let (wake, orders) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    orders.set_nonblocking(true)?;
    // With a handler, the kernel also keeps the status of a child where our parent had ignored this signal.
    low_level::pipe::register(SIGCHLD, orders.try_clone()?)?;
    let order = Arc::new(AtomicU8::new(Order::Run as u8));
    Ok((Orders { order: Arc::clone(&order), wake: Arc::new(orders) }, Wake { order, wake }))
}

impl Orders {
    /// Gives this order, unless a stronger one was given; returns the one before.
    pub(super) fn give(&self, order: Order) -> Order {
        let before = self.order.fetch_max(order as u8, Ordering::AcqRel);
        // It fails only if a thousand wakes wait there already, or if nobody waits any more.
        _ = (&*self.wake).write(&[0]);
        order_of(before)
    }
}

impl Wake {
    /// Lets the signal of children through to this thread, in case that our parent had blocked it.
    pub(super) fn unblock() {
        let signals: SigSet = [Signal::SIGCHLD].into_iter().collect();
        // It fails for an unknown signal only.
        _ = signals.thread_unblock();
    }

    /// The order in force.
    pub(super) fn order(&self) -> Order {
        order_of(self.order.load(Ordering::Acquire))
    }

    /// Waits until something wakes; false if the system refuses that.
    pub(super) fn wait(&mut self) -> bool {
        let woken = poll(&mut [PollFd::new(&*self, PollFlags::IN)], None);
        self.clear();
        matches!(woken, Ok(_) | Err(Errno::INTR))
    }

    /// Takes what woke the thread. The caller looks at everything afterwards.
    pub(super) fn clear(&mut self) {
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(read) if read == bytes.len()) {}
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

fn order_of(number: u8) -> Order {
    [Order::Run, Order::End].into_iter().find(|order| *order as u8 == number).unwrap_or(Order::EndAtOnce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_never_weakened_and_wakes() {
        let (orders, mut wake) = orders().unwrap();
        assert_eq!(wake.order(), Order::Run);
        assert_eq!(orders.give(Order::EndAtOnce), Order::Run);
        assert_eq!(orders.give(Order::End), Order::EndAtOnce);
        assert_eq!(wake.order(), Order::EndAtOnce);
        wake.clear();
        assert_eq!(wake.wake.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
