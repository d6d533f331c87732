//! Parameters of a query, and paths that mean the same: form_urlencoded decodes them alike.

use common::http::{Head, HeadLimits, is_path_within, is_same_path, query_param};

use crate::{allocation, input::Choices};

/// See the module.
pub fn run(input: &[u8]) {
    let choices = Choices::new(input);
    let query = choices.rest();
    let most = query.len() as u64 * 2;
    for name in ["a", "token", "since", ""] {
        let ours = allocation::within(most, || query_param(query, name));
        assert!(ours.as_ref().is_none_or(|value| value.len() <= query.len()));
        let ours = ours.map(|value| String::from_utf8_lossy(&value).into_owned());
        let mut theirs = form_urlencoded::parse(query);
        // It drops empty parts, which are an empty name to us.
        if !name.is_empty() {
            let theirs = theirs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            assert_eq!(ours, theirs, "{name} in {}", query.escape_ascii());
        }
    }
    let path = [b"/", query].concat();
    assert!(is_same_path(&path, &path) && is_path_within(&path, &path));
    let alone = [b"a=", query].concat();
    let decoded = query_param(&alone, "a").unwrap_or_default();
    if !query.iter().any(|byte| b"%+&=".contains(byte)) {
        assert_eq!(&*decoded, query, "what is not encoded stays as it is");
    }
    let request = [b"GET /?", query, b" HTTP/1.0\r\n\r\n"].concat();
    if let Ok(head) = Head::parse(&request, HeadLimits::default()) {
        assert_eq!(head.query(), Some(query));
        assert_eq!(head.query_param("a"), query_param(query, "a"));
    }
}
