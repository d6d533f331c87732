//! Lines from standard input.

use std::io;

use super::{
    gate::{Gate, Gated, is_closed},
    publisher::Publisher,
};

/// Publishes all of standard input; returns true at its end, false if the gate is closed before.
pub(super) fn read(publisher: &Publisher, gate: &Gate) -> bool {
    let input = Gated { input: io::stdin().lock(), gate };
    match publisher.publish_all(&mut publisher.splitter(), input) {
        Err(error) if is_closed(&error) => false,
        Err(error) => {
            log::error!("reading standard input: {error}");
            true
        }
        Ok(()) => true,
    }
}
