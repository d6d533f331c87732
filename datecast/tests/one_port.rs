//! Page, files, stream and policy on one listener.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    fs,
    io::{Read, Write},
    process::Stdio,
};

use harness::{
    Client, Daemon, Signal, UPGRADE, command, eventually, frame, on_free_port, scrape::wait_until,
};

const DATECAST: &str = env!("CARGO_BIN_EXE_datecast");

/// The command with lines for its input, on a free port of 127.0.0.1.
fn with_lines(arguments: &[&str], lines: &str) -> Daemon {
    let mut server = Daemon::start(DATECAST, arguments);
    server.write(lines);
    server
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\nHost: localhost")
}

fn send(client: &mut Client, request: &str) {
    client.send(format!("{}\r\n\r\n", request.replace('\n', "\r\n")));
}

#[test]
fn one_port_has_the_page_the_stream_in_every_way_and_the_policy() {
    let server = with_lines(&[], "one\ntwo\n");
    let page = server.request(&get("/")).response();
    assert_eq!(page.status, 200);
    assert!(page.text().starts_with("<!doctype html>"), "{}", page.text());
    assert!(
        page.text().contains("name=\"datecast-ws\" content=\"stream\""),
        "it finds the stream beside itself"
    );

    let lines = |target: &str| {
        let mut client = server.request(&format!("GET {target} HTTP/1.0"));
        client.head();
        String::from_utf8(client.until(b"two\n")).unwrap()
    };
    assert_eq!(lines("/stream"), "one\ntwo\n");
    assert_eq!(lines("/stream/any?since=0"), "one\ntwo\n");
    assert_eq!(lines("//stream"), "one\ntwo\n", "as the site takes //style.css for its /style.css");
    let mut events = server.request(&format!("{}\nAccept: text/event-stream", get("/any/path")));
    assert!(events.head().contains("text/event-stream"));
    events.until(b"data: two\n\n");
    for target in ["/", "/stream?ids=0", "/app.js"] {
        let mut socket = server.request(&format!("{}\n{UPGRADE}", get(target)));
        assert!(socket.head().starts_with("HTTP/1.1 101 "));
        assert_eq!([socket.text(), socket.text()], ["one", "two"]);
    }
    let mut flash = server.connect();
    flash.send(b"<policy-file-request/>\0");
    let policy = String::from_utf8(flash.rest()).unwrap();
    let port = server.address().port();
    assert!(policy.contains(&format!("domain=\"localhost\" to-ports=\"{port}\"")), "{policy}");
    assert!(!policy.contains("\"*\""), "{policy}");
}

#[test]
fn folders_are_closed_while_the_stream_is_quiet() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().canonicalize().unwrap().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file.txt"), "file").unwrap();
    let server = with_lines(&["--root", root.path().to_str().unwrap()], "one\n");
    let close = format!("{}\nConnection: close", get("/folder/file.txt"));
    assert_eq!(server.request(&close).response().text(), "file");
    eventually(|| {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
        let open = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
        if open.filter(|path| path.starts_with(&folder)).count() == 0 {
            Ok(())
        } else {
            Err("it is open".into())
        }
    });
}

#[test]
fn a_connection_is_kept_through_pages_and_ends_with_the_stream() {
    let server = with_lines(&[], "one\n");
    let mut client = server.connect();
    for (target, status) in [("/", 200), ("/style.css", 200), ("/nothing", 404), ("/favicon.svg", 200)] {
        send(&mut client, &get(target));
        assert_eq!(client.response().status, status, "{target}");
    }
    // A body that belongs to a page's request is no beginning of the next one.
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nGET /stream ");
    assert_eq!(client.response().status, 200);
    send(&mut client, &format!("{}\n{UPGRADE}", get("/stream")));
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    assert_eq!(client.text(), "one");
    client.send(frame(0x88, &1000_u16.to_be_bytes()));
    assert_eq!(client.frame(), (0x88, 1000_u16.to_be_bytes().to_vec()));
}

#[test]
fn one_connection_has_pages_and_polls_in_turn() {
    let mut server = with_lines(&[], "one\n");
    let mut client = server.connect();
    let mut ask = |server: &mut Daemon, query: &str, next: Option<&str>| {
        send(&mut client, &get("/style.css"));
        assert_eq!(client.response().status, 200);
        send(&mut client, &get(&format!("/stream?{query}")));
        // The next page's request waits behind the poll.
        send(&mut client, &get("/nothing"));
        if let Some(line) = next {
            server.write(line);
        }
        let poll = client.response();
        assert_eq!(client.response().status, 404);
        (poll.header("Datecast-Last-Id").unwrap_or_default().to_owned(), poll.text())
    };
    // The line may still be on its way to the stream.
    let mut last = "0".to_owned();
    let mut body = String::new();
    while body.is_empty() {
        (last, body) = ask(&mut server, &format!("poll=20&since={last}"), None);
    }
    assert_eq!(body, format!("{{\"id\":\"{last}\",\"text\":\"one\",\"kind\":\"message\"}}\n"));
    let (_, body) = ask(&mut server, &format!("poll=60&since={last}"), Some("two\n"));
    assert!(body.contains("\"text\":\"two\""), "{body}");
    let (_, body) = ask(&mut server, "poll=0&since=0", None);
    assert_eq!(body.lines().count(), 2, "{body}");
    let script = server.get("/stream?callback=f");
    assert_eq!(script.status, 403, "it is for its own pages, and any page could load a script");
    let page = server.get("/?poll=5&callback=f");
    assert!(page.text().starts_with("<!doctype html>"), "elsewhere a query means nothing");
}

#[test]
fn requests_that_come_at_once_or_byte_by_byte_are_answered_in_order() {
    let server = with_lines(&[], "one\n");
    let requests: String = ["/favicon.svg", "/nothing", "/stream"]
        .map(|target| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        .concat();
    let read = |client: &mut Client| {
        assert_eq!((client.response().status, client.response().status), (200, 404));
        assert!(client.head().contains("text/plain"));
        client.until(b"one\n");
    };
    let mut whole = server.connect();
    whole.send(&requests);
    read(&mut whole);
    let mut bytewise = server.connect();
    requests.bytes().for_each(|byte| bytewise.send([byte]));
    read(&mut bytewise);
}

#[test]
fn files_of_the_root_win_over_those_of_the_page() {
    let root = tempfile::tempdir().unwrap();
    for name in ["sub", "style.css"] {
        fs::create_dir(root.path().join(name)).unwrap();
    }
    for (name, text) in
        [("own.txt", "own"), ("favicon.svg", "<svg/>"), ("sub/index.html", "sub"), ("stream", "no")]
    {
        fs::write(root.path().join(name), text).unwrap();
    }
    let server = with_lines(&["--root", root.path().to_str().unwrap()], "one\n");
    let body = |target: &str| server.request(&get(target)).response().text();
    assert_eq!(
        (body("/own.txt"), body("/favicon.svg"), body("/sub/")),
        ("own".into(), "<svg/>".into(), "sub".into())
    );
    assert!(body("/").starts_with("<!doctype html>"));
    assert!(body("/app.js").contains("// ---- lines-view.js"));
    assert!(body("/style.css").contains('{'), "a directory is no file that could win");
    let policy =
        |target: &str| server.request(&get(target)).response().header("content-security-policy").is_some();
    assert!(
        policy("/") && !policy("/sub/"),
        "the page has its own policy, the root's pages have their owner's"
    );
    server.request(&get("/stream")).until(b"one\n");
    fs::write(root.path().join("index.html"), "mine").unwrap();
    let replaced = harness::eventually(|| match body("/") {
        mine if mine == "mine" => Ok(mine),
        other => Err(other),
    });
    assert_eq!(replaced, "mine");
}

#[test]
fn a_large_file_comes_whole_to_a_client_that_takes_its_time_or_has_half_closed() {
    // More than the kernels hold for a client that does not read.
    const LARGE: u64 = 20_000_000;
    let root = tempfile::tempdir().unwrap();
    fs::File::create(root.path().join("large")).unwrap().set_len(LARGE).unwrap();
    let server = with_lines(&["--root", root.path().to_str().unwrap(), "--keep-alive", "1s"], "");
    let mut half = server.request(&get("/large"));
    half.finish_sending();
    let mut slow = server.request(&get("/large"));
    send(&mut slow, &get("/app.js"));
    let mut idle = server.request(&get("/app.js"));
    idle.rest();
    // Now the time between an answer and the next request is over, but they are still at their answer.
    assert_eq!(half.response().body.len() as u64, LARGE);
    assert_eq!(slow.response().body.len() as u64, LARGE);
    assert_eq!(slow.response().status, 200);
}

#[test]
fn the_metrics_are_those_of_the_stream_and_of_the_site() {
    let mut server = with_lines(&["--metrics", "127.0.0.1:0"], "one\n");
    let endpoint = server.metrics_address();
    server.get("/");
    server.request("GET /stream HTTP/1.0").until(b"one\n");
    let is_one = |count: f64| (count - 1.0).abs() < f64::EPSILON;
    for sample in [r#"requests_total{status="200"}"#, "messages_total"] {
        wait_until(endpoint, &format!("datecast_{sample}"), is_one);
    }
}

#[test]
fn a_client_that_stops_in_a_later_head_gets_408_and_an_idle_one_its_end() {
    for (begun, keep_alive, ends_with) in
        [("GET / HT", "1h", "408 Request Timeout\n"), ("", "300ms", "</html>\n")]
    {
        let server = with_lines(&["--head-timeout", "200ms", "--keep-alive", keep_alive], "");
        let mut client = server.request(&get("/"));
        client.send(begun);
        let all = String::from_utf8(client.rest()).unwrap();
        assert!(all.contains("HTTP/1.1 200 ") && all.trim_end().ends_with(ends_with.trim_end()), "{all}");
    }
}

#[test]
fn a_later_request_has_no_longer_for_its_third_key_than_the_first_one() {
    let server = with_lines(&["--head-timeout", "200ms", "--keep-alive", "1h"], "");
    let mut client = server.request(&get("/favicon.svg"));
    assert_eq!(client.response().status, 200);
    send(
        &mut client,
        &format!(
            "{}\nUpgrade: WebSocket\nConnection: Upgrade\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\n\
             Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
            get("/stream")
        ),
    );
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    assert!(client.rest().is_empty());
}

#[test]
fn a_proxy_header_is_one_at_the_beginning_of_a_connection_alone() {
    let server = with_lines(&["--trusted-proxy", "127.0.0.1"], "");
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x7f\0\0\x01\x04\xd2\0\x50";
    for begins_with in [&header[..], b""] {
        let mut client = server.connect();
        client.send(begins_with);
        send(&mut client, &get("/favicon.svg"));
        assert_eq!(client.response().status, 200);
        client.send(header);
        send(&mut client, &get("/favicon.svg"));
        assert_eq!(client.response().status, 400);
    }
}

#[test]
fn a_connection_that_is_kept_for_pages_is_none_of_the_stream_in_the_metrics() {
    let mut server = with_lines(&["--metrics", "127.0.0.1:0"], "");
    let endpoint = server.metrics_address();
    let mut kept = server.request(&get("/favicon.svg"));
    assert_eq!(kept.response().status, 200);
    let mut lines = server.request(&get("/stream"));
    lines.head();
    for (sample, expected) in [
        ("datecast_open_connections", 2.0),
        ("datecast_connections{dialect=\"lines\",state=\"open\"}", 1.0),
        ("datecast_connections{dialect=\"unknown\",state=\"opening\"}", 0.0),
    ] {
        wait_until(endpoint, sample, |value| (value - expected).abs() < 0.5);
    }
}

#[test]
fn a_terminal_or_pipe_that_takes_no_url_does_not_keep_it_from_serving() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("full");
    harness::make_fifo(&path);
    // Linux opens a FIFO for both at once, and then a write waits for no reader.
    let mut both = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let capacity = rustix::pipe::fcntl_getpipe_size(&both).unwrap();
    both.write_all(&vec![b'-'; capacity]).unwrap();
    let line = format!("exec \"$0\" \"$@\" >'{}'", path.display());
    let arguments = ["-c", &line, DATECAST, "--listen", "127.0.0.1:0", "--log-level", "info"];
    let server = Daemon::start_command(command("/bin/sh", &arguments));
    assert_eq!(server.request(&get("/favicon.svg")).response().status, 200);
    let mut taken = vec![0; capacity];
    both.read_exact(&mut taken).unwrap();
    let expected = format!("http://localhost:{}/\n", server.address().port());
    let mut printed = vec![0; expected.len()];
    both.read_exact(&mut printed).unwrap();
    assert_eq!(String::from_utf8(printed).unwrap(), expected, "it follows when there is room");
    server.signal(Signal::INT);
    assert!(server.wait().0.success());
}

#[test]
fn the_source_is_what_standard_input_is() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from a file\n").unwrap();
    let first_line = |input: Stdio| {
        let server = Daemon::spawn_with(on_free_port(DATECAST, &[]), input).listening();
        let mut client = server.request("GET /stream HTTP/1.0");
        client.head();
        String::from_utf8(client.until(b"\n")).unwrap()
    };
    assert_eq!(first_line(fs::File::open(file.path()).unwrap().into()), "from a file\n");
    assert!(harness::is_js_date(first_line(Stdio::null()).trim_end()));
}

#[test]
fn the_end_of_the_input_ends_the_command_only_if_it_is_asked_to() {
    let mut server = with_lines(&[], "one\n");
    drop(server.stdin.take());
    for _ in 0..2 {
        server.request("GET /stream HTTP/1.0").until(b"one\n");
    }
    server.signal(Signal::INT);
    assert!(server.wait().0.success());

    let server = with_lines(&["--at-eof", "exit"], "one\n");
    let mut client = server.request("GET /stream HTTP/1.0");
    client.until(b"one\n");
    let waiting = std::thread::spawn(move || server.wait().0);
    assert!(client.rest().is_empty());
    assert!(waiting.join().unwrap().success());
}

#[test]
fn a_file_of_many_lines_can_be_read_from_its_first_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let numbers: Vec<String> = (1..=50_000).map(|number| number.to_string()).collect();
    let lines = numbers.join("\n") + "\n";
    fs::write(file.path(), &lines).unwrap();
    let input = fs::File::open(file.path()).unwrap();
    let mut server = Daemon::spawn_with(on_free_port(DATECAST, &[]), input.into()).listening();
    server.log_line("the input has ended");
    let mut client = server.request("GET /stream?since=0&until=50000 HTTP/1.0");
    client.head();
    assert_eq!(client.rest_as_text(), lines);
}

#[test]
fn one_file_is_all_four_programs() {
    for (words, expected) in [
        (&["--version"][..], "datecast "),
        (&["ws-server", "--version"], "ws-server "),
        (&["static-server", "--version"], "static-server "),
        (&["policy-server", "--version"], "policy-server "),
        (&["ws-server", "--help"], "One numbered stream"),
    ] {
        let output = command(DATECAST, words).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().starts_with(expected), "{words:?}");
    }
    let arguments = ["ws-server", "--listen", "127.0.0.1:0"];
    let server = Daemon::start_command(command(DATECAST, &arguments));
    let mut client = server.request("GET / HTTP/1.0");
    client.head();
    assert!(harness::is_js_date(String::from_utf8(client.until(b"\n")).unwrap().trim_end()));
}

#[test]
fn lines_that_bring_their_numbers_keep_them_up_to_the_page() {
    let lines = "7\tseven\nno number\n9\tnine\n9\tagain\n!caught-up\n12\ttwelve\n";
    let server = with_lines(&["--numbers", "given"], lines);
    let mut socket = server.request(&format!("{}\n{UPGRADE}", get("/stream?ids=1")));
    assert!(socket.head().starts_with("HTTP/1.1 101 "));
    for message in ["7\tseven", "9\tnine", "12\ttwelve"] {
        assert_eq!(socket.text(), format!("000000000000_{message}"));
    }
    let mut later = server.request(&get("/stream?since=000000000000_7").replace("1.1", "1.0"));
    later.head();
    assert_eq!(later.until(b"twelve\n"), b"nine\ntwelve\n");
}
