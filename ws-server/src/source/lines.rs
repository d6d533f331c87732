//! Cuts bytes into lines: pure, bounded, and strict about UTF-8.

/// Lines that were not published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) not_utf8: u64,
    /// Lines longer than `--max-line`.
    pub(crate) too_long: u64,
}

impl Dropped {
    pub(crate) fn total(self) -> u64 {
        self.not_utf8.saturating_add(self.too_long)
    }
}

/// Cuts one producer's bytes into lines, which may come in any pieces.
#[derive(Debug)]
pub(crate) struct Splitter {
    max_line: usize,
    /// The beginning of a line whose end was not seen; never longer than `max_line` and a carriage return.
    partial: Vec<u8>,
    /// The present line is too long already: skip to its end.
    overlong: bool,
    dropped: Dropped,
}

impl Splitter {
    /// A splitter for lines of at most `max_line` bytes, without their line end.
    pub(crate) fn new(max_line: usize) -> Self {
        Self { max_line, partial: Vec::new(), overlong: false, dropped: Dropped::default() }
    }

    /// The beginning of a line whose end has not come; `None` if it is too long already.
    pub(crate) fn into_partial(self) -> Option<Vec<u8>> {
        (!self.overlong).then_some(self.partial)
    }

    /// Goes on with the beginning of a line from [`Splitter::into_partial`].
    pub(crate) fn adopt(&mut self, partial: Option<Vec<u8>>) {
        self.overlong = partial.is_none();
        self.partial = partial.unwrap_or_default();
    }

    pub(crate) fn limit(&mut self, max_line: usize) {
        self.max_line = max_line;
    }

    /// Passes each line that ends in `bytes` to `emit`, without its LF or CR LF.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(&str)) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(at);
            rest = after.get(1..).unwrap_or_default();
            if self.partial.is_empty() && !self.overlong {
                self.emit_line(line, &mut emit);
            } else {
                self.keep(line);
                self.end(&mut emit);
            }
        }
        self.keep(rest);
    }

    /// The producer has ended: its last line counts even without a line end.
    pub(crate) fn finish(&mut self, mut emit: impl FnMut(&str)) {
        if self.overlong || !self.partial.is_empty() {
            self.end(&mut emit);
        }
    }

    /// Lines dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> Dropped {
        std::mem::take(&mut self.dropped)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.overlong {
            return;
        }
        // One byte more than the limit: it may be the carriage return before the line end.
        if self.partial.len().saturating_add(bytes.len()) > self.max_line.saturating_add(1) {
            self.overlong = true;
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, emit: &mut impl FnMut(&str)) {
        if std::mem::take(&mut self.overlong) {
            self.dropped.too_long = self.dropped.too_long.saturating_add(1);
            return;
        }
        let line = std::mem::take(&mut self.partial);
        self.emit_line(&line, emit);
        self.partial = line;
        self.partial.clear();
    }

    fn emit_line(&mut self, line: &[u8], emit: &mut impl FnMut(&str)) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.max_line {
            self.dropped.too_long = self.dropped.too_long.saturating_add(1);
        } else if let Ok(text) = std::str::from_utf8(line) {
            emit(text);
        } else {
            self.dropped.not_utf8 = self.dropped.not_utf8.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]], max_line: usize) -> (Vec<String>, Dropped) {
        let mut splitter = Splitter::new(max_line);
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.feed(piece, |line| lines.push(line.to_owned()));
        }
        splitter.finish(|line| lines.push(line.to_owned()));
        (lines, splitter.take_dropped())
    }

    #[test]
    fn lines_are_the_same_whole_byte_by_byte_and_at_every_split() {
        let input = "one\r\n\nd\u{f6}er\r\r\nabcdefgh\nabcdefghi\nlast".as_bytes();
        let lines = ["one", "", "d\u{f6}er\r", "abcdefgh", "last"].map(str::to_owned).to_vec();
        let expected = (lines, Dropped { not_utf8: 0, too_long: 1 });
        assert_eq!(split(&[input], 8), expected);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(split(&bytes, 8), expected);
        for at in 0..=input.len() {
            let (a, b) = input.split_at(at);
            assert_eq!(split(&[a, b], 8), expected, "split at {at}");
        }
    }

    #[test]
    fn a_line_that_is_not_utf8_is_dropped_alone() {
        let (lines, dropped) = split(&[b"a\n\xff\xfe\nb\n\xc3", b"\xb6\n\xc3"], 16);
        assert_eq!(lines, ["a", "b", "\u{f6}"]);
        assert_eq!(dropped, Dropped { not_utf8: 2, too_long: 0 });
    }

    #[test]
    fn an_endless_line_costs_no_memory() {
        let mut splitter = Splitter::new(100);
        for _ in 0..10_000 {
            splitter.feed(&[b'x'; 1000], |_| panic!("no line ended"));
            assert!(splitter.partial.capacity() <= 256);
        }
        let mut lines = Vec::new();
        splitter.feed(b"\nshort\n", |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["short"]);
        assert_eq!(splitter.take_dropped().too_long, 1);
        assert_eq!(splitter.take_dropped().total(), 0);
    }

    #[test]
    fn a_line_of_exactly_the_limit_passes_with_either_line_end() {
        assert_eq!(split(&[b"12345678\r\n12345678\n123456789\r\n"], 8).0, ["12345678", "12345678"]);
        assert_eq!(split(&[b"12345678", b"\r\n"], 8).0, ["12345678"]);
        assert_eq!(split(&[b"12345678\r", b"x\n"], 8).1.too_long, 1);
    }
}
