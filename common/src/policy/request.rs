//! Recognizes `<policy-file-request/>`.

use crate::Parsed;

/// The request, without what ends it: 22 bytes.
pub const REQUEST: &[u8] = b"<policy-file-request/>";

/// These bytes are not a policy request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a policy request")]
pub struct NotARequest;

/// Recognizes the request in bytes that arrive in pieces; it never looks at more than 23.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyRequest {
    /// Bytes that matched.
    matched: usize,
}

impl PolicyRequest {
    /// Takes the next bytes, never the same ones twice. `Complete` tells how many of them belonged to the request:
    /// Flash ends it with NUL, people who test with `nc` with CR or LF.
    ///
    /// # Errors
    /// [`NotARequest`] with the first byte that does not belong there.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Parsed<()>, NotARequest> {
        for (index, &byte) in bytes.iter().enumerate() {
            match REQUEST.get(self.matched) {
                Some(&expected) if expected == byte => self.matched += 1,
                None if matches!(byte, 0 | b'\r' | b'\n') => {
                    return Ok(Parsed::Complete { value: (), len: index + 1 });
                }
                _ => return Err(NotARequest),
            }
        }
        Ok(Parsed::Partial)
    }

    /// True if the request counts as complete when the stream ends here.
    pub fn is_complete_at_end(&self) -> bool {
        self.matched == REQUEST.len()
    }
}
