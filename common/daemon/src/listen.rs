//! Binds the listeners: every address once per worker (`SO_REUSEPORT`), with errors that say what to do.

use std::{
    fmt, fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs},
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
};

use socket2::{Domain, SockRef, Socket as RawSocket, Type};

use crate::{
    exit::{DaemonError, Exit},
    value::ListenAddress,
};
use reactor::Listener;

/// How many connections may wait for accept; the kernel caps it at `net.core.somaxconn`, which is often 4096 as well.
const BACKLOG: i32 = 4096;

/// A listening, non-blocking socket.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Socket {
    pub(super) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }

    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("a TCP socket"),
            },
            Self::Unix(listener) => match listener.local_addr() {
                Ok(address) => match address.as_pathname() {
                    Some(path) => write!(f, "unix:{}", path.display()),
                    None => f.write_str("unix:(unnamed)"),
                },
                Err(_) => f.write_str("a Unix socket"),
            },
        }
    }
}

impl From<Socket> for Listener {
    fn from(socket: Socket) -> Self {
        match socket {
            Socket::Tcp(listener) => mio::net::TcpListener::from_std(listener).into(),
            Socket::Unix(listener) => mio::net::UnixListener::from_std(listener).into(),
        }
    }
}

/// Binds every address; a TCP address is bound once per worker, so that the kernel spreads the connections.
///
/// # Errors
/// [`Exit::Unavailable`] for a port in use, [`Exit::Permission`] for one that needs a privilege; the message names the
/// option `flag`.
pub(super) fn bind(
    flag: &str,
    addresses: &[ListenAddress],
    workers: usize,
) -> Result<Vec<Socket>, DaemonError> {
    let mut sockets = Vec::new();
    for address in addresses {
        let failed = |error: io::Error| failure(flag, address, &error);
        match address {
            ListenAddress::Tcp(tcp) => sockets.extend(bind_tcp(*tcp, workers).map_err(failed)?),
            ListenAddress::Name(host, port) => {
                for tcp in (host.as_str(), *port).to_socket_addrs().map_err(failed)? {
                    sockets.extend(bind_tcp(tcp, workers).map_err(failed)?);
                }
            }
            ListenAddress::Unix(path) => sockets.push(bind_unix(path).map_err(failed)?),
        }
    }
    Ok(sockets)
}

/// Gives every worker its listeners. Deals out the sockets of one address in turn; if there are fewer of them than workers,
/// the workers share duplicates.
pub(super) fn deal(sockets: &[Socket], workers: usize) -> io::Result<Vec<Vec<Listener>>> {
    let mut groups: Vec<(String, Vec<&Socket>)> = Vec::new();
    for socket in sockets {
        let address = socket.to_string();
        match groups.iter_mut().find(|(known, _)| *known == address) {
            Some((_, group)) => group.push(socket),
            None => groups.push((address, vec![socket])),
        }
    }
    let mut dealt: Vec<Vec<Listener>> = (0..workers).map(|_| Vec::new()).collect();
    for (_, group) in &groups {
        for turn in 0..workers.max(group.len()) {
            let (Some(worker), Some(socket)) = (dealt.get_mut(turn % workers), group.get(turn % group.len()))
            else {
                continue;
            };
            worker.push(socket.try_clone()?.into());
        }
    }
    Ok(dealt)
}

fn bind_tcp(address: SocketAddr, workers: usize) -> io::Result<Vec<Socket>> {
    match bind_each(address, workers) {
        // The kernel has no IPv6 (EAFNOSUPPORT, EADDRNOTAVAIL).
        Err(error)
            if address.ip().is_unspecified()
                && address.is_ipv6()
                && [Some(97), Some(99)].contains(&error.raw_os_error()) =>
        {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            log::warn!("{address}: no IPv6 here, listening on {v4} instead");
            bind_each(v4, workers)
        }
        bound => bound,
    }
}

fn bind_each(address: SocketAddr, workers: usize) -> io::Result<Vec<Socket>> {
    if address.port() != 0 {
        // With SO_REUSEPORT a second daemon of the same user would silently share the port: first try without it.
        drop(bind_one(address, false)?);
    }
    let first = bind_one(address, true)?;
    // The kernel has chosen a port for port 0; the other workers share it.
    let address = SocketAddr::new(address.ip(), first.local_addr()?.port());
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(bind_one(address, true)?);
    }
    for socket in &sockets {
        SockRef::from(socket).listen(BACKLOG)?;
    }
    Ok(sockets.into_iter().map(Socket::Tcp).collect())
}

/// Binds a socket that does not listen yet; std's type closes it on drop.
fn bind_one(address: SocketAddr, share: bool) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // After a restart, connections of the previous process may still be in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn bind_unix(path: &Path) -> io::Result<Socket> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file with this name"));
        }
        match UnixStream::connect(path) {
            // Nothing listens there: a killed daemon left the socket behind.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    let listener = UnixListener::bind(path)?;
    SockRef::from(&listener).listen(BACKLOG)?;
    listener.set_nonblocking(true)?;
    Ok(Socket::Unix(listener))
}

/// Makes the error: which address, why, and what to do.
fn failure(flag: &str, address: &ListenAddress, error: &io::Error) -> DaemonError {
    let port = match address {
        ListenAddress::Tcp(tcp) => Some(tcp.port()),
        ListenAddress::Name(_, port) => Some(*port),
        ListenAddress::Unix(_) => None,
    };
    match (error.kind(), port) {
        (io::ErrorKind::PermissionDenied, Some(port)) => DaemonError::new(
            Exit::Permission,
            format!(
                "--{flag} {address}: this user may not bind port {port}. Three ways out: socket activation (systemd \
                 opens the port and hands it over), the capability CAP_NET_BIND_SERVICE, or another port (--{flag} \
                 [::]:{})",
                u32::from(port) + 8000
            ),
        ),
        (io::ErrorKind::PermissionDenied, None) => DaemonError::new(
            Exit::Permission,
            format!("--{flag} {address}: this user may not make a socket there"),
        ),
        (io::ErrorKind::AddrInUse, Some(port)) => DaemonError::new(
            Exit::Unavailable,
            format!(
                "--{flag} {address}: port {port} is in use by another program (`ss -ltnp sport = :{port}` names it); \
                 stop it, or take another port"
            ),
        ),
        (io::ErrorKind::AddrInUse, None) => {
            DaemonError::new(Exit::Unavailable, format!("--{flag} {address}: another program listens there"))
        }
        _ => DaemonError::new(Exit::Unavailable, format!("--{flag} {address}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> ListenAddress {
        text.parse().expect(text)
    }

    #[test]
    fn every_worker_has_a_socket_on_the_same_port() {
        let sockets = bind("listen", &[address("127.0.0.1:0")], 3).expect("bound");
        let ports: Vec<_> = sockets.iter().filter_map(Socket::tcp_address).map(|a| a.port()).collect();
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0));
        assert!(deal(&sockets, 3).expect("dealt").iter().all(|listeners| listeners.len() == 1));
    }

    #[test]
    fn workers_share_what_there_is_once_and_nothing_inherited_is_left_out() {
        let one = bind("listen", &[address("127.0.0.1:0")], 1).expect("bound");
        assert!(deal(&one, 2).expect("dealt").iter().all(|listeners| listeners.len() == 1));
        let three = bind("listen", &[address("127.0.0.1:0")], 3).expect("bound");
        let counts: Vec<_> = deal(&three, 2).expect("dealt").iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn a_port_in_use_is_named_even_when_its_owner_would_share_it() {
        let first = bind("listen", &[address("127.0.0.1:0")], 2).expect("bound");
        let taken = ListenAddress::Tcp(first[0].tcp_address().expect("an address"));
        let failure = bind("listen", std::slice::from_ref(&taken), 2).expect_err("in use");
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(failure.message.contains(&format!("--listen {taken}: port ")), "{failure}");
    }

    #[test]
    fn a_missing_privilege_names_the_three_ways_out() {
        let failure = failure("listen", &address("[::]:843"), &io::ErrorKind::PermissionDenied.into());
        assert_eq!(failure.exit, Exit::Permission);
        for way in ["socket activation", "CAP_NET_BIND_SERVICE", "--listen [::]:8843"] {
            assert!(failure.message.contains(way), "{failure}");
        }
    }

    #[test]
    fn every_address_takes_both_families() {
        let sockets = bind("listen", &[address("[::]:0")], 1).expect("bound");
        let port = sockets[0].tcp_address().expect("an address").port();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("IPv4 reaches it");
    }

    #[test]
    fn a_socket_left_behind_is_replaced_but_a_live_one_and_a_file_are_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let unix = ListenAddress::Unix(path.clone());
        let bind_it = || bind("listen", std::slice::from_ref(&unix), 1);
        let live = bind_it().expect("bound");
        assert_eq!(bind_it().expect_err("alive").exit, Exit::Unavailable);
        drop(live);
        drop(bind_it().expect("what is left behind is replaced"));
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "mine").expect("written");
        assert!(bind_it().expect_err("a file").message.contains("file with this name"));
        assert_eq!(fs::read(&path).expect("still there"), b"mine");
    }
}
