//! The door to the lines of producers for the fuzz targets (`fuzz/`).

use common::id::MessageId;

use super::{
    given::GivenLine,
    lines::{InvalidUtf8, LineRules, Splitter},
};
use crate::stream::Numbers;

/// What a line with a given number says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A message.
    Message(MessageId, Vec<u8>),
    /// A word that is known: whether it is `!caught-up`.
    Word(bool),
    /// Another word.
    UnknownWord,
    /// Nothing.
    NoNumber,
}

/// Reads a line with a given number.
pub fn given_line(line: &[u8]) -> Given {
    match GivenLine::parse(line) {
        GivenLine::Message { id, text } => Given::Message(id, text.to_vec()),
        GivenLine::CaughtUp => Given::Word(true),
        GivenLine::Gap => Given::Word(false),
        GivenLine::UnknownWord => Given::UnknownWord,
        GivenLine::NoNumber => Given::NoNumber,
    }
}

/// Cuts bytes that come in these pieces into lines. After each piece another process goes on if `hands_over`, and no partial line
/// may be longer than `most`. The lines, and how many were dropped.
///
/// # Panics
/// If a partial line is longer.
pub fn lines(pieces: &[&[u8]], max_line: usize, hands_over: bool, most: usize) -> (Vec<String>, u64) {
    let rules = LineRules { max_line, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Own };
    let (mut splitter, mut lines, mut dropped, mut is_first) =
        (Splitter::new(rules), Vec::new(), 0_u64, true);
    for piece in pieces {
        splitter.feed(piece, |line| lines.push(line.to_owned()));
        dropped = dropped.saturating_add(splitter.take_faults().too_long);
        is_first &= lines.is_empty() && dropped == 0;
        // A beginning of a line that was handed over begins no input: a byte order mark would not be one.
        if hands_over && !is_first {
            let partial = splitter.into_partial();
            assert!(
                partial.as_ref().is_none_or(|partial| partial.len() <= most),
                "a long beginning of a line"
            );
            splitter = Splitter::new(rules);
            splitter.adopt(partial);
        }
    }
    splitter.finish(|line| lines.push(line.to_owned()));
    dropped = dropped.saturating_add(splitter.take_faults().too_long);
    (lines, dropped)
}
