//! The files that a path may reach: rows ST-01 to ST-12 and ST-31 of the attack table.
#![allow(clippy::unwrap_used)] // a test may fail anywhere
#![allow(clippy::disallowed_methods)] // and has a clock

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use harness::http::{request, status};
use harness::{Daemon, make_fifo};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

const SECRET: &str = "outside of the root";

/// `www` is served; `secret` and `www-secret/file` lie beside it.
fn tree() -> (tempfile::TempDir, Daemon) {
    tree_with(&[])
}

fn tree_with(arguments: &[&str]) -> (tempfile::TempDir, Daemon) {
    let dir = tempfile::tempdir().unwrap();
    let www = dir.path().join("www");
    fs::create_dir_all(www.join("dir/deep")).unwrap();
    fs::create_dir_all(www.join(".git")).unwrap();
    fs::create_dir_all(www.join(".well-known")).unwrap();
    fs::create_dir(dir.path().join("www-secret")).unwrap();
    for (name, text) in [
        ("secret", SECRET),
        ("www-secret/file", SECRET),
        ("www/index.html", "<p>index"),
        ("www/file.txt", "file"),
        ("www/dir/index.html", "<p>dir"),
        ("www/.env", SECRET),
        ("www/.git/config", SECRET),
        ("www/.well-known/security.txt", "contact"),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let server = Daemon::start(STATIC_SERVER, &[&["--root", www.to_str().unwrap()], arguments].concat());
    (dir, server)
}

#[test]
fn no_spelling_of_a_climb_leaves_the_root() {
    let (_dir, server) = tree();
    for target in [
        "/../secret",
        "/..%2fsecret",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/dir/../../secret",
        "/dir/..%2f..%2fsecret",
        "/..;/secret",
        "/....//secret",
        "/.%2e/secret",
        "/..%5csecret",
        "/%252e%252e/secret",
        "/%c0%ae%c0%ae/secret",
        "/../www-secret/file",
        "/%2e%2e/www-secret/file",
        "/..",
        "/%00/../../secret",
        "http://localhost/../secret",
    ] {
        let answer = server.exchange(request("GET", target, "Connection: close\r\n"));
        assert!(["400", "404"].contains(&status(&answer)), "{target}: {answer}");
        assert!(!answer.contains(SECRET), "{target}");
    }
}

/// All sequences of four dangerous pieces, through the whole server; the unit tests of `path` try all of seven bytes.
#[test]
fn all_short_paths_over_the_dangerous_alphabet_show_no_secret() {
    let (_dir, server) = tree_with(&["--keep-alive-requests", "1000000"]);
    let alphabet = ["..", "/", "%2e", "%2f", "%5c", ".", "secret"];
    let mut client = server.connect();
    for number in 0..7_usize.pow(4) {
        let mut rest = number;
        let mut target = String::from("/");
        for _ in 0..4 {
            target.push_str(alphabet[rest % 7]);
            rest /= 7;
        }
        client.send(request("GET", &target, ""));
        let answer = client.response();
        assert!([200, 301, 400, 404].contains(&answer.status), "{target}: {answer:?}");
        assert!(!answer.text().contains(SECRET), "{target}");
        if answer.header("connection") == Some("close") {
            client = server.connect();
        }
    }
}

#[test]
fn a_path_is_decoded_once_and_a_literal_name_is_not_found() {
    let (dir, server) = tree();
    fs::write(dir.path().join("www/100%.txt"), "percent").unwrap();
    assert_eq!(server.get("/100%25.txt").text(), "percent");
    for target in ["/%252e%252e/x", "/%c0%ae/", "/file%252etxt"] {
        assert_eq!(server.get(target).status, 404, "{target}");
    }
}

#[test]
fn control_bytes_and_broken_encodings_are_refused() {
    let (_dir, server) = tree();
    for target in [
        "/file.txt%00",
        "/file.txt%00.html",
        "/%0d%0aX:%20y",
        "/a%7f",
        "/a%1f",
        "/a%2fb",
        "/%",
        "/%g0",
        "/file.txt%",
    ] {
        assert_eq!(server.get(target).status, 400, "{target}");
    }
}

/// Each with the target that names it.
const FOREIGN_NAMES: [(&str, &str); 15] = [
    ("12:30.txt", "/12:30.txt"),
    ("12:30.txt", "/12%3a30.txt"),
    ("a\\b", "/a\\b"),
    ("a\\b", "/a%5cb"),
    ("C:", "/C:"),
    ("file.txt::$DATA", "/file.txt::$DATA"),
    ("CON", "/CON"),
    ("aux.txt", "/aux.txt"),
    ("dots...", "/dots..."),
    ("blank ", "/blank%20"),
    ("~", "/~"),
    ("index.html~", "/index.html~"),
    ("-rf", "/-rf"),
    ("*?\"<>|", "/*%3F%22%3C%3E%7C"),
    ("a;b=c,d&e+f@g!h'(i)[j]{k}^`", "/a;b=c,d&e+f@g!h'(i)%5Bj%5D%7Bk%7D%5E%60"),
];

#[test]
fn names_that_are_special_on_other_systems_are_plain_names() {
    let (dir, server) = tree_with(&["--cache-size", "0"]);
    for (name, target) in FOREIGN_NAMES {
        assert_eq!(server.get(target).status, 404, "{target}");
        let path = dir.path().join("www").join(name);
        fs::write(&path, name).unwrap();
        assert_eq!(server.get(target).text(), name, "{target}");
        fs::remove_file(&path).unwrap();
        // A directory of this name gets its slash, and the Location names it again.
        fs::create_dir(&path).unwrap();
        fs::write(path.join("index.html"), "inside").unwrap();
        let location = server.get(target).header("location").map(str::to_owned).unwrap();
        assert_eq!(server.get(&location).text(), "inside", "{target}: {location}");
        fs::remove_dir_all(&path).unwrap();
    }
    assert_eq!(server.get("/dir\\..\\..\\secret").status, 404);
}

#[test]
fn a_symbolic_link_is_followed_inside_of_the_root_only() {
    let (dir, server) = tree();
    let www = dir.path().join("www");
    for (target, name) in [("file.txt", "inside"), ("../file.txt", "dir/up"), ("dir", "way")] {
        symlink(target, www.join(name)).unwrap();
    }
    symlink(dir.path().join("secret"), www.join("absolute")).unwrap();
    symlink(www.join("file.txt"), www.join("absolute-inside")).unwrap();
    for (target, name) in
        [("../secret", "out"), ("../www-secret", "beside"), ("self", "self"), ("/proc/self/root", "magic")]
    {
        symlink(target, www.join(name)).unwrap();
    }
    for target in ["/inside", "/dir/up", "/way/"] {
        assert_eq!(server.get(target).status, 200, "{target}");
    }
    for target in
        ["/absolute", "/absolute-inside", "/out", "/beside/file", "/beside", "/self", "/magic/etc/passwd"]
    {
        let answer = server.get(target);
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.text().contains(SECRET));
    }
}

#[test]
fn a_fifo_a_socket_or_a_directory_is_not_a_file_and_blocks_nobody() {
    let (dir, server) = tree();
    let fifo = dir.path().join("www/fifo");
    make_fifo(&fifo);
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("www/socket")).unwrap();
    for target in ["/fifo", "/socket", "/dir/deep/"] {
        let begun = Instant::now();
        assert_eq!(server.get(target).status, 404, "{target}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn dotfiles_are_not_found_but_the_well_known_ones_are() {
    let (_dir, server) = tree();
    for target in ["/.env", "/.git/config", "/%2egit/config", "/%2eenv", "/dir/.hidden", "/.git/"] {
        let answer = server.get(target);
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.text().contains(SECRET));
    }
    assert_eq!(server.get("/.well-known/security.txt").text(), "contact");
}

#[test]
fn a_redirect_stays_on_the_same_origin() {
    let (dir, server) = tree();
    fs::create_dir_all(dir.path().join("www/evil.com/x")).unwrap();
    fs::create_dir_all(dir.path().join("www/a \"<b>")).unwrap();
    for (target, location) in [
        ("/dir", "/dir/"),
        ("/dir?a=b&c", "/dir/?a=b&c"),
        ("//evil.com", "/evil.com/"),
        ("///evil.com/x", "/evil.com/x/"),
        ("//evil.com/x/.?//y", ""),
        ("/a%20%22%3Cb%3E", "/a%20%22%3Cb%3E/"),
        ("http://evil.example/dir", "/dir/"),
        ("/dir?%0d%0aX:y", "/dir/?%0d%0aX:y"),
        // A token goes no further than to where somebody sent it.
        ("/dir?token=0123456789abcdef", "/dir/"),
        ("/dir?a=b&%74oken=0123456789abcdef&c", "/dir/?a=b&c"),
    ] {
        let answer = server.get(target);
        if location.is_empty() {
            assert_eq!(answer.status, 404, "{target}");
            continue;
        }
        assert_eq!((answer.status, answer.header("location")), (301, Some(location)), "{target}");
        assert!(!answer.text().contains("dir") && !answer.text().contains("evil"));
    }
    for target in ["//evil.com/%2f..", "//evil.com%2f..", "/\\evil.com", "/%5cevil.com", "//"] {
        let answer = server.get(target);
        assert!(
            answer.header("location").is_none_or(|to| to.starts_with('/') && !to.starts_with("//")),
            "{target}"
        );
    }
}

#[test]
fn nothing_that_the_client_sent_is_in_the_answer() {
    let (_dir, server) = tree();
    for target in ["/zebra%3Cscript%3E", "/zebra?zebra", "/%0d%0aZebra:%201", "/zebra/../zebra", "/zebra%00"]
    {
        let mut client = server.connect();
        client.send(request("GET", target, "Connection: close\r\nReferer: zebra\r\nUser-Agent: zebra\r\n"));
        let answer = client.rest_as_text();
        assert!(!answer.to_ascii_lowercase().contains("zebra"), "{target}: {answer}");
        assert_eq!(answer.matches("\r\n\r\n").count(), 1);
    }
}

#[test]
fn names_are_bytes_and_long_ones_are_not_found() {
    let (dir, server) = tree();
    let www = dir.path().join("www");
    fs::write(www.join(std::ffi::OsStr::from_bytes(b"caf\xe9 \xff.txt")), "bytes").unwrap();
    fs::write(www.join("x".repeat(255)), "long").unwrap();
    assert_eq!(server.get("/caf%e9%20%ff.txt").text(), "bytes");
    assert_eq!(server.get(format!("/{}", "x".repeat(255))).text(), "long");
    assert_eq!(server.get(format!("/{}", "x".repeat(256))).status, 404);
    assert_eq!(server.get("/x".repeat(2000)).status, 404);
    assert_eq!(server.get(format!("/{}", "%2561".repeat(700))).status, 404);
}

#[test]
fn directories_have_their_index_and_their_slash() {
    let (dir, server) = tree();
    assert_eq!(server.get("/").text(), "<p>index");
    assert_eq!(server.get("/dir/").text(), "<p>dir");
    assert_eq!(server.get("/dir").status, 301);
    assert_eq!(server.get("/dir/deep/").status, 404);
    assert_eq!(server.get("/file.txt/").status, 404);
    assert_eq!(server.get("/file.txt/x").status, 404);
    assert_eq!(server.get("/index.html/").status, 404);
    // A directory named like the index is no index, and no endless redirect.
    fs::create_dir_all(dir.path().join("www/loop/index.html")).unwrap();
    assert_eq!(server.get("/loop/").status, 404);
}

#[test]
fn a_page_of_404_is_served_with_404() {
    let (dir, server) = tree();
    fs::write(dir.path().join("www/404.html"), "<p>lost").unwrap();
    let answer = server.get_with("/none", "If-None-Match: *\r\nRange: bytes=0-0\r\n");
    assert_eq!((answer.status, answer.text().as_str()), (404, "<p>lost"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
}

#[test]
fn a_single_page_application_gets_its_index_for_pages_and_not_for_assets() {
    let (_dir, server) = tree_with(&["--spa"]);
    assert_eq!(server.get("/users/7").text(), "<p>index");
    assert_eq!(server.get("/users/").text(), "<p>index");
    for route in ["/at/12:30", "/C:/x", "/a%5cb", "/CON/aux", "/~me/-x", "/what%3F/*"] {
        assert_eq!(server.get(route).text(), "<p>index", "{route}");
    }
    assert_eq!(server.get("/none.js").status, 404);
    assert_eq!(server.get("/.env").status, 404);
    assert_eq!(server.get("/../x").status, 400);
}
