//! What each daemon reports of itself, beside what all daemons have in common.

use super::exposition::Exposition;
use reactor::Snapshot;

/// A daemon's own part of its status, health and metrics. Other threads than the workers call it.
pub trait DaemonMetrics: Send + Sync {
    /// Returns one line for `systemctl status`, without a line end.
    fn status(&self, counters: &Snapshot) -> String;

    /// Says what is wrong, beside workers that hang. The supervisor calls it about once a second.
    ///
    /// # Errors
    /// One sentence for the operator.
    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    /// Writes the daemon's own metrics; they follow those that all daemons have.
    fn collect(&self, out: &mut Exposition);
}
