//! The options of a command.

use std::ffi::OsString;

use daemon::{DaemonError, Exit};

use super::launch::name_of;

/// Which command is run, and how.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Command")]
pub(crate) struct CommandOptions {
    /// Runs the command with a pipe instead of a pseudo terminal: most programs then write some KiB at a time, and no colours;
    /// what it writes to standard error stays on ours
    #[arg(long)]
    pub(crate) no_pty: bool,
    /// Starts the command again whenever it has ended: after a second at first, then after 2, 4, … up to 60
    #[arg(long)]
    pub(crate) respawn: bool,
    /// A command whose output is the stream, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl CommandOptions {
    /// Refuses a command without a name.
    ///
    /// # Errors
    /// [`Exit::Usage`].
    pub(crate) fn check(&self) -> Result<(), DaemonError> {
        match self.command.first() {
            Some(program) if program.is_empty() => {
                Err(DaemonError::new(Exit::Usage, "-- '': no command stands there; say -- vmstat 1"))
            }
            _ => Ok(()),
        }
    }

    /// True if there is a command.
    pub(crate) fn is_given(&self) -> bool {
        !self.command.is_empty()
    }

    /// What the page calls the stream: the program's name, without its arguments, which may hold what is not for readers. Empty
    /// without a command.
    pub(crate) fn title(&self) -> String {
        let Some(program) = self.command.first() else { return String::new() };
        let name = name_of(program);
        if self.command.len() > 1 { format!("{name} …") } else { name }
    }

    /// The options that do nothing, and why.
    pub(crate) fn without_effect(&self) -> Vec<(&'static str, String)> {
        let mut idle = Vec::new();
        if !self.is_given() {
            let why = "there is no command: -- vmstat 1";
            idle.extend(["no-pty", "respawn"].map(|name| (name, why.to_owned())));
        }
        if self.respawn {
            idle.push(("at-eof", "a command that is started again and again has no end".to_owned()));
        }
        idle
    }
}

/// The command line, in which a `--` with nothing behind it is followed by a command without a name: [`CommandOptions::check`] refuses it,
/// while clap takes it for no command.
pub(crate) fn complete(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_last_word = args.iter().position(|arg| arg == "--").is_some_and(|at| at + 1 == args.len());
    if is_last_word {
        args.push(OsString::new());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_command_line_that_promises_a_command_has_one() {
        for (text, is_completed) in [
            ("datecast", false),
            ("datecast --", true),
            ("datecast --respawn --", true),
            ("datecast -- sh --", false),
        ] {
            assert_eq!(complete(words(text)) != words(text), is_completed, "{text}");
        }
        assert!(complete(Vec::new()).is_empty());
        let options = |command: &[&str]| CommandOptions {
            command: command.iter().map(OsString::from).collect(),
            ..CommandOptions::default()
        };
        assert!(options(&[]).check().is_ok());
        assert!(options(&["vmstat", ""]).check().is_ok());
        assert_eq!(options(&["", "vmstat"]).check().unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn options_of_a_command_do_nothing_without_one() {
        let idle = |respawn, command: &str| {
            let options = CommandOptions { respawn, command: words(command), ..CommandOptions::default() };
            options.without_effect().into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(idle(false, ""), ["no-pty", "respawn"]);
        assert_eq!(idle(true, ""), ["no-pty", "respawn", "at-eof"]);
        assert_eq!(idle(false, "vmstat"), [""; 0]);
        assert_eq!(idle(true, "vmstat"), ["at-eof"]);
    }
}
