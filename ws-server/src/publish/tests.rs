//! Requests under keys, in every order: each line is published once, and a body that is not the same publishes nothing.

use common::{
    codec::{Reader, Writer},
    id::{Epoch, MessageId},
};
use proptest::prelude::*;

use super::{
    account::{Account, Dropped, OtherBody, Receipt, Verdict},
    key::ScopedKey,
    keys::{Begin, Keys},
    state::{put_account, put_keys, take_account, take_keys},
};

const EPOCH: Epoch = Epoch::from_millis(0x0193_2f5a_0c2e);

/// How a request comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Regular,
    Cut,
}
use End::{Cut, Regular};

/// What its client hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// The numbers of the first and of the last line, and how many there are.
    Answer(u64, u64, u64),
    /// No line, and no error.
    Nothing,
    /// 409.
    Busy,
    /// 422.
    Other,
    /// The connection has ended.
    Lost,
}
use Heard::{Answer, Busy, Lost, Nothing, Other};

/// A stream, and what has been published.
struct World {
    keys: Keys,
    history: u64,
    out: Vec<String>,
}

impl World {
    fn new(history: u64) -> Self {
        Self { keys: Keys::new(history), history, out: Vec::new() }
    }

    fn newest(&self) -> u64 {
        self.out.len() as u64
    }

    fn publish(&mut self, line: &str) -> MessageId {
        self.out.push(line.to_owned());
        MessageId { epoch: EPOCH, number: self.newest() }
    }

    fn begin(&mut self, scope: Option<&str>, key: &str) -> Begin {
        let key = ScopedKey { scope: scope.map(Into::into), key: key.into() };
        self.keys.begin(key, self.newest())
    }

    fn run(&mut self, key: &str) -> Account {
        match self.begin(None, key) {
            Begin::Run(account) => account,
            Begin::Busy => panic!("{key} is busy"),
        }
    }

    /// One piece of a body.
    fn send(&mut self, account: &mut Account, lines: &[&str]) -> Result<(), OtherBody> {
        for line in lines {
            if account.line(line)? == Verdict::Publish {
                let id = self.publish(line);
                account.published(id, id);
            }
        }
        Ok(())
    }

    fn end(&mut self, mut account: Account, end: End) -> Heard {
        let heard = match end {
            Cut => Lost,
            Regular => match account.finish() {
                Err(OtherBody) => Other,
                Ok(Receipt { span: Some((first, last)), lines, .. }) => {
                    Answer(first.number, last.number, lines)
                }
                Ok(Receipt { span: None, .. }) => Nothing,
            },
        };
        self.keys.end(account, self.newest());
        heard
    }

    /// A whole request.
    fn request(&mut self, key: &str, lines: &[&str], end: End) -> Heard {
        let Begin::Run(mut account) = self.begin(None, key) else { return Busy };
        if self.send(&mut account, lines).is_err() {
            self.keys.end(account, self.newest());
            return Other;
        }
        self.end(account, end)
    }

    /// What the next process reads of what this one writes.
    fn hand_over(&mut self) {
        let mut to = Writer::default();
        put_keys(&self.keys, &mut to);
        let bytes = to.into_bytes();
        let mut from = Reader::new(&bytes);
        self.keys = take_keys(&mut from).unwrap();
        self.keys.limit(self.history, self.newest());
        assert!(from.is_empty());
        let mut to = Writer::default();
        put_keys(&self.keys, &mut to);
        assert_eq!(to.into_bytes(), bytes);
    }
}

fn account_over(account: &Account) -> Account {
    let mut to = Writer::default();
    put_account(account, &mut to);
    let bytes = to.into_bytes();
    for len in 0..bytes.len() {
        assert!(take_account(&mut Reader::new(&bytes[..len])).is_none(), "{len} bytes");
    }
    let mut from = Reader::new(&bytes);
    let read = take_account(&mut from).unwrap();
    assert!(from.is_empty());
    assert_eq!(&read, account);
    read
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_sequence_of_tries_publishes_each_line_once_and_hears_this() {
    type Try<'t> = (&'t [&'t str], End, Heard);
    let (one, abc): (&[&str], &[&str]) = (&["a"], &["a", "b", "c"]);
    let table: &[(&str, &[Try<'_>], &[&str])] = &[
        ("the same again", &[(abc, Regular, Answer(1, 3, 3)), (abc, Regular, Answer(1, 3, 3))], abc),
        ("one line, three times", &[(one, Regular, Answer(1, 1, 1)); 3], &["a"]),
        ("cut, then whole", &[(&["a"], Cut, Lost), (abc, Regular, Answer(1, 3, 3))], abc),
        ("cut before a line", &[(&[], Cut, Lost), (abc, Regular, Answer(1, 3, 3))], abc),
        (
            "cut before a line, then another body",
            &[(&[], Cut, Lost), (&["x"], Regular, Answer(1, 1, 1))],
            &["x"],
        ),
        ("cut behind the last line, then whole", &[(abc, Cut, Lost), (abc, Regular, Answer(1, 3, 3))], abc),
        (
            "cut twice, then whole, then again",
            &[
                (&["a"], Cut, Lost),
                (&["a", "b"], Cut, Lost),
                (abc, Regular, Answer(1, 3, 3)),
                (abc, Regular, Answer(1, 3, 3)),
            ],
            abc,
        ),
        (
            "cut, a retry cut earlier, then whole",
            &[
                (&["a", "b"], Cut, Lost),
                (&["a"], Cut, Lost),
                (&[], Cut, Lost),
                (abc, Regular, Answer(1, 3, 3)),
            ],
            abc,
        ),
        (
            "cut, then another line",
            &[(&["a", "b"], Cut, Lost), (&["a", "x", "c"], Regular, Other), (abc, Regular, Answer(1, 3, 3))],
            abc,
        ),
        (
            "cut, then another first line of many",
            &[(&["a", "b"], Cut, Lost), (&["x", "b", "c", "d"], Regular, Other)],
            &["a", "b"],
        ),
        (
            "cut, then fewer lines and an end",
            &[(&["a", "b"], Cut, Lost), (&["a"], Regular, Other), (abc, Regular, Answer(1, 3, 3))],
            abc,
        ),
        ("cut, then nothing and an end", &[(&["a"], Cut, Lost), (&[], Regular, Other)], &["a"]),
        (
            "finished, then one more",
            &[
                (&["a"], Regular, Answer(1, 1, 1)),
                (&["a", "b"], Regular, Other),
                (&["a", "b"], Cut, Other),
                (&["a"], Regular, Answer(1, 1, 1)),
            ],
            &["a"],
        ),
        (
            "finished, then fewer",
            &[(abc, Regular, Answer(1, 3, 3)), (&["a"], Regular, Other), (&[], Regular, Other)],
            abc,
        ),
        (
            "finished, then another",
            &[
                (abc, Regular, Answer(1, 3, 3)),
                (&["a", "b", "x"], Regular, Other),
                (abc, Regular, Answer(1, 3, 3)),
            ],
            abc,
        ),
        (
            "finished, a retry cut anywhere, then again",
            &[
                (abc, Regular, Answer(1, 3, 3)),
                (&["a"], Cut, Lost),
                (abc, Cut, Lost),
                (&["a", "b", "c", "d"], Regular, Other),
                (abc, Regular, Answer(1, 3, 3)),
            ],
            abc,
        ),
        (
            "no lines at all",
            &[
                (&[], Regular, Nothing),
                (&[], Regular, Nothing),
                (&["a"], Regular, Other),
                (&[], Regular, Nothing),
            ],
            &[],
        ),
        // Of `a\nb` without a line end: "b" counts only at a regular end.
        (
            "a last line without an end",
            &[(&["a"], Cut, Lost), (&["a", "b"], Regular, Answer(1, 2, 2))],
            &["a", "b"],
        ),
    ];
    for (name, tries, out) in table {
        for hands_over in [false, true] {
            let mut world = World::new(100);
            for (lines, end, heard) in *tries {
                assert_eq!(world.request("key", lines, *end), *heard, "{name}");
                if hands_over {
                    world.hand_over();
                }
            }
            assert_eq!(world.out, *out, "{name}");
        }
    }
}

#[test]
fn while_one_runs_the_same_key_is_busy_and_another_is_not() {
    let mut world = World::new(100);
    let mut first = world.run("key");
    world.send(&mut first, &["a"]).unwrap();
    assert_eq!(world.request("key", &["a"], Regular), Busy);
    assert_eq!(world.request("other", &["x"], Regular), Answer(2, 2, 1));
    world.send(&mut first, &["b"]).unwrap();
    assert_eq!(world.end(first, Regular), Answer(1, 3, 2));
    // Two retries at once.
    let retry = world.run("key");
    assert_eq!(world.request("key", &["a", "b"], Regular), Busy);
    assert_eq!(world.end(retry, Cut), Lost);
    assert_eq!(world.request("key", &["a", "b"], Regular), Answer(1, 3, 2));
    assert_eq!(world.out, ["a", "x", "b"]);
}

#[test]
fn a_key_counts_for_one_token_only() {
    let mut world = World::new(100);
    let scopes = [None, Some("anna"), Some("bob"), Some("")];
    let accounts = scopes.map(|scope| match world.begin(scope, "key") {
        Begin::Run(account) => account,
        Begin::Busy => panic!("{scope:?} is busy"),
    });
    for (number, mut account) in (1..).zip(accounts) {
        world.send(&mut account, &["a"]).unwrap();
        assert_eq!(world.end(account, Regular), Answer(number, number, 1));
    }
    world.hand_over();
    for scope in scopes {
        let Begin::Run(account) = world.begin(scope, "key") else { panic!("{scope:?} is busy") };
        // What was published under a token that is revoked now stays its own.
        assert_eq!(world.end(account, Regular), Other);
    }
}

#[test]
fn what_other_tries_have_dropped_changes_no_answer() {
    let mut world = World::new(100);
    let dropped = Dropped { too_long: 1, not_utf8: 2 };
    let receipts = [dropped, dropped, Dropped::default()].map(|dropped| {
        let mut account = world.run("key");
        account.dropped(dropped);
        world.send(&mut account, &["a"]).unwrap();
        let receipt = account.finish().unwrap();
        world.keys.end(account, world.newest());
        receipt
    });
    assert_eq!(receipts[0].dropped, dropped);
    assert_eq!(receipts, [receipts[0]; 3]);
    // A body of nothing else.
    let statuses = [(); 2].map(|()| {
        let mut account = world.run("too long");
        account.dropped(Dropped { too_long: 1, not_utf8: 0 });
        let receipt = account.finish().unwrap();
        world.keys.end(account, world.newest());
        receipt.status()
    });
    assert_eq!(statuses, [413, 413]);
    assert_eq!(world.out, ["a"]);
}

#[test]
fn a_key_is_new_once_its_last_line_has_left_the_history() {
    for (history, others, is_known) in
        [(3, 2, true), (3, 3, false), (1, 0, true), (1, 1, false), (0, 0, false)]
    {
        for (first, end) in [(Answer(1, 2, 2), Regular), (Lost, Cut)] {
            let mut world = World::new(history);
            assert_eq!(world.request("key", &["a", "b"], end), first);
            for _ in 0..others {
                world.publish("x");
            }
            let from = world.newest() + 1;
            let again = if is_known { Answer(1, 2, 2) } else { Answer(from, from + 1, 2) };
            assert_eq!(world.request("key", &["a", "b"], Regular), again, "{history} {others} {end:?}");
        }
    }
    // While it runs it is known, whatever the history.
    let mut world = World::new(0);
    let mut running = world.run("key");
    world.send(&mut running, &["a"]).unwrap();
    assert_eq!(world.request("key", &["a"], Regular), Busy);
}

#[test]
fn a_request_without_lines_is_known_until_all_is_new_since_its_last_try() {
    let mut world = World::new(2);
    world.publish("x");
    assert_eq!(world.request("empty", &[], Regular), Nothing);
    world.publish("x");
    assert_eq!(world.request("empty", &["a"], Regular), Other);
    world.publish("x");
    assert_eq!(world.request("empty", &["a"], Regular), Other);
    world.publish("x");
    world.publish("x");
    assert_eq!(world.request("empty", &["a"], Regular), Answer(6, 6, 1));
}

#[test]
fn there_are_never_more_records_than_numbers_and_those_without_lines_go_first() {
    let mut world = World::new(10);
    world.publish("x");
    for number in 0..5 {
        world.request(&format!("line {number}"), &["a"], Regular);
    }
    for number in 0..1000 {
        world.request(&format!("empty {number}"), &[], Regular);
        world.request(&format!("cut {number}"), &[], Cut);
        assert!(world.keys.len() <= 10);
    }
    for number in 0..5 {
        let at = number + 2;
        assert_eq!(world.request(&format!("line {number}"), &["a"], Regular), Answer(at, at, 1));
    }
    for number in 0..1000 {
        world.request(&format!("another {number}"), &["a", "b"], Cut);
        assert!(world.keys.len() <= 10);
    }
    world.hand_over();
    assert_eq!(world.keys.len(), 5, "every second of the newest ten numbers is the last one of a request");
}

#[test]
fn a_request_goes_on_in_the_next_process_and_its_key_is_busy_on_the_way() {
    let mut world = World::new(100);
    let mut account = world.run("key");
    world.send(&mut account, &["a", "b"]).unwrap();
    for _ in 0..3 {
        world.keys.suspend(&account);
        world.hand_over();
        assert_eq!(world.request("key", &["a", "b", "c"], Regular), Busy);
        account = account_over(&account);
        assert!(world.keys.resume(&account));
        assert!(!world.keys.resume(&account), "it is adopted already");
        world.keys.settle(world.newest());
        assert_eq!(world.request("key", &["a", "b", "c"], Regular), Busy);
    }
    world.send(&mut account, &["c"]).unwrap();
    assert_eq!(world.end(account, Regular), Answer(1, 3, 3));
    assert_eq!(world.request("key", &["a", "b", "c"], Regular), Answer(1, 3, 3));
    assert_eq!(world.out, ["a", "b", "c"]);
    let unkeyed = account_over(&Account::unkeyed());
    world.keys.suspend(&unkeyed);
    assert!(world.keys.resume(&unkeyed));
}

#[test]
fn one_that_leaves_while_others_still_arrive_goes_on_in_the_next_process_too() {
    let mut world = World::new(100);
    let mut account = world.run("key");
    world.send(&mut account, &["a", "b"]).unwrap();
    world.keys.suspend(&account);
    world.hand_over();
    account = account_over(&account);
    assert!(world.keys.resume(&account));
    // The next restart comes at once: one worker has exported it, and only then has the other adopted its last connection.
    world.keys.suspend(&account);
    world.keys.settle(world.newest());
    world.hand_over();
    assert!(world.keys.resume(&account_over(&account)));
}

#[test]
fn a_request_that_is_lost_on_the_way_to_the_next_process_has_been_cut_off() {
    let mut world = World::new(100);
    let mut account = world.run("key");
    world.send(&mut account, &["a", "b"]).unwrap();
    world.keys.suspend(&account);
    // A retry in the middle of what it compares leaves what was there before.
    assert_eq!(world.request("retry", &["x", "y"], Cut), Lost);
    let mut retry = world.run("retry");
    world.send(&mut retry, &["x"]).unwrap();
    world.keys.suspend(&retry);
    world.hand_over();
    world.keys.settle(world.newest());
    assert!(!world.keys.resume(&account_over(&account)), "too late");
    assert_eq!(world.request("key", &["a", "b", "c"], Regular), Answer(1, 5, 3));
    assert_eq!(world.request("retry", &["x", "y"], Regular), Answer(3, 4, 2));
    assert_eq!(world.out, ["a", "b", "x", "y", "c"]);
}

/// One step of many clients.
#[derive(Clone, Debug)]
enum Step {
    /// Client, body, and how many of its lines come, or all and a regular end.
    Try(usize, usize, Option<usize>),
    /// The process is another one.
    HandOver,
    /// Somebody else publishes.
    Other,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_usize, 0..2_usize, prop::option::of(0..5_usize)).prop_map(|(client, body, cut)| Step::Try(client, body, cut)),
        1 => Just(Step::HandOver),
        1 => Just(Step::Other),
    ]
}

proptest! {
    #[test]
    fn whatever_many_clients_try_each_line_of_a_key_is_out_once_and_in_order(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let mut world = World::new(1000);
        for step in steps {
            match step {
                Step::HandOver => world.hand_over(),
                Step::Other => _ = world.publish("other"),
                Step::Try(client, body, cut) => {
                    let lines: Vec<String> = (0..4).map(|line| format!("{client} {body} {line}")).collect();
                    let lines: Vec<&str> = lines.iter().map(|line| &**line).take(cut.unwrap_or(4)).collect();
                    let end = if cut.is_some() { Cut } else { Regular };
                    let before = world.out.len();
                    let heard = world.request(&client.to_string(), &lines, end);
                    match heard {
                        Other => prop_assert_eq!(world.out.len(), before),
                        Answer(first, last, 4) => for (number, line) in [(first, 0), (last, 3)] {
                            let text = &world.out[usize::try_from(number).unwrap() - 1];
                            prop_assert_eq!(text, lines[line]);
                        },
                        Lost => {}
                        heard => prop_assert!(false, "{:?}", heard),
                    }
                }
            }
        }
        for client in 0..4 {
            let of_client = format!("{client} ");
            let lines: Vec<_> = world.out.iter().filter(|line| line.starts_with(&of_client)).collect();
            // The first body that has published a line is the only one.
            let body = lines.first().map_or("", |line| &line[..line.len() - 1]);
            for (at, line) in lines.iter().enumerate() {
                prop_assert_eq!(*line, &format!("{body}{at}"));
            }
        }
    }

    #[test]
    fn damaged_bytes_of_keys_are_refused_or_read_without_a_panic(at in 0..400_usize, value: u8, len in 0..400_usize) {
        let mut world = World::new(3);
        world.request("key", &["a"], Regular);
        world.request("cut", &["a"], Cut);
        world.request("empty", &[], Regular);
        let account = world.run("key");
        world.keys.suspend(&account);
        let mut to = Writer::default();
        put_keys(&world.keys, &mut to);
        put_account(&account, &mut to);
        let mut bytes = to.into_bytes();
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        bytes.truncate(len);
        let mut from = Reader::new(&bytes);
        if let Some(mut keys) = take_keys(&mut from) {
            keys.limit(3, 2);
            keys.settle(2);
            prop_assert!(keys.len() <= 3);
        }
        _ = take_account(&mut from);
    }
}
