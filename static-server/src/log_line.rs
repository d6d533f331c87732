//! The access log, at debug; it escapes and cuts the peer's text, and hides tokens.

use std::net::SocketAddr;

use common::http::{Head, HeadError, shown_target};
use log::debug;
use reactor::Context;

/// `bytes` is the length of the whole body.
#[inline]
pub(crate) fn access(cx: &Context<'_>, head: &Head<'_>, status: u16, bytes: u64) {
    if log::log_enabled!(log::Level::Debug) {
        write_access(cx.peer(), head, status, bytes);
    }
}

#[cold]
fn write_access(peer: Option<SocketAddr>, head: &Head<'_>, status: u16, bytes: u64) {
    let target = shown_target(head.target);
    let method = head.method.escape_debug();
    let line = format_args!("{}: {method} {target} {status} {bytes}", name(peer));
    match status {
        400.. => debug!(reason = status; "{line}"),
        _ => debug!("{line}"),
    }
}

pub(crate) fn refused(peer: Option<SocketAddr>, error: HeadError) {
    debug!(reason = error.status(); "{}: {error}; closing with {}", name(peer), error.status());
}

fn name(peer: Option<SocketAddr>) -> String {
    peer.map_or_else(|| "unix".to_owned(), |peer| peer.to_string())
}
