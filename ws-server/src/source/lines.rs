//! Cuts bytes into lines: pure and bounded. What goes out is UTF-8, whatever comes in.

use std::borrow::Cow;

use clap::ValueEnum;
use common::codec::{Reader, Writer};

use super::given::LONGEST_PREFIX;
use crate::stream::Numbers;

/// Which lines are published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineRules {
    /// Bytes of a line's text as its producer wrote it, without the line end; longer ones are dropped.
    pub(crate) max_line: usize,
    pub(crate) invalid_utf8: InvalidUtf8,
    /// Given ones stand before the text.
    pub(crate) numbers: Numbers,
}

/// The value of `--invalid-utf8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InvalidUtf8 {
    /// Put U+FFFD in the place of what is invalid.
    Replace,
    /// Drop the line.
    Drop,
}

/// Lines that were not published as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineFaults {
    /// Published with U+FFFD in the place of what was not UTF-8.
    pub(crate) replaced: u64,
    /// Dropped because they were not UTF-8.
    pub(crate) not_utf8: u64,
    /// Dropped because they were longer than `--max-line`.
    pub(crate) too_long: u64,
    /// Dropped because there was no later number before them than that of the newest message.
    pub(crate) repeated: u64,
    /// Dropped because the epoch before them was over.
    pub(crate) old_epoch: u64,
    /// Dropped because there was no number before them.
    pub(crate) no_number: u64,
    /// Dropped because they were a producer's words that mean nothing here.
    pub(crate) unknown_word: u64,
    /// Dropped because their producer was gone before it had written their ends.
    pub(crate) unfinished: u64,
}

impl LineFaults {
    /// How many kinds there are.
    pub(super) const KINDS: usize = 8;

    /// Each kind's count, in the order of the fields.
    pub(super) fn counts(self) -> [u64; Self::KINDS] {
        let Self { replaced, not_utf8, too_long, repeated, old_epoch, no_number, unknown_word, unfinished } =
            self;
        [replaced, not_utf8, too_long, repeated, old_epoch, no_number, unknown_word, unfinished]
    }

    /// Counts in the order of the fields.
    pub(super) fn of_counts(counts: [u64; Self::KINDS]) -> Self {
        let [replaced, not_utf8, too_long, repeated, old_epoch, no_number, unknown_word, unfinished] = counts;
        Self { replaced, not_utf8, too_long, repeated, old_epoch, no_number, unknown_word, unfinished }
    }

    /// Adds these to them.
    pub(super) fn add(&mut self, more: Self) {
        let mut counts = self.counts();
        counts.iter_mut().zip(more.counts()).for_each(|(count, more)| *count = count.saturating_add(more));
        *self = Self::of_counts(counts);
    }
}

/// A line as it came, without its line end.
#[derive(Debug)]
pub(super) struct RawLine<'l> {
    pub(super) bytes: &'l [u8],
    pub(super) rules: LineRules,
    pub(super) faults: &'l mut LineFaults,
}

impl<'l> RawLine<'l> {
    /// This part of the line as a message's text; `None` if it is dropped, which is counted.
    pub(super) fn text(self, bytes: &'l [u8]) -> Option<Cow<'l, str>> {
        let Self { rules, faults, .. } = self;
        let LineFaults { replaced, not_utf8, too_long, .. } = faults;
        // What came counts: the replacement below may make it three times as long.
        if bytes.len() > rules.max_line {
            *too_long = too_long.saturating_add(1);
            return None;
        }
        match (std::str::from_utf8(bytes), rules.invalid_utf8) {
            (Ok(text), _) => Some(Cow::Borrowed(text)),
            (Err(_), InvalidUtf8::Replace) => {
                *replaced = replaced.saturating_add(1);
                Some(String::from_utf8_lossy(bytes))
            }
            (Err(_), InvalidUtf8::Drop) => {
                *not_utf8 = not_utf8.saturating_add(1);
                None
            }
        }
    }
}

/// U+FEFF at the very beginning says that UTF-8 follows, and belongs to no line (WHATWG Encoding, "UTF-8 decode").
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Cuts one producer's bytes into lines, which may come in any pieces.
#[derive(Debug)]
pub(crate) struct Splitter {
    rules: LineRules,
    /// No line was complete yet: a byte order mark may come.
    is_first: bool,
    /// The beginning of a line whose end was not seen; never longer than `max_line` and a carriage return.
    partial: Vec<u8>,
    /// The present line is too long already: skip to its end.
    overlong: bool,
    /// Messages before the producer's next one are lost (`!gap`).
    pub(super) is_after_gap: bool,
    faults: LineFaults,
}

impl Splitter {
    /// A splitter at the beginning of its input.
    pub(crate) fn new(rules: LineRules) -> Self {
        let faults = LineFaults::default();
        Self { rules, is_first: true, partial: Vec::new(), overlong: false, is_after_gap: false, faults }
    }

    /// The beginning of a line whose end has not come; `None` if it is too long already.
    pub(crate) fn into_partial(self) -> Option<Vec<u8>> {
        (!self.overlong).then_some(self.partial)
    }

    /// Goes on with the beginning of a line from [`Splitter::into_partial`].
    pub(crate) fn adopt(&mut self, partial: Option<Vec<u8>>) {
        self.is_first = false;
        self.overlong = partial.is_none();
        self.partial = partial.unwrap_or_default();
    }

    pub(crate) fn configure(&mut self, rules: LineRules) {
        self.rules = rules;
    }

    /// Passes each line that ends in `bytes` to `emit`, without its LF or CR LF.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(&str)) {
        self.feed_while(bytes, |line| {
            emit(line);
            true
        });
    }

    /// The same, as long as `emit` returns true; how many bytes were used. The line for which it returns false counts as passed.
    pub(crate) fn feed_while(&mut self, bytes: &[u8], mut emit: impl FnMut(&str) -> bool) -> usize {
        self.cut_while(bytes, of_text(&mut emit))
    }

    /// The same with lines that are not judged yet.
    pub(super) fn cut_while(&mut self, bytes: &[u8], mut emit: impl FnMut(RawLine<'_>) -> bool) -> usize {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(at);
            rest = after.get(1..).unwrap_or_default();
            let goes_on = if self.partial.is_empty() && !self.overlong {
                self.emit_line(line, &mut emit)
            } else {
                self.keep(line);
                self.end(&mut emit)
            };
            if !goes_on {
                return bytes.len().saturating_sub(rest.len());
            }
        }
        self.keep(rest);
        bytes.len()
    }

    /// The producer has ended: its last line counts even without a line end.
    pub(crate) fn finish(&mut self, mut emit: impl FnMut(&str)) {
        if self.overlong || !self.partial.is_empty() {
            self.end(&mut of_text(&mut |line: &str| {
                emit(line);
                true
            }));
        }
    }

    /// The producer has ended, and its last line counts only if it has its end: a part of the text has the number of all.
    pub(super) fn drop_rest(&mut self) {
        if std::mem::take(&mut self.overlong) || !self.partial.is_empty() {
            self.partial.clear();
            self.faults.unfinished = self.faults.unfinished.saturating_add(1);
        }
    }

    /// Writes down the beginning of the present line, between two calls and with no fault to be taken.
    pub(crate) fn put(&self, to: &mut Writer) {
        to.flag(self.is_first);
        to.flag(self.overlong);
        to.bytes(&self.partial);
    }

    /// Goes on with a line that [`Splitter::put`] wrote down, once [`Splitter::configure`] has said which lines count.
    pub(crate) fn take(from: &mut Reader<'_>) -> Option<Self> {
        let rules = LineRules { max_line: 0, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Own };
        let (is_first, overlong, partial) = (from.flag()?, from.flag()?, from.bytes()?.to_vec());
        Some(Self { is_first, partial, overlong, ..Self::new(rules) })
    }

    /// What was wrong with the lines since the last call.
    pub(crate) fn take_faults(&mut self) -> LineFaults {
        std::mem::take(&mut self.faults)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.overlong {
            return;
        }
        // More than the limit: a carriage return before the line end, a byte order mark, and a number.
        let mark = if self.is_first { BYTE_ORDER_MARK.len() } else { 0 };
        let number = if self.rules.numbers == Numbers::Given { LONGEST_PREFIX } else { 0 };
        let most = self.rules.max_line.saturating_add(1 + mark + number);
        if self.partial.len().saturating_add(bytes.len()) > most {
            self.overlong = true;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, emit: &mut impl FnMut(RawLine<'_>) -> bool) -> bool {
        if std::mem::take(&mut self.overlong) {
            self.is_first = false;
            self.faults.too_long = self.faults.too_long.saturating_add(1);
            return true;
        }
        let line = std::mem::take(&mut self.partial);
        let goes_on = self.emit_line(&line, emit);
        self.partial = line;
        self.partial.clear();
        goes_on
    }

    fn emit_line(&mut self, line: &[u8], emit: &mut impl FnMut(RawLine<'_>) -> bool) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_first = std::mem::take(&mut self.is_first);
        let bytes = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| is_first).unwrap_or(line);
        emit(RawLine { bytes, rules: self.rules, faults: &mut self.faults })
    }
}

/// Passes the text of each line that is not dropped to `emit`.
fn of_text(emit: &mut impl FnMut(&str) -> bool) -> impl FnMut(RawLine<'_>) -> bool {
    |line| {
        let bytes = line.bytes;
        line.text(bytes).is_none_or(|text| emit(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: LineRules =
        LineRules { max_line: 8, invalid_utf8: InvalidUtf8::Replace, numbers: Numbers::Own };

    fn split_by(rules: LineRules, pieces: &[&[u8]]) -> (Vec<String>, LineFaults) {
        let mut splitter = Splitter::new(rules);
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.feed(piece, |line| lines.push(line.to_owned()));
        }
        splitter.finish(|line| lines.push(line.to_owned()));
        (lines, splitter.take_faults())
    }

    fn split(pieces: &[&[u8]]) -> (Vec<String>, LineFaults) {
        split_by(RULES, pieces)
    }

    #[test]
    fn lines_are_the_same_whole_byte_by_byte_and_at_every_split() {
        let input =
            b"\xEF\xBB\xBFone\r\n\nd\xC3\xB6er\r\r\nabcdefgh\nabcdefghi\nd\xF6\xE2\x82er\0\n\xEF\xBB\xBF\nlast";
        let lines = ["one", "", "d\u{f6}er\r", "abcdefgh", "d\u{fffd}\u{fffd}er\0", "\u{feff}", "last"];
        let faults = LineFaults { replaced: 1, not_utf8: 0, too_long: 1, ..LineFaults::default() };
        let expected = (lines.map(str::to_owned).to_vec(), faults);
        assert_eq!(split(&[input]), expected);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(split(&bytes), expected);
        for at in 0..=input.len() {
            let (a, b) = input.split_at(at);
            assert_eq!(split(&[a, b]), expected, "split at {at}");
        }
    }

    #[test]
    fn a_reader_that_has_had_enough_goes_on_behind_that_line_in_whatever_splitter() {
        let input = b"\xEF\xBB\xBFone\r\n\nabcdefghi\n\xFF\nlast\nrest";
        for at in 0..=input.len() {
            let (mut splitter, mut lines) = (Splitter::new(RULES), Vec::new());
            for piece in [&input[..at], &input[at..]] {
                let mut rest = piece;
                while !rest.is_empty() {
                    let before = lines.len();
                    let used = splitter.feed_while(rest, |line| {
                        lines.push(line.to_owned());
                        false
                    });
                    assert!(lines.len() - before <= 1);
                    rest = &rest[used..];
                    let mut to = Writer::default();
                    splitter.put(&mut to);
                    splitter = Splitter::take(&mut Reader::new(&to.into_bytes())).unwrap();
                    splitter.configure(RULES);
                }
            }
            splitter.finish(|line| lines.push(line.to_owned()));
            assert_eq!(lines, ["one", "", "\u{fffd}", "last", "rest"], "split at {at}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_replaced_as_browsers_do_it_or_the_line_is_dropped() {
        let pieces = [&b"a\n\xFF\xFE\nb\n\xC3"[..], b"\xB6\n\xC3"];
        let (lines, faults) = split(&pieces);
        assert_eq!(lines, ["a", "\u{fffd}\u{fffd}", "b", "\u{f6}", "\u{fffd}"]);
        assert_eq!(faults, LineFaults { replaced: 2, ..LineFaults::default() });
        let (lines, faults) = split_by(LineRules { invalid_utf8: InvalidUtf8::Drop, ..RULES }, &pieces);
        assert_eq!(lines, ["a", "b", "\u{f6}"]);
        assert_eq!(faults, LineFaults { not_utf8: 2, ..LineFaults::default() });
        // A maximal part of a sequence counts once; a surrogate and an overlong form count each byte.
        for (bytes, text) in [
            (&b"\xF0\x9F\x98"[..], "\u{fffd}"),
            (b"\xED\xA0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xC0\x80", "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(split(&[bytes]).0, [text]);
        }
    }

    #[test]
    fn the_limit_counts_what_came_and_a_line_has_one_fault() {
        let (lines, faults) =
            split(&[b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\n\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\n"]);
        assert_eq!(lines, ["\u{fffd}".repeat(8)]);
        assert_eq!(faults, LineFaults { replaced: 1, not_utf8: 0, too_long: 1, ..LineFaults::default() });
    }

    #[test]
    fn a_byte_order_mark_does_not_count_and_is_one_only_at_the_beginning() {
        for pieces in [&[&b"\xEF\xBB\xBF12345678\r\n"[..]][..], &[b"\xEF\xBB", b"\xBF12345678\r", b"\n"]] {
            assert_eq!(split(pieces), (vec!["12345678".to_owned()], LineFaults::default()));
        }
        let mut splitter = Splitter::new(RULES);
        splitter.adopt(Some(b"\xEF\xBB\xBF".to_vec()));
        splitter.feed(b"\n", |line| assert_eq!(line, "\u{feff}", "it is not the beginning"));
    }

    #[test]
    fn an_endless_line_costs_no_memory() {
        let mut splitter = Splitter::new(LineRules { max_line: 100, ..RULES });
        for _ in 0..10_000 {
            splitter.feed(&[b'x'; 1000], |_| panic!("no line ended"));
            assert!(splitter.partial.capacity() <= 256);
        }
        let mut lines = Vec::new();
        splitter.feed(b"\nshort\n", |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["short"]);
        assert_eq!(splitter.take_faults().too_long, 1);
        assert_eq!(splitter.take_faults(), LineFaults::default());
    }

    #[test]
    fn a_line_of_exactly_the_limit_passes_with_either_line_end() {
        assert_eq!(split(&[b"12345678\r\n12345678\n123456789\r\n"]).0, ["12345678", "12345678"]);
        assert_eq!(split(&[b"12345678", b"\r\n"]).0, ["12345678"]);
        assert_eq!(split(&[b"12345678\r", b"x\n"]).1.too_long, 1);
    }
}
