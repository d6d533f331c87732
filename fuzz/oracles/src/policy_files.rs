//! Policy files: what we accept is well-formed XML with the same grants, and comes back from the document that we write.

use common::policy::{Grant, Policy, parse_file};

use crate::{allocation, input::Choices};

/// What may stand around the input.
const FRAMES: [(&str, &str); 3] = [
    ("", ""),
    ("<cross-domain-policy>", "</cross-domain-policy>"),
    ("<cross-domain-policy><allow-access-from domain=\"", "\" to-ports=\"80\"/></cross-domain-policy>"),
];

/// See the module.
pub fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let (front, back) = choices.one_of(&FRAMES);
    let rest = choices.rest();
    if let Ok(text) = std::str::from_utf8(rest) {
        check_grant(text);
    }
    let bytes = [front.as_bytes(), rest, back.as_bytes()].concat();
    let most = 4096 + 64 * bytes.len() as u64;
    match allocation::within(most, || parse_file(&bytes)) {
        Ok(policy) => check(&bytes, &policy),
        Err(error) => {
            let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
            assert!((1..=lines + 1).contains(&error.line), "line {} of {}", error.line, lines + 1);
        }
    }
}

fn check(bytes: &[u8], policy: &Policy) {
    let document = policy.to_bytes();
    let text = document.strip_suffix(b"\0").expect("one NUL at the end");
    assert_eq!(parse_file(text).as_ref(), Ok(policy), "a policy comes back as it was");
    let text = std::str::from_utf8(bytes).expect("we accept UTF-8 only");
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let theirs = match roxmltree::Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) => panic!("roxmltree: {error}: {text:?}"),
    };
    let root = theirs.root_element();
    let grants = root.children().filter(|node| node.has_tag_name("allow-access-from"));
    let domains = grants.filter_map(|node| node.attribute("domain").map(str::to_owned));
    let ours = policy.grants.iter().map(|grant| grant.domain.to_string());
    assert!(domains.eq(ours), "roxmltree finds other grants in {text:?}");
}

/// A grant of the command line.
fn check_grant(text: &str) {
    let Ok(grant) = text.parse::<Grant>() else { return };
    let written = grant.to_string();
    assert_eq!(written.parse().as_ref(), Ok(&grant), "{written}");
    // No value needs escaping in the document.
    assert!(
        !written.contains(['<', '>', '&', '"', '\'']) && written.bytes().all(|byte| byte.is_ascii_graphic())
    );
    _ = grant.check_served_from(843).is_ok() || grant.check_served_from(40_843).is_err();
}
