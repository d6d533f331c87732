//! Messages as lines, `EPOCH_NUMBER<TAB>TEXT`: pure.

use common::id::{Epoch, MessageId};

/// What is written once this much waits.
pub(super) const ENOUGH: usize = 64 * 1024;

/// Lines that wait to be written, all of them whole.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    count: u64,
    /// Of those, the ones in which line ends became spaces.
    changed: u64,
}

impl Lines {
    /// Adds a message; without an epoch its number stands alone. True if line ends in it became spaces: the rest of the message would be
    /// a line without a number.
    pub(super) fn push(&mut self, epoch: Option<Epoch>, number: u64, text: &[u8]) -> bool {
        let id = match epoch {
            Some(epoch) => MessageId { epoch, number }.to_string(),
            None => number.to_string(),
        };
        self.bytes.extend_from_slice(id.as_bytes());
        self.bytes.push(b'\t');
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(text);
        let mut is_changed = false;
        for byte in self.bytes.iter_mut().skip(begin).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
            is_changed = true;
        }
        self.bytes.push(b'\n');
        self.count += 1;
        self.changed += u64::from(is_changed);
        is_changed
    }

    /// Adds `!caught-up`: ws-server has all that there was when it greeted us.
    pub(super) fn push_caught_up(&mut self) {
        self.bytes.extend_from_slice(b"!caught-up\n");
    }

    /// Adds `!gap`: messages before the next one are lost to this ws-server.
    pub(super) fn push_gap(&mut self) {
        self.bytes.extend_from_slice(b"!gap\n");
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// True if it is time to write.
    pub(super) fn is_enough(&self) -> bool {
        self.bytes.len() >= ENOUGH
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of messages, and of those that are changed.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.count, self.changed)
    }

    /// Forgets what is written, and the memory of a huge message.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * ENOUGH);
        (self.count, self.changed) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let epoch = Some(Epoch::from_millis(0x0193_2f5a_0c2e));
        let mut lines = Lines::default();
        for (epoch, number, text, line) in [
            (epoch, 1, &b"one"[..], &b"01932f5a0c2e_1\tone\n"[..]),
            (None, 2, b"two", b"2\ttwo\n"),
            (None, 3, b"", b"3\t\n"),
            (None, 4, b"a\tb", b"4\ta\tb\n"),
            (None, 5, b"!gap", b"5\t!gap\n"),
            (None, 6, b"\xff\0", b"6\t\xff\0\n"),
        ] {
            assert!(!lines.push(epoch, number, text));
            assert_eq!(lines.bytes(), line);
            assert_eq!(lines.counts(), (1, 0));
            lines.clear();
        }
        for (text, line) in [(&b"a\nb"[..], &b"7\ta b\n"[..]), (b"\r\n", b"7\t  \n"), (b"a\r", b"7\ta \n")] {
            assert!(lines.push(None, 7, text));
            assert_eq!(lines.bytes(), line);
            assert_eq!(lines.counts(), (1, 1));
            lines.clear();
        }
        assert!(lines.is_empty());
    }

    #[test]
    fn words_stand_on_lines_of_their_own_and_are_no_messages() {
        let mut lines = Lines::default();
        lines.push_gap();
        lines.push(None, 9, b"x");
        lines.push_caught_up();
        assert_eq!(lines.bytes(), b"!gap\n9\tx\n!caught-up\n");
        assert_eq!(lines.counts(), (1, 0));
    }

    #[test]
    fn the_memory_of_a_huge_message_is_given_back() {
        let mut lines = Lines::default();
        lines.push(None, 1, &vec![b'x'; 8 << 20]);
        assert!(lines.is_enough());
        lines.clear();
        assert!(lines.bytes.capacity() <= 2 * ENOUGH);
    }
}
