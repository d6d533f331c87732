//! The limits of the source.

use daemon::value::size;

/// How much the source takes.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct SourceOptions {
    /// Bytes of a line from the source; longer ones are dropped
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = size)]
    pub(crate) max_line: usize,
    /// Producers that may write to a unix: source at the same time
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_producers: usize,
}
