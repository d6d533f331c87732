//! Limits count the real client: not the proxy, and not the address that a client claims.

use crate::front::{Front, Kind, Way};
use crate::tls::Tls;
use crate::{behind_each, websocket};

behind_each! {
    limits_count_the_real_address
    limits_count_the_real_address_by_a_unix_socket
    an_untrusted_proxy_is_one_client
}

/// The statuses of `/stream` from these addresses with these fields, while all stay open.
fn statuses(front: &Front, clients: &[(&str, &str)]) -> Vec<u16> {
    let mut open: Vec<Tls> = clients.iter().map(|(from, field)| websocket(front, from, field)).collect();
    open.iter_mut().map(Tls::status).collect()
}

const THREE: &[&str] = &["--max-connections-per-ip", "3"];

fn limits_count_the_real_address(kind: Kind) {
    check(&Front::start(kind, THREE));
}

fn limits_count_the_real_address_by_a_unix_socket(kind: Kind) {
    check(&Front::start_with(kind, Way::Unix, &[&["--trusted-proxy", "unix"], THREE].concat(), &[]));
}

fn check(front: &Front) {
    let mut open = [(); 3].map(|()| websocket(front, "127.0.0.2", ""));
    assert_eq!(open.each_mut().map(Tls::status), [101; 3]);
    let forged =
        ["\nX-Forwarded-For: 198.51.100.7", "\nX-Forwarded-For: 127.0.0.1\nX-Forwarded-For: 198.51.100.7"];
    let refused = [("127.0.0.2", ""), ("127.0.0.2", forged[0]), ("127.0.0.2", forged[1])];
    assert_eq!(statuses(front, &refused), [503; 3], "it has its share, whatever it says");
    assert_eq!(statuses(front, &[("127.0.0.3", "")]), [101], "another one is not its fault");
}

fn an_untrusted_proxy_is_one_client(kind: Kind) {
    let front = Front::start_with(kind, Way::Tcp, THREE, &[]);
    let mut open = ["127.0.0.2", "127.0.0.3", "127.0.0.4"].map(|from| websocket(&front, from, ""));
    assert_eq!(open.each_mut().map(Tls::status), [101; 3]);
    assert_eq!(statuses(&front, &[("127.0.0.5", "")]), [503], "its fields count for nothing");
}

/// HAProxy's second way: the address comes in a PROXY header, and a field in the request is the client's own.
#[test]
#[ignore = "needs HAProxy: `tests/run proxies` runs it"]
fn limits_count_the_address_of_a_proxy_header() {
    let front = Front::start(Kind::Haproxy, &[THREE, &["--secure"]].concat());
    let client = |from: &str, more: &str| {
        Tls::request_from(front.raw_port, from, &format!("GET / HTTP/1.1\nHost: localhost{more}"))
    };
    let mut open = [(); 3].map(|()| client("127.0.0.2", ""));
    assert_eq!(open.each_mut().map(Tls::status), [200; 3]);
    assert_eq!(client("127.0.0.2", "").status(), 503);
    assert_eq!(client("127.0.0.2", "\nX-Forwarded-For: 198.51.100.7").status(), 503);
    assert_eq!(client("127.0.0.3", "").status(), 200);
}
