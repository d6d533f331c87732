//! Sockets that were opened for us (`LISTEN_FDS`, `sd_listen_fds(3)`), each checked before it is used.

use std::{
    ffi::OsString,
    net::TcpListener,
    ops::RangeInclusive,
    os::{fd::AsFd, unix::net::UnixListener},
};

use listenfd::ListenFd;

use super::{
    exit::{DaemonError, Exit},
    hand_over::{self, HandedOver},
    listen::Socket,
};

/// The first inherited descriptor (`SD_LISTEN_FDS_START`).
const FIRST: usize = 3;
/// Sockets of this name (`FileDescriptorName=`) are for the metrics endpoint.
const METRICS: &str = "metrics";
/// More inherited sockets than this are a mistake, not a configuration.
const MAX: usize = 1024;

/// How many sockets were opened for this process; 0 if `LISTEN_FDS` is not set, or was meant for another one.
///
/// # Errors
/// [`Exit::Config`] if `LISTEN_FDS` is no sensible number.
pub(super) fn count(variable: impl Fn(&str) -> Option<OsString>) -> Result<usize, DaemonError> {
    let Some(count) = variable("LISTEN_FDS").filter(|count| !count.is_empty()) else { return Ok(0) };
    // sd_listen_fds(3): the variables may have been inherited from a parent that they were meant for.
    let ours = std::process::id().to_string();
    if variable("LISTEN_PID").is_some_and(|pid| !pid.is_empty() && pid != *ours) {
        return Ok(0);
    }
    match count.to_str().and_then(|count| count.parse().ok()) {
        Some(count) if count <= MAX => Ok(count),
        _ => {
            let count = count.to_string_lossy();
            Err(DaemonError::new(Exit::Config, format!("LISTEN_FDS={count}: not a number from 0 to {MAX}")))
        }
    }
}

/// Of them, how many the daemon itself is to listen on, and how many are for the metrics endpoint.
///
/// # Errors
/// As [`count`].
pub(super) fn count_by_use(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<(usize, usize), DaemonError> {
    let all = count(&variable)?;
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.to_string_lossy();
    let count_of = |wanted| names.split(':').take(all).filter(|name| *name == wanted).count();
    let metrics = count_of(METRICS);
    // Connections that were kept for this process are no listeners.
    Ok((all.saturating_sub(metrics).saturating_sub(count_of(hand_over::NAME)), metrics))
}

/// What was opened for this process, or kept for it.
#[derive(Debug, Default)]
pub struct Inherited {
    /// Where the daemon listens.
    pub(super) listeners: Vec<Socket>,
    /// Where the metrics endpoint listens.
    pub(super) metrics: Vec<Socket>,
    /// What the process before this one left.
    pub previous: Option<HandedOver>,
}

/// Takes everything that was opened for this process or kept for it, by the names of the descriptors. `formats` are those
/// in which it can read the state of a process before it.
///
/// # Errors
/// [`Exit::Config`] for a descriptor that is no listening TCP or Unix stream socket.
pub fn inherit(formats: &RangeInclusive<u32>) -> Result<Inherited, DaemonError> {
    let mut all = Inherited::default();
    let mut kept = Vec::new();
    let count = count(|name| std::env::var_os(name))?;
    if count == 0 {
        return Ok(all);
    }
    let names = std::env::var_os("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.to_string_lossy();
    let mut names = names.split(':');
    let mut inherited = ListenFd::from_env();
    for index in 0..count {
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unnamed");
        if name == hand_over::NAME
            && let Ok(Some(socket)) = inherited.take_unix_datagram(index)
        {
            kept.push(socket);
            continue;
        }
        let socket = take_one(&mut inherited, index).map_err(|what| {
            let number = FIRST + index;
            let what = format!(
                "inherited descriptor {number} (`{name}`) {what}; see ListenStream= of the socket unit"
            );
            DaemonError::new(Exit::Config, what)
        })?;
        log::info!("inherited {socket} as `{name}`");
        let is_metrics = name == METRICS;
        if is_metrics { &mut all.metrics } else { &mut all.listeners }.push(socket);
    }
    all.previous = hand_over::take(&kept, formats);
    Ok(all)
}

fn take_one(inherited: &mut ListenFd, index: usize) -> Result<Socket, String> {
    let socket = match inherited.take_tcp_listener(index) {
        Ok(Some(listener)) => tcp(listener)?,
        _ => match inherited.take_unix_listener(index) {
            Ok(Some(listener)) => unix(listener)?,
            _ => return Err("is not a TCP or Unix stream socket".to_owned()),
        },
    };
    Ok(socket)
}

fn tcp(listener: TcpListener) -> Result<Socket, String> {
    check_listening(&listener)?;
    // The one who opened it may have left it blocking: accept would stop the whole worker.
    listener.set_nonblocking(true).map_err(|error| format!("cannot be made non-blocking: {error}"))?;
    Ok(Socket::Tcp(listener))
}

fn unix(listener: UnixListener) -> Result<Socket, String> {
    check_listening(&listener)?;
    listener.set_nonblocking(true).map_err(|error| format!("cannot be made non-blocking: {error}"))?;
    Ok(Socket::Unix(listener))
}

fn check_listening(socket: &impl AsFd) -> Result<(), String> {
    match socket2::SockRef::from(socket).is_listener() {
        Ok(true) => Ok(()),
        Ok(false) => Err("is not listening (a connection, or Accept=yes in the socket unit)".to_owned()),
        Err(error) => Err(format!("cannot be looked at: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_of(variables: &[(&str, &str)]) -> Result<usize, DaemonError> {
        count(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| value.into()))
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
        assert_eq!(of("0", "metrics"), Ok((0, 0)));
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
        assert_eq!(check_listening(&listener), Ok(()));
        let client =
            std::net::TcpStream::connect(listener.local_addr().expect("an address")).expect("connected");
        assert!(check_listening(&client).expect_err("a connection").contains("not listening"));
    }

    #[test]
    fn an_inherited_listener_is_made_non_blocking() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let Ok(Socket::Tcp(listener)) = tcp(listener) else { panic!("refused") };
        assert_eq!(listener.accept().expect_err("nobody").kind(), std::io::ErrorKind::WouldBlock);
    }
}
