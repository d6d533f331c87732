//! The token that a request presents.

use std::borrow::Cow;

use crate::http::Head;

/// The name of the cookie.
const COOKIE: &str = "datecast_token";

/// The token that a request presents: in `Authorization`, else `?token=`, else the cookie if it `takes_cookie`. The first of these that
/// is there counts, and no other, even if it is wrong. Empty for an `Authorization` that holds no token; `None` if there is nothing.
pub fn presented<'h>(head: &Head<'h>, takes_cookie: bool) -> Option<Cow<'h, [u8]>> {
    let mut fields = head.get_all("Authorization");
    if let Some(value) = fields.next() {
        // RFC 9110 §11.6.2 has one: two could mean one client to a proxy in front and another one here.
        let bearer = bearer(value).filter(|_| fields.next().is_none());
        return Some(Cow::Borrowed(bearer.unwrap_or_default()));
    }
    if let Some(token) = head.query_param("token") {
        return Some(with_plus(token));
    }
    cookie(head).filter(|_| takes_cookie).map(Cow::Borrowed)
}

/// RFC 6750 §2.1: `credentials = "Bearer" 1*SP b64token`.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(6)?;
    // RFC 9110 §11.1: "It uses a case-insensitive token to identify the authentication scheme".
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer") && rest.starts_with(b" ");
    is_bearer.then(|| rest.trim_ascii())
}

/// A query spells a blank as `+`, and no token has a blank: whoever pastes one with a `+` need not know.
fn with_plus(token: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if !token.contains(&b' ') {
        return token;
    }
    Cow::Owned(token.iter().map(|&byte| if byte == b' ' { b'+' } else { byte }).collect())
}

/// The value of the first cookie of our name. RFC 6265 §5.4 separates them by `; `, and puts the one with the longest path first.
fn cookie<'h>(head: &Head<'h>) -> Option<&'h [u8]> {
    let pairs = head.get_all("Cookie").flat_map(|field| field.split(|&byte| byte == b';'));
    let value = pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let end = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(end)?;
        (name.trim_ascii_end() == COOKIE.as_bytes())
            .then(|| value.get(1..).unwrap_or_default().trim_ascii_start())
    })?;
    // §4.2.1: `cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )`
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some(unquoted.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{HeadLimits, shown_target};

    /// What a GET of this target with these fields presents.
    fn shown(target: &str, fields: &[&str], takes_cookie: bool) -> Option<String> {
        let fields = [&["Host: a"], fields].concat().join("\r\n");
        let text = format!("GET {target} HTTP/1.1\r\n{fields}\r\n\r\n");
        let head = Head::parse(text.as_bytes(), HeadLimits::default()).unwrap();
        presented(&head, takes_cookie).map(|token| String::from_utf8_lossy(&token).into_owned())
    }

    #[test]
    fn each_place_presents_a_token_in_every_spelling() {
        for (target, field, token) in [
            ("/", "X: y", None),
            ("/", "Authorization: Bearer abc=", Some("abc=")),
            ("/", "authorization:bEARER   abc  ", Some("abc")),
            ("/", "Authorization: Bearer", Some("")),
            ("/", "Authorization: Bearer ", Some("")),
            ("/", "Authorization: Bearerabc", Some("")),
            ("/", "Authorization: Bearer abc, Bearer def", Some("abc, Bearer def")),
            ("/", "Authorization: Basic YTpi", Some("")),
            ("/", "Authorization: ", Some("")),
            ("/?token=abc", "X: y", Some("abc")),
            ("/?a=b&%74oken=%61bc&x", "X: y", Some("abc")),
            ("http://a/?token=abc", "X: y", Some("abc")),
            ("/?token=a+b/%2B==", "X: y", Some("a+b/+==")),
            ("/?token=", "X: y", Some("")),
            ("/?token", "X: y", Some("")),
            ("/?token=abc&token=def", "X: y", Some("abc")),
            ("/?Token=abc&tokens=d", "X: y", None),
            ("/token=abc", "X: y", None),
            ("/", "Cookie: datecast_token=abc", Some("abc")),
            ("/", "Cookie: a=b; datecast_token=abc; c", Some("abc")),
            ("/", "Cookie: a=b;datecast_token = abc=;c", Some("abc=")),
            ("/", "Cookie: datecast_token=\"abc\"", Some("abc")),
            ("/", "Cookie: datecast_token=\"", Some("\"")),
            ("/", "Cookie: datecast_token=", Some("")),
            ("/", "Cookie: datecast_token=abc; datecast_token=def", Some("abc")),
            ("/", "Cookie: datecast_token; Datecast_token=abc; xdatecast_token=d", None),
        ] {
            assert_eq!(shown(target, &[field], true).as_deref(), token, "{target} {field}");
        }
        let fields = ["Cookie: a=b", "Cookie: datecast_token=abc", "Cookie: datecast_token=def"];
        assert_eq!(shown("/", &fields, true).as_deref(), Some("abc"));
    }

    #[test]
    fn only_the_first_place_counts_even_if_it_is_wrong() {
        let (bearer, basic) = ("Authorization: Bearer one", "Authorization: Basic YTpi");
        let cookie = "Cookie: datecast_token=three";
        for (target, fields, token) in [
            ("/?token=two", &[bearer, cookie][..], Some("one")),
            ("/?token=two", &[basic, cookie], Some("")),
            ("/?token=two", &[bearer, bearer], Some("")),
            ("/?token=two", &[cookie], Some("two")),
            ("/?token=", &[cookie], Some("")),
            ("/", &[basic, cookie], Some("")),
            ("/", &[cookie], Some("three")),
        ] {
            assert_eq!(shown(target, fields, true).as_deref(), token, "{target} {fields:?}");
        }
    }

    #[test]
    fn a_cookie_that_does_not_count_is_as_if_it_were_absent() {
        let cookie = "Cookie: datecast_token=abc";
        assert_eq!(shown("/", &[cookie], false), None);
        assert_eq!(shown("/?token=def", &[cookie], false).as_deref(), Some("def"));
    }

    proptest::proptest! {
        #[test]
        fn a_target_that_presents_a_token_never_shows_it(
            before in "[!-~&&[^#]]{0,20}[?&]?",
            name in "(t|%74)(o|%6f)(k|%6B)(e|%65)(n|%6e)",
            after in "(&[!-~&&[^#]]{0,20})?",
        ) {
            let target = format!("/{before}{name}=S3CR3T{after}");
            let text = format!("GET {target} HTTP/1.0\r\n\r\n");
            let Ok(head) = Head::parse(text.as_bytes(), HeadLimits::default()) else { return Ok(()) };
            if presented(&head, false).is_some_and(|token| *token == *b"S3CR3T") {
                let shown = shown_target(head.target).to_string();
                proptest::prop_assert!(!shown.contains("S3CR3T"), "{}", shown);
            }
        }
    }
}
