//! What a person reads first: the URL, and who else can open it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::mpsc,
    thread,
    time::Duration,
};

use daemon::ListenAddress;

use crate::address::machine;

/// How long we wait for the terminal or pipe that takes what we print. One that takes nothing, such as a terminal behind Ctrl-S, does
/// not keep us from serving: the text follows when it takes some.
const PATIENCE: Duration = Duration::from_secs(1);

/// Prints the URL to standard output, and a warning to standard error if other machines can open it.
pub(crate) fn say(listen: &[ListenAddress], bound: &[SocketAddr]) {
    let (url, warning) = (url(listen, bound), warning(bound));
    let (printed, is_printed) = mpsc::channel();
    let print = move || {
        // A reader that is gone needs no URL.
        _ = writeln!(io::stdout(), "{url}");
        if let Some(warning) = warning {
            _ = writeln!(io::stderr(), "{warning}");
        }
        // By now, nobody may wait for it.
        _ = printed.send(());
    };
    if thread::Builder::new().name("welcome".to_owned()).spawn(print).is_ok() {
        _ = is_printed.recv_timeout(PATIENCE);
    }
}

/// What to say if other machines can open it.
fn warning(bound: &[SocketAddr]) -> Option<String> {
    let address = bound.iter().find(|address| !is_loopback(address))?;
    let name = if address.ip().is_unspecified() { machine() } else { host(address) };
    let port = address.port();
    Some(format!("datecast: open to every machine that can reach this one, as http://{name}:{port}/"))
}

/// The URL for a browser on this machine.
fn url(listen: &[ListenAddress], bound: &[SocketAddr]) -> String {
    let is_localhost = |address: &&SocketAddr| {
        let ip = address.ip();
        ip.is_unspecified() || ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST
    };
    if let Some(address) = bound.iter().find(is_localhost) {
        return format!("http://localhost:{}/", address.port());
    }
    match (bound.first(), listen.first()) {
        (Some(address), _) => format!("http://{}:{}/", host(address), address.port()),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    }
}

fn host(address: &SocketAddr) -> String {
    let mut host = String::new();
    _ = match address {
        SocketAddr::V4(address) => write!(host, "{}", address.ip()),
        SocketAddr::V6(address) => write!(host, "[{}]", address.ip()),
    };
    host
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_opens_here() {
        for (bound, expected) in [
            (&["127.0.0.1:8080", "[::1]:8080"][..], "http://localhost:8080/"),
            (&["[::]:8081"], "http://localhost:8081/"),
            (&["0.0.0.0:80"], "http://localhost:80/"),
            (&["127.0.0.9:80"], "http://127.0.0.9:80/"),
            (&["192.0.2.1:80"], "http://192.0.2.1:80/"),
            (&["[2001:db8::1]:80"], "http://[2001:db8::1]:80/"),
            (&[], "unix:/run/x.sock"),
        ] {
            let bound: Vec<SocketAddr> = bound.iter().map(|address| address.parse().unwrap()).collect();
            assert_eq!(url(&["unix:/run/x.sock".parse().unwrap()], &bound), expected);
        }
    }
}
