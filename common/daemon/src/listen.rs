//! Binds the listeners: every address once per worker (`SO_REUSEPORT`), with errors that say what to do.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::{
    exit::{DaemonError, Exit, limit},
    resolve::{is_localhost, resolve},
    unix_socket::{self, SocketFile},
    value::ListenAddress,
};
use reactor::Listener;

/// How many connections may wait for accept; the kernel caps it at `net.core.somaxconn`, which is often 4096 as well.
const BACKLOG: i32 = 4096;

/// Returns the address that a socket is bound to.
pub(super) fn bound_address(socket: &Socket) -> ListenAddress {
    let address = socket.local_addr().ok();
    let address = address.as_ref();
    if let Some(tcp) = address.and_then(SockAddr::as_socket) {
        return ListenAddress::Tcp(tcp);
    }
    let path = address.and_then(SockAddr::as_pathname).unwrap_or(Path::new("(unnamed)"));
    ListenAddress::Unix(path.to_owned())
}

/// Hands a listening, non-blocking socket to the event loop.
pub(super) fn to_listener(socket: Socket) -> Listener {
    match bound_address(&socket) {
        ListenAddress::Unix(_) => mio::net::UnixListener::from_std(socket.into()).into(),
        _ => mio::net::TcpListener::from_std(socket.into()).into(),
    }
}

/// An address to bind, and what a resolver has said of its name.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    address: &'a ListenAddress,
    /// Empty where it has no name.
    of_name: Vec<SocketAddr>,
}

/// Finds the addresses of all names, which takes as long as the resolver does.
///
/// # Errors
/// Those of [`bind`].
pub(super) fn resolve_all<'a>(
    flag: &str,
    addresses: &'a [ListenAddress],
) -> Result<Vec<Resolved<'a>>, DaemonError> {
    let each = addresses.iter().map(|address| {
        let of_name = match address {
            ListenAddress::Name(host, port) => {
                resolve(host, *port).map_err(|error| failure(flag, address, &error))?
            }
            ListenAddress::Tcp(_) | ListenAddress::Unix(_) => Vec::new(),
        };
        Ok(Resolved { address, of_name })
    });
    each.collect()
}

/// Binds every address; a TCP address is bound once per worker, so that the kernel spreads the connections.
///
/// # Errors
/// [`Exit::Unavailable`] for a port in use, [`Exit::Permission`] for one that needs a privilege; the message names the
/// option `flag`.
pub(super) fn bind(
    flag: &str,
    addresses: &[Resolved<'_>],
    workers: usize,
) -> Result<Vec<Socket>, DaemonError> {
    let mut sockets = Vec::new();
    for Resolved { address, of_name } in addresses {
        let failed = |error: io::Error| failure(flag, address, &error);
        match address {
            ListenAddress::Tcp(tcp) => sockets.extend(bind_tcp(*tcp, workers).map_err(failed)?),
            ListenAddress::Name(host, _) => {
                sockets.extend(bind_all(of_name, is_localhost(host), workers).map_err(failed)?);
            }
            ListenAddress::Unix(path) => sockets.push(bind_unix(path).map_err(failed)?),
        }
    }
    Ok(sockets)
}

/// Finds the first of these ports that is free at every address of a host; `None` if all are taken. It is free at this moment: the
/// caller binds it right after, and hears if another program was faster.
///
/// # Errors
/// The system refuses for another reason than that a port is taken.
pub fn first_free_port(host: &str, ports: impl IntoIterator<Item = u16>) -> io::Result<Option<u16>> {
    for port in ports {
        match bind_all(&resolve(host, port)?, is_localhost(host), 1) {
            Ok(_) => return Ok(Some(port)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Refuses addresses of which one leaves no place for another: the second `bind` would blame another program.
///
/// # Errors
/// [`Exit::Config`], with the option and both addresses.
pub(super) fn check(listen: &[ListenAddress], metrics: Option<&ListenAddress>) -> Result<(), DaemonError> {
    for (number, address) in listen.iter().enumerate() {
        let (before, others) = listen.split_at(number);
        let others = others.get(1..).unwrap_or_default();
        if before.contains(address) && !takes_any_port(address) {
            return Err(DaemonError::option("listen", address, "is given twice; leave one out"));
        }
        if let Some(wide) = before.iter().chain(others).find(|wide| covers(wide, address)) {
            return Err(DaemonError::option(
                "listen",
                address,
                format!("{wide} covers this address, too; leave it out"),
            ));
        }
    }
    match metrics {
        Some(address)
            if !takes_any_port(address)
                && listen.iter().any(|wide| wide == address || covers(wide, address)) =>
        {
            let what = "clients come to this address (--listen); say another port";
            Err(DaemonError::option("metrics", address, what))
        }
        _ => Ok(()),
    }
}

fn takes_any_port(address: &ListenAddress) -> bool {
    matches!(address, ListenAddress::Tcp(tcp) if tcp.port() == 0)
}

/// True if a socket on the first address has what is for the second one, which is another address.
fn covers(wide: &ListenAddress, address: &ListenAddress) -> bool {
    let (ListenAddress::Tcp(wide), ListenAddress::Tcp(address)) = (wide, address) else { return false };
    let same_port = wide.port() == address.port() && wide.port() != 0;
    same_port && wide != address && wide.ip().is_unspecified() && (wide.is_ipv6() || address.is_ipv4())
}

/// Gives every worker its listeners. Deals out the sockets of one address in turn; if there are fewer of them than workers,
/// the workers share duplicates. Only the workers hold the sockets then: one that closes its own really stops listening.
pub(super) fn deal(sockets: Vec<Socket>, workers: usize) -> io::Result<Vec<Vec<Listener>>> {
    let mut groups: Vec<(ListenAddress, Vec<Socket>)> = Vec::new();
    for socket in sockets {
        let address = bound_address(&socket);
        match groups.iter_mut().find(|(known, _)| *known == address) {
            Some((_, group)) => group.push(socket),
            None => groups.push((address, vec![socket])),
        }
    }
    let mut dealt: Vec<Vec<Listener>> = (0..workers).map(|_| Vec::new()).collect();
    for (_, group) in &groups {
        for (turn, socket) in group.iter().cycle().take(workers.max(group.len())).enumerate() {
            if let Some(listeners) = dealt.get_mut(turn % workers) {
                listeners.push(to_listener(socket.try_clone()?));
            }
        }
    }
    Ok(dealt)
}

/// Binds the addresses of a name; those of `localhost` as far as the machine speaks their family.
fn bind_all(addresses: &[SocketAddr], is_localhost: bool, workers: usize) -> io::Result<Vec<Socket>> {
    let (mut sockets, mut without_family) = (Vec::new(), None);
    for address in addresses {
        match bind_tcp(*address, workers) {
            Err(error) if is_localhost && no_such_family(&error) => without_family = Some(error),
            bound => sockets.extend(bound?),
        }
    }
    match without_family {
        Some(error) if sockets.is_empty() => Err(error),
        _ => Ok(sockets),
    }
}

/// True if the machine has no address of that family.
fn no_such_family(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn bind_tcp(address: SocketAddr, workers: usize) -> io::Result<Vec<Socket>> {
    match bind_each(address, workers) {
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() && no_such_family(&error) => {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            log::warn!("{address}: no IPv6 here, listening on {v4} instead");
            bind_each(v4, workers)
        }
        bound => bound,
    }
}

fn bind_each(mut address: SocketAddr, workers: usize) -> io::Result<Vec<Socket>> {
    if address.port() != 0 {
        // With SO_REUSEPORT a second daemon of the same user would silently share the port: first try without it.
        drop(bind_one(address, false)?);
    }
    let mut sockets = Vec::new();
    for _ in 0..workers {
        let socket = bind_one(address, true)?;
        // The kernel has chosen a port for port 0; the other workers share it.
        address = socket.local_addr()?.as_socket().unwrap_or(address);
        sockets.push(socket);
    }
    sockets.iter().try_for_each(|socket| socket.listen(BACKLOG))?;
    Ok(sockets)
}

/// Binds a socket that does not listen yet.
fn bind_one(address: SocketAddr, share: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // After a restart, connections of the previous process may still be in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(share)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn bind_unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::from(unix_socket::bind(path)?);
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// The name of the socket that was bound to this address; `None` for other addresses.
pub(super) fn socket_file(address: &ListenAddress) -> Option<SocketFile> {
    match address {
        ListenAddress::Unix(path) => SocketFile::at(path),
        ListenAddress::Tcp(_) | ListenAddress::Name(..) => None,
    }
}

/// Makes the error: which address, why, and what to do.
fn failure(flag: &str, address: &ListenAddress, error: &io::Error) -> DaemonError {
    let port = match address {
        ListenAddress::Tcp(tcp) => tcp.port(),
        ListenAddress::Name(_, port) => *port,
        ListenAddress::Unix(path) => {
            return unix_socket::bind_failure(&format!("--{flag} {address}"), path, error);
        }
    };
    let (exit, what) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            Exit::Permission,
            format!(
                "this user may not bind port {port}. Three ways out: socket activation (systemd opens the port and \
                 hands it over), the capability CAP_NET_BIND_SERVICE, or another port (--{flag} [::]:{})",
                u32::from(port) + 8000
            ),
        ),
        io::ErrorKind::AddrInUse => (
            Exit::Unavailable,
            format!(
                "port {port} is in use by another program (`ss -ltnp sport = :{port}` names it); stop it, or take \
                 another port"
            ),
        ),
        io::ErrorKind::AddrNotAvailable => {
            let what = "no interface of this machine has this address (`ip address` lists them); `[::]` is every one";
            (Exit::Unavailable, what.to_owned())
        }
        _ if matches!(address, ListenAddress::Name(..)) => {
            (Exit::Unavailable, format!("{error}; say the IP address, or add the name to /etc/hosts"))
        }
        _ => (Exit::Unavailable, format!("{error}{}", limit(error))),
    };
    DaemonError::new(exit, format!("--{flag} {address}: {what}"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_port_that_is_taken_on_one_address_is_not_free() {
        for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
            // Where there is no IPv6, nobody can take its address.
            if TcpListener::bind((ip, 0)).is_err() {
                assert!(ip.is_ipv6());
                continue;
            }
            let is_free_again = || {
                let taken = TcpListener::bind((ip, 0)).expect("bound");
                let port = taken.local_addr().expect("an address").port();
                assert_eq!(first_free_port("localhost", [port]).expect("it is taken"), None);
                drop(taken);
                first_free_port("localhost", [port]).expect("it is free") == Some(port)
            };
            assert!((0..TRIES).any(|_| is_free_again()), "{ip}");
        }
    }

    /// Between our two looks at a port that the kernel has chosen, it may give it to somebody else, though hardly so often.
    const TRIES: usize = 10;

    fn bind_now(address: &ListenAddress, workers: usize) -> Result<Vec<Socket>, DaemonError> {
        bind("listen", &resolve_all("listen", std::slice::from_ref(address))?, workers)
    }

    fn bound() -> (Socket, SocketAddr) {
        let socket = bind_each((Ipv4Addr::LOCALHOST, 0).into(), 1).expect("bound").remove(0);
        let address = socket.local_addr().expect("an address").as_socket().expect("of TCP");
        (socket, address)
    }

    // EV-22
    #[test]
    fn hundreds_may_connect_before_the_first_is_accepted() {
        let most =
            std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux").trim().parse::<usize>();
        assert!(most.expect("a number") >= 400, "the kernel of this machine allows no queue of 400");
        let (_listener, address) = bound();
        // As nobody accepts, one that finds the queue full would wait for ever.
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(20));
        let clients: io::Result<Vec<TcpStream>> = (0..400).map(connect).collect();
        assert_eq!(clients.expect("the queue has room").len(), 400);
    }

    // EV-28
    #[test]
    fn a_port_whose_connections_we_have_ended_can_be_bound_again_at_once() {
        let bind_again = || {
            let (listener, address) = bound();
            let mut client = TcpStream::connect(address).expect("connected");
            listener.set_nonblocking(false).expect("it blocks");
            let (accepted, _) = listener.accept().expect("accepted");
            // Whose side ends first waits in TIME_WAIT.
            drop((accepted, listener));
            assert_eq!(client.read(&mut [0]).expect("the end"), 0);
            drop(client);
            bind_each(address, 1)
        };
        assert!((0..TRIES).any(|_| bind_again().is_ok()), "{:?}", bind_again());
    }

    #[test]
    fn an_address_that_another_one_takes_is_refused_with_both() {
        let of = |listen: &[&str], metrics: Option<&str>| {
            let parse = |text: &&str| text.parse::<ListenAddress>().expect("an address");
            let listen: Vec<ListenAddress> = listen.iter().map(parse).collect();
            check(&listen, metrics.map(|text| parse(&text)).as_ref()).map_err(|failure| failure.message)
        };
        for (listen, metrics, wrong) in [
            (&["[::]:80", "[::]:80"][..], None, Some("--listen [::]:80: is given twice")),
            (
                &["[::]:80", "127.0.0.1:80"],
                None,
                Some("--listen 127.0.0.1:80: [::]:80 covers this address, too"),
            ),
            (
                &["127.0.0.1:80", "0.0.0.0:80"],
                None,
                Some("--listen 127.0.0.1:80: 0.0.0.0:80 covers this address, too"),
            ),
            (&["unix:/a", "unix:/a"], None, Some("--listen unix:/a: is given twice")),
            (&["[::]:80"], Some("127.0.0.1:80"), Some("--metrics 127.0.0.1:80: clients come")),
            (&["0.0.0.0:80", "[::1]:80", "127.0.0.1:81"], None, None),
            (&["127.0.0.1:80"], Some("127.0.0.1:81"), None),
            (&["[::]:0"], Some("127.0.0.1:0"), None),
        ] {
            let got = of(listen, metrics);
            match wrong {
                Some(part) => {
                    assert!(got.as_ref().is_err_and(|message| message.starts_with(part)), "{got:?}");
                }
                None => assert_eq!(got, Ok(()), "{listen:?}"),
            }
        }
    }

    fn port(socket: &Socket) -> u16 {
        socket.local_addr().expect("bound").as_socket().expect("TCP").port()
    }

    fn address(text: &str) -> ListenAddress {
        text.parse().expect(text)
    }

    #[test]
    fn every_worker_has_a_socket_on_the_same_port() {
        let sockets = bind_now(&address("127.0.0.1:0"), 3).expect("bound");
        let ports: Vec<_> = sockets.iter().map(port).collect();
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| *port == ports[0] && *port != 0));
        assert!(deal(sockets, 3).expect("dealt").iter().all(|listeners| listeners.len() == 1));
    }

    #[test]
    fn workers_share_what_there_is_once_and_nothing_inherited_is_left_out() {
        let one = bind_now(&address("127.0.0.1:0"), 1).expect("bound");
        assert!(deal(one, 2).expect("dealt").iter().all(|listeners| listeners.len() == 1));
        let three = bind_now(&address("127.0.0.1:0"), 3).expect("bound");
        let counts: Vec<_> = deal(three, 2).expect("dealt").iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn a_port_in_use_is_named_even_when_its_owner_would_share_it() {
        let first = bind_now(&address("127.0.0.1:0"), 2).expect("bound");
        let taken = bound_address(&first[0]);
        let failure = bind_now(&taken, 2).expect_err("in use");
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
    fn a_family_that_the_machine_lacks_keeps_localhost_from_nothing() {
        // TEST-NET-1: no machine has this address.
        let [ours, nowhere] = ["127.0.0.1:0", "192.0.2.1:0"].map(|text| text.parse().expect("an address"));
        for addresses in [[ours, nowhere], [nowhere, ours]] {
            assert_eq!(bind_all(&addresses, true, 1).expect("one of them").len(), 1);
            assert!(bind_all(&addresses, false, 1).is_err());
        }
        assert!(bind_all(&[nowhere, nowhere], true, 1).is_err());
    }

    #[test]
    fn every_address_takes_both_families() {
        let sockets = bind_now(&address("[::]:0"), 1).expect("bound");
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port(&sockets[0]))).expect("IPv4 reaches it");
    }
}
