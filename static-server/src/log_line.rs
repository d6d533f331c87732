//! The access log, at debug; it escapes and cuts the peer's text.

use std::net::SocketAddr;

use common::http::{Head, HeadError};
use log::debug;

use crate::response::Answer;

/// The most bytes of a peer's text in one line.
const LONGEST: usize = 512;

pub(crate) fn access(peer: Option<SocketAddr>, head: &Head<'_>, answer: &Answer) {
    if !log::log_enabled!(log::Level::Debug) {
        return;
    }
    let target = head.target.get(..LONGEST).unwrap_or(head.target).escape_ascii();
    let (method, status, bytes) = (head.method.escape_debug(), answer.status, answer.length.unwrap_or(0));
    debug!("{}: {method} {target} {status} {bytes}", name(peer));
}

pub(crate) fn refused(peer: Option<SocketAddr>, error: HeadError) {
    debug!("{}: {error}; closing with {}", name(peer), error.status());
}

fn name(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(|| "unix".to_owned(), |peer| peer.to_string())
}
