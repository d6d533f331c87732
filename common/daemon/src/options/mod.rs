//! Options: flag > environment > `--config FILE` (TOML) > default, from one clap struct per daemon.
//!
//! A name is written once, in the struct: the field `drain_timeout` is the flag `--drain-timeout`, the variable
//! `DATECAST_WS_DRAIN_TIMEOUT` and the key `drain-timeout` of the file. The values of the environment and the file become
//! clap's defaults before it parses the command line, so every value passes the same parser with the same messages.

mod common;
mod consequences;
mod layers;
mod parse;
mod print;
mod suggest;
#[cfg(test)]
mod tests;
mod usage;

pub use common::Common;
pub use consequences::Options;
pub use layers::environment_variable;
pub(super) use layers::{Layer, ReadFile};
pub use parse::command;
pub(super) use parse::{Errand, InForce, Parsed, errand, parse};
