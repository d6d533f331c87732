//! Where the command listens: on this machine alone, on the first port that is free, unless `--listen` says otherwise.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
};

use daemon::{DaemonError, Exit, ListenAddress};
use rustix::system::uname;

/// What `--print-config` says where `--listen` is not set; the port may become a later one.
pub(crate) const DEFAULT: &str = "localhost:8080";
const FIRST_PORT: u16 = 8080;
/// How many ports we try.
const PORTS: u16 = 100;
/// What `localhost` means, also where no resolver knows it.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The name of this machine, by which others may know it.
pub(crate) fn machine() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// The loopback addresses with the first port that is free on all of them.
///
/// # Errors
/// No port is free, or the system refuses for another reason.
pub(crate) fn first_free() -> Result<Vec<ListenAddress>, DaemonError> {
    for port in FIRST_PORT..FIRST_PORT + PORTS {
        match loopback(port) {
            Ok(addresses) if !addresses.is_empty() => return Ok(addresses),
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                return Err(DaemonError::system("looking for a free port", &error));
            }
            _ => {}
        }
    }
    let last = FIRST_PORT + PORTS - 1;
    let what =
        format!("no port from {FIRST_PORT} to {last} is free: say another one, as --listen localhost:9000");
    Err(DaemonError::new(Exit::Unavailable, what))
}

/// The loopback addresses of this machine, all of which have this port free. They are free at this moment; the daemon binds
/// them right after, and says so if another program was faster.
fn loopback(port: u16) -> io::Result<Vec<ListenAddress>> {
    let mut addresses = Vec::new();
    for ip in LOOPBACK {
        let address = SocketAddr::new(ip, port);
        match TcpListener::bind(address) {
            Ok(_) => addresses.push(ListenAddress::Tcp(address)),
            // A machine without IPv6.
            Err(error) if ip.is_ipv6() && error.kind() != io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_on_one_address_is_not_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(loopback(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(taken);
        let free = loopback(port).unwrap();
        assert!(free.contains(&ListenAddress::Tcp((Ipv4Addr::LOCALHOST, port).into())), "{free:?}");
        // Where there is no IPv6, nobody can take its address.
        if let Ok(taken) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            let port = taken.local_addr().unwrap().port();
            assert_eq!(loopback(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        }
    }
}
