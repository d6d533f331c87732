//! `/tutorial.html` and the files that it includes: WebSocket over Flash, beside the built-in page.
#![allow(clippy::unwrap_used)] // a test may fail anywhere

use harness::Daemon;

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

#[test]
fn the_files_of_2010_have_their_types_and_are_those_of_the_source() {
    let server = Daemon::start(STATIC_SERVER, &[]);
    for (name, expected) in [
        ("FABridge.js", "text/javascript; charset=utf-8"),
        ("WebSocketMain.swf", "application/x-shockwave-flash"),
        ("swfobject.js", "text/javascript; charset=utf-8"),
        ("web_socket.js", "text/javascript; charset=utf-8"),
        ("tutorial.html", "text/html; charset=utf-8"),
    ] {
        let answer = server.get(format!("/{name}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(expected)), "{name}");
        let source = harness::project().join("client/flash").join(name);
        let is_filled_in = name == "tutorial.html";
        assert_eq!(answer.body == std::fs::read(source).unwrap(), !is_filled_in, "{name}");
    }
}

#[test]
fn its_policy_is_for_that_page_alone() {
    let server = Daemon::start(STATIC_SERVER, &["--ws-url", "ws://dates.example:1234/x"]);
    let policy = |target: &str| server.get(target).header("content-security-policy").unwrap().to_owned();
    let (page, tutorial) = (policy("/"), policy("/tutorial.html"));
    assert!(!page.contains("object-src") && !page.contains("sha256"), "{page}");
    assert!(tutorial.contains("script-src 'self' 'sha256-") && tutorial.contains("object-src 'self';"));
    for policy in [page, tutorial] {
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.contains("connect-src 'self' ws://dates.example:1234 http://dates.example:1234;"));
    }
    let text = server.get("/tutorial.html").text();
    assert!(text.contains("ws = new WebSocket(\"ws://dates.example:1234/x\");"));
}
