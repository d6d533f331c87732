//! Which calls of the simulated system fail, when, and with what.

use std::io;

use rustix::io::Errno;

use super::seed::Seed;

/// A call of the system that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Waiting for events.
    Poll,
    /// Accepting a connection.
    Accept,
    /// Watching a connection for input.
    Add,
    /// Watching a connection for room to write, too.
    WatchWritable,
    /// Reading from a connection.
    Read,
    /// Writing to a connection.
    Write,
    /// Sending a part of a file.
    SendFile,
    /// Ending our side of a connection.
    Shutdown,
    /// Letting go of a connection that another process adopts.
    Export,
    /// Taking a connection of another process.
    Adopt,
    /// Letting go of a listener.
    RemoveListener,
}

/// What the network may tell any call about a connection.
const NETWORK: [Errno; 5] =
    [Errno::CONNRESET, Errno::TIMEDOUT, Errno::HOSTUNREACH, Errno::NETUNREACH, Errno::NETDOWN];

impl Call {
    /// Every call.
    pub const ALL: [Self; 11] = [
        Self::Poll,
        Self::Accept,
        Self::Add,
        Self::WatchWritable,
        Self::Read,
        Self::Write,
        Self::SendFile,
        Self::Shutdown,
        Self::Export,
        Self::Adopt,
        Self::RemoveListener,
    ];

    /// The errors that the call can return, by its manual page and the kernel's sources. `EAGAIN` is not among them: the
    /// world returns it where it is true.
    pub fn errors(self) -> Vec<Errno> {
        let own: &[Errno] = match self {
            // epoll_wait(2).
            Self::Poll => return vec![Errno::INTR, Errno::NOMEM, Errno::BADF, Errno::INVAL],
            // accept(2): "Linux accept() passes already-pending network errors on the new socket as an error code".
            Self::Accept => &[
                Errno::INTR,
                Errno::CONNABORTED,
                Errno::MFILE,
                Errno::NFILE,
                Errno::NOBUFS,
                Errno::NOMEM,
                Errno::PERM,
                Errno::PROTO,
                Errno::NOPROTOOPT,
                Errno::HOSTDOWN,
                Errno::NONET,
                Errno::OPNOTSUPP,
                Errno::BADF,
                Errno::INVAL,
            ],
            // epoll_ctl(2).
            Self::Add => return vec![Errno::NOMEM, Errno::NOSPC, Errno::PERM, Errno::BADF],
            Self::WatchWritable | Self::Export => return vec![Errno::NOMEM, Errno::NOENT, Errno::BADF],
            Self::RemoveListener => return vec![Errno::NOENT, Errno::BADF],
            // read(2), tcp(7).
            Self::Read => {
                &[Errno::INTR, Errno::NOMEM, Errno::NOBUFS, Errno::IO, Errno::NOTCONN, Errno::CONNREFUSED]
            }
            // write(2), sendfile(2), tcp(7); `EPERM` comes from a packet filter.
            Self::Write => &[
                Errno::INTR,
                Errno::NOMEM,
                Errno::NOBUFS,
                Errno::IO,
                Errno::PIPE,
                Errno::PERM,
                Errno::NOTCONN,
            ],
            Self::SendFile => &[
                Errno::INTR,
                Errno::NOMEM,
                Errno::IO,
                Errno::PIPE,
                Errno::OVERFLOW,
                Errno::INVAL,
                Errno::PERM,
            ],
            // shutdown(2).
            Self::Shutdown => return vec![Errno::NOTCONN, Errno::NOBUFS, Errno::INVAL],
            // fcntl(2).
            Self::Adopt => return vec![Errno::BADF, Errno::NOMEM],
        };
        own.iter().copied().chain(NETWORK).collect()
    }
}

/// The failures to come.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The next so many uses of this call fail.
    burst: Option<(Call, u32, Errno)>,
    /// This use of this call fails, once.
    nth: Vec<(Call, u64, Errno)>,
    /// By the call: it fails once in so many uses (0: never), with one of these.
    rates: [(u64, Vec<Errno>); Call::ALL.len()],
    uses: [u64; Call::ALL.len()],
    failed: u64,
}

impl Faults {
    pub(crate) fn burst(&mut self, call: Call, count: u32, errno: Errno) {
        self.burst = Some((call, count, errno));
    }

    pub(crate) fn nth(&mut self, call: Call, n: u64, errno: Errno) {
        self.nth.push((call, n, errno));
    }

    pub(crate) fn rate(&mut self, call: Call, once_in: u64, errors: &[Errno]) {
        if let Some(rate) = self.rates.get_mut(call as usize) {
            *rate = (once_in, errors.to_vec());
        }
    }

    /// Nothing fails any more.
    pub(crate) fn calm(&mut self) {
        self.burst = None;
        self.nth.clear();
        self.rates = <[_; Call::ALL.len()]>::default();
    }

    pub(crate) fn uses(&self, call: Call) -> u64 {
        self.uses.get(call as usize).copied().unwrap_or(0)
    }

    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// Counts a use of the call; its failure, if it is to fail.
    pub(crate) fn on_use(&mut self, call: Call, seed: &mut Seed) -> io::Result<()> {
        let Some(uses) = self.uses.get_mut(call as usize) else { return Ok(()) };
        *uses += 1;
        let uses = *uses;
        let nth = self.nth.iter().position(|(failing, n, _)| *failing == call && *n == uses);
        let failure = if let Some(place) = nth {
            Some(self.nth.swap_remove(place).2)
        } else if let Some((failing, times @ 1.., errno)) = &mut self.burst
            && *failing == call
        {
            *times -= 1;
            Some(*errno)
        } else {
            let (once_in, errors) =
                self.rates.get(call as usize).map_or((0, &[][..]), |rate| (rate.0, &rate.1));
            let fails = once_in > 0 && !errors.is_empty() && seed.once_in(once_in);
            if fails { errors.get(seed.index(errors.len())).copied() } else { None }
        };
        self.failed += u64::from(failure.is_some());
        failure.map_or(Ok(()), |errno| Err(errno.into()))
    }
}
