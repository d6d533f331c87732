//! The list of origins whose pages may read the stream.

use std::str::FromStr;

/// An origin as browsers send it (RFC 6454 §6.2): `https://example.com`, `http://localhost:8080`, or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// The text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an origin: write scheme://host or scheme://host:port, without a path (or null); every origin may connect without this option"
)]
pub struct OriginError(pub String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let bad = || OriginError(text.to_owned());
        if text == "null" {
            return Ok(Self(text.to_owned()));
        }
        let lower = text.to_ascii_lowercase();
        let (scheme, host) = lower.split_once("://").ok_or_else(bad)?;
        let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        let host_ok = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte));
        if !scheme_ok || !host_ok || host.is_empty() || host.starts_with(':') || host.ends_with(':') {
            return Err(bad());
        }
        // A browser leaves out the scheme's default port.
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let host = host.strip_suffix(default_port).unwrap_or(host);
        Ok(Self(format!("{scheme}://{host}")))
    }
}

/// The origins that a server admits; an empty list admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginList(Vec<Origin>);

impl From<Vec<Origin>> for OriginList {
    fn from(origins: Vec<Origin>) -> Self {
        Self(origins)
    }
}

impl OriginList {
    /// True if the list admits every origin.
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// True if the list admits a request with this `Origin`. A request without one is always admitted: only browsers are
    /// bound to send the truth there.
    pub fn allows(&self, origin: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        self.is_any() || self.0.iter().any(|known| known.0.as_bytes().eq_ignore_ascii_case(origin))
    }

    /// The value of `Access-Control-Allow-Origin` for a request with this `Origin`; `None`: leave the field out. Where
    /// [`OriginList::is_any`] is false, the answer also needs `Vary: Origin`.
    pub fn cors<'o>(&self, origin: Option<&'o [u8]>) -> Option<&'o [u8]> {
        if self.is_any() {
            return Some(b"*");
        }
        origin.filter(|_| self.allows(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str]) -> OriginList {
        origins.iter().map(|text| text.parse().unwrap()).collect::<Vec<Origin>>().into()
    }

    // WS-29
    #[test]
    fn only_an_empty_list_admits_a_foreign_origin() {
        let some = list(&["https://Example.com:443", "http://localhost:8080"]);
        for (origin, allowed) in [
            ("https://example.com", true),
            ("HTTPS://EXAMPLE.COM", true),
            ("http://localhost:8080", true),
            ("http://example.com", false),
            ("https://example.com.evil", false),
            ("https://example.com:444", false),
            ("http://localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(some.allows(Some(origin.as_bytes())), allowed, "{origin}");
            assert!(list(&[]).allows(Some(origin.as_bytes())));
            assert_eq!(some.cors(Some(origin.as_bytes())), allowed.then_some(origin.as_bytes()));
        }
        assert!(some.allows(None), "no browser");
        assert!(list(&["null"]).allows(Some(b"null")));
        assert_eq!((some.cors(None), list(&[]).cors(None)), (None, Some(&b"*"[..])));
    }

    #[test]
    fn a_text_that_is_not_an_origin_is_refused() {
        for text in [
            "",
            "example.com",
            "https://",
            "https://a/",
            "https://a b",
            "://a",
            "https://a:",
            "https://:80",
            "*",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
