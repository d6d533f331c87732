//! What is started, and in which surroundings.
//!
//! | | on the terminal | `--no-pty` |
//! |---|---|---|
//! | standard output | the terminal | a pipe |
//! | standard error | the terminal, so that the page shows errors | ours, as in `CMD \| datecast` |
//! | standard input, if ours is a pipe, a socket or a file | ours | ours |
//! | standard input, if ours is anything else | the terminal, on which nobody types | `/dev/null` |
//!
//! The command never gets our own terminal as its input: it is no foreground job of it, and the kernel would stop it at its first read.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::fd::OwnedFd,
    process::{self, Child, Stdio},
};

use daemon::open_files;

use super::{
    ended::Ended,
    failure::{no_terminal, not_started},
    group::Group,
    pty::Pty,
    window,
};
use crate::input;

/// What a service manager tells us alone.
const NOT_FOR_CHILDREN: [&str; 6] =
    ["LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"];
/// The variables that name a program which shows output page by page: it would wait for a key that nobody presses.
const PAGERS: [&str; 4] = ["GIT_PAGER", "MANPAGER", "PAGER", "SYSTEMD_PAGER"];
/// A terminal that has colours, for programs that look it up.
const TERM: &str = "xterm-256color";

/// A command line, and whether it gets a terminal.
#[derive(Debug)]
pub(super) struct Launch {
    program: OsString,
    arguments: Vec<OsString>,
    on_terminal: bool,
}

/// A command that runs.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) group: Group,
    /// What it writes is read here, without blocking.
    pub(super) output: OwnedFd,
}

impl Launch {
    /// This command line; `None` if it is empty.
    pub(super) fn new(command: &[OsString], on_terminal: bool) -> Option<Self> {
        let (program, arguments) = command.split_first()?;
        Some(Self { program: program.clone(), arguments: arguments.to_vec(), on_terminal })
    }

    /// The name of the program, as people say it.
    pub(super) fn name(&self) -> String {
        name_of(&self.program)
    }

    /// Starts it as the leader of a process group of its own: a Ctrl-C on our terminal is for us, and we end it.
    ///
    /// # Errors
    /// [`Ended::NotStarted`].
    pub(super) fn start(&self) -> Result<Started, Ended> {
        let mut command = process::Command::new(&self.program);
        command.args(&self.arguments);
        for name in NOT_FOR_CHILDREN {
            command.env_remove(name);
        }
        let output = if self.on_terminal { terminal(&mut command) } else { pipe(&mut command) };
        let output = output.map_err(|error| no_terminal(&error, self.on_terminal))?;
        let (child, group) =
            Group::start(&mut command).map_err(|error| not_started(&self.program, &error))?;
        // It may be a program that closes all descriptors up to its limit, or that counts on 1,024.
        open_files::give_back(group.0);
        // `command` ends here, and with it our copies of what the command writes to: its end is the end of the output.
        Ok(Started { child, group, output })
    }
}

/// The name of this program without its folder, in one line.
pub(super) fn name_of(program: &OsStr) -> String {
    let path = program.to_string_lossy();
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(&path);
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Puts the command on a pseudo terminal; gives back the end that is read.
fn terminal(command: &mut process::Command) -> io::Result<OwnedFd> {
    let variable = |name| env::var_os(name);
    let size = window::size(variable("COLUMNS").as_deref(), variable("LINES").as_deref(), window::own());
    let Pty { master, slave } = Pty::open(size)?;
    if !input::has_lines() {
        command.stdin(slave.try_clone()?);
    }
    command.stdout(slave.try_clone()?).stderr(slave);
    if !has_capabilities(variable("TERM").as_deref()) {
        command.env("TERM", TERM);
    }
    for name in PAGERS {
        command.env(name, "cat");
    }
    rustix::io::ioctl_fionbio(&master, true)?;
    Ok(master)
}

/// Gives the command a pipe to write to; gives back the end that is read.
fn pipe(command: &mut process::Command) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    if !input::has_lines() {
        command.stdin(Stdio::null());
    }
    command.stdout(writer);
    Ok(reader.into())
}

/// False for a TERM that stands for no terminal, or for one that can do nothing.
fn has_capabilities(term: Option<&OsStr>) -> bool {
    term.is_some_and(|term| !term.is_empty() && term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(command: &[&str]) -> Option<Launch> {
        let command: Vec<OsString> = command.iter().map(OsString::from).collect();
        Launch::new(&command, true)
    }

    #[test]
    fn a_command_has_a_program_and_its_name_is_one_line() {
        assert!(launch(&[]).is_none());
        for (program, name) in [
            ("vmstat", "vmstat"),
            ("/usr/bin/vmstat", "vmstat"),
            ("./a b", "a b"),
            ("dir/", "dir"),
            ("/", "/"),
            ("a\nb\x1b", "a\u{fffd}b\u{fffd}"),
        ] {
            assert_eq!(launch(&[program, "1"]).unwrap().name(), name, "{program:?}");
        }
    }

    #[test]
    fn a_terminal_without_a_name_gets_one_that_has_colours() {
        for (term, is_kept) in [
            (None, false),
            (Some(""), false),
            (Some("dumb"), false),
            (Some("xterm"), true),
            (Some("screen"), true),
        ] {
            assert_eq!(has_capabilities(term.map(OsStr::new)), is_kept, "{term:?}");
        }
    }
}
