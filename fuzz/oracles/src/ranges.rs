//! `Range`: what is selected lies within the file, and is what the field says.

use static_server::fuzzing::range;

use crate::{allocation, input::Choices};

const LENGTHS: [u64; 5] = [0, 1, 10, 1 << 40, u64::MAX];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (len, is_bare) = (choices.one_of(&LENGTHS), choices.byte() % 2 == 1);
    let value = if is_bare { choices.rest().to_vec() } else { [b"bytes=", choices.rest()].concat() };
    let selected = allocation::none(|| range(&[&value], len));
    assert_eq!(range(&[&value, &value], len), Ok(None), "two fields");
    assert_eq!(range(&[], len), Ok(None));
    if let Ok(Some(part)) = &selected {
        assert!(part.start < part.end && part.end <= len, "{part:?} of {len}");
        // In other words the same bytes.
        let text = format!("bytes={}-{}", part.start, part.end - 1);
        assert_eq!(range(&[text.as_bytes()], len).as_ref(), Ok(&Some(part.clone())));
        let suffix = format!("bytes=-{}", len - part.start);
        assert_eq!(range(&[suffix.as_bytes()], len), Ok(Some(part.start..len)));
    }
    if selected == Err(416) && len > 0 {
        // Nothing of a file with bytes: beyond its end, or the last 0 bytes.
        assert!(value.iter().any(u8::is_ascii_digit));
    }
}
