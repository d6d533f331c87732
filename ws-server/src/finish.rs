//! A stop that lets the source end first, so that its last lines reach the clients before their Close.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// The stop waits for the end of the source.
const ASKED: u8 = 1;
/// The source has ended.
const ENDED: u8 = 2;

/// What has come first, the wish to stop or the end of the source; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finish(Arc<AtomicU8>);

impl Finish {
    /// Somebody wants to stop; true if the stop can wait for the end of the source, which is still to come. A second wish cannot.
    pub(crate) fn ask(&self) -> bool {
        self.0.fetch_or(ASKED, Ordering::AcqRel) == 0
    }

    /// The source has ended, and all workers have passed on its last line; true if a stop waits for that.
    pub(crate) fn end(&self) -> bool {
        self.0.fetch_or(ENDED, Ordering::AcqRel) == ASKED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_waits_for_the_source_once_and_only_before_its_end() {
        let finish = Finish::default();
        assert!(finish.ask());
        assert!(!finish.ask(), "the second one does not wait");
        assert!(finish.end());
        assert!(!finish.ask());
        let finish = Finish::default();
        assert!(!finish.end(), "no stop waits");
        assert!(!finish.ask(), "the end will not come again");
    }
}
