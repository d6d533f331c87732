//! Who may read the stream and who may publish: by the token that a request presents.

use std::net::IpAddr;

use common::http::Head;

use super::{settings::Access, state::ConnectionGrant};

/// Why a request may neither read nor publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) status: u16,
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: Option<&'static str>,
    /// One line that says what to do.
    pub(crate) body: String,
}

impl Access {
    /// Whose token lets this request read; `None`: it needs none.
    ///
    /// # Errors
    /// What to answer to a request without a right token.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "no option asks for a token yet")]
    pub(crate) fn reader(&self, _head: &Head<'_>) -> Result<ConnectionGrant, Denied> {
        Ok(None)
    }

    /// Whose token lets this request publish; `None`: it needs none. It came in at this local address; `None` stands for a Unix
    /// socket.
    ///
    /// # Errors
    /// What to answer to a request without a right token.
    #[allow(clippy::unnecessary_wraps, clippy::unused_self, reason = "no option asks for a token yet")]
    pub(crate) fn publisher(
        &self,
        _head: &Head<'_>,
        _local: Option<IpAddr>,
    ) -> Result<ConnectionGrant, Denied> {
        Ok(None)
    }
}
