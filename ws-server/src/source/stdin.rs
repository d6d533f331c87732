//! Lines from standard input.

use std::io;

use super::Publisher;

/// Publishes all of standard input; returns at its end.
pub(super) fn read(publisher: &Publisher) {
    if let Err(error) = publisher.publish_all(io::stdin().lock()) {
        log::error!("reading standard input: {error}");
    }
}
