//! Cuts standard input into lines: pure, and bounded by the largest line that the servers take.

use bytes::Bytes;

/// A line of the input, numbered from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Which line of the input this is.
    pub(crate) number: u64,
    pub(crate) content: Content,
}

/// What stood in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Without its LF or CR LF.
    Text(Bytes),
    /// More bytes than a message may have; their count, without the line's end.
    TooLong(u64),
}

/// Cuts bytes, which may come in any pieces, into lines.
#[derive(Debug)]
pub(crate) struct Splitter {
    /// Bytes that a line may have.
    most: usize,
    /// The number of the line that comes next.
    number: u64,
    /// The beginning of a line whose end was not seen: at most `most` bytes and a carriage return.
    partial: Vec<u8>,
    /// How many bytes of the present line were let go, because it is too long.
    skipped: u64,
}

impl Splitter {
    /// A splitter at the beginning of its input, for lines of at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, number: 1, partial: Vec::new(), skipped: 0 }
    }

    /// Returns the lines that end in `bytes`.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.keep(line);
            lines.push(self.take());
            rest = behind.get(1..).unwrap_or_default();
        }
        self.keep(rest);
        lines
    }

    /// Returns the last line of an input that ends without a line end, if there is one.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        (self.unfinished() > 0).then(|| self.take())
    }

    /// Bytes of a line whose end has not come.
    pub(crate) fn unfinished(&self) -> u64 {
        self.skipped.saturating_add(self.partial.len() as u64)
    }

    fn keep(&mut self, bytes: &[u8]) {
        // One more than a line may have: the carriage return before its end.
        let room = (self.most + 1).saturating_sub(self.partial.len());
        let (kept, skipped) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.partial.extend_from_slice(kept);
        self.skipped = self.skipped.saturating_add(skipped.len() as u64);
    }

    fn take(&mut self) -> Line {
        let number = self.number;
        self.number = number.saturating_add(1);
        let mut text = std::mem::take(&mut self.partial);
        let skipped = std::mem::take(&mut self.skipped);
        if skipped == 0 && text.last() == Some(&b'\r') {
            text.pop();
        }
        let len = skipped.saturating_add(text.len() as u64);
        let content = if skipped > 0 || text.len() > self.most {
            Content::TooLong(len)
        } else {
            Content::Text(text.into())
        };
        Line { number, content }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line]) -> Vec<String> {
        let of = |line: &Line| match &line.content {
            Content::Text(text) => format!("{} {}", line.number, String::from_utf8_lossy(text)),
            Content::TooLong(len) => format!("{} too long: {len}", line.number),
        };
        lines.iter().map(of).collect()
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        let input = b"one\ntwo\r\n\nfives\nsevens!\nfives\r\nlast";
        let expected = ["1 one", "2 two", "3 ", "4 fives", "5 too long: 7", "6 fives", "7 last"];
        let mut whole = Splitter::new(5);
        let mut lines = whole.feed(input);
        lines.extend(whole.finish());
        assert_eq!(texts(&lines), expected);
        for at in 0..=input.len() {
            let mut splitter = Splitter::new(5);
            let (left, right) = input.split_at(at);
            let mut lines = splitter.feed(left);
            lines.extend(splitter.feed(right));
            lines.extend(splitter.finish());
            assert_eq!(texts(&lines), expected, "cut at {at}");
        }
        let mut splitter = Splitter::new(5);
        let mut lines: Vec<Line> = input.iter().flat_map(|byte| splitter.feed(&[*byte])).collect();
        lines.extend(splitter.finish());
        assert_eq!(texts(&lines), expected, "byte by byte");
    }

    #[test]
    fn an_endless_line_takes_no_more_memory_than_the_longest_one_allowed() {
        let mut splitter = Splitter::new(100);
        for _ in 0..1000 {
            assert!(splitter.feed(&[b'x'; 1000]).is_empty());
        }
        assert_eq!(splitter.unfinished(), 1_000_000);
        assert!(splitter.partial.capacity() < 4096);
        assert_eq!(texts(&splitter.feed(b"\nnext\n")), ["1 too long: 1000000", "2 next"]);
    }

    #[test]
    fn an_input_that_ends_with_a_line_end_has_no_further_line() {
        let mut splitter = Splitter::new(5);
        assert_eq!(splitter.feed(b"one\n").len(), 1);
        assert_eq!(splitter.finish(), None);
        assert_eq!(Splitter::new(5).finish(), None);
    }
}
