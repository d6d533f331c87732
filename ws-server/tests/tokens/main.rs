//! Who may read and who may publish, over real sockets: every way to the stream, with a token at every place, that is right, wrong, revoked or absent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "for tests")]

mod publishers;
mod way;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use harness::{Client, Daemon, Holder, Signal};
use way::{WAYS, Way};

const WS_SERVER: &str = env!("CARGO_BIN_EXE_ws-server");

const ALICE: &str = "8b1a9953c4611296a827abf8c47804d7";
const BOB: &str = "Ym9iJ3Mgb3duIHRva2Vu+/~-._==";
const WRONG: &str = "00000000000000000000000000000000";

fn write_tokens(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A server of lines whose readers need these tokens.
fn server(tokens: &str, args: &[&str]) -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readers");
    write_tokens(&file, tokens);
    let mut server = Daemon::start(
        WS_SERVER,
        &[&["--source", "-", "--token-file", file.to_str().unwrap()], args].concat(),
    );
    server.write("one\n");
    (server, folder)
}

fn both() -> String {
    format!("# readers\nalice {ALICE}\n\nbob {BOB}\n")
}

/// Sends the request, and checks that the answer has this status; for 401, whether it says that the token is wrong.
fn check(server: &Daemon, way: Way, (query, fields): (&str, &str), expected: &str) {
    let mut client = server.request(&way.request(query, fields));
    let head = client.head();
    let what = format!("{way:?} ?{query} {fields:?}: {head}");
    let (status, is_wrong) = match expected {
        "right" => (way.status(), false),
        "wrong" => ("401", true),
        "absent" => ("401", false),
        status => (status, false),
    };
    assert_eq!(&head[9..12], status, "{what}");
    let challenge = "\r\nWWW-Authenticate: Bearer realm=\"datecast\"";
    assert_eq!(head.contains(challenge), status == "401", "{what}");
    assert_eq!(head.contains(&format!("{challenge}, error=\"invalid_token\"\r\n")), is_wrong, "{what}");
    if status == "401" {
        assert!(head.contains("\r\nCache-Control: no-store\r\n"), "{what}");
        let body = String::from_utf8(client.rest()).unwrap();
        let says = body.starts_with("401 Unauthorized: ") && body.ends_with("URL\n");
        // RFC 9110 §9.3.2: no answer to HEAD has a body.
        assert!(if way == Way::Head { body.is_empty() } else { says }, "{what}{body}");
    }
}

#[test]
fn every_way_takes_a_token_from_every_place_and_judges_the_first_alone() {
    let (server, _folder) = server(&both(), &[]);
    let (own, foreign) = ("Origin: http://a.example\n", "Origin: http://b.example\n");
    let bearer = |token: &str| format!("Authorization: Bearer {token}\n");
    let query = |token: &str| format!("token={}", token.replace('=', "%3D"));
    let cookie = |token: &str, origin: &str| format!("Cookie: x=y; datecast_token={token}\n{origin}");
    let none = String::new;
    for way in WAYS {
        for right in [ALICE, BOB] {
            let basic = "Authorization: Basic YWxpY2U6eA==\n";
            let twice = format!("{}{}", bearer(right), bearer(right));
            let table = [
                (none(), none(), "absent"),
                (none(), bearer(right), "right"),
                (none(), bearer(right).replace("Bearer ", "bEARER   "), "right"),
                (none(), bearer(WRONG), "wrong"),
                (none(), bearer(&right[1..]), "wrong"),
                (none(), basic.to_owned(), "wrong"),
                (none(), twice, "wrong"),
                (query(right), none(), "right"),
                (format!("%74oken={right}"), none(), "right"),
                (query(WRONG), none(), "wrong"),
                ("token=".to_owned(), none(), "wrong"),
                (format!("{}&{}", query(right), query(WRONG)), none(), "right"),
                (format!("{}&{}", query(WRONG), query(right)), none(), "wrong"),
                (none(), cookie(right, ""), "right"),
                (none(), cookie(right, own), "right"),
                (none(), cookie(&format!("\"{right}\""), own), "right"),
                (none(), cookie(WRONG, own), "wrong"),
                // As if it were not there.
                (none(), cookie(right, foreign), "absent"),
                (none(), cookie(right, "Origin: null\n"), "absent"),
                (none(), cookie(right, "Sec-WebSocket-Origin: http://b.example\n"), "absent"),
                (none(), cookie(right, "Sec-Fetch-Site: cross-site\n"), "absent"),
                (none(), cookie(right, "Sec-Fetch-Site: same-origin\n"), "right"),
                // Two or three at once.
                (query(WRONG), bearer(right), "right"),
                (query(right), bearer(WRONG), "wrong"),
                (query(right), basic.to_owned(), "wrong"),
                (query(right), cookie(WRONG, own), "right"),
                (query(WRONG), cookie(right, own), "wrong"),
                (none(), bearer(WRONG) + &cookie(right, own), "wrong"),
                (query(right), bearer(WRONG) + &cookie(right, own), "wrong"),
                (query(right), cookie(right, foreign), "right"),
            ];
            for (query, fields, expected) in table {
                check(&server, way, (&query, &fields), expected);
            }
        }
    }
}

#[test]
fn a_cookie_counts_for_a_listed_origin_too() {
    let (server, _folder) = server(&both(), &["--allow-origin", "https://b.example"]);
    let cookie = |origin: &str| format!("Cookie: datecast_token={ALICE}\nOrigin: {origin}\n");
    for way in WAYS {
        check(&server, way, ("", &cookie("https://b.example")), "right");
        check(&server, way, ("", &cookie("https://c.example")), "403");
    }
}

#[test]
fn a_foreign_origin_and_a_wrong_path_are_refused_first_and_a_token_before_all_else() {
    let (server, _folder) =
        server(&both(), &["--allow-origin", "https://b.example", "--path", "/", "--legacy", "off"]);
    let status = |request: &str| server.request(request).status();
    for (request, expected) in [
        ("GET /x HTTP/1.1\nHost: a\nOrigin: https://c.example", 403),
        ("GET /x HTTP/1.1\nHost: a", 404),
        ("GET /?until=x HTTP/1.1\nHost: a", 401),
        ("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: WebSocket", 401),
        ("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 99", 401),
        ("DELETE / HTTP/1.1\nHost: a", 405),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 0", 405),
    ] {
        assert_eq!(status(request), expected, "{request}");
        if expected == 401 {
            let with_token =
                request.replace("\nHost: a", &format!("\nHost: a\nAuthorization: Bearer {ALICE}"));
            assert_ne!(status(&with_token), 401, "{with_token}");
        }
    }
}

#[test]
fn a_preflight_and_a_policy_request_need_no_token() {
    let (server, _folder) = server(&both(), &[]);
    let mut preflight = server.request(
        "OPTIONS / HTTP/1.1\nHost: a\nOrigin: http://b.example\nAccess-Control-Request-Method: GET\n\
         Access-Control-Request-Headers: authorization",
    );
    let head = preflight.head();
    assert!(head.starts_with("HTTP/1.1 204 "), "{head}");
    for field in ["Authorization", "Idempotency-Key", "Content-Type", "Last-Event-ID"] {
        let allowed = head.lines().find(|line| line.starts_with("Access-Control-Allow-Headers: ")).unwrap();
        assert!(allowed.contains(field), "{head}");
    }
    assert!(head.contains("\r\nAccess-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"), "{head}");
    let mut policy = server.connect();
    policy.send(b"<policy-file-request/>\0");
    assert!(policy.rest().starts_with(b"<?xml"));
}

#[test]
fn a_page_of_another_origin_can_read_that_it_has_no_token() {
    let (server, _folder) = server(&both(), &["--allow-origin", "https://b.example"]);
    let head = server.request("GET / HTTP/1.1\nHost: a\nOrigin: https://b.example").head();
    assert!(head.starts_with("HTTP/1.1 401 "), "{head}");
    assert!(head.contains("\r\nAccess-Control-Allow-Origin: https://b.example\r\n"), "{head}");
}

/// The server has read its configuration again.
fn reload(server: &mut Daemon) {
    server.signal(Signal::HUP);
    server.log_line("the configuration was read again");
}

#[test]
fn a_reload_ends_those_whose_token_is_gone_in_their_own_dialect_and_nobody_else() {
    let (mut server, folder) = server(&both(), &[]);
    let staying = || WAYS.into_iter().filter(|way| way.stays());
    let mut revoked: Vec<(Way, Client)> = staying().map(|way| (way, way.begin(&server, ALICE))).collect();
    let mut kept: Vec<(Way, Client)> = staying().map(|way| (way, way.begin(&server, BOB))).collect();
    let mut in_handshake =
        server.request(&Way::Hixie76.request("", &format!("Authorization: Bearer {ALICE}\n")));
    in_handshake.head();
    let half_closed = Way::OldLines.begin(&server, ALICE);
    half_closed.finish_sending();
    revoked.push((Way::OldLines, half_closed));

    write_tokens(&folder.path().join("readers"), &format!("bob {BOB}\ncarol {WRONG}\n"));
    reload(&mut server);
    in_handshake.try_send(b"^n:ds[4U");
    assert_eq!(in_handshake.rest(), b"", "the third key comes too late");
    for (way, client) in &mut revoked {
        way.expect_revoked(client);
    }
    server.write("two\n");
    for (way, client) in &mut kept {
        client.until(b"two");
        check(&server, *way, ("", &format!("Authorization: Bearer {ALICE}\n")), "wrong");
        check(&server, *way, ("", &format!("Authorization: Bearer {WRONG}\n")), "right");
    }
}

#[test]
fn a_token_under_another_name_or_another_token_under_the_name_ends_the_client() {
    for text in
        [format!("alice {WRONG}\nbob {BOB}"), format!("alice {BOB}\nbob {ALICE}"), format!("anna {ALICE}")]
    {
        let (mut server, folder) = server(&both(), &[]);
        let mut client = Way::Rfc6455.begin(&server, ALICE);
        write_tokens(&folder.path().join("readers"), &text);
        reload(&mut server);
        Way::Rfc6455.expect_revoked(&mut client);
    }
}

/// Publishes a hundred lines, far more than a socket holds whose client does not read, and waits until this client has them.
fn fill(server: &mut Daemon, client: &mut Client) {
    for number in 0..100 {
        server.write(format!("{}{number}\n", "x".repeat(10_000)));
        client.until(format!("x{number}\n").as_bytes());
    }
}

#[test]
fn a_bounded_read_that_is_revoked_does_not_look_complete() {
    let (mut server, folder) = server(&both(), &["--max-queue", "1KiB"]);
    let mut other = Way::OldLines.begin(&server, BOB);
    fill(&mut server, &mut other);
    let request = format!("GET /?since=0&until=101&token={ALICE} HTTP/1.1\nHost: a");
    let whole = server.request(&request.replace(ALICE, BOB)).rest();
    assert!(whole.len() > 1_000_000 && whole.ends_with(b"\r\n0\r\n\r\n"));
    // It reads nothing: its socket is full.
    let mut blocked = server.request(&request);
    blocked.head();
    write_tokens(&folder.path().join("readers"), &format!("bob {BOB}\n"));
    reload(&mut server);
    let (rest, _) = blocked.read_to_end();
    assert!(!rest.ends_with(b"\r\n0\r\n\r\n") && rest.len() < whole.len(), "{} bytes", rest.len());
}

#[test]
fn a_blocked_client_gets_its_close_behind_what_was_queued() {
    let (mut server, folder) = server(&both(), &["--max-queue", "1KiB"]);
    let mut client = Way::Rfc6455.begin(&server, ALICE);
    let mut other = Way::OldLines.begin(&server, BOB);
    fill(&mut server, &mut other);
    write_tokens(&folder.path().join("readers"), &format!("bob {BOB}\n"));
    reload(&mut server);
    Way::Rfc6455.expect_revoked(&mut client);
}

#[test]
fn a_file_that_is_named_anew_ends_those_without_a_token_and_one_that_is_taken_away_ends_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (config, file) = (folder.path().join("config"), folder.path().join("readers"));
    write_tokens(&file, &both());
    let without = "source = \"-\"\n";
    let with = format!("{without}token-file = \"{}\"\n", file.display());
    fs::write(&config, without).unwrap();
    let mut server = Daemon::start(WS_SERVER, &["--config", config.to_str().unwrap()]);
    server.write("one\n");
    let mut unnamed = server.request("GET / HTTP/1.0");
    unnamed.head();
    // A token that nobody asks for is no grant.
    let mut early = Way::Rfc6455.begin(&server, ALICE);
    fs::write(&config, &with).unwrap();
    reload(&mut server);
    assert_eq!(unnamed.rest(), b"one\n");
    Way::Rfc6455.expect_revoked(&mut early);
    let mut named = Way::OldLines.begin(&server, ALICE);
    fs::write(&config, without).unwrap();
    reload(&mut server);
    server.write("two\n");
    named.until(b"two\n");
    assert_eq!(server.get("/?until=1").status, 200);
}

#[test]
fn a_wrong_file_at_a_reload_leaves_the_old_tokens_in_force() {
    let (mut server, folder) = server(&both(), &[]);
    let file = folder.path().join("readers");
    let mut client = Way::OldLines.begin(&server, ALICE);
    for text in ["", "alice", "alice SECRET%", "alice a b"] {
        write_tokens(&file, text);
        server.signal(Signal::HUP);
        let logged = server.log_line("the new configuration is wrong");
        assert!(logged.contains("--token-file ") && !logged.contains("SECRET"), "{logged}");
    }
    fs::remove_file(&file).unwrap();
    server.signal(Signal::HUP);
    server.log_line("the new configuration is wrong");
    server.write("two\n");
    client.until(b"two\n");
    check(&server, Way::Rfc6455, ("", &format!("Authorization: Bearer {ALICE}\n")), "right");
}

#[test]
fn a_file_that_all_can_read_and_a_short_token_are_warned_of_at_each_reading() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("readers");
    fs::write(&file, "# c\nalice S3CR3T\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let arguments = ["--token-file", file.to_str().unwrap()];
    let mut server = Daemon::spawn(harness::on_free_port(WS_SERVER, &arguments));
    for reading in 0..2 {
        if reading > 0 {
            server.signal(Signal::HUP);
        }
        let logged = server.log_line("every user of this machine can read it");
        assert!(logged.contains("chmod o= "), "{logged}");
        let logged = server.log_line("can be guessed");
        assert!(logged.contains("line 2: ") && !logged.contains("S3CR3T"), "{logged}");
        server.log_line(if reading > 0 { "was read again" } else { "listening on" });
    }
}

#[test]
fn a_client_whose_token_is_gone_ends_in_the_next_process_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (file, fifo) = (folder.path().join("readers"), folder.path().join("fifo"));
    harness::make_fifo(&fifo);
    write_tokens(&file, &both());
    let source = format!("fifo:{}", fifo.display());
    let mut holder = Holder::start(
        WS_SERVER,
        &["--hand-over", "on", "--source", &source, "--token-file", file.to_str().unwrap()],
    );
    let client = |way: Way, token: &str| {
        let mut client = holder.request(&way.request("", &format!("Authorization: Bearer {token}\n")));
        client.head();
        (way, client)
    };
    let ways = [Way::Hybi07, Way::Rfc6455, Way::Events, Way::Lines];
    let mut revoked: Vec<_> = ways.into_iter().map(|way| client(way, ALICE)).collect();
    let mut kept: Vec<_> = ways.into_iter().map(|way| client(way, BOB)).collect();
    let (_, mut in_handshake) = client(Way::Hixie76, ALICE);
    write_tokens(&file, &format!("bob {BOB}\n"));
    holder.restart();
    for (way, client) in &mut revoked {
        way.expect_revoked(client);
    }
    in_handshake.try_send(b"^n:ds[4U");
    assert_eq!(in_handshake.rest(), b"");
    fs::write(&fifo, "two\n").unwrap();
    for (_, client) in &mut kept {
        client.until(b"two");
    }
}
