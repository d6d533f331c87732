//! Where the command listens: on this machine alone, on the first port that is free, unless `--listen` says otherwise.

use std::ops::RangeInclusive;

use daemon::{DaemonError, Exit, ListenAddress};
use rustix::system::uname;

/// What `--print-config` says where `--listen` is not set; the port may become a later one.
pub(crate) const DEFAULT: &str = "localhost:8080";
const LOCALHOST: &str = "localhost";
/// The ports that we try, in this order.
const PORTS: RangeInclusive<u16> = 8080..=8179;

/// The name of this machine, by which others may know it.
pub(crate) fn machine() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// `localhost`, with the first port that is free.
///
/// # Errors
/// No port is free, or the system refuses for another reason.
pub(crate) fn first_free() -> Result<ListenAddress, DaemonError> {
    let found = daemon::first_free_port(LOCALHOST, PORTS)
        .map_err(|error| DaemonError::system("looking for a free port", &error))?;
    found.map(|port| ListenAddress::Name(LOCALHOST.to_owned(), port)).ok_or_else(|| {
        let what = format!(
            "no port from {} to {} is free: say another one, as --listen localhost:9000",
            PORTS.start(),
            PORTS.end()
        );
        DaemonError::new(Exit::Unavailable, what)
    })
}
