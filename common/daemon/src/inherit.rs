//! Sockets that another process opened for us (`LISTEN_FDS`, `sd_listen_fds(3)`), checked before their first use.

use std::{ffi::OsString, iter, net::SocketAddr, ops::RangeInclusive, os::unix::net::UnixListener};

use listenfd::ListenFd;
use socket2::Socket;

use crate::{
    exit::{DaemonError, Exit},
    hand_over::{self, Previous},
    listen,
    signals::{self, Caught},
    value::ListenAddress,
};

/// The number of the first inherited descriptor (`SD_LISTEN_FDS_START`); the others follow it.
const FIRST: usize = 3;
/// The name (`FileDescriptorName=`) of sockets for the metrics endpoint.
const METRICS: &str = "metrics";
/// The name of the socket that producers of lines connect to.
const LINES: &str = "lines";
/// A larger number of inherited sockets is a mistake, not a configuration.
const MAX: usize = 1024;

/// Returns the name of each inherited descriptor (`LISTEN_FDNAMES`); none if `LISTEN_FDS` is unset or meant for another
/// process.
///
/// # Errors
/// [`Exit::Config`] if `LISTEN_FDS` is not a sensible number.
fn names(variable: impl Fn(&str) -> Option<OsString>) -> Result<Vec<String>, DaemonError> {
    let Some(count) = variable("LISTEN_FDS").filter(|count| !count.is_empty()) else {
        return Ok(Vec::new());
    };
    // sd_listen_fds(3): we may have inherited the variables from a parent that they were meant for.
    let ours = std::process::id().to_string();
    if variable("LISTEN_PID").is_some_and(|pid| !pid.is_empty() && pid != *ours) {
        return Ok(Vec::new());
    }
    let count = count.to_string_lossy();
    let Some(number) = count.parse().ok().filter(|number| *number <= MAX) else {
        let what = format!("LISTEN_FDS={count}: not a number from 0 to {MAX}");
        return Err(DaemonError::new(Exit::Config, what));
    };
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.to_string_lossy();
    let all = names.split(':').chain(iter::repeat("")).take(number);
    Ok(all.map(|name| if name.is_empty() { "unnamed" } else { name }.to_owned()).collect())
}

/// Returns how many inherited sockets the daemon listens on, and how many are for the metrics endpoint.
///
/// # Errors
/// As [`names`].
pub(super) fn count_by_use(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(usize, usize), DaemonError> {
    let names = names(variable)?;
    let count_of = |wanted| names.iter().filter(|name| *name == wanted).count();
    let metrics = count_of(METRICS);
    // The connections of the previous process are not listeners, and no client comes to the producers' socket.
    Ok((names.len() - metrics - count_of(hand_over::NAME) - count_of(LINES), metrics))
}

/// Every inherited descriptor, by its use. The listeners do not block.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Listeners for clients: sockets of any name but the three reserved ones.
    pub(super) listeners: Vec<Socket>,
    /// Listeners for scrapes: sockets named `metrics`.
    pub(super) metrics: Vec<Socket>,
    /// The Unix socket that producers of lines connect to: the one named `lines`. systemd owns its path. A daemon that does not take
    /// it warns of it.
    pub lines: Option<UnixListener>,
    /// What the previous process handed over; `None` if it handed over nothing.
    pub previous: Option<Previous>,
    /// The signals, caught before that was taken: a signal that ended us would end each connection. `None` if nothing was kept for us.
    pub(super) signals: Option<Caught>,
}

impl Inherited {
    /// The TCP addresses of the listeners for clients; none where the daemon binds its own.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let address = |socket: &Socket| socket.local_addr().ok().and_then(|address| address.as_socket());
        self.listeners.iter().filter_map(address).collect()
    }
}

/// Takes every inherited descriptor; its name says what it is for. `formats` are the formats of the previous process's state
/// that this one can read.
///
/// # Errors
/// [`Exit::Config`] for a descriptor that is not a listening TCP or Unix stream socket, and for a second socket named `lines`.
pub fn inherit(formats: &RangeInclusive<u32>) -> Result<Inherited, DaemonError> {
    let names = names(|name| std::env::var_os(name))?;
    // This removes the variables.
    let mut inherited = ListenFd::from_env();
    let mut sorted = Inherited::default();
    let mut kept = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if name == hand_over::NAME
            && let Ok(Some(socket)) = inherited.take_unix_datagram(index)
        {
            kept.push(socket);
            continue;
        }
        let socket = take_listener(&mut inherited, index);
        socket.and_then(|socket| sorted.sort_in(name, socket)).map_err(|what| {
            let number = FIRST + index;
            let what = format!(
                "inherited descriptor {number} (`{name}`) {what}; see ListenStream= of the socket unit"
            );
            DaemonError::new(Exit::Config, what)
        })?;
    }
    if !kept.is_empty() {
        sorted.signals = Some(signals::catch()?);
    }
    sorted.previous = hand_over::adopt(kept, formats);
    Ok(sorted)
}

impl Inherited {
    /// Files a listener under its use.
    fn sort_in(&mut self, name: &str, socket: Socket) -> Result<(), String> {
        let address = listen::bound_address(&socket);
        match name {
            METRICS => self.metrics.push(socket),
            LINES if !matches!(address, ListenAddress::Unix(_)) => {
                return Err(format!("is bound to {address}, and producers of lines come by a Unix socket"));
            }
            LINES if self.lines.is_some() => {
                return Err(format!("is a second one ({address}), and lines come by one socket"));
            }
            LINES => self.lines = Some(socket.into()),
            _ => self.listeners.push(socket),
        }
        log::info!("inherited {address} as `{name}`");
        Ok(())
    }
}

fn take_listener(inherited: &mut ListenFd, index: usize) -> Result<Socket, String> {
    let socket = if let Ok(Some(listener)) = inherited.take_tcp_listener(index) {
        Socket::from(listener)
    } else if let Ok(Some(listener)) = inherited.take_unix_listener(index) {
        Socket::from(listener)
    } else {
        return Err("is not a TCP or Unix stream socket".to_owned());
    };
    prepare(&socket)?;
    Ok(socket)
}

fn prepare(socket: &Socket) -> Result<(), String> {
    if !socket.is_listener().map_err(|error| format!("cannot be examined: {error}"))? {
        return Err("is not listening (a connection, or Accept=yes in the socket unit)".to_owned());
    }
    // If it is blocking, accept would stop the whole worker.
    socket.set_nonblocking(true).map_err(|error| format!("cannot be made non-blocking: {error}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn count_of(variables: &[(&str, &str)]) -> Result<usize, DaemonError> {
        names(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
            .map(|names| names.len())
    }

    #[test]
    fn only_variables_for_this_process_count() {
        let own = std::process::id().to_string();
        assert_eq!(count_of(&[]), Ok(0));
        assert_eq!(count_of(&[("LISTEN_FDS", "2"), ("LISTEN_PID", &own)]), Ok(2));
        assert_eq!(count_of(&[("LISTEN_FDS", "2")]), Ok(2));
        assert_eq!(count_of(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "1")]), Ok(0));
    }

    #[test]
    fn sockets_for_the_metrics_and_kept_connections_are_not_for_the_daemon_to_listen_on() {
        let of = |count: &str, names: &str| {
            let variables = [("LISTEN_FDS", count), ("LISTEN_FDNAMES", names)];
            count_by_use(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
        };
        assert_eq!(of("4", "stream:metrics:stream:hand-over"), Ok((2, 1)));
        assert_eq!(of("1", "hand-over"), Ok((0, 0)));
        assert_eq!(of("1", "metrics"), Ok((0, 1)));
        assert_eq!(of("2", ""), Ok((2, 0)));
        assert_eq!(of("3", "lines:stream:metrics"), Ok((1, 1)));
        assert_eq!(of("0", "metrics"), Ok((0, 0)));
    }

    #[test]
    fn one_unix_socket_is_for_lines_and_no_client_comes_to_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let unix = |name: &str| UnixListener::bind(folder.path().join(name)).expect("bound");
        let mut sorted = Inherited::default();
        assert_eq!(sorted.sort_in("stream", unix("stream").into()), Ok(()));
        assert_eq!(sorted.sort_in(LINES, unix("lines").into()), Ok(()));
        assert_eq!((sorted.listeners.len(), sorted.lines.is_some()), (1, true));
        let second = sorted.sort_in(LINES, unix("more").into()).expect_err("a second one");
        assert!(second.contains("/more") && second.contains("one socket"), "{second}");
        let tcp = TcpListener::bind("127.0.0.1:0").expect("bound");
        let tcp = Inherited::default().sort_in(LINES, tcp.into()).expect_err("no Unix socket");
        assert!(tcp.contains("127.0.0.1:") && tcp.contains("Unix socket"), "{tcp}");
    }

    #[test]
    fn a_senseless_count_is_a_configuration_error() {
        for count in ["x", "-1", "4000000000", "1025"] {
            let failure = count_of(&[("LISTEN_FDS", count)]).expect_err(count);
            assert_eq!(failure.exit, Exit::Config);
            assert!(failure.message.contains(count));
        }
    }

    #[test]
    fn a_socket_that_does_not_listen_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let client =
            std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        assert_eq!(prepare(&listener.into()), Ok(()));
        assert!(prepare(&client.into()).expect_err("a connection").contains("not listening"));
    }

    #[test]
    fn an_inherited_listener_is_made_non_blocking() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let socket = Socket::from(listener);
        prepare(&socket).expect("it listens");
        // An `accept` would show it as well, but have no end where it is not so.
        assert!(socket.nonblocking().expect("its flags"));
    }
}
