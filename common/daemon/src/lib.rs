//! The frame of every daemon: options, listeners, log, signals, metrics, hand-over and exit codes.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use daemon::{Common, DaemonError, Program, Reload};
//!
//! /// The daemon's options, each with its default.
//! #[derive(clap::Parser)]
//! struct TryOptions {
//!     #[command(flatten)]
//!     common: Common,
//! }
//!
//! impl daemon::Options for TryOptions {}
//!
//! fn check(options: TryOptions) -> Result<TryOptions, DaemonError> {
//!     Ok(options)
//! }
//!
//! fn serve(_checked: TryOptions, _reload: Reload<TryOptions>) -> Result<(), DaemonError> {
//!     Ok(())
//! }
//!
//! fn main() -> ExitCode {
//!     let program = Program { env_prefix: "DATECAST_WS_", args: std::env::args_os().collect() };
//!     daemon::main(&program, check, serve)
//! }
//! ```

pub mod clock;
mod entry;
pub mod exit;
mod file_identity;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod hand_over;
mod health;
mod inherit;
mod last_reload;
mod listen;
pub mod log;
pub mod metrics;
pub mod notify;
mod null_device;
pub mod open_files;
pub mod options;
mod path_error;
mod producers_socket;
mod program;
mod quote;
pub mod regular;
mod reload;
mod resolve;
mod run;
mod signals;
mod supervisor;
mod terminal;
pub mod unix_socket;
pub mod value;
mod vitals;

pub use entry::main;
pub use exit::{DaemonError, Exit, is_shortage};
pub use file_identity::FileIdentity;
pub use hand_over::{HandedOver, Previous};
pub use inherit::{Inherited, inherit};
pub use listen::first_free_port;
pub use metrics::DaemonMetrics;
pub use null_device::is_null;
pub use options::{Common, Options, command, environment_variable};
pub use path_error::describe_path_error;
pub use producers_socket::ProducersSocket;
pub use program::{Main, Program, called_for};
pub use reload::{Reload, warn_of_restart};
pub use run::{Endpoint, Hooks, Ready, Serve, Start, run};
pub use terminal::is_hangup_ignored;
pub use value::ListenAddress;
pub use vitals::Vitals;
