//! The smallest handler that uses all of the loop: it echoes lines, answers `big` with much, lives on for `more`, is idle after
//! `idle`, closes for `bye`, panics for `panic`, pauses its input for `wait` and ignores comments.

use super::*;

/// The handler does not export a connection that is in the middle of this.
pub(super) const STAYS: &[u8] = b"a line that is longer than any other here";
/// Peers from 127.0.0.99 are those of a proxy, which names the client: `@` and the last byte of its address.
pub(super) const PROXY: u8 = 99;
pub(super) const LIFE: Duration = Duration::from_secs(10);

pub(super) struct Echo {
    pub(super) big: Arc<[u8]>,
    pub(super) closed: Vec<CloseReason>,
    pub(super) drains: u32,
    pub(super) ticks: Vec<Token>,
    /// What it sends on every connection that it exports.
    pub(super) goodbye: &'static [u8],
    /// The state that it can read.
    pub(super) reads: &'static [u8],
    /// The next `on_open` panics.
    pub(super) panics: bool,
    /// What `closed` was in the latest `on_turn`.
    pub(super) told: Vec<CloseReason>,
    /// With it, the first connection gets mail that is sent just before this stop.
    pub(super) last_mail: Option<(Mailboxes<&'static [u8]>, Stop)>,
    /// A broadcast is on its way in each turn.
    pub(super) is_behind: bool,
}

pub(super) fn echo() -> Echo {
    let big = (0..50_000u32).map(|i| b'a' + u8::try_from(i % 26).unwrap()).collect();
    Echo {
        big,
        closed: Vec::new(),
        drains: 0,
        ticks: Vec::new(),
        goodbye: b"",
        reads: b"echo",
        panics: false,
        told: Vec::new(),
        last_mail: None,
        is_behind: false,
    }
}

impl Echo {
    /// A file of what `big` is.
    fn file(&self) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&self.big).unwrap();
        file
    }
}

impl Handler for Echo {
    type Conn = ();
    type Mail = &'static [u8];

    fn on_open(&mut self, cx: &mut Context<'_>) -> ((), Flow) {
        assert!(!std::mem::take(&mut self.panics), "as asked");
        cx.set_deadline(cx.now() + LIFE);
        self.ticks.push(cx.token());
        ((), Flow::Continue)
    }

    fn on_data(&mut self, (): &mut (), input: &mut [u8], cx: &mut Context<'_>) -> Progress {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
            return Progress { consumed: 0, flow: Flow::Continue };
        };
        if input[0] != b'@' {
            cx.set_established();
        }
        let line = &input[..=end];
        let mut flow = Flow::Continue;
        match line {
            b"big\n" => cx.send_shared(&self.big, 0..self.big.len()),
            [b'#', ..] => {}
            b"idle\n" => cx.set_idle(),
            [b'@', host, b'\n'] => {
                if !cx.set_real_peer(Some(IpAddr::from([127, 1, 1, *host]))) {
                    cx.send(b"full\n");
                    flow = Flow::CloseWhenFlushed;
                }
            }
            b"pieces\n" => {
                for piece in 0..3 {
                    cx.send_shared(&self.big, piece * 26..piece * 26 + 26);
                }
            }
            b"more\n" => cx.set_deadline(cx.now() + LIFE),
            b"soon\n" => cx.set_deadline(cx.now() + LIFE / 10),
            b"drain\n" => {
                cx.send(line);
                cx.want_drain();
            }
            b"file\n" => {
                cx.send_file(Arc::new(self.file()), 0, self.big.len() as u64);
            }
            b"pages\n" => {
                let pages = PageStore::new().unwrap().copy(&self.file(), self.big.len() as u64).unwrap();
                cx.send_pages(Arc::new(pages), 0, self.big.len() as u64);
            }
            b"bye\n" => flow = Flow::CloseWhenFlushed,
            b"done\n" => {
                cx.send(line);
                flow = Flow::Finish;
            }
            b"panic\n" => panic!("as asked"),
            b"deaf\n" => cx.ignore_input(),
            b"wait\n" => cx.pause_input(),
            line => cx.send(line),
        }
        Progress { consumed: end + 1, flow }
    }

    fn on_end(&mut self, (): &mut (), input: &mut [u8], cx: &mut Context<'_>) -> Flow {
        cx.send(input);
        Flow::CloseWhenFlushed
    }

    fn on_drain(&mut self, (): &mut (), _: &mut Context<'_>) -> Flow {
        self.drains += 1;
        Flow::Continue
    }

    fn on_deadline(&mut self, (): &mut (), _: &mut Context<'_>) -> Flow {
        Flow::Close
    }

    fn export(&mut self, (): &mut (), partial: usize, cx: &mut Context<'_>) -> Option<Exported> {
        if partial == STAYS.len() {
            return None;
        }
        cx.send(self.goodbye);
        Some(Exported { state: b"echo".to_vec(), closing_bytes: b"moved\n".to_vec(), turn: 0 })
    }

    fn adopt(&mut self, state: &[u8], _: Instant, cx: &mut Context<'_>) -> Option<((), Flow)> {
        self.ticks.push(cx.token());
        cx.set_established();
        (state == self.reads).then_some(((), Flow::Continue))
    }

    fn on_close(&mut self, (): (), token: Token, why: CloseReason, _: CompactInstant) {
        self.ticks.retain(|&tick| tick != token);
        self.closed.push(why);
    }

    fn on_refuse(&mut self) -> &'static [u8] {
        b"full\n"
    }

    fn is_proxy(&self, peer: Option<IpAddr>) -> bool {
        peer == Some(IpAddr::from([127, 0, 0, PROXY]))
    }

    fn on_mail(&mut self, mail: &'static [u8], turn: &mut Turn<'_, ()>) {
        if let [b'<', limit] = mail {
            return turn
                .configure(Settings { max_per_address: usize::from(*limit) - 1, ..Settings::default() });
        }
        let mut visits = 0;
        turn.visit_each(&self.ticks, |(), cx| {
            visits += 1;
            match mail {
                b"resume" => cx.resume_input(),
                b"soon\n" => cx.set_timeout(LIFE / 10),
                b"panic at the second\n" if visits == 2 => panic!("as asked"),
                mail => cx.send(mail),
            }
            Flow::Continue
        });
    }

    fn on_turn(&mut self, turn: &mut Turn<'_, ()>) -> Wake {
        if let Some((mailboxes, stop)) = self.last_mail.take_if(|_| !self.ticks.is_empty()) {
            mailboxes.send(0, b"last\n");
            turn.stop_all(stop);
        }
        self.told.clone_from(&self.closed);
        if self.is_behind { Wake::Again } else { Wake::Idle }
    }

    fn on_stop(&mut self, (): &mut (), _: Stop, cx: &mut Context<'_>) -> Flow {
        cx.send(b"stop\n");
        Flow::CloseWhenFlushed
    }
}
