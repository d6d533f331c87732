//! Writes the manual page and the shell completions of a program, from its command line and a text with placeholders.
//!
//! `datecast-manual` does so for all programs of this workspace, and the bridge to NATS, a workspace of its own, for its own commands.

mod completions;
mod page;

pub use completions::write_completions;
pub use page::{EXIT_STATUS, Page, complete};
