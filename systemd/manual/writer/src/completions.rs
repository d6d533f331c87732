//! Shell completions.

use std::{io, path::Path};

use clap_complete::Shell;

/// Writes the completions of a program for bash, zsh and fish, a file each, into a folder.
///
/// # Errors
/// A file cannot be written.
pub fn write_completions(mut command: clap::Command, folder: &Path) -> io::Result<()> {
    let name = command.get_name().to_owned();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, &name, folder)?;
    }
    Ok(())
}
