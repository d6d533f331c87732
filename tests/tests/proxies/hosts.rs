//! Which Host and Origin arrive behind each proxy, and what `--host`, `--allow-origin` and the private command make of them.

use crate::front::{Edit, Front, Kind};
use crate::tls::Tls;
use crate::{behind_each, websocket};

behind_each! {
    the_page_of_the_proxys_own_name_reads_a_private_stream
    a_stream_for_one_name_is_served_under_it
}

fn own_page(front: &Front) -> Tls {
    websocket(front, "127.0.0.1", &format!("\nOrigin: https://localhost:{}", front.port))
}

/// The whole answer to a request for the stream that is refused.
fn refused(front: &Front, fields: &str) -> String {
    let mut client = Tls::request(front.port, &format!("GET /stream HTTP/1.1\n{fields}"));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    head + &String::from_utf8_lossy(&client.until(b"\n"))
}

fn the_page_of_the_proxys_own_name_reads_a_private_stream(kind: Kind) {
    let front = Front::start_private(kind, &[], &[]);
    assert_eq!(own_page(&front).status(), 101);
    assert_eq!(websocket(&front, "127.0.0.1", "").status(), 101, "no browser");
    assert_eq!(websocket(&front, "127.0.0.1", "\nOrigin: https://localhost").status(), 403, "another port");
    let own = format!("Host: localhost:{}", front.port);
    let answer = refused(&front, &format!("{own}\nOrigin: https://evil.example"));
    assert!(answer.ends_with("--allow-origin https://evil.example\n"), "{answer}");
}

fn a_stream_for_one_name_is_served_under_it(kind: Kind) {
    let served = Front::start(kind, &["--host", "localhost"]);
    assert_eq!(own_page(&served).status(), 101);
    let front = Front::start(kind, &["--host", "example.com"]);
    let answer = refused(&front, &format!("Host: localhost:{}", front.port));
    assert!(answer.ends_with("--host localhost\n"), "{answer}");
}

const PASSED_ON: &str = "proxy_set_header Host $http_host;";

/// As docs/operations.md says of proxies that do not pass the Host on as it is.
#[test]
#[ignore = "needs nginx: `tests/run proxies` runs it"]
fn without_the_whole_host_the_own_page_is_a_foreign_one() {
    let name_alone: &[Edit<'_>] = &[(PASSED_ON, "proxy_set_header Host $host;")];
    let front = Front::start_private(Kind::Nginx, &[], name_alone);
    assert_eq!(websocket(&front, "127.0.0.1", "").status(), 101, "localhost arrives");
    assert_eq!(own_page(&front).status(), 403, "without its port");
    let replaced: &[Edit<'_>] = &[(PASSED_ON, "")];
    let front = Front::start_private(Kind::Nginx, &[], replaced);
    let answer = refused(&front, "Host: localhost");
    assert!(answer.ends_with("--host datecast_stream\n"), "the name of the upstream: {answer}");
    let front = Front::start_private(Kind::Nginx, &["--host", "datecast_stream"], replaced);
    assert_eq!(websocket(&front, "127.0.0.1", "").status(), 101);
    let own = format!("https://localhost:{}", front.port);
    let answer = refused(&front, &format!("Host: localhost:{}\nOrigin: {own}", front.port));
    assert!(answer.ends_with(&format!("--allow-origin {own}\n")), "{answer}");
}
