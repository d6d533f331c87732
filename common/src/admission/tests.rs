//! Each rule in a table: Hosts, origins, loads, and the sentences.

use super::*;
use crate::http::HeadLimits;
use std::net::{Ipv4Addr, Ipv6Addr};

const LOOPBACK: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
const ELSEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

fn admission(audience: Audience, hosts: &[&str], origins: &[&str]) -> Admission {
    let hosts: Vec<Host> = hosts.iter().map(|text| text.parse().unwrap()).collect();
    let origins: Vec<Origin> = origins.iter().map(|text| text.parse().unwrap()).collect();
    Admission { audience, machine: None, hosts: hosts.into(), origins: origins.into() }
}

fn private(hosts: &[&str], origins: &[&str]) -> Admission {
    admission(Audience::Private, hosts, origins)
}

fn public(hosts: &[&str], origins: &[&str]) -> Admission {
    admission(Audience::Public, hosts, origins)
}

/// What the request is refused for, or an empty text.
fn refused(admission: &Admission, request: &str, local: Option<IpAddr>) -> String {
    let bytes = format!("{}\r\n\r\n", request.replace('\n', "\r\n"));
    let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
    match admission.admit(&head, || local) {
        Ok(()) => String::new(),
        Err(refusal) => refusal.to_string(),
    }
}

fn is_host_served(admission: &Admission, host: &str, local: Option<IpAddr>) -> bool {
    refused(admission, &format!("GET / HTTP/1.1\nHost: {host}"), local).is_empty()
}

#[test]
fn a_private_server_on_loopback_is_served_under_names_of_its_own_only() {
    let mapped = Some(IpAddr::V6(Ipv4Addr::new(127, 0, 0, 9).to_ipv6_mapped()));
    for local in [LOOPBACK, mapped, Some(IpAddr::V6(Ipv6Addr::LOCALHOST))] {
        for (host, is_served) in [
            ("localhost", true),
            ("LOCALHOST:8080", true),
            ("localhost.:1", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("logs.example", true),
            ("Logs.Example.:8080", true),
            ("ported.example:81", true),
            ("ported.example:82", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:8080", false),
            ("127.0.0.2", false),
            ("192.0.2.1", false),
            ("local%68ost", false),
            ("", false),
        ] {
            let admission = private(&["logs.example", "ported.example:81"], &[]);
            assert_eq!(is_host_served(&admission, host, local), is_served, "{host:?} at {local:?}");
        }
    }
}

#[test]
fn a_private_server_is_served_as_the_very_address_and_under_the_machine_s_name_if_it_has_one() {
    let local = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1)));
    let mut admission = private(&[], &[]);
    assert!(is_host_served(&admission, "127.0.1.1:8080", local));
    assert!(!is_host_served(&admission, "127.0.1.2:8080", local));
    assert!(!is_host_served(&admission, "box:8080", local));
    admission.machine = Authority::parse(b"box").map(|authority| authority.host);
    assert!(is_host_served(&admission, "Box:8080", local));
    assert!(!is_host_served(&admission, "box.evil.example", local));
    assert!(is_host_served(&admission, "evil.example", ELSEWHERE), "it is no list");
}

#[test]
fn elsewhere_any_host_is_served_unless_there_is_a_list() {
    for local in [ELSEWHERE, None] {
        for host in ["evil.example", "192.0.2.1:8080", "a%b", ""] {
            assert!(is_host_served(&private(&[], &[]), host, local), "{host}");
            assert!(!is_host_served(&private(&["logs.example"], &[]), host, local), "{host}");
        }
        assert!(is_host_served(&private(&["logs.example"], &[]), "logs.example:8080", local));
        assert!(!is_host_served(&private(&["logs.example"], &[]), "localhost", local));
    }
}

#[test]
fn a_public_server_is_served_under_any_host_unless_there_is_a_list() {
    for local in [LOOPBACK, ELSEWHERE, None] {
        for host in ["evil.example", "localhost", "a%b", ""] {
            assert!(is_host_served(&public(&[], &[]), host, local), "{host}");
            assert!(!is_host_served(&public(&["logs.example"], &[]), host, local), "{host}");
        }
        assert!(is_host_served(&public(&["logs.example"], &[]), "LOGS.example:8080", local));
    }
}

#[test]
fn an_absolute_target_counts_before_host_and_an_old_request_may_have_none() {
    let admission = private(&[], &[]);
    for (request, is_served) in [
        ("GET http://localhost:8080/ HTTP/1.1\nHost: evil.example", true),
        ("GET http://evil.example/ HTTP/1.1\nHost: localhost", false),
        ("GET http://evil.example/ HTTP/1.0", false),
        ("GET / HTTP/1.0", true),
        ("GET / HTTP/1.0\nHost: evil.example", false),
        ("OPTIONS * HTTP/1.1\nHost: evil.example", false),
    ] {
        assert_eq!(refused(&admission, request, LOOPBACK).is_empty(), is_served, "{request}");
    }
}

#[test]
fn only_its_own_pages_and_those_of_the_list_read_a_private_server() {
    let admission = private(&["logs.example"], &["https://friend.example"]);
    for (host, fields, is_admitted) in [
        ("localhost:8080", "X: y", true),
        ("localhost:8080", "Origin: http://localhost:8080", true),
        ("logs.example", "Origin: https://logs.example", true),
        ("logs.example", "Origin: http://logs.example", true),
        ("logs.example:8443", "Origin: https://logs.example:8443", true),
        ("localhost:8080", "Origin: https://friend.example", true),
        ("localhost:8080", "Sec-WebSocket-Origin: http://localhost:8080", true),
        ("localhost:8080", "Origin: http://localhost:3000", false),
        ("localhost:8080", "Origin: http://127.0.0.1:8080", false),
        ("localhost:8080", "Origin: https://evil.example", false),
        ("localhost:8080", "Origin: http://friend.example", false),
        ("localhost:8080", "Origin: null", false),
        ("localhost:8080", "Origin: ", false),
        ("localhost:8080", "Sec-WebSocket-Origin: https://evil.example", false),
        ("localhost:8080", "Origin: http://localhost:8080\nOrigin: https://evil.example", false),
        ("localhost:8080", "Origin: http://localhost:8080\nSec-WebSocket-Origin: null", false),
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "POST"] {
            let request = format!("{method} / HTTP/1.1\nHost: {host}\n{fields}");
            assert_eq!(refused(&admission, &request, LOOPBACK).is_empty(), is_admitted, "{request}");
        }
    }
    let own = "GET / HTTP/1.0\nOrigin: http://localhost";
    assert!(!refused(&admission, own, LOOPBACK).is_empty(), "of which host?");
    let null = "GET / HTTP/1.1\nHost: localhost\nOrigin: null";
    assert!(refused(&private(&[], &["null"]), null, LOOPBACK).is_empty());
}

// WS-29
#[test]
fn a_public_server_is_open_to_every_page_unless_there_is_a_list() {
    let request = |origin: &str| format!("GET / HTTP/1.1\nHost: a\nOrigin: {origin}");
    let listed = public(&[], &["https://friend.example"]);
    for origin in ["https://evil.example", "http://a", "null", ""] {
        assert!(refused(&public(&[], &[]), &request(origin), LOOPBACK).is_empty(), "{origin}");
        assert!(!refused(&listed, &request(origin), LOOPBACK).is_empty(), "{origin}");
    }
    assert!(refused(&listed, &request("https://Friend.example"), LOOPBACK).is_empty());
    assert!(refused(&listed, "GET / HTTP/1.1\nHost: a", LOOPBACK).is_empty(), "no browser");
}

#[test]
fn a_page_of_another_site_loads_nothing_but_a_link_to_it_works() {
    for (fields, is_admitted) in [
        ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: script", false),
        ("Sec-Fetch-Site: same-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: image", false),
        ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors", false),
        ("Sec-Fetch-Site: cross-site", false),
        ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", true),
        ("Sec-Fetch-Site: same-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe", true),
        ("Sec-Fetch-Site: none\nSec-Fetch-Mode: navigate", true),
        ("Sec-Fetch-Site: same-origin\nSec-Fetch-Mode: no-cors", true),
        ("Sec-Fetch-Site: same-origin\nSec-Fetch-Mode: cors", true),
        ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: cors\nOrigin: https://friend.example", true),
    ] {
        let request = format!("GET / HTTP/1.1\nHost: localhost\n{fields}");
        let admission = private(&[], &["https://friend.example"]);
        assert_eq!(refused(&admission, &request, LOOPBACK).is_empty(), is_admitted, "{request}");
        assert!(refused(&public(&[], &[]), &request, LOOPBACK).is_empty(), "{request}");
    }
}

#[test]
fn a_refusal_names_the_option_and_its_value() {
    let admission = private(&[], &[]);
    for (fields, sentence) in [
        (
            "Host: Evil.example:8080",
            "Host: Evil.example:8080 is no name of this server; if it should be, start it with --host evil.example",
        ),
        ("Host: ", "Host: '' is no name of this server; if it should be, start it with --host NAME"),
        ("Host: a'b", "Host: a\\'b is no name of this server; if it should be, start it with --host NAME"),
        (
            "Host: 0.0.0.0",
            "Host: 0.0.0.0 is no name of this server; if it should be, start it with --host NAME",
        ),
        (
            "Host: localhost\nOrigin: https://evil.example",
            "Origin: https://evil.example may not read this; if its pages should, start the server with --allow-origin \
             https://evil.example",
        ),
        (
            "Host: localhost\nOrigin: null",
            "Origin: null may not read this; if its pages should, start the server with --allow-origin null",
        ),
        (
            "Host: localhost\nOrigin: <script>\u{e9}\\",
            "Origin: <script>\\xc3\\xa9\\\\ may not read this; if its pages should, start the server with --allow-origin ORIGIN",
        ),
    ] {
        assert_eq!(refused(&admission, &format!("GET / HTTP/1.1\n{fields}"), LOOPBACK), sentence);
    }
    let long = format!("GET / HTTP/1.1\nHost: localhost\nOrigin: {}", "\u{e9}".repeat(2000));
    assert!(refused(&admission, &long, LOOPBACK).len() < 1200);
    let long = format!("GET / HTTP/1.1\nHost: localhost\nOrigin: https://{}", "a".repeat(2000));
    assert!(refused(&admission, &long, LOOPBACK).ends_with("--allow-origin ORIGIN"));
}

#[test]
fn only_the_origins_that_may_read_are_named_in_the_answer() {
    let cors = |admission: &Admission, fields: &str| {
        let bytes = format!("GET / HTTP/1.1\r\nHost: localhost:1\r\n{fields}\r\n\r\n");
        let head = Head::parse(bytes.as_bytes(), HeadLimits::default()).unwrap();
        admission.cors(&head).map(|value| String::from_utf8(value.to_vec()).unwrap())
    };
    let listed = ["https://friend.example"];
    for (admission, fields, value) in [
        (public(&[], &[]), "X: y", Some("*")),
        (public(&[], &[]), "Origin: https://evil.example", Some("*")),
        (public(&[], &listed), "Origin: https://friend.example", Some("https://friend.example")),
        (public(&[], &listed), "Origin: http://localhost:1", None),
        (private(&[], &[]), "X: y", None),
        (private(&[], &[]), "Origin: http://localhost:1", Some("http://localhost:1")),
        (private(&[], &listed), "Origin: https://friend.example", Some("https://friend.example")),
        (private(&[], &listed), "Origin: https://evil.example", None),
    ] {
        assert_eq!(cors(&admission, fields).as_deref(), value, "{fields}");
    }
}

fn head(request: &str) -> Vec<u8> {
    format!("{}\r\n\r\n", request.replace('\n', "\r\n")).into_bytes()
}

#[test]
fn the_cookies_of_a_request_count_only_if_no_page_of_another_origin_has_sent_them() {
    let listed = &["https://a.example", "null"];
    for (fields, without_list, with_list) in [
        ("X: y", true, true),
        ("Origin: http://localhost:80", true, true),
        ("Origin: https://localhost:443", false, false),
        ("Origin: http://localhost:81", false, false),
        ("Origin: https://a.example", false, true),
        ("Origin: null", false, true),
        ("Origin: ", false, false),
        ("Origin: http://localhost:80\nOrigin: https://b.example", false, false),
        ("Sec-WebSocket-Origin: http://localhost:80", true, true),
        ("Sec-WebSocket-Origin: https://b.example", false, false),
        ("Origin: http://localhost:80\nSec-WebSocket-Origin: https://b.example", false, false),
        ("Sec-Fetch-Site: same-origin", true, true),
        ("Sec-Fetch-Site: none", true, true),
        ("Sec-Fetch-Site: same-site", false, false),
        ("Sec-Fetch-Site: cross-site", false, false),
        ("Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate", false, false),
        ("Sec-Fetch-Site: something-new", false, false),
        ("Origin: https://a.example\nSec-Fetch-Site: cross-site", false, true),
    ] {
        let request = head(&format!("GET / HTTP/1.1\nHost: localhost:80\n{fields}"));
        let head = Head::parse(&request, HeadLimits::default()).unwrap();
        for admission in [public(&[], &[]), private(&[], &[])] {
            assert_eq!(admission.trusts_cookies(&head), without_list, "{fields:?}");
        }
        for admission in [public(&[], listed), private(&[], listed)] {
            assert_eq!(admission.trusts_cookies(&head), with_list, "{fields:?} with a list");
        }
    }
    let behind_tls = head("GET / HTTP/1.1\nHost: a.example\nOrigin: https://a.example");
    assert!(
        public(&[], &[]).trusts_cookies(&Head::parse(&behind_tls, HeadLimits::default()).unwrap()),
        "a proxy that speaks TLS passes the Host on without a port"
    );
}

#[test]
fn no_page_of_another_origin_publishes_where_no_token_is_needed() {
    for (fields, at_home, on_unix) in [
        ("Host: localhost:80", true, true),
        ("Host: 127.0.0.1", true, true),
        ("Host: localhost:80\nOrigin: http://localhost:80", true, true),
        ("Host: localhost:80\nOrigin: https://listed.example", true, true),
        ("Host: served.example", true, true),
        // A form of another page, sent without a preflight; `null` where its page hides its origin.
        ("Host: localhost:80\nOrigin: https://evil.example\nSec-Fetch-Site: cross-site", false, false),
        ("Host: localhost:80\nOrigin: null", false, false),
        ("Host: localhost:80\nOrigin: http://localhost:3000\nSec-Fetch-Site: same-site", false, false),
        ("Host: localhost:80\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate", false, false),
        ("Host: localhost:80\nSec-Fetch-Site: same-origin", true, true),
        // A name of the attacker that has come to point to this machine.
        ("Host: evil.example\nOrigin: http://evil.example\nSec-Fetch-Site: same-origin", false, false),
        ("Host: evil.example", false, false),
    ] {
        let request = head(&format!("POST / HTTP/1.1\n{fields}"));
        let head = Head::parse(&request, HeadLimits::default()).unwrap();
        let admission = public(&["served.example", "localhost", "127.0.0.1"], &["https://listed.example"]);
        assert_eq!(admission.admit_publisher(&head, || LOOPBACK).is_ok(), at_home, "{fields:?}");
        assert_eq!(admission.admit_publisher(&head, || None).is_ok(), on_unix, "{fields:?} on a Unix socket");
    }
    let rebound = head("POST / HTTP/1.1\nHost: evil.example\nOrigin: http://evil.example");
    let rebound = Head::parse(&rebound, HeadLimits::default()).unwrap();
    let open = public(&[], &[]);
    let refusal = open.admit_publisher(&rebound, || LOOPBACK).unwrap_err().to_string();
    assert!(refusal.contains("--host evil.example"), "{refusal}");
    assert!(open.admit_publisher(&rebound, || None).is_ok(), "no name leads to a Unix socket");
    let foreign = head("POST / HTTP/1.1\nHost: localhost\nOrigin: http://evil.example");
    let foreign = Head::parse(&foreign, HeadLimits::default()).unwrap();
    let refusal = open.admit_publisher(&foreign, || LOOPBACK).unwrap_err().to_string();
    assert!(
        refusal.contains("may not publish here; ") && refusal.contains("--allow-origin http://evil.example"),
        "{refusal}"
    );
    let form = head("POST / HTTP/1.1\nHost: localhost\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate");
    let form = Head::parse(&form, HeadLimits::default()).unwrap();
    let refusal = open.admit_publisher(&form, || LOOPBACK).unwrap_err().to_string();
    assert!(refusal.contains("no page of another site may publish here"), "{refusal}");
    let listed = public(&[], &["https://a.example"]);
    assert!(listed.admit(&foreign, || LOOPBACK).unwrap_err().to_string().contains("may not publish here"));
}

#[test]
fn every_answer_of_a_private_server_keeps_other_sites_from_loading_it() {
    assert_eq!(private(&[], &[]).fields(), [("Cross-Origin-Resource-Policy", "same-origin")]);
    assert_eq!(public(&[], &[]).fields(), []);
}
