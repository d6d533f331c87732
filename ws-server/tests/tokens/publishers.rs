//! Who may publish, and that neither a page of another origin nor a token of a reader does.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::net::UnixStream,
};

use harness::{Daemon, Holder, PATIENCE, Signal, command, handshake, inherit};

use super::{ALICE, BOB, WRONG, WS_SERVER, both, check, reload, way::Way, write_tokens};

/// A server whose readers and publishers need tokens: Alice publishes, Bob reads.
fn http_server() -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (readers, publishers) = (folder.path().join("readers"), folder.path().join("publishers"));
    write_tokens(&readers, &format!("bob {BOB}\n"));
    write_tokens(&publishers, &format!("alice {ALICE}\ncarol {}\n", &ALICE[1..]));
    let server = Daemon::start(
        WS_SERVER,
        &[
            "--source",
            "http",
            "--token-file",
            readers.to_str().unwrap(),
            "--publish-token-file",
            publishers.to_str().unwrap(),
        ],
    );
    (server, folder)
}

#[test]
fn a_token_of_a_publisher_publishes_and_neither_a_cookie_nor_a_readers_token_does() {
    let (server, _folder) = http_server();
    let bearer = |token| format!("Authorization: Bearer {token}\n");
    let cookie = format!("Cookie: datecast_token={ALICE}\nOrigin: http://a.example\n");
    let none = String::new;
    let table = [
        (none(), none(), "absent"),
        (none(), bearer(ALICE), "right"),
        (none(), bearer(WRONG), "wrong"),
        (none(), bearer(BOB), "wrong"),
        (none(), "Authorization: Basic YWxpY2U6eA==\n".to_owned(), "wrong"),
        (format!("token={ALICE}"), none(), "right"),
        (format!("token={BOB}"), none(), "wrong"),
        (none(), cookie.clone(), "absent"),
        (format!("token={ALICE}"), cookie.clone(), "right"),
        (format!("token={WRONG}"), bearer(ALICE), "right"),
        (format!("token={ALICE}"), bearer(WRONG), "wrong"),
        (none(), bearer(WRONG) + &cookie, "wrong"),
    ];
    for method in ["POST", "PUT"] {
        for (query, fields, expected) in &table {
            let request =
                |more: &str| format!("{method} /?{query} HTTP/1.1\nHost: a.example\n{fields}{more}");
            for (more, body) in [
                ("Content-Length: 2", "x\n"),
                ("Content-Length: 2\nExpect: 100-continue", ""),
                ("Transfer-Encoding: chunked", "2\r\nx\n\r\n0\r\n\r\n"),
            ] {
                let mut client = server.request(&request(more));
                client.try_send(body);
                let head = client.head();
                let what = format!("{method} {query} {fields:?} {more}: {head}");
                let is_awaited = more.contains("Expect") && *expected == "right";
                let status = if is_awaited {
                    "100"
                } else if *expected == "right" {
                    "200"
                } else {
                    "401"
                };
                assert_eq!(&head[9..12], status, "{what}");
                assert_eq!(head.contains("error=\"invalid_token\""), *expected == "wrong", "{what}");
                assert_eq!(head.contains("WWW-Authenticate: Bearer realm="), status == "401", "{what}");
            }
        }
    }
    check(&server, Way::Lines, ("", &bearer(ALICE)), "wrong");
    check(&server, Way::Lines, ("", &bearer(BOB)), "right");
    let allowed = server.request("OPTIONS / HTTP/1.1\nHost: a").head();
    for field in ["Allow", "Access-Control-Allow-Methods"] {
        assert!(allowed.contains(&format!("\r\n{field}: GET, HEAD, OPTIONS, POST, PUT\r\n")), "{allowed}");
    }
}

#[test]
fn each_request_of_a_connection_is_judged_by_its_own_token() {
    let (server, _folder) = http_server();
    let mut client = server.connect();
    let post = |token| {
        format!("POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 2\r\n\r\nx\n")
    };
    for _ in 0..2 {
        client.send(post(ALICE));
        assert_eq!(client.response().status, 200);
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx\n");
    assert_eq!(client.response().status, 401);
}

#[test]
fn a_publication_whose_token_is_gone_gets_401_and_its_whole_lines_are_out() {
    let (mut server, folder) = http_server();
    let mut reader = Way::OldLines.begin(&server, BOB);
    let begin = |token: &str, line: &str| {
        let mut client = server.request(&format!(
            "PUT / HTTP/1.1\nHost: a\nAuthorization: Bearer {token}\nTransfer-Encoding: chunked"
        ));
        client.send(format!("{:x}\r\n{line}\nhalf\r\n", line.len() + 5));
        client
    };
    let mut revoked = begin(ALICE, "one");
    reader.until(b"one\n");
    let mut kept = begin(&ALICE[1..], "two");
    reader.until(b"two\n");
    write_tokens(&folder.path().join("publishers"), &format!("carol {}\n", &ALICE[1..]));
    reload(&mut server);
    let answer = revoked.response();
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("WWW-Authenticate"), Some("Bearer realm=\"datecast\", error=\"invalid_token\""));
    assert!(answer.text().ends_with("\"lines\":1}\n"), "{}", answer.text());
    kept.send("6\r\n three\r\n0\r\n\r\n");
    assert_eq!(kept.response().status, 200);
    assert_eq!(reader.until(b"\n"), b"half three\n", "of the other one only its whole line came");
}

#[test]
fn without_tokens_no_page_of_another_origin_publishes_and_no_rebound_name() {
    let server = Daemon::start(WS_SERVER, &["--source", "http"]);
    let port = server.address().port();
    let own = format!("Host: localhost:{port}\nOrigin: http://localhost:{port}");
    for (fields, expected, cure) in [
        (&format!("Host: 127.0.0.1:{port}")[..], 200, ""),
        (&own, 200, ""),
        ("Host: localhost\nOrigin: http://evil.example", 403, "--allow-origin http://evil.example"),
        ("Host: localhost\nOrigin: null", 403, "--allow-origin null"),
        ("Host: evil.example", 403, "--host evil.example"),
        ("Host: evil.example\nOrigin: http://evil.example", 403, "--host evil.example"),
        ("Host: localhost\nSec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate", 403, "--allow-origin"),
    ] {
        for media in ["text/plain", "application/x-www-form-urlencoded"] {
            let mut client = server
                .request(&format!("POST / HTTP/1.1\n{fields}\nContent-Type: {media}\nContent-Length: 2"));
            client.try_send("x\n");
            let answer = client.response();
            assert_eq!(answer.status, expected, "{fields}: {}", answer.text());
            assert!(answer.text().contains(cure), "{fields}: {}", answer.text());
        }
    }
    assert_eq!(server.request("GET /?until=1 HTTP/1.1\nHost: evil.example").status(), 200, "reading is open");
}

#[test]
fn the_listeners_that_are_really_there_decide_whether_publishers_need_tokens() {
    let refused = |mut command: std::process::Command| {
        command.env("DATECAST_WS_WORKERS", "1");
        let (status, log) = Daemon::spawn(command).wait();
        assert_eq!(status.code(), Some(78), "{log}");
        assert!(
            log.contains("--publish-token-file FILE") && log.contains("--listen localhost:PORT"),
            "{log}"
        );
    };
    for address in ["0.0.0.0:0", "[::]:0"] {
        refused(command(WS_SERVER, &["--source", "http", "--listen", "127.0.0.1:0", "--listen", address]));
    }
    for address in ["[::ffff:127.0.0.1]:0", "[::1]:0", "localhost:0", "127.0.0.9:0"] {
        Daemon::start_command(command(WS_SERVER, &["--source", "http", "--listen", address]));
    }
    // The default of --listen is every address, but a socket that somebody else has opened takes its place.
    Holder::start(WS_SERVER, &["--source", "http"]);
    let open = TcpListener::bind("0.0.0.0:0").unwrap();
    let mut inheriting = command(WS_SERVER, &["--source", "http"]);
    inherit(&mut inheriting, vec![("stream", open.into())]);
    refused(inheriting);
}

#[test]
fn a_reload_cannot_open_a_stream_to_every_publisher() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (folder.path().join("config"), folder.path().join("publishers"));
    write_tokens(&file, &both());
    let without = "source = \"http\"\nlisten = [\"0.0.0.0:0\"]\n";
    fs::write(&config, format!("{without}publish-token-file = \"{}\"\n", file.display())).unwrap();
    let arguments = ["--config", config.to_str().unwrap()];
    let mut server = Daemon::start_command(command(WS_SERVER, &arguments));
    fs::write(&config, without).unwrap();
    server.signal(Signal::HUP);
    let logged = server.log_line("the new configuration is wrong");
    assert!(logged.contains("--publish-token-file FILE"), "{logged}");
}

#[test]
fn a_next_process_to_which_everybody_could_publish_does_not_start_and_closes_what_it_got() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("publishers");
    write_tokens(&file, &both());
    let open = TcpListener::bind("0.0.0.0:0").unwrap();
    let arguments = ["--hand-over", "on", "--source", "http"];
    let mut holder = Holder::new(WS_SERVER, &arguments, vec![("other", open.into())]);
    holder.args.extend(["--publish-token-file".to_owned(), file.to_str().unwrap().to_owned()]);
    holder.start_next();
    let mut client = holder.request(&handshake("/", 13));
    client.head();
    holder.end(Signal::USR2);
    holder.args.truncate(arguments.len());
    let (status, log) = holder.start_in_vain();
    assert_eq!(status.code(), Some(78), "{log}");
    assert_eq!(client.close_code(), Some(1012));
}

#[test]
fn publishers_that_needed_no_token_end_when_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (folder.path().join("config"), folder.path().join("publishers"));
    write_tokens(&file, &both());
    let without = "source = \"http\"\n";
    fs::write(&config, without).unwrap();
    let mut server = Daemon::start(WS_SERVER, &["--config", config.to_str().unwrap()]);
    let mut reader = Way::OldLines.begin(&server, ALICE);
    let mut publisher = server.request("POST / HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked");
    publisher.send("4\r\none\n\r\n");
    reader.until(b"one\n");
    fs::write(&config, format!("{without}publish-token-file = \"{}\"\n", file.display())).unwrap();
    reload(&mut server);
    assert_eq!(publisher.response().status, 401);
    let mut other =
        server.request(&format!("POST /?token={ALICE} HTTP/1.1\nHost: evil.example\nContent-Length: 4"));
    other.send("two\n");
    assert_eq!(other.response().status, 200, "whoever has the token may be anybody");
    reader.until(b"two\n");
}

#[test]
fn on_a_unix_socket_no_page_of_another_origin_publishes_either() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listen = format!("unix:{}", socket.display());
    let mut server = Daemon::spawn(command(WS_SERVER, &["--source", "http", "--listen", &listen]));
    server.log_line("listening on unix:");
    for (fields, status) in [
        ("Host: stream.example", "200"),
        ("Host: stream.example\r\nOrigin: https://stream.example", "200"),
        ("Host: stream.example\r\nOrigin: https://evil.example", "403"),
        ("Host: stream.example\r\nSec-Fetch-Site: cross-site", "403"),
    ] {
        let mut client = UnixStream::connect(&socket).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let request =
            format!("POST / HTTP/1.1\r\n{fields}\r\nConnection: close\r\nContent-Length: 2\r\n\r\nx\n");
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(&answer[9..12], status, "{fields}: {answer}");
    }
}
