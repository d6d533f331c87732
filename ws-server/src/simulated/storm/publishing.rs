//! What the source says.

use std::fmt::Write as _;

use super::{client::Client, post::Post, run::Storm, setting::Origin};

impl Storm {
    pub(super) fn publish(&mut self, lines: usize, bytes: usize, jump: u64) {
        if !self.setting.has_lines() {
            return;
        }
        // Much for many would take long.
        let bytes = if self.clients.len() > 50 { bytes.min(20) } else { bytes };
        let lines = lines.min(1 + 20_000 / (bytes + 1));
        if self.setting.origin == Origin::Published {
            self.serial += 1;
            let number = self.serial;
            let lines = (0..lines).map(|line| format!("P{number}:{line};{}", "x".repeat(bytes)));
            self.posts.push(Post::new(number, lines.collect()));
            return;
        }
        let mut text = String::new();
        let is_given = self.setting.origin == Origin::Given;
        if is_given && jump > 0 {
            match jump {
                // The epoch of an engine that was set up anew.
                100 if self.serial.is_multiple_of(4) => {
                    self.given = (self.given.0 + 1, 0);
                    // Some cannot be told.
                    let untold = |client: &&mut Client| !client.way.tells_gaps();
                    self.clients.iter_mut().filter(untold).for_each(|client| client.may_end = true);
                }
                2 => text.push_str("!gap\n"),
                _ => {}
            }
            self.given.1 += jump;
        }
        for _ in 0..lines {
            self.serial += 1;
            if is_given {
                self.given.1 += 1;
                let _infallible = write!(text, "{:012x}_{}\t", self.given.0, self.given.1);
            }
            let odd = ["", "\"", "\\<&>'", "é\u{2028}", "\t"]
                [usize::try_from(self.serial % 5).expect("less than 5")];
            let _infallible = writeln!(text, "L{};{odd}{}", self.serial, "x".repeat(bytes));
        }
        self.feed.publish(&text);
        self.feed.tell(&mut self.shadow);
    }
}
