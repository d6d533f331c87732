//! The commands, each the first word of the command line.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Command;
use daemon::{Main, called_for};

use crate::{create, follow, publish};

const ABOUT: &str = "One numbered stream on many machines, by NATS JetStream";
const AFTER_HELP: &str = "`datecast-nats COMMAND --help` lists the options of a command.";
/// A wrong command line (`EX_USAGE`).
const USAGE: u8 = 64;

const COMMANDS: [(&str, Main); 3] =
    [("follow", follow::main), ("publish", publish::main), ("create", create::main)];

/// Runs the command that the first word names.
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    if let Some((main, args)) = called_for(args, &COMMANDS) {
        return main(args);
    }
    match command().try_get_matches_from(args) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) if !error.use_stderr() => {
            // The reader may have closed standard output, which is no error of ours.
            _ = io::stdout().write_all(error.to_string().as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            // Without a word the help says more than a complaint.
            let text = args.get(1).map_or_else(|| error.to_string(), |word| no_command(word));
            _ = io::stderr().write_all(text.as_bytes());
            ExitCode::from(USAGE)
        }
    }
}

/// What is wrong with a first word that names no command.
fn no_command(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    format!("datecast-nats: `{}` is no command; say follow, publish or create first\n", word.escape_debug())
}

/// The whole command line, for `--help`, manual pages and completions.
pub fn command() -> Command {
    Command::new("datecast-nats")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        .after_help(AFTER_HELP)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands([follow::command(), publish::command(), create::command()])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::program::ELSEWHERE;

    #[test]
    fn an_option_of_one_command_is_known_to_the_others() {
        let command = command();
        let names = |command: &Command| -> BTreeSet<String> {
            command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
        };
        let all: Vec<_> = command.get_subcommands().map(names).collect();
        let common = all.iter().skip(1).fold(all[0].clone(), |common, it| &common & it);
        let elsewhere: BTreeSet<String> =
            all.iter().flatten().filter(|it| !common.contains(*it)).cloned().collect();
        assert!(elsewhere.iter().eq(&ELSEWHERE), "{elsewhere:?}");
    }

    #[test]
    fn every_command_is_in_the_help_and_has_a_main() {
        let command = command();
        let named: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        assert_eq!(named, COMMANDS.map(|(name, _)| name));
        command.debug_assert();
    }
}
