//! Sockets that a daemon inherits, as systemd passes them on (`sd_listen_fds(3)`).

use std::os::fd::OwnedFd;
use std::process::Command;

use command_fds::{CommandFdExt as _, FdMapping};

/// Lets a command inherit these descriptors from number 3 on, under these names.
pub fn inherit(command: &mut Command, sockets: Vec<(&str, OwnedFd)>) {
    if sockets.is_empty() {
        return;
    }
    let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
    let mappings = (3..).zip(sockets).map(|(child_fd, (_, parent_fd))| FdMapping { parent_fd, child_fd });
    command.fd_mappings(mappings.collect()).expect("each number stands for one descriptor");
}
