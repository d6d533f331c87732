//! Who may read the stream and who may publish: by the token that a request presents.

use std::{borrow::Cow, net::IpAddr, sync::Arc};

use common::{
    admission::{Deed, Refusal},
    http::Head,
    token::{Grant, TokenList, presented},
};

use super::settings::Access;

/// Whose token a connection has.
pub(crate) type ConnectionGrant = Option<Arc<Grant>>;

/// Why a request may neither read nor publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    pub(crate) status: u16,
    /// The value of `WWW-Authenticate`.
    pub(crate) challenge: Option<&'static str>,
    /// One line that says what to do.
    pub(crate) body: Cow<'static, str>,
}

/// RFC 6750 §3: "If the request lacks any authentication information [...], the resource server SHOULD NOT include an error code".
const NO_TOKEN: &str = r#"Bearer realm="datecast""#;
/// §3.1: "The access token provided is expired, revoked, malformed, or invalid for other reasons."
pub(super) const WRONG_TOKEN: &str = r#"Bearer realm="datecast", error="invalid_token""#;

const NO_READER: &str = "401 Unauthorized: reading this needs a token: send `Authorization: Bearer TOKEN`, or put ?token=TOKEN behind the URL\n";
pub(super) const WRONG_READER: &str = "401 Unauthorized: this token may not read here; send another one as `Authorization: Bearer TOKEN`, or ?token=TOKEN behind the URL\n";
const NO_PUBLISHER: &str = "401 Unauthorized: publishing needs a token, and not in a cookie: curl -H 'Authorization: Bearer TOKEN' -d 'a line' URL\n";
const WRONG_PUBLISHER: &str = "401 Unauthorized: this token may not publish here; send another one: curl -H 'Authorization: Bearer TOKEN' -d 'a line' URL\n";

impl Access {
    /// Whose token lets this request read; `None`: it needs none.
    ///
    /// # Errors
    /// What to answer to a request without a right token.
    pub(crate) fn reader(&self, head: &Head<'_>) -> Result<ConnectionGrant, Denied> {
        let Some(tokens) = &self.readers else { return Ok(None) };
        let token = presented(head, self.admission.trusts_cookies(head));
        judge(tokens, token.as_deref()).map_err(|(challenge, is_wrong)| {
            Denied::by_token(challenge, if is_wrong { WRONG_READER } else { NO_READER })
        })
    }

    /// Whose token lets this request publish; `None`: it needs none. `local` is that of [`Admission::admit`].
    ///
    /// # Errors
    /// What to answer to a request without a right token; where no token is needed, to one that a page of another origin may have
    /// made.
    pub(crate) fn publisher(
        &self,
        head: &Head<'_>,
        local: impl FnOnce() -> Option<IpAddr>,
    ) -> Result<ConnectionGrant, Denied> {
        let Some(tokens) = &self.publishers else {
            return self.admission.admit_publisher(head, local).map(|()| None).map_err(|refusal| Denied {
                status: Refusal::STATUS,
                challenge: None,
                body: format!("{refusal}\n").into(),
            });
        };
        // A browser sends a cookie along for whatever page it shows; what is published stays.
        let token = presented(head, false);
        judge(tokens, token.as_deref()).map_err(|(challenge, is_wrong)| {
            Denied::by_token(challenge, if is_wrong { WRONG_PUBLISHER } else { NO_PUBLISHER })
        })
    }

    /// True if a connection whose token was right at its request may go on with what it does: its token is still in the list, or no
    /// token is needed any more.
    pub(crate) fn still_lets(&self, deed: Deed, grant: Option<&Grant>) -> bool {
        let tokens = match deed {
            Deed::Read => &self.readers,
            Deed::Publish => &self.publishers,
        };
        tokens.as_ref().is_none_or(|tokens| grant.is_some_and(|grant| tokens.has(grant)))
    }

    /// True if the same tokens let the same requests in.
    pub(crate) fn has_same_tokens(&self, other: &Self) -> bool {
        self.readers == other.readers && self.publishers == other.publishers
    }
}

impl Denied {
    fn by_token(challenge: &'static str, body: &'static str) -> Self {
        Self { status: 401, challenge: Some(challenge), body: body.into() }
    }
}

/// The grant of this token, else the challenge, and whether there was one that is wrong.
fn judge(tokens: &TokenList, token: Option<&[u8]>) -> Result<ConnectionGrant, (&'static str, bool)> {
    match token {
        Some(token) => tokens.find(token).map(Some).ok_or((WRONG_TOKEN, true)),
        None => Err((NO_TOKEN, false)),
    }
}
