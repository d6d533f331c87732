//! What a connection keeps of an accepted token.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// An accepted token: the name that stands beside it in its file, and its SHA-256 digest. The token itself is kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The name in the file.
    pub name: Arc<str>,
    /// The SHA-256 digest of the token.
    pub digest: [u8; 32],
}

impl Grant {
    /// The grant of the token that has this name.
    pub fn new(name: impl Into<Arc<str>>, token: &[u8]) -> Self {
        Self { name: name.into(), digest: digest(token) }
    }
}

/// The SHA-256 digest of a token.
pub(super) fn digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Shows the name alone: a token that is short or chosen by a person can be found by its digest.
impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Grant").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_token_nor_its_digest_is_shown() {
        let grant = Grant::new("alice", b"0123456789abcdef");
        assert_eq!(format!("{grant:?}"), r#"Grant("alice")"#);
        assert_eq!(grant.digest[..4], [0x9f, 0x9f, 0x51, 0x11], "SHA-256 of FIPS 180-4");
    }
}
