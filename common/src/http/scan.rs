//! Finds the end of a request head in bytes that arrive in pieces, and refuses early what cannot become a request.

use super::request_line::{self, Words};
use super::{HeadError, plain_run};

/// The most header fields that a server can allow in a head.
pub const MAX_HEADERS: usize = 64;

/// Bounds of a request head; what exceeds one is refused before the rest arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head in bytes, the blank line included.
    pub max_bytes: usize,
    /// Header fields; a number above [`MAX_HEADERS`] counts as [`MAX_HEADERS`].
    pub max_headers: usize,
    /// The request target in bytes.
    pub max_target: usize,
}

impl Default for HeadLimits {
    /// 32 KiB, 64 fields and a target of 8 KiB: what browsers and proxies pass on, with many cookies. RFC 9110 §4.1: "It is
    /// RECOMMENDED that all senders and recipients support, at a minimum, URIs with lengths of 8000 octets".
    fn default() -> Self {
        Self { max_bytes: 32 * 1024, max_headers: MAX_HEADERS, max_target: 8 * 1024 }
    }
}

/// The bytes of a whole head, the blank line included, each of which a [`HeadScan`] has checked.
#[derive(Clone, Copy, Debug)]
pub struct ScannedHead<'h> {
    pub(super) bytes: &'h [u8],
    /// Where the first field line begins.
    pub(super) first_field: usize,
    /// How many field lines it has.
    pub(super) fields: usize,
    /// Those of the request line, where the scan has read it as a whole.
    pub(super) words: Option<Words<'h>>,
}

impl ScannedHead<'_> {
    /// Where the head ends in the input that was scanned.
    pub fn end(&self) -> usize {
        self.bytes.len()
    }
}

/// The search for the end of a head; it looks at each byte once, however small the pieces are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadScan {
    /// How many bytes of the head it has looked at.
    scanned: usize,
    /// Where the current line begins.
    line: usize,
    /// Where the current word of the request line begins; once that line has ended, where the first field line does.
    word: usize,
    /// Blanks in the request line so far.
    blanks: u8,
    /// Complete lines so far, the request line included.
    lines: usize,
    /// True if the last byte was CR.
    after_cr: bool,
}

impl HeadScan {
    /// Looks for the blank line; `input` holds all bytes of the head from its beginning. Returns the length of the head in
    /// bytes, the blank line included, once that line has arrived.
    ///
    /// # Errors
    /// [`HeadError`] with the first byte that rules out a request within the limits, so that a client that does not
    /// speak HTTP gets its answer at once, not at the deadline.
    pub fn find_end(&mut self, input: &[u8], limits: HeadLimits) -> Result<Option<usize>, HeadError> {
        self.take_request_line(input, limits);
        self.find_end_of_rest(input, limits)
    }

    /// True once it has looked at a byte.
    pub(super) fn has_begun(&self) -> bool {
        self.scanned > 0
    }

    /// The same without the [request line](Self::take_request_line) that has come whole.
    fn find_end_of_rest(&mut self, input: &[u8], limits: HeadLimits) -> Result<Option<usize>, HeadError> {
        let within = input.get(..limits.max_bytes).unwrap_or(input);
        loop {
            if self.lines > 0 && !self.after_cr && self.take_field_lines(within, limits)? {
                return Ok(Some(self.scanned));
            }
            self.scanned += self.plain(within.get(self.scanned..).unwrap_or_default(), limits);
            let Some(&byte) = within.get(self.scanned) else { break };
            self.scanned += 1;
            if self.step(byte, within, limits)? {
                return Ok(Some(self.scanned));
            }
        }
        if self.scanned >= limits.max_bytes {
            let in_target = self.lines == 0 && self.blanks == 1;
            return Err(if in_target { HeadError::TargetTooLong } else { HeadError::TooLong });
        }
        Ok(None)
    }

    /// The same as [`HeadScan::find_end`], with the head for [`Head::of_scanned`](super::Head::of_scanned).
    ///
    /// # Errors
    /// Those of [`HeadScan::find_end`].
    pub fn find<'h>(
        &mut self,
        input: &'h [u8],
        limits: HeadLimits,
    ) -> Result<Option<ScannedHead<'h>>, HeadError> {
        let words = self.take_request_line(input, limits);
        let len = self.find_end_of_rest(input, limits)?;
        Ok(len.and_then(|len| input.get(..len)).map(|bytes| self.whole(bytes, words)))
    }

    /// As [`Self::find`], with what stands behind the head, to be changed in its place.
    ///
    /// # Errors
    /// Those of [`Self::find_end`].
    pub fn find_in<'h>(
        &mut self,
        input: &'h mut [u8],
        limits: HeadLimits,
    ) -> Result<Option<(ScannedHead<'h>, &'h mut [u8])>, HeadError> {
        let len = self.find_end(input, limits)?;
        let split = len.and_then(|len| input.split_at_mut_checked(len));
        Ok(split.map(|(bytes, rest)| (self.whole(bytes, None), rest)))
    }

    fn whole<'h>(&self, bytes: &'h [u8], words: Option<Words<'h>>) -> ScannedHead<'h> {
        ScannedHead { bytes, first_field: self.word, fields: self.lines.saturating_sub(1), words }
    }

    /// Takes a request line that has come whole, if nothing is wrong with it, without a step for each of its words; returns these.
    fn take_request_line<'i>(&mut self, input: &'i [u8], limits: HeadLimits) -> Option<Words<'i>> {
        if self.scanned > 0 {
            return None;
        }
        let within = input.get(..limits.max_bytes).unwrap_or(input);
        let len = text(within);
        let (line, [b'\r', b'\n', ..]) = within.split_at_checked(len)? else { return None };
        let words = request_line::check(line).ok()?;
        let (method, target, _) = words;
        if method.len() > request_line::MAX_METHOD || target.len() > limits.max_target {
            return None;
        }
        let after = len + 2;
        *self = Self { scanned: after, line: after, word: after, blanks: 2, lines: 1, after_cr: false };
        Some(words)
    }

    /// Takes the field lines that have come whole, and what may stand in one that has not, without a step for each of their bytes;
    /// true if the blank line behind them has come.
    fn take_field_lines(&mut self, input: &[u8], limits: HeadLimits) -> Result<bool, HeadError> {
        let mut rest = input.get(self.scanned..).unwrap_or_default();
        loop {
            let (_, behind) = rest.split_at_checked(text(rest)).unwrap_or_default();
            self.scanned = input.len() - behind.len();
            let [b'\r', b'\n', next @ ..] = behind else { return Ok(false) };
            let is_blank = self.scanned == self.line;
            self.scanned += 2;
            self.line = self.scanned;
            if is_blank {
                return Ok(true);
            }
            self.count_line(limits)?;
            rest = next;
        }
    }

    /// How many bytes at the beginning of these [`Self::step`] would take without a change: those of a word of the request line
    /// that may stand there.
    fn plain(&self, bytes: &[u8], limits: HeadLimits) -> usize {
        let within = |most: usize| {
            let room = self.word.saturating_add(most).saturating_sub(self.scanned);
            bytes.get(..room).unwrap_or(bytes)
        };
        match self.blanks {
            _ if self.after_cr || self.lines > 0 => 0,
            0 => {
                let method = within(request_line::MAX_METHOD).iter();
                method.take_while(|byte| request_line::is_token_byte(**byte)).count()
            }
            1 => word(within(limits.max_target)),
            _ => word(within(request_line::VERSION_LEN)),
        }
    }

    /// Takes one byte; true if it ends the head.
    fn step(&mut self, byte: u8, input: &[u8], limits: HeadLimits) -> Result<bool, HeadError> {
        match byte {
            b'\n' if self.after_cr => {
                self.after_cr = false;
                return self.end_line(input, limits);
            }
            // RFC 9112 §2.2: "A recipient of such a bare CR MUST consider that element to be invalid". It lets a recipient
            // take a bare LF as a line's end; where one server does and the next does not, an attacker can smuggle
            // requests.
            _ if self.after_cr || byte == b'\n' => return Err(HeadError::ControlByte),
            b'\r' => self.after_cr = true,
            b'\t' if self.lines > 0 => {}
            // RFC 9110 §5.5: "Field values containing CR, LF, or NUL characters are invalid and dangerous"
            0x00..=0x1F | 0x7F => return Err(HeadError::ControlByte),
            _ if self.lines == 0 => self.step_request_line(byte, limits)?,
            _ => {}
        }
        Ok(false)
    }

    /// Takes one byte of the request line, neither CR nor LF; each of the line's three words has a bound.
    fn step_request_line(&mut self, byte: u8, limits: HeadLimits) -> Result<(), HeadError> {
        let len = self.scanned - self.word;
        match (self.blanks, byte) {
            (0 | 1, b' ') => {
                // An empty word: RFC 9112 §3 has single blanks, and none before the method.
                if len == 1 {
                    return Err(HeadError::RequestLine);
                }
                self.blanks += 1;
                self.word = self.scanned;
            }
            (0, byte) if !request_line::is_token_byte(byte) => return Err(HeadError::RequestLine),
            (0, _) if len > request_line::MAX_METHOD => return Err(HeadError::Method),
            (1, _) if len > limits.max_target => return Err(HeadError::TargetTooLong),
            (2.., _) if len > request_line::VERSION_LEN || byte == b' ' => {
                return Err(HeadError::RequestLine);
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks the line that has just ended; true if it is the blank line behind the head.
    fn end_line(&mut self, input: &[u8], limits: HeadLimits) -> Result<bool, HeadError> {
        let line = self.line..self.scanned - 2;
        self.line = self.scanned;
        if self.lines == 0 {
            self.word = self.scanned;
        }
        if line.is_empty() {
            // RFC 9112 §2.2: "a server ... SHOULD ignore at least one empty line (CRLF) received prior to the
            // request-line."
            return Ok(self.lines > 0);
        }
        if self.lines == 0 {
            request_line::check(input.get(line).unwrap_or_default())?;
        }
        self.count_line(limits)?;
        Ok(false)
    }

    fn count_line(&mut self, limits: HeadLimits) -> Result<(), HeadError> {
        self.lines += 1;
        if self.lines > limits.max_headers.min(MAX_HEADERS) + 1 {
            Err(HeadError::TooManyFields)
        } else {
            Ok(())
        }
    }
}

/// How many bytes at the beginning are blanks, printable, or beyond ASCII.
fn text(bytes: &[u8]) -> usize {
    plain_run::<b' ', 0x7F>(bytes)
}

/// The same without blanks.
fn word(bytes: &[u8]) -> usize {
    plain_run::<b'!', 0x7F>(bytes)
}
