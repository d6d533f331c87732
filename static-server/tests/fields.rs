//! The header fields that the operator's options decide.
#![allow(clippy::unwrap_used)] // a test may fail anywhere

mod site;

use std::fs;

use harness::Daemon;
use harness::http::request;
use site::site;

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

#[test]
fn only_the_files_that_the_operator_names_are_immutable() {
    let names = ["app.3f2a1b9c.js", "index-BqX3_Tz9.js", "post-1a2b3c4d.html", "404.html", "index.html"];
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, b"x".as_slice())).collect();
    let (_dir, server) = site(&files, &[]);
    for name in names {
        assert_eq!(server.get(format!("/{name}")).header("cache-control"), Some("no-cache"), "{name}");
    }
    let patterns = ["--immutable", "/index-*", "--immutable", "*.html", "--spa", "--immutable", "/route"];
    let (_dir, server) = site(&files, &patterns);
    let immutable = Some("public, max-age=31536000, immutable");
    for (target, expected) in [
        ("/index-BqX3_Tz9.js", immutable),
        ("/app.3f2a1b9c.js", Some("no-cache")),
        // A page, the application's answer to a route, and what is not there.
        ("/post-1a2b3c4d.html", Some("no-cache")),
        ("/", Some("no-cache")),
        ("/route", Some("no-cache")),
        ("/index-none.js", Some("no-cache")),
    ] {
        assert_eq!(server.get(target).header("cache-control"), expected, "{target}");
    }
    let unchanged = server.get_with("/index-BqX3_Tz9.js", "If-None-Match: *\r\n");
    assert_eq!((unchanged.status, unchanged.header("cache-control")), (304, immutable));
}

#[test]
fn an_option_that_would_break_or_do_nothing_is_refused_at_the_start() {
    for (arguments, said) in [
        (["--root", "/", "--immutable", "assets/*"].as_slice(), "must begin with one"),
        (&["--root", "/", "--immutable", "*.{js,css}"], "`{` is not supported"),
        (&["--immutable", "*.js"], "--root, which is not set"),
        (&["--csp", "default-src 'self'"], "--root, which is not set"),
        (&["--root", "/", "--csp", "'self'"], "not the name of a directive"),
        (&["--header", "Content-Length: 1"], "frames the message"),
        (&["--header", "date: now"], "describes one answer"),
    ] {
        let output = harness::command(STATIC_SERVER, &[&["--check"], arguments].concat()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{arguments:?}: {text}");
    }
}

#[test]
fn an_address_of_a_ws_server_beside_a_root_is_warned_of() {
    let arguments = ["--check", "--root", "/", "--ws-url", "/stream"];
    let output = harness::command(STATIC_SERVER, &arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("--ws-url is for the built-in page"), "{text}");
}

#[test]
fn a_page_of_the_root_has_the_policy_that_its_owner_says_or_none() {
    let files: &[(&str, &[u8])] =
        &[("index.html", b"<p>"), ("a.svg", b"<svg>"), ("a.js", b""), ("404.html", b"<p>")];
    let targets = ["/", "/a.svg", "/a.js", "/none"];
    let (_dir, server) = site(files, &[]);
    for target in targets {
        assert_eq!(server.get(target).header("content-security-policy"), None, "{target}");
    }
    let (_dir, server) = site(files, &["--csp", "default-src 'self'; img-src *"]);
    for target in targets {
        let expected = (target != "/a.js").then_some("default-src 'self'; img-src *");
        assert_eq!(server.get(target).header("content-security-policy"), expected, "{target}");
    }
}

#[test]
fn the_built_in_page_lets_no_browser_repeat_its_address() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let targets =
        ["/", "/?token=SECRET", "/app.js", "/style.css", "/favicon.svg", "/stream-worker.js", "/none"];
    for target in targets {
        assert_eq!(server.get(target).header("referrer-policy"), Some("no-referrer"), "{target}");
    }
    let tag = server.get("/app.js").header("etag").unwrap().to_owned();
    let unchanged = server.get_with("/app.js", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((unchanged.status, unchanged.header("referrer-policy")), (304, Some("no-referrer")));
    let server = Daemon::start(STATIC_SERVER, &["--header", "referrer-policy: same-origin"]);
    assert_eq!(server.get("/").header("referrer-policy"), Some("same-origin"));
    // Of the files of a root their owner decides.
    let (_dir, server) = site(&[("index.html", b"<p>")], &[]);
    assert_eq!(server.get("/").header("referrer-policy"), None);
}

#[test]
fn a_page_that_knows_no_address_of_its_stream_leads_to_it_by_the_host_that_was_asked_for() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    let answer = server.exchange("GET /stream.html HTTP/1.0\r\nHost: Dates.example:8080\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 307 "), "{answer}");
    assert!(answer.contains("\r\nLocation: http://dates.example:40132/stream.html\r\n"), "{answer}");
    assert!(server.get("/").text().contains("<a href=\"stream.html\">"));
    // Nobody says where: the client has named no host, or the page knows the stream, or it is another page.
    let nameless = server.exchange("GET /stream.html HTTP/1.0\r\n\r\n");
    assert!(nameless.starts_with("HTTP/1.1 404 "), "{nameless}");
    assert_eq!(server.get("/x/stream.html").status, 404);
    let server = Daemon::start(STATIC_SERVER, &["--ws-url", "ws://h.example/x"]);
    assert_eq!(server.get("/stream.html").status, 404);
    assert!(server.get("/").text().contains("<a href=\"http://h.example/x.html\">"));
    let (_dir, server) = site(&[("index.html", b"<p>")], &[]);
    assert_eq!(server.get("/stream.html").status, 404);
}

#[test]
fn header_fields_of_the_operator_join_or_replace_ours_in_every_answer() {
    let theirs = [
        ("Referrer-Policy", "no-referrer"),
        ("Content-Security-Policy", "sandbox"),
        ("server", "x"),
        ("Cache-Control", "private"),
        ("Vary", "Origin"),
        ("X-Content-Type-Options", ""),
    ];
    let fields: Vec<String> = theirs.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut arguments = vec!["--csp", "default-src *", "--head-timeout", "300ms"];
    arguments.extend(fields.iter().flat_map(|field| ["--header", field]));
    let (dir, server) =
        site(&[("index.html", b"0123456789"), ("a.js", b"plain"), ("a.js.gz", b"GZ")], &arguments);
    fs::create_dir(dir.path().join("dir")).unwrap();
    let get = |target: &str, fields: &str| request("GET", target, fields);
    let long = format!("X: {}\r\n", "x".repeat(50_000));
    let mut statuses = Vec::new();
    for (bytes, vary) in [
        (get("/a.js", "Accept-Encoding: gzip\r\n"), "Accept-Encoding, Origin"),
        (get("/", ""), "Origin"),
        (get("/", "Range: bytes=0-0\r\n"), "Origin"),
        (get("/dir", ""), "Origin"),
        (get("/", "If-None-Match: *\r\n"), "Origin"),
        (request("OPTIONS", "/", ""), "Origin"),
        (get("/a%00", ""), "Origin"),
        (get("/none", ""), "Origin"),
        (request("POST", "/", ""), "Origin"),
        (b"GET / HTTP".to_vec(), "Origin"),
        (get("/", "If-Match: \"x\"\r\n"), "Origin"),
        (get(&format!("/{}", "x".repeat(20_000)), ""), "Origin"),
        (get("/", "Range: bytes=99-\r\n"), "Origin"),
        (get("/", &long), "Origin"),
        (request("BREW", "/", ""), "Origin"),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n".to_vec(), "Origin"),
    ] {
        let mut client = server.connect();
        client.try_send(bytes);
        statuses.push(holds_each_once(&client.response_head(), &theirs, vary));
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 204, 206, 301, 304, 400, 404, 405, 408, 412, 414, 416, 431, 501, 505]);
}

#[test]
fn header_fields_of_the_operator_are_in_the_refusals_too() {
    let theirs = [("server", "x"), ("Cache-Control", "private"), ("Vary", "Origin"), ("X-Mine", "yes")];
    let fields: Vec<String> = theirs.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let mut arguments = vec!["--max-connections-per-ip", "1", "--workers", "1"];
    arguments.extend(fields.iter().flat_map(|field| ["--header", field]));
    let (dir, server) = site(&[("index.html", b"index"), ("file", b"file")], &arguments);
    let mut client = server.connect();
    client.send(request("GET", "/", ""));
    assert_eq!(client.response().status, 200);
    // The address has its share, and the connection that has it is not idle for long enough to be taken.
    let refused = server.connect().response_head();
    assert_eq!(
        (holds_each_once(&refused, &theirs, "Origin"), refused.header("retry-after")),
        (503, Some("1"))
    );
    // No descriptor is left for a file.
    server.limit_files(3);
    client.send(request("GET", "/file", ""));
    let busy = client.response();
    assert_eq!((holds_each_once(&busy, &theirs, "Origin"), busy.header("retry-after")), (503, Some("1")));
    drop(dir);
}

/// Checks that an answer holds each of these fields once and no field of ours twice; returns its status.
fn holds_each_once(answer: &harness::http::Response, theirs: &[(&str, &str)], vary: &str) -> u16 {
    let status = answer.status;
    for (name, value) in theirs {
        let value = if *name == "Vary" { vary } else { value };
        assert_eq!(answer.header(name), Some(value), "{status}: {name}");
    }
    let mut names: Vec<String> = answer.fields.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "{status}: {:?}", answer.fields);
    status
}
