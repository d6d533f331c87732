//! The seam under the event loop: every descriptor call and both clocks.
//!
//! Two implementations of [`System`]: [`Kernel`], the operating system through mio, and `simulated`, a network of scripted
//! peers with its own clocks. `mio::Event` cannot be built outside mio, so the seam has its own [`Event`].

mod kernel;
mod seam;
#[cfg(any(test, feature = "simulated"))]
pub(crate) mod simulated;

pub(crate) use kernel::Kernel;
pub use kernel::Listener;
pub(crate) use seam::{Event, Polled, System, Target, Watched, is_shortage, is_shortage_of_watches};
