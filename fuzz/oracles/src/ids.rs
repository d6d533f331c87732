//! Ids of messages, and what a client says that it has.

use common::id::{Epoch, MessageId, Since};

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let present = Epoch::from_millis(u64::from(choices.byte()));
    let text = choices.rest();
    let Some(since) = allocation::none(|| Since::parse(text)) else { return };
    let written = since.to_string();
    assert_eq!(Since::parse(written.as_bytes()), Some(since), "{written}");
    assert!(
        written.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'_' | b'n' | b'o'))
    );
    match since {
        Since::Id(id) => {
            assert!(written.len() <= text.len() && text.starts_with(&written.as_bytes()[..13]), "{written}");
            assert_eq!(since.next_in(id.epoch), Some(id.number.saturating_add(1)));
            if let Some(number) = id.number.checked_add(1) {
                assert_eq!(Since::before(MessageId { number, ..id }), since);
            }
            assert!(since.next_in(id.epoch.next()).is_none() || id.epoch == id.epoch.next());
        }
        Since::Number(number) => assert_eq!(since.next_in(present), Some(number.saturating_add(1))),
        Since::Nothing(epoch) => assert_eq!(since, Since::before(MessageId { epoch, number: 0 })),
        Since::Unknown => panic!("no text is unknown"),
    }
}
