//! The newest state of the source, encoded once for each framing.

use std::{cell::OnceCell, sync::Arc};

use common::{
    framing::{Framing, encode_source},
    source_state::SourceState,
};

/// A state of the source. Clients hear each number once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceChange {
    /// How many states there were before; 0 for one of which nothing is to be said.
    pub(crate) number: u64,
    pub(crate) state: SourceState,
}

/// The newest state of the source as one worker tells it.
#[derive(Debug)]
pub(crate) struct SourceNews {
    newest: SourceChange,
    encoded: [OnceCell<Arc<[u8]>>; Framing::ALL.len()],
}

impl SourceNews {
    pub(crate) fn new(newest: SourceChange) -> Self {
        Self { newest, encoded: Default::default() }
    }

    /// Takes over a newer state.
    pub(crate) fn update(&mut self, change: &SourceChange) {
        if change.number > self.newest.number {
            *self = Self::new(change.clone());
        }
    }

    pub(crate) fn newest(&self) -> &SourceChange {
        &self.newest
    }

    /// The number of the newest state.
    pub(crate) fn number(&self) -> u64 {
        self.newest.number
    }

    /// The newest state in one framing; no bytes in one that has no form for it.
    #[allow(clippy::indexing_slicing, reason = "`Framing::index` is below `Framing::ALL.len()`")]
    pub(crate) fn encoded(&self, framing: Framing) -> &Arc<[u8]> {
        self.encoded[framing.index()].get_or_init(|| {
            let mut out = Vec::new();
            encode_source(framing, &self.newest.state, &mut out);
            out.into()
        })
    }
}
