//! Policy requests, grants and files.

use super::*;
use crate::Parsed;
use proptest::prelude::*;

/// The length of the request in these pieces; `None` while it is incomplete.
fn recognize(pieces: &[&[u8]]) -> Result<Option<usize>, PolicyRequestError> {
    let (mut request, mut before) = (PolicyRequest::default(), 0);
    for piece in pieces {
        if let Parsed::Complete { len, .. } = request.feed(piece)? {
            return Ok(Some(before + len));
        }
        before += piece.len();
    }
    Ok(None)
}

// PO-04
#[test]
fn the_request_is_recognized_at_every_split_with_every_end() {
    for end in [b"\0", b"\r", b"\n"] {
        let bytes = [REQUEST, end].concat();
        for split in 0..=bytes.len() {
            assert_eq!(recognize(&[&bytes[..split], &bytes[split..]]), Ok(Some(23)));
        }
        assert_eq!(recognize(&bytes.chunks(1).collect::<Vec<_>>()), Ok(Some(23)));
        // PO-06: it does not look at what follows.
        assert_eq!(recognize(&[&bytes, b"more"]), Ok(Some(23)));
    }
    let mut request = PolicyRequest::default();
    assert_eq!(request.feed(&REQUEST[..21]), Ok(Parsed::Partial));
    assert!(!request.is_complete_at_end());
    assert_eq!(request.feed(&REQUEST[21..]), Ok(Parsed::Partial));
    assert!(request.is_complete_at_end());
}

// PO-03, PO-11
#[test]
fn the_first_byte_that_differs_ends_it() {
    for place in 0..REQUEST.len() {
        let mut bytes = REQUEST[..=place].to_vec();
        bytes[place] ^= 0x20;
        assert_eq!(recognize(&bytes.chunks(1).collect::<Vec<_>>()), Err(PolicyRequestError), "at {place}");
    }
    for byte in (0..=u8::MAX).filter(|byte| !matches!(byte, 0 | b'\r' | b'\n')) {
        assert_eq!(recognize(&[REQUEST, &[byte]]), Err(PolicyRequestError));
    }
    for beginning in
        [&b"GET / HTTP/1.1"[..], b"\x16\x03\x01", b"SSH-2.0", b"\0", b"\r\n", b"<Policy-file-request/>\0"]
    {
        assert_eq!(recognize(&[beginning]), Err(PolicyRequestError));
    }
}

#[test]
fn grants_are_read_and_written_alike() {
    for text in [
        "*:40132",
        "*:*",
        "example.com:80,443,8000-8080",
        "*.example.com:1024-65535",
        "127.0.0.1:1",
        "a_b-c.d:2",
    ] {
        assert_eq!(text.parse::<Grant>().unwrap().to_string(), text);
    }
}

#[test]
fn bad_grants_say_what_is_wrong() {
    for (text, message) in [
        ("example.com", "has no ports"),
        ("", "has no ports"),
        (":80", "is no domain"),
        ("*.:80", "is no domain"),
        ("*.*:80", "is no domain"),
        ("a.*:80", "is no domain"),
        ("*a:80", "is no domain"),
        ("a..b:80", "is no domain"),
        ("-a:80", "is no domain"),
        ("http://a:80", "is no domain"),
        ("a\"b:80", "is no domain"),
        ("[::1]:80", "is no domain"),
        ("é:80", "is no domain"),
        ("*:", "no port"),
        ("*:80,", "no port"),
        ("*:0", "`0` is no port"),
        ("*:65536", "`65536` is no port"),
        ("*:+80", "`+80` is no port"),
        ("*:http", "`http` is no port"),
        ("*:80 ", "`80 ` is no port"),
        ("*:90-80", "ends before it begins"),
        ("*:80-", "no port"),
        ("*:*,80", "`*` is no port"),
    ] {
        let error = text.parse::<Grant>().unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }
    assert!(format!("*:{}", vec!["80"; 64].join(",")).parse::<Grant>().is_ok());
    let many = format!("*:{}", vec!["80"; 65].join(","));
    assert!(many.parse::<Grant>().unwrap_err().to_string().contains("64"));
}

#[test]
fn only_a_privileged_port_may_grant_privileged_ports() {
    for (grant, served_from, port) in [
        ("*:80", 843, None),
        ("*:80", 1023, None),
        ("*:80", 1024, Some(80)),
        ("*:1023", 8430, Some(1023)),
        ("*:1024", 8430, None),
        ("*:40132,1000-2000", 8430, Some(1000)),
        ("*:*", 8430, None),
    ] {
        let refused = grant.parse::<Grant>().unwrap().check_served_from(served_from);
        assert_eq!(refused.map_err(|error| error.port).err(), port, "{grant} from {served_from}");
    }
}

/// The policy that the server has without any option.
fn default_policy() -> Policy {
    Policy { site_control: Some(SiteControl::MasterOnly), grants: vec!["*:40132".parse().unwrap()] }
}

// PO-08, PO-10
#[test]
fn the_default_document_names_one_port_and_is_short() {
    let expected = "<?xml version=\"1.0\"?>\n\
        <!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n\
        <cross-domain-policy>\n  <site-control permitted-cross-domain-policies=\"master-only\"/>\n  \
        <allow-access-from domain=\"*\" to-ports=\"40132\"/>\n</cross-domain-policy>\n\0";
    assert_eq!(String::from_utf8(default_policy().to_bytes()).unwrap(), expected);
    assert!(expected.len() <= 1024);
}

#[test]
fn a_document_parses_to_the_policy_it_was_made_from() {
    for policy in [default_policy(), Policy::default(), Policy { site_control: None, ..default_policy() }] {
        let bytes = policy.to_bytes();
        assert_eq!(parse_file(bytes.strip_suffix(b"\0").unwrap()), Ok(policy));
    }
}

#[test]
fn a_file_may_be_written_in_other_ways() {
    let file = b"\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?>\r\n<!-- ours --><!DOCTYPE cross-domain-policy>\n\
        <cross-domain-policy ><!-- > -->\n\t<site-control\n  permitted-cross-domain-policies = 'master-only'></site-control>\n\
        <allow-access-from to-ports='40132' secure=\"false\" domain='*' />\n</cross-domain-policy>\n<!-- end -->\n";
    assert_eq!(parse_file(file), Ok(default_policy()));
    for before in [
        "",
        "<?xml version='1.0' standalone='yes' ?>",
        "<!DOCTYPE cross-domain-policy PUBLIC 'a' \"b\" >",
        "<!DOCTYPE cross-domain-policy SYSTEM 'a > b'>",
    ] {
        let file = format!("{before}<cross-domain-policy/>");
        assert_eq!(parse_file(file.as_bytes()), Ok(Policy::default()), "{file}");
    }
}

// PO-09
#[test]
fn a_bad_file_is_refused_with_its_line_and_attribute() {
    let root = |inside: &str| format!("<cross-domain-policy>\n{inside}\n</cross-domain-policy>\n");
    let access = |attributes: &str| root(&format!("<allow-access-from {attributes}/>"));
    let table = [
        (String::new(), 1, "not one `cross-domain-policy` element"),
        ("hello".to_owned(), 1, "text between"),
        ("<html/>".to_owned(), 1, "not one `cross-domain-policy` element"),
        ("<cross-domain-policy>\n".to_owned(), 2, "has no end"),
        ("<cross-domain-policy>\n</cross-domain-policy>\n<x/>".to_owned(), 3, "not one"),
        ("<!DOCTYPE html>\n<cross-domain-policy/>".to_owned(), 1, "document type"),
        (
            "<!DOCTYPE cross-domain-policy [<!ENTITY x 'y'>]>\n<cross-domain-policy/>".to_owned(),
            1,
            "document type",
        ),
        (root("text"), 2, "text between"),
        ("<?xml version='1.1'?><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<?xml encoding='UTF-8'?><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<?xml version='1.0'encoding='UTF-8'?><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<?xml version='1.0' x='y'?><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<!DOCTYPE cross-domain-policy SYSTEM><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<!DOCTYPE cross-domain-policy SYSTEM 'a'b><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<!DOCTYPE cross-domain-policy 'a'><cross-domain-policy/>".to_owned(), 1, "not well-formed"),
        ("<!DOCTYPE cross-domain-policy SYSTEM 'a><cross-domain-policy/>".to_owned(), 1, "has no end"),
        (root("<!-- a -- b -->"), 2, "not well-formed"),
        (root("<!-- never ends"), 2, "has no end"),
        (root("<!-- a \u{e} b -->"), 2, "not well-formed"),
        (root("<!-- a \u{FFFF} b -->"), 2, "not well-formed"),
        (root("</x>"), 2, "`x` does not match"),
        (root("<allow-access-from domain='*' to-ports='1'>"), 2, "does not match"),
        (
            root("<allow-http-request-headers-from domain='*' headers='*'/>"),
            2,
            "`allow-http-request-headers-from`",
        ),
        (access("domain='*'"), 2, "`to-ports` is missing"),
        (access("to-ports='1'"), 2, "`domain` is missing"),
        (access("domain='*' to-ports='0'"), 2, "attribute `to-ports`: `0` is no port"),
        (access("domain='*' to-ports='1' secure='maybe'"), 2, "attribute `secure`: say true or false"),
        (access("domain='a b' to-ports='1'"), 2, "attribute `domain`"),
        (access("domain='*' to-ports='1' ports='1'"), 2, "attribute `ports`"),
        (access("domain='*' domain='*' to-ports='1'"), 2, "`domain` is there twice"),
        (access("domain=* to-ports='1'"), 2, "attribute `domain`: the value must be in quotation marks"),
        (access("domain='&amp;' to-ports='1'"), 2, "attribute `domain`"),
        (access("domain='*'to-ports='1'"), 2, "not well-formed"),
        (root("<site-control permitted-cross-domain-policies='some'/>"), 2, "`some` is not one of"),
        (root("<site-control/>"), 2, "`permitted-cross-domain-policies` is missing"),
        (
            root(
                "<allow-access-from domain='*' to-ports='1'/>\n<site-control permitted-cross-domain-policies='all'/>",
            ),
            3,
            "first element",
        ),
        (root("a\0b"), 2, "NUL"),
    ];
    for (file, line, message) in table {
        let error = parse_file(file.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(message) && error.line == line, "{file}\n{error}");
    }
    assert_eq!(parse_file(b"<a>\n\xFF").unwrap_err(), FileError { line: 2, kind: FileErrorKind::NotUtf8 });
    let long = [&b"<cross-domain-policy/>"[..], &vec![b' '; MAX_FILE]].concat();
    assert_eq!(parse_file(&long[..MAX_FILE]), Ok(Policy::default()));
    assert_eq!(parse_file(&long[..=MAX_FILE]).unwrap_err().kind, FileErrorKind::TooLong);
}

proptest! {
    #[test]
    fn arbitrary_files_never_panic(bytes in "(<|>|/|!--|--|'|=|\"|[a-z -]|<cross-domain-policy>|<allow-access-from|domain='|é|\n|\\x00){0,40}") {
        let _ = parse_file(bytes.as_bytes());
    }

    // PO-03
    #[test]
    fn arbitrary_bytes_are_no_request(bytes in proptest::collection::vec(any::<u8>(), 24)) {
        prop_assert_eq!(recognize(&[&bytes]), Err(PolicyRequestError));
    }
}

#[test]
fn a_policy_is_refused_for_any_of_its_grants() {
    let policy = |grants: &[&str]| Policy {
        site_control: None,
        grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
    };
    let refused = policy(&["*:40132", "*:80"]).check_served_from(8430);
    assert_eq!(refused.map_err(|error| error.port), Err(80));
    assert!(policy(&["*:40132"]).check_served_from(8430).is_ok());
    assert!(policy(&["*:40132", "*:80"]).check_served_from(843).is_ok());
}

#[test]
fn a_file_may_be_twenty_kibibytes_long_and_no_longer() {
    let file = |len: usize| {
        let text = "<cross-domain-policy></cross-domain-policy>";
        format!("{text}{}", "\n".repeat(len - text.len()))
    };
    assert!(parse_file(file(20 * 1024).as_bytes()).is_ok());
    assert!(parse_file(file(20 * 1024 + 1).as_bytes()).is_err());
}
