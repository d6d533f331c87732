//! `<policy-file-request/>` and the byte that ends it.

use common::Parsed;
use common::policy::{PolicyRequest, REQUEST};

use crate::{allocation, input::Choices, pieces::in_any_pieces};

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (begun, cut) = (usize::from(choices.byte()) % (REQUEST.len() + 1), usize::from(choices.byte()));
    let bytes = [&REQUEST[..begun], choices.rest()].concat();
    let ours = in_any_pieces(&bytes, cut, feed);
    let ending = bytes.strip_prefix(REQUEST);
    let expected = match ending {
        Some([0 | b'\r' | b'\n', ..]) => Verdict::Complete(REQUEST.len() + 1),
        Some([]) => Verdict::Waits { may_end: true },
        None if REQUEST.starts_with(&bytes) => Verdict::Waits { may_end: false },
        _ => Verdict::Refused,
    };
    assert_eq!(ours, expected);
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// With so many bytes.
    Complete(usize),
    Waits {
        may_end: bool,
    },
    Refused,
}

fn feed(pieces: &[&[u8]]) -> Verdict {
    let (mut request, mut fed) = (PolicyRequest::default(), 0);
    for piece in pieces {
        match allocation::none(|| request.feed(piece)) {
            Ok(Parsed::Complete { len, .. }) => return Verdict::Complete(fed + len),
            Ok(Parsed::Partial) => fed += piece.len(),
            Err(_) => return Verdict::Refused,
        }
    }
    Verdict::Waits { may_end: request.is_complete_at_end() }
}
