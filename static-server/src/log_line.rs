//! The access log, at debug: what the peer sent is escaped and cut.

use std::net::SocketAddr;

use common::http::{Head, HeadError};
use log::debug;

use crate::answer::Answer;

/// The longest piece of a peer's text in the log, in bytes.
const LONGEST: usize = 512;

/// One line for one answer.
pub(crate) fn access(peer: Option<SocketAddr>, head: &Head<'_>, answer: &Answer) {
    if !log::log_enabled!(log::Level::Debug) {
        return;
    }
    let target = head.target.get(..LONGEST).unwrap_or(head.target).escape_ascii();
    let (method, status, bytes) = (head.method.escape_debug(), answer.status, answer.length.unwrap_or(0));
    debug!("{}: {method} {target} {status} {bytes}", name(peer));
}

/// One line for what was no request.
pub(crate) fn refused(peer: Option<SocketAddr>, error: HeadError) {
    debug!("{}: {error}; closing with {}", name(peer), error.status());
}

fn name(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(|| "unix".to_owned(), |peer| peer.to_string())
}
