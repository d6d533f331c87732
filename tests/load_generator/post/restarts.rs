//! Against the real server, over restarts.

use std::{thread, time::Duration};

use harness::{Holder, binary};

use super::{Target, Task, outcome};

const REQUESTS: u32 = 3000;

#[test]
fn three_restarts_under_posts_that_fail_and_try_again_lose_and_double_no_line() {
    let always =
        ["--hand-over", "on", "--template", "{seq} {line}", "--workers", "2", "--leave-notices", "off"];
    let mut holder = Holder::start(
        binary("ws-server"),
        &[&always[..], &["--source", "http", "--history", "100000"]].concat(),
    );
    let task = Task {
        to: Target::Tcp(holder.address()),
        path: "/".to_owned(),
        requests: REQUESTS,
        clients: 30,
        seed: 42,
        patience: Duration::from_mins(1),
        rate: 800,
        faults: true,
        token: None,
        reader_token: None,
    };
    let outcome = thread::scope(|scope| {
        let posts = scope.spawn(|| outcome(&task));
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(800));
            assert!(!posts.is_finished(), "all was posted before the last restart");
            holder.restart();
        }
        posts.join().expect("an outcome")
    });
    assert!(outcome.is_right(), "{outcome:?}");
}
