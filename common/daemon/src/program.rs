//! By what name a daemon was started, and with what words.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

use crate::{
    exit::DaemonError,
    options::{self, Options, Parsed, ReadFile},
};

/// The command line of a daemon, and how its environment variables begin.
#[derive(Clone, Debug)]
pub struct Program {
    /// Begins the name of each environment variable that sets an option: `DATECAST_WS_`.
    pub env_prefix: &'static str,
    /// The command line, with the program's name first.
    pub args: Vec<OsString>,
}

impl Program {
    /// Parses its command line, its environment variables and its configuration file.
    ///
    /// # Errors
    /// Those of [`options::parse`].
    pub(crate) fn parse<T: Options>(&self, read_file: ReadFile) -> Result<Parsed<T>, DaemonError> {
        // Those that may be options, or misspelt ones.
        let variables = std::env::vars_os().filter(|(variable, _)| self.is_concerned_by(variable));
        options::parse(self.env_prefix, self.args.iter().cloned(), variables, read_file)
    }

    /// False for a variable that is another program's, if that one started this one by its first word: `datecast ws-server`.
    fn is_concerned_by(&self, variable: &OsStr) -> bool {
        let name = self.args.first().and_then(|path| Path::new(path).file_name()).unwrap_or_default();
        let is_called = name.as_encoded_bytes().contains(&b' ');
        !is_called || variable.as_encoded_bytes().starts_with(self.env_prefix.as_bytes())
    }
}

/// The `main` of a program that is in the same file as others; it gets the command line.
pub type Main = fn(Vec<OsString>) -> ExitCode;

/// The program that the first word names, and its own command line, which begins with that name: `datecast ws-server`.
pub fn called_for(args: &[OsString], programs: &[(&str, Main)]) -> Option<(Main, Vec<OsString>)> {
    let (file, words) = args.split_first()?;
    let (first, rest) = words.split_first()?;
    let (name, main) = programs.iter().find(|(name, _)| first == name)?;
    // The name in its usage.
    let mut called = file.clone();
    called.push(" ");
    called.push(name);
    Some((*main, [&[called], rest].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_the_first_word_names_a_program() {
        let called_for = |text| called_for(&words(text), &[("try-server", |_| ExitCode::SUCCESS)]);
        let (_, args) = called_for("many try-server --listen try-server").unwrap();
        assert_eq!(args, [OsString::from("many try-server"), "--listen".into(), "try-server".into()]);
        for text in
            ["many", "many --", "many --help", "many -- try-server", "many --root try-server", "try-server x"]
        {
            assert!(called_for(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_variables_of_datecast_do_not_concern_a_daemon_that_it_calls() {
        let concerned = |name: &str, variable: &str| {
            let program = Program { env_prefix: "DATECAST_TRY_", args: vec![name.into()] };
            program.is_concerned_by(OsStr::new(variable))
        };
        assert!(!concerned("/datecast try-server", "DATECAST_LISTEN"));
        assert!(concerned("/datecast try-server", "DATECAST_TRY_LISTEN"));
        assert!(concerned("/usr/bin/try-server", "DATECAST_LISTEN"), "a misspelt one");
        assert!(
            concerned("/opt/my programs/try-server", "DATECAST_LISTEN"),
            "a folder with a blank calls nobody"
        );
    }
}
