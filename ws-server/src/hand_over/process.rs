//! To the service manager, and from it to the next process.

use std::{mem::ManuallyDrop, ops::RangeInclusive, os::fd::OwnedFd};

use common::id::Epoch;
use daemon::{
    HandedOver, Previous,
    clock::Moment,
    hand_over::{self, DaemonState},
};
use reactor::ExportedConnection;

use super::state::ProcessState;
use crate::{
    source::{self, ExportedSource, Producer},
    stream::SourceKind,
};

/// The format that is written.
pub(crate) const FORMAT: u32 = 2;
/// The formats that can be read.
pub(crate) const FORMATS: RangeInclusive<u32> = 1..=FORMAT;

/// Gives everything to the service manager, also the polls that still watch the connections. If that does not take it, the clients
/// get 1012 and come back.
pub(crate) fn export(
    mut state: ProcessState,
    (connections, watches): (Vec<ExportedConnection<OwnedFd>>, Vec<OwnedFd>),
    source: &SourceKind,
    ExportedSource { producers, steps }: ExportedSource,
) {
    state.source = source.to_string();
    let mut others = Vec::new();
    for Producer { descriptor, partial, is_after_gap, is_greeted: _ } in producers {
        others.push(descriptor);
        state.partials.push(partial);
        if let Some(given) = &mut state.given {
            given.gaps.push(is_after_gap);
        }
    }
    let writer = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
    let state = DaemonState { format: FORMAT, writer, bytes: state.to_bytes(Moment::now()) };
    let handed_over = HandedOver { state, others, connections, watches, steps };
    match hand_over::store(&handed_over) {
        Ok(steps) => {
            let count = handed_over.connections.len();
            log::info!("{count} live connections wait for the next process: {steps}");
            // The process ends now. To close thousands of descriptors one by one before would keep all clients waiting.
            _ = ManuallyDrop::new(handed_over);
        }
        Err(error) => {
            log::error!("the live connections cannot be handed over and are closed (1012): {error}");
            hand_over::send_closing_bytes(handed_over.connections);
        }
    }
}

/// Reads what the previous process handed over: its state, and what it read from if the source is still the same. A stream that
/// has no epoch yet gets the `fresh` one.
pub(crate) fn adopt(
    previous: Option<&mut Previous>,
    source: &SourceKind,
    fresh: Epoch,
) -> (Option<ProcessState>, Vec<Producer>) {
    let Some(previous) = previous else { return (None, Vec::new()) };
    let Some(state) = read(&previous.state, fresh) else {
        // A connection's place in an unknown stream means nothing: it gets its closing bytes.
        previous.connections.forget_states();
        return (None, Vec::new());
    };
    let (state, producers) = go_on(state, std::mem::take(&mut previous.others), source);
    (Some(state), producers)
}

/// The state of the previous process; `None` if it cannot be read.
pub(super) fn read(DaemonState { format, bytes, .. }: &DaemonState, fresh: Epoch) -> Option<ProcessState> {
    ProcessState::from_bytes(bytes, *format, fresh, Moment::now())
}

/// Goes on with the producers that these descriptors are of, if the source is still the same.
fn go_on(
    mut state: ProcessState,
    descriptors: Vec<OwnedFd>,
    source: &SourceKind,
) -> (ProcessState, Vec<Producer>) {
    let partials = std::mem::take(&mut state.partials);
    if state.source != source.to_string() {
        // The source is another one now: no producer shall connect to the old socket.
        drop(descriptors);
        _ = state.source.parse().map(|old| source::remove_stale_socket(&old));
        return (state, Vec::new());
    }
    // Whoever connected to a process with numbers of its own was told nothing.
    let is_greeted = state.given.is_some();
    let gaps = state.given.as_mut().map(|given| std::mem::take(&mut given.gaps)).unwrap_or_default();
    let gaps = gaps.into_iter().chain(std::iter::repeat(false));
    let producers = descriptors.into_iter().zip(partials).zip(gaps);
    let producer =
        |((descriptor, partial), is_after_gap)| Producer { descriptor, partial, is_after_gap, is_greeted };
    let producers = producers.map(producer).collect();
    (state, producers)
}
