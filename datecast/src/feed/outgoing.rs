//! Bytes on their way to the server, with the beginning of a line that is out in part: on a new connection it is written again from
//! there. Pure.

/// Bytes of an unfinished line that are kept. Of a longer one, a new connection gets nothing: a server takes no such line.
const MOST: usize = 1024 * 1024;

/// What was read and is not written yet, and the written part of the line in which it begins.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Begins with a line, unless `is_cut`.
    bytes: Vec<u8>,
    /// So many of them are written.
    written: usize,
    /// The beginning of the first line is written and forgotten, as the line is too long.
    is_cut: bool,
    /// The rest of a line is not to be written.
    skips: bool,
    lines: u64,
}

impl Outgoing {
    /// True if nothing waits to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    /// What is to be written.
    pub(super) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// How many lines are written whole.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// How many lines wait, with the last one even if it has no end.
    pub(super) fn lines_waiting(&self) -> u64 {
        let waiting = self.waiting();
        count(waiting) + u64::from(waiting.last().is_some_and(|last| *last != b'\n'))
    }

    /// Adds what was read.
    pub(super) fn push(&mut self, read: &[u8]) {
        let rest = if self.skips {
            let Some(end) = line_end(read) else { return };
            self.skips = false;
            read.get(end..).unwrap_or_default()
        } else {
            read
        };
        self.bytes.extend_from_slice(rest);
    }

    /// Ends a half line at the end of the input.
    pub(super) fn end_line(&mut self) {
        let is_in_line = self.bytes.last().map_or(self.is_cut, |last| *last != b'\n');
        if is_in_line {
            self.bytes.push(b'\n');
        }
    }

    /// So many of the waiting bytes are written now.
    pub(super) fn advance(&mut self, count: usize) {
        let before = self.written;
        self.written = before.saturating_add(count).min(self.bytes.len());
        let new = self.bytes.get(before..self.written).unwrap_or_default();
        if let Some(last) = new.iter().rposition(|byte| *byte == b'\n') {
            self.lines += self::count(new);
            self.forget(before + last + 1);
            self.is_cut = false;
        }
        if self.written > MOST {
            self.forget(self.written);
            self.is_cut = true;
        }
    }

    /// Another connection is to get a begun line whole; false if its beginning is forgotten, so that its rest is dropped.
    pub(super) fn begin_again(&mut self) -> bool {
        self.written = 0;
        if !std::mem::take(&mut self.is_cut) {
            return true;
        }
        let end = line_end(&self.bytes);
        self.skips = end.is_none();
        self.forget(end.unwrap_or(self.bytes.len()));
        false
    }

    fn forget(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.written = self.written.saturating_sub(count);
    }
}

/// Where the first line ends, behind its line end.
fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}

fn count(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(outgoing: &Outgoing) -> &str {
        str::from_utf8(outgoing.waiting()).unwrap()
    }

    #[test]
    fn wherever_a_connection_breaks_a_begun_line_is_written_again_whole() {
        let text = "one\ntwo\n\nfour\nhalf";
        for broken in 0..=text.len() {
            let mut outgoing = Outgoing::default();
            for byte in text.bytes() {
                outgoing.push(&[byte]);
            }
            for _ in 0..broken {
                outgoing.advance(1);
            }
            let line = text[..broken].rfind('\n').map_or(0, |at| at + 1);
            assert_eq!(waiting(&outgoing), &text[broken..]);
            assert!(outgoing.begin_again());
            assert_eq!(waiting(&outgoing), &text[line..], "broken after {broken}");
            assert_eq!(outgoing.lines(), text[..line].matches('\n').count() as u64);
            outgoing.end_line();
            assert_eq!(outgoing.lines_waiting(), text[line..].lines().count() as u64);
            outgoing.advance(usize::MAX);
            assert!(outgoing.is_empty());
            assert_eq!(outgoing.lines(), 5, "each is counted once");
        }
    }

    #[test]
    fn a_line_end_is_added_only_where_one_is_missing() {
        for (read, written, ended) in
            [("", 0, ""), ("a\n", 0, "a\n"), ("a\n", 2, ""), ("a\nb", 0, "a\nb\n"), ("a", 1, "\n")]
        {
            let mut outgoing = Outgoing::default();
            outgoing.push(read.as_bytes());
            outgoing.advance(written);
            outgoing.end_line();
            assert_eq!(waiting(&outgoing), ended, "{read:?}");
        }
    }

    #[test]
    fn of_an_endless_line_a_new_connection_gets_nothing_but_the_next_line() {
        for ended_before in [true, false] {
            let mut outgoing = Outgoing::default();
            outgoing.push(&vec![b'x'; MOST + 1]);
            outgoing.advance(MOST + 1);
            assert!(outgoing.bytes.is_empty(), "it is not kept");
            outgoing.push(b"rest");
            if ended_before {
                outgoing.push(b"\nnext\n");
            }
            assert!(!outgoing.begin_again());
            if !ended_before {
                assert!(outgoing.is_empty());
                outgoing.push(b"more");
                outgoing.push(b"end\nnext\n");
            }
            assert_eq!(waiting(&outgoing), "next\n");
            outgoing.advance(2);
            assert!(outgoing.begin_again());
            assert_eq!(waiting(&outgoing), "next\n");
        }
        let mut outgoing = Outgoing::default();
        outgoing.push(&vec![b'x'; MOST + 1]);
        outgoing.advance(MOST + 1);
        outgoing.end_line();
        assert_eq!(waiting(&outgoing), "\n");
    }
}
