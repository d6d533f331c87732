//! What follows from the options of a daemon for others that are not set, or that do nothing.

use clap::Parser;

/// A daemon's options.
pub trait Options: Parser {
    /// The long names of options that other commands of the same program have. In the file and the environment, which they share, these are
    /// no mistakes.
    fn elsewhere() -> &'static [&'static str] {
        &[]
    }

    /// The values of options that have no default of their own, because it follows from other options: name and value.
    fn defaults(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The options that do nothing beside the others: name, and why. Only those that somebody has set are worth a warning.
    fn without_effect(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
