//! A deployment under load: all workers show one release, and one version of each file.
#![allow(clippy::unwrap_used)] // a test may fail anywhere
#![allow(clippy::disallowed_methods)] // and has a clock

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::http::{Response, request};
use harness::{Client, Daemon, Signal, Stop, StopAtEnd};

const STATIC_SERVER: &str = env!("CARGO_BIN_EXE_static-server");

/// As many connections as make it all but certain that both workers have some.
const CLIENTS: usize = 16;

/// Two releases, `a` and `b`, whose index names an asset that only they have; `root` leads to `a`.
fn releases(root: &str) -> (tempfile::TempDir, Daemon, Vec<Client>) {
    let dir = tempfile::tempdir().unwrap();
    for release in ["a", "b"] {
        let folder = dir.path().join(release);
        fs::create_dir_all(folder.join("public")).unwrap();
        for folder in [&folder, &folder.join("public")] {
            fs::write(folder.join("index.html"), release).unwrap();
            fs::write(folder.join(format!("{release}.js")), release).unwrap();
        }
    }
    turn(dir.path(), "a");
    let root = dir.path().join(root);
    let server = Daemon::start(
        STATIC_SERVER,
        &["--workers", "2", "--keep-alive-requests", "0", "--root", root.to_str().unwrap()],
    );
    let clients = (0..CLIENTS).map(|_| server.connect()).collect();
    (dir, server, clients)
}

/// Turns the link `current` to a release, as a deployment does.
fn turn(dir: &Path, release: &str) {
    symlink(release, dir.join("next")).unwrap();
    fs::rename(dir.join("next"), dir.join("current")).unwrap();
}

/// One of the clients; numbers go round.
fn client(clients: &mut [Client], number: usize) -> &mut Client {
    clients.get_mut(number % CLIENTS).unwrap()
}

fn get(client: &mut Client, target: &str) -> Response {
    client.send(request("GET", target, ""));
    client.response()
}

/// After each turn one client asks for what only the new release has; from then on no client gets anything of the last one.
fn nobody_meets_two_releases(root: &str, turns: usize, accept: &str) {
    let (dir, _server, mut clients) = releases(root);
    for number in 0..turns {
        let (old, new) = if number % 2 == 0 { ("a", "b") } else { ("b", "a") };
        assert_eq!(get(client(&mut clients, number), "/").text(), old, "turn {number}");
        turn(dir.path(), new);
        let asset = get(client(&mut clients, number * 7 + 3), &format!("/{new}.js"));
        assert_eq!((asset.status, asset.text().as_str()), (200, new), "turn {number}");
        for step in 0..4 {
            let client = client(&mut clients, number + step * 5);
            client.send(request("GET", "/", accept));
            assert_eq!(client.response().text(), new, "turn {number}");
            assert_eq!(get(client, &format!("/{old}.js")).status, 404, "turn {number}");
        }
    }
}

#[test]
fn nobody_meets_two_releases_while_a_link_turns() {
    nobody_meets_two_releases("current", 2000, "");
}

#[test]
fn nobody_meets_two_releases_while_a_link_in_the_middle_of_the_path_turns() {
    nobody_meets_two_releases("current/public", 300, "Accept-Encoding: gzip, br\r\n");
}

#[test]
fn the_last_release_is_served_while_the_root_is_gone_and_nothing_is_called_missing() {
    let (dir, mut server, mut clients) = releases("current");
    assert_eq!(get(&mut clients[0], "/").text(), "a");
    fs::remove_file(dir.path().join("current")).unwrap();
    for client in &mut clients {
        assert_eq!(get(client, "/a.js").text(), "a");
        let unknown = get(client, "/b.js");
        assert_eq!((unknown.status, unknown.header("retry-after")), (503, Some("1")));
    }
    server.log_line("the directory that was there before is served on");
    turn(dir.path(), "b");
    for client in &mut clients {
        assert_eq!(get(client, "/b.js").text(), "b");
        assert_eq!(get(client, "/a.js").status, 404);
        assert_eq!(get(client, "/").text(), "b");
    }
    server.log_line("is there again");
}

#[test]
fn a_directory_that_takes_the_place_of_the_root_is_the_next_release() {
    let (dir, _server, mut clients) = releases("a");
    let path = |name: &str| dir.path().join(name);
    assert_eq!(get(&mut clients[0], "/").text(), "a");
    fs::rename(path("a"), path("old")).unwrap();
    assert_eq!(get(&mut clients[1], "/").text(), "a");
    fs::rename(path("b"), path("a")).unwrap();
    for client in &mut clients {
        assert_eq!(get(client, "/b.js").text(), "b");
        assert_eq!(get(client, "/").text(), "b");
    }
}

/// A deployment within the root writes assets first and the page that names them last.
#[test]
fn who_has_the_new_page_gets_the_assets_that_were_written_before_it() {
    let (dir, _server, mut clients) = releases("a");
    let deploy = |name: &str, version: usize| {
        fs::write(dir.path().join("new"), version.to_string()).unwrap();
        fs::rename(dir.path().join("new"), dir.path().join("a").join(name)).unwrap();
    };
    for version in 0..20 {
        // The page is another one each time, so that it is read at once; the asset has just been looked at.
        let page = format!("{version}.html");
        get(client(&mut clients, version), "/a.js");
        deploy("a.js", version);
        deploy(&page, version);
        assert_eq!(get(client(&mut clients, version), &format!("/{page}")).text(), version.to_string());
        assert_eq!(get(client(&mut clients, version * 7 + 3), "/a.js").text(), version.to_string());
    }
}

/// Asks all clients in turn until `end`; what they get may never go back.
fn versions_never_go_back(clients: &mut [Client], mut end: impl FnMut(u64) -> bool) {
    let mut newest = 0;
    for number in 0.. {
        let text = get(client(clients, number), "/").text();
        let version: u64 = text.parse().unwrap();
        assert!(version >= newest, "{version} after {newest}");
        if version > newest && end(version) {
            return;
        }
        newest = version;
    }
}

#[test]
fn a_file_that_is_replaced_in_its_place_never_goes_back_to_an_older_version() {
    let (dir, _server, mut clients) = releases("a");
    let stop = Stop::default();
    fs::write(dir.path().join("a/index.html"), "0").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in 1.. {
                fs::write(dir.path().join("new"), format!("{version}")).unwrap();
                fs::rename(dir.path().join("new"), dir.path().join("a/index.html")).unwrap();
                if stop.is_asked() {
                    break;
                }
            }
        });
        let _stop = StopAtEnd(&stop);
        let mut seen = 0;
        versions_never_go_back(&mut clients, |_| {
            seen += 1;
            seen == 6
        });
    });
}

#[test]
fn a_reload_changes_all_workers_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.toml");
    let write = |version: u64| {
        let root = dir.path().join(version.to_string());
        fs::create_dir(&root).unwrap();
        fs::write(root.join("index.html"), version.to_string()).unwrap();
        fs::write(&config, format!("root = {root:?}\n")).unwrap();
    };
    write(1);
    let server = Daemon::start(
        STATIC_SERVER,
        &["--config", config.to_str().unwrap(), "--workers", "2", "--keep-alive-requests", "0"],
    );
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.connect()).collect();
    versions_never_go_back(&mut clients, |version| {
        if version < 50 {
            write(version + 1);
            server.signal(Signal::HUP);
        }
        version == 50
    });
}

#[test]
fn a_new_release_is_seen_soon_though_nothing_is_missing() {
    let (dir, _server, mut clients) = releases("current");
    assert_eq!(get(&mut clients[0], "/").text(), "a");
    turn(dir.path(), "b");
    let begun = Instant::now();
    while get(&mut clients[0], "/").text() != "b" {
        // Half a second without load.
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
