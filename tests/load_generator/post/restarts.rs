//! Against the real server, over restarts.

use std::{thread, time::Duration};

use harness::{Holder, binary};

use super::{Target, Task, outcome};

const REQUESTS: u32 = 3000;
const RESTARTS: usize = 3;

#[test]
fn three_restarts_under_posts_that_fail_and_try_again_lose_and_double_no_line() {
    let always =
        ["--hand-over", "on", "--template", "{seq} {line}", "--workers", "2", "--leave-notices", "off"];
    let mut holder = Holder::start(
        binary("ws-server"),
        &[&always[..], &["--source", "http", "--history", "100000"]].concat(),
    );
    let (mut restarts, mut seed) = (0, 42);
    // A machine whose restarts take long has answered all before the last one: then there are more.
    while restarts < RESTARTS {
        let task = Task {
            to: Target::Tcp(holder.address()),
            path: "/".to_owned(),
            requests: REQUESTS,
            clients: 30,
            seed,
            patience: Duration::from_mins(1),
            rate: 800,
            faults: true,
            token: None,
            reader_token: None,
        };
        let outcome = thread::scope(|scope| {
            let posts = scope.spawn(|| outcome(&task));
            while restarts < RESTARTS {
                thread::sleep(Duration::from_millis(800));
                if posts.is_finished() {
                    break;
                }
                holder.restart();
                restarts += 1;
            }
            posts.join().expect("an outcome")
        });
        assert!(outcome.is_right(), "{outcome:?}");
        seed += 1;
    }
}
