//! A line whose number its producer gives (`--numbers given`): pure.
//!
//! ```text
//!  NUMBER <TAB> TEXT         a message; NUMBER alone is of epoch 000000000000
//!  EPOCH_NUMBER <TAB> TEXT   a message, by its full id
//!  !caught-up                a word to ws-server: it has a mark, and no tab
//! ```

use common::id::{Epoch, MessageId, Since};

/// Bytes that may stand before a message's text: the longest id and a tab.
pub(super) const LONGEST_PREFIX: usize = "ffffffffffff_18446744073709551615\t".len();

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenLine<'l> {
    /// A message, its text still as the producer wrote it.
    Message { id: MessageId, text: &'l [u8] },
    /// `!caught-up`: the producer has given all that there was when it began.
    CaughtUp,
    /// `!gap`: messages before its next line are lost.
    Gap,
    /// Another word, from a later version perhaps.
    UnknownWord,
    /// No tab, or what stands before it is no number.
    NoNumber,
}

impl<'l> GivenLine<'l> {
    /// Reads a line without its line end.
    pub(super) fn parse(line: &'l [u8]) -> Self {
        let head = line.get(..LONGEST_PREFIX).unwrap_or(line);
        let Some(tab) = head.iter().position(|byte| *byte == b'\t') else {
            return Self::word(line);
        };
        let (number, rest) = line.split_at(tab);
        match (id(number), rest.get(1..)) {
            (Some(id), Some(text)) => Self::Message { id, text },
            _ => Self::NoNumber,
        }
    }

    fn word(line: &[u8]) -> Self {
        match line {
            b"!caught-up" => Self::CaughtUp,
            b"!gap" => Self::Gap,
            [b'!', rest @ ..] if !rest.contains(&b'\t') => Self::UnknownWord,
            _ => Self::NoNumber,
        }
    }
}

/// An id, or a number alone. There is always a number that comes next, so that the greatest one is none.
fn id(text: &[u8]) -> Option<MessageId> {
    let id = match Since::parse(text)? {
        Since::Id(id) => id,
        Since::Number(number) => MessageId { epoch: Epoch::default(), number },
        Since::Nothing(_) | Since::Unknown => return None,
    };
    (id.number < u64::MAX).then_some(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(epoch: u64, number: u64, text: &str) -> GivenLine<'_> {
        let id = MessageId { epoch: Epoch::from_millis(epoch), number };
        GivenLine::Message { id, text: text.as_bytes() }
    }

    #[test]
    fn a_message_is_a_number_or_an_id_and_a_tab_and_its_text() {
        for (line, expected) in [
            ("0\tzero", message(0, 0, "zero")),
            ("7\t", message(0, 7, "")),
            ("007\tseven", message(0, 7, "seven")),
            ("8\ta\tb\t", message(0, 8, "a\tb\t")),
            ("9\t!caught-up", message(0, 9, "!caught-up")),
            ("01932f5a0c2e_15\ttext", message(0x0193_2f5a_0c2e, 15, "text")),
            ("000000000000_15\ttext", message(0, 15, "text")),
            ("18446744073709551614\tlast", message(0, u64::MAX - 1, "last")),
            ("ffffffffffff_18446744073709551614\tlast", message(u64::MAX, u64::MAX - 1, "last")),
        ] {
            assert_eq!(GivenLine::parse(line.as_bytes()), expected, "{line:?}");
        }
    }

    #[test]
    fn what_is_neither_a_message_nor_a_word_has_no_number() {
        let long = format!("{}1\tx", "0".repeat(LONGEST_PREFIX));
        for line in [
            "",
            "text",
            "7",
            "7 text",
            "\ttext",
            " 7\ttext",
            "+7\ttext",
            "-7\ttext",
            "7.0\ttext",
            "18446744073709551615\ttext",
            "18446744073709551616\ttext",
            "01932f5a0c2e_18446744073709551615\ttext",
            "01932F5A0C2E_1\ttext",
            "1932f5a0c2e_1\ttext",
            "01932f5a0c2e_\ttext",
            "01932f5a0c2e-1\ttext",
            "!gap\t",
            "!caught-up\t7",
            "!and a word that is longer than any number\t",
            &long,
        ] {
            assert_eq!(GivenLine::parse(line.as_bytes()), GivenLine::NoNumber, "{line:?}");
        }
        assert_eq!(GivenLine::parse(b"\xff\ttext"), GivenLine::NoNumber);
    }

    #[test]
    fn a_word_begins_with_a_mark_and_has_no_tab() {
        for (line, expected) in [
            ("!caught-up", GivenLine::CaughtUp),
            ("!gap", GivenLine::Gap),
            ("!", GivenLine::UnknownWord),
            ("!gap ", GivenLine::UnknownWord),
            ("!Gap", GivenLine::UnknownWord),
            ("!a word of a later version, with more to say than any number has", GivenLine::UnknownWord),
        ] {
            assert_eq!(GivenLine::parse(line.as_bytes()), expected, "{line:?}");
        }
    }

    /// The same, written to be read.
    fn model(line: &str) -> Option<(u64, u64, &str)> {
        let (before, text) = line.split_once('\t')?;
        let (epoch, number) = before.split_once('_').unwrap_or(("000000000000", before));
        let is_hex = |digit| "0123456789abcdef".contains(digit);
        let is_id = epoch.len() == 12 && epoch.chars().all(is_hex) && before.len() < LONGEST_PREFIX;
        let is_number = !number.is_empty() && number.chars().all(|digit| "0123456789".contains(digit));
        let number = number.parse().ok().filter(|number| *number < u64::MAX)?;
        (is_id && is_number).then(|| (u64::from_str_radix(epoch, 16).unwrap(), number, text))
    }

    proptest! {
        #[test]
        fn every_line_is_read_as_by_the_model(
            line in "(!?[0-9a-f_]{0,14})?[0-9_+ -]{0,22}[\t!]?(caught-up|gap|[\t a-z\u{f6}]{0,40})",
        ) {
            match (GivenLine::parse(line.as_bytes()), model(&line)) {
                (GivenLine::Message { id, text }, Some((epoch, number, expected))) => {
                    prop_assert_eq!((id.epoch.as_millis(), id.number), (epoch, number));
                    prop_assert_eq!(text, expected.as_bytes());
                }
                (GivenLine::Message { .. }, None) => prop_assert!(false, "{:?}", line),
                (word, model) => {
                    prop_assert_eq!(model, None);
                    let is_word = line.starts_with('!') && !line.contains('\t');
                    prop_assert_eq!(word != GivenLine::NoNumber, is_word);
                }
            }
        }

        #[test]
        fn no_bytes_are_too_odd(line in prop::collection::vec(any::<u8>(), 0..60)) {
            if let GivenLine::Message { text, .. } = GivenLine::parse(&line) {
                prop_assert!(line.ends_with(text));
            }
        }
    }
}
