//! Connections from many loopback addresses: the limits per address would refuse thousands from one.

use std::{
    io,
    net::{self, Ipv4Addr, SocketAddr},
    time::Duration,
};

use mio::net::TcpStream;
use socket2::{Domain, Socket, Type};

/// Longer than the second after which the kernel tries again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// The addresses that a kind of client comes from: `127.NET.x.y`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    pub(crate) net: u8,
    /// How many connections in a row come from one address.
    pub(crate) each: usize,
    /// How many addresses; after the last one comes the first one again.
    pub(crate) count: usize,
}

impl Sources {
    fn of(self, index: usize) -> Ipv4Addr {
        let number = index / self.each % self.count;
        let byte = |value: usize| u8::try_from(value).unwrap_or(1);
        Ipv4Addr::new(127, self.net, byte(number / 250), byte(number % 250 + 1))
    }
}

/// A socket that is bound to the address that the index falls on.
fn bound(to: SocketAddr, sources: Sources, index: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.set_tcp_nodelay(true)?;
    if to.is_ipv4() {
        socket.bind(&SocketAddr::from((sources.of(index), 0)).into())?;
    }
    Ok(socket)
}

/// Connects from the address that the index falls on.
pub(crate) fn connect_blocking(to: SocketAddr, sources: Sources, index: usize) -> io::Result<net::TcpStream> {
    let socket = bound(to, sources, index)?;
    socket.connect_timeout(&to.into(), CONNECT_TIMEOUT)?;
    Ok(socket.into())
}

/// Begins a connect from the address that the index falls on.
pub(crate) fn connect(to: SocketAddr, sources: Sources, index: usize) -> io::Result<TcpStream> {
    let socket = bound(to, sources, index)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&to.into()) {
        Err(error) if !in_progress(&error) => Err(error),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}

/// `EINPROGRESS`.
fn in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(115)
}
