//! Lines of producers: in any pieces, across a hand-over, with given numbers and words.

use ws_server::fuzzing::{Given, given_line, lines};

use crate::{input::Choices, pieces::in_any_pieces};

const MAX_LINES: [usize; 4] = [16 * 1024, 10, 1, 0];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (max, cut) = (choices.one_of(&MAX_LINES), usize::from(choices.byte()));
    let hands_over = choices.byte() % 2 == 1;
    let bytes = choices.rest();
    let (lines, dropped) = in_any_pieces(bytes, cut, |pieces| lines(pieces, max, hands_over, max + 4));
    assert!(lines.iter().all(|line| line.len() <= 3 * max && !line.contains('\n')));
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let rest = usize::from(!bytes.is_empty() && !bytes.ends_with(b"\n"));
    let total = lines.len() + usize::try_from(dropped).expect("few");
    // An input that is a byte order mark alone has no line.
    assert!(total == ends + rest || total == ends + rest + 1, "{total} of {} lines", ends + rest);
    bytes.split(|&byte| byte == b'\n').for_each(given);
}

/// A line with a number, and the same line written again.
fn given(line: &[u8]) {
    match given_line(line) {
        Given::Message(id, text) => {
            assert!(id.number < u64::MAX && line.ends_with(&text));
            let again = [format!("{id}\t").as_bytes(), &text].concat();
            assert_eq!(given_line(&again), Given::Message(id, text));
        }
        Given::Word(caught_up) => assert_eq!(line, if caught_up { &b"!caught-up"[..] } else { b"!gap" }),
        Given::UnknownWord => assert!(line.starts_with(b"!") && !line.contains(&b'\t')),
        Given::NoNumber => assert!(!line.starts_with(b"!") || line.contains(&b'\t')),
    }
}
