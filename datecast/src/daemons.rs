//! `datecast ws-server …`, `datecast feed …`: the other programs in the same file, so that one file to copy is the whole product.

use std::{ffi::OsString, process::ExitCode};

use crate::feed;

type Main = fn(Vec<OsString>) -> ExitCode;

const PROGRAMS: [(&str, Main); 4] = [
    ("feed", feed::main),
    ("ws-server", ws_server::main),
    ("static-server", static_server::main),
    ("policy-server", policy_server::main),
];

/// The program that the first word names, and its own command line.
pub(crate) fn called_for(args: &[OsString]) -> Option<(Main, Vec<OsString>)> {
    let (program, words) = args.split_first()?;
    let (first, rest) = words.split_first()?;
    let (name, main) = PROGRAMS.into_iter().find(|(name, _)| first == name)?;
    // The name in its usage.
    let mut called = program.clone();
    called.push(" ");
    called.push(name);
    Some((main, [&[called], rest].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn only_the_first_word_names_a_program() {
        let (_, args) = called_for(&words("datecast ws-server --listen ws-server")).unwrap();
        assert_eq!(args, [OsString::from("datecast ws-server"), "--listen".into(), "ws-server".into()]);
        for text in
            ["datecast", "datecast --", "datecast -- ws-server", "datecast --root ws-server", "ws-server x"]
        {
            assert!(called_for(&words(text)).is_none(), "{text}");
        }
    }
}
