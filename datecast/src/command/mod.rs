//! `datecast -- CMD…` and `datecast feed … -- CMD…`: a command on a pseudo terminal, whose output is the stream.
//!
//! ```text
//!  vmstat 1 ── slave ═ master ──▶ Copier ── pipe ──▶ the stream's source, as from standard input; or the feeder
//!     ▲  (a process group        (thread "command")
//!     │   of its own)                 │  ▲
//!     └──── TERM, KILL, start ────────┘  └── Orders (Ctrl-C, our end), SIGCHLD
//! ```
//!
//! The terminal makes programs write line by line, as they do for people. It is the controlling terminal of no process: for that the
//! command would have to begin a session, which `std` cannot let it do without `unsafe`. So a `kill -9` of ours leaves the command
//! without a reader, and its next write fails with `EIO`: that ends most programs, but not the loop of a shell, for example.
//!
//! A full stream is felt by the command: the pipe fills, the copier stops to read, the terminal fills, and the command's write waits.

mod backoff;
mod copier;
mod desk;
mod ended;
mod failure;
mod group;
mod keeper;
mod launch;
mod options;
mod orders;
mod pty;
mod run;
mod screen;
mod stage;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use self::{
    backoff::Backoff,
    desk::Tell,
    keeper::{Command, Prepared, prepare},
    options::{CommandOptions, complete},
};
