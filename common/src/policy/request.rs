//! Recognizes `<policy-file-request/>`.

use crate::Parsed;

/// The request without the byte that ends it: 22 bytes.
pub const REQUEST: &[u8] = b"<policy-file-request/>";

/// These bytes are not a policy request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a policy request")]
pub struct PolicyRequestError;

/// Recognizes the request in bytes that arrive in pieces; it looks at 23 of them at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyRequest {
    /// How many bytes have matched.
    matched: usize,
}

impl PolicyRequest {
    /// Takes the next bytes, never the same ones twice. `Complete` holds how many of them belong to the request, which
    /// Flash ends with NUL, and a person with `nc` ends with CR or LF.
    ///
    /// # Errors
    /// [`PolicyRequestError`] with the first byte that does not belong to a request.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Parsed<()>, PolicyRequestError> {
        let missing = REQUEST.get(self.matched..).unwrap_or_default();
        let (next, behind) = bytes.split_at(missing.len().min(bytes.len()));
        if !missing.starts_with(next) {
            return Err(PolicyRequestError);
        }
        self.matched += next.len();
        match behind.first() {
            None => Ok(Parsed::Partial),
            Some(0 | b'\r' | b'\n') => Ok(Parsed::Complete { value: (), len: next.len() + 1 }),
            Some(_) => Err(PolicyRequestError),
        }
    }

    /// True if a stream that ends here holds a complete request.
    pub fn is_complete_at_end(&self) -> bool {
        self.matched == REQUEST.len()
    }
}
