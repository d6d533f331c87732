//! The document for browsers without scripts, and lines of JSON, over real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

use harness::{Daemon, Holder, Signal};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");
const LINES: &[&str] = &["--source", "-", "--history", "100000"];

/// The lines of a document, without their markup.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split("<div>").skip(1).map(|line| line.split_once("</div\n").unwrap().0)
}

/// Where the document goes on by itself, and after how many seconds.
fn refresh(text: &str) -> Option<(&str, String)> {
    let (_, content) = text.split_once("http-equiv=\"refresh\" content=\"")?;
    let (seconds, url) = content.split_once('"').unwrap().0.split_once("; url=").unwrap();
    Some((seconds, url.replace("&amp;", "&")))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_browser_that_follows_each_full_document_gets_every_line_once() {
    let mut server = Daemon::start(WS_SERVER, LINES);
    // Before anybody reads: the documents take from the history.
    for thousand in 0..12 {
        let part: String =
            (1..=1000).map(|line| format!("{}\n", thousand * 1000 + line)).collect::<Vec<_>>().concat();
        server.write(part);
    }
    let mut first = server.request("GET /?since=11999 HTTP/1.0");
    first.until(b"12000\n");
    let (mut query, mut all) = ("?x=%22&since=0".to_owned(), Vec::new());
    while all.last() != Some(&12_000) {
        let mut client = server.request(&format!("GET /stream.html{query} HTTP/1.0"));
        assert!(client.head().contains("Content-Type: text/html; charset=utf-8\r\n"));
        let mut document = String::new();
        while !document.ends_with("</html>\n") && !document.ends_with("<div>12000</div\n") {
            document += &text(client.until(b"\n"));
        }
        all.extend(lines(&document).map(|line| line.parse::<u64>().unwrap()));
        if let Some((seconds, next)) = refresh(&document) {
            assert!(seconds == "0" && next.starts_with("?x=%22&since="), "{next}");
            query = next;
        }
    }
    assert!(all.into_iter().eq(1..=12_000));
}

#[test]
fn no_message_is_markup_and_a_gap_is_a_line() {
    let mut server = Daemon::start(WS_SERVER, &["--source", "-", "--history", "2"]);
    server.write("zero\n<script>alert(1)</script>\n\u{1b}[1mbold\u{1b}[0m & \"quoted\"\n");
    let mut first = server.request("GET /?since=2 HTTP/1.0");
    first.until(b"quoted\"\n");
    let mut client =
        server.request("GET /?since=0 HTTP/1.0\nAccept: text/html,application/xhtml+xml,*/*;q=0.8");
    let head = client.head();
    assert!(
        head.contains("Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline';"),
        "{head}"
    );
    assert!(head.contains("Incremental: ?1\r\n") && !head.contains("Datecast-Gap: "), "{head}");
    let text = text(client.until(b"quoted&quot;</div\n>"));
    assert_eq!(
        lines(&text).collect::<Vec<_>>(),
        [
            "<i>1 message is missing here.</i>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "bold &amp; &quot;quoted&quot;"
        ]
    );
    let mut json = server.request("GET /?since=0 HTTP/1.0\nAccept: application/x-ndjson");
    let head = json.head();
    assert!(head.contains("Content-Type: application/x-ndjson; charset=utf-8\r\n"), "{head}");
    let text = self::text(json.until(b"quoted\\\"\",\"kind\":\"message\"}\n"));
    let mut objects = text.lines();
    let gap = objects.next().unwrap();
    assert!(
        gap.starts_with(r#"{"id":null,"text":"","kind":"gap","missed":1,"stream":"same","next":""#),
        "{gap}"
    );
    let message = objects.next().unwrap();
    assert!(
        message.ends_with(r#","text":"\u003cscript>alert(1)\u003c/script>","kind":"message"}"#),
        "{message}"
    );
}

#[test]
fn a_document_is_served_beside_and_below_each_served_path_and_nowhere_else() {
    let server = Daemon::start(WS_SERVER, &["--path", "/echo", "--path", "/a/"]);
    for (path, status) in [
        ("/echo", "200"),
        ("/echo.html", "200"),
        ("/echo/stream.html", "200"),
        ("/a/x.html", "200"),
        ("/a/.html", "200"),
        ("/", "404"),
        ("/stream.html", "404"),
        ("/echo/stream", "404"),
        ("/echoes.html", "404"),
        ("/b/echo.html", "404"),
    ] {
        let head = server.request(&format!("GET {path} HTTP/1.0")).head();
        assert_eq!(&head[9..12], status, "{path}");
    }
    let posted = server.request("POST /echo.html HTTP/1.1\nHost: a\nContent-Length: 0").head();
    assert_eq!(&posted[9..12], "404", "a document is only read");
}

#[test]
fn whoever_may_not_read_is_told_so_in_words() {
    let token = std::env::temp_dir().join(format!("datecast-documents-{}", std::process::id()));
    std::fs::write(&token, "anna 0123456789abcdef0123456789abcdef\n").unwrap();
    let file = token.to_str().unwrap();
    let server = Daemon::start(WS_SERVER, &["--token-file", file, "--allow-origin", "https://a.example"]);
    for (request, status, words) in [
        ("GET /x.html HTTP/1.0", "401", "?token=TOKEN"),
        ("GET /x.html?token=wrong HTTP/1.0", "401", "this token may not read"),
        ("GET /x.html HTTP/1.0\nOrigin: https://b.example", "403", "may not read"),
        (
            "GET /?heartbeat=3601&token=0123456789abcdef0123456789abcdef HTTP/1.0\nAccept: text/html",
            "400",
            "1 to 3600",
        ),
    ] {
        let mut client = server.request(request);
        let head = client.head();
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")) && head.contains("Content-Type: text/plain"),
            "{head}"
        );
        let body = text(client.rest());
        assert!(body.contains(words), "{body}");
    }
    std::fs::remove_file(token).unwrap();
}

#[test]
fn a_document_outlives_its_process_and_ends_with_a_way_on_where_it_cannot() {
    let mut holder = Holder::start(WS_SERVER, &["--hand-over", "on", "--source", "http"]);
    let mut client = holder.request("GET /stream.html?a=b HTTP/1.0");
    client.head();
    let mut number = 0;
    for _ in 0..3 {
        for _ in 0..3 {
            number += 1;
            let line = number.to_string();
            let head = format!("POST / HTTP/1.1\nHost: localhost\nContent-Length: {}", line.len());
            assert_eq!(holder.request(&format!("{head}\n\n{line}")).response().status, 200);
            client.until(b"<div>");
            assert_eq!(text(client.until(b"</div\n>")), format!("{line}</div\n>"));
        }
        holder.restart();
    }
    holder.signal(Signal::TERM);
    let rest = text(client.rest());
    let (seconds, url) = refresh(&rest).unwrap();
    assert!(rest.contains("The server has stopped.") && seconds == "10", "{rest}");
    let (query, number) = url.rsplit_once('_').unwrap();
    assert!(query.starts_with("?a=b&since=") && number == "9", "{url}");
}
