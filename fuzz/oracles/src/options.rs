//! The layers of options of the daemons and the command: what `--print-config` prints is a file that says the same.

use std::ffi::OsString;

use daemon::Exit;
use daemon::fuzzing::{Layers, Printed};

use crate::input::Choices;

type Parse = fn(Layers) -> Printed;

const PROGRAMS: [(&str, Parse); 5] = [
    (ws_server::ENV_PREFIX, ws_server::fuzzing::options),
    (static_server::ENV_PREFIX, static_server::fuzzing::options),
    (policy_server::ENV_PREFIX, policy_server::fuzzing::options),
    (datecast::ENV_PREFIX, datecast::fuzzing::options),
    (datecast::FEED_ENV_PREFIX, datecast::fuzzing::feed_options),
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (prefix, parse) = choices.one_of(&PROGRAMS);
    // Words, variables and the file, each behind the other.
    let mut parts = choices.rest().splitn(3, |&byte| byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let (words, variables, file) = (part(), part(), part());
    let args =
        ["daemon", "--config", "/x"].into_iter().chain(words.split('\n').filter(|word| !word.is_empty()));
    let args: Vec<OsString> = args.map(Into::into).collect();
    let env = variables.split('\n').filter_map(|line| line.split_once('='));
    let env = env.map(|(name, value)| (format!("{prefix}{name}").into(), value.into())).collect();
    match parse(Layers { args, env, file: file.into_bytes() }) {
        Ok(Some(printed)) => check_printed(parse, &printed),
        Ok(None) => assert!(words.contains('-'), "{words:?}"),
        Err(error) => {
            assert!(matches!(error.exit, Exit::Usage | Exit::NoInput | Exit::Config), "{error:?}");
            assert!(!error.message.is_empty());
        }
    }
}

/// The options in force, read as a file.
fn check_printed(parse: Parse, printed: &str) {
    let args = ["daemon", "--config", "/x"].map(OsString::from).to_vec();
    let again = parse(Layers { args, file: printed.into(), ..Layers::default() });
    let again = again.unwrap_or_else(|error| panic!("{}\n{printed}", error.message)).expect("options");
    let values = |text: &str| text.lines().map(without_layer).collect::<Vec<_>>();
    assert_eq!(values(&again), values(printed));
}

/// A line without the comment behind its value.
fn without_layer(line: &str) -> String {
    line.rsplit_once(" # ").map_or(line, |(value, _)| value).to_owned()
}
